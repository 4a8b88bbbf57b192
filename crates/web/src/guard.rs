//! Who may pass: the layer that each group of routes wears, and the two rules for all of them: the right host, and no
//! form from another site.

use auth::{App, Config, session};
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::csrf::CsrfLayer;

use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::extract::{Enrolling, HalfSignedIn, SignedIn};
use crate::pages::onward;
use crate::shell::{see_other, wants_json};

/// Lets pass who holds the cookie of an enrollment, dead or alive.
pub(crate) async fn enrolling(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(token) = cookies::read(&app.config, request.headers(), Cookie::Enroll) else {
        return if request.uri().path().ends_with(".png") {
            Trouble::NotFound.into_response()
        } else {
            see_other("/register")
        };
    };
    request.extensions_mut().insert(Enrolling(token));
    next.run(request).await
}

/// Lets pass who holds the cookie of a login, dead or alive.
pub(crate) async fn half_signed_in(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let token = cookies::read(&app.config, request.headers(), Cookie::Login);
    request.extensions_mut().insert(HalfSignedIn(token));
    next.run(request).await
}

/// Lets pass who is signed in. Others are shown the way.
pub(crate) async fn signed_in(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let token = cookies::read(&app.config, request.headers(), Cookie::Session);
    let found = match &token {
        Some(token) => session::find(&app, token).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(session)) => {
            request.extensions_mut().insert(SignedIn(session));
            next.run(request).await
        }
        Ok(None) if wants_json(request.headers()) => Trouble::NotSignedIn.into_response(),
        Ok(None) => see_other(&onward::sign_in_first(request.uri())),
        Err(error) => Trouble::from(error).into_response(),
    }
}

/// Refuses a request for another host than ours: what we write would be believed to come from there.
pub(crate) async fn our_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let health = matches!(path, "/livez" | "/readyz");
    // The page that says so needs its looks, and they are the same for everybody.
    let asset = path.starts_with("/assets/");
    if health || asset || is_ours(&app.config, request.uri(), request.headers()) {
        next.run(request).await
    } else {
        Trouble::Misdirected.into_response()
    }
}

/// Whether a request names our host: once, and the same in its target where that names one.
pub(crate) fn is_ours(config: &Config, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str().map(str::to_ascii_lowercase) else { return false };
    // An absolute target must name the same host, or a proxy and we would see two different requests.
    let target = uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(&host));
    target && config.public_url.is_reached_as(&host)
}

/// Refuses an unsafe method from an origin of another scheme. [`same_origin`] compares hosts only, where a browser is so old
/// that it sends no `Sec-Fetch-Site`; and whoever is on the way can speak for our host in clear.
pub(crate) async fn our_scheme(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let scheme = if app.config.public_url.is_https() { "https://" } else { "http://" };
    let ours = headers.get_all(ORIGIN).iter().all(|origin| origin.as_bytes().starts_with(scheme.as_bytes()));
    if request.method().is_safe() || headers.contains_key("sec-fetch-site") || ours {
        next.run(request).await
    } else {
        Trouble::ForbiddenOrigin.into_response()
    }
}

/// Refuses an unsafe method whose `Sec-Fetch-Site` or `Origin` is not ours. Programs send neither, and pass.
pub(crate) fn same_origin(app: &App) -> CsrfLayer {
    let layer = CsrfLayer::new();
    let origin = app.config.public_url.origin();
    layer.clone().add_trusted_origin(&origin).unwrap_or(layer)
}
