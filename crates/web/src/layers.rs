//! What every request passes on its way in and out: a name and a line in the log, security headers, a time limit, and a
//! page for every trouble.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::ProtectionError;

use crate::error::Trouble;
use crate::extract::visit;
use crate::pages::message;
use crate::shell::{ReturnsTo, Shell, asked_language};
use crate::{Site, bounds, cookies, guard};

/// A browser may load our own files and nothing else, run no inline script, and show us in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Wraps the routes, the innermost layer first. Those that a browser reaches through the proxy before a program are at other hosts
/// than ours.
pub(crate) fn wrap(routes: Router<Site>, through_proxies: Router<Site>, site: &Site) -> Router<Site> {
    routes
        .fallback(async || Trouble::NotFound)
        .layer(guard::same_origin(&site.app))
        .layer(from_fn_with_state(site.clone(), guard::our_scheme))
        .layer(from_fn_with_state(site.clone(), guard::our_host))
        .merge(through_proxies)
        .layer(from_fn(size_limit))
        .layer(from_fn(time_limit))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(site.clone(), dress))
        .layer(from_fn_with_state(site.clone(), headers))
        .layer(from_fn_with_state(site.clone(), trace))
}

/// The short name of a request, in the log and on the page that apologizes.
#[derive(Clone)]
struct RequestId(String);

async fn trace(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let began = tokio::time::Instant::now();
    let id = site.app.request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The template, never the path: a path may hold a one-time link.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let client = visit(&site.app.config, request.extensions(), request.headers()).text();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = began.elapsed();
    site.meters.answered(&route, response.status(), took);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if matches!(route.as_str(), "/livez" | "/readyz" | "/assets/{name}") {
        tracing::debug!(request = %id, %method, %route, status, ms, %client, "request");
    } else {
        tracing::info!(request = %id, %method, %route, status, ms, %client, "request");
    }
    response
}

/// The policy of a page after whose form the browser goes there.
fn policy_with(ReturnsTo(origin): ReturnsTo) -> Option<HeaderValue> {
    let forms = format!("form-action 'self' {origin};");
    HeaderValue::from_str(&POLICY.replace("form-action 'self';", &forms)).ok()
}

async fn headers(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let returns = response.extensions_mut().remove::<ReturnsTo>();
    protect(response.headers_mut(), returns, &site);
    response
}

