//! `/metrics`, for Prometheus, on a listener of its own and nowhere else: what strangers do here is nobody else's matter. Every
//! family is named here and in `docs/metrics.md`; what is counted is known to those who count.
//!
//! A label has few values, and none that anybody typed: no name, no address, no path.

mod process;
mod text;

use std::sync::Arc;

use auth::{App, DatabaseKind, Readings, Time, Unready};
use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::crowd::Crowd;
use crate::meters::Answered;
use crate::{Site, bounds, layers};

use text::Page;

/// Microseconds to a second.
const MICROS: f64 = 1e6;
/// Values that are counted one by one.
const ONES: f64 = 1.0;

/// What the page is made of.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) site: Site,
    pub(crate) crowd: Crowd,
}

/// The one page, and nothing beside it.
pub(crate) fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(layers::size_limit))
        .with_state(Arc::new(desk))
}

async fn show(State(desk): State<Arc<Desk>>) -> Response {
    let Ok(readings) = tokio::time::timeout(bounds::ANSWER_WITHIN, desk.site.app.readings()).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let mut page = Page::default();
    about(&mut page, &desk.site.app, &readings);
    people(&mut page, &readings);
    hashing(&mut page, &readings);
    proxies(&mut page, &desk.site, &readings);
    requests(&mut page, &desk.site.meters.requests());
    connections(&mut page, &desk.crowd);
    database(&mut page, &readings);
    log(&mut page, &readings);
    process::write(&mut page, seconds(readings.opened_at));
    let headers: [(HeaderName, &str); 3] =
        [(CONTENT_TYPE, text::TYPE), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-store")];
    (headers, page.into_text()).into_response()
}

fn about(page: &mut Page, app: &App, readings: &Readings) {
    let database = match app.database_kind() {
        DatabaseKind::Sqlite => "sqlite",
        DatabaseKind::Postgres => "postgres",
    };
    page.gauge("latchkey_build_info", "Which version this is, and over which database it runs; always 1.")
        .with(&[("version", env!("CARGO_PKG_VERSION")), ("database", database)], 1);
    page.gauge("latchkey_ready", "Whether this server should be asked anything, as /readyz says: 1 or 0.")
        .is(u8::from(readings.ready.is_ok()));
    let reason = readings.ready.err().map(Unready::word);
    page.gauge(
        "latchkey_unready",
        "Why this server should not be asked anything: 1 for the reason, 0 for all others.",
    )
    .by("reason", Unready::WORDS.map(|word| (word, u8::from(reason == Some(word)))));
}

fn people(page: &mut Page, readings: &Readings) {
    page.counter(
        "latchkey_sign_ins_total",
        "Sign-ins that are complete, and steps of sign-ins that came to nothing, by how.",
    )
    .by("outcome", readings.sign_ins.iter().copied());
    page.counter(
        "latchkey_events_total",
        "Events that this server has written to the audit log, by what happened.",
    )
    .by("event", readings.events.iter().copied());
    page.counter(
        "latchkey_tries_total",
        "Tries that were taken from a budget and judged, by what was guessed at.",
    )
    .by("kind", readings.tries.iter().copied());
    page.counter("latchkey_rests_total", "Tries that were not judged, since whoever made them has to wait.")
        .is(readings.rests);
    page.histogram(
        "latchkey_code_drift_steps",
        "Steps by which phones with right codes were ahead, or behind below zero.",
    )
    .spread(&[], &readings.drift, ONES);
}

fn hashing(page: &mut Page, readings: &Readings) {
    let hashing = &readings.hashing;
    page.gauge(
        "latchkey_hash_slots",
        "Slots for hashing: one for each thread that hashes, and one more for every four.",
    )
    .is(hashing.slots);
    page.gauge("latchkey_hash_slots_taken", "Slots for hashing that are taken.").is(hashing.taken);
    page.gauge("latchkey_hash_waiting", "People who wait for a slot to hash their password in.")
        .by("lane", hashing.waiting);
    page.counter(
        "latchkey_hash_refused_total",
        "Passwords that were not hashed, since too many waited or for too long.",
    )
    .by("lane", hashing.refused);
    page.histogram("latchkey_hash_duration_seconds", "How long it took to hash a password.").spread(
        &[],
        &hashing.durations,
        MICROS,
    );
}

fn proxies(page: &mut Page, site: &Site, readings: &Readings) {
    page.counter(
        "latchkey_checks_total",
        "Answers to proxies that asked whether a request may pass, by status; 200 lets it pass.",
    )
    .by("status", site.meters.checks());
    let recall = readings.recall;
    page.counter(
        "latchkey_check_sessions_total",
        "Sessions that checks looked for, by where: in memory, or in the database.",
    )
    .by("found", [("memory", recall.hits), ("database", recall.misses)]);
    page.gauge(
        "latchkey_check_sessions_remembered",
        "Sessions that are kept in memory for checks, until something may end one.",
    )
    .is(recall.kept);
}

fn requests(page: &mut Page, answered: &Answered) {
    let mut family = page.histogram(
        "latchkey_http_request_duration_seconds",
        "How long answers took, by route and class of the status; no such address is route -.",
    );
    for (route, status, spread) in answered {
        family.spread(&[("route", route), ("status", status)], spread, MICROS);
    }
}

fn connections(page: &mut Page, crowd: &Crowd) {
    let there = crowd.there();
    page.gauge("latchkey_connections_open", "Connections that are open.").is(there.open);
    page.gauge("latchkey_connections_most", "Connections that may be open at a time.").is(there.most);
    page.counter(
        "latchkey_connections_turned_away_total",
        "Connections that we closed, since there was no room for them.",
    )
    .by("why", there.turned_away);
}

fn database(page: &mut Page, readings: &Readings) {
    let activity = &readings.database;
    page.gauge("latchkey_database_schema_version", "The version of the database's tables.")
        .is(readings.schema);
    let tally = &activity.tally;
    page.counter(
        "latchkey_database_jobs_total",
        "Jobs of the database, by what became of them: writes that were committed or undone, and reads.",
    )
    .by("outcome", [("committed", tally.commits), ("undone", tally.undone), ("read", tally.reads)]);
    page.counter("latchkey_database_statements_total", "Statements that the database ran.")
        .is(tally.statements);
    page.counter(
        "latchkey_database_jobs_refused_total",
        "Jobs that the database never ran, since too much waited or for too long.",
    )
    .is(activity.refused);
    let waiting = activity.lanes.iter().map(|lane| (lane.name, lane.waiting));
    page.gauge("latchkey_database_jobs_waiting", "Jobs that wait for the database, by lane.")
        .by("lane", waiting);
    let connections = activity.lanes.iter().filter_map(|lane| Some((lane.name, lane.connections?)));
    page.gauge("latchkey_database_connections", "Connections to PostgreSQL that are open, by lane.")
        .by("lane", connections);
    page.histogram("latchkey_database_commit_jobs", "Writes that shared one commit.").spread(
        &[],
        &activity.batches,
        ONES,
    );
    page.histogram(
        "latchkey_database_commit_duration_seconds",
        "How long commits took until they were durable.",
    )
    .spread(&[], &activity.commits, MICROS);
    page.counter("latchkey_database_commits_failed_total", "Commits that failed.").is(activity.failed);
}

fn log(page: &mut Page, readings: &Readings) {
    let sealed_at = readings.log.and_then(|log| log.sealed_at).map(seconds);
    page.gauge(
        "latchkey_audit_sealed_timestamp_seconds",
        "When the audit log was last sealed, in seconds since 1970.",
    )
    .may_be(sealed_at);
    page.gauge(
        "latchkey_audit_unsealed_seconds",
        "For how long the oldest event has waited for its seal, in seconds.",
    )
    .may_be(readings.log.map(|log| in_seconds(log.unsealed_for)));
}

fn seconds(at: Time) -> f64 {
    in_seconds(at.millis())
}

fn in_seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
