//! Who asks, what has to be proven, and what is decided of them.

use store::Time;

use crate::Level;
use crate::readiness::CLOCKS_APART;

/// Somebody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// Their name as typed.
    pub name: &'a str,
    /// The groups they belong to.
    pub groups: &'a [String],
    /// What they have proven.
    pub level: Level,
    /// When.
    pub proved_at: Time,
    /// A program shows a token of theirs, and they are not there themselves.
    pub by_token: bool,
}

/// What is decided, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// May come through.
    Allow,
    /// Has to sign in first: it depends on who that is.
    SignIn,
    /// Is signed in, and may come through once all that is needed has been given again: the level is too low, or the proof
    /// too old.
    Prove,
    /// May not come through.
    Refuse,
}

/// What has to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// How much.
    pub level: Level,
    /// How many seconds ago at most; `None`: in the session at any time.
    pub max_age: Option<i64>,
}

impl Needed {
    /// Whether somebody has proven it.
    pub(super) fn is_given(&self, person: &Person<'_>, now: Time) -> bool {
        let age = now.millis_since(person.proved_at);
        // Another node's clock may be a little ahead of ours. A proof of the future is none.
        let fresh = self.max_age.is_none_or(|most| (-CLOCKS_APART..=most * 1000).contains(&age));
        person.level >= self.level && fresh
    }

    /// What meets both.
    pub(super) fn both(one: Option<Needed>, other: Option<Needed>) -> Option<Needed> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        let max_age = [one.max_age, other.max_age].into_iter().flatten().min();
        Some(Needed { level: one.level.max(other.level), max_age })
    }
}
