//! Looking whether everything is whole: the file, the schema, the keys, every row that is sealed, and the audit log. Reads only, and
//! says of each thing that is wrong what to do.

use std::sync::{Mutex, PoisonError};

use store::dump::{Cell, Table};
use store::{Conn, Db, integrity, keys};

use crate::audit::finding;
use crate::audit::verify::{self, Listener};
use crate::master_key::MasterKey;
use crate::pepper::Peppers;
use crate::vault::{self, Place, Vault};
use crate::{Config, Error, Random, Result, Role};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One word for programs: `file`, `reference`, `schema`, `keys`, `sealed`, `row` or `audit`.
    pub what: &'static str,
    /// What it is.
    pub text: String,
    /// What to do about it, where the text does not say so itself.
    pub remedy: &'static str,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows of all tables.
    pub rows: u64,
    /// Secrets that were opened.
    pub secrets: u64,
    /// Events of the audit log that have a seal.
    pub events: u64,
    /// How many findings there were.
    pub findings: u64,
}

const RESTORE: &str =
    "stop every Latchkey, put the database aside, and bring the last backup back: latchkey restore";
const ROW: &str = "it opens nothing as it is. Bring it back from a backup, or let the person set it up again: latchkey user link NAME";
const LOG: &str = "latchkey audit verify says more; what was changed in the log stays named";

/// Looks at all of it. `found` is told at once what is wrong, and `looked` how many rows were looked at.
pub async fn run(
    config: &Config,
    found: Box<dyn FnMut(&Finding) + Send>,
    looked: Box<dyn FnMut(u64) + Send>,
) -> Result<Report> {
    let mut eye = Eye { found, looked, report: Report::default() };
    let shown = config.database_shown();
    let schema = match Db::schema(&config.database) {
        Ok(Some(schema)) => schema,
        Ok(None) => {
            return Err(Error::Refused(format!(
                "there is no Latchkey at {shown} yet. Say where it is with --data-dir or --database"
            )));
        }
        Err(store::Error::Refused(why)) => {
            // It says itself what to do.
            eye.note("file", why.to_string(), "");
            return Ok(eye.report);
        }
        Err(store::Error::Broken(why)) => {
            eye.note("schema", format!("its list of migrations cannot be read: {why}"), RESTORE);
            return Ok(eye.report);
        }
        Err(other) => return Err(other.into()),
    };
    for damage in integrity::of_file(&config.database)? {
        eye.note("file", damage, RESTORE);
    }
    // What is damaged is not opened to be written, not even for the sake of its log.
    if eye.report.findings > 0 {
        return Ok(eye.report);
    }
    for wrong in integrity::dangling(&config.database)? {
        eye.note("reference", wrong, RESTORE);
    }
    let db = Db::open_as_it_is(&config.database).await.map_err(crate::refused)?;
    for wrong in db.scan(integrity::of_schema).await? {
        eye.note("schema", wrong, "");
    }
    if schema > Db::SCHEMA {
        eye.note(
            "schema",
            format!("it is {schema}, and this program knows {}", Db::SCHEMA),
            "use the newer Latchkey",
        );
        return Ok(eye.report);
    }
    let master = MasterKey::new(config.master_key.clone(), &config.data_dir).find()?;
    let vault = match vault::unseal(&db.scan(keys::all).await?, &master, Random::Os) {
        Ok(vault) => vault,
        Err(error) => {
            eye.note("keys", error.to_string(), RESTORE);
            return Ok(eye.report);
        }
    };
    let eye = of_rows(&db, &vault, schema, eye).await?;
    of_log(&db, &vault, eye).await
}

/// Whoever looks, and what was seen.
struct Eye {
    found: Box<dyn FnMut(&Finding) + Send>,
    looked: Box<dyn FnMut(u64) + Send>,
    report: Report,
}

impl Eye {
    fn note(&mut self, what: &'static str, text: String, remedy: &'static str) {
        self.report.findings += 1;
        (self.found)(&Finding { what, text, remedy });
    }

    fn table(&mut self, conn: &mut Conn<'_>, vault: &Vault, table: &Table) -> Result<()> {
        let mut page = table.page(conn, None)?;
        while let Some(last) = page.last() {
            for row in &page {
                self.row(conn, vault, (table, row))?;
            }
            self.report.rows += page.len() as u64;
            (self.looked)(self.report.rows);
            page = table.page(conn, Some(last))?;
        }
        Ok(())
    }

    fn row(&mut self, conn: &mut Conn<'_>, vault: &Vault, (table, row): (&Table, &[Cell])) -> Result<()> {
        let text = |column: &str| table.place(column).and_then(|place| row[place].text()).unwrap_or_default();
        let place = |column, user, row| Some(Place { table: table.name, column, user, row });
        let sealed = match table.name {
            "registrations" => place("secret", "", text("name_key")),
            "authenticators" => place("secret", text("user_id"), text("id")),
            "enrollments" => place("secret", text("user_id"), text("user_id")),
            "recovery_sheets" => place("codes", text("user_id"), text("user_id")),
            _ => None,
        };
        if let Some(place) = sealed {
            self.report.secrets += 1;
            match vault.open_sealed(conn, place, text(place.column)) {
                Ok(_) => {}
                Err(error) if error.tampered().is_some() => {
                    let whose = format!(
                        "what is sealed in {}.{} of {} does not open",
                        table.name, place.column, place.row
                    );
                    self.note("sealed", whose, ROW);
                }
                Err(error) => return Err(error),
            }
        }
        if table.name == "users" {
            let (name, password) = (crate::plain::line(text("name")), text("password"));
            let knows = |stored: &str| Peppers::id_of(stored).is_some_and(|id| vault.peppers().knows(&id));
            if !password.is_empty() && !knows(password) {
                self.note("row", format!("the password of {name} is no hash that can be compared with"), ROW);
            }
            if text("role").parse::<Role>().is_err() {
                self.note("row", format!("the role of {name} is none"), "latchkey user role NAME user");
            }
        }
        Ok(())
    }
}

/// Looks at every row of every table, in one state.
async fn of_rows(db: &Db, vault: &Vault, schema: i64, eye: Eye) -> Result<Eye> {
    let (vault, once) = (vault.clone(), Mutex::new(Some(eye)));
    db.scan(move |conn| {
        // What was said cannot be taken back, so nothing is looked at twice.
        let eye = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut eye = eye.ok_or(Error::Busy)?;
        for table in integrity::tables(schema) {
            eye.table(conn, &vault, table)?;
        }
        Ok(eye)
    })
    .await
}

async fn of_log(db: &Db, vault: &Vault, eye: Eye) -> Result<Report> {
    let mut report = eye.report;
    let mut tell = eye.found;
    let found = Box::new(move |what: &finding::Finding| {
        tell(&Finding { what: "audit", text: what.to_string(), remedy: LOG });
    });
    let listener = Listener { found, looked: Box::new(|_| {}) };
    let log = verify::run_over((db, vault), None, listener).await?;
    report.findings += log.findings;
    report.events = log.events;
    Ok(report)
}
