//! Whether a server should be asked anything: `/readyz` says so to load balancers, and the metrics do. Whoever asks may be anybody,
//! so a reason is a word that stays and a sentence; what a driver says of the matter is in the log.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::Time;

use crate::{App, Error, Result, SOON};

/// How far the database's clock may be from ours, in milliseconds, before a node says that it is not ready.
pub(crate) const CLOCKS_APART: i64 = 5000;

/// Why a server should not be asked anything now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// It was told to stop.
    Stopping,
    /// The database does not answer.
    DatabaseAway,
    /// Too much waits for the database.
    DatabaseBusy,
    /// A newer Latchkey has brought the database to a schema on which this one may not work, or everything was moved elsewhere.
    ShutOut,
    /// The database answers, and what was last written was not kept.
    WritesFailing,
    /// This machine's clock has jumped, by so many seconds.
    ClockJumped(i64),
    /// This machine's clock and the database's are so many milliseconds apart.
    ClocksApart(i64),
    /// A mistake of ours, or a broken database.
    Broken,
}

impl Unready {
    /// The word that stands for each reason.
    pub const WORDS: [&str; 8] = [
        "stopping",
        "database_away",
        "database_busy",
        "shut_out",
        "writes_failing",
        "clock_jumped",
        "clocks_apart",
        "broken",
    ];

    /// The word for programs. It stays.
    pub fn word(self) -> &'static str {
        let [stopping, away, busy, shut_out, failing, jumped, apart, broken] = Unready::WORDS;
        match self {
            Unready::Stopping => stopping,
            Unready::DatabaseAway => away,
            Unready::DatabaseBusy => busy,
            Unready::ShutOut => shut_out,
            Unready::WritesFailing => failing,
            Unready::ClockJumped(_) => jumped,
            Unready::ClocksApart(_) => apart,
            Unready::Broken => broken,
        }
    }

    fn of(error: store::Error) -> Unready {
        tracing::warn!(%error, "the database does not answer as it should");
        match error {
            store::Error::Gone(_) => Unready::DatabaseAway,
            store::Error::Busy | store::Error::Overloaded => Unready::DatabaseBusy,
            _ => Unready::Broken,
        }
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unready::Stopping => f.write_str("this server is stopping"),
            Unready::DatabaseAway => {
                f.write_str("the database is away: see that it runs and can be reached; the log has what it said")
            }
            Unready::DatabaseBusy => f.write_str("too much is waiting for the database"),
            Unready::ShutOut => f.write_str(
                "this server may not work on the database any more: a newer Latchkey has brought it to a schema of its own, or everything was moved elsewhere. Start the newer one here, or set `database`; the log has which",
            ),
            Unready::WritesFailing => f.write_str(
                "the database cannot be written to: see whether its disk is full or broken, or its file damaged; the log has what it said",
            ),
            Unready::ClockJumped(by) => write!(
                f,
                "this machine's clock has jumped by {by} seconds, and nobody is signed in until it is back or has held for five minutes. When the time is right now, restart Latchkey"
            ),
            Unready::ClocksApart(millis) => {
                write!(f, "this machine's clock and the database's are {millis} ms apart")
            }
            Unready::Broken => f.write_str("something is broken; the log has what it is"),
        }
    }
}

impl From<Unready> for Error {
    fn from(why: Unready) -> Error {
        Error::Refused(why.to_string())
    }
}

/// Whether it was told to stop, for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopping(Arc<AtomicBool>);

impl App {
    /// From now on it is not ready, whatever else is true. What is asked all the same is answered.
    pub fn begin_to_stop(&self) {
        self.stopping.0.store(true, Ordering::Relaxed);
    }

    /// The same for those who are waited for: a database that hangs is away for them, soon.
    pub fn hurried(self) -> App {
        App { db: self.db.hurried(), ..self }
    }

    /// Whether the database answers, takes writes, and agrees about the time. The error says what is wrong.
    pub async fn health(&self) -> Result<(), Unready> {
        if self.stopping.0.load(Ordering::Relaxed) {
            return Err(Unready::Stopping);
        }
        let db = self.db.with_deadline(SOON);
        if let Err(error) = db.takes_writes() {
            tracing::warn!(%error, "the database cannot be written to");
            return Err(Unready::WritesFailing);
        }
        db.health()
            .await
            .map_err(|error| if db.is_shut_out() { Unready::ShutOut } else { Unready::of(error) })?;
        self.jumped()?;
        agree(self.apart().await.map_err(Unready::of)?)
    }

    /// Whether this machine's clock is to be believed.
    pub(crate) fn jumped(&self) -> Result<(), Unready> {
        match self.steadiness.jump(self.clock.moment()) {
            None => Ok(()),
            Some(by) => Err(Unready::ClockJumped(by / 1000)),
        }
    }

    /// The time, when it is to be believed. Whoever charges a try, or spends anything, asks here: a step that was spent by a
    /// wrong time, and a budget that rests by it, would keep people out until that time has come. See `docs/adr/0014`.
    pub(crate) async fn time_to_judge(&self) -> Result<Time> {
        let unjudged = |why: Unready| Error::Unjudged(Box::new(why.into()));
        self.jumped().map_err(unjudged)?;
        if self.clock.runs() {
            // A database that is away is another matter, and says so itself.
            agree(self.apart().await?).map_err(unjudged)?;
        }
        Ok(self.clock.now())
    }

    /// By how many milliseconds the database's clock and ours differ, where it has one of its own.
    pub async fn clocks_apart(&self) -> Result<Option<i64>> {
        Ok(self.apart().await?)
    }

    async fn apart(&self) -> store::Result<Option<i64>> {
        let asked = self.clock.now();
        let theirs = self.db.with_deadline(SOON).engine_now().await?;
        Ok(theirs.map(|theirs| theirs.millis_since(asked).abs()))
    }
}

fn agree(apart: Option<i64>) -> Result<(), Unready> {
    match apart {
        Some(apart) if apart > CLOCKS_APART => Err(Unready::ClocksApart(apart)),
        _ => Ok(()),
    }
}
