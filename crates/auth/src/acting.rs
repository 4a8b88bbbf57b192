//! Who looks after people and groups: whoever has the machine, an administrator who is signed in, or a program with a token.
//! How far they reach is judged inside the transaction of the change, by what is true there and then.

use store::{Time, Tx, claims};

use crate::api_token::{ApiToken, Scope};
use crate::audit::{Happened, Scribe, Whom};
use crate::config::Factors;
use crate::session::Session;
use crate::{App, Error, Result, Role, Visit, account};

/// Who changes something.
#[derive(Clone, Debug)]
pub enum By {
    /// The command line: whoever has the machine may do everything.
    Command,
    /// Somebody who is signed in, and has proven a short while ago who they are, as for a change of their own account.
    Session(Box<Session>),
    /// A program with a token. Not even the token of an owner reaches further than an administrator does.
    Program(ApiToken),
}

/// Who changes something, where, and from where. `&App` alone is the command line.
#[derive(Clone, Debug)]
pub struct Acting<'a> {
    pub(crate) app: &'a App,
    by: By,
    visit: Visit,
}

impl<'a> Acting<'a> {
    /// Somebody who came from there.
    pub fn new(app: &'a App, by: By, visit: &Visit) -> Acting<'a> {
        Acting { app, by, visit: visit.clone() }
    }

    /// The part of it that goes into the transaction.
    pub(crate) fn actor(self, now: Time) -> Actor {
        let (scribe, factors) = (self.app.scribe(&self.visit, now), self.app.config.factors);
        Actor { by: self.by, scribe, factors, now }
    }
}

impl<'a> From<&'a App> for Acting<'a> {
    fn from(app: &'a App) -> Self {
        Acting { app, by: By::Command, visit: Visit::default() }
    }
}

/// Whoever acts, inside the transaction.
pub(crate) struct Actor {
    by: By,
    scribe: Scribe,
    factors: Factors,
    now: Time,
}

/// Whom somebody may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody, and their roles.
    Everybody,
    /// Those who look after nobody.
    Users,
}

impl Actor {
    /// Waits for whoever else changes people or groups, and says how far this one reaches now. One at a time, or two owners
    /// could each remove the other, and somebody could be changed by whoever is no administrator any more.
    pub(crate) fn begin(&self, tx: &mut Tx<'_>) -> Result<Reach> {
        claims::lock(tx, "people", self.now)?;
        match &self.by {
            By::Command => Ok(Reach::Everybody),
            By::Session(session) => {
                let (_, user) = account::proved(tx, session, self.now)?;
                match Role::of_row(&user.role) {
                    Role::Owner => Ok(Reach::Everybody),
                    Role::Admin => Ok(Reach::Users),
                    Role::User => Err(Error::Forbidden),
                }
            }
            By::Program(token) => {
                let allowed = token.allows_still(tx, Scope::PeopleWrite, (self.factors, self.now))?;
                if allowed { Ok(Reach::Users) } else { Err(Error::Expired) }
            }
        }
    }

    /// Records an event, and by whom it is.
    pub(crate) fn record(
        &self,
        tx: &mut Tx<'_>,
        happened: Happened,
        whom: Whom<'_>,
        detail: &[(&str, &str)],
    ) -> Result<()> {
        let mut detail = detail.to_vec();
        match &self.by {
            By::Command => {}
            By::Session(session) => detail.push(("by", &session.name)),
            By::Program(token) => {
                detail.extend(token.owner.as_ref().map(|owner| ("by", owner.name.as_str())));
                detail.push(("token", &token.name));
            }
        }
        self.scribe.record(tx, happened, whom, &detail)
    }
}

impl Reach {
    /// Refuses what is done to somebody with this role, or gives it.
    pub(crate) fn refuse_beyond(self, role: Role) -> Result<()> {
        if self == Reach::Everybody || role == Role::User { Ok(()) } else { Err(Error::Forbidden) }
    }
}
