//! `/livez` and `/readyz`: for supervisors and load balancers, under any host name. And how a server leaves that one of them watches.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use auth::Unready;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::shell::wants_json;
use crate::{Site, bounds};

/// Who asks whether it is ready.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    asked_at: Mutex<Option<Instant>>,
    /// One of them was told that it stops.
    told: Notify,
}

impl Watchers {
    fn note(&self) {
        *self.asked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether somebody asks again and again.
    fn are_there(&self) -> bool {
        let asked_at = *self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        asked_at.is_some_and(|asked| asked.elapsed() < bounds::WATCHED_WITHIN)
    }
}

/// The process runs.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers, takes writes, and agrees about the time, and nobody has told us to stop; else 503 and the reason.
pub(crate) async fn ready(State(site): State<Site>, headers: HeaderMap) -> Response {
    site.watchers.note();
    let health = site.app.health().await;
    if let Err(why) = health {
        tracing::warn!(reason = why.word(), "not ready: {why}");
    }
    if health == Err(Unready::Stopping) {
        site.watchers.told.notify_one();
    }
    say(health, wants_json(&headers))
}

fn say(health: Result<(), Unready>, as_json: bool) -> Response {
    let status = if health.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !as_json {
        return (status, health.map_or_else(|why| format!("{why}\n"), |()| "ok\n".into())).into_response();
    }
    let body: Value = match health {
        Ok(()) => json!({ "ready": true }),
        Err(why) => json!({ "ready": false, "reason": why.word(), "detail": why.to_string() }),
    };
    (status, [(CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

/// Resolves when it may stop taking connections: when it was told to, and whoever watches it was told so, or does not ask.
pub(crate) async fn leave(site: Site, shutdown: impl Future<Output = ()>) {
    shutdown.await;
    site.app.begin_to_stop();
    if site.watchers.are_there() {
        let _ = tokio::time::timeout(bounds::TOLD_WITHIN, site.watchers.told.notified()).await;
    }
}
