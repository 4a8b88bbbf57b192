//! `/api/authz/…`: a proxy asks whether a request may pass to the program behind it. The body of every answer is empty, and
//! whatever is uncertain is refused. The way of the browser between program and portal is in `way.rs`.
//!
//! The paths, headers and statuses are those of Authelia, so that a proxy which was set up for it needs another address only.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use auth::access::{Target, Unclear, Verdict};
use auth::app_session::{self, Glance, Visitor};
use auth::{App, Error, Visit, api_token};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, LOCATION, UPGRADE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::authorization::Shown;
use crate::extract::visit;
use crate::forwarded::{self, At};
use crate::{Site, bounds, cookies, layers};

/// What the program is told of a visitor. All four are sent with every 200: a proxy that copies what is there would leave the
/// visitor's own in the place of one that is not.
const IDENTITY: [HeaderName; 4] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-groups"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-email"),
];

/// What a proxy is answered.
enum Answer {
    /// The request may pass, with what the program is told.
    Allow(Option<Arc<Visitor>>),
    /// The visitor has to sign in, or to prove more, there.
    SignIn {
        /// The portal, with the way back.
        location: String,
        /// How a person's browser is sent there.
        redirect: StatusCode,
        /// Whether a program may show a token instead.
        takes_tokens: bool,
    },
    /// The token that is shown is none of ours, or over, or not for there.
    WrongToken,
    /// No.
    Refuse,
    /// What the proxy says cannot be meant.
    Unclear(Unclear),
    /// It is more than we take.
    TooLarge,
    /// It is not known.
    Unknown,
}

