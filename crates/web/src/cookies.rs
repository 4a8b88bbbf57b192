//! Every cookie: its name, its flags, how it is read, set and cleared.

use auth::config::Domain;
use auth::{Config, Token, app_session, session as sessions};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// A cookie that carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is signed in.
    Session,
    /// Who has given the password and owes the code.
    Login,
    /// Who is setting up an authenticator.
    Enroll,
    /// In which browser somebody has signed in before.
    Device,
}

impl Cookie {
    const ALL: [Cookie; 4] = [Cookie::Session, Cookie::Login, Cookie::Enroll, Cookie::Device];

    fn name(self, config: &Config) -> String {
        let name = match self {
            Cookie::Session => "latchkey",
            Cookie::Login => "latchkey-login",
            Cookie::Enroll => "latchkey-enroll",
            Cookie::Device => "latchkey-device",
        };
        // `__Host-` wants `Secure`, and browsers keep neither over plain http.
        if config.public_url.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }
}

/// The cookie that remembers a language. Not a secret, and read by name only.
const LANGUAGE: &str = "latchkey-lang";
const YEAR: i64 = 365 * 24 * 3600;
const HALF_HOUR: i64 = 30 * 60;
const TEN_MINUTES: i64 = 10 * 60;

/// The token that the browser sent, if it sent one, and only one, that we can have written.
pub(crate) fn read(config: &Config, headers: &HeaderMap, cookie: Cookie) -> Option<Token> {
    Token::parse(value(headers, &cookie.name(config))?)
}

/// The language that the browser remembers.
pub(crate) fn language(headers: &HeaderMap) -> Option<&str> {
    value(headers, LANGUAGE)
}

/// The value of the one cookie with exactly this name. Two of them mean that somebody else planted one: none is used.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = values(headers, name);
    match (found.next(), found.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok(),
        _ => None,
    }
}

/// The values of all cookies with exactly this name.
///
/// The header is read as bytes, and only spaces are trimmed: a name with anything else before it is another name.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let pairs =
        headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let start = pair.iter().position(|b| *b != b' ').unwrap_or(pair.len());
        pair[start..].strip_prefix(name.as_bytes())?.strip_prefix(b"=")
    })
}

/// Clears each cookie of ours that came more than once, wherever it may have been set: whoever planted one of them must
/// not be left with the only one.
pub(crate) fn clear_repeated(config: &Config, path: &str, headers: &HeaderMap) -> Vec<HeaderValue> {
    let mut cleared = Vec::new();
    for cookie in Cookie::ALL {
        let name = cookie.name(config);
        if values(headers, &name).nth(1).is_none() {
            continue;
        }
        if config.public_url.is_https() {
            // The prefix lets browsers keep none but this.
            cleared.push(clear(config, cookie));
            continue;
        }
        for path in paths_above(path) {
            for domain in domains_above(config.public_url.host()) {
                let text = format!("{name}=; Path={path}{domain}; Max-Age=0; HttpOnly; SameSite=Lax");
                cleared.extend(HeaderValue::from_str(&text));
            }
        }
    }
    cleared
}

/// The paths of which a browser sends cookies to this one, up to four deep: `/`, `/account`, `/account/`.
fn paths_above(path: &str) -> Vec<String> {
    let plain =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let mut paths = vec!["/".to_owned()];
    let mut whole = String::new();
    for part in path.split('/').skip(1).take_while(plain).take(4) {
        whole = format!("{whole}/{part}");
        paths.extend([whole.clone(), format!("{whole}/")]);
    }
    paths
}

/// The same of domains: none, which is the host alone, and each that the host belongs to.
fn domains_above(host: &str) -> Vec<String> {
    let mut domains = vec![String::new()];
    if !host.starts_with('[') && !host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let starts = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
        domains.extend(
            starts
                .map(|at| &host[at..])
                .filter(|domain| domain.contains('.'))
                .map(|domain| format!("; Domain={domain}")),
        );
    }
    domains
}

