//! The one clock of this crate: how long something has taken.

use std::time::{Duration, Instant};

/// Runs since it was started.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    pub(crate) fn start() -> Stopwatch {
        #[expect(clippy::disallowed_methods, reason = "measures how long things take; decides nothing")]
        Stopwatch(Instant::now())
    }

    /// How long it has run.
    pub(crate) fn took(self) -> Duration {
        self.0.elapsed()
    }
}
