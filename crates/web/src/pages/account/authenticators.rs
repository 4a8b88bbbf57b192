//! `/account/authenticators`: what somebody signs in with, one more of it, a new phone, another name, and the end of one.

use askama::Template;
use auth::account::authenticators::{self, AuthenticatorEntry, Wanted};
use auth::session::Session;
use auth::{App, Error, Id, account, date, date_and_time};
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use crate::cookies;
use crate::error::Trouble;
use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
use crate::pages::account::changed;
use crate::pages::{PageResult, Problem, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The list of authenticators.
#[derive(Template)]
#[template(path = "authenticators.html")]
pub(crate) struct AuthenticatorsPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with a new name.
    pub(crate) problems: &'a [Problem],
    /// The oldest first.
    pub(crate) lines: &'a [Line],
}

/// An authenticator, in words.
pub(crate) struct Line {
    /// What its forms name.
    pub(crate) id: String,
    /// What its owner calls it, or what the app shows.
    pub(crate) name: String,
    /// What the app shows.
    pub(crate) label: String,
    /// When it was set up, and when it was last used.
    pub(crate) since: String,
    /// Until when it is good, if a new phone has taken its place.
    pub(crate) until: Option<String>,
    /// It may be removed: another one lasts.
    pub(crate) removable: bool,
}

/// The form for one more, or for a new phone.
#[derive(Template)]
#[template(path = "authenticator_new.html")]
pub(crate) struct NewAuthenticatorPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// A new phone in the place of an old one.
    pub(crate) phone: bool,
    /// What was typed, or a suggestion.
    pub(crate) name: &'a str,
    /// Those that a new phone may take the place of.
    pub(crate) lines: &'a [Line],
}

/// The question before one ends.
#[derive(Template)]
#[template(path = "authenticator_remove.html")]
pub(crate) struct RemoveAuthenticatorPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// The one.
    pub(crate) line: &'a Line,
}

/// The list.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    list(&app, &session, &shell, (StatusCode::OK, Vec::new())).await
}

async fn list(
    app: &App,
    session: &Session,
    shell: &Shell,
    (status, problems): (StatusCode, Vec<Problem>),
) -> PageResult {
    let lines = lines(app, session, shell).await?;
    let shell = Shell { signed_in_as: Some(session.name.clone()), ..shell.clone() };
    let page = AuthenticatorsPage { shell: &shell, problems: &problems, lines: &lines };
    Ok(shell.page(status, &page, &problems))
}

async fn lines(app: &App, session: &Session, shell: &Shell) -> Result<Vec<Line>, Error> {
    let entries = authenticators::list(app, &session.user_id).await?;
    let lasting = |id: &Id| entries.iter().any(|other| other.id != *id && other.retires_at.is_none());
    let line = |entry: &AuthenticatorEntry| Line {
        id: entry.id.to_string(),
        name: if entry.name.is_empty() { entry.label.clone() } else { entry.name.clone() },
        label: entry.label.clone(),
        since: match entry.last_used_at {
            Some(used) => {
                let (since, used) = (date(entry.created_at), date_and_time(used));
                shell.t2("authenticators-since", ("since", &since), ("used", &used)).into_owned()
            }
            None => shell.t1("authenticators-unused", "since", &date(entry.created_at)).into_owned(),
        },
        until: entry.retires_at.map(date_and_time),
        removable: lasting(&entry.id),
    };
    Ok(entries.iter().map(line).collect())
}

/// The form for one more.
pub(crate) async fn show_add(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
) -> PageResult {
    show_new(&app, &session, &shell, false).await
}

/// The form for a new phone.
pub(crate) async fn show_phone(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
) -> PageResult {
    show_new(&app, &session, &shell, true).await
}

async fn show_new(app: &App, session: &Session, shell: &Shell, phone: bool) -> PageResult {
    if !account::is_fresh(app, session) {
        return Ok(see_other(&format!("/account/prove?rd={}", address(phone))));
    }
    new_form(app, session, shell, (phone, ""), (StatusCode::OK, Vec::new())).await
}

fn address(phone: bool) -> &'static str {
    if phone { "/account/authenticators/new-phone" } else { "/account/authenticators/add" }
}

async fn new_form(
    app: &App,
    session: &Session,
    shell: &Shell,
    (phone, name): (bool, &str),
    (status, problems): (StatusCode, Vec<Problem>),
) -> PageResult {
    let mut lines = lines(app, session, shell).await?;
    lines.retain(|line| line.until.is_none());
    let page = NewAuthenticatorPage { shell, problems: &problems, phone, name, lines: &lines };
    Ok(shell.page(status, &page, &problems))
}

