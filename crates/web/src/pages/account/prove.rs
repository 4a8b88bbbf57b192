//! `/account/prove`: a code once more, and the password of whoever has one, before something can be changed.

use askama::Template;
use auth::session::Session;
use auth::{App, Error, Password, account};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::cookies;
use crate::extract::{Caller, Return, SignedIn, our_path};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, onward, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The form that asks for all factors.
#[derive(Template)]
#[template(path = "prove.html")]
pub(crate) struct ProvePage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// Who is signed in; travels hidden, so that managers fill in the right entry.
    pub(crate) username: &'a str,
    /// Where to go afterwards; empty for the account page.
    pub(crate) rd: &'a str,
    /// Whether the person has a password.
    pub(crate) asks_password: bool,
}

/// The form.
pub(crate) async fn show(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Return(rd): Return,
    shell: Shell,
) -> PageResult {
    let shell = onward::returning(&app, shell, &rd).await?;
    Ok(ask(&shell, &session, &rd, (StatusCode::OK, Vec::new())))
}

/// Judges both, and goes back to what was to be changed.
pub(crate) async fn submit(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let rd = our_path(&fields.peek("rd"));
    let shell = onward::returning(&app, shell, &rd).await?;
    let again = |problems| Ok(ask(&shell, &session, &rd, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
    let taken = if session.has_password {
        fields.take(["password", "otp"], ["rd", "username"]).map(|([password, otp], _)| (Some(password), otp))
    } else {
        fields.take(["otp"], ["rd", "username"]).map(|([otp], _)| (None, otp))
    };
    let (password, otp) = match taken {
        Ok(taken) => taken,
        Err(wrong) => return again(vec![misfit(&wrong, &shell)]),
    };
    if password.as_ref().is_some_and(String::is_empty) {
        return again(vec![Problem::at("password", shell.t("problem-password-missing"))]);
    }
    match account::prove(&app, &session, (password.map(Password::new), &otp), &visit).await {
        Ok(token) => {
            let response = see_other(if rd.is_empty() { "/account" } else { &rd });
            let Some(token) = token else { return Ok(response) };
            Ok(with_cookies(response, [cookies::session(&app.config, &token, session.keep)]))
        }
        Err(Error::Expired) => Ok(see_other("/login")),
        Err(Error::BadCredentials) => again(vec![Problem::at("password", shell.t("problem-password-wrong"))]),
        Err(error) => Ok(ask(&shell, &session, &rd, for_form(error, &shell, app.clock.now())?)),
    }
}

/// The form, with a status of its own where it stands for a refusal.
pub(crate) fn ask(
    shell: &Shell,
    session: &Session,
    rd: &str,
    (status, problems): (StatusCode, Vec<Problem>),
) -> Response {
    let refused = shell.json && status == StatusCode::FORBIDDEN;
    let problems =
        if refused { vec![Problem::general(shell.t("prove-lead")).because("prove")] } else { problems };
    let (username, asks_password) = (session.name.as_str(), session.has_password);
    shell.page(status, &ProvePage { shell, problems: &problems, username, rd, asks_password }, &problems)
}
