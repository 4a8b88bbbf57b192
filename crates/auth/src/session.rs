//! Sessions: signed-in browsers. A session is true while its epoch is its user's, and no longer.

use store::sessions::NewSession;
use store::{Id, Time, Tx, sessions};

use crate::audit::{Happened, Whom};
use crate::vault::Purpose;
use crate::{App, Result, Role, Token, Visit};

const MINUTE: i64 = 60;
const IDLE: i64 = 30 * MINUTE;
const WHOLE: i64 = 12 * 60 * MINUTE;
/// How long "keep me signed in" keeps, in seconds.
pub const KEPT: i64 = 30 * 24 * 60 * MINUTE;
/// How often it is noted that somebody is there.
const TOUCH_EVERY: i64 = MINUTE * 1000;

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
    /// When it began.
    pub created_at: Time,
    /// When all factors were last given.
    pub proved_at: Time,
    pub(crate) mac: String,
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
}

/// The live session with this token.
pub async fn find(app: &App, token: &Token) -> Result<Option<Session>> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Session, token);
    let asked = mac.clone();
    let Some(live) = app.db.read(move |conn| sessions::live(conn, &asked, now)).await? else {
        return Ok(None);
    };
    if now.millis_since(live.seen_at) >= TOUCH_EVERY {
        let (id, idle_at) = (live.id.clone(), idle_at(live.keep, now).min(live.expires_at));
        // Whoever is there stays signed in even while the database takes no writes: half an hour is long.
        let _ = app.db.write(move |tx| sessions::touch(tx, &id, idle_at, now)).await;
    }
    Ok(Some(Session {
        id: live.id,
        user_id: live.user_id,
        name: live.name,
        role: Role::of_row(&live.role),
        created_at: live.created_at,
        proved_at: live.proved_at,
        mac,
    }))
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

/// What a session needs that is drawn before the transaction, which may run again.
pub(crate) struct Draft {
    pub(crate) token: Token,
    mac: String,
    id: Id,
    address: String,
    agent: String,
}

impl Draft {
    pub(crate) fn new(app: &App, visit: &Visit, now: Time) -> Draft {
        let token = app.random.token();
        let mac = app.vault.token_mac(Purpose::Session, &token);
        Draft { token, mac, id: app.random.id(now), address: visit.text(), agent: visit.agent.clone() }
    }

    /// Starts the session in the caller's transaction.
    pub(crate) fn start(
        &self,
        tx: &mut Tx<'_>,
        user_id: &Id,
        (epoch, keep): (i64, bool),
        now: Time,
    ) -> Result<()> {
        let expires_at = now.plus_seconds(if keep { KEPT } else { WHOLE });
        let session = NewSession {
            id: &self.id,
            token_mac: &self.mac,
            user_id,
            epoch,
            keep,
            address: &self.address,
            agent: &self.agent,
            idle_at: idle_at(keep, now),
            expires_at,
        };
        Ok(sessions::insert(tx, &session, now)?)
    }
}

fn idle_at(keep: bool, now: Time) -> Time {
    now.plus_seconds(if keep { KEPT } else { IDLE })
}
