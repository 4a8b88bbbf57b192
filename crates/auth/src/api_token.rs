//! Tokens, `lk_…`: what programs show instead of somebody who signs in. Shown once, good for what they were made for, for so
//! long, and until they are revoked.
//!
//! A token belongs to a program alone, or to a person. One of a person is void with everything of theirs: with another
//! password, after a recovery, when they are locked out.

mod scope;
mod wanted;

use std::fmt;

use store::api_tokens::{self, Owned};
use store::users::User;
use store::{Conn, Id, Time, Tx, groups, users};
use zeroize::Zeroizing;

pub use self::scope::Scope;
pub use self::wanted::{DAYS_AT_MOST, Wanted};
use crate::access::Hosts;
use crate::account::proved;
use crate::app_session::Visitor;
use crate::audit::{Happened, Scribe, Whom};
use crate::config::Factors;
use crate::error::Rule;
use crate::name::Name;
use crate::session::Session;
use crate::vault::Purpose;
use crate::{App, Error, Level, Result, Role, Token, Visit};

/// By which people, and programs that look for secrets in the wrong place, know what it is.
const PREFIX: &str = "lk_";
/// The most that programs alone may have, and one person.
const OF_PROGRAMS_AT_MOST: i64 = 1000;
const OF_PERSON_AT_MOST: i64 = 50;
/// How often it is noted that one was used, in milliseconds.
const TOUCH_EVERY: i64 = 60_000;

/// A token as its owner, or whoever runs the place, sees it.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Its id.
    pub id: Id,
    /// What it is called: after the program that has it.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// Where it opens programs; a host, or `*.example.org`.
    pub hosts: Vec<String>,
    /// Whose it is; `None`: of the program alone.
    pub owner: Option<Owner>,
    /// When it was made.
    pub created_at: Time,
    /// Over from then on.
    pub expires_at: Time,
    /// When it was last used, to the minute.
    pub used_at: Option<Time>,
    level: Level,
}

/// Whose a token is, as they are now.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Their id.
    pub id: Id,
    /// Their name as typed.
    pub name: String,
    /// What they may do to the place.
    pub role: Role,
}

/// A token that has just been made, and the only time that it can be shown.
pub struct Made {
    /// What is known of it from now on.
    pub token: ApiToken,
    /// The token itself.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("token", &self.token).finish_non_exhaustive()
    }
}

impl ApiToken {
    /// Whether it allows that now: its owner may have lost the right since.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) && scope.fits(self.owner.as_ref().map(|owner| owner.role))
    }

    /// The same, inside a transaction: by what is true there of the token and of its owner.
    pub(crate) fn allows_still(
        &self,
        conn: &mut Conn<'_>,
        scope: Scope,
        (factors, now): (Factors, Time),
    ) -> Result<bool> {
        let found = api_tokens::live_by_id(conn, &self.id, now)?.map(api_token);
        Ok(found.is_some_and(|token| token.is_enough(factors) && token.allows(scope)))
    }

    /// Whether its owner had proven, when they made it, what they have to prove by now.
    fn is_enough(&self, factors: Factors) -> bool {
        self.owner.as_ref().is_none_or(|owner| self.level >= factors.asked_of(owner.role))
    }

    /// Whether it opens programs at this host.
    fn opens(&self, host: &str) -> bool {
        self.allows(Scope::Apps) && self.hosts.iter().any(|hosts| Hosts::name(hosts, host))
    }
}

fn api_token(owned: Owned) -> ApiToken {
    let Owned { token, name, role } = owned;
    ApiToken {
        id: token.id,
        name: token.name,
        // One that a newer program has given is none that we know.
        scopes: token.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
        hosts: token.hosts.split(' ').filter(|host| !host.is_empty()).map(str::to_owned).collect(),
        owner: token.owner.map(|(id, _)| Owner { id, name, role: Role::of_row(&role) }),
        created_at: token.created_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
        level: Level::of_row(token.level),
    }
}

