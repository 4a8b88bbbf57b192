//! `/account`: what somebody has, and the ways to change it. Each change has a file of its own beside this one.

pub(crate) mod activity;
pub(crate) mod authenticators;
pub(crate) mod password;
pub(crate) mod prove;
pub(crate) mod recovery_codes;
pub(crate) mod sessions;
pub(crate) mod tokens;

use askama::Template;
use auth::session::Session;
use auth::{App, Error, account, recovery};
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::SignedIn;
use crate::pages::{PageResult, Problem};
use crate::shell::{Shell, see_other};

/// The overview of an account.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// How many recovery codes are still good.
    pub(crate) recovery_left: u32,
    /// How many browsers are signed in.
    pub(crate) sessions: u32,
    /// How many authenticators there are.
    pub(crate) authenticators: u32,
    /// Whether there is a password.
    pub(crate) has_password: bool,
}

/// What there is.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    let left = recovery::left(&app, &session.user_id).await?;
    let sessions = account::sessions(&app, &session.user_id, None).await?.len();
    let authenticators = account::authenticators::list(&app, &session.user_id).await?.len();
    let has_password = session.has_password;
    let shell = Shell { signed_in_as: Some(session.name), ..shell };
    let page = AccountPage {
        shell: &shell,
        problems: &[],
        recovery_left: u32::try_from(left).unwrap_or(0),
        sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
        authenticators: u32::try_from(authenticators).unwrap_or(u32::MAX),
        has_password,
    };
    Ok(shell.page(StatusCode::OK, &page, &[]))
}

/// Where a change leads. One that wants a fresh proof asks for it, and leads back to the page where it was begun.
fn changed(
    shell: &Shell,
    session: &Session,
    result: Result<(), Error>,
    (back, then): (&str, &str),
) -> PageResult {
    match result {
        Ok(()) => Ok(see_other(then)),
        Err(Error::ProofNeeded) => Ok(prove::ask(shell, session, back, (StatusCode::FORBIDDEN, Vec::new()))),
        // The session ended while the form was on its way.
        Err(Error::Expired) => Ok(see_other("/login")),
        Err(error) => Err(error.into()),
    }
}
