//! Backups: every row of every table in one file that no key is in, read as one state while servers run. What brings one back is in
//! `restore.rs`, how the file is wrapped in `backup/parcel.rs`, and why it is made so in `docs/adr/0018`.

pub mod parcel;
pub(crate) mod rows;

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use store::{Conn, Db, Kind, dump, keys};

use crate::backup::parcel::{Head, Wrapper};
use crate::master_key::{Key, MasterKey};
use crate::vault;
use crate::{Clock, Config, Error, Random, Result};

/// What a backup is made of: a database as it is, not brought up to date, and the key to write it with.
pub struct Source {
    db: Db,
    key: Key,
    schema: i64,
    clock: Clock,
    random: Random,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows of all tables.
    pub rows: u64,
    /// Those of them that are people.
    pub people: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Source {
    /// Opens what is there. Refuses a master key that is not the database's: nobody could open the backup.
    pub async fn open(config: &Config) -> Result<Source> {
        Source::open_with(config, Clock::System, Random::Os).await
    }

    /// The same with another clock and other chance, for tests.
    pub async fn open_with(config: &Config, clock: Clock, random: Random) -> Result<Source> {
        let shown = config.database_shown();
        let schema = match Db::schema(&config.database).map_err(crate::refused)? {
            None => {
                return Err(Error::Refused(format!(
                    "there is no Latchkey at {shown} yet. Say where it is with --data-dir or --database"
                )));
            }
            Some(schema) if schema > Db::SCHEMA => {
                return Err(Error::Refused(format!(
                    "the database has schema {schema}, and this program knows {}: make the backup with the newer Latchkey",
                    Db::SCHEMA
                )));
            }
            Some(schema) if schema < dump::OLDEST => {
                return Err(Error::Refused(format!(
                    "the database has schema {schema}, and backups begin with {}: copy the database itself, and start this \
                     version once",
                    dump::OLDEST
                )));
            }
            Some(schema) => schema,
        };
        let db = Db::open_as_it_is(&config.database).await.map_err(crate::refused)?;
        let key = MasterKey::new(config.master_key.clone(), &config.data_dir).find()?;
        vault::unseal(&db.scan(keys::all).await?, &key, random.clone())?;
        Ok(Source { db, key: vault::backup_key(&key), schema, clock, random })
    }
}

/// Writes everything to `out`, as it is at one moment. `progress` is told how many rows were written. An error leaves `out` without
/// its end, and without that nobody takes it for a backup.
pub async fn write(
    source: &Source,
    out: Box<dyn Write + Send>,
    progress: Box<dyn FnMut(u64) + Send>,
) -> Result<Written> {
    let engine = match source.db.kind() {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
    };
    let (engine, program) = (engine.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let head = Head { at: source.clock.now(), schema: source.schema, engine, program };
    let wrapper = Wrapper::new(out, &source.key, &source.random, &head)?;
    let pen = Mutex::new(Some(Pen { wrapper, progress, rows: 0, people: 0 }));
    let (began, schema) = (AtomicBool::new(false), source.schema);
    let written = source.db.scan(move |conn| {
        // What was written cannot be taken back, so a second run would write it twice.
        if began.swap(true, Ordering::SeqCst) {
            return Err(Error::Busy);
        }
        let pen = pen.lock().ok().and_then(|mut pen| pen.take());
        let mut pen = pen.ok_or_else(|| Error::broken(anyhow::anyhow!("a backup was begun twice")))?;
        pen.all(conn, schema)?;
        let Pen { wrapper, rows, people, .. } = pen;
        Ok(Written { rows, people, bytes: wrapper.end()? })
    });
    written.await
}

/// Whoever writes, and how far that has come.
struct Pen {
    wrapper: Wrapper,
    progress: Box<dyn FnMut(u64) + Send>,
    rows: u64,
    people: u64,
}

impl Pen {
    fn all(&mut self, conn: &mut Conn<'_>, schema: i64) -> Result<()> {
        for table in dump::tables(schema) {
            let columns: Vec<&str> = table.columns().map(|(name, _)| name).collect();
            self.wrapper.line(&json!({ "table": table.name, "columns": columns }).to_string())?;
            let mut page = table.page(conn, None)?;
            while let Some(last) = page.last() {
                for row in &page {
                    self.wrapper.line(&rows::write(row))?;
                }
                self.rows += page.len() as u64;
                self.people += if table.name == "users" { page.len() as u64 } else { 0 };
                (self.progress)(self.rows);
                page = table.page(conn, Some(last))?;
            }
        }
        self.wrapper.line(&json!({ "end": true, "rows": self.rows, "people": self.people }).to_string())
    }
}
