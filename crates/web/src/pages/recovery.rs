//! `/login/recovery`: a recovery code instead of the app.

use askama::Template;
use auth::config::Factors;
use auth::login::Owes;
use auth::recovery::{self, Holder};
use auth::{App, Error, Token, Visit};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::extract::{Caller, HalfSignedIn, Return, our_path};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, login as login_page, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The door for those whose phone is gone. It leads to a new authenticator.
#[derive(Template)]
#[template(path = "recovery.html")]
pub(crate) struct RecoveryPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the recovery code.
    pub(crate) problems: &'a [Problem],
    /// Who is signing in.
    pub(crate) who: Who<'a>,
    /// Where to go afterwards; empty for the start page.
    pub(crate) rd: &'a str,
}

impl RecoveryPage<'_> {
    /// The name is still to be typed, so the cursor begins there.
    pub(crate) fn asks_name(&self) -> bool {
        matches!(self.who, Who::Asked(""))
    }
}

/// Who it is, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'a> {
    /// Whoever has given the password.
    Known(&'a str),
    /// Nobody yet: the name is asked for, and was typed so before.
    Asked(&'a str),
}

/// The field for a recovery code, for whoever has given the password. Where a code alone is asked for, for anybody.
pub(crate) async fn show(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    Return(rd): Return,
    shell: Shell,
) -> PageResult {
    if app.config.factors == Factors::Code {
        return Ok(form(&shell, (Who::Asked(""), &rd), (StatusCode::OK, Vec::new())));
    }
    match login_page::half_signed_in(&app, token).await? {
        Ok((_, who)) if who.owes == Owes::Code => {
            Ok(form(&shell, (Who::Known(&who.name), ""), (StatusCode::OK, Vec::new())))
        }
        _ => Ok(see_other("/login")),
    }
}

/// Spends the code. It opens no session: a new authenticator must be set up first.
pub(crate) async fn submit(
    State(app): State<App>,
    HalfSignedIn(token): HalfSignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    if app.config.factors == Factors::Code {
        return by_name(&app, &visit, &shell, fields).await;
    }
    let (token, who) = match login_page::half_signed_in(&app, token).await? {
        Ok((token, who)) => (token, who.name),
        Err(why) => return login_page::again(&app, &shell, "", why).await,
    };
    let known = (Who::Known(who.as_str()), "");
    let code = match fields.take(["recovery_code"], ["username"]) {
        Ok(([code], _)) => code,
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&shell, known, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    match recovery::enter(&app, Holder::Login(token), &code, &visit).await {
        Ok(enrolling) => Ok(enrolls(&app, &enrolling)),
        Err(Error::Expired) => login_page::again(&app, &shell, &who, "problem-login-expired").await,
        Err(error) => Ok(form(&shell, known, for_form(error, &shell, app.clock.now())?)),
    }
}

async fn by_name(app: &App, visit: &Visit, shell: &Shell, fields: Fields) -> PageResult {
    let (typed, rd) = (fields.peek("username"), our_path(&fields.peek("rd")));
    let asked = (Who::Asked(typed.as_str()), rd.as_str());
    let again = |problem| Ok(form(shell, asked, (StatusCode::UNPROCESSABLE_ENTITY, vec![problem])));
    let (username, code) = match fields.take(["username", "recovery_code"], ["rd"]) {
        Ok(([username, code], _)) => (username, code),
        Err(wrong) => return again(misfit(&wrong, shell)),
    };
    if username.is_empty() {
        return again(Problem::at("username", shell.t("problem-username-missing")));
    }
    let holder = Holder::Name { username, next: rd.clone() };
    match recovery::enter(app, holder, &code, visit).await {
        Ok(enrolling) => Ok(enrolls(app, &enrolling)),
        // One answer, whichever of the two is wrong.
        Err(Error::WrongRecoveryCode) => again(Problem::general(shell.t("problem-bad-name-or-recovery"))),
        Err(error) => Ok(form(shell, asked, for_form(error, shell, app.clock.now())?)),
    }
}

fn enrolls(app: &App, enrolling: &Token) -> Response {
    let enrolling = cookies::enrolling(&app.config, enrolling);
    let login = cookies::clear(&app.config, Cookie::Login);
    with_cookies(see_other("/enroll"), [enrolling, login])
}

fn form(
    shell: &Shell,
    (who, rd): (Who<'_>, &str),
    (status, problems): (StatusCode, Vec<Problem>),
) -> Response {
    shell.page(status, &RecoveryPage { shell, problems: &problems, who, rd }, &problems)
}
