//! `/api/v1/account/tokens`: app passwords and other tokens of somebody, one more of them, and the end of one.

use auth::api_token::{self, ApiToken, Scope, Wanted};
use auth::timestamp;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::account::Whose;
use crate::api::ask::{Call, Json, Nothing, Place};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer, answer_with, done};
use crate::extract::SignedIn;

/// For how many days one is good where nobody says.
const DAYS: u32 = 365;

/// All tokens of somebody, fifty at most.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// By name.
    items: Vec<OneToken>,
}

/// A token, without the token itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct OneToken {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What it is for.
    scopes: Vec<ScopeName>,
    /// Where it opens programs.
    hosts: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Over from then on.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was last used, to the minute; null if never.
    #[schema(format = DateTime, required = true)]
    used_at: Option<String>,
}

/// A token that has just been made. It is not shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The token itself: to be sent as `Authorization: Bearer …`, or as the password of its owner.
    token: String,
    #[serde(flatten)]
    known: OneToken,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is called.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it is for. The last three are for administrators.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// Where it opens programs, such as `app.example.org` or `*.example.org`; for `apps`, and for nothing else.
    #[serde(default)]
    #[schema(max_items = 20)]
    hosts: Vec<String>,
    /// For how many days it is good; 365 where nothing is said.
    #[schema(minimum = 1, maximum = 1825)]
    days: Option<u32>,
}

/// What a token is for.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
pub(crate) enum ScopeName {
    /// To come through to programs as its owner.
    #[serde(rename = "apps")]
    Apps,
    /// To see the account of its owner.
    #[serde(rename = "account:read")]
    AccountRead,
    /// To ask whether a code is right.
    #[serde(rename = "verify")]
    Verify,
    /// To see people and groups.
    #[serde(rename = "people:read")]
    PeopleRead,
    /// To change people and groups.
    #[serde(rename = "people:write")]
    PeopleWrite,
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> ScopeName {
        match scope {
            Scope::Apps => ScopeName::Apps,
            Scope::AccountRead => ScopeName::AccountRead,
            Scope::Verify => ScopeName::Verify,
            Scope::PeopleRead => ScopeName::PeopleRead,
            Scope::PeopleWrite => ScopeName::PeopleWrite,
        }
    }
}

impl From<ScopeName> for Scope {
    fn from(scope: ScopeName) -> Scope {
        match scope {
            ScopeName::Apps => Scope::Apps,
            ScopeName::AccountRead => Scope::AccountRead,
            ScopeName::Verify => Scope::Verify,
            ScopeName::PeopleRead => Scope::PeopleRead,
            ScopeName::PeopleWrite => Scope::PeopleWrite,
        }
    }
}

fn of(token: ApiToken) -> OneToken {
    OneToken {
        id: token.id.to_string(),
        name: token.name,
        scopes: token.scopes.into_iter().map(Into::into).collect(),
        hosts: token.hosts,
        created_at: timestamp(token.created_at),
        expires_at: timestamp(token.expires_at),
        used_at: token.used_at.map(timestamp),
    }
}

/// Lists them.
#[utoipa::path(get, path = "", responses((status = 200, body = Tokens)))]
pub(crate) async fn list(call: Call, asker: Asker) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let tokens = api_token::of_user(&call.app, &whose.id).await?;
    answer(&Tokens { items: tokens.into_iter().map(of).collect() })
}

/// Makes one, and shows it: this once. Wants a fresh proof.
#[utoipa::path(post, path = "", request_body = NewToken, responses((status = 201, body = MadeToken)))]
pub(crate) async fn create(call: Call, SignedIn(session): SignedIn, Json(new): Json<NewToken>) -> ApiResult {
    let NewToken { name, scopes, hosts, days } = new;
    let scopes = scopes.into_iter().map(Into::into).collect();
    let wanted = Wanted { name, scopes, hosts, days: days.unwrap_or(DAYS) };
    match api_token::add_own(&call.app, &session, wanted, &call.visit).await {
        Ok(made) => {
            let token = made.text.to_string();
            answer_with(StatusCode::CREATED, &MadeToken { token, known: of(made.token) })
        }
        Err(error) => call.failed(error),
    }
}

/// Revokes one, from the next request on. One that is gone already is no error. Wants a fresh proof.
#[utoipa::path(
    delete, path = "", responses((status = 204)),
    params(("id" = String, Path, description = "The id of the token."))
)]
pub(crate) async fn revoke(
    call: Call,
    SignedIn(session): SignedIn,
    Place(id): Place,
    _: Nothing,
) -> ApiResult {
    match api_token::revoke_own(&call.app, &session, id, &call.visit).await {
        Ok(()) => done(),
        Err(error) => call.failed(error),
    }
}
