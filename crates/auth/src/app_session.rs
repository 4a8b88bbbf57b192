//! Sessions at the hosts of other programs.
//!
//! The portal's cookie stays at the portal. A browser that is signed in there gets a ticket for one host, takes it there, and
//! is given a cookie of that host alone. Such a session is true while the one that it came from is, so signing out at the
//! portal ends all of them at once. What a visitor may do is decided in [`crate::access`].

mod remembered;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use store::sessions::Live;
use store::tickets::NewTicket;
use store::{Id, State, Time, app_sessions, events, groups, sessions, tickets};

use crate::access::{self, Decision, Person, Target, Verdict};
use crate::audit::{Happened, Whom};
use crate::config::Domain;
use crate::session::{self, Session};
use crate::vault::Purpose;
use crate::{App, Error, Level, Result, Token, Visit, plain, seen};

use remembered::Found;
pub use remembered::Recall;
pub(crate) use remembered::Remembered;

/// How long a ticket is good, in seconds: a redirect takes no longer.
const TICKET: i64 = 30;
/// How long a browser has at the program's host to come back with a ticket, in seconds: a whole sign-in.
pub const NONCE: i64 = 15 * 60;
/// Tickets of one session that may wait at a time: more tabs than these are not opened within half a minute.
const WAITING: i64 = 20;
/// Hosts at which one browser is signed in. Another one ends the oldest.
const AT_MOST: i64 = 200;

/// Somebody who stands before a program.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The name as typed.
    pub name: String,
    /// The groups that they belong to.
    pub groups: Vec<String>,
    /// What was proven.
    pub level: Level,
    /// When all factors were last given.
    pub proved_at: Time,
    /// A program that shows a token of theirs, rather than their browser.
    pub by_token: bool,
}

impl Visitor {
    /// What the rules look at.
    pub fn person(&self) -> Person<'_> {
        let Visitor { name, groups, level, proved_at, by_token } = self;
        Person { name, groups, level: *level, proved_at: *proved_at, by_token: *by_token }
    }
}

/// What a check goes by from its beginning to its end: what time it is, and what the database holds.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    now: Time,
    state: Option<State>,
    /// Whether it follows another one, and is not counted.
    is_second: bool,
}

impl Glance {
    /// Looks.
    pub fn take(app: &App) -> Glance {
        Glance { now: app.clock.now(), state: app.db.state(), is_second: false }
    }

    /// Whoever is not let in may have been given what they lack by another node, a moment ago: then this is a glance that goes by nothing
    /// but what is read. `None` where there can be no more to find.
    pub fn again(self) -> Option<Glance> {
        self.state.map(|_| Glance { state: None, is_second: true, ..self })
    }
}

/// A browser that has just been signed in at the host of a program.
#[derive(Debug)]
pub struct Entered {
    /// For the cookie there.
    pub token: Token,
    /// Whether the cookie outlives the browser.
    pub keep: bool,
}

/// What a browser holds at the program's host while it fetches a ticket, so that the ticket is of no use in another.
pub fn nonce(app: &App) -> Token {
    app.random.token()
}

/// What stands for a nonce in addresses. It is no secret: whoever knows it has not the nonce.
pub fn mark(app: &App, nonce: &Token) -> String {
    app.vault.token_mac(Purpose::Nonce, nonce)
}

