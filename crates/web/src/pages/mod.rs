//! What a person sees: one file per page, each a struct that its template of the same name renders.

use auth::session::{self, Started};
use auth::{App, Visit};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::shell::see_other;

pub(crate) use crate::problem::{Problem, problem_at};

pub(crate) mod account;
pub(crate) mod api;
pub(crate) mod code;
pub(crate) mod enroll;
pub(crate) mod home;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod message;
pub(crate) mod onward;
pub(crate) mod owed_password;
pub(crate) mod recovery;
pub(crate) mod recovery_codes;
pub(crate) mod register;
pub(crate) mod setup;

/// What a handler answers: a page, or a trouble that gets a page of its own.
pub(crate) type PageResult = Result<Response, Trouble>;

/// An answer that sets cookies.
pub(crate) fn with_cookies<const N: usize>(mut response: Response, cookies: [HeaderValue; N]) -> Response {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The answer to whoever has just signed in: to where they were going, with the cookies of the session and of the browser.
pub(crate) async fn signed_in(
    app: &App,
    (headers, visit): (&HeaderMap, &Visit),
    started: &Started,
    to: &str,
) -> PageResult {
    Ok(with_cookies(see_other(to), session_cookies(app, (headers, visit), started).await?))
}

/// The cookies of the session and of the browser of whoever has just signed in.
pub(crate) async fn session_cookies(
    app: &App,
    (headers, visit): (&HeaderMap, &Visit),
    started: &Started,
) -> Result<[HeaderValue; 3], Trouble> {
    // A browser that was signed in as somebody is not left with a session that nobody sees.
    if let Some(old) = cookies::read(&app.config, headers, Cookie::Session) {
        session::end(app, &old, visit).await?;
    }
    let session = cookies::session(&app.config, &started.token, started.keep);
    let device = cookies::device(&app.config, &started.device);
    let login = cookies::clear(&app.config, Cookie::Login);
    Ok([session, device, login])
}

/// Where to go now: a path of ours that was kept, or the start.
pub(crate) fn or_start(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests;
