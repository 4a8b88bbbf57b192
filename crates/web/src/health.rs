//! `/livez` and `/readyz`: for supervisors and load balancers, under any host name.

use auth::{App, Error};
use axum::extract::State;
use axum::http::StatusCode;

/// The process runs.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers, takes writes, and agrees about the time; else 503 and the reason.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, String) {
    match app.health().await {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(error) => {
            let reason = match &error {
                Error::Busy => "the database is busy".to_owned(),
                other => other.to_string(),
            };
            tracing::warn!(%reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"))
        }
    }
}
