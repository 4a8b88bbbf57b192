//! `/account/recovery-codes`: ten new recovery codes, which void the old ones. They are shown by the page that shows the
//! first ones, too.

use askama::Template;
use auth::session::Session;
use auth::{App, account, recovery};
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
use crate::pages::account::changed;
use crate::pages::{PageResult, Problem};
use crate::shell::{Shell, see_other};
use crate::wording::misfit;

/// The question before the old codes are void.
#[derive(Template)]
#[template(path = "renew.html")]
pub(crate) struct RenewPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// How many are still good.
    pub(crate) recovery_left: u32,
}

const HERE: &str = "/account/recovery-codes";

/// Asks, since the old codes are on paper somewhere.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    if !account::is_fresh(&app, &session) {
        return Ok(see_other("/account/prove?rd=/account/recovery-codes"));
    }
    form(&app, &session, &shell, (StatusCode::OK, Vec::new())).await
}

/// Makes them, and shows them.
pub(crate) async fn submit(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    if let Err(wrong) = fields.take([], []) {
        let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
        return form(&app, &session, &shell, problems).await;
    }
    let renewed = account::renew_recovery_codes(&app, &session, &visit).await;
    changed(&shell, &session, renewed, (HERE, "/enroll/recovery-codes"))
}

async fn form(
    app: &App,
    session: &Session,
    shell: &Shell,
    (status, problems): (StatusCode, Vec<Problem>),
) -> PageResult {
    let left = recovery::left(app, &session.user_id).await?;
    let recovery_left = u32::try_from(left).unwrap_or(0);
    Ok(shell.page(status, &RenewPage { shell, problems: &problems, recovery_left }, &problems))
}
