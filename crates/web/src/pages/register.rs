//! `/register` and `/setup/{token}`: a name and a password. The authenticator comes next, in `enroll.rs`.

use askama::Template;
use auth::register::{self, NewUser};
use auth::{App, Password, Role};
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::extract::{Caller, Return, our_path};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The form that reserves a name.
#[derive(Template)]
#[template(path = "register.html")]
pub(crate) struct RegisterPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the form.
    pub(crate) problems: &'a [Problem],
    /// As typed before, or as the link names it.
    pub(crate) username: &'a str,
    /// Where the form goes: `/register` or `/setup/{token}`.
    pub(crate) action: &'a str,
    /// The link names the user, so the field cannot be changed.
    pub(crate) fixed_name: bool,
    /// Whether a password is chosen, too.
    pub(crate) asks_password: bool,
    /// How the person came here.
    pub(crate) welcome: Welcome,
    /// Where to go afterwards; empty for the start page.
    pub(crate) rd: &'a str,
}

/// How somebody came to the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// Registration is open.
    Anyone,
    /// By the setup link of a new server.
    FirstOwner,
    /// By a link an administrator made.
    Invited,
}

/// Says that nobody can register here by themselves.
#[derive(Template)]
#[template(path = "registration_closed.html")]
pub(crate) struct RegistrationClosedPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
}

/// The form, or the word that nobody can register by themselves.
pub(crate) async fn show(State(app): State<App>, Return(rd): Return, shell: Shell) -> Response {
    if !register::is_open(&app) {
        return closed(&shell);
    }
    form(&app, &shell, &Typed { rd, ..Typed::default() }, (StatusCode::OK, Vec::new()))
}

/// Holds the name; the authenticator comes next.
pub(crate) async fn submit(
    State(app): State<App>,
    Caller(visit): Caller,
    shell: Shell,
    headers: HeaderMap,
    fields: Fields,
) -> PageResult {
    if !register::is_open(&app) {
        return Ok(closed(&shell));
    }
    let typed = Typed { username: fields.peek("username"), rd: our_path(&fields.peek("rd")) };
    let asks_password = register::asks_password(&app, Role::User);
    let password = if asks_password {
        fields.take(["username", "password"], ["rd"]).map(|([_, password], _)| Some(Password::new(password)))
    } else {
        fields.take(["username"], ["rd"]).map(|_| None)
    };
    let password = match password {
        Ok(password) => password,
        Err(wrong) => {
            let problems = vec![misfit(&wrong, &shell)];
            return Ok(form(&app, &shell, &typed, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
        }
    };
    let new = NewUser { username: typed.username.clone(), password, link: None, next: typed.rd.clone() };
    let browser = cookies::read(&app.config, &headers, Cookie::Enroll);
    match register::reserve(&app, new, browser, visit).await {
        Ok(token) => Ok(with_cookies(see_other("/enroll"), [cookies::enrolling(&app.config, &token)])),
        Err(error) => Ok(form(&app, &shell, &typed, for_form(error, &shell, app.clock.now())?)),
    }
}

/// What stays in the form when it is shown again.
#[derive(Default)]
struct Typed {
    username: String,
    rd: String,
}

fn form(app: &App, shell: &Shell, typed: &Typed, (status, problems): (StatusCode, Vec<Problem>)) -> Response {
    let page = RegisterPage {
        shell,
        problems: &problems,
        username: &typed.username,
        action: "/register",
        fixed_name: false,
        asks_password: register::asks_password(app, Role::User),
        welcome: Welcome::Anyone,
        rd: &typed.rd,
    };
    let mut response = shell.page(status, &page, &problems);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // Names are held for half an hour.
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1800"));
    }
    response
}

fn closed(shell: &Shell) -> Response {
    let problems = if shell.json { vec![Problem::general(shell.t("closed-heading"))] } else { Vec::new() };
    shell.page(StatusCode::FORBIDDEN, &RegistrationClosedPage { shell, problems: &[] }, &problems)
}
