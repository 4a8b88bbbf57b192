//! `/api/v1/account/recovery-codes`: how many are left, the codes themselves until they are saved, and ten new ones.

use auth::session::Session;
use auth::{App, account, recovery};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::account::Whose;
use crate::api::ask::{Call, Nothing};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer, done};
use crate::error::Trouble;
use crate::extract::SignedIn;

/// The recovery codes of somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// How many are left, of ten.
    left: i64,
    /// The codes, until they are said to be saved or fifteen minutes are over; null then, and for a token.
    #[schema(required = true)]
    codes: Option<Vec<String>>,
}

/// Shows how many are left, and to a session the codes while they can still be shown.
#[utoipa::path(get, path = "", responses((status = 200, body = RecoveryCodes)))]
pub(crate) async fn show(call: Call, asker: Asker) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let left = recovery::left(&call.app, &whose.id).await?;
    let codes = match &whose.session {
        Some(session) => codes(&call.app, session).await?,
        None => None,
    };
    answer(&RecoveryCodes { left, codes })
}

async fn codes(app: &App, session: &Session) -> Result<Option<Vec<String>>, Trouble> {
    Ok(recovery::sheet(app, session).await?.map(|shown| shown.codes))
}

/// Makes ten new ones, which void the old ones, and shows them. Wants a fresh proof.
#[utoipa::path(post, path = "", responses((status = 200, body = RecoveryCodes)))]
pub(crate) async fn renew(call: Call, SignedIn(session): SignedIn, _: Nothing) -> ApiResult {
    if let Err(error) = account::renew_recovery_codes(&call.app, &session, &call.visit).await {
        return call.failed(error);
    }
    let left = recovery::left(&call.app, &session.user_id).await?;
    answer(&RecoveryCodes { left, codes: codes(&call.app, &session).await? })
}

/// Notes that they are saved: they cannot be shown again.
#[utoipa::path(post, path = "", responses((status = 204)))]
pub(crate) async fn saved(call: Call, SignedIn(session): SignedIn, _: Nothing) -> ApiResult {
    recovery::saved(&call.app, &session, &call.visit).await?;
    done()
}
