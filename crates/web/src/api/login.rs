//! `/api/v1/login` and what follows it, and `/api/v1/logout`: the same steps, budgets and cookies as the pages have.

use auth::config::Factors;
use auth::login::{self, Credentials, Entered, NameAndCode, Owes};
use auth::recovery::{self, Holder};
use auth::session;
use auth::{Error, Password, Token};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::ask::{Call, Json, Nothing};
use crate::api::next::{Next, Step, enrolls, next, owes, signed_in};
use crate::api::problem::{missing, problem};
use crate::api::{ApiResult, done};
use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::extract::HalfSignedIn;
use crate::pages::login::{Asks, half_signed_in};
use crate::pages::{Problem, with_cookies};

/// Somebody who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// As typed; its case does not count.
    username: String,
    /// The password, where it comes first.
    password: Option<String>,
    /// The code, where it comes with the name and a password is not asked for.
    otp: Option<String>,
    /// Stay signed in for thirty days, and not for twelve hours.
    keep: Option<bool>,
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// The code as typed: spaces and hyphens do not count.
    otp: String,
    /// The code right after it, from somebody whose phone has another time.
    otp_next: Option<String>,
}

/// A password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwedPassword {
    /// The password, or the one that is chosen now: 8 to 256 characters.
    password: String,
}

/// A recovery code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovery {
    /// The code: `abcd-efgh-jkmn-pqrs`.
    recovery_code: String,
    /// Where a code alone is asked for: whose it is. Elsewhere the login says so.
    username: Option<String>,
}

/// Judges a name and a password, or a name and a code. `next` says what comes then; a cookie carries the login.
#[utoipa::path(post, path = "", request_body = Login, responses((status = 200, body = Next), (status = 429)))]
pub(crate) async fn begin(call: Call, Json(typed): Json<Login>) -> ApiResult {
    let by_code = Asks::of(&call.app, typed.otp.is_some()).await?.is_code();
    let (second, key, given) = match (by_code, typed.password, typed.otp) {
        (true, Some(_), _) => return call.unknown("password"),
        (false, _, Some(_)) => return call.unknown("otp"),
        (true, None, otp) => ("otp", "problem-code-missing", otp.unwrap_or_default()),
        (false, password, None) => ("password", "problem-password-missing", password.unwrap_or_default()),
    };
    let fields = [
        ("username", "problem-username-missing", typed.username.is_empty()),
        (second, key, given.is_empty()),
    ];
    if let Some(response) = missing(&fields, &call.shell) {
        return Ok(response);
    }
    let (username, keep, next) = (typed.username, typed.keep.unwrap_or(false), String::new());
    if by_code {
        let typed = NameAndCode { username, code: given, keep, next };
        return match login::by_code(&call.app, typed, &call.visit).await {
            Ok(Entered::SignedIn(started)) => signed_in(&call, &started, Step::SignedIn).await,
            Ok(Entered::OwesPassword(token)) => owes(&call.app, &token).await,
            Err(error) => call.failed(error),
        };
    }
    let credentials = Credentials { username, password: Password::new(given), keep, next };
    match login::begin(&call.app, credentials, &call.visit).await {
        Ok(token) => owes_code(&call, &token),
        Err(error) => call.failed(error),
    }
}

fn owes_code(call: &Call, token: &Token) -> ApiResult {
    Ok(with_cookies(next(Step::Code)?, [cookies::login(&call.app.config, token)]))
}

/// Judges the code after the password, and signs in.
#[utoipa::path(
    post, path = "", request_body = Code,
    responses((status = 200, body = Next), (status = 409), (status = 429))
)]
pub(crate) async fn code(
    call: Call,
    HalfSignedIn(token): HalfSignedIn,
    Json(typed): Json<Code>,
) -> ApiResult {
    let token = match half_signed_in(&call.app, token).await? {
        Ok((token, who)) if who.owes == Owes::Code => token,
        Ok(_) => return Ok(conflict(&call, "problem-password-next")),
        Err(why) => return Ok(over(&call, why)),
    };
    let codes = (typed.otp.as_str(), typed.otp_next.as_deref().unwrap_or(""));
    match login::complete(&call.app, &token, codes, &call.visit).await {
        Ok(started) => signed_in(&call, &started, Step::SignedIn).await,
        Err(Error::Expired) => Ok(over(&call, "problem-login-expired")),
        Err(error) => call.failed(error),
    }
}

