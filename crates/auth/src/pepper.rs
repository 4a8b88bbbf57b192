//! Peppers: the secrets that passwords are hashed with, beside the salt. A stored hash names its pepper by the PHC parameter
//! `keyid`; one that names none has the first. Old ones still verify, and a sign-in moves its hash to the newest.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;

use crate::master_key::Key;

/// What every id begins with. Only the number behind it is written into a hash: a `keyid` has at most eight bytes.
const PREFIX: &str = "pepper-";
/// The pepper of hashes that name none.
const FIRST: &str = "1";

/// The peppers that this process has heard of. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Peppers(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    keys: HashMap<String, Arc<Key>>,
    /// The number of the one for new hashes.
    active: String,
}

impl Peppers {
    /// Adds one, which from now on is the one for new hashes if it is `active`.
    pub(crate) fn add(&self, id: &str, key: Key, active: bool) {
        let Some(number) = id.strip_prefix(PREFIX) else { return };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.keys.insert(number.to_owned(), Arc::new(key));
        if active {
            number.clone_into(&mut known.active);
        }
    }

    /// Whether there is one to hash with.
    pub(crate) fn is_whole(&self) -> bool {
        self.active().is_some()
    }

    /// Whether the one of this id is there.
    pub(crate) fn knows(&self, id: &str) -> bool {
        id.strip_prefix(PREFIX).is_some_and(|number| self.get(number).is_some())
    }

    /// The id of the pepper that a stored hash was made with.
    pub(crate) fn id_of(stored: &str) -> Option<String> {
        let params = Params::try_from(&PasswordHash::new(stored).ok()?).ok()?;
        Some(format!("{PREFIX}{}", number(&params)?))
    }

    /// The pepper for new hashes, with what the parameters of the hash say of it.
    pub(crate) fn active(&self) -> Option<(Vec<u8>, Arc<Key>)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = known.keys.get(&known.active)?.clone();
        // The first is not named, so that hashes of before there were several are like those of today.
        let keyid = if known.active == FIRST { Vec::new() } else { known.active.clone().into_bytes() };
        Some((keyid, key))
    }

    /// The pepper that the parameters of a hash name.
    pub(crate) fn of(&self, params: &Params) -> Option<Arc<Key>> {
        self.get(number(params)?)
    }

    fn get(&self, number: &str) -> Option<Arc<Key>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys.get(number).cloned()
    }
}

/// What a stored hash that was made with this pepper has in it, as a pattern for LIKE; `None` for the first, whose hashes
/// say nothing.
pub(crate) fn mark_of(id: &str) -> Option<String> {
    let number = id.strip_prefix(PREFIX).filter(|number| *number != FIRST)?;
    Some(format!("%keyid={}$%", data_encoding::BASE64_NOPAD.encode(number.as_bytes())))
}

fn number(params: &Params) -> Option<&str> {
    match params.keyid() {
        [] => Some(FIRST),
        named => std::str::from_utf8(named).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit())),
    }
}
