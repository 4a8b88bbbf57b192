//! Levels: what a sign-in has proven, what the place asks of whom, and what happens when it begins to ask for more.

use store::{policies, users};

use crate::config::Factors;
use crate::{App, Result, Role};

/// What a sign-in has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A code alone: one factor.
    Code,
    /// A password and a code.
    Full,
}

impl Level {
    /// As it stands in a row.
    pub(crate) fn number(self) -> i64 {
        match self {
            Level::Code => 1,
            Level::Full => 2,
        }
    }

    /// From a row. What we do not know is the lowest.
    pub(crate) fn of_row(number: i64) -> Level {
        if number == 2 { Level::Full } else { Level::Code }
    }

    /// The level of somebody who has given everything they have.
    pub(crate) fn held(has_password: bool) -> Level {
        if has_password { Level::Full } else { Level::Code }
    }
}

impl Factors {
    /// What is asked of somebody with that role: whoever looks after others always has a password.
    pub fn asked_of(self, role: Role) -> Level {
        match (self, role) {
            (Factors::Code, Role::User) => Level::Code,
            _ => Level::Full,
        }
    }
}

const FACTORS: &str = "login.factors";

/// Notes what the place asks for. Where it asks for a password since this start, people without one get the time of grace
/// to choose one. Answers how many they are; for a server that starts.
pub async fn note_policy(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let (factors, until) = (app.config.factors, now.plus_seconds(app.config.grace_seconds()));
    app.db
        .write(move |tx| {
            let before = policies::find(tx, FACTORS)?;
            let switched = policies::switch(tx, FACTORS, &factors.to_string(), now)?;
            let asks_for_more =
                factors == Factors::PasswordAndCode && before == Some(Factors::Code.to_string());
            Ok(if switched && asks_for_more { users::give_grace_to_all(tx, until)? } else { 0 })
        })
        .await
}
