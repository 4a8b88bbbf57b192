//! A job: a closure on its way to the thread that has a connection, and its answer on the way back.
//!
//! The engines see only [`Work`]; the types of the closure and of its answer stay in [`Job`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::tally::Counters;
use crate::{Counter, Error, Result, Tx};

/// How a job wants to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// In a transaction that changes.
    Write,
    /// A transaction that changes the schema: no statement deadline.
    Schema,
    /// One statement, no transaction.
    Point,
    /// The same, for whoever must not wait behind any other read.
    Check,
    /// Several reads that see one state.
    Scan,
}

/// What a run asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Commit, then answer.
    Keep,
    /// Undo, then answer: the closure failed.
    Undo,
    /// Undo and run again: the engine could not serialize it.
    Again,
}

/// A job without its types.
pub(crate) trait Work: Send {
    fn shape(&self) -> Shape;
    /// Whether it should not run any more: too late, or nobody waits for it.
    fn is_stale(&self) -> bool;
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Sends the answer of the last run, or the engine's error instead of it.
    fn answer(self: Box<Self>, ended: Result<()>);
}

/// A boxed job, as it lies in a queue.
pub(crate) type Queued = Box<dyn Work>;

pub(crate) struct Job<T, E, F> {
    pub(crate) shape: Shape,
    pub(crate) closure: F,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
    pub(crate) answer: Option<Result<T, E>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) counted: Vec<(Counter, u64)>,
}

impl<T, E, F> Work for Job<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn shape(&self) -> Shape {
        self.shape
    }

    fn is_stale(&self) -> bool {
        self.reply.is_closed() || monotonic() >= self.deadline
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let answer = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        self.counters.statements(tx.fate.statements);
        self.counted = std::mem::take(&mut tx.fate.counted);
        if tx.fate.again {
            self.answer = Some(Err(Error::Busy.into()));
            return Ran::Again;
        }
        let answer = match (answer, tx.fate.failed.take()) {
            (Err(_), _) => Err(Error::broken("a job panicked").into()),
            (Ok(Ok(_)), Some(error)) => Err(error.into()),
            (Ok(answer), _) => answer,
        };
        let ran = if answer.is_ok() { Ran::Keep } else { Ran::Undo };
        self.answer = Some(answer);
        ran
    }

    fn answer(self: Box<Self>, ended: Result<()>) {
        match self.shape {
            Shape::Write | Shape::Schema => {
                let committed = ended.is_ok() && matches!(self.answer, Some(Ok(_)));
                self.counters.write(committed);
                // Before the answer leaves, so that whoever has it finds it counted.
                for (counter, more) in self.counted.iter().filter(|_| committed) {
                    counter.add(*more);
                }
            }
            Shape::Point | Shape::Check | Shape::Scan => self.counters.read(),
        }
        let answer = match (ended, self.answer) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => Err(Error::broken("a job was answered before it ran").into()),
        };
        // Nobody may be waiting any more; what was committed stays committed.
        let _ = self.reply.send(answer);
    }
}

/// The one clock in `store`. It only measures how long things take.
pub(crate) fn monotonic() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "deadlines need a clock that never jumps; nothing else here has one"
    )]
    Instant::now()
}

/// The instant `wait` from now.
pub(crate) fn deadline(wait: Duration) -> Instant {
    monotonic() + wait
}
