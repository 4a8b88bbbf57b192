//! Roles: what somebody may do to the place itself.

use std::fmt;
use std::str::FromStr;

/// What somebody may do to the place itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Signs in.
    User,
    /// Looks after people.
    Admin,
    /// Looks after everything, administrators too.
    Owner,
}

impl Role {
    /// As it stands in the database and on the command line.
    pub fn text(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// From a row. A role that we do not know may do nothing.
    pub(crate) fn of_row(text: &str) -> Role {
        text.parse().unwrap_or(Role::User)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Role::User),
            "admin" => Ok(Role::Admin),
            "owner" => Ok(Role::Owner),
            _ => Err("a role is one of user, admin, owner".into()),
        }
    }
}
