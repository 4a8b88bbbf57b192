//! `/api/v1/groups…`: groups and who belongs to them, for administrators and for programs with a token.

use auth::groups;
use auth::{Error, timestamp};
use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::acting::{acting, failed_at};
use crate::api::ask::{Call, Json, Nothing, Page, Paged};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer, answer_with, done};
use crate::error::Trouble;

/// A group.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    /// An id that stays.
    id: String,
    /// The name as typed when it was made.
    name: String,
    /// How many people belong to it.
    members: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<groups::Group> for Group {
    fn from(group: groups::Group) -> Self {
        Group {
            id: group.id.to_string(),
            name: group.name,
            members: group.members,
            created_at: timestamp(group.created_at),
        }
    }
}

/// Somebody who belongs to a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// The id of the person.
    id: String,
    /// The name as typed at registration.
    username: String,
    /// Since when.
    #[schema(format = DateTime)]
    joined_at: String,
}

impl From<groups::Member> for Member {
    fn from(member: groups::Member) -> Self {
        Member { id: member.id.to_string(), username: member.name, joined_at: timestamp(member.joined_at) }
    }
}

/// Which piece of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the shape of what is read from the address, for the document")]
pub(crate) struct Piece {
    /// What the piece before had as `next`.
    after: Option<String>,
    /// How many at most; 50 unless it is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Lists groups, by name.
#[utoipa::path(get, path = "", params(Piece), responses((status = 200, body = Paged<Group>)))]
pub(crate) async fn list(call: Call, page: Page) -> ApiResult {
    let after = page.after.as_deref().unwrap_or("");
    let found = groups::piece(&call.app, after, page.most()).await.map_err(Trouble::of_piece)?;
    let found = found.into_iter().map(Group::from).collect();
    answer(&Paged::of(found, page.limit, |group| group.name.clone()))
}

/// A new group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroup {
    /// 1 to 64 of the letters a to z, digits, and `. _ -`, shown as typed and compared in lower case.
    name: String,
}

/// Makes a group, to which nobody belongs yet.
#[utoipa::path(post, path = "", request_body = NewGroup, responses((status = 201, body = Group), (status = 409)))]
pub(crate) async fn create(call: Call, asker: Asker, Json(new): Json<NewGroup>) -> ApiResult {
    match groups::add(acting(&call, asker), &new.name).await {
        Ok(group) => answer_with(StatusCode::CREATED, &Group::from(group)),
        Err(Error::Taken) => call.wrong("name", "problem-group-taken"),
        Err(error) => call.failed(error),
    }
}

/// Shows one group.
#[utoipa::path(get, path = "", params(("name" = String, Path)), responses((status = 200, body = Group)))]
pub(crate) async fn get(call: Call, Path(name): Path<String>) -> ApiResult {
    match groups::show(&call.app, &name).await {
        Ok(group) => answer(&Group::from(group)),
        Err(error) => failed_at(&call, error),
    }
}

/// Removes a group. Its people stay, and what it opens is closed to them.
#[utoipa::path(delete, path = "", params(("name" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(call: Call, asker: Asker, Path(name): Path<String>, _: Nothing) -> ApiResult {
    match groups::remove(acting(&call, asker), &name).await {
        Ok(()) => done(),
        Err(error) => failed_at(&call, error),
    }
}

/// Lists who belongs to a group, by name.
#[utoipa::path(
    get,
    path = "",
    params(("name" = String, Path), Piece),
    responses((status = 200, body = Paged<Member>))
)]
pub(crate) async fn members(call: Call, Path(name): Path<String>, page: Page) -> ApiResult {
    let group = match groups::show(&call.app, &name).await {
        Ok(group) => group,
        Err(error) => return failed_at(&call, error),
    };
    let piece = (page.after.as_deref().unwrap_or(""), page.most());
    let found = groups::members_piece(&call.app, &group, piece).await.map_err(Trouble::of_piece)?;
    let found = found.into_iter().map(Member::from).collect();
    answer(&Paged::of(found, page.limit, |member| member.username.clone()))
}

/// Puts somebody into a group. Whoever is in it stays so.
#[utoipa::path(
    put,
    path = "",
    params(("name" = String, Path), ("username" = String, Path)),
    responses((status = 204), (status = 409))
)]
pub(crate) async fn join(
    call: Call,
    asker: Asker,
    Path((name, username)): Path<(String, String)>,
    _: Nothing,
) -> ApiResult {
    match groups::join(acting(&call, asker), &name, &[username]).await {
        Ok(_) => done(),
        Err(error) => failed_at(&call, error),
    }
}

/// Takes somebody out of a group. Whoever is not in it stays out.
#[utoipa::path(
    delete,
    path = "",
    params(("name" = String, Path), ("username" = String, Path)),
    responses((status = 204))
)]
pub(crate) async fn leave(
    call: Call,
    asker: Asker,
    Path((name, username)): Path<(String, String)>,
    _: Nothing,
) -> ApiResult {
    match groups::leave(acting(&call, asker), &name, &[username]).await {
        Ok(_) => done(),
        Err(error) => failed_at(&call, error),
    }
}