/// Sets the cookie of an enrollment.
pub(crate) fn enrolling(config: &Config, token: &Token) -> HeaderValue {
    set(config, Cookie::Enroll, &token.reveal(), Some(HALF_HOUR))
}

/// Sets the cookie of a login.
pub(crate) fn login(config: &Config, token: &Token) -> HeaderValue {
    set(config, Cookie::Login, &token.reveal(), Some(TEN_MINUTES))
}

/// Sets the cookie of a session; one that is not kept goes with the browser.
pub(crate) fn session(config: &Config, token: &Token, keep: bool) -> HeaderValue {
    set(config, Cookie::Session, &token.reveal(), keep.then_some(sessions::KEPT))
}

/// Sets the cookie by which the browser is known.
pub(crate) fn device(config: &Config, token: &Token) -> HeaderValue {
    set(config, Cookie::Device, &token.reveal(), Some(sessions::KNOWN))
}

/// Clears a cookie.
pub(crate) fn clear(config: &Config, cookie: Cookie) -> HeaderValue {
    set(config, cookie, "", Some(0))
}

/// The cookies on the host of a program: who is signed in there, and who has asked for that.
const APP: [&str; 2] = ["latchkey-app", "__Host-latchkey-app"];
const NONCE: [&str; 2] = ["latchkey-nonce", "__Host-latchkey-nonce"];

