//! SQLite: one writer thread with group commit, point reads on the caller's thread, scans on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::job::{Queued, Ran, Shape, deadline, monotonic};
use crate::marks::{self, Mark};
use crate::sql::{Engine, RowOf};
use crate::syncer::{Batch, Dead, Syncer};
use crate::tally::{Counters, Lane};
use crate::wal::Log;
use crate::wal_index::{self, WalIndex};
use crate::{Conn, Error, Result, Row, Sql, State, Tx, Value, migrate, sqlite_file};

/// Jobs that may wait to write, and to look. More is an answer: 503. The room for them is taken at the start.
const QUEUE: usize = 4096;
const SCANS: usize = 1024;
/// Memory of the writer for pages, in KiB. A transaction that changes more writes them to the log again and again.
const WRITER_PAGES: u32 = 16 << 10;
/// Jobs that share one commit, and how long a batch may grow. Batches form by themselves while the one before is worked on.
const BATCH: usize = 256;
const BATCH_AGE: Duration = Duration::from_millis(4);
const SCANNERS: usize = 2;
const BUSY: Duration = Duration::from_secs(5);

/// Bytes of the write-ahead log's file that stay when it begins anew. They are written over, which is cheaper than to let the file grow
/// again.
const LOG_KEEPS: u32 = 24 << 20;

