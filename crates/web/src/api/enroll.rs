//! `/api/v1/enroll`: the secret that an authenticator app and this server share, and the first code.

use auth::enroll::{self, Confirmed};
use auth::{Error, timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::ask::{Call, Json};
use crate::api::next::{Next, Step, next, owes, signed_in};
use crate::api::{ApiResult, answer};
use crate::error::Trouble;
use crate::extract::Enrolling;

/// What an authenticator app needs. It is secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrollment {
    /// The whole of it as an `otpauth://` link.
    uri: String,
    /// Where the QR code of it is, as a PNG, for the same cookie.
    qr: &'static str,
    /// The secret in base32.
    secret: String,
    /// Who gives it out.
    issuer: String,
    /// Whose it is, as the app shows it behind the issuer.
    account: String,
    /// The hash.
    algorithm: &'static str,
    /// The digits of a code.
    digits: u32,
    /// How long a code is good, in seconds.
    period: u32,
    /// Until when the first code is waited for.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The first code of an app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    /// The code as typed: spaces and hyphens do not count.
    otp: String,
    /// The code right after it, from somebody whose phone has another time.
    otp_next: Option<String>,
}

/// Shows the secret. Looking changes nothing.
#[utoipa::path(get, path = "", responses((status = 200, body = Enrollment), (status = 410)))]
pub(crate) async fn show(call: Call, Enrolling(token): Enrolling) -> ApiResult {
    let pending = enroll::pending(&call.app, &token).await.map_err(gone)?;
    let start = format!("{}: ", pending.issuer);
    answer(&Enrollment {
        uri: pending.uri.to_string(),
        qr: "/enroll/qr.png",
        secret: pending.key_plain.to_string(),
        account: pending.label.strip_prefix(&start).unwrap_or(&pending.label).to_owned(),
        issuer: pending.issuer,
        algorithm: pending.algorithm,
        digits: pending.digits,
        period: pending.period,
        expires_at: timestamp(pending.expires_at),
    })
}

/// Judges the first code. With it the account exists and its person is signed in, or they have one more authenticator.
#[utoipa::path(
    post, path = "", request_body = FirstCode,
    responses((status = 200, body = Next), (status = 409), (status = 410), (status = 429))
)]
pub(crate) async fn confirm(
    call: Call,
    Enrolling(token): Enrolling,
    Json(typed): Json<FirstCode>,
) -> ApiResult {
    let codes = (typed.otp.as_str(), typed.otp_next.as_deref().unwrap_or(""));
    match enroll::confirm(&call.app, &token, codes, &call.visit).await {
        // The enrolling cookie stays, as with the pages: it is dead now, and tells so.
        Ok(Confirmed::SignedIn(started)) => signed_in(&call, &started, Step::RecoveryCodes).await,
        Ok(Confirmed::OwesPassword(login)) => owes(&call.app, &login).await,
        Ok(Confirmed::Added) => next(Step::SignedIn),
        Err(error @ Error::Expired) => Err(gone(error)),
        Err(error) => call.failed(error),
    }
}

fn gone(error: Error) -> Trouble {
    if matches!(error, Error::Expired) { Trouble::GoneEnroll } else { error.into() }
}
