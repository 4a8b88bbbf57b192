//! `/account/activity`: what happened to an account in ninety days, as a page and as a table for other programs.

use askama::Template;
use auth::{App, account, date_and_time, plain, timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::extract::SignedIn;
use crate::pages::{PageResult, Problem};
use crate::shell::Shell;

/// The list of what happened.
#[derive(Template)]
#[template(path = "activity.html")]
pub(crate) struct ActivityPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// The newest first.
    pub(crate) lines: &'a [Line],
}

/// Something that happened.
pub(crate) struct Line {
    /// When.
    pub(crate) when: String,
    /// The key of its words.
    pub(crate) key: &'static str,
    /// How often.
    pub(crate) count: i64,
    /// From where.
    pub(crate) address: String,
}

/// The page.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    let activity = account::activity(&app, &session).await?;
    let line = |activity: account::Activity| Line {
        when: date_and_time(activity.at),
        key: words(&activity.kind),
        count: activity.count,
        address: activity.address,
    };
    let lines: Vec<Line> = activity.into_iter().map(line).collect();
    let shell = Shell { signed_in_as: Some(session.name), ..shell };
    Ok(shell.page(StatusCode::OK, &ActivityPage { shell: &shell, problems: &[], lines: &lines }, &[]))
}

/// The same, RFC 4180. No cell is taken for a formula, whatever somebody may have written into the database.
pub(crate) async fn download(State(app): State<App>, SignedIn(session): SignedIn) -> PageResult {
    let mut csv = String::from("at,event,count,address\r\n");
    for activity in account::activity(&app, &session).await? {
        let at = timestamp(activity.at);
        csv += &plain::row(&[&at, &activity.kind, &activity.count.to_string(), &activity.address]);
    }
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\""),
    ];
    Ok((headers, csv).into_response())
}

/// Each kind of event that a person is shown, and the key of its words.
pub(crate) const WORDS: [(&str, &str); 35] = [
    ("user.created", "event-created"),
    ("user.imported", "event-imported"),
    ("sign_in.password_right", "event-password-right"),
    ("sign_in.password_wrong", "event-password-wrong"),
    ("sign_in.code_right", "event-code-right"),
    ("sign_in.completed", "event-signed-in"),
    ("session.ended", "event-signed-out"),
    ("session.proved", "event-proved"),
    ("sign_in.code_wrong", "event-code-wrong"),
    ("sign_in.code_replayed", "event-code-replayed"),
    ("sign_in.codes_closed", "event-codes-closed"),
    ("sign_in.door_closed", "event-door-closed"),
    ("recovery.code_used", "event-recovery-used"),
    ("recovery.code_wrong", "event-recovery-wrong"),
    ("recovery.codes_saved", "event-recovery-saved"),
    ("recovery.codes_renewed", "event-recovery-renewed"),
    ("authenticator.replaced", "event-authenticator-replaced"),
    ("authenticator.added", "event-authenticator-added"),
    ("authenticator.moved", "event-authenticator-moved"),
    ("authenticator.renamed", "event-authenticator-renamed"),
    ("authenticator.removed", "event-authenticator-removed"),
    ("authenticator.clock_learned", "event-clock-learned"),
    ("browser.forgotten", "event-browser-forgotten"),
    ("link.made", "event-link-made"),
    ("link.used", "event-link-used"),
    ("user.factor_reset", "event-factor-reset"),
    ("password.changed", "event-password-changed"),
    ("user.role_changed", "event-role-changed"),
    ("user.disabled", "event-disabled"),
    ("user.enabled", "event-enabled"),
    ("group.joined", "event-group-joined"),
    ("group.left", "event-group-left"),
    ("access.denied", "event-access-denied"),
    ("code.verified", "event-code-verified"),
    ("integrity.failed", "event-integrity-failed"),
];

/// The key of the words for a kind of event.
fn words(kind: &str) -> &'static str {
    WORDS.iter().find(|words| words.0 == kind).map_or("event-other", |words| words.1)
}
