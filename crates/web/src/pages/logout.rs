//! `/logout`: one button, wherever it stands.

use auth::{App, session};
use axum::extract::State;
use axum::http::HeaderMap;

use crate::cookies::{self, Cookie};
use crate::extract::Caller;
use crate::pages::{PageResult, with_cookies};
use crate::shell::see_other;

/// Ends the session and clears its cookie. Whoever was signed out already is not told off.
pub(crate) async fn submit(State(app): State<App>, Caller(visit): Caller, headers: HeaderMap) -> PageResult {
    if let Some(token) = cookies::read(&app.config, &headers, Cookie::Session) {
        session::end(&app, &token, &visit).await?;
    }
    let config = &app.config;
    let cleared = [cookies::clear(config, Cookie::Session), cookies::clear(config, Cookie::Login)];
    Ok(with_cookies(see_other("/login"), cleared))
}
