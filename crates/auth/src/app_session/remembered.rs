//! Who was found at the hosts of programs a moment ago. It holds while the database is in the same state, as `store` tells it: when
//! anything was ended or taken from anybody, all of it is forgotten. So whoever was signed out, disabled or taken out of a group is
//! not in it. What passes with time is not remembered: whether a session is over is judged anew at each check.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use siphasher::sip128::SipHasher24;
use store::sessions::Live;
use store::{Counter, Id, State, Time};

use super::Visitor;
use crate::seen::Sight;
use crate::{Random, Role, Token};

/// How many are remembered at most.
const MOST: usize = 220_000;
/// How long, in milliseconds: what was changed by somebody else than Latchkey is found then.
const FOR: i64 = 30_000;

/// A session at the host of a program, as it was read: as much of it as a check needs, since there may be many.
pub(super) struct Found {
    pub(super) origin: Box<str>,
    id: Id,
    pub(super) role: Role,
    pub(super) keep: bool,
    /// In milliseconds, as [`Time`] counts.
    seen_at: AtomicI64,
    pub(super) idle_at: Time,
    pub(super) expires_at: Time,
    pub(super) visitor: Arc<Visitor>,
    read_at: Time,
}

impl Found {
    pub(super) fn new(origin: String, live: &Live, visitor: Visitor, read_at: Time) -> Found {
        let Live { id, keep, seen_at, idle_at, expires_at, .. } = live.clone();
        let (origin, visitor, role) = (origin.into(), Arc::new(visitor), Role::of_row(&live.role));
        let seen_at = seen_at.millis().into();
        Found { origin, id, role, keep, seen_at, idle_at, expires_at, visitor, read_at }
    }

    /// That it is seen.
    pub(super) fn sight(&self) -> Sight<'_> {
        let Found { id, idle_at, expires_at, .. } = self;
        let seen_at = Time::from_millis(self.seen_at.load(Ordering::Relaxed));
        Sight { id, seen_at, idle_at: *idle_at, expires_at: *expires_at }
    }

    /// Remembers that it was noted, so that nobody notes it again for a while.
    pub(super) fn noted(&self, now: Time) {
        self.seen_at.store(now.millis(), Ordering::Relaxed);
    }
}

/// What is remembered, shared by all clones.
#[derive(Clone)]
pub(crate) struct Remembered {
    /// Of this process alone. By what it makes of a token nobody can find that, or another that it makes the same of.
    hasher: SipHasher24,
    kept: Arc<RwLock<Kept>>,
    hits: Counter,
    misses: Counter,
}

/// How often it was of use.
#[derive(Clone, Copy, Debug)]
pub struct Recall {
    /// Checks of sessions that were answered from memory.
    pub hits: u64,
    /// Those that asked the database.
    pub misses: u64,
    /// Sessions that are remembered.
    pub kept: usize,
}

/// By a keyed hash of the token, which takes a tenth of the time of the MAC that is kept.
type Sessions = HashMap<u128, Arc<Found>>;

#[derive(Default)]
struct Kept {
    /// What the database was when all of this was read.
    state: Option<State>,
    /// Those that were read last, half of all at most.
    newer: Sessions,
    /// Those before them. They go when there are as many newer ones again.
    older: Sessions,
}

impl Kept {
    fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(…)")
    }
}

impl Remembered {
    /// Nothing is remembered yet.
    pub(crate) fn new() -> Remembered {
        let hasher = SipHasher24::new_with_key(&Random::Os.bytes::<16>());
        Remembered { hasher, kept: Arc::default(), hits: Counter::default(), misses: Counter::default() }
    }

    fn key(&self, token: &Token) -> u128 {
        self.hasher.hash(token.bytes()).as_u128()
    }

