//! `/api/v1/account/authenticators`: what somebody signs in with, one more of it, another name, and the end of one.

use auth::account::authenticators::{self, AuthenticatorEntry, Wanted};
use auth::{Error, Id, timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::account::Whose;
use crate::api::ask::{Call, Json, Nothing, Place, is_id};
use crate::api::caller::Asker;
use crate::api::next::{Next, enrolls};
use crate::api::{ApiResult, answer, done};
use crate::error::Trouble;
use crate::extract::SignedIn;

/// All authenticators of somebody, ten at most.
#[derive(Serialize, ToSchema)]
pub(crate) struct Authenticators {
    /// The oldest first.
    items: Vec<Authenticator>,
}

/// An authenticator. Its secret is in the app, and shown nowhere.
#[derive(Serialize, ToSchema)]
pub(crate) struct Authenticator {
    /// Its id.
    id: String,
    /// What its owner calls it; empty when nobody has named it.
    name: String,
    /// What the app shows.
    label: String,
    /// When its first code was confirmed.
    #[schema(format = DateTime)]
    created_at: String,
    /// When a code of it was last used.
    #[schema(required = true, format = DateTime)]
    last_used_at: Option<String>,
    /// Until when it is still good, where a new phone has taken its place.
    #[schema(required = true, format = DateTime)]
    retires_at: Option<String>,
}

/// One more authenticator, or a new phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAuthenticator {
    /// 1 to 32 characters, none of `:()`.
    #[schema(min_length = 1, max_length = 32)]
    name: String,
    /// The id of the one that it takes the place of, which is good for a day more.
    replaces: Option<String>,
    /// Whether that one ends at once.
    at_once: Option<bool>,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewName {
    /// 1 to 32 characters, none of `:()`.
    #[schema(min_length = 1, max_length = 32)]
    name: String,
}

fn of(entry: AuthenticatorEntry) -> Authenticator {
    Authenticator {
        id: entry.id.to_string(),
        name: entry.name,
        label: entry.label,
        created_at: timestamp(entry.created_at),
        last_used_at: entry.last_used_at.map(timestamp),
        retires_at: entry.retires_at.map(timestamp),
    }
}

/// Lists them.
#[utoipa::path(get, path = "", responses((status = 200, body = Authenticators)))]
pub(crate) async fn list(call: Call, asker: Asker) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let entries = authenticators::list(&call.app, &whose.id).await?;
    answer(&Authenticators { items: entries.into_iter().map(of).collect() })
}

/// Begins one more, or a new phone: `/api/v1/enroll` comes next. Wants a fresh proof.
#[utoipa::path(
    post, path = "", request_body = NewAuthenticator,
    responses((status = 200, body = Next), (status = 404))
)]
pub(crate) async fn create(
    call: Call,
    SignedIn(session): SignedIn,
    Json(new): Json<NewAuthenticator>,
) -> ApiResult {
    let wanted = match (new.replaces, new.at_once) {
        (None, None) => Wanted::Further,
        (None, Some(_)) => return call.unknown("at_once"),
        (Some(old), _) if !is_id(&old) => return Err(Trouble::NotFound),
        (Some(old), at_once) => Wanted::NewPhone { old: Id::new(old), at_once: at_once.unwrap_or(false) },
    };
    match authenticators::begin(&call.app, &session, (&new.name, wanted)).await {
        Ok(token) => enrolls(&call.app, &token),
        Err(error) => call.failed(error),
    }
}

/// Gives one another name. What the app shows stays as it is. Wants a fresh proof.
#[utoipa::path(
    patch, path = "", request_body = NewName, responses((status = 204)),
    params(("id" = String, Path, description = "The id of the authenticator."))
)]
pub(crate) async fn update(
    call: Call,
    SignedIn(session): SignedIn,
    Place(id): Place,
    Json(new): Json<NewName>,
) -> ApiResult {
    finished(&call, authenticators::rename(&call.app, &session, id, &new.name, &call.visit).await)
}

/// Removes one: its codes are good for nothing from now on. Never the last one. Wants a fresh proof.
#[utoipa::path(
    delete, path = "", responses((status = 204), (status = 422)),
    params(("id" = String, Path, description = "The id of the authenticator."))
)]
pub(crate) async fn remove(
    call: Call,
    SignedIn(session): SignedIn,
    Place(id): Place,
    _: Nothing,
) -> ApiResult {
    finished(&call, authenticators::remove(&call.app, &session, id, &call.visit).await)
}

fn finished(call: &Call, result: Result<(), Error>) -> ApiResult {
    match result {
        Ok(()) => done(),
        Err(error) => call.failed(error),
    }
}
