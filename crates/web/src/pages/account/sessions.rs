//! `/account/sessions`: where somebody is signed in, and which browsers are known; and the end of both.

use askama::Template;
use auth::account::devices::{self, DeviceEntry};
use auth::session::Session;
use auth::{App, Id, Visit, account, date, date_and_time};
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::{Caller, SignedIn};
use crate::form::{Fields, Misfit};
use crate::pages::account::changed;
use crate::pages::{PageResult, Problem};
use crate::shell::Shell;
use crate::wording::misfit;

/// The list of signed-in browsers.
#[derive(Template)]
#[template(path = "sessions.html")]
pub(crate) struct SessionsPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// The browsers, the one seen last first.
    pub(crate) sessions: &'a [Line],
    /// The known browsers, the one used last first.
    pub(crate) browsers: &'a [Line],
}

/// A browser, in words.
pub(crate) struct Line {
    /// What ending it names.
    pub(crate) id: String,
    /// "Firefox on Linux".
    pub(crate) browser: String,
    /// Since when, and when it was last seen.
    pub(crate) since: String,
    /// Where it signed in.
    pub(crate) address: String,
    /// It is this one.
    pub(crate) current: bool,
}

/// The list.
pub(crate) async fn show(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
) -> PageResult {
    list(&app, (session, &visit), &shell, Vec::new()).await
}

async fn list(
    app: &App,
    (session, visit): (Session, &Visit),
    shell: &Shell,
    problems: Vec<Problem>,
) -> PageResult {
    let listed = account::sessions(app, &session.user_id, Some(&session.id)).await?;
    let line = |entry: account::SessionEntry| Line {
        browser: in_words(&entry.agent, shell),
        since: shell
            .t2(
                "sessions-since",
                ("since", &date_and_time(entry.created_at)),
                ("seen", &date_and_time(entry.seen_at)),
            )
            .into_owned(),
        id: entry.id.to_string(),
        address: entry.address,
        current: entry.current,
    };
    let sessions: Vec<Line> = listed.into_iter().map(line).collect();
    let known = |entry: DeviceEntry| Line {
        browser: in_words(&entry.agent, shell),
        since: shell
            .t2("browsers-since", ("since", &date(entry.created_at)), ("seen", &date_and_time(entry.seen_at)))
            .into_owned(),
        id: entry.id.to_string(),
        address: entry.address,
        current: entry.current,
    };
    let browsers = devices::list(app, &session, visit).await?;
    let browsers: Vec<Line> = browsers.into_iter().map(known).collect();
    let shell = Shell { signed_in_as: Some(session.name), ..shell.clone() };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = SessionsPage { shell: &shell, problems: &problems, sessions: &sessions, browsers: &browsers };
    Ok(shell.page(status, &page, &problems))
}

/// Ends one, or all others.
pub(crate) async fn submit(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let which = match one_or_others(fields, "session") {
        Ok(which) => which,
        Err(wrong) => {
            let problem = misfit(&wrong, &shell);
            return list(&app, (session, &visit), &shell, vec![problem]).await;
        }
    };
    let ended = account::end_sessions(&app, &session, which, &visit).await;
    changed(&shell, &session, ended, ("/account/sessions", "/account/sessions"))
}

/// Forgets a known browser, or all others.
pub(crate) async fn forget(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let which = match one_or_others(fields, "browser") {
        Ok(which) => which,
        Err(wrong) => {
            let problem = misfit(&wrong, &shell);
            return list(&app, (session, &visit), &shell, vec![problem]).await;
        }
    };
    let forgotten = devices::forget(&app, &session, which, &visit).await;
    changed(&shell, &session, forgotten, ("/account/sessions", "/account/sessions"))
}

/// One, by the field of that name; or all others, as `None`.
fn one_or_others(fields: Fields, one: &'static str) -> Result<Option<Id>, Misfit> {
    let ([], [id, others]) = fields.take([], [one, "others"])?;
    match (id.as_str(), others.as_str()) {
        ("", "on") => Ok(None),
        (id, "") if !id.is_empty() => Ok(Some(Id::new(id))),
        _ => Err(Misfit::Missing(one)),
    }
}

/// What a browser calls itself, as a person would.
fn in_words(agent: &str, shell: &Shell) -> String {
    match auth::browser_and_system(agent) {
        (Some(browser), Some(system)) => {
            shell.t2("sessions-browser", ("browser", browser), ("system", system)).into_owned()
        }
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => shell.t("sessions-unknown").into_owned(),
    }
}
