//! The one clock of this crate: how long the start has taken.

use std::time::{Duration, Instant};

/// Runs since the process began.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    pub(crate) fn start() -> Stopwatch {
        #[expect(clippy::disallowed_methods, reason = "measures how long the start takes; decides nothing")]
        Stopwatch(Instant::now())
    }

    /// How long it has run.
    pub(crate) fn took(self) -> Duration {
        self.0.elapsed()
    }
}
