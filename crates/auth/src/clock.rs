//! The clock: the system's, or one that a test holds still.
//!
//! `now` is read once at the top of a use-case and passed down from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

use store::Time;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that only moves when it is told to, in Unix milliseconds.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `now`.
    pub fn frozen(now: Time) -> Clock {
        Clock::Frozen(Arc::new(AtomicI64::new(now.millis())))
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        match self {
            Clock::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
                let now = std::time::SystemTime::now();
                // A clock set before 1970 is a broken machine; zero keeps every expiry in the future, and /readyz complains.
                let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Clock::Frozen(millis) => Time::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a frozen clock; the system's is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Clock::Frozen(millis) = self {
            millis.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}

/// `14:05:32 UTC`: how pages say a time of today.
pub fn time_of_day(at: Time) -> String {
    written(at, "%H:%M:%S UTC")
}

/// `2026-11-24 14:05 UTC`: how pages and the command line say a day and a time.
pub fn date_and_time(at: Time) -> String {
    written(at, "%Y-%m-%d %H:%M UTC")
}

/// `2026-11-24`.
pub fn date(at: Time) -> String {
    written(at, "%Y-%m-%d")
}

/// `2026-11-24T14:05:32Z`: how programs read it, RFC 3339.
pub fn timestamp(at: Time) -> String {
    written(at, "%Y-%m-%dT%H:%M:%SZ")
}

fn written(at: Time, format: &str) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let at = Time::from_millis(1_795_529_132_999);
        assert_eq!(time_of_day(at), "14:05:32 UTC");
        assert_eq!(date_and_time(at), "2026-11-24 14:05 UTC");
        assert_eq!(timestamp(at), "2026-11-24T14:05:32Z");
    }
}
