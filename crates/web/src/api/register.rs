//! `/api/v1/register`: a name and a password. The authenticator comes next, in `enroll.rs`.

use auth::register::{self, NewUser};
use auth::{Error, Password, Role, Words};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::ApiResult;
use crate::api::ask::{Call, Json};
use crate::api::next::{Next, enrolls};
use crate::cookies::{self, Cookie};
use crate::error::Trouble;

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// 1 to 64 of `a-z A-Z 0-9 . _ - @ +`; it never changes, and its case does not count.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@+-]+$")]
    username: String,
    /// 8 to 256 characters. Left out where a code alone is asked for.
    #[schema(min_length = 8, max_length = 256)]
    password: Option<String>,
    /// The last part of a one-time link, where somebody came by one.
    invite: Option<String>,
}

/// Holds a name for half an hour. The account exists from the first code of the authenticator on.
#[utoipa::path(post, path = "", request_body = Register, responses((status = 200, body = Next), (status = 403), (status = 410)))]
pub(crate) async fn create(call: Call, Json(new): Json<Register>) -> ApiResult {
    let app = &call.app;
    let link = match new.invite.as_deref().map(Words::parse) {
        // What cannot be a link is one that is over.
        Some(None) => return Err(Trouble::GoneLink),
        Some(link) => link,
        None => None,
    };
    // Whose role a link gives may be asked for more: that is judged where it is known.
    if new.password.is_some() && link.is_none() && !register::asks_password(app, Role::User) {
        return call.unknown("password");
    }
    let password = new.password.map(Password::new);
    let user = NewUser { username: new.username, password, link, next: String::new() };
    let browser = cookies::read(&app.config, &call.headers, Cookie::Enroll);
    match register::reserve(app, user, browser, call.visit.clone()).await {
        Ok(token) => enrolls(app, &token),
        Err(Error::Expired) => Err(Trouble::GoneLink),
        Err(error) => call.failed(error),
    }
}
