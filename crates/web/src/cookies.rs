//! Every cookie: its name, its flags, how it is read, set and cleared.

use auth::{Config, Token, session};
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
///
/// The header is read as bytes, and only spaces are trimmed: a name with anything else before it is another name.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|b| *b == b';') {
            let start = pair.iter().position(|b| *b != b' ').unwrap_or(pair.len());
            let Some(value) =
                pair[start..].strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    std::str::from_utf8(found?).ok()
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
    set(config, Cookie::Session, &token.reveal(), keep.then_some(session::KEPT))
}

/// Sets the cookie by which the browser is known.
pub(crate) fn device(config: &Config, token: &Token) -> HeaderValue {
    set(config, Cookie::Device, &token.reveal(), Some(session::KNOWN))
}

/// Clears a cookie.
pub(crate) fn clear(config: &Config, cookie: Cookie) -> HeaderValue {
    set(config, cookie, "", Some(0))
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
