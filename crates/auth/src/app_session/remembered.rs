//! Who was found at the hosts of programs a moment ago. It holds while nothing has been committed to the database, by anybody: any
//! commit at all, and all of it is forgotten. So whoever was signed out, disabled or taken out of a group is not in it. What
//! passes with time is not remembered: whether a session is over is judged anew at each check.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use store::State;
use store::sessions::Live;

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
pub(crate) struct Remembered(Arc<RwLock<Kept>>);

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
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let same = state.is_some() && kept.state == state;
        kept.found.get(mac).filter(|_| same).cloned()
    }

    /// Remembers what was read after the database was found to be in this state. Should it have changed in between, the next
    /// look finds another state, and this forgotten.
    pub(super) fn keep(&self, state: Option<State>, mac: String, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        if state.is_some() {
            let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if kept.state != state || kept.found.len() >= MOST {
                *kept = Kept { state, found: HashMap::new() };
            }
            kept.found.insert(mac, found.clone());
        }
        found
    }
}
