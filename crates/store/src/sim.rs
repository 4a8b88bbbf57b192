//! A database for simulations: SQLite in a file, in which nothing runs before it is told to, and which fails when it is told
//! to. Who tells it, and why, is in `auth/tests/sim`; what runs and answers is what the real engine runs, in `sqlite.rs`.
//!
//! Jobs of all nodes wait in one list. [`Sim::run`] takes some of them through one transaction to an [`Ending`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::job::{Queued, Ran, Shape};
use crate::sql::{Engine, Sql};
use crate::sqlite::{Access, connect, control, in_savepoint, look};
use crate::sqlite_file::beside;
use crate::{Conn, Db, Error, Result, Row, Tx, Value, sqlite};

/// A job that could not be serialized is run so often at most, as in `postgres.rs`.
const RUNS: u8 = 3;

/// A file, and the jobs that wait for it.
#[derive(Clone)]
pub struct Sim(Arc<Core>);

/// What the `Db` of a node holds.
pub(crate) struct Core(Mutex<State>);

struct State {
    path: PathBuf,
    /// How often the file was opened: after a crash another one goes on.
    opened: u32,
    conn: Connection,
    waiting: Vec<Waits>,
    tickets: u64,
    answers_early: bool,
}

struct Waits {
    ticket: u64,
    job: Queued,
    runs: u8,
}

/// A job that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number: they are counted as they come.
    pub ticket: u64,
    /// Whether it changes anything; one that looks runs alone.
    pub writes: bool,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is committed, then everybody is answered.
    Answered,
    /// It is committed, and the answer of the commit is lost: all that anybody learns is that the database is away.
    Lost,
    /// It is not committed, and that is all that anybody learns.
    Refused,
    /// The machine stops before the commit.
    CrashBefore,
    /// The machine stops after the commit, before anybody is answered.
    CrashAfter,
}

/// A statement that fails.
#[derive(Clone, Debug)]
pub struct Fault {
    /// How many statements of the first job go well before.
    pub after: u32,
    /// With what it fails.
    pub error: Error,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is committed.
    Kept,
    /// Nothing of it is there.
    Undone,
    /// It waits again.
    Again,
    /// It did not run: nobody waited for it any more.
    Skipped,
}

impl Sim {
    /// Opens a file that has its schema already.
    pub fn open(path: &Path) -> Result<Sim> {
        let state = State {
            path: path.to_owned(),
            opened: 0,
            conn: open(path)?,
            waiting: Vec::new(),
            tickets: 0,
            answers_early: false,
        };
        Ok(Sim(Arc::new(Core(Mutex::new(state)))))
    }

    /// The database as a node has it.
    pub fn node(&self) -> Db {
        Db::simulated(self.0.clone())
    }

    /// From now on everybody is answered before the commit: a mistake, for simulations that have to find it.
    pub fn answer_early(&self) {
        self.0.lock().answers_early = true;
    }

    /// How many jobs have come so far; the next one has this number.
    pub fn tickets(&self) -> u64 {
        self.0.lock().tickets
    }

    /// The jobs that wait, the oldest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        let waiting = |one: &Waits| Waiting { ticket: one.ticket, writes: one.job.shape() == Shape::Write };
        self.0.lock().waiting.iter().map(waiting).collect()
    }

    /// Runs jobs that wait, in this order and in one transaction, to this end. Says what became of each.
    ///
    /// Jobs that write may share a transaction, each in its savepoint; one that looks comes alone.
    pub fn run(&self, tickets: &[u64], fault: Option<Fault>, ending: Ending) -> Result<Vec<(u64, Done)>> {
        self.0.lock().run(tickets, fault, ending)
    }

    /// The machine stops now. What was committed stays, and nobody is answered.
    pub fn crash(&self) -> Result<()> {
        self.0.lock().crash()
    }

    /// Looks at what is committed, past all that waits.
    pub fn look<T>(&self, f: impl FnOnce(&mut Conn<'_>) -> Result<T>) -> Result<T> {
        let state = self.0.lock();
        f(&mut Conn::new(Engine::Lite(&state.conn)))
    }
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn submit(&self, job: Queued) {
        let mut state = self.lock();
        let ticket = state.tickets;
        state.tickets += 1;
        state.waiting.push(Waits { ticket, job, runs: 0 });
    }
}

fn open(path: &Path) -> Result<Connection> {
    let conn = connect(path, Access::Write)?;
    // It is the process that crashes here, never the disk.
    control(&conn, "PRAGMA synchronous=OFF")?;
    Ok(conn)
}

