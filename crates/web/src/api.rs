//! `/api/v1/…`: JSON for other programs. They show a token as `Authorization: Bearer lk_…`; what is wrong is answered as
//! `application/problem+json`, RFC 9457.

use auth::api_token::{self, ApiToken, Scope};
use auth::verify::{self, Asked};
use auth::{App, Level, Password};
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::Trouble;
use crate::extract::Caller;
use crate::form::body_of;
use crate::problem::Problem;
use crate::shell::{Shell, problem_json};
use crate::wording::for_form;

/// A program with a token.
pub(crate) struct Program(ApiToken);

impl<S: Send + Sync> FromRequestParts<S> for Program
where
    App: FromRef<S>,
{
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let mut shown = parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(shown), None) = (shown.next(), shown.next()) else { return Err(Trouble::NoToken) };
        let text = shown.to_str().map_err(|_| Trouble::NoToken)?;
        let (kind, token) = text.split_once(' ').ok_or(Trouble::NoToken)?;
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(Trouble::NoToken);
        }
        let found = api_token::find(&App::from_ref(state), token.trim_start_matches(' ')).await?;
        found.map(Program).ok_or(Trouble::NoToken)
    }
}

impl Program {
    fn may(&self, scope: Scope) -> Result<(), Trouble> {
        if self.0.allows(scope) { Ok(()) } else { Err(Trouble::NotInScope) }
    }
}

/// A body of JSON, in which every field is one that is known, and there once.
pub(crate) struct Json<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, _: &S) -> Result<Self, Trouble> {
        let body = body_of(request, "application/json").await?;
        // What the reader says of it may quote a password.
        serde_json::from_slice(&body).map(Json).map_err(|_| Trouble::BadJson)
    }
}

/// What is asked at `/api/v1/verify`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    username: String,
    otp: String,
    password: Option<String>,
}

/// Whether a code is right, and with a password, whether both are. A right code is spent.
pub(crate) async fn verify(
    State(app): State<App>,
    program: Program,
    Caller(visit): Caller,
    shell: Shell,
    Json(typed): Json<Verify>,
) -> Result<Response, Trouble> {
    program.may(Scope::Verify)?;
    let missing = [
        ("username", "problem-username-missing", typed.username.is_empty()),
        ("password", "problem-password-missing", typed.password.as_ref().is_some_and(String::is_empty)),
    ];
    let missing = missing.into_iter().filter(|(.., missing)| *missing);
    let problems: Vec<Problem> = missing.map(|(field, key, _)| Problem::at(field, shell.t(key))).collect();
    if !problems.is_empty() {
        return Ok(problem_json(StatusCode::UNPROCESSABLE_ENTITY, &problems[0].text, &problems));
    }
    let asked =
        Asked { username: typed.username, password: typed.password.map(Password::new), code: typed.otp };
    match verify::judge(&app, &program.0, asked, &visit).await {
        Ok(Some(right)) => {
            let level = if right.level == Level::Full { 2 } else { 1 };
            Ok(answer(&json!({
                "right": true,
                "id": right.id,
                "username": right.name,
                "groups": right.groups,
                "level": level,
            })))
        }
        Ok(None) => Ok(answer(&json!({ "right": false }))),
        Err(error) => {
            let (status, problems) = for_form(error, &shell, app.clock.now())?;
            Ok(problem_json(status, &problems[0].text, &problems))
        }
    }
}

fn answer(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
