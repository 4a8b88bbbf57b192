//! `/`: who is signed in.

use askama::Template;
use auth::{App, date_and_time, recovery};
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use crate::extract::{Caller, SignedIn};
use crate::pages::{PageResult, Problem, onward};
use crate::shell::Shell;

/// The page of somebody who is signed in.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// The name, as typed at registration.
    pub(crate) username: &'a str,
    /// The key of the role's word: `role-user`, `role-admin` or `role-owner`.
    pub(crate) role_key: &'a str,
    /// How many recovery codes are still good.
    pub(crate) recovery_left: u32,
    /// Passwords cross the network in clear, and whoever sees this page can change it.
    pub(crate) insecure: bool,
    /// When the session began: `2026-11-24 14:05 UTC`.
    pub(crate) signed_in_at: &'a str,
}

impl HomePage<'_> {
    /// Few enough to say so. Three leaves time to act before the last one.
    fn few_left(&self) -> bool {
        self.recovery_left <= 3
    }
}

/// Who is signed in, and what they have left; or the way on, for whoever was sent here by a program.
pub(crate) async fn show(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    (shell, uri): (Shell, Uri),
) -> PageResult {
    if uri.query().is_some_and(|query| query.starts_with("rd=")) {
        return onward::go(&app, (&session, &visit), &uri).await;
    }
    let left = recovery::left(&app, &session.user_id).await?;
    let page = HomePage {
        shell: &shell,
        problems: &[],
        username: &session.name,
        role_key: match session.role {
            auth::Role::User => "role-user",
            auth::Role::Admin => "role-admin",
            auth::Role::Owner => "role-owner",
        },
        recovery_left: u32::try_from(left).unwrap_or(0),
        insecure: app.config.insecure_http && session.role != auth::Role::User,
        signed_in_at: &date_and_time(session.created_at),
    };
    Ok(shell.page(StatusCode::OK, &page, &[]))
}