/// For whoever brings a server of their own.
pub(crate) async fn handle(State(site): State<Site>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match At::of(parts.uri.path()) {
        Some(at) => {
            let visit = visit(&site.app.config, &parts.extensions, &parts.headers);
            match at_once(&site, (at, &visit), &parts) {
                Some(answer) => answer,
                None => ask(&site, (at, visit), parts).await,
            }
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers a proxy, within the limits that every request has, and whatever happens. Nobody looks at a body.
pub(crate) async fn ask(site: &Site, (at, visit): (At, Visit), parts: Parts) -> Response {
    let began = Instant::now();
    let answer = match layers::is_too_large(&parts.uri, &parts.headers) {
        true => Answer::TooLarge,
        false => {
            let answer = unless_it_panics(answer(&site.app, at, &visit, &parts));
            tokio::time::timeout(bounds::ANSWER_WITHIN, answer).await.unwrap_or(Answer::Unknown)
        }
    };
    finish(site, (at, &visit), &parts, (answer, began))
}

/// The answer to most of them: who asks may come through, and that is remembered. Nothing waits, so nothing is set up for waiting.
/// `None`: ask.
pub(crate) fn at_once(site: &Site, (at, visit): (At, &Visit), parts: &Parts) -> Option<Response> {
    let began = Instant::now();
    // What panics here does so again where that is answered.
    let visitor = catch_unwind(AssertUnwindSafe(|| let_through(&site.app, at, visit, parts))).ok()??;
    Some(finish(site, (at, visit), parts, (Answer::Allow(Some(visitor)), began)))
}

fn let_through(app: &App, at: At, visit: &Visit, parts: &Parts) -> Option<Arc<Visitor>> {
    if layers::is_too_large(&parts.uri, &parts.headers) || !visit.is_through_proxy() {
        return None;
    }
    let target = target(at, visit, parts).ok()?;
    let token = cookies::app(target.is_https(), &parts.headers)?;
    app_session::let_through(app, &token, &target, Glance::take(app))
}

/// Makes an answer of it, and notes it.
fn finish(
    site: &Site,
    (at, visit): (At, &Visit),
    parts: &Parts,
    (answer, began): (Answer, Instant),
) -> Response {
    let mut response = say(answer, at, &parts.headers);
    let status = response.status();
    site.meters.check(status);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A 200 the proxy keeps to itself, and has a line of its own for what it lets through.
    let is_allowed = status == StatusCode::OK;
    if !is_allowed {
        layers::protect(response.headers_mut(), None, site);
    }
    if !is_allowed || tracing::enabled!(tracing::Level::DEBUG) {
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (id, method, route) = (site.app.request_id(), &parts.method, at.path());
        let (client, status) = (visit.text(), status.as_u16());
        match is_allowed {
            true => tracing::debug!(request = %id, %method, %route, status, ms, %client, "request"),
            false => tracing::info!(request = %id, %method, %route, status, ms, %client, "request"),
        }
    }
    response
}

/// The answer, or that it is not known: what panics says itself where.
async fn unless_it_panics(answer: impl Future<Output = Answer>) -> Answer {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or(Poll::Ready(Answer::Unknown))
    })
    .await
}

async fn answer(app: &App, at: At, visit: &Visit, parts: &Parts) -> Answer {
    // Whoever is no proxy could say anything, and would be told what is behind it.
    if !visit.is_through_proxy() {
        tracing::warn!(client = %visit.text(), "forward-auth was asked by somebody who is not in trusted_proxies");
        return Answer::Refuse;
    }
    match target(at, visit, parts) {
        Err(unclear) => Answer::Unclear(unclear),
        Ok(target) => decide(app, &target, &parts.headers).await.unwrap_or_else(|error| {
            tracing::error!(%error, "forward-auth cannot tell, and refuses");
            Answer::Unknown
        }),
    }
}

fn target(at: At, visit: &Visit, parts: &Parts) -> Result<Target, Unclear> {
    let whole = parts.uri.path_and_query().map_or("", |whole| whole.as_str());
    forwarded::read(at, &parts.headers, (parts.method.as_str(), whole), visit)
}

async fn decide(app: &App, target: &Target, headers: &HeaderMap) -> Result<Answer, Error> {
    let glance = Glance::take(app);
    let answer = decide_by(app, glance, target, headers).await?;
    match glance.again() {
        Some(glance) if matches!(answer, Answer::SignIn { .. } | Answer::Refuse) => {
            decide_by(app, glance, target, headers).await
        }
        _ => Ok(answer),
    }
}

async fn decide_by(app: &App, glance: Glance, target: &Target, headers: &HeaderMap) -> Result<Answer, Error> {
    let mut visitor = match cookies::app(target.is_https(), headers) {
        Some(token) => app_session::find(app, &token, &target.origin(), glance).await?,
        None => None,
    };
    if visitor.is_none()
        && let Some(domain) = forwarded::shared_domain(&app.config, target)
        && let Some(token) = cookies::app_of_domain(headers)
    {
        visitor = app_session::find_in_domain(app, &token, domain, glance).await?;
    }
    // A browser that is signed in may show the program's own name and password as well.
    let shown = if visitor.is_none() { Shown::of(headers) } else { None };
    if let Some(shown) = &shown {
        let named = (shown.name.as_deref(), shown.token.as_str());
        visitor = api_token::visitor(app, named, target.host()).await?.map(Arc::new);
    }
    let decision = app_session::judge(app, target, visitor.as_deref(), glance).await?;
    Ok(match decision.verdict {
        Verdict::Allow => Answer::Allow(visitor),
        // Whoever shows a token has nobody there who could sign in, or prove more.
        Verdict::SignIn | Verdict::Prove if shown.is_some() => {
            if visitor.is_some() {
                Answer::Refuse
            } else {
                Answer::WrongToken
            }
        }
        // A stranger to this host may be signed in at the portal, which knows more of them.
        Verdict::SignIn | Verdict::Prove => Answer::SignIn {
            location: forwarded::portal(&app.config, target),
            redirect: forwarded::redirect(target),
            takes_tokens: decision.takes_tokens,
        },
        Verdict::Refuse => Answer::Refuse,
    })
}

fn say(answer: Answer, at: At, headers: &HeaderMap) -> Response {
    let nginx = at == At::AuthRequest;
    match answer {
        Answer::Allow(visitor) => allow(visitor.as_deref()),
        Answer::SignIn { location, redirect, takes_tokens } => {
            let response = sign_in(&location, (redirect, nginx), headers);
            if response.status() == StatusCode::UNAUTHORIZED {
                challenge(response, takes_tokens, headers)
            } else {
                response
            }
        }
        Answer::WrongToken => challenge(StatusCode::UNAUTHORIZED.into_response(), true, headers),
        Answer::Refuse => StatusCode::FORBIDDEN.into_response(),
        Answer::Unclear(unclear) => {
            tracing::warn!(%unclear, "forward-auth refuses what the proxy says");
            if nginx { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST }.into_response()
        }
        Answer::Unknown | Answer::TooLarge if nginx => StatusCode::FORBIDDEN.into_response(),
        Answer::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
        Answer::Unknown => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn allow(visitor: Option<&Visitor>) -> Response {
    let groups = visitor.map(|visitor| visitor.groups.join(",")).unwrap_or_default();
    let name = visitor.map_or("", |visitor| visitor.name.as_str());
    let mut response = StatusCode::OK.into_response();
    for (header, value) in IDENTITY.into_iter().zip([name, &groups, name, ""]) {
        // Names hold nothing that a header may not; if one did, nobody would be told to be somebody else.
        let Ok(value) = HeaderValue::from_str(value) else { return StatusCode::FORBIDDEN.into_response() };
        response.headers_mut().insert(header, value);
    }
    response
}

fn sign_in(location: &str, (redirect, nginx): (StatusCode, bool), headers: &HeaderMap) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else { return StatusCode::FORBIDDEN.into_response() };
    let status = match is_navigation(headers) {
        _ if nginx => StatusCode::UNAUTHORIZED,
        false => StatusCode::UNAUTHORIZED,
        true => redirect,
    };
    (status, [(LOCATION, location)]).into_response()
}

/// Asks for a name and a password where some were sent, and where a program may show a token: many send none before they are
/// asked. Never a browser that has sent none, which would open a window of its own.
fn challenge(mut response: Response, takes_tokens: bool, headers: &HeaderMap) -> Response {
    let basic = |value: &HeaderValue| {
        value.as_bytes().get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case(b"basic "))
    };
    let sent = headers.get(AUTHORIZATION);
    if sent.is_some_and(basic) || takes_tokens && sent.is_none() && !is_of_a_browser(headers) {
        let challenge = HeaderValue::from_static("Basic realm=\"Authorization required\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Whether a browser sends it: somebody goes there, or a script on a page asks.
fn is_of_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-mode")
        || headers.contains_key("x-requested-with")
        || is_navigation(headers)
}

/// Whether a person's browser goes there, rather than a program or a script on a page. Never judged by the name of the browser.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(UPGRADE) || text("x-requested-with") == Some("XMLHttpRequest") {
        return false;
    }
    match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn a_person_is_told_from_a_program_by_what_the_browser_says_of_the_request() {
        let html = ("accept", "text/html,*/*;q=0.8");
        for (navigates, sent) in [
            (true, &[html][..]),
            (true, &[html, ("sec-fetch-mode", "navigate")]),
            (true, &[("sec-fetch-mode", "navigate")]),
            (false, &[html, ("sec-fetch-mode", "cors")]),
            (false, &[html, ("sec-fetch-mode", "websocket")]),
            (false, &[html, ("x-requested-with", "XMLHttpRequest")]),
            (false, &[html, ("upgrade", "websocket")]),
            (false, &[("accept", "*/*"), ("user-agent", "Mozilla/5.0 Chrome/156")]),
            (false, &[]),
        ] {
            assert_eq!(is_navigation(&headers(sent)), navigates, "{sent:?}");
        }
    }

    #[test]
    fn nginx_hears_nothing_but_200_401_and_403() {
        let unclear = || Target::of_url("GET", "no address", None).expect_err("it is none");
        let answers: [fn() -> Answer; 5] = [
            || Answer::Allow(None),
            || Answer::WrongToken,
            || Answer::SignIn {
                location: "https://login.example.org/?rd=x".into(),
                redirect: StatusCode::SEE_OTHER,
                takes_tokens: true,
            },
            || Answer::Refuse,
            || Answer::Unknown,
        ];
        let html = headers(&[("accept", "text/html")]);
        let heard: Vec<u16> =
            answers.iter().map(|answer| say(answer(), At::AuthRequest, &html).status().as_u16()).collect();
        assert_eq!(heard, [200, 401, 401, 403, 403]);
        assert_eq!(say(Answer::Unclear(unclear()), At::AuthRequest, &html).status().as_u16(), 403);
        let others: Vec<u16> =
            answers.iter().map(|answer| say(answer(), At::ForwardAuth, &html).status().as_u16()).collect();
        assert_eq!(others, [200, 401, 303, 403, 503]);
        assert_eq!(say(Answer::Unclear(unclear()), At::ForwardAuth, &html).status().as_u16(), 400);
    }

    #[test]
    fn every_200_says_who_it_is_even_when_it_is_nobody() {
        for header in IDENTITY {
            assert_eq!(
                allow(None).headers().get(&header).map(HeaderValue::as_bytes),
                Some(&b""[..]),
                "{header}"
            );
        }
    }
}
