//! PostgreSQL: threads that own one connection each, in three lanes, so that what is asked before every request to a program never waits
//! behind who signs in, and reads never behind writes. One thread more hears of revocations.
//!
//! `READ COMMITTED` is enough, since every one-time thing is spent by one conditional statement. What the engine cannot
//! serialize is run again; what was lost in a COMMIT is not, for nobody knows whether it happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio_postgres::config::TargetSessionAttrs;

use crate::job::{Queued, Ran, Shape, monotonic};
use crate::link::Link;
use crate::marks::{self, Mark};
use crate::revocations::{self, Hearing};
use crate::sql::Engine;
use crate::tally::{Counted, Counters};
use crate::tls::{self, Server};
use crate::{Conn, Error, Result, Sql, State, Time, Tx, migrate, tally};

const QUEUE: usize = 4096;
const WRITERS: usize = 8;
const READERS: usize = 4;
const CHECKERS: usize = 4;
/// How often a job is run that the engine could not serialize.
const RUNS: u32 = 6;
const BACK_OFF: Duration = Duration::from_millis(100);

pub(crate) struct Postgres {
    writes: Option<Sender<Queued>>,
    reads: Option<Sender<Queued>>,
    checks: Option<Sender<Queued>>,
    threads: Vec<JoinHandle<()>>,
    /// Connections that are open, of each lane.
    open: [Arc<AtomicUsize>; 3],
    hearing: Arc<Hearing>,
    /// Ends whoever hears of revocations by being dropped.
    ears: Option<Sender<()>>,
}

impl Postgres {
    pub(crate) fn open(url: &str, counters: &Arc<Counters>) -> Result<Self> {
        let server = server(url)?;
        let open = [(); 3].map(|()| Arc::<AtomicUsize>::default());
        let hearing = Arc::<Hearing>::default();
        let (writes, write_jobs) = bounded(QUEUE);
        let (reads, read_jobs) = bounded(QUEUE);
        let (checks, check_jobs) = bounded(QUEUE);
        let mut threads = Vec::new();
        let lanes = [
            (Lane::Write, WRITERS, write_jobs),
            (Lane::Read, READERS, read_jobs),
            (Lane::Check, CHECKERS, check_jobs),
        ];
        for ((lane, count, jobs), open) in lanes.into_iter().zip(&open) {
            for _ in 0..count {
                let worker = Worker {
                    server: server.clone(),
                    lane,
                    jobs: jobs.clone(),
                    link: None,
                    open: open.clone(),
                    counters: counters.clone(),
                    hearing: hearing.clone(),
                };
                let spawned =
                    std::thread::Builder::new().name(format!("db-{}", lane.name())).spawn(|| worker.work());
                threads.push(spawned.map_err(Error::broken)?);
            }
        }
        let (ears, closed) = bounded(0);
        let listener = Listener { server, closed, hearing: hearing.clone() };
        let spawned = std::thread::Builder::new().name("db-hears".to_owned()).spawn(|| listener.listen());
        threads.push(spawned.map_err(Error::broken)?);
        let (writes, reads, checks) = (Some(writes), Some(reads), Some(checks));
        Ok(Postgres { writes, reads, checks, threads, open, hearing, ears: Some(ears) })
    }

    pub(crate) fn lanes(&self) -> Vec<tally::Lane> {
        let lane = |name, queue: &Option<Sender<Queued>>, open: &AtomicUsize| tally::Lane {
            name,
            waiting: queue.as_ref().map_or(0, Sender::len),
            connections: Some(open.load(Ordering::Relaxed)),
        };
        let [write, read, check] = &self.open;
        vec![
            lane(Lane::Write.name(), &self.writes, write),
            lane(Lane::Read.name(), &self.reads, read),
            lane(Lane::Check.name(), &self.checks, check),
        ]
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.hearing.state()
    }

    pub(crate) fn queue(&self, shape: Shape) -> &Sender<Queued> {
        let queue = match shape {
            Shape::Write | Shape::Schema => &self.writes,
            Shape::Point | Shape::Scan => &self.reads,
            Shape::Check => &self.checks,
        };
        queue.as_ref().expect("the queues go when the database is dropped, and then nobody can ask")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        (self.writes, self.reads, self.checks, self.ears) = (None, None, None, None);
        for thread in self.threads.drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Read,
    Write,
    Check,
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Lane::Read => "read",
            Lane::Write => "write",
            Lane::Check => "check",
        }
    }
}

fn server(url: &str) -> Result<Server> {
    let mut server = tls::server(url)?;
    let config = &mut server.config;
    config
        .connect_timeout(Duration::from_secs(3))
        .tcp_user_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(30))
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("latchkey");
    }
    Ok(server)
}