pub(crate) struct Sqlite {
    path: PathBuf,
    writes: Option<Sender<Queued>>,
    scans: Option<Sender<Queued>>,
    points: Mutex<Vec<Connection>>,
    index: Arc<WalIndex>,
    /// Dropped to wake the checkpoint thread from its pause.
    stop: Option<Sender<()>>,
    dead: Dead,
    threads: Vec<JoinHandle<()>>,
    /// The thread that waits for the disk, for which the writer waits in the end.
    syncs: ThreadId,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, counters: Arc<Counters>) -> Result<Self> {
        sqlite_file::make(path);
        let mut writer = connect(path, Access::Write)?;
        // It waits for the disk by itself, or has `syncer.rs` wait: nothing is answered before that.
        let own = format!(
            "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-{WRITER_PAGES}; PRAGMA journal_size_limit={LOG_KEEPS};"
        );
        writer.execute_batch(&own).map_err(error)?;
        let (writes, write_jobs) = bounded(QUEUE);
        let (scans, scan_jobs) = bounded::<Queued>(SCANS);
        let (written, to_copy) = bounded(1);
        let (stop, stopped) = bounded(0);
        let (dead, index) = (Dead::default(), Arc::new(WalIndex::of(path)));
        let log = Arc::new(Log::new(index.clone()));
        wal_index::judge_at_each_commit(&mut writer, &index)?;
        let log_file = sqlite_file::beside(path, "-wal");
        let syncer = Arc::new(Syncer::new(log_file, dead.clone(), counters));
        let (to_sync, committed) = bounded(1);
        let waits = spawn("db-sync", {
            let syncer = syncer.clone();
            move || {
                let _guard = AbortOnPanic;
                syncer.work(&committed);
            }
        })?;
        let syncs = waits.thread().id();
        let mut threads = vec![
            spawn(
                "db-writer",
                Writer {
                    conn: writer,
                    index: index.clone(),
                    log: log.clone(),
                    jobs: write_jobs,
                    written,
                    dead: dead.clone(),
                    syncer,
                    to_sync,
                }
                .work(waits),
            )?,
            spawn("db-checkpoint", {
                let path = path.to_owned();
                move || {
                    let connect = || connect(&path, Access::Write).ok();
                    log.copy_beside_writer(&path, connect, &to_copy, &stopped)
                }
            })?,
        ];
        for _ in 0..SCANNERS {
            let (path, jobs) = (path.to_owned(), scan_jobs.clone());
            threads.push(spawn("db-scan", move || {
                let mut conn = None;
                for job in jobs {
                    scan(&mut conn, &path, job);
                }
            })?);
        }
        let (writes, scans) = (Some(writes), Some(scans));
        let (path, points, stop) = (path.to_owned(), Mutex::new(Vec::new()), Some(stop));
        Ok(Sqlite { path, writes, scans, points, index, stop, dead, threads, syncs })
    }

    pub(crate) fn queue(&self, shape: Shape) -> &Sender<Queued> {
        let queue = match shape {
            Shape::Write | Shape::Schema => &self.writes,
            Shape::Point | Shape::Check | Shape::Scan => &self.scans,
        };
        queue.as_ref().expect("the queues go when the database is dropped, and then nobody can ask")
    }

    /// One statement on the caller's thread: a few microseconds, less than handing it to another thread would take.
    pub(crate) fn point<T, E: From<Error>>(
        &self,
        f: impl Fn(&mut Conn<'_>) -> Result<T, E>,
        counters: &Counters,
    ) -> Result<T, E> {
        let mut answer = None;
        let looked = self.at_point(&mut |conn| answer = Some(f(conn)), counters);
        match (answer, looked) {
            (Some(answer), Ok(())) | (Some(answer @ Err(_)), Err(_)) => answer,
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::broken("nothing was looked up").into()),
        }
    }

    /// The same without the types. An error is the engine's.
    fn at_point(&self, f: &mut dyn FnMut(&mut Conn<'_>), counters: &Counters) -> Result<()> {
        let idle = self.points.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connect(&self.path, Access::Read), Ok)?;
        let mut conn = Conn::for_one_statement(Engine::Lite(&connection));
        f(&mut conn);
        counters.statements(conn.fate.statements);
        counters.read();
        let failed = conn.fate.failed.take();
        // There are never more than there are threads that ask, so the pool needs no bound. A panic drops its own.
        self.points.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        failed.map_or(Ok(()), Err)
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let lane = |name, queue: &Option<Sender<Queued>>| Lane {
            name,
            waiting: queue.as_ref().map_or(0, Sender::len),
            connections: None,
        };
        vec![lane("write", &self.writes), lane("scan", &self.scans)]
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.index.state()
    }

    /// Looks at every page and every index, and writes nothing more from then on when something is wrong. What is larger than
    /// `most` bytes is not looked at, since that would take too long beside people who sign in.
    pub(crate) fn look_inside(&self, most: u64) -> impl FnOnce() -> Result<()> + Send + 'static {
        let (path, dead) = (self.path.clone(), self.dead.clone());
        move || {
            if length(&path) > most {
                return Ok(());
            }
            match sqlite_file::damages(&path)?.first() {
                None => Ok(()),
                Some(damage) => {
                    let why = Error::gone(format!(
                        "its file is damaged, and nothing more is written: {damage}. {}",
                        sqlite_file::REMEDY
                    ));
                    let _ = dead.set(why.clone());
                    Err(why)
                }
            }
        }
    }

    pub(crate) fn health(&self) -> Result<()> {
        self.dead.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Who only looks goes first: the last to close copies the log back, and may only do so if it can write.
        self.points.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.scans = None;
        let scanners = self.threads.split_off(self.threads.len().saturating_sub(SCANNERS));
        scanners.into_iter().for_each(join);
        (self.writes, self.stop) = (None, None);
        if std::thread::current().id() != self.syncs {
            self.threads.drain(..).for_each(join);
        }
    }
}

/// A job may have held the last handle: a thread cannot wait for itself.
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        let _ = thread.join();
    }
}

pub(crate) enum Access {
    Read,
    Write,
}

