//! `/.latchkey/…` on the host of a program, which its proxy sends to us: the way of a browser from there to the portal, and
//! back with a ticket. `pages/onward.rs` is the portal's side.

use auth::access::{Target, Unclear};
use auth::{App, Error, Token, Visit, app_session};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};

use crate::cookies;
use crate::error::Trouble;
use crate::extract::{Caller, HOST, HOST_THERE, SCHEME_THERE, Said, our_path, query};
use crate::pages::with_cookies;
use crate::shell::see_other;

/// Notes in the browser that it asked to be signed in here, and sends it to the portal for a ticket.
pub(crate) async fn start(
    State(app): State<App>,
    Caller(visit): Caller,
    (uri, headers): (Uri, HeaderMap),
) -> Response {
    let here = match here(&visit, &headers) {
        Ok(here) => here,
        Err(trouble) => return trouble.into_response(),
    };
    let nonce = app_session::nonce(&app);
    let back = format!("{}{}", here.origin(), path(&uri));
    let to = portal(&app, &[("rd", &back), ("n", &app_session::mark(&app, &nonce))]);
    with_cookies(see_other(&to), [cookies::nonce(here.is_https(), Some(&nonce))])
}

/// Takes the ticket, and signs the browser in here.
pub(crate) async fn done(
    State(app): State<App>,
    Caller(visit): Caller,
    (uri, headers): (Uri, HeaderMap),
) -> Response {
    let here = match here(&visit, &headers) {
        Ok(here) => here,
        Err(trouble) => return trouble.into_response(),
    };
    let (secure, path) = (here.is_https(), path(&uri));
    let lost = || {
        let back = format!("{}{path}", here.origin());
        see_other(&portal(&app, &[("rd", &back), ("lost", "1")]))
    };
    let ticket = query(&uri, "ticket").and_then(|ticket| Token::parse(&ticket));
    let (Some(ticket), Some(nonce)) = (ticket, cookies::nonce_of(secure, &headers)) else { return lost() };
    match app_session::redeem(&app, &ticket, (&here.origin(), &nonce)).await {
        Ok(entered) => {
            let app_cookie = cookies::app_session(secure, &entered.token, entered.keep);
            with_cookies(see_other(&path), [app_cookie, cookies::nonce(secure, None)])
        }
        Err(Error::Expired) => lost(),
        Err(error) => Trouble::from(error).into_response(),
    }
}

/// The host of the program, as its proxy says it.
fn here(visit: &Visit, headers: &HeaderMap) -> Result<Target, Trouble> {
    // Without a proxy that is trusted nobody has sent this here.
    if !visit.is_through_proxy() {
        return Err(Trouble::Misdirected);
    }
    let read = || {
        let said = Said::in_headers(headers);
        let host = match headers.contains_key("x-forwarded-host") {
            true => said.once(&HOST_THERE)?,
            false => said.once(&HOST)?,
        };
        Target::of_parts("GET", said.once(&SCHEME_THERE)?, host, "/", visit.address)
    };
    read().map_err(|unclear: Unclear| {
        tracing::warn!(%unclear, "the way to a program is refused: what the proxy says is unclear");
        Trouble::Misdirected
    })
}

/// Where the browser was going on this host.
fn path(uri: &Uri) -> String {
    let path = our_path(&query(uri, "rd").unwrap_or_default());
    if path.is_empty() { "/".to_owned() } else { path }
}

fn portal(app: &App, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}/?{query}", app.config.public_url.origin())
}
