//! `/enroll/recovery-codes`: ten codes to keep, shown until the person says that they are saved.

use askama::Template;
use auth::session::Session;
use auth::{App, date, recovery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::error::Trouble;
use crate::extract::{Caller, SignedIn};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, onward, or_start};
use crate::shell::{Shell, see_other};
use crate::wording::misfit;

/// The ten codes, and the box that says they are safe.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub(crate) struct RecoveryCodesPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong: the box was not ticked.
    pub(crate) problems: &'a [Problem],
    /// The codes, with their hyphens.
    pub(crate) codes: &'a [String],
    /// They were made in the account, so this is no step of setting up.
    pub(crate) renewed: bool,
    /// Whose they are, for the printed sheet.
    pub(crate) username: &'a str,
    /// The day they were made, for the printed sheet: `2026-11-24`.
    pub(crate) date: &'a str,
}

/// The codes, for as long as they can be shown: a lost answer loses nothing.
pub(crate) async fn show(State(app): State<App>, SignedIn(session): SignedIn, shell: Shell) -> PageResult {
    sheet(&app, &session, &shell, (StatusCode::OK, Vec::new())).await
}

/// Notes that they are saved, and goes where the person was going.
pub(crate) async fn submit(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Caller(visit): Caller,
    shell: Shell,
    fields: Fields,
) -> PageResult {
    let problem = match fields.take([], ["saved"]) {
        Ok(([], [saved])) if saved == "on" => {
            let next = recovery::saved(&app, &session, &visit).await?;
            return Ok(see_other(or_start(&next)));
        }
        Ok(_) => Problem::at("saved", shell.t("problem-saved-missing")),
        Err(wrong) => misfit(&wrong, &shell),
    };
    sheet(&app, &session, &shell, (StatusCode::UNPROCESSABLE_ENTITY, vec![problem])).await
}

/// The same as a text file.
pub(crate) async fn download(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    shell: Shell,
) -> PageResult {
    let codes = recovery::sheet(&app, &session).await?.ok_or(Trouble::GoneCodes)?;
    let title =
        format!("{}: {} {}, {}", shell.issuer, shell.t("codes-for"), session.name, date(app.clock.now()));
    let text = format!("{title}\r\n{}\r\n\r\n{}\r\n", shell.t("codes-each-once"), codes.codes.join("\r\n"));
    // Names hold nothing that a file name may not, and issuers anything.
    let issuer: String = shell.issuer.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("attachment; filename=\"{issuer}-recovery-codes-{}.txt\"", session.name);
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, file)], text)
        .into_response())
}

async fn sheet(
    app: &App,
    session: &Session,
    shell: &Shell,
    (status, problems): (StatusCode, Vec<Problem>),
) -> Result<Response, Trouble> {
    let codes = recovery::sheet(app, session).await?.ok_or(Trouble::GoneCodes)?;
    let shell = &onward::returning(app, shell.clone(), &codes.next).await?;
    let date = date(app.clock.now());
    let page = RecoveryCodesPage {
        shell,
        problems: &problems,
        codes: &codes.codes,
        renewed: codes.renewed,
        username: &session.name,
        date: &date,
    };
    Ok(shell.page(status, &page, &problems))
}
