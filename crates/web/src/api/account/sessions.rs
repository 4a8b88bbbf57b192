//! `/api/v1/account/sessions`: where somebody is signed in, and the end of it.

use auth::account::{self, SessionEntry};
use auth::timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::account::Whose;
use crate::api::ask::{Call, Nothing, Place};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer, done};
use crate::extract::SignedIn;

/// All sessions of somebody, fifty at most.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// The one seen last first.
    items: Vec<OneSession>,
}

/// A signed-in browser.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct OneSession {
    /// Its id, which is not its cookie.
    id: String,
    /// What the browser calls itself.
    agent: String,
    /// Where it began.
    address: String,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// When somebody was last seen, to the minute.
    #[schema(format = DateTime)]
    seen_at: String,
    /// Whether it is the one that asks.
    current: bool,
}

fn of(entry: SessionEntry) -> OneSession {
    OneSession {
        id: entry.id.to_string(),
        agent: entry.agent,
        address: entry.address,
        created_at: timestamp(entry.created_at),
        seen_at: timestamp(entry.seen_at),
        current: entry.current,
    }
}

/// Lists them.
#[utoipa::path(get, path = "", responses((status = 200, body = Sessions)))]
pub(crate) async fn list(call: Call, asker: Asker) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let here = whose.session.as_ref().map(|session| &session.id);
    let entries = account::sessions(&call.app, &whose.id, here).await?;
    answer(&Sessions { items: entries.into_iter().map(of).collect() })
}

/// Ends one. One that is over already is no error. Wants a fresh proof.
#[utoipa::path(
    delete, path = "", responses((status = 204)),
    params(("id" = String, Path, description = "The id of the session."))
)]
pub(crate) async fn end(call: Call, SignedIn(session): SignedIn, Place(id): Place, _: Nothing) -> ApiResult {
    match account::end_sessions(&call.app, &session, Some(id), &call.visit).await {
        Ok(()) => done(),
        Err(error) => call.failed(error),
    }
}

/// Ends all others. Wants a fresh proof.
#[utoipa::path(delete, path = "", responses((status = 204)))]
pub(crate) async fn end_others(call: Call, SignedIn(session): SignedIn, _: Nothing) -> ApiResult {
    match account::end_sessions(&call.app, &session, None, &call.visit).await {
        Ok(()) => done(),
        Err(error) => call.failed(error),
    }
}
