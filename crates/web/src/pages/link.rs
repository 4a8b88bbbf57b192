//! `/link/{token}`: a one-time link from an administrator for somebody who has lost something. It says what it asks.

use askama::Template;
use auth::link::{self, Answers, AsksPassword, Followed, Link};
use auth::{App, Error, Password, Words};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::cookies;
use crate::error::Trouble;
use crate::extract::Caller;
use crate::form::Fields;
use crate::pages::{PageResult, Problem, signed_in, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// What the link is for, and what it asks.
#[derive(Template)]
#[template(path = "link.html")]
pub(crate) struct LinkPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// Where the form goes.
    pub(crate) action: &'a str,
    /// For whom it is, for what, and what it asks.
    pub(crate) link: &'a Link,
}

impl LinkPage<'_> {
    /// The key of the words that say what will be asked, and what happens then.
    pub(crate) fn lead(&self) -> &'static str {
        match (self.link.code, self.link.password) {
            (true, _) => "link-lead-password",
            (false, AsksPassword::Current) => "link-lead-enroll",
            (false, AsksPassword::New) => "link-lead-both",
            (false, AsksPassword::No) => "link-lead-nothing",
        }
    }

    /// The password there is.
    pub(crate) fn asks_current(&self) -> bool {
        self.link.password == AsksPassword::Current
    }

    /// A new one.
    pub(crate) fn asks_new(&self) -> bool {
        self.link.password == AsksPassword::New
    }
}

/// Says what the link asks. Looking spends nothing, so that a mail scanner spends nothing.
pub(crate) async fn show(State(app): State<App>, Path(token): Path<String>, shell: Shell) -> PageResult {
    let (_, link) = find(&app, &token).await?;
    Ok(form(&shell, (&token, &link), (StatusCode::OK, Vec::new())))
}

/// Judges what was asked for, and spends the link.
pub(crate) async fn submit(
    State(app): State<App>,
    Path(token): Path<String>,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let (words, link) = find(&app, &token).await?;
    let again = |problems| Ok(form(&shell, (&token, &link), (StatusCode::UNPROCESSABLE_ENTITY, problems)));
    let taken = match (link.password != AsksPassword::No, link.code) {
        (true, true) => {
            fields.take(["password", "otp"], ["username"]).map(|([password, otp], _)| (password, otp))
        }
        (true, false) => {
            fields.take(["password"], ["username"]).map(|([password], _)| (password, String::new()))
        }
        (false, _) => fields.take([], ["username"]).map(|_: ([String; 0], _)| (String::new(), String::new())),
    };
    let (password, code) = match taken {
        Ok(taken) => taken,
        Err(wrong) => return again(vec![misfit(&wrong, &shell)]),
    };
    if link.password != AsksPassword::No && password.is_empty() {
        return again(vec![Problem::at("password", shell.t("problem-password-missing"))]);
    }
    let password = (link.password != AsksPassword::No).then(|| Password::new(password));
    match link::follow(&app, &words, Answers { password, code }, &visit).await {
        Ok(Followed::Enrolls(enrolling)) => {
            Ok(with_cookies(see_other("/enroll"), [cookies::enrolling(&app.config, &enrolling)]))
        }
        Ok(Followed::SignedIn(started)) => signed_in(&app, (&headers, &visit), &started, "/").await,
        Err(Error::Expired) => Err(Trouble::GoneLink),
        Err(Error::BadCredentials) => again(vec![Problem::at("password", shell.t("problem-password-wrong"))]),
        Err(error) => Ok(form(&shell, (&token, &link), for_form(error, &shell, app.clock.now())?)),
    }
}

async fn find(app: &App, token: &str) -> Result<(Words, Link), Trouble> {
    let words = Words::parse(token).ok_or(Trouble::GoneLink)?;
    let link = link::find(app, &words).await?;
    Ok((words, link))
}

fn form(
    shell: &Shell,
    (token, link): (&str, &Link),
    (status, problems): (StatusCode, Vec<Problem>),
) -> Response {
    let action = format!("/link/{token}");
    shell.page(status, &LinkPage { shell, problems: &problems, action: &action, link }, &problems)
}
