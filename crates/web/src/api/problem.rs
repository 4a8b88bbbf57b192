//! What is wrong, for programs: which answer an error gets. `shell::problem_json` writes it.

use auth::{Error, Time};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;

use crate::api::ApiResult;
use crate::error::Trouble;
use crate::problem::Problem;
use crate::shell::{Shell, problem_json};
use crate::wording::for_form;

/// The answer to an error: what somebody can put right with its status, the rest as the trouble that it is.
pub(crate) fn failed(error: Error, shell: &Shell, now: Time) -> ApiResult {
    match error {
        // The session ended on the way.
        Error::Expired => Err(Trouble::NotSignedIn),
        // The text says why it cannot be done now.
        Error::Refused(why) => Ok(problem_json(StatusCode::CONFLICT, ("refused", &why), &[])),
        error => {
            let (status, problems) = for_form(error, shell, now)?;
            let mut response = problem(status, &problems);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                // Names are held for half an hour.
                response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1800"));
            }
            Ok(response)
        }
    }
}

/// The problems of a request, the first one as their headline.
pub(crate) fn problem(status: StatusCode, problems: &[Problem]) -> Response {
    let (key, text) = problems.first().map_or(("", ""), |first| (first.reason, first.text.as_str()));
    problem_json(status, (key, text), problems)
}

/// 422 for one field.
pub(crate) fn wrong(field: &'static str, key: &'static str, shell: &Shell) -> Response {
    problem(StatusCode::UNPROCESSABLE_ENTITY, &[Problem::at(field, shell.t(key)).because(key)])
}

/// 422 when any of these fields, each with the words for that, is empty.
pub(crate) fn missing(fields: &[(&'static str, &'static str, bool)], shell: &Shell) -> Option<Response> {
    let missing = fields.iter().filter(|(.., missing)| *missing);
    let problems: Vec<Problem> =
        missing.map(|(field, key, _)| Problem::at(field, shell.t(key)).because(key)).collect();
    (!problems.is_empty()).then(|| problem(StatusCode::UNPROCESSABLE_ENTITY, &problems))
}
