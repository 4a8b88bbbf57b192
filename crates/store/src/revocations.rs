//! Revocations, counted, so that what nodes remember of people is true on each of them, with PostgreSQL between them.
//!
//! A transaction that ends anything, or takes it from somebody, raises one number as the last thing before its COMMIT (which statements do
//! is told by [`Sql`]). It holds the row until then, so the number grows in the order of the commits: one that commits late is
//! heard late, and never missed. Every node reads the number while it is asked, and trusts what it remembers only for a moment
//! after that. Its own revocations a node hears at once, before they are answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::job::monotonic;
use crate::{Conn, Result, Sql, State};

/// Raises the number, and holds it until the transaction ends.
pub(crate) const RAISE: Sql = Sql::new(
    "INSERT INTO revocations AS r (slot, number) VALUES ('all', 1) ON CONFLICT (slot) DO UPDATE SET number = r.number + 1",
);
/// How often it is read while somebody asks.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// How long after a question was sent its answer is good for. Together with one check this is less than the second that is promised.
const TRUSTED: Duration = Duration::from_millis(750);

/// How many revocations there have been.
pub(crate) fn number(conn: &mut Conn<'_>) -> Result<i64> {
    const NUMBER: Sql = Sql::new("SELECT number FROM revocations WHERE slot = 'all'");
    Ok(conn.one(NUMBER, &[], |row| row.int(0))?.unwrap_or(0))
}

/// What one node has heard.
#[derive(Default)]
pub(crate) struct Hearing {
    /// Another one for each revocation that was made here or heard of, and after each time in which nothing could be heard.
    heard: AtomicU64,
    last: Mutex<Option<Answer>>,
    /// Whether anybody goes by it. Else nobody needs to read the number.
    asked: AtomicBool,
}

#[derive(Clone, Copy)]
struct Answer {
    number: i64,
    /// When the question was sent.
    at: Instant,
}

impl Hearing {
    /// What this node goes by now. `None` while it cannot hear of revocations.
    pub(crate) fn state(&self) -> Option<State> {
        self.asked.store(true, Ordering::Relaxed);
        // Before the look: what is heard during it counts as later.
        let (now, heard) = (monotonic(), self.heard.load(Ordering::Acquire));
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|answer| answer.is_good(now)).map(|_| State::of(heard))
    }

    /// Whether anybody has asked since this was last looked at.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// This node has revoked something, or may have: nobody knows what became of a COMMIT whose answer was lost.
    pub(crate) fn revoked(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
    }

    /// The number was found to be this one, by a question that was sent then.
    pub(crate) fn heard(&self, number: i64, at: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // After a silence even the same number says nothing: the server may be another one that never had what came in between.
        let goes_on = last.is_some_and(|answer| answer.number == number && answer.is_good(at));
        if !goes_on {
            self.heard.fetch_add(1, Ordering::AcqRel);
        }
        *last = Some(Answer { number, at });
    }
}

impl Answer {
    fn is_good(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < TRUSTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_good_for_a_moment_and_until_something_is_revoked() {
        let hearing = Hearing::default();
        assert!(!hearing.is_asked());
        assert_eq!(hearing.state(), None, "nothing was heard yet");
        assert!(hearing.is_asked(), "and now it is asked for");
        hearing.heard(7, monotonic());
        let first = hearing.state().unwrap();
        hearing.heard(7, monotonic());
        assert_eq!(hearing.state(), Some(first), "nothing was revoked");
        hearing.heard(8, monotonic());
        let second = hearing.state().unwrap();
        assert_ne!(second, first);
        hearing.revoked();
        let third = hearing.state().unwrap();
        assert!(third != second && third != first);
        hearing.heard(7, monotonic());
        assert!(![first, second, third].contains(&hearing.state().unwrap()), "a number that went back");
    }

    #[test]
    fn what_was_heard_long_ago_is_not_believed_and_neither_is_what_was_remembered_then() {
        let hearing = Hearing::default();
        let now = monotonic();
        hearing.heard(7, now);
        let before = hearing.state().unwrap();
        let long_ago = now.checked_sub(TRUSTED).unwrap();
        *hearing.last.lock().unwrap() = Some(Answer { number: 7, at: long_ago });
        assert_eq!(hearing.state(), None);
        hearing.heard(7, monotonic());
        assert_ne!(hearing.state(), Some(before), "the same number after a silence");
        assert!(hearing.state().is_some());
    }

    #[test]
    fn a_revocation_is_heard_everywhere_within_a_second() {
        assert!(TRUSTED + EVERY <= Duration::from_secs(1));
    }
}
