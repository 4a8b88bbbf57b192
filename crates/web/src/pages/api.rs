//! `/api`: every route of the JSON API to read, made from the same document that programs get.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use auth::App;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::api::caller::Who;
use crate::api::document::Document;
use crate::api::reference::{Chapter, Route};
use crate::pages::Problem;
use crate::shell::Shell;

/// The page.
#[derive(Template)]
#[template(path = "api.html")]
pub(crate) struct ApiPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// Scheme and host, for the commands.
    pub(crate) origin: &'a str,
    /// The routes.
    pub(crate) chapters: &'a [Chapter],
    /// The statuses that come everywhere, and what they mean.
    pub(crate) statuses: &'a [(String, String)],
}

impl ApiPage<'_> {
    /// Who may ask, in words.
    fn who(&self, route: &Route) -> Cow<'_, str> {
        let with = |key, scope: auth::api_token::Scope| self.shell.t1(key, "scope", scope.text());
        match route.who {
            Who::Anyone => self.shell.t("api-who-anyone"),
            Who::Enrolling => self.shell.t("api-who-enrolling"),
            Who::HalfSignedIn => self.shell.t("api-who-half"),
            Who::Person => self.shell.t("api-who-person"),
            Who::PersonOr(scope) => with("api-who-person-or", scope),
            Who::AdminOr(scope) => with("api-who-admin-or", scope),
            Who::Program(scope) => with("api-who-program", scope),
        }
    }
}

/// The page, for anybody.
pub(crate) async fn show(
    State(app): State<App>,
    shell: Shell,
    Extension(document): Extension<Arc<Document>>,
) -> Response {
    let reference = document.reference();
    let page = ApiPage {
        shell: &shell,
        problems: &[],
        origin: &app.config.public_url.origin(),
        chapters: &reference.chapters,
        statuses: &reference.statuses,
    };
    shell.page(StatusCode::OK, &page, &[])
}
