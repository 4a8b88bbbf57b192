//! What a proxy says of a request when it asks whether that may pass, and where a browser is sent then. `forward_auth.rs` goes
//! by it; what was believed of a whole set of headers, and what counted for nothing, is told in `forwarded/heard.rs`.

mod heard;

use std::net::IpAddr;

use auth::access::{Target, Unclear};
use auth::config::Domain;
use auth::{Config, Visit};
use axum::http::{HeaderMap, StatusCode};

use crate::cookies;
use crate::extract::{FOR, HOST, HOST_THERE, SCHEME_THERE, Said, Told, hops};

pub use heard::{Believed, Heard, Ignored, Sent, is_trusted};

/// The longest address to return to that is sent along. Of a longer one only the host is.
const RETURN_AT_MOST: usize = 900;

/// What is told of the visitor's request, beside what `extract` knows.
const METHOD_THERE: Told = Told::by("x-forwarded-method");
const URI_THERE: Told = Told::by("x-forwarded-uri");
const ORIGINAL_METHOD: Told = Told::by("x-original-method");
const ORIGINAL_URL: Told = Told::by("x-original-url");

const ENVOY: &str = "/api/authz/ext-authz";

/// The address at which a proxy asks. It says in which headers the request is told, and what answers are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Traefik, Caddy, HAProxy: the request is told in parts, and any answer but 200 is passed on to the visitor.
    ForwardAuth,
    /// nginx: the request is told as one address. It knows 200, 401 and 403, and makes an error of its own of anything else.
    AuthRequest,
    /// Envoy: the request is asked again below our path, with its own method and host. Passes answers on, too.
    ExtAuthz,
}

impl At {
    /// By the path at which a proxy asks.
    pub(crate) fn of(path: &str) -> Option<At> {
        match path {
            "/api/authz/forward-auth" => Some(At::ForwardAuth),
            "/api/authz/auth-request" => Some(At::AuthRequest),
            _ => {
                let below = path.strip_prefix(ENVOY)?;
                (below.is_empty() || below.starts_with('/')).then_some(At::ExtAuthz)
            }
        }
    }

    /// The path of that address.
    pub const fn path(self) -> &'static str {
        match self {
            At::ForwardAuth => "/api/authz/forward-auth",
            At::AuthRequest => "/api/authz/auth-request",
            At::ExtAuthz => ENVOY,
        }
    }

    /// The names of the headers that are believed there.
    pub fn headers(self) -> impl Iterator<Item = &'static str> {
        self.tells().into_iter().map(|(told, _)| told.name)
    }

    /// The headers that are believed there, and what each of them says.
    fn tells(self) -> Vec<(Told, &'static str)> {
        let mut tells = match self {
            At::ForwardAuth => vec![
                (METHOD_THERE, "the method"),
                (SCHEME_THERE, "the scheme"),
                (HOST_THERE, "the host"),
                (URI_THERE, "the path"),
            ],
            At::AuthRequest => {
                vec![(ORIGINAL_METHOD, "the method"), (ORIGINAL_URL, "scheme, host and path")]
            }
            At::ExtAuthz => vec![(SCHEME_THERE, "the scheme"), (HOST, "the host")],
        };
        tells.push((FOR, "from where"));
        tells
    }
}

/// What is asked for. `line` is the method and the address of the proxy's own request, which mean something at Envoy's only.
pub(crate) fn read(
    at: At,
    headers: &HeaderMap,
    line: (&str, &str),
    visit: &Visit,
) -> Result<Target, Unclear> {
    let said = Said::in_headers(headers);
    let client = client(headers, &said, visit);
    match at {
        At::ForwardAuth => {
            let (method, proto) = (said.once(&METHOD_THERE)?, said.once(&SCHEME_THERE)?);
            let (host, uri) = (said.once(&HOST_THERE)?, said.once(&URI_THERE)?);
            Target::of_parts(method, proto, host, uri, client?)
        }
        At::AuthRequest => {
            let (method, url) = (said.once(&ORIGINAL_METHOD)?, said.once(&ORIGINAL_URL)?);
            Target::of_url(method, url, client?)
        }
        At::ExtAuthz => {
            let (proto, host) = (said.once(&SCHEME_THERE)?, said.once(&HOST)?);
            let asked = line.1.strip_prefix(ENVOY).unwrap_or("");
            let asked = if asked.starts_with('/') { asked } else { &format!("/{asked}") };
            Target::of_parts(line.0, proto, host, asked, client?)
        }
    }
}

