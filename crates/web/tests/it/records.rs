//! The database as an operator sees it, behind the site's back: every row of every table, and changes by hand.

use std::collections::BTreeMap;

use store::{Db, Kind, Sql};

use crate::world::World;

/// An open database, to look at and to meddle with.
pub(crate) struct Records(Db);

/// Every row of every table as text, in the order of the text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Dump(BTreeMap<String, Vec<String>>);

impl World {
    pub(crate) async fn records(&self) -> Records {
        Records(self.db().await)
    }

    /// Everything that the database holds.
    pub(crate) async fn dump(&self) -> Dump {
        self.records().await.dump().await
    }
}

impl Records {
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind()
    }

    pub(crate) async fn dump(&self) -> Dump {
        let columns = match self.kind() {
            Kind::Sqlite => {
                "SELECT t.name || ' ' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
            }
            Kind::Postgres => {
                "SELECT table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
            }
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in self.texts(columns).await {
            let (table, column) = pair.split_once(' ').expect("a table and a column");
            let shown = format!("'{column}=' || coalesce(CAST({column} AS TEXT), '-')");
            tables.entry(table.to_owned()).or_default().push(shown);
        }
        let mut dump = BTreeMap::new();
        for (table, shown) in tables {
            let mut rows = self.texts(&format!("SELECT {} FROM {table}", shown.join(" || ' | ' || "))).await;
            rows.sort();
            dump.insert(table, rows);
        }
        assert!(dump.len() > 12, "tables are missing: {:?}", dump.keys());
        Dump(dump)
    }

    /// The first column of every row.
    pub(crate) async fn texts(&self, statement: &str) -> Vec<String> {
        let statement = sql(statement);
        self.0.scan(move |conn| conn.all(statement, &[], |row| row.text(0))).await.unwrap()
    }

    /// The one number that is asked for.
    pub(crate) async fn number(&self, statement: &str) -> i64 {
        let statement = sql(statement);
        self.0.scan(move |conn| conn.one(statement, &[], |row| row.int(0))).await.unwrap().expect("a row")
    }

    /// Changes something, and answers how many rows.
    pub(crate) async fn change(&self, statement: &str) -> u64 {
        let statement = sql(statement);
        self.0.write(move |tx| tx.execute(statement, &[])).await.unwrap()
    }

    /// From now on every insert into `table` of a row that `holds` is refused by the engine.
    pub(crate) async fn refuse_inserts(&self, table: &str, holds: &str) {
        match self.kind() {
            Kind::Sqlite => {
                let body = format!("WHEN {holds} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
                self.change(&format!("CREATE TRIGGER refuse BEFORE INSERT ON {table} {body}")).await;
            }
            Kind::Postgres => {
                self.change(
                    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN RAISE EXCEPTION ''refused by the test''; END'",
                )
                .await;
                let body = format!("FOR EACH ROW WHEN ({holds}) EXECUTE FUNCTION refuse()");
                self.change(&format!("CREATE TRIGGER refuse BEFORE INSERT ON {table} {body}")).await;
            }
        }
    }

    /// The engine takes them again.
    pub(crate) async fn take_inserts(&self, table: &str) {
        let on = if self.kind() == Kind::Postgres { format!(" ON {table}") } else { String::new() };
        self.change(&format!("DROP TRIGGER refuse{on}")).await;
    }

    /// Puts `last_step` back after each update, so that spending a step always succeeds: the weakened product.
    pub(crate) async fn forget_spent_steps(&self) {
        match self.kind() {
            Kind::Sqlite => {
                self.change(
                    "CREATE TRIGGER forget AFTER UPDATE OF last_step ON authenticators BEGIN
                     UPDATE authenticators SET last_step = OLD.last_step WHERE id = OLD.id; END",
                )
                .await;
            }
            Kind::Postgres => {
                self.change(
                    "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN NEW.last_step := OLD.last_step; RETURN NEW; END'",
                )
                .await;
                self.change(
                    "CREATE TRIGGER forget BEFORE UPDATE ON authenticators FOR EACH ROW EXECUTE FUNCTION forget()",
                )
                .await;
            }
        }
    }

    /// Puts each row back that is taken from this table: what is spent can be spent again.
    pub(crate) async fn put_back(&self, table: &str) {
        let columns = match self.kind() {
            Kind::Sqlite => self.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await,
            Kind::Postgres => Vec::new(),
        };
        let old: Vec<String> = columns.iter().map(|column| format!("OLD.{column}")).collect();
        self.trigger(&Trigger {
            name: "put_back",
            when: format!("AFTER DELETE ON {table}"),
            sqlite: format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), old.join(", ")),
            postgres: format!("INSERT INTO {table} SELECT OLD.*; RETURN NULL"),
        })
        .await;
    }

    /// Gives each new row of this table the value of another column for the key by which names are compared, so that no two
    /// are the same.
    pub(crate) async fn forget_names(&self, table: &str, unique: &str) {
        let sqlite = self.kind() == Kind::Sqlite;
        self.trigger(&Trigger {
            name: "forget_names",
            when: format!("{} INSERT ON {table}", if sqlite { "AFTER" } else { "BEFORE" }),
            sqlite: format!("UPDATE {table} SET name_key = {unique} WHERE {unique} = NEW.{unique}"),
            postgres: format!("NEW.name_key := NEW.{unique}; RETURN NEW"),
        })
        .await;
    }

    /// From now on no budget ever rests.
    pub(crate) async fn never_rest(&self) {
        let sqlite = self.kind() == Kind::Sqlite;
        self.trigger(&Trigger {
            name: "never_rest",
            when: format!("{} UPDATE ON attempts", if sqlite { "AFTER" } else { "BEFORE" }),
            sqlite: "UPDATE attempts SET failures = 1, free_at = 0 WHERE name_mac = NEW.name_mac".to_owned(),
            postgres: "NEW.failures := 1; NEW.free_at := 0; RETURN NEW".to_owned(),
        })
        .await;
    }

    async fn trigger(&self, trigger: &Trigger) {
        let Trigger { name, when, sqlite, postgres } = trigger;
        match self.kind() {
            Kind::Sqlite => {
                self.change(&format!("CREATE TRIGGER {name} {when} BEGIN {sqlite}; END")).await;
            }
            Kind::Postgres => {
                let body = format!("LANGUAGE plpgsql AS 'BEGIN {postgres}; END'");
                self.change(&format!("CREATE FUNCTION {name}() RETURNS trigger {body}")).await;
                let each = format!("FOR EACH ROW EXECUTE FUNCTION {name}()");
                self.change(&format!("CREATE TRIGGER {name} {when} {each}")).await;
            }
        }
    }
}

