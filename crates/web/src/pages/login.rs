//! `/login`: name and password, with the code on the next page, in `code.rs`; or name and code on one page.

use askama::Template;
use auth::config::Factors;
use auth::login::{self, Credentials, Entered, NameAndCode, Who};
use auth::{App, Error, Password, Token, Visit, register, session};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::extract::{Caller, Return, our_path};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, onward, or_start, signed_in, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The first page of signing in, or the only one.
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
    /// What is asked for beside the name.
    pub(crate) asks: Asks,
}

/// What a sign-in asks for beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A password.
    Password,
    /// A password; whoever has still to choose one finds the way to the code.
    PasswordOrCode,
    /// A code of everybody.
    Code,
    /// A code of those who have still to choose a password.
    CodeForNow,
}

impl Asks {
    pub(crate) fn is_code(self) -> bool {
        matches!(self, Asks::Code | Asks::CodeForNow)
    }

    pub(crate) async fn of(app: &App, wants_code: bool) -> Result<Asks, Error> {
        Ok(match (app.config.factors, login::is_by_code(app).await?) {
            (Factors::Code, _) => Asks::Code,
            (Factors::PasswordAndCode, true) if wants_code => Asks::CodeForNow,
            (Factors::PasswordAndCode, true) => Asks::PasswordOrCode,
            (Factors::PasswordAndCode, false) => Asks::Password,
        })
    }
}

/// The form, unless the browser is signed in already.
pub(crate) async fn show(
    State(app): State<App>,
    Return(rd): Return,
    shell: Shell,
    uri: Uri,
    headers: HeaderMap,
) -> PageResult {
    if let Some(token) = cookies::read(&app.config, &headers, Cookie::Session)
        && session::find(&app, &token).await?.is_some()
    {
        return Ok(see_other(or_start(&rd)));
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let wants_code = query.into_iter().any(|(name, value)| name == "by" && value == "code");
    let asks = Asks::of(&app, wants_code).await?;
    let shell = onward::returning(&app, shell, &rd).await?;
    Ok(form(&app, &shell, &Typed { rd, asks, ..Typed::default() }, (StatusCode::OK, Vec::new())))
}

/// Judges name and password, or name and code.
pub(crate) async fn submit(
    State(app): State<App>,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let typed = Typed {
        username: fields.peek("username"),
        keep: fields.peek("keep") == "on",
        rd: our_path(&fields.peek("rd")),
        asks: Asks::of(&app, fields.has("otp")).await?,
    };
    let shell = onward::returning(&app, shell, &typed.rd).await?;
    let (second, missing) = if typed.asks.is_code() {
        ("otp", "problem-code-missing")
    } else {
        ("password", "problem-password-missing")
    };
    let given = match fields.take(["username", second], ["keep", "rd"]) {
        Ok(([_, given], _)) => given,
        Err(wrong) => return Ok(refused(&app, &shell, &typed, misfit(&wrong, &shell))),
    };
    let mut problems = Vec::new();
    if typed.username.is_empty() {
        problems.push(Problem::at("username", shell.t("problem-username-missing")));
    }
    if given.is_empty() {
        problems.push(Problem::at(second, shell.t(missing)));
    }
    if !problems.is_empty() {
        return Ok(form(&app, &shell, &typed, (StatusCode::UNPROCESSABLE_ENTITY, problems)));
    }
    let entered = if typed.asks.is_code() {
        by_code(&app, &typed, given, (&headers, &visit)).await?
    } else {
        by_password(&app, &typed, given, &visit).await
    };
    match entered {
        Ok(response) => Ok(response),
        Err(error) => Ok(form(&app, &shell, &typed, for_form(error, &shell, app.clock.now())?)),
    }
}

async fn by_password(app: &App, typed: &Typed, password: String, visit: &Visit) -> Result<Response, Error> {
    let credentials = Credentials {
        username: typed.username.clone(),
        password: Password::new(password),
        keep: typed.keep,
        next: typed.rd.clone(),
    };
    let token = login::begin(app, credentials, visit).await?;
    Ok(with_cookies(see_other("/login/code"), [cookies::login(&app.config, &token)]))
}

async fn by_code(
    app: &App,
    typed: &Typed,
    code: String,
    (headers, visit): (&HeaderMap, &Visit),
) -> Result<Result<Response, Error>, Trouble> {
    let typed =
        NameAndCode { username: typed.username.clone(), code, keep: typed.keep, next: typed.rd.clone() };
    Ok(match login::by_code(app, typed, visit).await {
        Ok(Entered::SignedIn(started)) => {
            Ok(signed_in(app, (headers, visit), &started, or_start(&started.next)).await?)
        }
        Ok(Entered::OwesPassword(token)) => {
            Ok(with_cookies(see_other("/login/password"), [cookies::login(&app.config, &token)]))
        }
        Err(error) => Err(error),
    })
}

/// Whoever has given the first factor in this browser: the token and who it is. Else the key of the words that say why not.
pub(crate) async fn half_signed_in(
    app: &App,
    token: Option<Token>,
) -> Result<Result<(Token, Who), &'static str>, Trouble> {
    let Some(token) = token else { return Ok(Err("problem-cookie-missing")) };
    match login::who(app, &token).await {
        Ok(who) => Ok(Ok((token, who))),
        Err(Error::Expired) => Ok(Err("problem-login-expired")),
        Err(error) => Err(error.into()),
    }
}

/// The first page again, for somebody who was on the second. The username is kept.
pub(crate) async fn again(app: &App, shell: &Shell, username: &str, why: &str) -> PageResult {
    let asks = Asks::of(app, false).await?;
    let typed = Typed { username: username.to_owned(), asks, ..Typed::default() };
    Ok(refused(app, shell, &typed, Problem::general(shell.t(why))))
}

/// What stays in the form when it is shown again.
struct Typed {
    username: String,
    keep: bool,
    rd: String,
    asks: Asks,
}

impl Default for Typed {
    fn default() -> Typed {
        Typed { username: String::new(), keep: false, rd: String::new(), asks: Asks::Password }
    }
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
        asks: typed.asks,
    };
    shell.page(status, &page, &problems)
}
