//! `/login/code`: the six digits. One field and one button, since password managers press what they find.

use askama::Template;
use auth::{App, Error, login, session};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::cookies::{self, Cookie};
use crate::error::{for_form, misfit};
use crate::extract::{Caller, HalfSignedIn};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, login as login_page, or_start, with_cookies};
use crate::shell::{Shell, see_other};

/// The second of the two pages of signing in.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct CodePage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the code.
    pub(crate) problems: &'a [Problem],
    /// Who is signing in. It travels hidden in the form, so that managers fill in the right entry's code.
    pub(crate) username: &'a str,
    /// The entry as the app shows it: `Latchkey: ada`.
    pub(crate) label: &'a str,
}

/// The field for the code, for whoever has given the password.
pub(crate) async fn show(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    shell: Shell,
) -> PageResult {
    let Ok((_, username)) = login_page::half_signed_in(&app, token).await? else {
        return Ok(see_other("/login"));
    };
    Ok(form(&app, &shell, &username, (StatusCode::OK, Vec::new())))
}

/// Judges the code, and signs in.
pub(crate) async fn submit(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let username = fields.peek("username");
    let (token, who) = match login_page::half_signed_in(&app, token).await? {
        Ok(known) => known,
        Err(why) => return login_page::again(&app, &shell, &username, why),
    };
    let otp = match fields.take(["otp"], ["username"]) {
        Ok(([otp], _)) => otp,
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&app, &shell, &who, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    if !username.is_empty() && !username.eq_ignore_ascii_case(&who) {
        return login_page::again(&app, &shell, &username, "problem-login-mismatch");
    }
    match login::complete(&app, &token, &otp, &visit).await {
        Ok(started) => {
            // A browser that was signed in as somebody is not left with a session that nobody sees.
            if let Some(old) = cookies::read(&app.config, &headers, Cookie::Session) {
                session::end(&app, &old, &visit).await?;
            }
            let session = cookies::session(&app.config, &started.token, started.keep);
            let login = cookies::clear(&app.config, Cookie::Login);
            Ok(with_cookies(see_other(or_start(&started.next)), [session, login]))
        }
        Err(Error::Expired) => login_page::again(&app, &shell, &username, "problem-login-expired"),
        Err(error) => Ok(form(&app, &shell, &who, for_form(error, &shell, app.clock.now())?)),
    }
}

fn form(
    app: &App,
    shell: &Shell,
    username: &str,
    (status, problems): (StatusCode, Vec<Problem>),
) -> axum::response::Response {
    let label = format!("{}: {username}", app.config.issuer);
    shell.page(status, &CodePage { shell, problems: &problems, username, label: &label }, &problems)
}
