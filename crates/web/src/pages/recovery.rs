//! `/login/recovery`: a recovery code instead of the app.

use askama::Template;
use auth::{App, Error, recovery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::error::{for_form, misfit};
use crate::extract::{Caller, HalfSignedIn};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, login as login_page, with_cookies};
use crate::shell::{Shell, see_other};

/// The door for those whose phone is gone. It leads to a new authenticator.
#[derive(Template)]
#[template(path = "recovery.html")]
pub(crate) struct RecoveryPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the recovery code.
    pub(crate) problems: &'a [Problem],
    /// Who is signing in.
    pub(crate) username: &'a str,
}

/// The field for a recovery code, for whoever has given the password.
pub(crate) async fn show(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    shell: Shell,
) -> PageResult {
    let Ok((_, username)) = login_page::half_signed_in(&app, token).await? else {
        return Ok(see_other("/login"));
    };
    Ok(form(&shell, &username, (StatusCode::OK, Vec::new())))
}

/// Spends the code. It opens no session: a new authenticator must be set up first.
pub(crate) async fn submit(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let (token, who) = match login_page::half_signed_in(&app, token).await? {
        Ok(known) => known,
        Err(why) => return login_page::again(&app, &shell, "", why),
    };
    let code = match fields.take(["recovery_code"], ["username"]) {
        Ok(([code], _)) => code,
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&shell, &who, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    match recovery::enter(&app, &token, &code, &visit).await {
        Ok(enrolling) => {
            let enrolling = cookies::enrolling(&app.config, &enrolling);
            let login = cookies::clear(&app.config, Cookie::Login);
            Ok(with_cookies(see_other("/enroll"), [enrolling, login]))
        }
        Err(Error::Expired) => login_page::again(&app, &shell, &who, "problem-login-expired"),
        Err(error) => Ok(form(&shell, &who, for_form(error, &shell, app.clock.now())?)),
    }
}

fn form(shell: &Shell, username: &str, (status, problems): (StatusCode, Vec<Problem>)) -> Response {
    shell.page(status, &RecoveryPage { shell, problems: &problems, username }, &problems)
}