    /// What was read for this token, if the database is still what it was then, and that was not long ago.
    pub(super) fn find(&self, state: Option<State>, token: &Token, now: Time) -> Option<Arc<Found>> {
        let key = self.key(token);
        let is_fresh = |found: &&Arc<Found>| (0..FOR).contains(&now.millis_since(found.read_at));
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let same = state.is_some() && kept.state == state;
        let found = kept.newer.get(&key).or_else(|| kept.older.get(&key));
        found.filter(|_| same).filter(is_fresh).cloned()
    }

    /// What was found was of use.
    pub(super) fn hit(&self) {
        self.hits.add(1);
    }

    /// The database has to be asked.
    pub(super) fn missed(&self) {
        self.misses.add(1);
    }

    /// How often it was of use so far.
    pub(crate) fn recall(&self) -> Recall {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).len();
        Recall { hits: self.hits.value(), misses: self.misses.value(), kept }
    }

    /// Remembers what was read after the database was found to be in this state. Should it have changed in between, the next
    /// look finds another state, and this forgotten.
    pub(super) fn keep(&self, state: Option<State>, token: &Token, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        if state.is_some() {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.state != state {
                *kept = Kept { state, ..Kept::default() };
            }
            if kept.newer.len() >= MOST / 2 {
                kept.older = std::mem::take(&mut kept.newer);
            }
            let key = self.key(token);
            kept.older.remove(&key);
            kept.newer.insert(key, found.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use store::rule_books::{self, RuleBook};

    use super::*;
    use crate::Level;

    fn found(read_at: i64) -> Found {
        let time = Time::from_millis(0);
        let live = Live {
            id: Id::new("s"),
            user_id: Id::new("u"),
            name: "ada".to_owned(),
            role: "user".to_owned(),
            keep: false,
            created_at: time,
            seen_at: time,
            proved_at: time,
            level: 2,
            has_password: true,
            idle_at: time,
            expires_at: time,
        };
        let (name, groups, level) = ("ada".to_owned(), Vec::new(), Level::of_row(2));
        let visitor = Visitor { name, groups, level, proved_at: time, by_token: false };
        Found::new(String::new(), &live, visitor, Time::from_millis(read_at))
    }

    /// Two states of a database, one after the other.
    async fn states() -> [State; 2] {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("l.db").display());
        let db = store::Db::open(&url, Time::from_millis(0)).await.unwrap();
        let before = db.state().unwrap();
        let book = || RuleBook { revision: 1, rules: "[]".to_owned() };
        db.write(move |tx| rule_books::replace(tx, &book(), 0, Time::from_millis(0))).await.unwrap();
        [before, db.state().unwrap()]
    }

    #[tokio::test]
    async fn it_is_bounded_and_forgets_those_that_were_read_first() {
        let ([state, other], remembered) = (states().await, Remembered::new());
        let now = Time::from_millis(0);
        let tokens: Vec<Token> = (0..MOST * 2).map(|_| Random::Os.token()).collect();
        for token in &tokens {
            remembered.keep(Some(state), token, found(0));
            assert!(remembered.recall().kept <= MOST);
        }
        let has = |state, token: &Token| remembered.find(state, token, now).is_some();
        let (first, last) = (&tokens[..MOST], &tokens[MOST * 3 / 2..]);
        assert!(last.iter().all(|token| has(Some(state), token)), "the newer half is there");
        assert!(!first.iter().any(|token| has(Some(state), token)), "and the first are not");
        assert!(!has(None, &last[0]), "where nobody knows what the database holds");
        assert!(!has(Some(other), &last[0]), "or it holds something else");
        remembered.keep(Some(other), &first[0], found(0));
        assert_eq!(remembered.recall().kept, 1);
    }

    #[tokio::test]
    async fn what_was_read_is_good_for_half_a_minute_and_never_before_it_was_read() {
        let ([state, _], remembered) = (states().await, Remembered::new());
        let token = Random::Os.token();
        remembered.keep(Some(state), &token, found(50_000));
        for (now, good) in [(49_999, false), (50_000, true), (79_999, true), (80_000, false)] {
            let there = remembered.find(Some(state), &token, Time::from_millis(now)).is_some();
            assert_eq!(there, good, "{now}");
        }
    }
}
