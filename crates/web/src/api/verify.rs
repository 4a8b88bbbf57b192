//! `/api/v1/verify`: "is this code right?", for programs that have a login of their own.

use auth::verify::{self, Asked};
use auth::{App, Level, Password};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::ask::Json;
use crate::api::caller::Asker;
use crate::api::problem::{failed, missing};
use crate::api::{ApiResult, answer};
use crate::extract::Caller;
use crate::shell::Shell;

/// What is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    /// As somebody typed it.
    username: String,
    /// The code as typed: spaces and hyphens do not count.
    otp: String,
    /// The password, where it is to be judged, too.
    password: Option<String>,
}

/// What is answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verified {
    /// Whether everything that was given is right. The rest is there only when it is.
    right: bool,
    /// An id that stays, whatever else changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The name as typed at registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The groups that they belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    /// What was proven: 1 by a code alone, 2 by password and code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 2)]
    level: Option<u8>,
}

/// Says whether a code is right, and with a password, whether both are. A right code is spent.
#[utoipa::path(post, path = "", request_body = Verify, responses((status = 200, body = Verified), (status = 429)))]
pub(crate) async fn judge(
    State(app): State<App>,
    asker: Asker,
    Caller(visit): Caller,
    shell: Shell,
    Json(typed): Json<Verify>,
) -> ApiResult {
    let program = asker.program()?;
    let no_password = typed.password.as_ref().is_some_and(String::is_empty);
    let fields = [
        ("username", "problem-username-missing", typed.username.is_empty()),
        ("password", "problem-password-missing", no_password),
    ];
    if let Some(response) = missing(&fields, &shell) {
        return Ok(response);
    }
    let asked =
        Asked { username: typed.username, password: typed.password.map(Password::new), code: typed.otp };
    match verify::judge(&app, &program, asked, &visit).await {
        Ok(right) => answer(&Verified {
            right: right.is_some(),
            level: right.as_ref().map(|right| if right.level == Level::Full { 2 } else { 1 }),
            id: right.as_ref().map(|right| right.id.clone()),
            username: right.as_ref().map(|right| right.name.clone()),
            groups: right.map(|right| right.groups),
        }),
        Err(error) => failed(error, &shell, app.clock.now()),
    }
}
