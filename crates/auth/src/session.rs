//! Sessions: signed-in browsers. A session is true while its epoch is its user's, and no longer.

use store::devices::NewDevice;
use store::sessions::{Live, NewSession};
use store::{Conn, Id, Time, Tx, devices, sessions, users};

use crate::audit::{Happened, Whom};
use crate::config::Factors;
use crate::name::Name;
use crate::vault::Purpose;
use crate::{Acting, App, Error, Level, Result, Role, Token, Visit, seen};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
const IDLE: i64 = 30 * MINUTE;
const WHOLE: i64 = 12 * 60 * MINUTE;
/// How long "keep me signed in" keeps, in seconds.
pub const KEPT: i64 = 30 * DAY;
/// How long a browser is known after a sign-in, in seconds.
pub const KNOWN: i64 = 365 * DAY;
/// The most sessions of one person: another one ends the one in which nobody was seen for longest.
const AT_MOST: i64 = 50;
/// The most browsers that are known of one person.
const KNOWN_AT_MOST: i64 = 20;

/// Sessions in a piece of a list.
const PAGE: i64 = 1000;

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// The user's name as typed.
    pub name: String,
    /// What the user may do to the place.
    pub role: Role,
    /// Whether its cookie outlives the browser.
    pub keep: bool,
    /// When it began.
    pub created_at: Time,
    /// When all factors were last given.
    pub proved_at: Time,
    /// What was proven.
    pub level: Level,
    /// Whether the user has a password, and so could prove more than a code.
    pub has_password: bool,
    pub(crate) mac: String,
    pub(crate) factors: Factors,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct Started {
    /// For the cookie.
    pub token: Token,
    /// Whether the cookie outlives the browser.
    pub keep: bool,
    /// Where the person was going: a path of ours.
    pub next: String,
    /// By which the browser is known from now on.
    pub device: Token,
}

/// The live session with this token.
pub async fn find(app: &App, token: &Token) -> Result<Option<Session>> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Session, token);
    let (asked, factors) = (mac.clone(), app.config.factors);
    let Some(live) = app.db.read(move |conn| live(conn, &asked, factors, now)).await? else {
        return Ok(None);
    };
    seen::note(app, (&live).into(), (now, idle_at(live.keep, now))).await;
    Ok(Some(Session {
        id: live.id,
        user_id: live.user_id,
        name: live.name,
        role: Role::of_row(&live.role),
        keep: live.keep,
        created_at: live.created_at,
        proved_at: live.proved_at,
        level: Level::of_row(live.level),
        has_password: live.has_password,
        mac,
        factors,
    }))
}

/// The session as it is inside a transaction. One that has proven less than is asked of its user by now is none.
pub(crate) fn live(
    conn: &mut Conn<'_>,
    mac: &str,
    factors: Factors,
    now: Time,
) -> Result<Option<Live>, store::Error> {
    let live = sessions::live(conn, mac, now)?;
    Ok(live.filter(|live| is_enough(live, factors)))
}

/// Whether a session has proven what is asked of its user by now.
pub(crate) fn is_enough(live: &Live, factors: Factors) -> bool {
    Level::of_row(live.level) >= factors.asked_of(Role::of_row(&live.role))
}

/// Signs out: the session is over.
pub async fn end(app: &App, token: &Token, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let (mac, scribe) = (app.vault.token_mac(Purpose::Session, token), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            let Some(session) = sessions::live(tx, &mac, now)? else { return Ok(()) };
            if sessions::end(tx, &mac)?.is_some() {
                scribe.record(
                    tx,
                    Happened::SignedOut,
                    Whom { id: Some(&session.user_id), name: &session.name },
                    &[],
                )?;
            }
            Ok(())
        })
        .await
}

/// A signed-in browser, as those who run the place see it.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its id.
    pub id: Id,
    /// The user's name as typed.
    pub name: String,
    /// Where it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// When it began.
    pub created_at: Time,
    /// When somebody was last seen, to the minute.
    pub seen_at: Time,
}

fn open(row: sessions::Open) -> Open {
    let sessions::Open { name, session } = row;
    Open {
        id: session.id,
        name,
        address: session.address,
        agent: session.agent,
        keep: session.keep,
        created_at: session.created_at,
        seen_at: session.seen_at,
    }
}

/// At most a thousand live sessions of everybody after this one, by name and age. For lists that are written piece by
/// piece.
pub async fn page(app: &App, after: Option<&Open>) -> Result<Vec<Open>> {
    let now = app.clock.now();
    let after = after.map(|open| (open.name.to_ascii_lowercase(), open.id.clone()));
    let (name, id) = after.unwrap_or_else(|| (String::new(), Id::new("")));
    let page = app.db.scan(move |conn| sessions::page(conn, (&name, &id), PAGE, now)).await?;
    Ok(page.into_iter().map(open).collect())
}

