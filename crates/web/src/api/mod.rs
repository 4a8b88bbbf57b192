//! `/api/v1/…`: JSON for other programs, and for the person themselves. A program shows a token as `Authorization: Bearer
//! lk_…`, a person the session that the pages give, too. What is wrong is answered as `application/problem+json`, RFC 9457.
//!
//! The URLs stand in `routes.rs`, and who may ask in `caller.rs`; the OpenAPI document, `openapi.json`, is made of both:
//! see `document.rs`.

pub(crate) mod account;
pub(crate) mod acting;
pub(crate) mod ask;
pub(crate) mod caller;
#[cfg(test)]
pub(crate) mod described;
pub(crate) mod document;
pub(crate) mod doors;
pub(crate) mod enroll;
pub(crate) mod groups;
pub(crate) mod login;
pub(crate) mod next;
pub(crate) mod people;
pub(crate) mod problem;
pub(crate) mod reference;
pub(crate) mod register;
pub(crate) mod verify;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Trouble;

/// What a handler answers.
pub(crate) type ApiResult = Result<Response, Trouble>;

/// 200 with a body.
pub(crate) fn answer(body: &impl Serialize) -> ApiResult {
    answer_with(StatusCode::OK, body)
}

/// Another status, with a body.
pub(crate) fn answer_with(status: StatusCode, body: &impl Serialize) -> ApiResult {
    let body = serde_json::to_string(body).map_err(|_| Trouble::Broken(None))?;
    Ok((status, [(CONTENT_TYPE, "application/json")], body).into_response())
}

/// 204: it is done, and there is nothing to say.
pub(crate) fn done() -> ApiResult {
    Ok(StatusCode::NO_CONTENT.into_response())
}
