//! What people try, counted since the program started, and everything that a server can tell about itself in numbers. What they are
//! called and how they are written is known to `web/metrics.rs`. No name, no address and nothing that anybody typed is in them.

use std::fmt;
use std::sync::Arc;

use store::{Activity, Counter, Db, Spread, Time, Tx, events, seals};

use crate::app_session::Recall;
use crate::audit::Happened;
use crate::drift::FARTHEST;
use crate::error::Hint;
use crate::hasher::Hashing;
use crate::limits::Kind;
use crate::{App, Error, Unready};

/// Bounds of how far phones are off, in steps.
const DRIFTS: &[i64] = &[-20, -10, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10, 20];

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    PasswordWrong,
    NameOrCodeWrong,
    CodeWrong,
    CodeReplayed,
    Rested,
    Closed,
    Malformed,
    Expired,
    Busy,
    DatabaseAway,
    Unjudged,
    Refused,
    Broken,
}

impl Ended {
    const ALL: [Ended; 14] = [
        Ended::Completed,
        Ended::PasswordWrong,
        Ended::NameOrCodeWrong,
        Ended::CodeWrong,
        Ended::CodeReplayed,
        Ended::Rested,
        Ended::Closed,
        Ended::Malformed,
        Ended::Expired,
        Ended::Busy,
        Ended::DatabaseAway,
        Ended::Unjudged,
        Ended::Refused,
        Ended::Broken,
    ];

    fn word(self) -> &'static str {
        match self {
            Ended::Completed => "completed",
            Ended::PasswordWrong => "password_wrong",
            Ended::NameOrCodeWrong => "name_or_code_wrong",
            Ended::CodeWrong => "code_wrong",
            Ended::CodeReplayed => "code_replayed",
            Ended::Rested => "rested",
            Ended::Closed => "closed",
            Ended::Malformed => "malformed",
            Ended::Expired => "expired",
            Ended::Busy => "busy",
            Ended::DatabaseAway => "database_away",
            Ended::Unjudged => "unjudged",
            Ended::Refused => "refused",
            Ended::Broken => "broken",
        }
    }

    fn of(error: &Error) -> Ended {
        match error {
            Error::BadCredentials => Ended::PasswordWrong,
            Error::BadNameOrCode => Ended::NameOrCodeWrong,
            Error::WrongCode(Hint::Used) => Ended::CodeReplayed,
            Error::WrongCode(_) => Ended::CodeWrong,
            Error::TooManyTries { .. } => Ended::Rested,
            Error::CodesClosed | Error::DoorClosed => Ended::Closed,
            Error::Rules(_) => Ended::Malformed,
            Error::Expired => Ended::Expired,
            Error::Busy => Ended::Busy,
            Error::Away(_) => Ended::DatabaseAway,
            Error::Unjudged(_) => Ended::Unjudged,
            Error::Broken(_) => Ended::Broken,
            _ => Ended::Refused,
        }
    }
}

/// The counters of the rules, shared by all clones.
#[derive(Clone)]
pub(crate) struct Meters(Arc<Counters>);

struct Counters {
    events: [Counter; Happened::ALL.len()],
    sign_ins: [Counter; Ended::ALL.len()],
    tries: [Counter; Kind::ALL.len()],
    rests: Counter,
    /// By steps, from the phone that is farthest behind on.
    drift: Vec<Counter>,
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters(…)")
    }
}

impl Default for Meters {
    fn default() -> Self {
        let counter = |_| Counter::default();
        Meters(Arc::new(Counters {
            events: std::array::from_fn(counter),
            sign_ins: std::array::from_fn(counter),
            tries: std::array::from_fn(counter),
            rests: Counter::default(),
            drift: (-FARTHEST..=FARTHEST).map(|_| Counter::default()).collect(),
        }))
    }
}

impl Meters {
    /// An event was written, and stands for so many of its kind.
    pub(crate) fn happened(&self, tx: &mut Tx<'_>, happened: Happened, count: i64) {
        tx.count(&self.0.events[happened as usize], u64::try_from(count).unwrap_or(0));
    }

    /// A try was taken, and is judged.
    pub(crate) fn tried(&self, tx: &mut Tx<'_>, kind: Kind) {
        tx.count(&self.0.tries[kind as usize], 1);
    }

    /// A code was right whose phone is so many steps off.
    pub(crate) fn drifted(&self, tx: &mut Tx<'_>, steps: i64) {
        let at = usize::try_from(steps.clamp(-FARTHEST, FARTHEST) + FARTHEST).unwrap_or(0);
        tx.count(&self.0.drift[at], 1);
    }

