//! `/account/tokens`: app passwords and other tokens of whoever is signed in; one more of them, shown once; and the end of one.

use askama::Template;
use auth::api_token::{self, ApiToken, Made, Scope, Wanted};
use auth::session::Session;
use auth::{App, Error, Id, Role, account, date, date_and_time};
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
use crate::pages::account::changed;
use crate::pages::{PageResult, Problem};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

const LIST: &str = "/account/tokens";
const NEW: &str = "/account/tokens/new";
/// What may be chosen as the time that a token is good, in days; the first is suggested.
const DAYS: [u32; 4] = [365, 30, 90, 1825];

/// The list of tokens.
#[derive(Template)]
#[template(path = "tokens.html")]
pub(crate) struct TokensPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// By name.
    pub(crate) lines: &'a [Line],
}

/// A token, in words.
pub(crate) struct Line {
    /// What revoking it names.
    pub(crate) id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) purposes: Vec<String>,
    /// How long it is good, and when it was last used.
    pub(crate) since: String,
}

/// The form for one more.
#[derive(Template)]
#[template(path = "token_new.html")]
pub(crate) struct NewTokenPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong.
    pub(crate) problems: &'a [Problem],
    /// What was typed.
    pub(crate) typed: &'a Typed,
    /// What one of this person may be for.
    pub(crate) offers: &'a [Offer],
}

/// What a token may be for.
pub(crate) struct Offer {
    /// Of the box to tick.
    pub(crate) field: &'static str,
    /// In words.
    pub(crate) text: String,
    /// Whether it is ticked.
    pub(crate) ticked: bool,
}

/// What was typed into the form.
#[derive(Default)]
pub(crate) struct Typed {
    /// What it is to be called.
    pub(crate) name: String,
    /// Where it opens programs, with spaces between.
    pub(crate) hosts: String,
    /// For how many days.
    pub(crate) days: String,
}

/// The token itself, once.
#[derive(Template)]
#[template(path = "token_made.html")]
pub(crate) struct TokenMadePage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None.
    pub(crate) problems: &'a [Problem],
    /// What it is called.
    pub(crate) name: &'a str,
    /// Whose it is: the name to give beside it.
    pub(crate) username: &'a str,
    /// The token.
    pub(crate) token: &'a str,
    /// Where it opens programs, as their password.
    pub(crate) hosts: &'a str,
    /// Until when it is good.
    pub(crate) until: &'a str,
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
    let tokens = api_token::of_user(app, &session.user_id).await?;
    let lines: Vec<Line> = tokens.iter().map(|token| line(token, shell)).collect();
    let shell = Shell { signed_in_as: Some(session.name.clone()), ..shell.clone() };
    Ok(shell.page(status, &TokensPage { shell: &shell, problems: &problems, lines: &lines }, &problems))
}

fn line(token: &ApiToken, shell: &Shell) -> Line {
    let until = date(token.expires_at);
    let purpose = |scope: &Scope| match scope {
        Scope::Apps => shell.t1("tokens-opens", "hosts", &token.hosts.join(", ")).into_owned(),
        other => shell.t(offered(*other).1).into_owned(),
    };
    Line {
        id: token.id.to_string(),
        name: token.name.clone(),
        purposes: token.scopes.iter().map(purpose).collect(),
        since: match token.used_at {
            Some(used) => {
                shell.t2("tokens-used", ("until", &until), ("used", &date_and_time(used))).into_owned()
            }
            None => shell.t1("tokens-unused", "until", &until).into_owned(),
        },
    }
}

/// The field of a scope in the form, and its words.
fn offered(scope: Scope) -> (&'static str, &'static str) {
    match scope {
        Scope::Apps => ("apps", "token-for-apps"),
        Scope::AccountRead => ("account_read", "token-for-account"),
        Scope::Verify => ("verify", "token-for-verify"),
        Scope::PeopleRead => ("people_read", "token-for-people-read"),
        Scope::PeopleWrite => ("people_write", "token-for-people-write"),
    }
}

/// In the order of the form.
const OFFERED: [Scope; 5] =
    [Scope::Apps, Scope::AccountRead, Scope::Verify, Scope::PeopleRead, Scope::PeopleWrite];

/// The form for one more.
pub(crate) async fn show_new(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
) -> PageResult {
    if !account::is_fresh(&app, &session) {
        return Ok(see_other(&format!("/account/prove?rd={NEW}")));
    }
    Ok(new_form(&shell, session.role, (&Typed::default(), &[Scope::Apps]), (StatusCode::OK, Vec::new())))
}

fn new_form(
    shell: &Shell,
    role: Role,
    (typed, ticked): (&Typed, &[Scope]),
    (status, problems): (StatusCode, Vec<Problem>),
) -> axum::response::Response {
    let fits = OFFERED.into_iter().filter(|scope| scope.fits(Some(role)));
    let offer = |scope: Scope| {
        let (field, words) = offered(scope);
        Offer { field, text: shell.t(words).into_owned(), ticked: ticked.contains(&scope) }
    };
    let offers: Vec<Offer> = fits.map(offer).collect();
    shell.page(status, &NewTokenPage { shell, problems: &problems, typed, offers: &offers }, &problems)
}

/// Makes one, and shows it.
pub(crate) async fn make(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let peeked = Typed { name: fields.peek("name"), hosts: fields.peek("hosts"), days: fields.peek("days") };
    let ticked: Vec<Scope> =
        OFFERED.into_iter().filter(|scope| fields.peek(offered(*scope).0) == "on").collect();
    let again = |refused| Ok(new_form(&shell, session.role, (&peeked, &ticked), refused));
    let boxes = OFFERED.map(|scope| offered(scope).0);
    let optional = ["hosts", boxes[0], boxes[1], boxes[2], boxes[3], boxes[4]];
    if let Err(wrong) = fields.take(["name", "days"], optional) {
        return again((StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]));
    }
    let hosts = peeked.hosts.split([' ', ',', '\t', '\r', '\n']).filter(|host| !host.is_empty());
    let wanted = Wanted {
        name: peeked.name.clone(),
        scopes: ticked.clone(),
        hosts: hosts.map(str::to_owned).collect(),
        days: peeked.days.parse().unwrap_or(0),
    };
    match api_token::add_own(&app, &session, wanted, &visit).await {
        Ok(made) => Ok(show_once(&shell, &session, &made)),
        Err(error @ Error::Rules(_)) => again(for_form(error, &shell, app.clock.now())?),
        Err(error) => changed(&shell, &session, Err(error), (NEW, LIST)),
    }
}

fn show_once(shell: &Shell, session: &Session, made: &Made) -> axum::response::Response {
    let shell = Shell { signed_in_as: Some(session.name.clone()), ..shell.clone() };
    let page = TokenMadePage {
        shell: &shell,
        problems: &[],
        name: &made.token.name,
        username: &session.name,
        token: &made.text,
        hosts: &made.token.hosts.join(", "),
        until: &date(made.token.expires_at),
    };
    shell.page(StatusCode::OK, &page, &[])
}

/// Revokes one.
pub(crate) async fn revoke(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let id = match fields.take(["token"], []) {
        Ok(([id], [])) => Id::new(id),
        Err(wrong) => {
            let problems = (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]);
            return list(&app, &session, &shell, problems).await;
        }
    };
    let revoked = api_token::revoke_own(&app, &session, id, &visit).await;
    changed(&shell, &session, revoked, (LIST, LIST))
}
