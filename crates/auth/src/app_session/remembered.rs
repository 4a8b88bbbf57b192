//! Who was found at the hosts of programs a moment ago. It holds while nothing has been committed to the database, by anybody: any
//! commit at all, and all of it is forgotten. So whoever was signed out, disabled or taken out of a group is not in it. What
//! passes with time is not remembered: whether a session is over is judged anew at each check.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use store::sessions::Live;
use store::{Counter, State};

use super::Visitor;

/// How many are remembered: with one more all are forgotten.
const MOST: usize = 10_000;

/// A session at the host of a program, as it was read.
pub(super) struct Found {
    pub(super) origin: String,
    pub(super) live: Live,
    pub(super) visitor: Arc<Visitor>,
}

/// What is remembered, shared by all clones.
#[derive(Clone, Default)]
pub(crate) struct Remembered {
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

#[derive(Default)]
struct Kept {
    /// What the database was when all of this was read.
    state: Option<State>,
    /// By the MAC of the token.
    found: HashMap<String, Arc<Found>>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(…)")
    }
}

impl Remembered {
    /// What was read under this MAC, if the database is still what it was then.
    pub(super) fn find(&self, state: Option<State>, mac: &str) -> Option<Arc<Found>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let same = state.is_some() && kept.state == state;
        let found = kept.found.get(mac).filter(|_| same).cloned();
        // After the lock, which others wait for.
        drop(kept);
        if found.is_some() {
            self.hits.add(1)
        } else {
            self.misses.add(1)
        }
        found
    }

    /// How often it was of use so far.
    pub(crate) fn recall(&self) -> Recall {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).found.len();
        Recall { hits: self.hits.value(), misses: self.misses.value(), kept }
    }

    /// Remembers what was read after the database was found to be in this state. Should it have changed in between, the next
    /// look finds another state, and this forgotten.
    pub(super) fn keep(&self, state: Option<State>, mac: String, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        if state.is_some() {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.state != state || kept.found.len() >= MOST {
                *kept = Kept { state, found: HashMap::new() };
            }
            kept.found.insert(mac, found.clone());
        }
        found
    }
}
