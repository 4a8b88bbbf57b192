//! SQLite's file as others see it: whether its place is free, whether it is whole as far as that shows from outside, and how a new
//! one takes its place only when it is finished. What happens inside is in `sqlite.rs`.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{Error, Result};

/// How long somebody else may be at the file.
const BUSY: Duration = Duration::from_secs(5);
/// How every SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// What stands in the head of a file that is of interest: up to the version of its user.
const HEAD: usize = 64;
/// Of the log of a database: its own head, and the head of each page in it.
const LOG_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;
/// Of the index of the log: its head stands there twice, and then how much of the log was copied back.
const INDEX: usize = 100;

/// What to do about a file that is damaged.
pub(crate) const REMEDY: &str = "Nothing was changed. Stop every Latchkey, put the file aside with those beside it whose names end in -wal and -shm, \
                      and bring the last backup back (latchkey restore)";

/// Makes the file, if there is none, for its owner alone. SQLite gives the files beside it the same mode.
///
/// It is made under another name and has its first page when it gets its own, so that an empty one is never ours.
pub(crate) fn make(path: &Path) {
    if path.exists() {
        return;
    }
    let draft = beside(path, &format!(".{}.{:?}", std::process::id(), std::thread::current().id()));
    let new = || fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
    let begin = || {
        let conn = Connection::open_with_flags(&draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))
    };
    // What stands in the way of it stands in the way of opening it, too, which says what it is.
    if new().is_ok() {
        let _ = begin();
        let _ = fs::hard_link(&draft, path);
    }
    let _ = fs::remove_file(&draft);
}

/// Whether nothing is at this place, not even what an interrupted restore has left.
pub(crate) fn is_free(path: &Path) -> Result<bool> {
    refuse_unfinished(path)?;
    Ok(!["", "-wal", "-shm"].iter().any(|ending| beside(path, ending).exists()))
}

/// Refuses what is no database of ours, or does not look whole. A file that is not there yet is none of both.
pub(crate) fn refuse_damaged(path: &Path) -> Result<()> {
    open_to_look(path).map(drop)
}

/// The same, with a connection to look further; `None` where no file is.
pub(crate) fn open_to_look(path: &Path) -> Result<Option<Connection>> {
    let shown = path.display();
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return refuse_unfinished(path).map(|()| None);
        }
        Err(e) => return Err(Error::refused(format!("cannot open the database {shown}: {e}"))),
    };
    if !about.is_file() {
        return Err(Error::refused(format!("the database {shown} is no file: is something else meant?")));
    }
    let damaged = |what: &str| Err(Error::refused(format!("the database {shown} {what}. {REMEDY}")));
    if about.len() == 0 {
        return damaged("is empty: it has 0 bytes, and a database is never that short");
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.map_err(|e| Error::refused(format!("cannot read the database {shown}: {e}")))?;
    let Some(head) = head.first_chunk::<HEAD>().filter(|head| head.starts_with(MAGIC)) else {
        return damaged("is no SQLite database: it does not begin like one");
    };
    if number(head, 60) != Some(0) {
        return damaged("has the number of another program in it (its user_version is not 0)");
    }
    if lost_log(path) {
        return damaged(
            "has lost what was committed last: the file beside it whose name ends in -wal was cut off",
        );
    }
    open_ours(path).map(Some)
}

/// Refuses a file whose tables cannot be read, or are none of ours.
fn open_ours(path: &Path) -> Result<Connection> {
    let shown = path.display();
    let look = || -> rusqlite::Result<(Connection, i64, i64)> {
        // Not as we work with it: a copy that somebody has put there keeps no log yet.
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        conn.busy_timeout(BUSY)?;
        let all = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let ours = "SELECT count(*) FROM pragma_table_info('migrations') WHERE name IN ('version', 'checksum', 'applied_at')";
        let of_ours = conn.query_row(ours, [], |row| row.get(0))?;
        Ok((conn, all, of_ours))
    };
    match look() {
        Ok((conn, 0, _) | (conn, _, 3)) => Ok(conn),
        Ok(_) => Err(Error::refused(format!(
            "the database {shown} is of another program: it has tables, and none of them says that they are Latchkey's. Name \
             another one (--database, --data-dir), or put this one aside"
        ))),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(Error::refused(format!(
            "the database {shown} is locked by a program that lets nobody else in, as `latchkey migrate-db` does: wait for its end"
        ))),
        Err(e) => Err(Error::refused(format!("the database {shown} is damaged: {e}. {REMEDY}"))),
    }
}

/// Whether nothing is at this place, or a file in which there is no table yet.
pub(crate) fn has_no_tables(path: &Path) -> Result<bool> {
    if is_free(path)? {
        return Ok(true);
    }
    refuse_damaged(path)?;
    let conn =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(crate::sqlite::error)?;
    conn.busy_timeout(BUSY).map_err(crate::sqlite::error)?;
    is_without_tables(&conn).map_err(crate::sqlite::error)
}

