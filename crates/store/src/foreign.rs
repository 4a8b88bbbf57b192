//! Databases of other programs, looked at to take their people along. Never written to, and never trusted.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::{Error, Result};

/// How every SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// No value of the tutorial's is longer; what is longer is there to hurt.
const LONGEST_VALUE: i32 = 1 << 20;
/// A damaged file can name the same page over and over: somewhere it has to end.
const MOST_ROWS: u64 = 5_000_000;

/// A row of the tutorial's table. What is no text is `None`.
pub struct TutorialRow<'a> {
    /// Its `id`; its place in the table, where there is none.
    pub id: u64,
    /// As it was typed.
    pub username: Option<&'a str>,
    /// Base32.
    pub otp_secret: Option<&'a str>,
}

/// Reads the table `user` of a SQLite file that the tutorial's program has made, row by row.
///
/// The file is opened read only, and as one that nobody changes: no lock, no log, no file is made beside it. A file whose
/// program is in the middle of writing is refused, since what is in its log could not be seen.
pub fn tutorial(path: &Path, each: &mut dyn FnMut(TutorialRow<'_>)) -> Result<()> {
    refuse_what_is_no_database(path)?;
    let damaged = |e: rusqlite::Error| Error::refused(format!("{} cannot be read: {e}", path.display()));
    let conn = open(path).map_err(damaged)?;
    let id = match columns(&conn, path)? {
        true => "id",
        false => "NULL",
    };
    // The names come from this line and not from the file.
    let text = format!("SELECT {id}, username, otp_secret FROM \"user\"");
    let mut statement = conn.prepare(&text).map_err(damaged)?;
    let mut rows = statement.raw_query();
    let mut place = 0;
    while let Some(row) = rows.next().map_err(damaged)? {
        place += 1;
        if place > MOST_ROWS {
            return Err(Error::refused(format!("{} has more than {MOST_ROWS} rows", path.display())));
        }
        let id = row.get_ref(0).map_err(damaged)?.as_i64().ok().and_then(|id| u64::try_from(id).ok());
        each(TutorialRow {
            id: id.unwrap_or(place),
            username: text_of(row.get_ref(1).map_err(damaged)?),
            otp_secret: text_of(row.get_ref(2).map_err(damaged)?),
        });
    }
    Ok(())
}

fn text_of(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

/// What SQLite would only say in its own words, or would wait for.
fn refuse_what_is_no_database(path: &Path) -> Result<()> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|e| Error::refused(format!("cannot open {shown}: {e}")))?;
    if !about.is_file() {
        return Err(Error::refused(format!("{shown} is no file")));
    }
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::refused(format!("cannot open {shown}: {e}")))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut start).map_err(Error::broken)?;
    if start != MAGIC {
        return Err(Error::refused(format!(
            "{shown} is no SQLite database. The tutorial's is called users.db, in the folder `instance` beside the program"
        )));
    }
    for log in ["-wal", "-journal"].map(|ending| beside(path, ending)) {
        if std::fs::metadata(&log).is_ok_and(|about| about.len() > 0) {
            return Err(Error::refused(format!(
                "there is {}, so the program that owns this database is writing, or was interrupted. Stop it, open the \
                 database once (`sqlite3 {shown} .tables`), and try again",
                log.display()
            )));
        }
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(uri(path.as_os_str()), flags)?;
    // The file's own code, in views, triggers and expressions, does not run.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    conn.execute_batch("PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA query_only=ON;")?;
    Ok(conn)
}

/// `file:…?mode=ro&immutable=1`, with every byte of the path escaped that could mean something else.
fn uri(path: &OsStr) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?mode=ro&immutable=1"
}

/// Refuses a file without the tutorial's table and columns. True when it has an `id`, too.
fn columns(conn: &Connection, path: &Path) -> Result<bool> {
    let refused = |what: &str| {
        Error::refused(format!(
            "{} {what}. The tutorial's table is called `user`, and has the columns `username` and `otp_secret`",
            path.display()
        ))
    };
    let damaged = |e: rusqlite::Error| Error::refused(format!("{} cannot be read: {e}", path.display()));
    let kind = conn.query_row(
        "SELECT type, substr(coalesce(sql, ''), 1, 14) FROM sqlite_schema WHERE lower(name) = 'user'",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    );
    match kind {
        Ok((kind, made)) if kind == "table" && made.eq_ignore_ascii_case("create virtual") => {
            return Err(refused("has a virtual table `user`, which is a program"));
        }
        Ok((kind, _)) if kind == "table" => {}
        Ok(_) => return Err(refused("has something else than a table under the name `user`")),
        Err(rusqlite::Error::QueryReturnedNoRows) => return Err(refused("has no table `user`")),
        Err(e) => return Err(damaged(e)),
    }
    let mut statement =
        conn.prepare("SELECT lower(name), hidden FROM pragma_table_xinfo('user')").map_err(damaged)?;
    let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
    let found = found.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).map_err(damaged)?;
    // A column that is computed is code, too.
    let has = |wanted: &str| found.iter().any(|(name, hidden)| name == wanted && *hidden == 0);
    for wanted in ["username", "otp_secret"] {
        if !has(wanted) {
            return Err(refused(&format!("has a table `user` without the column `{wanted}`")));
        }
    }
    Ok(has("id"))
}
