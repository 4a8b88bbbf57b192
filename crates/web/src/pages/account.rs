//! `/account`: what somebody has, and the ways to change it. Each change has a file of its own beside this one.

pub(crate) mod activity;
pub(crate) mod password;
pub(crate) mod prove;
pub(crate) mod sessions;

use askama::Template;
use auth::session::Session;
use auth::{App, Error, account, recovery};
use axum::extract::State;
use axum::http::StatusCode;

use crate::error::misfit;
use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
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
}

/// What there is.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    overview(&app, &session, &shell, Vec::new()).await
}

async fn overview(app: &App, session: &Session, shell: &Shell, problems: Vec<Problem>) -> PageResult {
    let left = recovery::left(app, &session.user_id).await?;
    let sessions = account::sessions(app, session).await?.len();
    let shell = Shell { signed_in_as: Some(session.name.clone()), ..shell.clone() };
    let page = AccountPage {
        shell: &shell,
        problems: &problems,
        recovery_left: u32::try_from(left).unwrap_or(0),
        sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell.page(status, &page, &problems))
}

/// Makes ten new recovery codes, and shows them.
pub(crate) async fn renew_recovery_codes(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    if let Err(wrong) = fields.take([], []) {
        let problem = misfit(&wrong, &shell);
        return overview(&app, &session, &shell, vec![problem]).await;
    }
    let renewed = account::renew_recovery_codes(&app, &session, &visit).await;
    changed(&shell, &session, renewed, ("/account", "/enroll/recovery-codes"))
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
