//! The door: one `Db` over whichever engine the URL names. Threads and transactions are the engines' own affair.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use crate::job::{self, Queued, Shape, deadline};
use crate::postgres::Postgres;
use crate::rehearsal::Rehearsal;
use crate::sqlite::Sqlite;
use crate::sqlite_file::{self, Site};
use crate::tally::{Activity, Counters, Tally};
use crate::{Conn, Error, Result, State, Time, Tx, migrate};

/// A job that has waited this long for its turn does not run.
const WAIT: Duration = Duration::from_secs(5);
/// For whoever is waited for by somebody: an answer, whatever the engine does meanwhile.
const HURRY: Duration = Duration::from_secs(4);
const SCHEMA_WAIT: Duration = Duration::from_secs(600);

/// Which engine a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL, or something that speaks like it.
    Postgres,
}

impl Kind {
    /// The engine that a `database` setting names.
    pub fn of(url: &str) -> Result<Kind> {
        match url.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Kind::Sqlite),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Kind::Postgres),
            _ => Err(Error::refused("database must be `sqlite:PATH` or `postgres://USER@HOST/NAME`")),
        }
    }
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
    Rehearsal(Rehearsal),
    #[cfg(feature = "simulation")]
    Sim(Arc<crate::sim::Core>),
}

/// An open database. Cheap to clone; the last clone to go ends its threads.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
    wait: Duration,
    /// Whether it waits no longer than that for a job that runs already.
    hurried: bool,
    counters: Arc<Counters>,
    /// Why this program may not work here any more, once that is so.
    shut_out: Arc<OnceLock<Error>>,
    #[cfg(feature = "scratch")]
    blind: Option<State>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Db").field(&self.kind()).finish()
    }
}

impl Db {
    /// The newest schema that this program knows.
    pub const SCHEMA: i64 = migrate::NEWEST;

    /// Whether programs that know no newer schema than this one may work on [`Db::SCHEMA`], too: then servers can be replaced one by one.
    pub const fn lets_stay(schema: i64) -> bool {
        migrate::OLDEST_ON_NEWEST <= schema
    }

    /// Opens `sqlite:PATH` or `postgres://…` and brings its schema up to date. `now` dates the migrations.
    ///
    /// Refuses a schema that is newer than this program can work with, one that was changed by hand, a PostgreSQL
    /// database that orders text otherwise than by its bytes, and one on another machine that is not to be encrypted.
    pub async fn open(url: &str, now: Time) -> Result<Db> {
        Db::open_as_it_is(url).await?.brought_up(now).await
    }

    /// The same for whoever has just asked [`Db::schema`], which refuses a damaged file and one of another program.
    pub async fn open_looked_at(url: &str, now: Time) -> Result<Db> {
        Db::connect(url).await?.brought_up(now).await
    }

    async fn brought_up(self, now: Time) -> Result<Db> {
        for pause in [10, 50, 250, 1000] {
            match self.bring_up(now).await {
                // Another node is starting on the same database, and was first with this table or that row.
                Err(Error::Taken) => std::thread::sleep(Duration::from_millis(pause)),
                done => return done.map(|()| self),
            }
        }
        Err(Error::Overloaded)
    }

