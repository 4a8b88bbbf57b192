//! The two clocks of the attacker: one for how long something took, one that a phone has.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic one.
#[expect(
    clippy::disallowed_methods,
    reason = "an attacker has a watch of their own; nothing of the product reads it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970, as a phone knows them.
#[expect(
    clippy::disallowed_methods,
    reason = "a phone has a clock of its own; nothing of the product reads it"
)]
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Waits.
pub(crate) fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