/// Begins one more; the picture comes next.
pub(crate) async fn add(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let name = fields.peek("name");
    match fields.take(["name"], []) {
        Ok(([_], [])) => begin(&app, &session, &shell, (&name, Wanted::Further)).await,
        Err(wrong) => {
            let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
            new_form(&app, &session, &shell, (false, &name), problems).await
        }
    }
}

/// Begins a new phone; the picture comes next.
pub(crate) async fn new_phone(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let name = fields.peek("name");
    let problem = match fields.take(["name", "authenticator", "old"], []) {
        Ok(([_, id, old], [])) if !id.is_empty() && matches!(old.as_str(), "day" | "now") => {
            let wanted = Wanted::NewPhone { old: Id::new(id), at_once: old == "now" };
            return begin(&app, &session, &shell, (&name, wanted)).await;
        }
        Ok(_) => Problem::at("old", shell.t("problem-old-missing")),
        Err(wrong) => misfit(&wrong, &shell),
    };
    let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![problem]);
    new_form(&app, &session, &shell, (true, &name), problems).await
}

async fn begin(app: &App, session: &Session, shell: &Shell, (name, wanted): (&str, Wanted)) -> PageResult {
    let phone = matches!(wanted, Wanted::NewPhone { .. });
    match authenticators::begin(app, session, (name, wanted)).await {
        Ok(token) => Ok(with_cookies(see_other("/enroll"), [cookies::enrolling(&app.config, &token)])),
        Err(error @ Error::Rules(_)) => {
            let problems = for_form(error, shell, app.clock.now())?;
            new_form(app, session, shell, (phone, name), problems).await
        }
        Err(error) => changed(shell, session, Err(error), (address(phone), "/enroll")),
    }
}

/// Gives one another name.
pub(crate) async fn rename(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let (id, name) = match fields.take(["authenticator", "name"], []) {
        Ok(([id, name], [])) => (Id::new(id), name),
        Err(wrong) => {
            let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
            return list(&app, &session, &shell, problems).await;
        }
    };
    match authenticators::rename(&app, &session, id, &name, &visit).await {
        Err(error @ Error::Rules(_)) => {
            let (status, mut problems) = for_form(error, &shell, app.clock.now())?;
            // There is a field for each of them, so the words stand above all.
            problems.iter_mut().for_each(|problem| problem.field = None);
            list(&app, &session, &shell, (status, problems)).await
        }
        result => changed(&shell, &session, result, (LIST, LIST)),
    }
}

const LIST: &str = "/account/authenticators";

/// Asks before one ends.
pub(crate) async fn show_remove(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
    uri: Uri,
) -> PageResult {
    if !account::is_fresh(&app, &session) {
        let here = uri.path_and_query().map_or("", |path| path.as_str());
        let rd: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
        return Ok(see_other(&format!("/account/prove?rd={rd}")));
    }
    let mut query = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let id = query.find(|(name, _)| name == "authenticator").map(|(_, id)| id.into_owned());
    remove_form(&app, &session, &shell, (&id.unwrap_or_default(), (StatusCode::OK, Vec::new()))).await
}

async fn remove_form(
    app: &App,
    session: &Session,
    shell: &Shell,
    (id, (status, problems)): (&str, (StatusCode, Vec<Problem>)),
) -> PageResult {
    let lines = lines(app, session, shell).await?;
    let line = lines.iter().find(|line| line.id == id).ok_or(Trouble::NotFound)?;
    Ok(shell.page(status, &RemoveAuthenticatorPage { shell, problems: &problems, line }, &problems))
}

/// Ends one.
pub(crate) async fn remove(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let id = match fields.take(["authenticator"], []) {
        Ok(([id], [])) => id,
        Err(wrong) => {
            let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
            return list(&app, &session, &shell, problems).await;
        }
    };
    match authenticators::remove(&app, &session, Id::new(id.as_str()), &visit).await {
        Err(error @ Error::LastAuthenticator) => {
            let problems = for_form(error, &shell, app.clock.now())?;
            remove_form(&app, &session, &shell, (&id, problems)).await
        }
        result => {
            let rd = format!("{LIST}/remove?authenticator={id}");
            changed(&shell, &session, result, (&rd, LIST))
        }
    }
}
