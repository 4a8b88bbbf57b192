//! `/setup/{token}`: a one-time link that makes an account with a role. The form is that of `register.rs`.

use auth::register::{self, NewUser};
use auth::setup::{self, Link};
use auth::{App, Error, Password, Role, Words};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::extract::Caller;
use crate::form::Fields;
use crate::pages::register::{RegisterPage, Welcome};
use crate::pages::{PageResult, Problem, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// Shows what the link opens. Looking spends nothing, so that a mail scanner spends nothing.
pub(crate) async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    shell: Shell,
    headers: HeaderMap,
) -> PageResult {
    let (_, link) = find(&app, &token, &headers).await?;
    let username = link.name.clone().unwrap_or_default();
    Ok(form(&app, &shell, (&token, &link), &username, (StatusCode::OK, Vec::new())))
}

/// Spends the link in the transaction that holds the name; the authenticator comes next.
pub(crate) async fn submit(
    State(app): State<App>,
    Path(token): Path<String>,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let (words, link) = find(&app, &token, &headers).await?;
    // A link that names somebody is for nobody else, whatever the form says.
    let username = link.name.clone().unwrap_or_else(|| fields.peek("username"));
    let password = if register::asks_password(&app, link.role) {
        fields.take(["password"], ["username", "rd"]).map(|([password], _)| Some(Password::new(password)))
    } else {
        fields.take([], ["username", "rd"]).map(|_: ([String; 0], _)| None)
    };
    let password = match password {
        Ok(password) => password,
        Err(wrong) => {
            let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
            return Ok(form(&app, &shell, (&token, &link), &username, problems));
        }
    };
    let new = NewUser { username: username.clone(), password, link: Some(words), next: String::new() };
    let browser = cookies::read(&app.config, &headers, Cookie::Enroll);
    match register::reserve(&app, new, browser, visit).await {
        Ok(enrolling) => {
            Ok(with_cookies(see_other("/enroll"), [cookies::enrolling(&app.config, &enrolling)]))
        }
        Err(error) => {
            let problems = for_form(error, &shell, app.clock.now())?;
            Ok(form(&app, &shell, (&token, &link), &username, problems))
        }
    }
}

async fn find(app: &App, token: &str, headers: &HeaderMap) -> Result<(Words, Link), Trouble> {
    let words = Words::parse(token).ok_or(Trouble::GoneLink)?;
    let browser = cookies::read(&app.config, headers, Cookie::Enroll);
    match setup::find(app, &words, browser).await {
        Ok(link) => Ok((words, link)),
        Err(Error::Expired) => Err(Trouble::GoneLink),
        Err(error) => Err(error.into()),
    }
}

fn form(
    app: &App,
    shell: &Shell,
    (token, link): (&str, &Link),
    username: &str,
    (status, problems): (StatusCode, Vec<Problem>),
) -> Response {
    let page = RegisterPage {
        shell,
        problems: &problems,
        username,
        action: &format!("/setup/{token}"),
        fixed_name: link.name.is_some(),
        asks_password: register::asks_password(app, link.role),
        welcome: if link.role == Role::Owner && link.name.is_none() {
            Welcome::FirstOwner
        } else {
            Welcome::Invited
        },
        rd: "",
    };
    shell.page(status, &page, &problems)
}