/// Makes a token by command: for a program alone, or for the person of that name.
///
/// # Errors
/// A name that is taken or that cannot be one, no scope or one that its owner has no right to, no host where one is needed,
/// too many days, or too many tokens.
pub async fn add(app: &App, wanted: Wanted, owner: Option<&str>, visit: &Visit) -> Result<Made> {
    let draft = Draft::new(app, wanted)?;
    let owner = owner.map(Name::parse).transpose()?;
    let scribe = app.scribe(visit, draft.now);
    app.db
        .write(move |tx| {
            let owner = match &owner {
                None => None,
                Some(name) => {
                    let user = users::by_name(tx, name.key())?;
                    let user = user.ok_or_else(|| Error::nobody(name.shown()))?;
                    let level = Level::held(user.password.is_some());
                    Some((user, level))
                }
            };
            let made = draft.insert(tx, owner.as_ref().map(|(user, level)| (user, *level)))?;
            made.record(tx, &scribe, owner.as_ref().map(|(user, _)| user))?;
            Ok(made)
        })
        .await
}

/// Makes a token for whoever is signed in, whose proof is fresh.
///
/// # Errors
/// As [`add`], and [`Error::ProofNeeded`].
pub async fn add_own(app: &App, session: &Session, wanted: Wanted, visit: &Visit) -> Result<Made> {
    let draft = Draft::new(app, wanted)?;
    let (session, scribe) = (session.clone(), app.scribe(visit, draft.now));
    app.db
        .write(move |tx| {
            let (live, user) = proved(tx, &session, draft.now)?;
            let made = draft.insert(tx, Some((&user, Level::of_row(live.level))))?;
            made.record(tx, &scribe, Some(&user))?;
            Ok(made)
        })
        .await
}

/// A token that is about to be made.
struct Draft {
    wanted: Wanted,
    id: Id,
    now: Time,
    mac: String,
    text: Zeroizing<String>,
}

impl Draft {
    fn new(app: &App, wanted: Wanted) -> Result<Draft> {
        let wanted = wanted.checked()?;
        let (now, token) = (app.clock.now(), app.random.token());
        Ok(Draft {
            wanted,
            id: app.random.id(now),
            now,
            mac: app.vault.token_mac(Purpose::ApiToken, &token),
            text: Zeroizing::new(format!("{PREFIX}{}", token.reveal().as_str())),
        })
    }

    fn insert(&self, tx: &mut Tx<'_>, owner: Option<(&User, Level)>) -> Result<Made> {
        let role = owner.map(|(user, _)| Role::of_row(&user.role));
        if !self.wanted.scopes.iter().all(|scope| scope.fits(role)) {
            return Err(Rule::TokenScopes.into());
        }
        let full = match owner {
            Some((user, _)) => {
                // Of two that are made at once, the second counts the first.
                users::lock(tx, &user.id)?;
                api_tokens::remove_void(tx, (&user.id, user.epoch), self.now)?;
                api_tokens::count_of_user(tx, &user.id)? >= OF_PERSON_AT_MOST
            }
            None => api_tokens::count_of_programs(tx)? >= OF_PROGRAMS_AT_MOST,
        };
        if full {
            return Err(Rule::TooManyTokens.into());
        }
        let scopes: Vec<String> = self.wanted.scopes.iter().map(ToString::to_string).collect();
        let row = api_tokens::ApiToken {
            id: self.id.clone(),
            name: self.wanted.name.clone(),
            scopes: scopes.join(" "),
            hosts: self.wanted.hosts.join(" "),
            owner: owner.map(|(user, _)| (user.id.clone(), user.epoch)),
            level: owner.map_or(Level::Full, |(_, level)| level).number(),
            created_at: self.now,
            expires_at: self.wanted.until(self.now),
            used_at: None,
        };
        if !api_tokens::insert(tx, &row, &self.mac)? {
            return Err(Rule::TokenNameTaken.into());
        }
        let (name, role) =
            owner.map_or_else(Default::default, |(user, _)| (user.name.clone(), user.role.clone()));
        Ok(Made { token: api_token(Owned { token: row, name, role }), text: self.text.clone() })
    }
}

impl Made {
    fn record(&self, tx: &mut Tx<'_>, scribe: &Scribe, owner: Option<&User>) -> Result<()> {
        let scopes = self.token.scopes.iter().map(|scope| scope.text()).collect::<Vec<_>>().join(" ");
        let detail = [("token", self.token.name.as_str()), ("scopes", &scopes)];
        scribe.record(tx, Happened::TokenMade, whom(owner), &detail)
    }
}

fn whom(user: Option<&User>) -> Whom<'_> {
    Whom { id: user.map(|user| &user.id), name: user.map_or("", |user| &user.name) }
}

