//! `/login/password`: after the code the password of whoever is asked for both, or the choice of one.

use askama::Template;
use auth::login::{self, Owes, Who};
use auth::{App, Error, Password};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::extract::{Caller, HalfSignedIn};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, login as login_page, onward, or_start, signed_in};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The password after the code.
#[derive(Template)]
#[template(path = "owed_password.html")]
pub(crate) struct OwedPasswordPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// Who is signing in; travels hidden, so that managers fill in the right entry.
    pub(crate) username: &'a str,
    /// There is none yet: it is chosen here.
    pub(crate) new: bool,
}

/// The form, for whoever has given a code.
pub(crate) async fn show(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    shell: Shell,
) -> PageResult {
    match login_page::half_signed_in(&app, token).await? {
        Ok((_, who)) if who.owes == Owes::Code => Ok(see_other("/login/code")),
        Ok((_, who)) => {
            let shell = onward::returning(&app, shell, &who.next).await?;
            Ok(form(&shell, &who, (StatusCode::OK, Vec::new())))
        }
        Err(_) => Ok(see_other("/login")),
    }
}

/// Judges the password, or sets it, and signs in.
pub(crate) async fn submit(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let username = fields.peek("username");
    let (token, who) = match login_page::half_signed_in(&app, token).await? {
        Ok((_, who)) if who.owes == Owes::Code => return Ok(see_other("/login/code")),
        Ok(known) => known,
        Err(why) => return login_page::again(&app, &shell, &username, why).await,
    };
    let shell = onward::returning(&app, shell, &who.next).await?;
    let again = |problems| Ok(form(&shell, &who, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
    let password = match fields.take(["password"], ["username"]) {
        Ok(([password], _)) => password,
        Err(wrong) => return again(vec![misfit(&wrong, &shell)]),
    };
    if !username.is_empty() && !username.eq_ignore_ascii_case(&who.name) {
        return login_page::again(&app, &shell, &username, "problem-login-mismatch").await;
    }
    if password.is_empty() {
        return again(vec![Problem::at("password", shell.t("problem-password-missing"))]);
    }
    match login::complete_with_password(&app, &token, Password::new(password), &visit).await {
        Ok(started) => signed_in(&app, (&headers, &visit), &started, or_start(&started.next)).await,
        Err(Error::Expired) => login_page::again(&app, &shell, &who.name, "problem-login-expired").await,
        Err(Error::BadCredentials) => again(vec![Problem::at("password", shell.t("problem-password-wrong"))]),
        Err(error) => Ok(form(&shell, &who, for_form(error, &shell, app.clock.now())?)),
    }
}

fn form(shell: &Shell, who: &Who, (status, problems): (StatusCode, Vec<Problem>)) -> Response {
    let new = who.owes == Owes::NewPassword;
    let page = OwedPasswordPage { shell, problems: &problems, username: &who.name, new };
    shell.page(status, &page, &problems)
}
