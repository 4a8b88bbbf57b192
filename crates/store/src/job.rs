//! A job: a closure on its way to the thread that has a connection, and its answer on the way back.
//!
//! The engines see only [`Queued`]; the types of the closure and of its answer stay in [`Task`], which is all that is compiled anew
//! for each of some hundreds of closures. A job travels both ways: whoever asked gets it back, with the answer in it.

use std::any::Any;
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

/// What a job does, without its types.
pub(crate) trait Work: Send {
    /// Runs it and keeps its answer. Says whether what it did is to stay.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Keeps an error instead of an answer.
    fn fail(&mut self, error: Error);
    /// What it keeps, which only [`Job::take_answer`] looks into.
    fn kept(&mut self) -> &mut dyn Any;
}

/// A job in a queue, or on its way back.
pub(crate) type Queued = Box<Job>;

pub(crate) struct Job<W: ?Sized = dyn Work> {
    shape: Shape,
    deadline: Instant,
    counters: Arc<Counters>,
    /// What is to be counted once it is committed.
    counted: Vec<(Counter, u64)>,
    /// Whether the last run came to an answer that is no error.
    is_well: bool,
    /// Whoever waits; nobody any more once it is answered.
    reply: Option<oneshot::Sender<Queued>>,
    work: W,
}

/// A closure, and what it answered.
struct Task<T, E, F> {
    closure: F,
    answer: Option<Result<T, E>>,
}

impl<T, E, F> Work for Task<T, E, F>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        self.answer.insert((self.closure)(tx)).is_ok()
    }

    fn fail(&mut self, error: Error) {
        self.answer = Some(Err(error.into()));
    }

    fn kept(&mut self) -> &mut dyn Any {
        &mut self.answer
    }
}

/// A job that runs `closure`, and where it comes back to when it is answered.
pub(crate) fn job<T, E, F>(
    (shape, deadline): (Shape, Instant),
    counters: &Arc<Counters>,
    closure: F,
) -> (Queued, oneshot::Receiver<Queued>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, back) = oneshot::channel();
    let (counters, counted) = (counters.clone(), Vec::new());
    let (is_well, work) = (false, Task { closure, answer: None });
    (Box::new(Job { shape, deadline, counters, counted, is_well, reply: Some(reply), work }), back)
}

impl Job {
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether it should not run any more: too late, or nobody waits for it.
    pub(crate) fn is_stale(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed) || monotonic() >= self.deadline
    }

    pub(crate) fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let ran = catch_unwind(AssertUnwindSafe(|| self.work.run(tx)));
        self.counters.statements(tx.fate.statements);
        self.counted = std::mem::take(&mut tx.fate.counted);
        self.is_well = false;
        if tx.fate.again {
            self.work.fail(Error::Busy);
            return Ran::Again;
        }
        match (ran, tx.fate.failed.take()) {
            (Err(_), _) => self.work.fail(Error::broken("a job panicked")),
            (Ok(true), Some(error)) => self.work.fail(error),
            (Ok(is_well), _) => self.is_well = is_well,
        }
        if self.is_well { Ran::Keep } else { Ran::Undo }
    }

    /// Sends the answer of the last run, or the engine's error instead of it.
    pub(crate) fn answer(mut self: Box<Self>, ended: Result<()>) {
        match self.shape {
            Shape::Write | Shape::Schema => {
                let committed = ended.is_ok() && self.is_well;
                self.counters.write(committed);
                // Before the answer leaves, so that whoever has it finds it counted.
                for (counter, more) in self.counted.iter().filter(|_| committed) {
                    counter.add(*more);
                }
            }
            Shape::Point | Shape::Check | Shape::Scan => self.counters.read(),
        }
        if let Err(error) = ended {
            self.work.fail(error);
        }
        if let Some(reply) = self.reply.take() {
            // Nobody may be waiting any more; what was committed stays committed.
            let _ = reply.send(self);
        }
    }

    /// What it was answered with.
    pub(crate) fn take_answer<T, E>(&mut self) -> Result<T, E>
    where
        T: 'static,
        E: From<Error> + 'static,
    {
        let kept = self.work.kept().downcast_mut::<Option<Result<T, E>>>();
        let answer = kept.and_then(Option::take);
        answer.unwrap_or_else(|| Err(Error::broken("a job was answered before it ran").into()))
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