/// Somebody, by a token of theirs that opens programs at this host. With `name`, it has to be theirs.
pub async fn visitor(app: &App, (name, shown): (Option<&str>, &str), host: &str) -> Result<Option<Visitor>> {
    let Some(token) = look(app, shown).await?.filter(|token| token.opens(host)) else { return Ok(None) };
    if let Some(touch) = touch(app, &token) {
        // A check does not wait for it.
        tokio::spawn(touch);
    }
    let ApiToken { owner: Some(Owner { id, name: owner, .. }), level, created_at, .. } = token else {
        return Ok(None);
    };
    if name.is_some_and(|name| !name.eq_ignore_ascii_case(&owner)) {
        return Ok(None);
    }
    let groups = app.db.check(move |conn| groups::of_user(conn, &id)).await?;
    Ok(Some(Visitor { name: owner, groups, level, proved_at: created_at, by_token: true }))
}

/// The token that a program has shown, unless it is over or none of ours.
pub async fn find(app: &App, shown: &str) -> Result<Option<ApiToken>> {
    let token = look(app, shown).await?;
    if let Some(touch) = token.as_ref().and_then(|token| touch(app, token)) {
        touch.await;
    }
    Ok(token)
}

async fn look(app: &App, shown: &str) -> Result<Option<ApiToken>> {
    let Some(token) = shown.strip_prefix(PREFIX).and_then(Token::parse) else { return Ok(None) };
    let (now, mac) = (app.clock.now(), app.vault.token_mac(Purpose::ApiToken, &token));
    let found = app.db.check(move |conn| api_tokens::live(conn, &mac, now)).await?;
    Ok(found.map(api_token).filter(|token| token.is_enough(app.config.factors)))
}

/// Notes that a token was used, if it was not noted a moment ago. Whoever has it is heard even while that cannot be noted.
fn touch(app: &App, token: &ApiToken) -> Option<impl Future<Output = ()> + Send + 'static> {
    let (db, id, now) = (app.db.clone(), token.id.clone(), app.clock.now());
    let is_due = token.used_at.is_none_or(|used| now.millis_since(used) >= TOUCH_EVERY);
    is_due.then_some(async move {
        let _ = db.write(move |tx| api_tokens::touch(tx, &id, now)).await;
    })
}

/// All tokens, by name.
pub async fn all(app: &App) -> Result<Vec<ApiToken>> {
    let rows = app.db.scan(api_tokens::all).await?;
    Ok(rows.into_iter().map(api_token).collect())
}

/// Those of one person that are still good, by name.
pub async fn of_user(app: &App, user_id: &Id) -> Result<Vec<ApiToken>> {
    let (now, user_id) = (app.clock.now(), user_id.clone());
    let rows = app.db.scan(move |conn| api_tokens::of_user(conn, &user_id, now)).await?;
    Ok(rows.into_iter().map(api_token).collect())
}

/// Revokes the token of that name, from the next request on: that of a program alone, or of the person of that name.
///
/// # Errors
/// When there is none.
pub async fn revoke(app: &App, (name, owner): (&str, Option<&str>), visit: &Visit) -> Result<()> {
    let owner = owner.map(Name::parse).transpose()?;
    let (name, now) = (name.to_owned(), app.clock.now());
    let scribe = app.scribe(visit, now);
    app.db
        .write(move |tx| {
            let missing = || Error::NotFound(format!("there is no token called {name}"));
            let detail = [("token", name.as_str())];
            let Some(owner) = &owner else {
                let removed = api_tokens::remove(tx, &name)?;
                removed.then_some(()).ok_or_else(missing)?;
                return scribe.record(tx, Happened::TokenRevoked, whom(None), &detail);
            };
            let user = users::by_name(tx, owner.key())?.ok_or_else(|| Error::nobody(owner.shown()))?;
            let theirs = api_tokens::of_user(tx, &user.id, now)?;
            let one = theirs.iter().find(|one| one.token.name == name).ok_or_else(missing)?;
            api_tokens::remove_of_user(tx, &user.id, &one.token.id)?.ok_or_else(missing)?;
            scribe.record(tx, Happened::TokenRevoked, whom(Some(&user)), &detail)
        })
        .await
}

/// Revokes one of whoever is signed in, whose proof is fresh. One that is gone already is no error.
pub async fn revoke_own(app: &App, session: &Session, id: Id, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let (session, scribe) = (session.clone(), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            let (_, user) = proved(tx, &session, now)?;
            match api_tokens::remove_of_user(tx, &user.id, &id)? {
                Some(name) => {
                    scribe.record(tx, Happened::TokenRevoked, whom(Some(&user)), &[("token", &name)])
                }
                None => Ok(()),
            }
        })
        .await
}