/// What keeps browsers from doing more with an answer than is meant.
pub(crate) fn protect(headers: &mut HeaderMap, returns: Option<ReturnsTo>, site: &Site) {
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: over plain http browsers would then send `Origin: null`, and every form would be refused.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    // An operator's picture brings a policy of its own, which allows still less.
    let policy = headers.get(CONTENT_SECURITY_POLICY).cloned().or_else(|| returns.and_then(policy_with));
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // Not for localhost: browsers would refuse plain http to every other program there for a year.
    let public = &site.app.config.public_url;
    if public.is_https() && !public.is_loopback() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // Pages carry secrets; whatever may be kept says so itself.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Gives every trouble a page in the person's language, or a problem in JSON.
async fn dress(State(site): State<Site>, request: Request, next: Next) -> Response {
    let shell = Shell::new(&site, request.uri(), request.headers());
    let language = asked_language(request.uri());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let cleared = cookies::clear_repeated(&site.app.config, request.uri().path(), request.headers());
    let mut response = next.run(request).await;
    if let Some(trouble) = trouble_of(&mut response) {
        match &trouble {
            Trouble::Broken(Some(error)) | Trouble::Unjudged(error) => {
                tracing::error!(request = %id, %error, "broken");
            }
            // A panic has said where it was.
            Trouble::Broken(None) => tracing::error!(request = %id, "broken"),
            _ => {}
        }
        let mut page = message::show(&trouble, &shell, &site.app.config, &id);
        if let Some(allow) = response.headers().get(ALLOW) {
            page.headers_mut().insert(ALLOW, allow.clone());
        }
        response = page;
    }
    if !cleared.is_empty() {
        set_first(response.headers_mut(), cleared);
    }
    if let Some(language) = language {
        let cookie = cookies::remember_language(&site.app.config, language.code());
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The trouble that an answer stands for, unless it is a page already.
fn trouble_of(response: &mut Response) -> Option<Trouble> {
    if let Some(trouble) = response.extensions_mut().remove::<Trouble>() {
        return Some(trouble);
    }
    if response.extensions().get::<ProtectionError>().is_some() {
        return Some(Trouble::ForbiddenOrigin);
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let health = kind.starts_with("text/plain") && response.status().as_u16() == 503;
    let is_page = kind.starts_with("text/html") || kind.contains("json") || health;
    if is_page { None } else { Trouble::of_status(response.status()) }
}

/// Puts these before the cookies that the answer sets itself, which a browser therefore keeps.
fn set_first(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    let own: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies.into_iter().chain(own) {
        headers.append(SET_COOKIE, cookie);
    }
}

async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(bounds::ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Trouble::Busy.into_response(),
    }
}

/// Refuses what the reader of HTTP has let through beyond our limits: it looks at its buffer only now and then.
pub(crate) async fn size_limit(request: Request, next: Next) -> Response {
    if is_too_large(request.uri(), request.headers()) {
        Trouble::HeadersTooLarge.into_response()
    } else {
        next.run(request).await
    }
}

/// Whether address and headers are more than we take.
pub(crate) fn is_too_large(uri: &Uri, headers: &HeaderMap) -> bool {
    let (count, bytes) = (headers.len(), head_bytes(uri, headers));
    count > bounds::HEADERS || bytes > bounds::HEADER_BYTES
}

/// What address and headers take, with the colon, the space and the line's end of each.
fn head_bytes(uri: &Uri, headers: &HeaderMap) -> usize {
    let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let host = uri.authority().map_or(0, |authority| authority.as_str().len());
    lines + host + uri.path().len() + uri.query().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::panic::panic_any;

    use auth::config::PublicUrl;
    use auth::{App, Clock, Config, Random, Time};
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::{ConnectInfo, FromRequestParts};
    use axum::http::Request;
    use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST};
    use axum::http::request::Parts;
    use axum::middleware::{Next, from_fn};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::wrap;
    use crate::Site;

    /// What must not come out.
    const DETAIL: &str = "JBSWY3DPEHPK3PXP";

    fn breaks() {
        panic!("{DETAIL}");
    }

    fn breaks_with(what: impl std::any::Any + Send) {
        panic_any(what);
    }

    /// Panics before the handler does anything.
    struct Early;

    impl<S: Sync> FromRequestParts<S> for Early {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Early, Self::Rejection> {
            breaks();
            Ok(Early)
        }
    }

    fn site(dir: &std::path::Path, app: App) -> Router {
        let nothing: Vec<u8> = Vec::new();
        let (empty, missing) = (nothing.clone(), dir.join("missing"));
        let routes = Router::new()
            .route("/0", get(async || breaks()))
            .route("/1", get(async || breaks_with(DETAIL.to_owned())))
            .route("/2", get(async || breaks_with(7)))
            .route("/3", get(async move || nothing[7].to_string()))
            .route("/4", get(async move || empty.first().copied().unwrap().to_string()))
            .route("/5", get(async move || std::fs::read_to_string(&missing).expect(DETAIL)))
            .route("/6", get(async |_: Early| ()))
            .route(
                "/7",
                get(async || {
                    tokio::task::yield_now().await;
                    breaks();
                }),
            )
            .route("/8", get(async || tokio::spawn(async { breaks() }).await.unwrap()))
            .route(
                "/9",
                get(async || ()).layer(from_fn(async |request: Request<Body>, next: Next| {
                    breaks();
                    next.run(request).await
                })),
            )
            .route("/well", get(async || "well"));
        let site = Site::new(app);
        wrap(routes, Router::new(), &site).with_state(site)
    }

    /// REL-20 of the threat model.
    #[tokio::test]
    async fn ten_panics_in_handlers_are_ten_apologies_and_harm_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: dir.path().to_owned(),
            database: format!("sqlite:{}", dir.path().join("latchkey.db").display()).into(),
            public_url: PublicUrl::loopback(8080),
            ..Config::default()
        };
        let clock = Clock::frozen(Time::from_millis(1_795_529_132_000));
        let app = App::open_with(config, clock, Random::seeded(7)).await.unwrap();
        let site = site(dir.path(), app);
        let ask = async |path: &str| {
            let request =
                Request::get(path).header(HOST, "localhost:8080").header(ACCEPT, "application/json");
            let mut request = request.body(Body::empty()).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
            let response = site.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
            (parts, body)
        };
        for number in 0..10 {
            let (parts, body) = ask(&format!("/{number}")).await;
            assert_eq!(parts.status, 500, "{number}: {body}");
            assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json", "{number}: {body}");
            for detail in [DETAIL, "panick", "missing", "index out of", "src/layers.rs"] {
                assert!(!body.contains(detail), "{number}: {body}");
            }
            let (parts, body) = ask("/well").await;
            assert_eq!((parts.status.as_u16(), body.as_str()), (200, "well"), "after {number}");
        }
    }
}