/// There the address of the program says whether the prefix is possible, not ours.
fn there(names: [&'static str; 2], secure: bool) -> &'static str {
    names[usize::from(secure)]
}

/// The name of the cookie by which a browser is signed in at the host of a program.
pub(crate) fn name_of_app(secure: bool) -> &'static str {
    there(APP, secure)
}

/// The token by which a browser is signed in at the host of a program.
pub(crate) fn app(secure: bool, headers: &HeaderMap) -> Option<Token> {
    Token::parse(value(headers, name_of_app(secure))?)
}

/// Signs a browser in at the host of a program.
pub(crate) fn app_session(secure: bool, token: &Token, keep: bool) -> HeaderValue {
    header(there(APP, secure), &token.reveal(), keep.then_some(sessions::KEPT), secure)
}

/// The name of the simple mode's. The prefix for one host alone is not for a domain.
pub(crate) const NAME_OF_DOMAIN: &str = "__Secure-latchkey-app";

/// The token by which a browser is signed in at all hosts of the domain.
pub(crate) fn app_of_domain(headers: &HeaderMap) -> Option<Token> {
    Token::parse(value(headers, NAME_OF_DOMAIN)?)
}

/// Signs a browser in at all hosts of the domain.
pub(crate) fn domain_session(domain: &Domain, token: &Token, keep: bool) -> HeaderValue {
    let age = if keep { format!("; Max-Age={}", sessions::KEPT) } else { String::new() };
    let (value, flags) = (token.reveal(), "HttpOnly; SameSite=Lax; Secure");
    let text = format!("{NAME_OF_DOMAIN}={}; Domain={domain}; Path=/{age}; {flags}", value.as_str());
    HeaderValue::from_str(&text).expect("a cookie of ours is plain ASCII")
}

/// What a browser holds there while it fetches a ticket.
pub(crate) fn nonce_of(secure: bool, headers: &HeaderMap) -> Option<Token> {
    Token::parse(value(headers, there(NONCE, secure))?)
}

/// Gives it that, or takes it away.
pub(crate) fn nonce(secure: bool, token: Option<&Token>) -> HeaderValue {
    let (value, age) = token.map_or((String::new(), 0), |token| (token.reveal(), app_session::NONCE));
    header(there(NONCE, secure), &value, Some(age), secure)
}

/// Remembers a language.
pub(crate) fn remember_language(config: &Config, code: &str) -> HeaderValue {
    header(LANGUAGE, code, Some(YEAR), config.public_url.is_https())
}

fn set(config: &Config, cookie: Cookie, value: &str, max_age: Option<i64>) -> HeaderValue {
    header(&cookie.name(config), value, max_age, config.public_url.is_https())
}

fn header(name: &str, value: &str, max_age: Option<i64>, secure: bool) -> HeaderValue {
    let age = max_age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("a cookie of ours is plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&[u8]]) -> HeaderMap {
        cookies.iter().map(|value| (COOKIE, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    fn https() -> Config {
        let mut config = Config::default();
        config.set("public_url", "https://login.example.org").unwrap();
        config
    }

    #[test]
    fn only_one_cookie_of_exactly_our_name_is_read() {
        let read = |cookies: &[&[u8]]| value(&headers(cookies), "__Host-latchkey").map(str::to_owned);
        assert_eq!(read(&[b"a=b; __Host-latchkey=x; c"]).as_deref(), Some("x"));
        assert_eq!(read(&[b"a=b", b"__Host-latchkey=x"]).as_deref(), Some("x"));
        let planted: [&[&[u8]]; 7] = [
            &[b"__Host-latchkey=x; __Host-latchkey=y"],
            &[b"__Host-latchkey=x", b"__Host-latchkey=x"],
            &["\u{2000}__Host-latchkey=x".as_bytes()],
            &[b"\x85__Host-latchkey=x"],
            &[b"__host-latchkey=x"],
            &[b"$Version=1, __Host-latchkey=x"],
            &[b"__Host-latchkey =x"],
        ];
        for cookies in planted {
            assert_eq!(read(cookies), None, "{cookies:?}");
        }
    }

    #[test]
    fn a_cookie_that_came_twice_is_cleared_wherever_it_may_be_from() {
        let cleared = |config: &Config, path: &str, cookies: &str| {
            let cleared = clear_repeated(config, path, &headers(&[cookies.as_bytes()]));
            cleared.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let flags = "; Max-Age=0; HttpOnly; SameSite=Lax";
        let twice = "latchkey=x; a=b; latchkey=y; latchkey-login=z";
        assert_eq!(cleared(&https(), "/account", twice), Vec::<String>::new(), "these are not ours");
        assert_eq!(
            cleared(&https(), "/account", "__Host-latchkey=x; __Host-latchkey=y"),
            [format!("__Host-latchkey=; Path=/{flags}; Secure")]
        );
        let paths = ["/", "/account", "/account/", "/account/sessions", "/account/sessions/"];
        assert_eq!(
            cleared(&Config::default(), "/account/sessions", twice),
            paths.map(|path| format!("latchkey=; Path={path}{flags}"))
        );
        let mut plain = Config::default();
        plain.set("insecure_http", "true").unwrap();
        plain.set("public_url", "http://login.example.org").unwrap();
        let domains = ["", "; Domain=login.example.org", "; Domain=example.org"];
        assert_eq!(
            cleared(&plain, "/;x", twice),
            domains.map(|domain| format!("latchkey=; Path=/{domain}{flags}"))
        );
        assert_eq!(cleared(&plain, "/", "latchkey=x; latchkey-login=y"), Vec::<String>::new());
    }

    #[test]
    fn cookies_are_bound_to_the_host_and_out_of_reach_of_scripts() {
        let token = auth::Random::Os.token();
        let text = session(&https(), &token, false).to_str().unwrap().to_owned();
        let expected = format!("__Host-latchkey={}; Path=/; HttpOnly; SameSite=Lax; Secure", token.reveal());
        assert_eq!(text, expected);
        assert!(session(&https(), &token, true).to_str().unwrap().contains("; Max-Age=2592000;"));
        let local = enrolling(&Config::default(), &token);
        assert!(
            local.to_str().unwrap().starts_with("latchkey-enroll=")
                && !local.to_str().unwrap().contains("Secure")
        );
    }
}
