//! What the database was asked to do since it was opened. Counted, so that a test can show that two requests cost the same,
//! and so that whoever runs the place can be shown what goes on.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// The counters themselves. Nothing depends on their order, so they are as cheap as counting can be.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    statements: AtomicU64,
    commits: AtomicU64,
    undone: AtomicU64,
    reads: AtomicU64,
}

impl Counters {
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