pub(crate) fn connect(path: &Path, access: Access) -> Result<Connection> {
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let opened = Connection::open_with_flags(path, flags)
        .map_err(|e| Error::refused(format!("cannot open the database {}: {e}", path.display())))?;
    let set = || -> rusqlite::Result<String> {
        opened.busy_timeout(BUSY)?;
        opened.set_prepared_statement_cache_capacity(256);
        opened.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // A statement is planned once, and not anew for every value: planning takes ten times as long as a point read.
        opened.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if matches!(access, Access::Write) {
            // FULL: with NORMAL a power cut may lose the last commits, and a spent code would be good again.
            keep_a_log(&opened)?;
            opened.execute_batch("PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST;")?;
        }
        opened.execute_batch(
            "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0;",
        )?;
        opened.query_row("PRAGMA journal_mode", [], |row| row.get(0))
    };
    match set() {
        Ok(mode) if mode == "wal" => Ok(opened),
        Ok(mode) => Err(Error::refused(format!(
            "the database {} cannot keep a write-ahead log (its journal is {mode}): is it on a network file system?",
            path.display()
        ))),
        Err(e) => Err(Error::refused(format!("cannot use the database {}: {e}", path.display()))),
    }
}

/// Switches to a write-ahead log. Of several that do so to a new file at the same moment, SQLite lets all but one fail rather
/// than wait, since each could be waiting for the other.
fn keep_a_log(opened: &Connection) -> rusqlite::Result<()> {
    let until = deadline(BUSY);
    loop {
        match opened.execute_batch("PRAGMA journal_mode=WAL;") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && monotonic() < until =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

/// A connection that nobody else can have one beside. Refuses a file that somebody has open.
pub(crate) fn connect_alone(path: &Path) -> Result<Connection> {
    // Whoever was killed has left a log, and what is beside it. This tidies up, unless somebody works there.
    drop(connect(path, Access::Write)?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_EXRESCODE).map_err(error)?;
    let lock = || {
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(256);
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // The whole file is locked with the first look into it, until it is closed.
        conn.execute_batch(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;
             PRAGMA temp_store=MEMORY; BEGIN IMMEDIATE; COMMIT;",
        )
    };
    match lock() {
        Ok(()) => Ok(conn),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(Error::refused(format!(
            "a Latchkey has {} open: stop every server and command on it, and run this again",
            path.display()
        ))),
        Err(e) => Err(error(e)),
    }
}

/// The schema of a file, if it is there and one of ours.
pub(crate) fn schema(path: &Path) -> Result<Option<i64>> {
    look_at(path, migrate::version)
}

/// The mark on a file, if it is there and one of ours.
pub(crate) fn mark(path: &Path) -> Result<Option<Mark>> {
    look_at(path, marks::find)
}

/// Looks at the migrations of a file that is not open; `None` when it has none.
fn look_at<T>(path: &Path, look: impl FnOnce(&mut Conn<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let Some(conn) = sqlite_file::open_to_look(path)? else { return Ok(None) };
    let text = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'migrations'";
    match conn.query_row(text, [], |row| row.get(0)) {
        Ok(true) => look(&mut Conn::for_one_statement(Engine::Lite(&conn))),
        Ok(false) => Ok(None),
        Err(e) => Err(Error::refused(format!("cannot open the database {}: {e}", path.display()))),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::broken)
}

struct Writer {
    conn: Connection,
    index: Arc<WalIndex>,
    log: Arc<Log>,
    jobs: Receiver<Queued>,
    written: Sender<()>,
    dead: Dead,
    syncer: Arc<Syncer>,
    to_sync: Sender<Batch>,
}

impl Writer {
    /// In the end it lets go of the database after the last answer.
    fn work(self, syncs: JoinHandle<()>) -> impl FnOnce() + Send {
        move || {
            let _guard = AbortOnPanic;
            while let Ok(first) = self.jobs.recv() {
                self.batch(first);
                let _ = self.written.try_send(());
                if self.log.wants_the_rest() {
                    let _ = self.conn.busy_timeout(Duration::ZERO);
                    self.log.copy_the_rest(&self.conn);
                    let _ = self.conn.busy_timeout(BUSY);
                }
            }
            let Writer { conn, to_sync, .. } = self;
            drop(to_sync);
            join(syncs);
            drop(conn);
        }
    }

    /// Whatever is queued shares one transaction, and so one fsync; each job has a savepoint of its own. Who comes later than that
    /// shares the next one: if all came together, nobody would work while they wait for the disk.
    fn batch(&self, first: Queued) {
        let most = BATCH.min(self.jobs.len() + 1);
        let Some(mut job) = self.ready(first) else { return };
        if let Err(error) = cached(&self.conn, "BEGIN IMMEDIATE") {
            return job.answer(Err(error));
        }
        self.index.begin();
        let mut began = monotonic();
        let end = began + BATCH_AGE;
        let (mut done, mut revokes) = (Vec::new(), false);
        let ended = loop {
            let ran = in_savepoint(&self.conn, &mut job, Tx::new(Conn::new(Engine::Lite(&self.conn))));
            done.push(job);
            match ran {
                Ok((_, revoked)) => revokes |= revoked,
                Err(error) => break Err(error),
            }
            let next = || std::iter::from_fn(|| self.jobs.try_recv().ok()).find_map(|job| self.ready(job));
            match if done.len() < most && monotonic() < end { next() } else { None } {
                Some(next) => job = next,
                None => {
                    self.index.will_revoke(revokes);
                    began = monotonic();
                    break self.commit();
                }
            }
        };
        // A COMMIT that failed may leave the transaction open.
        if ended.is_err() && !self.conn.is_autocommit() {
            let _ = control(&self.conn, "ROLLBACK");
        }
        self.index.end(ended.is_ok());
        let batch = Batch { jobs: done, began };
        match ended {
            Ok(wrote) => self.settle(batch, wrote),
            // That is everybody's answer: "taken" by a neighbor that was rolled back would be a lie.
            Err(error) => self.syncer.answer(batch, &Err(error)),
        }
    }

    /// Has a batch answered once it is on the disk, with all that it may have seen. Whoever is alone waits without another thread.
    fn settle(&self, batch: Batch, wrote: bool) {
        match (self.syncer.is_idle(), wrote) {
            (true, false) => self.syncer.answer(batch, &Ok(())),
            (true, true) if batch.jobs.len() == 1 && self.jobs.is_empty() => self.syncer.settle(vec![batch]),
            _ => {
                self.syncer.awaits_one_more();
                let sent = self.to_sync.send(batch);
                sent.expect("whoever waits for the disk does so until the writer ends");
            }
        }
    }

    fn ready(&self, job: Queued) -> Option<Queued> {
        if let Some(error) = self.dead.get() {
            job.answer(Err(error.clone()));
            return None;
        }
        (!job.is_stale()).then_some(job)
    }

    /// Answers whether anything was written.
    fn commit(&self) -> Result<bool> {
        let before = self.index.commits();
        let committed = self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.raw_execute());
        let Err(failed) = committed else { return Ok(self.index.commits() != before) };
        if failed.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            // After a failed fsync nobody knows what is on the disk: nothing more is written until a restart reads it.
            let _ =
                self.dead.set(Error::gone(format!("writing failed, and nothing more is written: {failed}")));
        }
        Err(error(failed))
    }
}

/// Runs one job in its savepoint, and says what it asks for, and whether what stays of it revokes something. An error means that the
/// whole transaction is gone.
pub(crate) fn in_savepoint(conn: &Connection, job: &mut Queued, mut tx: Tx<'_>) -> Result<(Ran, bool)> {
    cached(conn, "SAVEPOINT job")?;
    let ran = job.run(&mut tx);
    // A full disk, and its like, ends the transaction behind our back.
    if conn.is_autocommit() {
        return Err(Error::broken("the engine ended the transaction"));
    }
    if ran != Ran::Keep {
        cached(conn, "ROLLBACK TO job")?;
    }
    cached(conn, "RELEASE job")?;
    Ok((ran, ran == Ran::Keep && tx.fate.revoked))
}

/// A writer that died would leave everyone waiting; a process that died is started again.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// Each connection reads the whole schema, so a start does not wait for one that nobody needs yet.
fn scan(conn: &mut Option<Connection>, path: &Path, mut job: Queued) {
    if job.is_stale() {
        return;
    }
    let opened = conn.take().map_or_else(|| connect(path, Access::Read), Ok);
    let conn = match opened {
        Ok(opened) => &*conn.insert(opened),
        Err(error) => return job.answer(Err(error)),
    };
    let ended = look(conn, &mut job, Tx::new(Conn::new(Engine::Lite(conn))));
    job.answer(ended);
}

/// Runs one job that only looks: all its statements see one state.
pub(crate) fn look(conn: &Connection, job: &mut Queued, mut tx: Tx<'_>) -> Result<()> {
    control(conn, "BEGIN")?;
    job.run(&mut tx);
    control(conn, "ROLLBACK")
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput::Borrowed, ValueRef};
        Ok(Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Bool(yes) => ValueRef::Integer(i64::from(yes)),
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub(crate) fn each(
    conn: &Connection,
    sql: Sql,
    values: &[Value<'_>],
    read: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = conn.prepare_cached(sql.text()).map_err(error)?;
    bind(&mut statement, values)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(error)? {
        read(&Row(RowOf::Lite(row)))?;
    }
    Ok(())
}

pub(crate) fn execute(conn: &Connection, sql: Sql, values: &[Value<'_>]) -> Result<u64> {
    let mut statement = conn.prepare_cached(sql.text()).map_err(error)?;
    bind(&mut statement, values)?;
    let returns = statement.column_count() > 0;
    let mut rows = statement.raw_query();
    let mut returned = 0;
    while rows.next().map_err(error)?.is_some() {
        returned += 1;
    }
    drop(rows);
    Ok(if returns { returned } else { conn.changes() })
}

fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value<'_>]) -> Result<()> {
    if statement.parameter_count() != values.len() {
        return Err(Error::broken("a statement got another number of parameters than it has"));
    }
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value).map_err(error)?;
    }
    Ok(())
}

pub(crate) fn control(conn: &Connection, text: &str) -> Result<()> {
    conn.execute_batch(text).map_err(error)
}

/// Runs a text that comes again and again, and is prepared once.
pub(crate) fn cached(conn: &Connection, text: &'static str) -> Result<()> {
    let mut statement = conn.prepare_cached(text).map_err(error)?;
    statement.raw_execute().map(|_| ()).map_err(error)
}

pub(crate) fn error(error: rusqlite::Error) -> Error {
    match &error {
        rusqlite::Error::SqliteFailure(failure, _)
            if [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY]
                .contains(&failure.extended_code) =>
        {
            Error::Taken
        }
        // Another process holds the write lock, and held it for five seconds.
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::DatabaseBusy => {
            Error::Overloaded
        }
        _ => Error::broken(error),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::{Db, Time};

    #[tokio::test]
    async fn a_statement_is_planned_once_whatever_its_values_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latchkey.db");
        let _db = Db::open(&format!("sqlite:{}", path.display()), Time::from_millis(0)).await.unwrap();
        let planned = |stable: bool| {
            let conn = connect(&path, Access::Read).unwrap();
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, stable).unwrap();
            const LIVE: Sql = Sql::new(
                "SELECT s.id FROM app_sessions a JOIN sessions s ON s.id = a.session_id JOIN users u ON u.id = s.user_id
                 WHERE a.token_mac = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND u.disabled = FALSE",
            );
            for now in 0..10 {
                each(&conn, LIVE, &["mac".into(), now.into()], &mut |_| Ok(())).unwrap();
            }
            conn.prepare_cached(LIVE.text()).unwrap().get_status(StatementStatus::RePrepare)
        };
        assert_eq!(planned(true), 0);
        assert!(planned(false) > 0, "the setting is not needed any more");
    }
}