/// Whether there is no table in a file that is open.
pub(crate) fn is_without_tables(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// What is wrong inside a file: pages that are none, and rows that are in no index. At most a hundred.
pub(crate) fn damages(path: &Path) -> Result<Vec<String>> {
    look_inside(path, |conn| {
        let mut statement = conn.prepare("PRAGMA integrity_check(100)")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        lines.filter(|line| line.as_ref().map_or(true, |line| line != "ok")).collect()
    })
}

/// What refers to nothing, by table.
pub(crate) fn dangling(path: &Path) -> Result<Vec<String>> {
    look_inside(path, |conn| {
        let text = "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 LIMIT 100";
        let mut statement = conn.prepare(text)?;
        let lines = statement.query_map([], |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("in {table}, {} refer to what is not in {parent}", row.get::<_, i64>(2)?))
        })?;
        lines.collect()
    })
}

fn look_inside(
    path: &Path,
    look: impl FnOnce(&Connection) -> rusqlite::Result<Vec<String>>,
) -> Result<Vec<String>> {
    let open = || {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        conn.busy_timeout(BUSY)?;
        look(&conn)
    };
    // What SQLite cannot even look through is damaged, too.
    match open() {
        Ok(found) => Ok(found),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(Error::Overloaded),
        Err(e) => Ok(vec![e.to_string()]),
    }
}

/// Writes a copy as it is at one moment, while others work there. The file is there already, and empty, so that it has the right mode.
pub(crate) fn copy(path: &Path, to: &Path) -> Result<()> {
    let failed = |e: rusqlite::Error| {
        Error::refused(format!("a copy of the database cannot be written to {}: {e}", to.display()))
    };
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    conn.busy_timeout(BUSY).map_err(failed)?;
    let name = to
        .to_str()
        .ok_or_else(|| Error::refused(format!("{} is no name that SQLite takes", to.display())))?;
    // Left by somebody who was killed here.
    for ending in ["-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(beside(to, ending));
    }
    conn.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    // As every program of ours expects to find one.
    let copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    copy.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(())).map_err(failed)?;
    copy.close().map_err(|(_, e)| failed(e))?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|e| Error::refused(format!("cannot write {}: {e}", to.display())))
}

fn refuse_unfinished(path: &Path) -> Result<()> {
    let draft = beside(path, UNFINISHED);
    if !draft.exists() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{0} is there: a database is being restored, or that was interrupted. If no `latchkey restore` is running, remove it \
         (rm {0}*) and restore once more",
        draft.display()
    )))
}

/// Whether the log of a database is shorter than what was committed to it: the index beside it, which is there while somebody has the
/// database open and after a crash, says how much that is.
fn lost_log(path: &Path) -> bool {
    // Somebody may be writing: what is said twice, and once more after the log was looked at, has held meanwhile.
    let index = beside(path, "-shm");
    let Some(before) = committed(&index) else { return false };
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    log < before && committed(&index) == Some(before)
}

/// How long the log has to be at least, where something of it is not copied back.
fn committed(index: &Path) -> Option<u64> {
    let mut bytes = Vec::new();
    File::open(index).and_then(|file| file.take(INDEX as u64).read_to_end(&mut bytes)).ok()?;
    let index = bytes.first_chunk::<INDEX>()?;
    // What follows is as this machine writes numbers: version, change, state, size of a page, pages in the log.
    let native = |at: usize| index[at..].first_chunk().map(|four| u32::from_ne_bytes(*four));
    let page = index[14..].first_chunk().map(|two| u16::from_ne_bytes(*two))?;
    let page = if page == 1 { 65_536 } else { u64::from(page) };
    let (pages, copied) = (native(16)?, native(96)?);
    let is_head = native(0)? == 3_007_000 && index[..48] == index[48..96] && page >= 512;
    let waits = is_head && copied < pages;
    waits.then(|| LOG_HEAD + u64::from(pages) * (page + FRAME_HEAD))
}

/// A number in the head of a file.
fn number(head: &[u8; HEAD], at: usize) -> Option<u32> {
    head[at..].first_chunk().map(|four| u32::from_be_bytes(*four))
}

pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// What the name of a file ends in that is not finished.
const UNFINISHED: &str = ".unfinished";

/// A place where a database is being made, in a file beside it. Dropped before it is taken, that file goes.
pub(crate) struct Site {
    path: PathBuf,
    draft: PathBuf,
}

impl Site {
    /// Refuses a place that is not free.
    pub(crate) fn new(path: &Path) -> Result<Site> {
        if !is_free(path)? {
            return Err(Error::refused(format!("there is a file at {} already", path.display())));
        }
        Ok(Site { path: path.to_owned(), draft: beside(path, UNFINISHED) })
    }

    /// The file that is being made.
    pub(crate) fn draft(&self) -> std::path::Display<'_> {
        self.draft.display()
    }

    /// Puts the file in its place, if that is still free. It has been closed.
    pub(crate) fn take(self) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::refused(format!("the database cannot take its place {}: {e}", self.path.display()))
        };
        // Whoever closes last copies the log back. What is left of it would stay behind.
        if fs::metadata(beside(&self.draft, "-wal")).is_ok_and(|log| log.len() > 0) {
            return Err(Error::broken("the log of the new database was not copied back"));
        }
        File::open(&self.draft).and_then(|file| file.sync_all()).map_err(failed)?;
        // A rename would put it over what somebody has made there meanwhile.
        fs::hard_link(&self.draft, &self.path).map_err(failed)?;
        let _ = fs::remove_file(&self.draft);
        let around = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(around).and_then(|dir| dir.sync_all()).map_err(failed)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.draft, ending));
        }
    }
}
