//! `/enroll`: the QR code, the setup key, and the code that proves that the app has them.

use askama::Template;
use auth::enroll::{self, Confirmed, NewIs};
use auth::{App, Error};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::cookies;
use crate::error::Trouble;
use crate::extract::{Caller, Enrolling};
use crate::form::Fields;
use crate::pages::{PageResult, Problem, signed_in, with_cookies};
use crate::shell::{Shell, see_other};
use crate::wording::{for_form, misfit};

/// The page on which an authenticator app and this server get to know each other.
#[derive(Template)]
#[template(path = "enroll.html")]
pub(crate) struct EnrollPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// What was wrong with the code.
    pub(crate) problems: &'a [Problem],
    /// The entry as the app will show it: `Latchkey: ada`.
    pub(crate) label: &'a str,
    /// The account as one types it by hand: `Latchkey:ada`.
    pub(crate) account: &'a str,
    /// The setup key in groups of four, to read.
    pub(crate) key_grouped: &'a str,
    /// The setup key without spaces, to copy.
    pub(crate) key_plain: &'a str,
    /// The `otpauth://` link.
    pub(crate) uri: &'a str,
    /// The same for Apple Passwords, when the browser says that it runs on a system that has it.
    pub(crate) apple_uri: Option<&'a str>,
    /// Where the picture is.
    pub(crate) qr_src: &'a str,
    /// Its width and height in CSS pixels, quiet zone included.
    pub(crate) qr_px: u32,
    /// What the new authenticator will be: each has another heading.
    pub(crate) kind: NewIs,
}

/// Pixels of the PNG for each module; browsers show fewer.
const SCALE: u32 = 8;
/// The picture is at least so wide, and each module at least five CSS pixels.
const WIDTH: u32 = 264;

/// The QR code, the key and the field. Looking changes nothing: reload and back show the same.
pub(crate) async fn show(
    State(app): State<App>,
    Enrolling(token): Enrolling,
    shell: Shell,
    headers: HeaderMap,
) -> PageResult {
    let pending = enroll::pending(&app, &token).await.map_err(gone)?;
    Ok(page(&shell, (&pending, &headers), (StatusCode::OK, Vec::new())))
}

/// Judges the first code; with it the account exists, and its person is signed in.
pub(crate) async fn submit(
    State(app): State<App>,
    Enrolling(token): Enrolling,
    Caller(visit): Caller,
    shell: Shell,
    (headers, fields): (HeaderMap, Fields),
) -> PageResult {
    let pending = enroll::pending(&app, &token).await.map_err(gone)?;
    let wrong = match fields.take(["otp"], ["otp_next"]) {
        Err(wrong) => (StatusCode::UNPROCESSABLE_ENTITY, vec![misfit(&wrong, &shell)]),
        // The enrolling cookie stays: it is dead now, and tells a reload so.
        Ok(([otp], [then])) => match enroll::confirm(&app, &token, (&otp, &then), &visit).await {
            Ok(Confirmed::SignedIn(started)) => {
                return signed_in(&app, (&headers, &visit), &started, "/enroll/recovery-codes").await;
            }
            Ok(Confirmed::OwesPassword(login)) => {
                let login = cookies::login(&app.config, &login);
                return Ok(with_cookies(see_other("/login/password"), [login]));
            }
            Ok(Confirmed::Added) => return Ok(see_other("/account/authenticators")),
            Err(Error::Expired) => return Err(Trouble::GoneEnroll),
            Err(error) => for_form(error, &shell, app.clock.now())?,
        },
    };
    Ok(page(&shell, (&pending, &headers), wrong))
}

/// The picture, for the browser that enrolls and no other.
pub(crate) async fn picture(State(app): State<App>, Enrolling(token): Enrolling) -> PageResult {
    let png = enroll::qr_png(&app, &token, SCALE).await.map_err(gone)?;
    Ok(([(CONTENT_TYPE, "image/png")], png.to_vec()).into_response())
}

fn gone(error: Error) -> Trouble {
    if matches!(error, Error::Expired) { Trouble::GoneEnroll } else { error.into() }
}

fn page(
    shell: &Shell,
    (pending, headers): (&enroll::Pending, &HeaderMap),
    (status, problems): (StatusCode, Vec<Problem>),
) -> Response {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    let apple = ["Macintosh", "iPhone", "iPad"].iter().any(|system| agent.contains(system));
    let page = EnrollPage {
        shell,
        problems: &problems,
        label: &pending.label,
        account: &pending.label.replacen(": ", ":", 1),
        key_grouped: &pending.key_grouped,
        key_plain: &pending.key_plain,
        uri: &pending.uri,
        apple_uri: apple.then_some(pending.apple_uri.as_str()),
        qr_src: "/enroll/qr.png",
        qr_px: pending.qr_side * WIDTH.div_ceil(pending.qr_side).max(5),
        kind: pending.kind,
    };
    shell.page(status, &page, &problems)
}
