//! `/login`: name and password. The code comes next, in `code.rs`.

use askama::Template;
use auth::login::{self, Credentials};
use auth::{App, Error, Password, Token, register, session};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::error::{Trouble, for_form, misfit};
use crate::extract::{Caller, Return, our_path};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, or_start, with_cookies};
use crate::shell::{Shell, see_other};

/// The first of the two pages of signing in.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the form.
    pub(crate) problems: &'a [Problem],
    /// As typed before.
    pub(crate) username: &'a str,
    /// Whether "keep me signed in" was ticked.
    pub(crate) keep: bool,
    /// Where to go afterwards; empty for the start page.
    pub(crate) rd: &'a str,
    /// Whether to offer a new account.
    pub(crate) registration_open: bool,
}

/// The form, unless the browser is signed in already.
pub(crate) async fn show(
    State(app): State<App>,
    Return(rd): Return,
    shell: Shell,
    headers: HeaderMap,
) -> PageResult {
    if let Some(token) = cookies::read(&app.config, &headers, Cookie::Session)
        && session::find(&app, &token).await?.is_some()
    {
        return Ok(see_other(or_start(&rd)));
    }
    Ok(form(&app, &shell, &Typed { rd, ..Typed::default() }, (StatusCode::OK, Vec::new())))
}

/// Judges name and password; the code comes next.
pub(crate) async fn submit(
    State(app): State<App>,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let mut typed = Typed {
        username: fields.peek("username"),
        keep: fields.peek("keep") == "on",
        rd: our_path(&fields.peek("rd")),
    };
    let password = match fields.take(["username", "password"], ["keep", "rd"]) {
        Ok(([_, password], _)) => password,
        Err(wrong) => return Ok(refused(&app, &shell, &typed, misfit(&wrong, &shell))),
    };
    let mut missing = Vec::new();
    if typed.username.is_empty() {
        missing.push(Problem::at("username", shell.t("problem-username-missing")));
    }
    if password.is_empty() {
        missing.push(Problem::at("password", shell.t("problem-password-missing")));
    }
    if !missing.is_empty() {
        return Ok(form(&app, &shell, &typed, (StatusCode::UNPROCESSABLE_ENTITY, missing)));
    }
    let credentials = Credentials {
        username: typed.username.clone(),
        password: Password::new(password),
        keep: typed.keep,
        next: std::mem::take(&mut typed.rd),
    };
    typed.rd.clone_from(&credentials.next);
    match login::begin(&app, credentials, &visit).await {
        Ok(token) => Ok(with_cookies(see_other("/login/code"), [cookies::login(&app.config, &token)])),
        Err(error) => Ok(form(&app, &shell, &typed, for_form(error, &shell, app.clock.now())?)),
    }
}

/// Whoever has given the password in this browser: the token and the name. Else the key of the words that say why not.
pub(crate) async fn half_signed_in(
    app: &App,
    token: Option<Token>,
) -> Result<Result<(Token, String), &'static str>, Trouble> {
    let Some(token) = token else { return Ok(Err("problem-cookie-missing")) };
    match login::who(app, &token).await {
        Ok(name) => Ok(Ok((token, name))),
        Err(Error::Expired) => Ok(Err("problem-login-expired")),
        Err(error) => Err(error.into()),
    }
}

/// The first of the two pages again, for somebody who was on the second. The username is kept.
pub(crate) fn again(app: &App, shell: &Shell, username: &str, why: &str) -> PageResult {
    let typed = Typed { username: username.to_owned(), ..Typed::default() };
    Ok(refused(app, shell, &typed, Problem::general(shell.t(why))))
}

/// What stays in the form when it is shown again.
#[derive(Default)]
struct Typed {
    username: String,
    keep: bool,
    rd: String,
}

/// The form again, with one problem.
fn refused(app: &App, shell: &Shell, typed: &Typed, problem: Problem) -> Response {
    form(app, shell, typed, (StatusCode::UNPROCESSABLE_ENTITY, vec![problem]))
}

fn form(app: &App, shell: &Shell, typed: &Typed, (status, problems): (StatusCode, Vec<Problem>)) -> Response {
    let page = LoginPage {
        shell,
        problems: &problems,
        username: &typed.username,
        keep: typed.keep,
        rd: &typed.rd,
        registration_open: register::is_open(app),
    };
    shell.page(status, &page, &problems)
}
