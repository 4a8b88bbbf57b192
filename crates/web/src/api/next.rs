//! What comes next on the way to a session, and the cookies that go with it.

use auth::login::{self, Owes};
use auth::session::Started;
use auth::{App, Token};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::ask::Call;
use crate::api::{ApiResult, answer};
use crate::cookies;
use crate::error::Trouble;
use crate::pages::{session_cookies, with_cookies};

/// What to do next.
#[derive(Serialize, ToSchema)]
pub(crate) struct Next {
    /// The step.
    next: Step,
}

/// A step on the way to a session.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Set up an authenticator: `/api/v1/enroll`.
    Enroll,
    /// Give a code: `/api/v1/login/code`.
    Code,
    /// Give the password: `/api/v1/login/password`.
    Password,
    /// Choose a password: `/api/v1/login/password`.
    NewPassword,
    /// Signed in, and there are recovery codes to save: `/api/v1/account/recovery-codes`.
    RecoveryCodes,
    /// Signed in.
    SignedIn,
}

/// Says what comes next.
pub(crate) fn next(next: Step) -> ApiResult {
    answer(&Next { next })
}

/// The answer to whoever has just signed in, with the cookies of the session and of the browser.
pub(crate) async fn signed_in(call: &Call, started: &Started, step: Step) -> ApiResult {
    let cookies = session_cookies(&call.app, (&call.headers, &call.visit), started).await?;
    Ok(with_cookies(next(step)?, cookies))
}

/// The answer to whoever owes something more, with the cookie of the login.
pub(crate) async fn owes(app: &App, login: &Token) -> ApiResult {
    let who = login::who(app, login).await.map_err(Trouble::from)?;
    let step = match who.owes {
        Owes::Code => Step::Code,
        Owes::Password => Step::Password,
        Owes::NewPassword => Step::NewPassword,
    };
    Ok(with_cookies(next(step)?, [cookies::login(&app.config, login)]))
}

/// The answer to whoever sets up an authenticator, with the cookie of the enrollment.
pub(crate) fn enrolls(app: &App, enrolling: &Token) -> Result<Response, Trouble> {
    Ok(with_cookies(next(Step::Enroll)?, [cookies::enrolling(&app.config, enrolling)]))
}
