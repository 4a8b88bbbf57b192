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
    /// The machine's clock, off by so many milliseconds. For tests.
    Off(i64),
    /// A clock that only moves when it is told to, in Unix milliseconds.
    Frozen {
        /// What it shows.
        shown: Arc<AtomicI64>,
        /// The time that has passed by the clock that only counts.
        counted: Arc<AtomicI64>,
    },
}

/// What two clocks say: one that shows the time and may be set, and one that only counts, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) shown: Time,
    pub(crate) counted: i64,
}

impl Clock {
    /// A clock that stands still at `now`.
    pub fn frozen(now: Time) -> Clock {
        Clock::Frozen { shown: Arc::new(AtomicI64::new(now.millis())), counted: Arc::default() }
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
            Clock::Off(millis) => Time::from_millis(Clock::System.now().millis() + millis),
            Clock::Frozen { shown, .. } => Time::from_millis(shown.load(Ordering::SeqCst)),
        }
    }

    /// What it shows, and what has been counted.
    pub(crate) fn moment(&self) -> Moment {
        let counted = match self {
            Clock::System | Clock::Off(_) => {
                // Goes on while a laptop sleeps, unlike the one behind `Instant`: waking up is no jump.
                let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1_000_000
            }
            Clock::Frozen { counted, .. } => counted.load(Ordering::SeqCst),
        };
        Moment { shown: self.now(), counted }
    }

    /// Whether time passes by itself.
    pub(crate) fn runs(&self) -> bool {
        !matches!(self, Clock::Frozen { .. })
    }

    /// Lets time pass by a frozen clock; the system's is left alone.
    pub fn advance(&self, seconds: i64) {
        self.set(seconds);
        if let Clock::Frozen { counted, .. } = self {
            counted.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }

    /// Sets a frozen clock by so many seconds, forward or back, while no time passes.
    pub fn set(&self, seconds: i64) {
        if let Clock::Frozen { shown, .. } = self {
            shown.fetch_add(seconds * 1000, Ordering::SeqCst);
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

/// An instant as somebody types it: `30m`, `24h`, `7d` or `2w` before now, a day as `2026-11-24`, or `2026-11-24T14:05:32Z`.
pub fn moment(typed: &str, now: Time) -> Result<Time, String> {
    let text = typed.trim();
    let wrong = || {
        format!(
            "`{}` is no time: write 30m, 24h or 7d, or 2026-11-24, or 2026-11-24T14:05:32Z",
            crate::plain::line(typed)
        )
    };
    if let Some((number, unit)) = text.char_indices().next_back().map(|(at, unit)| (&text[..at], unit))
        && let Some((_, seconds)) =
            [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)].iter().find(|(u, _)| *u == unit)
    {
        // A span longer than time itself begins where time does.
        let number = number.parse::<u32>().map_err(|_| wrong())?;
        return Ok(now.plus_seconds(-(i64::from(number) * seconds)));
    }
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-11-24".len());
    let text = day.map_or_else(|| text.to_owned(), |day| format!("{day}T00:00:00Z"));
    let instant = text.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
    Ok(Time::from_millis(instant.as_millisecond()))
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

    #[test]
    fn a_moment_is_read_as_people_type_it() {
        let now = Time::from_millis(1_795_529_132_999);
        let read = |text: &str| moment(text, now).map(timestamp);
        for (typed, meant) in [
            ("30m", "2026-11-24T13:35:32Z"),
            ("24h", "2026-11-23T14:05:32Z"),
            ("1w", "2026-11-17T14:05:32Z"),
            ("2026-11-24", "2026-11-24T00:00:00Z"),
            ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z"),
        ] {
            assert_eq!(read(typed).as_deref(), Ok(meant), "{typed}");
        }
        for wrong in [
            "",
            "h",
            "-1h",
            "1.5h",
            "4294967296h",
            "ä",
            "yesterday",
            "2026-13-01",
            "2026-11-24T10:00:00",
            "1ä",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
