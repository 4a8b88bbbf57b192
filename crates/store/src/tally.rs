//! What the database was asked to do since it was opened, and how it does. Counted, so that a test can show that two requests cost
//! the same, and so that whoever runs the place can be shown what goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::{Histogram, Spread};

/// Bounds of how many jobs share a commit.
const SIZES: &[i64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Bounds of how long a commit takes, in microseconds.
const DURATIONS: &[i64] = &[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000];

/// What was done since the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Statements, those included that were undone again, and savepoints with them. A statement that ran twice, because the
    /// engine could not serialize it, is two.
    pub statements: u64,
    /// Jobs whose writes were committed. On SQLite many may share one transaction; each of them counts.
    pub commits: u64,
    /// Jobs whose writes were undone: something was refused.
    pub undone: u64,
    /// Points and scans.
    pub reads: u64,
}

/// What goes on in an open database.
#[derive(Clone, Debug)]
pub struct Activity {
    /// What was done since it was opened.
    pub tally: Tally,
    /// Jobs that did not run: the queue was full, or they waited too long.
    pub refused: u64,
    /// Commits that failed.
    pub failed: u64,
    /// How many jobs shared a commit. On PostgreSQL each has its own.
    pub batches: Spread,
    /// How long commits took, in microseconds.
    pub commits: Spread,
    /// Where jobs wait.
    pub lanes: Vec<Lane>,
}

/// A queue of jobs, and who works on it.
#[derive(Clone, Debug)]
pub struct Lane {
    /// `write`, `scan` or `read`.
    pub name: &'static str,
    /// Jobs that wait.
    pub waiting: usize,
    /// Connections that are open; `None` where the database is within the process.
    pub connections: Option<usize>,
}

/// The counters themselves.
#[derive(Debug)]
pub(crate) struct Counters {
    statements: AtomicU64,
    commits: AtomicU64,
    undone: AtomicU64,
    reads: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    last_failed: AtomicBool,
    batches: Histogram,
    durations: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            statements: AtomicU64::default(),
            commits: AtomicU64::default(),
            undone: AtomicU64::default(),
            reads: AtomicU64::default(),
            refused: AtomicU64::default(),
            failed: AtomicU64::default(),
            last_failed: AtomicBool::default(),
            batches: Histogram::new(SIZES),
            durations: Histogram::new(DURATIONS),
        }
    }
}

impl Counters {
    /// A job did not run.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// So many jobs were committed together, in that time.
    pub(crate) fn committed(&self, jobs: usize, took: Duration) {
        self.last_failed.store(false, Ordering::Relaxed);
        self.batches.observe(i64::try_from(jobs).unwrap_or(i64::MAX));
        self.durations.took(took);
    }

    /// A commit failed.
    pub(crate) fn commit_failed(&self) {
        self.last_failed.store(true, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the last commit failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.last_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn activity(&self, lanes: Vec<Lane>) -> Activity {
        Activity {
            tally: self.tally(),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            batches: self.batches.spread(),
            commits: self.durations.spread(),
            lanes,
        }
    }

    pub(crate) fn statements(&self, ran: u64) {
        self.statements.fetch_add(ran, Ordering::Relaxed);
    }

    /// A job that writes has ended.
    pub(crate) fn write(&self, committed: bool) {
        let counter = if committed { &self.commits } else { &self.undone };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn tally(&self) -> Tally {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            statements: of(&self.statements),
            commits: of(&self.commits),
            undone: of(&self.undone),
            reads: of(&self.reads),
        }
    }
}

/// A connection that is open, for as long as this is held.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(open: &Arc<AtomicUsize>) -> Counted {
        open.fetch_add(1, Ordering::Relaxed);
        Counted(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::ops::Sub for Tally {
    type Output = Tally;

    /// What was done between two looks.
    fn sub(self, earlier: Tally) -> Tally {
        Tally {
            statements: self.statements - earlier.statements,
            commits: self.commits - earlier.commits,
            undone: self.undone - earlier.undone,
            reads: self.reads - earlier.reads,
        }
    }
}
