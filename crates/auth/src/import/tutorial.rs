//! The tutorial's `users.db`: a table `user` with a name and a secret in base32, SHA-1, six digits, thirty seconds.

use std::path::Path;

use otp::{Key, Secret};
use store::foreign;

use super::gather::{Plan, Read, Twice};
use crate::{Error, Result};

/// The issuer that stands in the tutorial, and so on its people's phones.
pub const ISSUER: &str = "YourApp";

/// Reads the tutorial's database. Nothing is written to it, and nothing in it is run.
pub fn tutorial(path: &Path, issuer: &str) -> Result<Plan> {
    let mut plan = Plan::new("tutorial");
    foreign::tutorial(path, &mut |row| {
        let Some(name) = row.username else { return plan.refuse(row.id, "its username is no text") };
        let key = match row.otp_secret {
            None => Err("its secret is no text".to_owned()),
            Some(text) if text.trim().is_empty() => Err("it has no secret".to_owned()),
            Some(text) => Secret::from_base32(text).map(Key::new).map_err(|error| error.to_string()),
        };
        let label = format!("{issuer}: {name}");
        plan.add(Read { row: row.id, name, label, key, disabled: false }, Twice::Refused);
    })
    .map_err(|error| match error {
        store::Error::Refused(why) => Error::Refused(why.to_string()),
        other => other.into(),
    })?;
    Ok(plan)
}
