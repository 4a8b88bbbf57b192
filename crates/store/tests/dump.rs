//! All rows of all tables: none is forgotten, and what was read can be written elsewhere.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::collections::BTreeMap;

use store::dump::{self, Cell, Type};
use store::scratch::Scratch;
use store::{Db, Error, Kind, Result, Sql, Time, Tx};

const NOW: Time = Time::from_millis(7);

/// What the engine itself says of its tables: their columns, with their types.
async fn schema(scratch: &Scratch) -> BTreeMap<String, Vec<(String, Type)>> {
    drop(scratch.open().await);
    let path = scratch.url().strip_prefix("sqlite:").unwrap().to_owned();
    let conn = rusqlite::Connection::open(path).unwrap();
    let text = "SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
    let mut statement = conn.prepare(text).unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))).unwrap();
    let mut found: BTreeMap<String, Vec<(String, Type)>> = BTreeMap::new();
    for row in rows {
        let (table, column, holds): (String, String, String) = row.unwrap();
        let holds = match holds.as_str() {
            "BIGINT" => Type::Int,
            "BOOLEAN" => Type::Bool,
            _ => Type::Text,
        };
        found.entry(table).or_default().push((column, holds));
    }
    for ours in ["migrations", "migration_steps"] {
        found.remove(ours).unwrap();
    }
    found
}

#[tokio::test]
async fn every_table_and_every_column_is_taken_along() {
    let columns = |table: &dump::Table| {
        let columns = table.columns().map(|(name, holds)| (name.to_owned(), holds));
        let mut columns: Vec<_> = columns.collect();
        columns.sort_by(|one, other| one.0.cmp(&other.0));
        (table.name.to_owned(), columns)
    };
    let listed: BTreeMap<_, _> = dump::tables(Db::SCHEMA).map(columns).collect();
    let mut there = schema(&Scratch::new(Kind::Sqlite)).await;
    for columns in there.values_mut() {
        columns.sort_by(|one, other| one.0.cmp(&other.0));
    }
    assert_eq!(listed, there, "a table or a column that is not in tables.rs would be in no backup");
}

/// As many people as are asked for, and groups in which all of them are.
async fn with_people(db: &Db, people: i64) {
    const USERS: Sql = Sql::new(
        "WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
         INSERT INTO users (id, name, name_key, role, disabled, created_at)
         SELECT CAST(i AS TEXT), 'N' || CAST(i AS TEXT), 'n' || CAST(i AS TEXT), 'user', i = 3, i FROM n",
    );
    const GROUP: Sql =
        Sql::new("INSERT INTO groups (id, name, name_key, created_at) VALUES ('g', 'G', 'g', 1)");
    const MEMBERS: Sql =
        Sql::new("INSERT INTO members (group_id, user_id, joined_at) SELECT 'g', id, 5 FROM users");
    db.write(move |tx| {
        tx.execute(USERS, &[people.into()])?;
        tx.execute(GROUP, &[])?;
        tx.execute(MEMBERS, &[])
    })
    .await
    .unwrap();
}

/// Everything that is there, and the most rows that were in memory at once.
async fn rows(db: &Db) -> (Vec<(String, Vec<Cell>)>, usize) {
    db.scan(|conn| {
        let (mut all, mut most) = (Vec::new(), 0);
        for table in dump::tables(Db::SCHEMA) {
            let mut page = table.page(conn, None)?;
            while let Some(last) = page.last().cloned() {
                most = most.max(page.len());
                all.extend(page.into_iter().map(|row| (table.name.to_owned(), row)));
                page = table.page(conn, Some(&last))?;
            }
        }
        Ok::<_, Error>((all, most))
    })
    .await
    .unwrap()
}

fn write(tx: &mut Tx<'_>, rows: &[(String, Vec<Cell>)]) -> Result<()> {
    let table = |name: &str| dump::tables(Db::SCHEMA).find(|table| table.name == name).unwrap();
    rows.iter().try_for_each(|(name, row)| table(name).insert(tx, row))
}

#[tokio::test]
async fn fifty_thousand_rows_are_read_a_page_at_a_time_and_are_the_same_elsewhere() {
    for (kind, other) in [(Kind::Sqlite, Kind::Postgres), (Kind::Postgres, Kind::Sqlite)] {
        let (here, there) = (Scratch::new(kind), Scratch::new(other));
        let db = here.open().await;
        with_people(&db, 25_000).await;
        let (all, most) = rows(&db).await;
        assert_eq!((all.len(), most), (50_001, 500), "{kind:?}");
        let expected = all.clone();
        Db::found(there.url(), (Db::SCHEMA, NOW), move |tx| write(tx, &all)).await.unwrap();
        let (found, _) = rows(&there.open().await).await;
        assert!(found == expected, "what came from {kind:?} is another thing there");
    }
}

#[tokio::test]
async fn a_place_that_is_not_free_is_not_taken() {
    for scratch in Scratch::both() {
        assert!(Db::is_empty(scratch.url()).unwrap());
        drop(scratch.open().await);
        assert!(!Db::is_empty(scratch.url()).unwrap());
        let refused: Error = Db::found(scratch.url(), (Db::SCHEMA, NOW), |_| Ok(())).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(_)), "{refused}");
    }
}

#[tokio::test]
async fn what_fails_in_the_middle_leaves_nothing() {
    for scratch in Scratch::both() {
        let failed: Error = Db::found(scratch.url(), (Db::SCHEMA, NOW), |tx| {
            write(
                tx,
                &[(
                    "policies".to_owned(),
                    vec![Cell::Text("a".into()), Cell::Text("b".into()), Cell::Int(1)],
                )],
            )?;
            Err::<(), _>(Error::Busy)
        })
        .await
        .unwrap_err();
        assert!(matches!(failed, Error::Busy), "{failed}");
        assert!(Db::is_empty(scratch.url()).unwrap());
        assert_eq!(Db::schema(scratch.url()).unwrap(), None);
        assert_eq!(std::fs::read_dir(scratch.dir()).unwrap().count(), 0, "no file is left");
    }
}

#[tokio::test]
async fn what_was_interrupted_says_so_and_nothing_is_made_beside_it() {
    let scratch = Scratch::new(Kind::Sqlite);
    std::fs::write(scratch.dir().join("latchkey.db.unfinished"), "half").unwrap();
    let refused = [
        Db::open(scratch.url(), NOW).await.map(|_| ()),
        Db::found(scratch.url(), (Db::SCHEMA, NOW), |_| Ok(())).await,
        Db::is_empty(scratch.url()).map(|_| ()),
    ];
    for answer in refused {
        let said = answer.unwrap_err().to_string();
        assert!(said.contains("latchkey.db.unfinished is there") && said.contains("rm "), "{said}");
    }
    assert_eq!(std::fs::read_dir(scratch.dir()).unwrap().count(), 1);
}