impl State {
    fn run(&mut self, tickets: &[u64], mut fault: Option<Fault>, ending: Ending) -> Result<Vec<(u64, Done)>> {
        let mut done = Vec::new();
        let mut ready = Vec::new();
        for ticket in tickets {
            let Some(at) = self.waiting.iter().position(|one| one.ticket == *ticket) else { continue };
            let taken = self.waiting.remove(at);
            match taken.job.is_stale() {
                true => done.push((*ticket, Done::Skipped)),
                false => ready.push(taken),
            }
        }
        if ready.first().is_some_and(|first| first.job.shape() != Shape::Write) {
            return self.look(ready.remove(0), fault, ending);
        }
        if !ready.is_empty() {
            control(&self.conn, "BEGIN IMMEDIATE")?;
        }
        let mut kept = Vec::new();
        for mut one in ready {
            let tx = Tx::new(Conn::new(Engine::Sim(Link::new(&self.conn, fault.take()))));
            let (ran, _) = in_savepoint(&self.conn, &mut one.job, tx)?;
            one.runs += 1;
            if ran == Ran::Again && one.runs < RUNS {
                done.push((one.ticket, Done::Again));
                self.waiting.push(one);
            } else {
                kept.push((one, if ran == Ran::Keep { Done::Kept } else { Done::Undone }));
            }
        }
        if self.answers_early {
            done.extend(kept.drain(..).map(|(one, fate)| {
                one.job.answer(Ok(()));
                (one.ticket, fate)
            }));
        }
        self.end(kept, done, ending)
    }

    /// Ends the transaction, if one is open, and answers: never in the other order.
    fn end(
        &mut self,
        jobs: Vec<(Waits, Done)>,
        mut done: Vec<(u64, Done)>,
        ending: Ending,
    ) -> Result<Vec<(u64, Done)>> {
        let commits = matches!(ending, Ending::Answered | Ending::Lost | Ending::CrashAfter);
        if !self.conn.is_autocommit() && ending != Ending::CrashBefore {
            control(&self.conn, if commits { "COMMIT" } else { "ROLLBACK" })?;
        }
        if matches!(ending, Ending::CrashBefore | Ending::CrashAfter) {
            self.crash()?;
        }
        for (one, fate) in jobs {
            done.push((one.ticket, if commits { fate } else { Done::Undone }));
            match ending {
                Ending::Answered => one.job.answer(Ok(())),
                Ending::Lost => one.job.answer(Err(Error::gone("the answer of the commit was lost"))),
                Ending::Refused => one.job.answer(Err(Error::gone("the commit failed"))),
                Ending::CrashBefore | Ending::CrashAfter => {}
            }
        }
        Ok(done)
    }

    fn look(&mut self, mut one: Waits, fault: Option<Fault>, ending: Ending) -> Result<Vec<(u64, Done)>> {
        let link = Engine::Sim(Link::new(&self.conn, fault));
        let looked = match one.job.shape() {
            Shape::Point | Shape::Check => {
                one.job.run(&mut Tx::new(Conn::for_one_statement(link)));
                Ok(())
            }
            _ => look(&self.conn, &mut one.job, Tx::new(Conn::new(link))),
        };
        looked?;
        self.end(vec![(one, Done::Kept)], Vec::new(), ending)
    }

    /// The files as they lie are what a process that starts again finds, so it gets a copy of them.
    fn crash(&mut self) -> Result<()> {
        self.opened += 1;
        let next = self.path.with_extension(format!("{}.db", self.opened));
        let copy = |from: &Path, to: &Path| std::fs::copy(from, to).map(|_| ()).map_err(Error::broken);
        copy(&self.path, &next)?;
        if log_of(&self.path).exists() {
            copy(&log_of(&self.path), &log_of(&next))?;
        }
        self.waiting.clear();
        self.conn = open(&next)?;
        let _ = std::fs::remove_file(std::mem::replace(&mut self.path, next));
        Ok(())
    }
}

/// A connection of which one statement may fail.
pub(crate) struct Link<'a> {
    conn: &'a Connection,
    fault: Option<Fault>,
}

impl<'a> Link<'a> {
    fn new(conn: &'a Connection, fault: Option<Fault>) -> Self {
        Link { conn, fault }
    }

    pub(crate) fn each(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.next_statement()?;
        sqlite::each(self.conn, sql, values, read)
    }

    pub(crate) fn execute(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<u64> {
        self.next_statement()?;
        sqlite::execute(self.conn, sql, values)
    }

    pub(crate) fn control(&mut self, text: &str) -> Result<()> {
        // Whoever goes back has seen the failure; going back works.
        if !text.starts_with("ROLLBACK") && !text.starts_with("RELEASE") {
            self.next_statement()?;
        }
        control(self.conn, text)
    }

    fn next_statement(&mut self) -> Result<()> {
        match &mut self.fault {
            Some(fault) if fault.after == 0 => {
                let error = fault.error.clone();
                // A connection that is gone stays so; anything else happens once.
                if !matches!(error, Error::Gone(_)) {
                    self.fault = None;
                }
                Err(error)
            }
            Some(fault) => {
                fault.after -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}