/// The schema of a database, if one of ours is in it.
pub(crate) fn schema(url: &str) -> Result<Option<i64>> {
    look_at(url, |conn| if is_there(conn)? { migrate::version(conn) } else { Ok(None) })
}

/// Whether the table of migrations is there.
pub(crate) fn is_there(conn: &mut Conn<'_>) -> Result<bool> {
    // Statements that only PostgreSQL understands stand in this file: `CREATE TABLE IF NOT EXISTS` would make the table.
    const IS_THERE: Sql = Sql::new("SELECT to_regclass('migrations') IS NOT NULL");
    Ok(conn.one(IS_THERE, &[], |row| row.bool(0))? == Some(true))
}

/// Whether a database has no table at all where ours would be.
pub(crate) fn is_empty(url: &str) -> Result<bool> {
    look_at(url, |conn| {
        const TABLES: Sql =
            Sql::new("SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()");
        Ok(conn.one(TABLES, &[], |row| row.int(0))? == Some(0))
    })
}

/// The mark on a database that is not open, if one of ours is in it.
pub(crate) fn mark(url: &str) -> Result<Option<Mark>> {
    look_at(url, |conn| if is_there(conn)? { marks::find(conn) } else { Ok(None) })
}

/// A connection of its own, for whoever needs no lanes.
pub(crate) fn link(url: &str) -> Result<Link> {
    open(&server(url)?, Lane::Write).map_err(away)
}

/// How many other connections there are to this database that call themselves as this one does.
pub(crate) fn others(conn: &mut Conn<'_>) -> Result<i64> {
    const OTHERS: Sql = Sql::new(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND application_name = current_setting('application_name')",
    );
    Ok(conn.one(OTHERS, &[], |row| row.int(0))?.unwrap_or_default())
}

/// Looks at a database that is not open.
fn look_at<T: Send + 'static>(
    url: &str,
    look: impl FnOnce(&mut Conn<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let server = server(url)?;
    let look = move || {
        let mut link = open(&server, Lane::Read).map_err(away)?;
        look(&mut Conn::new(Engine::Pg(&mut link)))
    };
    // On a thread of its own: the client brings a runtime, and one cannot start within another.
    std::thread::spawn(look).join().unwrap_or_else(|_| Err(Error::broken("looking at the database panicked")))
}

/// A connection as a lane has it.
fn open(server: &Server, lane: Lane) -> Result<Link> {
    let mut link = Link::open(server)?;
    link.control(
        "SET statement_timeout = 5000; SET lock_timeout = 3000; SET idle_in_transaction_session_timeout = 10000;
         SET synchronous_commit = on; SET standard_conforming_strings = on;",
    )?;
    if lane != Lane::Write {
        link.control("SET default_transaction_read_only = on")?;
    }
    Ok(link)
}

/// What came of one run of a job.
enum Outcome {
    Ended(Result<()>),
    /// Undone by the engine, certainly: may run again.
    Again,
    /// The connection was gone before the first statement.
    NeverRan(Error),
}

struct Worker {
    server: Server,
    lane: Lane,
    jobs: Receiver<Queued>,
    link: Option<Link>,
    open: Arc<AtomicUsize>,
    counters: Arc<Counters>,
    hearing: Arc<Hearing>,
}

impl Worker {
    fn work(mut self) {
        while let Ok(job) = self.jobs.recv() {
            self.serve(job);
        }
    }

