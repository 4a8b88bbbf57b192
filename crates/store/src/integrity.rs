//! Whether a database is whole, as far as that can be told without a key. What its rows say is judged in `auth`.

use std::path::Path;

use crate::{Conn, Db, Kind, Result, dump, migrate, sqlite_file};

/// What is wrong inside the file of a database, read only; nothing for PostgreSQL, which looks after its own.
pub fn of_file(url: &str) -> Result<Vec<String>> {
    match Kind::of(url)? {
        Kind::Sqlite => sqlite_file::damages(Path::new(&url["sqlite:".len()..])),
        Kind::Postgres => Ok(Vec::new()),
    }
}

/// What refers to something that is not there, by table; nothing for PostgreSQL, which lets nobody do that.
pub fn dangling(url: &str) -> Result<Vec<String>> {
    match Kind::of(url)? {
        Kind::Sqlite => sqlite_file::dangling(Path::new(&url["sqlite:".len()..])),
        Kind::Postgres => Ok(Vec::new()),
    }
}

/// What is wrong with the list of migrations that were applied.
pub fn of_schema(conn: &mut Conn<'_>) -> Result<Vec<String>> {
    migrate::judge(conn)
}

/// The tables that every database of a schema has, whose rows can be looked at; the newest that this program knows, when it is newer.
pub fn tables(schema: i64) -> impl Iterator<Item = &'static dump::Table> {
    dump::tables(schema.min(Db::SCHEMA))
}