/// From where somebody asks. Nothing where the proxy does not say; the proxy itself is never meant.
fn client(headers: &HeaderMap, said: &Said<'_>, visit: &Visit) -> Result<Option<IpAddr>, Unclear> {
    if !headers.contains_key(&FOR.header) {
        return Ok(None);
    }
    said.in_one_spelling(&FOR)?;
    match hops(headers).flat_map(|value| value.split(',')).map(str::trim).all(is_address) {
        true => Ok(visit.address),
        false => Err(Unclear { part: FOR.name, why: "it has something else than addresses" }),
    }
}

fn is_address(hop: &str) -> bool {
    hop.parse::<IpAddr>().is_ok()
}

/// Where somebody signs in who wants to go there.
pub fn portal(config: &Config, target: &Target) -> String {
    let encode = |url: &str| form_urlencoded::byte_serialize(url.as_bytes()).collect::<String>();
    let mut url = encode(&target.url());
    if url.len() > RETURN_AT_MOST {
        url = encode(&format!("{}/", target.origin()));
    }
    format!("{}/?rd={url}&rm={}", config.public_url.origin(), target.method())
}

/// With what status a person's browser is sent there, as a number.
pub fn redirects_with(target: &Target) -> u16 {
    redirect(target).as_u16()
}

/// With what status a person's browser is sent there: one that keeps the method where that changes nothing.
pub(crate) fn redirect(target: &Target) -> StatusCode {
    match target.method() {
        "GET" | "HEAD" | "OPTIONS" => StatusCode::FOUND,
        _ => StatusCode::SEE_OTHER,
    }
}

/// A cookie by which a browser can be signed in at the host of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppCookie<'a> {
    /// Its name.
    pub name: &'static str,
    /// At all hosts of which domain; `None`: at that host alone.
    pub domain: Option<&'a Domain>,
}

/// The cookies that are looked for there, in their order.
pub fn cookies_of<'a>(config: &'a Config, target: &Target) -> Vec<AppCookie<'a>> {
    let own = AppCookie { name: cookies::name_of_app(target.is_https()), domain: None };
    let shared = shared_domain(config, target)
        .map(|domain| AppCookie { name: cookies::NAME_OF_DOMAIN, domain: Some(domain) });
    std::iter::once(own).chain(shared).collect()
}

/// The domain whose cookie is good there too, in the simple mode.
pub(crate) fn shared_domain<'a>(config: &'a Config, target: &Target) -> Option<&'a Domain> {
    config.cookie_domain.as_ref().filter(|domain| domain.covers(target.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (key, value) in pairs {
            config.set(key, value).unwrap();
        }
        config
    }

    fn target(method: &str, url: &str) -> Target {
        Target::of_url(method, url, None).unwrap()
    }

    #[test]
    fn the_cookies_that_count_are_those_of_the_host_and_of_the_domain_that_covers_it() {
        let simple =
            config(&[("public_url", "https://login.example.org"), ("access.cookie_domain", "example.org")]);
        let names = |config: &Config, url: &str| {
            let found = cookies_of(config, &target("GET", url));
            let told = |cookie: AppCookie<'_>| (cookie.name, cookie.domain.map(ToString::to_string));
            found.into_iter().map(told).collect::<Vec<_>>()
        };
        let (own, shared) = ("__Host-latchkey-app", "__Secure-latchkey-app");
        let below = Some("example.org".to_owned());
        assert_eq!(names(&simple, "https://app.example.org/"), [(own, None), (shared, below)]);
        assert_eq!(names(&simple, "https://app.example.net/"), [(own, None)]);
        assert_eq!(names(&simple, "https://app.notexample.org/"), [(own, None)]);
        assert_eq!(names(&config(&[]), "https://app.example.org/"), [(own, None)]);
        assert_eq!(names(&config(&[]), "http://localhost:9000/"), [("latchkey-app", None)]);
    }

    #[test]
    fn a_browser_is_sent_to_the_portal_with_the_way_back_and_a_long_way_back_is_the_host() {
        let config = config(&[("public_url", "https://login.example.org")]);
        let to = |method: &str, url: &str| portal(&config, &target(method, url));
        assert_eq!(
            to("POST", "https://app.example.org/a?b=c&d"),
            "https://login.example.org/?rd=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc%26d&rm=POST"
        );
        let long = format!("https://app.example.org/{}", "x".repeat(RETURN_AT_MOST));
        assert_eq!(to("GET", &long), "https://login.example.org/?rd=https%3A%2F%2Fapp.example.org%2F&rm=GET");
        let redirects = ["GET", "HEAD", "OPTIONS", "POST", "DELETE"]
            .map(|method| redirects_with(&target(method, "https://app.example.org/")));
        assert_eq!(redirects, [302, 302, 302, 303, 303]);
    }
}