/// What the engine does behind the product's back.
struct Trigger {
    name: &'static str,
    when: String,
    sqlite: String,
    postgres: String,
}

/// A statement that is made up as the test runs. Tests are short, so what they leak is little.
fn sql(statement: &str) -> Sql {
    Sql::new(String::leak(statement.to_owned()))
}

impl Dump {
    /// The rows of one table.
    pub(crate) fn rows(&self, table: &str) -> &[String] {
        &self.0[table]
    }

    /// All but these tables.
    pub(crate) fn tables(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub(crate) fn without(mut self, tables: &[&str]) -> Dump {
        for table in tables {
            self.0.remove(*table).expect("there is such a table");
        }
        self
    }

    /// All rows as one text.
    pub(crate) fn text(&self) -> String {
        self.0
            .iter()
            .flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}: {row}\n")))
            .collect()
    }

    /// Nothing was written between `earlier` and this.
    #[track_caller]
    pub(crate) fn is_still(&self, earlier: &Dump) {
        let differ = |one: &Dump, other: &Dump| {
            let theirs = other.text();
            one.text().lines().filter(|row| !theirs.contains(row)).collect::<Vec<_>>().join("\n")
        };
        assert!(
            self == earlier,
            "something was written.\nbefore:\n{}\nafter:\n{}",
            differ(earlier, self),
            differ(self, earlier)
        );
    }
}