/// Judges the password after the code, or sets it, and signs in.
#[utoipa::path(
    post, path = "", request_body = OwedPassword,
    responses((status = 200, body = Next), (status = 409), (status = 429))
)]
pub(crate) async fn password(
    call: Call,
    HalfSignedIn(token): HalfSignedIn,
    Json(typed): Json<OwedPassword>,
) -> ApiResult {
    let token = match half_signed_in(&call.app, token).await? {
        Ok((token, who)) if who.owes != Owes::Code => token,
        Ok(_) => return Ok(conflict(&call, "problem-code-next")),
        Err(why) => return Ok(over(&call, why)),
    };
    if typed.password.is_empty() {
        return call.wrong("password", "problem-password-missing");
    }
    let password = Password::new(typed.password);
    match login::complete_with_password(&call.app, &token, password, &call.visit).await {
        Ok(started) => signed_in(&call, &started, Step::SignedIn).await,
        Err(Error::Expired) => Ok(over(&call, "problem-login-expired")),
        Err(Error::BadCredentials) => call.wrong("password", "problem-password-wrong"),
        Err(error) => call.failed(error),
    }
}

/// Spends a recovery code. It opens no session: a new authenticator must be set up first.
#[utoipa::path(
    post, path = "", request_body = Recovery,
    responses((status = 200, body = Next), (status = 409), (status = 429))
)]
pub(crate) async fn recovery(
    call: Call,
    HalfSignedIn(token): HalfSignedIn,
    Json(typed): Json<Recovery>,
) -> ApiResult {
    let app = &call.app;
    let by_name = app.config.factors == Factors::Code;
    let holder = match (by_name, typed.username) {
        (true, Some(username)) if !username.is_empty() => Holder::Name { username, next: String::new() },
        (true, _) => return call.wrong("username", "problem-username-missing"),
        (false, Some(_)) => return call.unknown("username"),
        (false, None) => match half_signed_in(app, token).await? {
            Ok((token, who)) if who.owes == Owes::Code => Holder::Login(token),
            Ok(_) => return Ok(conflict(&call, "problem-password-next")),
            Err(why) => return Ok(over(&call, why)),
        },
    };
    match recovery::enter(app, holder, &typed.recovery_code, &call.visit).await {
        Ok(enrolling) => {
            Ok(with_cookies(enrolls(app, &enrolling)?, [cookies::clear(&app.config, Cookie::Login)]))
        }
        Err(Error::Expired) => Ok(over(&call, "problem-login-expired")),
        // One answer, whichever of the two is wrong.
        Err(Error::WrongRecoveryCode) if by_name => {
            let key = "problem-bad-name-or-recovery";
            let problems = [Problem::general(call.shell.t(key)).because(key)];
            Ok(problem(StatusCode::UNPROCESSABLE_ENTITY, &problems))
        }
        Err(error) => call.failed(error),
    }
}

/// Ends the session and clears its cookie. Whoever was signed out already is not told off.
#[utoipa::path(post, path = "", responses((status = 204)))]
pub(crate) async fn logout(call: Call, _: Nothing) -> ApiResult {
    let config = &call.app.config;
    if let Some(token) = cookies::read(config, &call.headers, Cookie::Session) {
        session::end(&call.app, &token, &call.visit).await.map_err(Trouble::from)?;
    }
    let cleared = [cookies::clear(config, Cookie::Session), cookies::clear(config, Cookie::Login)];
    Ok(with_cookies(done()?, cleared))
}

/// 401: there is no login, or it is over.
fn over(call: &Call, key: &'static str) -> axum::response::Response {
    problem(StatusCode::UNAUTHORIZED, &[Problem::general(call.shell.t(key)).because(key)])
}

/// 409: another step comes first.
fn conflict(call: &Call, key: &'static str) -> axum::response::Response {
    problem(StatusCode::CONFLICT, &[Problem::general(call.shell.t(key)).because(key)])
}
