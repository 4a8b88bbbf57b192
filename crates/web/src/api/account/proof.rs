//! `/api/v1/account/prove` and `/api/v1/account/password`: all factors once more, and another password.

use auth::{Error, Password, account};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::ask::{Call, Json};
use crate::api::{ApiResult, done};
use crate::cookies;
use crate::extract::SignedIn;
use crate::pages::with_cookies;

/// All factors of somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Factors {
    /// The password of whoever has one.
    password: Option<String>,
    /// A code that has not been used.
    otp: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
}

/// Proves again who is there: for five minutes things can be changed.
#[utoipa::path(post, path = "", request_body = Factors, responses((status = 204), (status = 429)))]
pub(crate) async fn prove(call: Call, SignedIn(session): SignedIn, Json(typed): Json<Factors>) -> ApiResult {
    match (&typed.password, session.has_password) {
        (Some(_), false) => return call.unknown("password"),
        (password, true) if password.as_ref().is_none_or(String::is_empty) => {
            return call.wrong("password", "problem-password-missing");
        }
        _ => {}
    }
    let factors = (typed.password.map(Password::new), typed.otp.as_str());
    match account::prove(&call.app, &session, factors, &call.visit).await {
        Ok(None) => done(),
        // What proves more than before is another session to whoever might have seen the old token.
        Ok(Some(token)) => {
            let cookie = cookies::session(&call.app.config, &token, session.keep);
            Ok(with_cookies(done()?, [cookie]))
        }
        Err(Error::BadCredentials) => call.wrong("password", "problem-password-wrong"),
        Err(error) => call.failed(error),
    }
}

/// Sets another password. All other sessions end with it. Wants a fresh proof.
#[utoipa::path(post, path = "", request_body = NewPassword, responses((status = 204)))]
pub(crate) async fn change_password(
    call: Call,
    SignedIn(session): SignedIn,
    Json(typed): Json<NewPassword>,
) -> ApiResult {
    let password = Password::new(typed.password);
    match account::change_password(&call.app, &session, password, &call.visit).await {
        Ok(()) => done(),
        Err(error) => call.failed(error),
    }
}
