//! `/account/password`: another password. All other sessions end with it.

use askama::Template;
use auth::session::Session;
use auth::{App, Error, Password, account};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
use crate::pages::account::changed;
use crate::pages::{PageResult, Problem};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The form for a new password.
#[derive(Template)]
#[template(path = "password.html")]
pub(crate) struct PasswordPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with it.
    pub(crate) problems: &'a [Problem],
    /// Whose it is; travels hidden, so that managers save it under the right name.
    pub(crate) username: &'a str,
    /// There is none yet.
    pub(crate) first: bool,
}

/// The form, for somebody whose proof is fresh.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> Response {
    if !account::is_fresh(&app, &session) {
        return see_other("/account/prove?rd=/account/password");
    }
    form(&shell, &session, (StatusCode::OK, Vec::new()))
}

/// Sets the password.
pub(crate) async fn submit(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let ([password], _) = match fields.take(["password"], ["username"]) {
        Ok(fields) => fields,
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&shell, &session, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    match account::change_password(&app, &session, Password::new(password), &visit).await {
        Err(error @ Error::Rules(_)) => Ok(form(&shell, &session, for_form(error, &shell, app.clock.now())?)),
        result => changed(&shell, &session, result, ("/account/password", "/account")),
    }
}

fn form(shell: &Shell, session: &Session, (status, problems): (StatusCode, Vec<Problem>)) -> Response {
    let (username, first) = (session.name.as_str(), !session.has_password);
    shell.page(status, &PasswordPage { shell, problems: &problems, username, first }, &problems)
}
