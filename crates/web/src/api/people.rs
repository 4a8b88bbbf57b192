//! `/api/v1/people…`: people, for administrators and for programs with a token. What the command line does to people is done
//! here by the same functions, which judge how far whoever asks may reach.

use auth::link::{self, Purpose};
use auth::session::{self, Open};
use auth::users::{self, Change, Details};
use auth::{setup, timestamp};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::account::RoleName;
use crate::api::acting::{acting, failed_at};
use crate::api::ask::{Call, Json, Nothing, Page, Paged};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer, answer_with, done};
use crate::error::Trouble;

/// Somebody with an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    /// An id that stays, whatever else changes.
    id: String,
    /// The name as typed at registration.
    username: String,
    /// What they may do to the place.
    role: RoleName,
    /// May not sign in.
    disabled: bool,
    /// A hundred wrong codes in a row: no more are taken, until a recovery code is given or `disabled` is set to false.
    codes_closed: bool,
    /// Whether they have a password.
    has_password: bool,
    /// When their first code was confirmed.
    #[schema(format = DateTime)]
    created_at: String,
    /// When they last signed in; null if never.
    #[schema(format = DateTime, required = true)]
    signed_in_at: Option<String>,
}

impl From<users::Person> for Person {
    fn from(person: users::Person) -> Self {
        Person {
            id: person.id.to_string(),
            username: person.name,
            role: person.role.into(),
            disabled: person.disabled,
            codes_closed: person.codes_closed,
            has_password: person.has_password,
            created_at: timestamp(person.created_at),
            signed_in_at: person.signed_in_at.map(timestamp),
        }
    }
}

/// Somebody with an account, and more about them.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholePerson {
    #[serde(flatten)]
    person: Person,
    /// The names of the groups that they belong to.
    groups: Vec<String>,
    /// How many authenticators they have.
    authenticators: usize,
    /// How many recovery codes are left.
    recovery_codes: i64,
    /// A hundred wrong guesses in a row: only browsers that are known are heard, until they sign in in one of them, get a link,
    /// or `disabled` is set to false.
    door_closed: bool,
}

impl From<Details> for WholePerson {
    fn from(details: Details) -> Self {
        WholePerson {
            person: details.person.into(),
            groups: details.groups,
            authenticators: details.authenticators.len(),
            recovery_codes: details.recovery_codes,
            door_closed: details.door_closed,
        }
    }
}

/// Which people, and which piece of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the shape of what is read from the address, for the document")]
pub(crate) struct Search {
    /// Those whose names begin with this, in either case.
    query: Option<String>,
    /// What the piece before had as `next`.
    after: Option<String>,
    /// How many at most; 50 unless it is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Lists people, by name.
#[utoipa::path(get, path = "", params(Search), responses((status = 200, body = Paged<Person>)))]
pub(crate) async fn list(call: Call, page: Page, uri: Uri) -> ApiResult {
    let prefix = one_query(&uri)?;
    let piece = (page.after.as_deref().unwrap_or(""), page.most());
    let found = users::search(&call.app, &prefix, piece).await.map_err(Trouble::of_piece)?;
    let people = found.into_iter().map(Person::from).collect();
    answer(&Paged::of(people, page.limit, |person| person.username.clone()))
}

/// What the names begin with that are looked for. Of two of them neither counts.
fn one_query(uri: &Uri) -> Result<String, Trouble> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let mut values = pairs.filter(|(name, _)| name == "query").map(|(_, value)| value.into_owned());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Trouble::BadPage),
        (value, None) => Ok(value.unwrap_or_default()),
    }
}

/// Shows one person.
#[utoipa::path(get, path = "", params(("username" = String, Path)), responses((status = 200, body = WholePerson)))]
pub(crate) async fn get(call: Call, Path(name): Path<String>) -> ApiResult {
    show(&call, &name).await
}

async fn show(call: &Call, name: &str) -> ApiResult {
    match users::show(&call.app, name).await {
        Ok(details) => answer(&WholePerson::from(details)),
        Err(error) => failed_at(call, error),
    }
}

/// Somebody new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// 1 to 64 of the letters a to z, digits, and `. _ - @ +`, shown as typed and compared in lower case.
    username: String,
    /// What they may do to the place: `user` unless it is said. `admin` is an owner's to give. There is no link for one more
    /// owner: that role is given to somebody who is here.
    role: Option<RoleName>,
}

/// A one-time link. It is shown once, and the one before it is void.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneTimeLink {
    /// For whom it is.
    username: String,
    /// Where it leads. Whoever has it can use it.
    #[schema(format = "uri")]
    url: String,
    /// When it is void.
    #[schema(format = DateTime)]
    expires_at: String,
}

fn show_link(username: String, made: setup::Made) -> ApiResult {
    let link = OneTimeLink { username, url: made.url, expires_at: timestamp(made.expires_at) };
    answer_with(StatusCode::CREATED, &link)
}

