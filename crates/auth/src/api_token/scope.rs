//! What a token is for.

use std::fmt;
use std::str::FromStr;

use crate::Role;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To ask whether a code is right.
    Verify,
    /// To see people and groups.
    PeopleRead,
    /// To change people and groups.
    PeopleWrite,
    /// To see the account of its owner.
    AccountRead,
    /// To come through to programs as its owner, where a rule takes tokens.
    Apps,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 5] =
        [Scope::Verify, Scope::PeopleRead, Scope::PeopleWrite, Scope::AccountRead, Scope::Apps];

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Scope::Verify => "verify",
            Scope::PeopleRead => "people:read",
            Scope::PeopleWrite => "people:write",
            Scope::AccountRead => "account:read",
            Scope::Apps => "apps",
        }
    }

    /// Whether a token of somebody with that role, or of a program alone, may be for this.
    pub fn fits(self, owner: Option<Role>) -> bool {
        match self {
            Scope::Verify | Scope::PeopleRead | Scope::PeopleWrite => {
                owner.is_none_or(|role| role >= Role::Admin)
            }
            Scope::AccountRead | Scope::Apps => owner.is_some(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let known = Scope::ALL.into_iter().find(|scope| scope.text() == text);
        known.ok_or_else(|| {
            format!("there is no such scope; there is {}", Scope::ALL.map(Scope::text).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.text().parse(), Ok(scope));
        }
        for text in ["", "Verify", "people", "people:*", "apps ", "verify apps"] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_token_is_for_nothing_that_its_owner_has_no_right_to() {
        let of = |owner| Scope::ALL.map(|scope| scope.fits(owner));
        assert_eq!(of(None), [true, true, true, false, false]);
        assert_eq!(of(Some(Role::User)), [false, false, false, true, true]);
        assert_eq!(of(Some(Role::Admin)), [true; 5]);
        assert_eq!(of(Some(Role::Owner)), [true; 5]);
    }
}