    /// Somebody was told to wait.
    pub(crate) fn rested(&self) {
        self.0.rests.add(1);
    }

    /// A sign-in is complete.
    pub(crate) fn signed_in(&self) {
        self.0.sign_ins[Ended::Completed as usize].add(1);
    }

    /// A sign-in has come to nothing.
    pub(crate) fn not_signed_in(&self, error: &Error) {
        self.0.sign_ins[Ended::of(error) as usize].add(1);
    }

    fn drift(&self) -> Spread {
        let mut spread = Spread { bounds: DRIFTS, counts: vec![0; DRIFTS.len() + 1], sum: 0 };
        for (steps, counter) in (-FARTHEST..=FARTHEST).zip(&self.0.drift) {
            let count = counter.value();
            spread.counts[DRIFTS.partition_point(|bound| *bound < steps)] += count;
            spread.sum += steps * i64::try_from(count).unwrap_or(i64::MAX);
        }
        spread
    }
}

/// Numbers, each with the word that stands for what was counted.
pub type Counts = Vec<(&'static str, u64)>;

/// Everything that a server can tell about itself in numbers.
#[derive(Clone, Debug)]
pub struct Readings {
    /// Why it should not be asked anything now, if it should not.
    pub ready: Result<(), Unready>,
    /// When it was opened.
    pub opened_at: Time,
    /// Sign-ins, by how they ended.
    pub sign_ins: Counts,
    /// Events of the audit log.
    pub events: Counts,
    /// Tries that were judged, by what was guessed at.
    pub tries: Counts,
    /// Tries that were not judged, since whoever made them has to wait.
    pub rests: u64,
    /// How far phones are off whose codes were right, in steps.
    pub drift: Spread,
    /// The threads that hash.
    pub hashing: Hashing,
    /// What checks found in memory.
    pub recall: Recall,
    /// The database.
    pub database: Activity,
    /// The schema of the database.
    pub schema: i64,
    /// The end of the audit log; `None` while the database does not answer.
    pub log: Option<LogEnd>,
}

/// The end of the audit log.
#[derive(Clone, Copy, Debug)]
pub struct LogEnd {
    /// When it was last sealed, if ever.
    pub sealed_at: Option<Time>,
    /// For how many milliseconds the oldest event has waited for its seal.
    pub unsealed_for: i64,
}

impl App {
    /// Looks at everything.
    pub async fn readings(&self) -> Readings {
        let counted = |(word, counter): (&'static str, &Counter)| (word, counter.value());
        let Counters { events, sign_ins, tries, rests, .. } = &*self.meters.0;
        Readings {
            ready: self.health().await,
            opened_at: self.opened_at,
            sign_ins: Ended::ALL.map(Ended::word).into_iter().zip(sign_ins).map(counted).collect(),
            events: Happened::ALL.map(Happened::text).into_iter().zip(events).map(counted).collect(),
            tries: Kind::ALL.map(Kind::text).into_iter().zip(tries).map(counted).collect(),
            rests: rests.value(),
            drift: self.meters.drift(),
            hashing: self.hasher.hashing(),
            recall: self.remembered.recall(),
            database: self.db.activity(),
            schema: Db::SCHEMA,
            log: self.log_end().await,
        }
    }

    async fn log_end(&self) -> Option<LogEnd> {
        let now = self.clock.now();
        let db = self.db.with_deadline(crate::SOON);
        let looked = db.scan(move |conn| {
            let unsealed = events::first_unsealed(conn)?;
            let unsealed_for = unsealed.map_or(0, |at| now.millis_since(at).max(0));
            Ok::<_, Error>(LogEnd { sealed_at: seals::last_at(conn)?, unsealed_for })
        });
        looked.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_where_it_is_counted() {
        for (at, ended) in Ended::ALL.into_iter().enumerate() {
            assert_eq!(ended as usize, at, "{ended:?}");
        }
        for (at, happened) in Happened::ALL.into_iter().enumerate() {
            assert_eq!(happened as usize, at, "{happened:?}");
        }
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{kind:?}");
        }
    }

    #[test]
    fn drift_is_spread_over_steps_before_and_behind() {
        let meters = Meters::default();
        for (at, times) in [(0, 1), (19, 2), (20, 5), (21, 3), (40, 1)] {
            meters.0.drift[at].add(times);
        }
        let Spread { counts, sum, .. } = meters.drift();
        assert_eq!(counts, [1, 0, 0, 0, 0, 2, 5, 3, 0, 0, 0, 0, 1, 0]);
        assert_eq!(sum, -20 - 2 + 3 + 20);
    }
}
