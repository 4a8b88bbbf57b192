//! What handlers ask for: where a request came from, and who it is. The guards have looked already.

use std::convert::Infallible;
use std::net::SocketAddr;

use auth::access::Unclear;
use auth::session::Session;
use auth::{App, Config, Token, Visit};
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, Uri};

use crate::cookies::{self, Cookie};
use crate::error::Trouble;

/// A header in which a proxy says something of a request.
pub(crate) struct Told {
    pub(crate) header: HeaderName,
    /// Its name, for what outlives it.
    pub(crate) name: &'static str,
}

impl Told {
    /// By its name, in lower case.
    pub(crate) const fn by(name: &'static str) -> Told {
        Told { header: HeaderName::from_static(name), name }
    }
}

/// For whom it speaks.
pub(crate) const FOR: Told = Told::by("x-forwarded-for");
/// By which name it was asked.
pub(crate) const HOST_THERE: Told = Told::by("x-forwarded-host");
/// Whether by https.
pub(crate) const SCHEME_THERE: Told = Told::by("x-forwarded-proto");
/// By which name we are asked.
pub(crate) const HOST: Told = Told::by("host");

/// Where the request came from.
pub(crate) struct Caller(pub(crate) Visit);

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    App: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let app = App::from_ref(state);
        let device = cookies::read(&app.config, &parts.headers, Cookie::Device);
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
        Ok(Caller(
            visit(&app.config, &parts.extensions, &parts.headers).with_agent(agent).with_device(device),
        ))
    }
}

/// The other end of a socket in the file system. It has no address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbor;

/// The other end of a connection.
pub(crate) trait OtherEnd: Clone + Send + Sync + 'static {
    /// Where a request of its came from, by that and by what trusted proxies say.
    fn visit(&self, config: &Config, headers: &HeaderMap) -> Visit;
}

impl OtherEnd for SocketAddr {
    fn visit(&self, config: &Config, headers: &HeaderMap) -> Visit {
        Visit::new(config, self.ip(), hops(headers))
    }
}

impl OtherEnd for Neighbor {
    fn visit(&self, config: &Config, headers: &HeaderMap) -> Visit {
        Visit::over_socket(config, hops(headers))
    }
}

/// For whom a proxy says that it speaks: the values of `X-Forwarded-For`, in their order.
pub(crate) fn hops(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    headers.get_all(&FOR.header).iter().map(|value| value.to_str().unwrap_or("?"))
}

/// Where a request came from, by its connection and by what trusted proxies say.
pub(crate) fn visit(config: &Config, extensions: &Extensions, headers: &HeaderMap) -> Visit {
    if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        peer.visit(config, headers)
    } else if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<Neighbor>>() {
        peer.visit(config, headers)
    } else {
        Visit::default()
    }
}

/// The token of an enrollment. Opens the pages of enrolling and nothing else.
#[derive(Clone)]
pub(crate) struct Enrolling(pub(crate) Token);

/// The token of a login, if the browser has one.
#[derive(Clone)]
pub(crate) struct HalfSignedIn(pub(crate) Option<Token>);

/// Who is signed in.
#[derive(Clone)]
pub(crate) struct SignedIn(pub(crate) Session);

/// Takes what a guard has left. A handler whose route wears no such guard is refused, not let in.
macro_rules! left_by_a_guard {
    ($($kind:ident),*) => {$(
        impl<S: Send + Sync> FromRequestParts<S> for $kind {
            type Rejection = Trouble;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
                parts.extensions.get::<$kind>().cloned().ok_or(Trouble::Forbidden)
            }
        }
    )*};
}

left_by_a_guard!(Enrolling, HalfSignedIn, SignedIn);

/// A query that may name where to go afterwards.
pub(crate) struct Return(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Return {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or("");
        let rd = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "rd");
        Ok(Return(rd.map(|(_, path)| our_path(&path)).unwrap_or_default()))
    }
}

/// The headers in which a proxy says something of a request.
pub(crate) struct Said<'h> {
    headers: &'h HeaderMap,
    /// Whether any of their names has an underscore: hardly ever.
    underscored: bool,
}

impl<'h> Said<'h> {
    pub(crate) fn in_headers(headers: &'h HeaderMap) -> Said<'h> {
        Said { headers, underscored: headers.keys().any(|name| name.as_str().contains('_')) }
    }

    /// The value of a header that a proxy has to send once.
    ///
    /// # Errors
    /// When it did not come, came twice, or came with an underscore in its name beside or in place of a hyphen: whoever is behind
    /// the proxy can have sent that one, and programs disagree about which of them counts.
    pub(crate) fn once(&self, told: &Told) -> Result<&'h str, Unclear> {
        let unclear = |why| Err(Unclear { part: told.name, why });
        let mut values = self.headers.get_all(&told.header).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (Some(_), Some(_)) => return unclear("came more than once"),
            (None, _) => return unclear("did not come"),
        };
        self.in_one_spelling(told)?;
        value.to_str().or_else(|_| unclear("has other characters than ASCII"))
    }

    /// Refuses a header that is there with an underscore in the place of a hyphen.
    pub(crate) fn in_one_spelling(&self, Told { name, .. }: &Told) -> Result<(), Unclear> {
        let alias = |other: &str| other != *name && other.replace('_', "-") == *name;
        match self.underscored && self.headers.keys().any(|other| alias(other.as_str())) {
            true => Err(Unclear { part: name, why: "came in two spellings" }),
            false => Ok(()),
        }
    }
}

/// The value of a parameter of an address; nothing when it is there twice.
pub(crate) fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let value = values.next();
    value.filter(|_| values.next().is_none())
}

/// A path of ours, or nothing. What a browser could read as another host is nothing.
pub(crate) fn our_path(path: &str) -> String {
    let ours = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.len() <= 1000
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { path.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::our_path;

    #[test]
    fn only_a_path_of_ours_is_returned_to() {
        for path in ["/", "/account?tab=1", "/a/b%2F..#x"] {
            assert_eq!(our_path(path), path);
        }
        let long = format!("/{}", "x".repeat(2000));
        let evil = [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil",
            "javascript:alert(1)",
            "/\t/evil",
            "/\n/evil",
            "/x\\y",
            "evil",
            "",
            "/ü",
            "/\0",
            " /x",
            &long,
        ];
        for path in evil {
            assert_eq!(our_path(path), "", "{path:?}");
        }
    }
}