/// The live sessions of one person, the one seen last first.
pub async fn of_user(app: &App, name: &str) -> Result<Vec<Open>> {
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let now = app.clock.now();
    app.db
        .scan(move |conn| {
            let user = users::by_name(conn, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            let listed = sessions::of_user(conn, &user.id, now)?;
            let whose = |session| open(sessions::Open { name: user.name.clone(), session });
            Ok(listed.into_iter().map(whose).collect())
        })
        .await
}

/// Ends one session, whosever it is, and says whose it was.
pub async fn end_one(app: &App, id: &str) -> Result<Open> {
    let (now, id) = (app.clock.now(), Id::new(id));
    let scribe = app.scribe(&Visit::default(), now);
    app.db
        .write(move |tx| {
            let missing =
                || Error::NotFound("no session has this id. Which there are: latchkey session list".into());
            let (user_id, session) = sessions::by_id(tx, &id, now)?.ok_or_else(missing)?;
            if !sessions::end_one(tx, &user_id, &id)? {
                return Err(missing());
            }
            let whom = Whom { id: Some(&user_id), name: &session.name };
            scribe.record(tx, Happened::SignedOut, whom, &[("sessions", "1")])?;
            Ok(open(session))
        })
        .await
}

/// Ends all sessions of somebody, and every sign-in on its way. Says how many sessions there were.
pub async fn end_all<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<u64> {
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let acting = acting.into();
    let (app, now) = (acting.app, acting.app.clock.now());
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            let reach = actor.begin(tx)?;
            let user = users::by_name(tx, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            reach.refuse_beyond(Role::of_row(&user.role))?;
            // What is over, and not swept yet, was no session any more.
            let live = sessions::of_user(tx, &user.id, now)?.len() as u64;
            users::end_everything(tx, &user.id)?;
            sessions::end_of_user(tx, &user.id)?;
            let whom = Whom { id: Some(&user.id), name: &user.name };
            actor.record(tx, Happened::SignedOut, whom, &[("sessions", &live.to_string())])?;
            Ok(live)
        })
        .await
}

/// What a session needs that is drawn before the transaction, which may run again.
pub(crate) struct Draft {
    token: Token,
    mac: String,
    id: Id,
    device: Device,
    address: String,
    agent: String,
}

/// The token by which the browser is known already, if it is, and the one that it gets if it is not.
struct Device {
    id: Id,
    held: Option<(Token, String)>,
    fresh: (Token, String),
}

/// Whose session it is, and what is known of it.
pub(crate) struct For<'a> {
    pub(crate) user_id: &'a Id,
    pub(crate) epoch: i64,
    pub(crate) keep: bool,
    pub(crate) level: Level,
    /// Where the person was going.
    pub(crate) next: &'a str,
}

impl Draft {
    pub(crate) fn new(app: &App, visit: &Visit, now: Time) -> Draft {
        let token = app.random.dated_token(now);
        let mac = app.vault.token_mac(Purpose::Session, &token);
        let with_mac = |token: Token| {
            let mac = app.vault.token_mac(Purpose::Device, &token);
            (token, mac)
        };
        let device = Device {
            id: app.random.id(now),
            held: visit.device.clone().map(with_mac),
            fresh: with_mac(app.random.dated_token(now)),
        };
        let (id, address, agent) = (app.random.id(now), visit.text(), visit.agent.clone());
        Draft { token, mac, id, device, address, agent }
    }

    /// Starts the session in the caller's transaction. The browser is known from now on.
    pub(crate) fn start(&self, tx: &mut Tx<'_>, of: &For<'_>, now: Time) -> Result<Started> {
        let session = NewSession {
            id: &self.id,
            token_mac: &self.mac,
            user_id: of.user_id,
            epoch: of.epoch,
            keep: of.keep,
            level: of.level.number(),
            address: &self.address,
            agent: &self.agent,
            idle_at: idle_at(of.keep, now),
            expires_at: now.plus_seconds(if of.keep { KEPT } else { WHOLE }),
        };
        sessions::insert(tx, &session, now)?;
        sessions::keep_newest(tx, of.user_id, AT_MOST)?;
        let device = self.know_browser(tx, of.user_id, now)?;
        Ok(Started { token: self.token.clone(), keep: of.keep, next: of.next.to_owned(), device })
    }

    /// A token that this person has used before stays. A browser in which somebody else is known gets another token for
    /// all of them, so that nobody can plant theirs; one that nobody is known by is not adopted.
    fn know_browser(&self, tx: &mut Tx<'_>, user_id: &Id, now: Time) -> Result<Token> {
        let (mut token, mut mac) = (&self.device.fresh.0, &self.device.fresh.1);
        if let Some((held, held_mac)) = &self.device.held {
            if devices::find(tx, held_mac, user_id, now)?.is_some() {
                (token, mac) = (held, held_mac);
            } else {
                devices::replace_token(tx, held_mac, mac, now)?;
            }
        }
        let device = NewDevice {
            id: &self.device.id,
            user_id,
            token_mac: mac,
            address: &self.address,
            agent: &self.agent,
            expires_at: now.plus_seconds(KNOWN),
        };
        devices::know(tx, &device, now)?;
        if mac == &self.device.fresh.1 {
            devices::keep_newest(tx, user_id, KNOWN_AT_MOST)?;
        }
        Ok(token.clone())
    }
}

pub(crate) fn idle_at(keep: bool, now: Time) -> Time {
    now.plus_seconds(if keep { KEPT } else { IDLE })
}