/// Lets somebody new in: makes the link by which they choose a password and set up an authenticator. It is good for 72 hours.
#[utoipa::path(
    post,
    path = "",
    request_body = NewPerson,
    responses((status = 201, body = OneTimeLink), (status = 409))
)]
pub(crate) async fn create(call: Call, asker: Asker, Json(new): Json<NewPerson>) -> ApiResult {
    let role = new.role.map_or(auth::Role::User, Into::into);
    match setup::user_link(acting(&call, asker), &new.username, role).await {
        Ok(made) => show_link(new.username.trim_matches(' ').to_owned(), made),
        Err(error) => call.failed(error),
    }
}

/// What of somebody is to be changed. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    /// True locks them out, and everything they have open with them. False lets them in again: no wrong tries are held against
    /// them either.
    disabled: Option<bool>,
    /// What they may do to the place, which only an owner changes. They are signed out.
    role: Option<RoleName>,
}

/// Changes somebody: all that is said, or nothing.
#[utoipa::path(
    patch,
    path = "",
    params(("username" = String, Path)),
    request_body = PersonChange,
    responses((status = 200, body = WholePerson), (status = 409))
)]
pub(crate) async fn update(
    call: Call,
    asker: Asker,
    Path(name): Path<String>,
    Json(to): Json<PersonChange>,
) -> ApiResult {
    let to = Change { disabled: to.disabled, role: to.role.map(Into::into) };
    match users::update(acting(&call, asker), &name, to).await {
        Ok(()) => show(&call, &name).await,
        Err(error) => failed_at(&call, error),
    }
}

/// Removes somebody with everything of theirs. What happened to them stays in the audit log.
#[utoipa::path(
    delete,
    path = "",
    params(("username" = String, Path)),
    responses((status = 204), (status = 409))
)]
pub(crate) async fn remove(call: Call, asker: Asker, Path(name): Path<String>, _: Nothing) -> ApiResult {
    match users::remove(acting(&call, asker), &name).await {
        Ok(()) => done(),
        Err(error) => failed_at(&call, error),
    }
}

/// What somebody has lost.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lost {
    /// The password is asked, and a new authenticator set up.
    Phone,
    /// A code is asked, and a new password chosen.
    Password,
    /// Neither is asked: whoever has the link has the account.
    Both,
}

/// For what a link is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedLink {
    /// What they have lost.
    lost: Lost,
}

/// Helps somebody who has lost something, with a link that is good for an hour.
#[utoipa::path(
    post,
    path = "",
    params(("username" = String, Path)),
    request_body = WantedLink,
    responses((status = 201, body = OneTimeLink), (status = 409))
)]
pub(crate) async fn create_link(
    call: Call,
    asker: Asker,
    Path(name): Path<String>,
    Json(wanted): Json<WantedLink>,
) -> ApiResult {
    let purpose = match wanted.lost {
        Lost::Phone => Purpose::Enroll,
        Lost::Password => Purpose::Password,
        Lost::Both => Purpose::Both,
    };
    match link::make(acting(&call, asker), &name, purpose).await {
        Ok(made) => show_link(name.trim_matches(' ').to_owned(), made),
        Err(error) => failed_at(&call, error),
    }
}

/// A browser in which somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenSession {
    /// Its id.
    id: String,
    /// Where it began; empty where that is not known.
    address: String,
    /// What the browser calls itself.
    agent: String,
    /// Whether it stays signed in when it is closed.
    keep: bool,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// When somebody was last seen, to the minute.
    #[schema(format = DateTime)]
    seen_at: String,
}

impl From<Open> for OpenSession {
    fn from(open: Open) -> Self {
        OpenSession {
            id: open.id.to_string(),
            address: open.address,
            agent: open.agent,
            keep: open.keep,
            created_at: timestamp(open.created_at),
            seen_at: timestamp(open.seen_at),
        }
    }
}

/// Lists where somebody is signed in, the browser seen last first: fifty at most, so there is no second piece.
#[utoipa::path(
    get,
    path = "",
    params(("username" = String, Path)),
    responses((status = 200, body = Paged<OpenSession>))
)]
pub(crate) async fn sessions(call: Call, Path(name): Path<String>) -> ApiResult {
    match session::of_user(&call.app, &name).await {
        Ok(open) => {
            answer(&Paged { items: open.into_iter().map(OpenSession::from).collect::<Vec<_>>(), next: None })
        }
        Err(error) => failed_at(&call, error),
    }
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    /// Those that were open.
    ended: u64,
}

/// Signs somebody out everywhere. Sign-ins that are on their way are void, too.
#[utoipa::path(
    delete,
    path = "",
    params(("username" = String, Path)),
    responses((status = 200, body = Ended))
)]
pub(crate) async fn end_sessions(
    call: Call,
    asker: Asker,
    Path(name): Path<String>,
    _: Nothing,
) -> ApiResult {
    match session::end_all(acting(&call, asker), &name).await {
        Ok(ended) => answer(&Ended { ended }),
        Err(error) => failed_at(&call, error),
    }
}
