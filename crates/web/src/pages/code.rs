//! `/login/code`: the six digits. One field and one button, since password managers press what they find.

use askama::Template;
use auth::login::{self, Owes, Who};
use auth::{App, Error};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::extract::{Caller, HalfSignedIn};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, login as login_page, onward, or_start, signed_in};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

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
    /// Where they are going; empty for the start page.
    pub(crate) rd: &'a str,
}

/// The field for the code, for whoever has given the password.
pub(crate) async fn show(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    shell: Shell,
) -> PageResult {
    match login_page::half_signed_in(&app, token).await? {
        Ok((_, who)) if who.owes != Owes::Code => Ok(see_other("/login/password")),
        Ok((_, who)) => {
            let shell = onward::returning(&app, shell, &who.next).await?;
            Ok(form(&app, &shell, &who, (StatusCode::OK, Vec::new())))
        }
        Err(_) => Ok(see_other("/login")),
    }
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
        Ok((_, who)) if who.owes != Owes::Code => return Ok(see_other("/login/password")),
        Ok(known) => known,
        Err(why) => return login_page::again(&app, &shell, &username, why).await,
    };
    let shell = onward::returning(&app, shell, &who.next).await?;
    let (otp, then) = match fields.take(["otp"], ["otp_next", "username"]) {
        Ok(([otp], [then, _])) => (otp, then),
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&app, &shell, &who, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    if !username.is_empty() && !username.eq_ignore_ascii_case(&who.name) {
        return login_page::again(&app, &shell, &username, "problem-login-mismatch").await;
    }
    match login::complete(&app, &token, (&otp, &then), &visit).await {
        Ok(started) => signed_in(&app, (&headers, &visit), &started, or_start(&started.next)).await,
        Err(Error::Expired) => login_page::again(&app, &shell, &username, "problem-login-expired").await,
        Err(error) => Ok(form(&app, &shell, &who, for_form(error, &shell, app.clock.now())?)),
    }
}

fn form(
    app: &App,
    shell: &Shell,
    who: &Who,
    (status, problems): (StatusCode, Vec<Problem>),
) -> axum::response::Response {
    let (username, rd) = (who.name.as_str(), who.next.as_str());
    let label = format!("{}: {username}", app.config.issuer);
    let page = CodePage { shell, problems: &problems, username, label: &label, rd };
    shell.page(status, &page, &problems)
}