    /// The same without bringing anything up to date: [`Db::schema`] says what is there.
    pub async fn open_as_it_is(url: &str) -> Result<Db> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            sqlite_file::refuse_damaged(Path::new(path))?;
        }
        Db::connect(url).await
    }

    async fn connect(url: &str) -> Result<Db> {
        let counters = Arc::<Counters>::default();
        let engine = match Kind::of(url)? {
            Kind::Sqlite => {
                Engine::Sqlite(Sqlite::open(Path::new(&url["sqlite:".len()..]), counters.clone())?)
            }
            Kind::Postgres => Engine::Postgres(Postgres::open(url, &counters)?),
        };
        let db = Db {
            engine: Arc::new(engine),
            wait: WAIT,
            hurried: false,
            counters,
            shut_out: Arc::default(),
            #[cfg(feature = "scratch")]
            blind: None,
        };
        // Compared and ordered as bytes, or names and ids would mean different things in the two engines. SQLite does nothing else
        // unless a table says so.
        if db.kind() == Kind::Postgres {
            db.ask::<(), Error, _>(Shape::Scan, WAIT, migrate::refuse_other_collations).await?;
        }
        Ok(db)
    }

    /// Makes a database where there is nothing, and has `fill` fill it, whole or not at all: it has the schema of `schema` then, and
    /// is brought up to date afterward.
    ///
    /// PostgreSQL does that in one transaction. SQLite does so, too, in a file beside the place, which takes it in the end: where
    /// that is interrupted, a file remains whose name says that it is unfinished.
    pub async fn found<T, E>(
        url: &str,
        (schema, now): (i64, Time),
        fill: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let site = match url.strip_prefix("sqlite:") {
            Some(path) => Some(Site::new(Path::new(path))?),
            None => None,
        };
        let place = site.as_ref().map_or_else(|| url.to_owned(), |site| format!("sqlite:{}", site.draft()));
        let db = Db::connect(&place).await?;
        let filled = db.ask::<T, E, _>(Shape::Schema, SCHEMA_WAIT, move |tx| {
            migrate::found(tx, schema, now)?;
            let filled = fill(tx)?;
            migrate::up(tx, now)?;
            Ok(filled)
        });
        let filled = filled.await;
        drop(db);
        let filled = filled?;
        site.map_or(Ok(()), Site::take)?;
        Ok(filled)
    }

    /// The database at `url`, which has the schema `from`, as it would be with the newest one; and how many rows are in it. Whatever is
    /// done with it is undone when the last clone goes, and others who work there wait meanwhile.
    pub async fn rehearsing(url: &str, (from, now): (i64, Time)) -> Result<(Db, u64)> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            sqlite_file::refuse_damaged(Path::new(path))?;
        }
        let (rehearsal, rows) = Rehearsal::open(url, (from, now)).await?;
        let db = Db {
            engine: Arc::new(Engine::Rehearsal(rehearsal)),
            wait: SCHEMA_WAIT,
            hurried: false,
            counters: Arc::default(),
            shut_out: Arc::default(),
            #[cfg(feature = "scratch")]
            blind: None,
        };
        Ok((db, rows))
    }

    /// Writes a copy of SQLite's file, as it is at one moment, into a file that is empty.
    pub fn copy_file(url: &str, to: &Path) -> Result<()> {
        match Kind::of(url)? {
            Kind::Sqlite => sqlite_file::copy(Path::new(&url["sqlite:".len()..]), to),
            Kind::Postgres => Err(Error::refused("a database of PostgreSQL is no file")),
        }
    }

    /// Whether nothing at all is at `url`: no file, or no table in a database of PostgreSQL.
    pub fn is_empty(url: &str) -> Result<bool> {
        match Kind::of(url)? {
            Kind::Sqlite => sqlite_file::is_free(Path::new(&url["sqlite:".len()..])),
            Kind::Postgres => crate::postgres::is_empty(url),
        }
    }

    /// Brings the schema up to date: at once where the engine is our own, and step by step where it may be many machines.
    async fn bring_up(&self, now: Time) -> Result<()> {
        if self.kind() == Kind::Sqlite {
            return self.ask(Shape::Schema, SCHEMA_WAIT, move |tx| migrate::up(tx, now)).await;
        }
        for first in [true, false] {
            self.ask::<(), Error, _>(Shape::Schema, SCHEMA_WAIT, move |tx| migrate::begin(tx, first)).await?;
        }
        while self.ask(Shape::Schema, SCHEMA_WAIT, move |tx| migrate::step(tx, now)).await? {}
        Ok(())
    }

    /// A database in which nothing runs before it is told to. However long that takes, no job is too late.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated(core: Arc<crate::sim::Core>) -> Db {
        Db {
            engine: Arc::new(Engine::Sim(core)),
            wait: Duration::from_secs(24 * 60 * 60),
            hurried: false,
            counters: Arc::default(),
            shut_out: Arc::default(),
            #[cfg(feature = "scratch")]
            blind: None,
        }
    }

    /// The same database for somebody who takes it for what it is now, whatever happens to it: a test shows by that what looking
    /// is good for.
    #[cfg(feature = "scratch")]
    pub fn blind(&self) -> Db {
        Db { blind: self.state(), ..self.clone() }
    }

    /// The schema of what is at `url`, without making or changing anything; `None` when no Latchkey was ever there.
    pub fn schema(url: &str) -> Result<Option<i64>> {
        match Kind::of(url)? {
            Kind::Sqlite => crate::sqlite::schema(Path::new(&url["sqlite:".len()..])),
            Kind::Postgres => crate::postgres::schema(url),
        }
    }

    /// The same database for somebody who waits longer, or less long, for a turn. Five seconds are usual.
    pub fn with_deadline(&self, wait: Duration) -> Db {
        Db { wait, ..self.clone() }
    }

    /// The same database for whoever is waited for. An engine that hangs answers nothing, whatever its own deadlines are: whoever
    /// asks it hears in time that it is away, and nobody knows whether what was asked for is done.
    pub fn hurried(&self) -> Db {
        Db { wait: HURRY, hurried: true, ..self.clone() }
    }

    /// What was done since it was opened, by all clones together.
    pub fn tally(&self) -> Tally {
        self.counters.tally()
    }

    /// What goes on in it.
    pub fn activity(&self) -> Activity {
        let lanes = match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.lanes(),
            Engine::Postgres(postgres) => postgres.lanes(),
            Engine::Rehearsal(_) => Vec::new(),
            #[cfg(feature = "simulation")]
            Engine::Sim(_) => Vec::new(),
        };
        self.counters.activity(lanes)
    }

    /// Which engine this is.
    pub fn kind(&self) -> Kind {
        match &*self.engine {
            Engine::Sqlite(_) => Kind::Sqlite,
            Engine::Postgres(_) => Kind::Postgres,
            Engine::Rehearsal(rehearsal) => rehearsal.kind,
            #[cfg(feature = "simulation")]
            Engine::Sim(_) => Kind::Sqlite,
        }
    }

    /// Runs `f` in a transaction. The answer leaves after the commit, never before.
    ///
    /// An error undoes everything `f` did; so does a statement that failed, whatever `f` made of it. `f` may run more
    /// than once, so draw chance and read clocks before. Dropping the future before the job's turn cancels it; once it
    /// runs, it runs to its end.
    pub async fn write<T, E>(&self, f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.ask(Shape::Write, self.wait, f).await
    }

    /// Looks up a point: one statement, the fastest way. Reads never wait behind writes.
    pub async fn read<T, E>(&self, f: impl Fn(&mut Conn<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.point(Shape::Point, f).await
    }

    /// The same in a lane of its own, for what is asked before every request to a program: it waits behind nobody who signs in.
    pub async fn check<T, E>(
        &self,
        f: impl Fn(&mut Conn<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.point(Shape::Check, f).await
    }

    async fn point<T, E>(
        &self,
        shape: Shape,
        f: impl Fn(&mut Conn<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                self.refuse_shut_out()?;
                sqlite.point(f, &self.counters)
            }
            _ => self.ask(shape, self.wait, move |tx| f(tx)).await,
        }
    }

    /// Reads a list, or several things that belong together: all statements see one state.
    pub async fn scan<T, E>(&self, f: impl Fn(&mut Conn<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.ask(Shape::Scan, self.wait, move |tx| f(tx)).await
    }

    /// What the database holds now, so that what was read from it before can be known to hold still: another state whenever something was
    /// ended or taken from somebody. Costs less than a read, and nothing is asked. `None` where it cannot be told: then only reading helps.
    ///
    /// What this handle or a clone does counts before it is answered; what others do counts on SQLite a tenth of a millisecond later, and
    /// there any commit of theirs does; on PostgreSQL within a second, or it cannot be told.
    pub fn state(&self) -> Option<State> {
        if self.is_shut_out() {
            return None;
        }
        #[cfg(feature = "scratch")]
        if self.blind.is_some() {
            return self.blind;
        }
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.state(),
            Engine::Postgres(postgres) => postgres.state(),
            Engine::Rehearsal(_) => None,
            #[cfg(feature = "simulation")]
            Engine::Sim(_) => None,
        }
    }

    /// Whether the database answers; the error says why not.
    ///
    /// A newer program may have brought it to a schema on which this one may not work, or everything was moved elsewhere. Whoever looks
    /// finds that, and from then on every clone is refused whatever it asks: what this program does there may mean something else, or be lost.
    pub async fn health(&self) -> Result<()> {
        let Some(why) = self.scan(migrate::look).await? else { return Ok(()) };
        let _ = self.shut_out.set(why);
        self.refuse_shut_out()
    }

    /// Whether [`Db::health`] has found that this program may not work here any more.
    pub fn is_shut_out(&self) -> bool {
        self.shut_out.get().is_some()
    }

    fn refuse_shut_out(&self) -> Result<()> {
        self.shut_out.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Looks whether the file of a database is damaged inside, where it has one of at most so many bytes. When it is, nothing more
    /// is written from then on, and [`Db::health`] says so.
    pub async fn look_inside(&self, most: u64) -> Result<()> {
        let Engine::Sqlite(sqlite) = &*self.engine else { return Ok(()) };
        let (reply, answer) = oneshot::channel();
        let look = sqlite.look_inside(most);
        // Nobody else waits for this.
        let spawned = std::thread::Builder::new().name("db-inside".to_owned()).spawn(move || {
            let _ = reply.send(look());
        });
        spawned.map_err(Error::broken)?;
        answer.await.unwrap_or_else(|_| Err(Error::broken("looking inside the database panicked")))
    }

    /// Whether what was last written was kept; the error says why not, as far as it is known.
    pub fn takes_writes(&self) -> Result<()> {
        // A PostgreSQL whose disk is full stops, and a commit that fails for another reason is nobody else's matter.
        let Engine::Sqlite(sqlite) = &*self.engine else { return Ok(()) };
        sqlite.health()?;
        if self.counters.has_failed() { Err(Error::broken("the last commit failed")) } else { Ok(()) }
    }

    /// The engine's own clock, where it is not this machine's. For health checks only: `now` is the node's clock.
    pub async fn engine_now(&self) -> Result<Option<Time>> {
        match &*self.engine {
            Engine::Sqlite(_) | Engine::Rehearsal(_) => Ok(None),
            Engine::Postgres(_) => self.read(crate::postgres::clock).await,
            #[cfg(feature = "simulation")]
            Engine::Sim(_) => Ok(None),
        }
    }

    async fn ask<T, E, F>(&self, shape: Shape, wait: Duration, closure: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (job, back) = job::job((shape, deadline(wait)), &self.counters, closure);
        self.send(job, back, wait).await?.take_answer()
    }

    /// Sends a job, and has it back when it is answered.
    async fn send(&self, job: Queued, back: oneshot::Receiver<Queued>, wait: Duration) -> Result<Queued> {
        self.refuse_shut_out()?;
        let refused = |_: &Error| self.counters.refused();
        let shape = job.shape();
        match &*self.engine {
            Engine::Sqlite(sqlite) => submit(sqlite.queue(shape), job).inspect_err(refused)?,
            Engine::Postgres(postgres) => submit(postgres.queue(shape), job).inspect_err(refused)?,
            Engine::Rehearsal(rehearsal) => submit(rehearsal.queue(), job).inspect_err(refused)?,
            #[cfg(feature = "simulation")]
            Engine::Sim(sim) => sim.submit(job),
        }
        let answered = if self.hurried {
            let Ok(answered) = tokio::time::timeout(wait, back).await else {
                self.counters.refused();
                return Err(Error::gone("it does not answer in time"));
            };
            answered
        } else {
            back.await
        };
        // A job that is dropped unanswered was skipped as stale, or its thread is gone with the database.
        answered.map_err(|_| Error::Overloaded).inspect_err(refused)
    }
}

/// Puts a job into a bounded queue. A full queue is an answer: nobody waits without bound.
fn submit(queue: &Sender<Queued>, job: Queued) -> Result<()> {
    queue.try_send(job).map_err(|refused| match refused {
        TrySendError::Full(_) => Error::Overloaded,
        TrySendError::Disconnected(_) => Error::gone("it is being closed"),
    })
}
