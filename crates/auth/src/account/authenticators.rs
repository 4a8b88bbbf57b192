//! The authenticators of an account: several of them, each with a name, and the way to a new phone.

use store::authenticators::{self, Listed};
use store::users::User;
use store::{Conn, Id, Time, users};

use crate::account::proved;
use crate::audit::{Happened, Whom};
use crate::enrollment::{Begun, Pend, Purpose, account_of};
use crate::error::Rule;
use crate::random::Token;
use crate::session::Session;
use crate::{App, Error, Level, Result, Visit};

/// The most that one person may have.
const AT_MOST: usize = 10;
/// The longest name, in characters.
const LONGEST_NAME: usize = 32;

/// An authenticator in the list of its owner.
#[derive(Clone, Debug)]
pub struct AuthenticatorEntry {
    /// Its id.
    pub id: Id,
    /// What its owner calls it; empty when nobody has named it.
    pub name: String,
    /// What the app shows.
    pub label: String,
    /// When its first code was confirmed.
    pub created_at: Time,
    /// When a code of it was last used.
    pub last_used_at: Option<Time>,
    /// Until when it is still good, if a new phone has taken its place.
    pub retires_at: Option<Time>,
}

/// What is to be enrolled.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// One more.
    Further,
    /// A new phone in the place of an old one, which is good for a day more, or ends at once.
    NewPhone {
        /// The one it takes the place of.
        old: Id,
        /// Whether that one ends at once.
        at_once: bool,
    },
}

/// What somebody has, oldest first.
pub async fn list(app: &App, user_id: &Id) -> Result<Vec<AuthenticatorEntry>> {
    let (now, user_id) = (app.clock.now(), user_id.clone());
    let listed = app.db.scan(move |conn| authenticators::list_of_user(conn, &user_id, now)).await?;
    let entry = |listed: Listed| AuthenticatorEntry {
        id: listed.id,
        name: listed.name,
        label: listed.label,
        created_at: listed.created_at,
        last_used_at: listed.last_used_at,
        retires_at: listed.retires_at,
    };
    Ok(listed.into_iter().map(entry).collect())
}

/// Begins to enroll one more, or a new phone. Answers the token of the browser that may enroll; what there is stays as it is
/// until the first code of the new one.
pub async fn begin(app: &App, session: &Session, (name, wanted): (&str, Wanted)) -> Result<Token> {
    let name = parse_name(name)?;
    let now = app.clock.now();
    let draft = Pend::new(app, now);
    let token = draft.token.clone();
    let (session, vault) = (session.clone(), app.vault.clone());
    app.db
        .write(move |tx| {
            let (live, user) = proved(tx, &session, now)?;
            users::lock(tx, &user.id)?;
            let theirs = authenticators::list_of_user(tx, &user.id, now)?;
            refuse_another(&theirs, &user.name, &name)?;
            let (name, session) = (name.clone(), live.id.clone());
            let purpose = match &wanted {
                Wanted::Further => Purpose::Add { name, session: Some(session) },
                Wanted::NewPhone { old, at_once } => {
                    // One that retires already has its day, and gets no second one.
                    if !theirs.iter().any(|one| one.id == *old && one.retires_at.is_none()) {
                        return Err(Error::NotFound("this authenticator".into()));
                    }
                    Purpose::Move { name, session, old: old.clone(), at_once: *at_once }
                }
            };
            let level = Level::of_row(live.level);
            let begun = Begun { user: &user, level, keep: live.keep, next: "", password: None };
            draft.begin(tx, &vault, &begun, &purpose)
        })
        .await?;
    Ok(token)
}

/// Gives one another name. What the app on the phone shows stays as it is.
pub async fn rename(app: &App, session: &Session, id: Id, name: &str, visit: &Visit) -> Result<()> {
    let name = parse_name(name)?;
    let now = app.clock.now();
    let (session, scribe) = (session.clone(), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            let (_, user) = proved(tx, &session, now)?;
            users::lock(tx, &user.id)?;
            refuse_equal_names(&authenticators::list_of_user(tx, &user.id, now)?, &name, Some(&id))?;
            if !authenticators::rename(tx, &user.id, &id, &name, now)? {
                return Err(Error::NotFound("this authenticator".into()));
            }
            let whom = Whom { id: Some(&user.id), name: &user.name };
            scribe.record(tx, Happened::AuthenticatorRenamed, whom, &[("to", &name)])
        })
        .await
}

/// Removes one: its codes are good for nothing from now on. Never the last, without which nobody signs in.
pub async fn remove(app: &App, session: &Session, id: Id, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let (session, scribe) = (session.clone(), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            let (_, user) = proved(tx, &session, now)?;
            // Of two that are removed at once, the second sees that the first is gone.
            users::lock(tx, &user.id)?;
            let theirs = authenticators::list_of_user(tx, &user.id, now)?;
            let gone = || Error::NotFound("this authenticator".into());
            let one = theirs.iter().find(|one| one.id == id).ok_or_else(gone)?;
            if is_last(&theirs, &one.id) {
                return Err(Error::LastAuthenticator);
            }
            // Whoever has removed it may have begun later than we, and been faster.
            if !authenticators::retire(tx, &user.id, &id, now, now)? {
                return Err(gone());
            }
            let whom = Whom { id: Some(&user.id), name: &user.name };
            scribe.record(tx, Happened::AuthenticatorRemoved, whom, &[("label", &one.label)])
        })
        .await
}

/// Whether nothing lasting would be left without it. One that retires within a day does not last.
fn is_last(theirs: &[Listed], id: &Id) -> bool {
    !theirs.iter().any(|one| one.id != *id && one.retires_at.is_none())
}

pub(crate) fn parse_name(typed: &str) -> Result<String> {
    let name = typed.trim();
    // A colon would part the label, and the parentheses are ours.
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || matches!(c, ':' | '(' | ')'));
    if fits { Ok(name.to_owned()) } else { Err(Rule::AuthenticatorName.into()) }
}

fn refuse_another(theirs: &[Listed], username: &str, name: &str) -> Result<()> {
    refuse_equal_names(theirs, name, None)?;
    refuse_equal_labels(theirs, &account_of(username, name))?;
    if theirs.len() >= AT_MOST { Err(Rule::TooManyAuthenticators.into()) } else { Ok(()) }
}

/// The name that one more will have, when no session asks for it: the one that was said, none for the first, or a number.
pub(crate) fn free_name(conn: &mut Conn<'_>, user: &User, said: Option<&str>, now: Time) -> Result<String> {
    let theirs = authenticators::list_of_user(conn, &user.id, now)?;
    let name = match said {
        Some(name) => name.to_owned(),
        None if theirs.is_empty() => return Ok(String::new()),
        None => format!("Phone {}", theirs.len() + 1),
    };
    refuse_another(&theirs, &user.name, &name)?;
    Ok(name)
}

fn refuse_equal_names(theirs: &[Listed], name: &str, but: Option<&Id>) -> Result<()> {
    let same = |one: &Listed| one.name.to_lowercase() == name.to_lowercase() && Some(&one.id) != but;
    if theirs.iter().any(same) { Err(Rule::AuthenticatorNameTaken.into()) } else { Ok(()) }
}

/// One that has another name by now still shows the old one in its app, and the app might write the new entry over it.
fn refuse_equal_labels(theirs: &[Listed], account: &str) -> Result<()> {
    let end = format!(": {account}").to_lowercase();
    let same = |one: &Listed| one.label.to_lowercase().ends_with(&end);
    if theirs.iter().any(same) { Err(Rule::AuthenticatorNameTaken.into()) } else { Ok(()) }
}