/// Makes a ticket for this origin and for whoever holds the nonce with that mark. Good once, for half a minute.
///
/// # Errors
/// [`Error::Expired`] when the session is over.
pub async fn issue(app: &App, session: &Session, (origin, mark): (&str, &str)) -> Result<Token> {
    let (now, token) = (app.clock.now(), app.random.token());
    let token_mac = app.vault.token_mac(Purpose::Ticket, &token);
    let (session, origin, nonce_mac) = (session.clone(), origin.to_owned(), mark.to_owned());
    app.db
        .write(move |tx| {
            let live = session::live(tx, &session.mac, session.factors, now)?.ok_or(Error::Expired)?;
            if tickets::waiting(tx, &live.id)? >= WAITING {
                tickets::remove_of_session(tx, &live.id)?;
            }
            let ticket = NewTicket {
                token_mac: &token_mac,
                session_id: &live.id,
                origin: &origin,
                nonce_mac: &nonce_mac,
                expires_at: now.plus_seconds(TICKET),
            };
            tickets::insert(tx, &ticket)?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(token)
}

/// Spends a ticket at its origin, in the browser that holds its nonce, and signs that browser in there.
///
/// # Errors
/// [`Error::Expired`] for a ticket that is spent, over, or of another origin or browser, and when the session that it was
/// made from is over.
pub async fn redeem(app: &App, ticket: &Token, (origin, nonce): (&str, &Token)) -> Result<Entered> {
    let (now, factors) = (app.clock.now(), app.config.factors);
    let token = app.random.dated_token(now);
    let token_mac = app.vault.token_mac(Purpose::App, &token);
    let ticket_mac = app.vault.token_mac(Purpose::Ticket, ticket);
    let nonce_mac = app.vault.token_mac(Purpose::Nonce, nonce);
    let origin = origin.to_owned();
    let keep = app
        .db
        .write(move |tx| {
            let spent = tickets::take(tx, &ticket_mac, (&origin, &nonce_mac), now)?;
            let session_id = spent.ok_or(Error::Expired)?;
            let live = sessions::live_by_id(tx, &session_id, now)?;
            let live = live.filter(|live| session::is_enough(live, factors)).ok_or(Error::Expired)?;
            app_sessions::insert(tx, &token_mac, (&live.id, &origin), now)?;
            app_sessions::keep_newest(tx, &live.id, AT_MOST)?;
            Ok::<_, Error>(live.keep)
        })
        .await?;
    Ok(Entered { token, keep })
}

/// The simple mode: signs a browser in at every host below the domain at once, without a ticket.
///
/// # Errors
/// [`Error::Expired`] when the session is over.
pub async fn enter_domain(app: &App, session: &Session, domain: &Domain) -> Result<Entered> {
    let (now, session) = (app.clock.now(), session.clone());
    let token = app.random.dated_token(now);
    let (token_mac, origin) = (app.vault.token_mac(Purpose::App, &token), below(domain));
    let keep = session.keep;
    app.db
        .write(move |tx| {
            let live = session::live(tx, &session.mac, session.factors, now)?.ok_or(Error::Expired)?;
            app_sessions::insert(tx, &token_mac, (&live.id, &origin), now)?;
            app_sessions::keep_newest(tx, &live.id, AT_MOST)?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(Entered { token, keep })
}

/// Who is signed in at every host below that domain with that token.
pub async fn find_in_domain(
    app: &App,
    token: &Token,
    domain: &Domain,
    glance: Glance,
) -> Result<Option<Arc<Visitor>>> {
    find(app, token, &below(domain), glance).await
}

/// In the place of an origin; no origin looks like this.
fn below(domain: &Domain) -> String {
    format!("*.{domain}")
}

/// Who is signed in at this origin with that token.
pub async fn find(app: &App, token: &Token, origin: &str, glance: Glance) -> Result<Option<Arc<Visitor>>> {
    let found = match recall(app, (token, origin), glance) {
        Some(found) => {
            app.remembered.hit();
            Some(found)
        }
        None => {
            read(app, (token, origin), glance).await?.filter(|found| holds(app, found, origin, glance.now))
        }
    };
    Ok(found.map(|found| seen_now(app, &found, glance.now)))
}

/// Who may come through with that token, where both the session and the rules are remembered, which they nearly always are. Costs a
/// fraction of asking. `None` says nothing: [`find`] and [`judge`] do.
pub fn let_through(app: &App, token: &Token, target: &Target, glance: Glance) -> Option<Arc<Visitor>> {
    let found = recall(app, (token, &target.origin()), glance)?;
    let rules = access::rules_kept(app, glance.state)?;
    let decision = access::decide(&rules, target, Some(&found.visitor.person()), glance.now);
    if decision.verdict != Verdict::Allow {
        return None;
    }
    app.remembered.hit();
    Some(seen_now(app, &found, glance.now))
}

/// The session with that token, if it is remembered and still good at this origin.
fn recall(app: &App, (token, origin): (&Token, &str), glance: Glance) -> Option<Arc<Found>> {
    if glance.is_second {
        return None;
    }
    let found = app.remembered.find(glance.state, token, glance.now)?;
    holds(app, &found, origin, glance.now).then_some(found)
}

/// What was remembered was found at this origin, or at another, and some time ago.
fn holds(app: &App, found: &Found, origin: &str, now: Time) -> bool {
    let is_enough = found.visitor.level >= app.config.factors.asked_of(found.role);
    *found.origin == *origin && found.idle_at > now && found.expires_at > now && is_enough
}

/// Notes that somebody is there, and says who.
fn seen_now(app: &App, found: &Found, now: Time) -> Arc<Visitor> {
    if seen::note_later(app, found.sight(), (now, session::idle_at(found.keep, now))) {
        found.noted(now);
    }
    found.visitor.clone()
}

async fn read(app: &App, (token, origin): (&Token, &str), glance: Glance) -> Result<Option<Arc<Found>>> {
    if !glance.is_second {
        app.remembered.missed();
    }
    let (mac, origin) = (app.vault.token_mac(Purpose::App, token), origin.to_owned());
    let there = origin.clone();
    let found = app.db.check(move |conn| app_sessions::live(conn, &mac, &there, glance.now)).await?;
    Ok(found.map(|(live, groups)| {
        let found = Found::new(origin, &live, visitor(&live, groups), glance.now);
        app.remembered.keep(glance.state, token, found)
    }))
}

/// Who is signed in with this session, as the rules see them.
pub async fn visitor_of(app: &App, session: &Session) -> Result<Visitor> {
    let user_id = session.user_id.clone();
    let groups = app.db.read(move |conn| groups::of_user(conn, &user_id)).await?;
    let (name, level, proved_at) = (session.name.clone(), session.level, session.proved_at);
    Ok(Visitor { name, groups, level, proved_at, by_token: false })
}

/// What the rules say about that visitor, or about a stranger, who asks for that.
pub async fn judge(
    app: &App,
    target: &Target,
    visitor: Option<&Visitor>,
    glance: Glance,
) -> Result<Decision> {
    let rules = access::rules_in(app, glance.state).await?;
    let person = visitor.map(Visitor::person);
    Ok(access::decide(&rules, target, person.as_ref(), glance.now))
}

/// Notes that the rules do not let somebody in, and answers by what reference an administrator finds it. Neither path nor query
/// is written down: they may hold secrets of the program.
pub async fn note_denial(
    app: &App,
    (session, visit): (&Session, &Visit),
    (target, decision): (&Target, &Decision),
) -> Result<Option<Id>> {
    let scribe = app.scribe(visit, app.clock.now());
    let (session, host, method) = (session.clone(), target.host().to_owned(), target.method().to_owned());
    let rule = decision.rule.map_or_else(|| "none".to_owned(), |index| (index + 1).to_string());
    let level = session.level.number().to_string();
    app.db
        .write(move |tx| {
            let whom = Whom { id: Some(&session.user_id), name: &session.name };
            let detail = [("host", host.as_str()), ("method", &method), ("rule", &rule), ("level", &level)];
            scribe.record_denial(tx, whom, (&host, &detail))
        })
        .await
}

/// Somebody who was not let in, as it was noted.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Who.
    pub name: String,
    /// To where.
    pub host: String,
    /// By what method.
    pub method: String,
    /// From where; `None` where that is not known.
    pub address: Option<IpAddr>,
    /// When first, in that minute.
    pub at: Time,
    /// By which rule, as it was numbered then; `None` where none let them in.
    pub rule: Option<usize>,
    /// What they had proven.
    pub level: Option<Level>,
}

/// What is noted under a reference.
///
/// # Errors
/// [`Error::NotFound`] when nothing is.
pub async fn denial(app: &App, reference: &str) -> Result<Denial> {
    let missing =
        || Error::NotFound(format!("nothing was refused under the reference {}", plain::line(reference)));
    let id = Id::new(reference);
    let event = app.db.read(move |conn| events::by_id(conn, &id)).await?;
    let event = event.filter(|event| event.kind == Happened::AccessDenied.text()).ok_or_else(missing)?;
    let detail: Value = serde_json::from_str(&event.detail).map_err(Error::broken)?;
    let told = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
    Ok(Denial {
        host: told("host"),
        method: told("method"),
        address: event.address.parse().ok(),
        at: event.at,
        rule: told("rule").parse().ok(),
        level: told("level").parse().ok().map(Level::of_row),
        name: event.name,
    })
}

fn visitor(live: &Live, groups: Vec<String>) -> Visitor {
    let (name, level) = (live.name.clone(), Level::of_row(live.level));
    Visitor { name, groups, level, proved_at: live.proved_at, by_token: false }
}