    fn serve(&mut self, mut job: Queued) {
        let (mut runs, mut fresh) = (0, false);
        while !job.is_stale() {
            match self.attempt(&mut job) {
                Outcome::Ended(result) => return job.answer(result),
                Outcome::Again if runs + 1 < RUNS => {
                    runs += 1;
                    std::thread::sleep(Duration::from_millis(5) * 2u32.pow(runs));
                }
                Outcome::Again => return job.answer(Err(Error::Busy)),
                Outcome::NeverRan(error) => {
                    self.link = None;
                    if std::mem::replace(&mut fresh, true) {
                        return job.answer(Err(error));
                    }
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    }

    fn attempt(&mut self, job: &mut Queued) -> Outcome {
        if self.link.as_ref().is_none_or(|link| link.is_closed()) {
            match open(&self.server, self.lane) {
                Ok(link) => self.link = Some(link.counted(Counted::new(&self.open))),
                Err(error) => return Outcome::NeverRan(away(error)),
            }
        }
        let link = self.link.as_mut().expect("opened just above");
        let outcome = match job.shape() {
            Shape::Point | Shape::Check => point(link, job),
            Shape::Scan => transaction(link, job, ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", None)),
            Shape::Write => transaction(link, job, ("BEGIN", Some((&self.counters, &self.hearing)))),
            // A migration may take its time.
            Shape::Schema => {
                let begin = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
                transaction(link, job, (begin, Some((&self.counters, &self.hearing))))
            }
        };
        if matches!(outcome, Outcome::Ended(Err(_))) {
            // Whatever state the connection is in, nobody else shall find it.
            self.link = None;
        }
        outcome
    }
}

/// A single read needs no transaction around it, and may be asked again when the connection had died in the meantime.
fn point(link: &mut Link, job: &mut Queued) -> Outcome {
    let mut tx = Tx::new(Conn::for_one_statement(Engine::Pg(link)));
    match job.run(&mut tx) {
        Ran::Again => Outcome::Again,
        Ran::Keep | Ran::Undo if tx.fate.lost => Outcome::NeverRan(Error::gone("the connection was lost")),
        Ran::Keep | Ran::Undo => Outcome::Ended(Ok(())),
    }
}

/// Who is told of a transaction that writes.
type Told<'a> = (&'a Arc<Counters>, &'a Hearing);

/// Runs a job in a transaction that begins so.
fn transaction(link: &mut Link, job: &mut Queued, (begin, told): (&str, Option<Told<'_>>)) -> Outcome {
    if let Err(error) = link.control(begin) {
        return Outcome::NeverRan(away(error));
    }
    let mut tx = Tx::new(Conn::new(Engine::Pg(link)));
    let ran = job.run(&mut tx);
    if tx.fate.lost {
        return Outcome::Ended(Err(Error::gone("the connection was lost")));
    }
    let revoked = tx.fate.revoked;
    match ran {
        Ran::Keep => {
            // The last thing of all, so that others wait for the row no longer than a COMMIT takes.
            match if revoked { link.execute(revocations::RAISE, &[]).map(drop) } else { Ok(()) } {
                Ok(()) => commit(link, told.map(|(counters, hearing)| (counters, hearing, revoked))),
                Err(Error::Busy) => undo(link, true),
                Err(error) => Outcome::Ended(Err(error)),
            }
        }
        Ran::Undo | Ran::Again => undo(link, ran == Ran::Again),
    }
}

fn commit(link: &mut Link, told: Option<(&Arc<Counters>, &Hearing, bool)>) -> Outcome {
    let began = monotonic();
    let committed = link.control("COMMIT");
    if let Some((counters, hearing, revoked)) = told {
        match &committed {
            Ok(()) => counters.committed(1, began.elapsed()),
            Err(Error::Busy) => {}
            Err(_) => counters.commit_failed(),
        }
        // Before the answer leaves; and whatever it is, since what was lost on the way may have been done.
        if revoked {
            hearing.revoked();
        }
    }
    match committed {
        // The engine says that it undid everything, so this one is not ambiguous.
        Err(Error::Busy) => Outcome::Again,
        ended => Outcome::Ended(ended),
    }
}

fn undo(link: &mut Link, again: bool) -> Outcome {
    // Why it is undone is known already.
    let _ = link.settle();
    match link.control("ROLLBACK") {
        Ok(()) if again => Outcome::Again,
        ended => Outcome::Ended(ended),
    }
}

/// Reads the number of revocations while somebody goes by it.
struct Listener {
    server: Server,
    /// Nothing is ever sent: it ends with the database.
    closed: Receiver<()>,
    hearing: Arc<Hearing>,
}

impl Listener {
    fn listen(self) {
        let mut link = None;
        while self.closed.recv_timeout(revocations::EVERY) == Err(RecvTimeoutError::Timeout) {
            // What cannot be heard now is asked again, over another connection; nobody trusts what was heard before for long.
            if self.hearing.is_asked() && self.ask(&mut link).is_err() {
                link = None;
            }
        }
    }

    fn ask(&self, link: &mut Option<Link>) -> Result<()> {
        let link = match link {
            Some(link) => link,
            None => link.insert(open(&self.server, Lane::Check)?),
        };
        let sent = monotonic();
        let number = revocations::number(&mut Conn::new(Engine::Pg(link)))?;
        self.hearing.heard(number, sent);
        Ok(())
    }
}

/// The engine's clock.
pub(crate) fn clock(conn: &mut Conn<'_>) -> Result<Option<Time>> {
    // One of the statements that only PostgreSQL understands; `tests/queries.rs` knows them by their place.
    const CLOCK: Sql = Sql::new("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)");
    conn.one(CLOCK, &[], |row| row.time(0))
}

/// Whatever kept us from a connection. It is said once that the database is away.
fn away(error: Error) -> Error {
    match error {
        Error::Gone(_) => error,
        other => Error::gone(other),
    }
}
