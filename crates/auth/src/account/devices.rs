//! The browsers that are known: those in which somebody has signed in.

use store::{Id, Time, devices};

use crate::account::proved;
use crate::audit::{Happened, Whom};
use crate::session::Session;
use crate::{App, Result, Visit};

/// A known browser in the list of its person.
#[derive(Clone, Debug)]
pub struct DeviceEntry {
    /// Its id.
    pub id: Id,
    /// Where it was last.
    pub address: String,
    /// What it calls itself.
    pub agent: String,
    /// When it became known.
    pub created_at: Time,
    /// When its person last signed in there.
    pub seen_at: Time,
    /// It is the one that asks.
    pub current: bool,
}

/// The known browsers of somebody, the one used last first.
pub async fn list(app: &App, session: &Session, visit: &Visit) -> Result<Vec<DeviceEntry>> {
    let (now, user_id) = (app.clock.now(), session.user_id.clone());
    let here = mac_of(app, visit);
    let listed = app.db.scan(move |conn| devices::of_user(conn, &user_id, now)).await?;
    let entry = |listed: devices::Listed| DeviceEntry {
        current: listed.token_mac == here,
        id: listed.id,
        address: listed.address,
        agent: listed.agent,
        created_at: listed.created_at,
        seen_at: listed.seen_at,
    };
    Ok(listed.into_iter().map(entry).collect())
}

/// Forgets one, or all others when `id` is `None`. One that is forgotten already is no error.
pub async fn forget(app: &App, session: &Session, id: Option<Id>, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let (session, scribe, here) = (session.clone(), app.scribe(visit, now), mac_of(app, visit));
    app.db
        .write(move |tx| {
            let (_, user) = proved(tx, &session, now)?;
            let forgotten = match &id {
                Some(id) => u64::from(devices::forget(tx, &user.id, id)?),
                None => devices::forget_others(tx, &user.id, &here)?,
            };
            if forgotten > 0 {
                let whom = Whom { id: Some(&user.id), name: &user.name };
                scribe.record(
                    tx,
                    Happened::BrowserForgotten,
                    whom,
                    &[("browsers", &forgotten.to_string())],
                )?;
            }
            Ok(())
        })
        .await
}

/// Under what the browser that asks is known; empty when it has no token.
pub(crate) fn mac_of(app: &App, visit: &Visit) -> String {
    app.device_mac(visit).unwrap_or_default()
}
