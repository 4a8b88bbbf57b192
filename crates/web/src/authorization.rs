//! `Authorization`, RFC 9110 § 11.6.2: the tokens that programs show, by themselves (`Bearer`, RFC 6750) or as the password of
//! somebody (`Basic`, RFC 7617), for those that know nothing else.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// What our tokens begin with. What begins otherwise is meant for the program behind the proxy.
const OURS: &str = "lk_";

/// A token of ours that a program shows, whether it is good or not.
pub(crate) struct Shown {
    /// Whose it is said to be.
    pub(crate) name: Option<String>,
    /// The token.
    pub(crate) token: Zeroizing<String>,
}

impl Shown {
    /// What a request shows. Nothing where it shows two things, or nothing of ours.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Shown> {
        let (kind, rest) = the_one(headers)?;
        let (name, token) = if kind.eq_ignore_ascii_case("bearer") {
            (None, Zeroizing::new(rest.to_owned()))
        } else if kind.eq_ignore_ascii_case("basic") {
            let pair = Zeroizing::new(BASE64.decode(rest.as_bytes()).ok()?);
            let (name, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
            (Some(name.to_owned()), Zeroizing::new(password.to_owned()))
        } else {
            return None;
        };
        token.starts_with(OURS).then_some(Shown { name, token })
    }
}

/// The one `Authorization` of a request: its kind and what follows.
fn the_one(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (kind, rest) = value.to_str().ok()?.split_once(' ')?;
    Some((kind, rest.trim_matches(' ')))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(values: &[&str]) -> Option<(Option<String>, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Shown::of(&headers).map(|shown| (shown.name, shown.token.to_string()))
    }

    #[test]
    fn a_token_is_shown_by_itself_or_as_a_password() {
        let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair.as_bytes()));
        let lk = || "lk_x".to_owned();
        assert_eq!(shown(&["Bearer lk_x"]), Some((None, lk())));
        assert_eq!(shown(&["bearer  lk_x "]), Some((None, lk())));
        assert_eq!(shown(&[&basic("ada:lk_x")]), Some((Some("ada".into()), lk())));
        assert_eq!(shown(&[&basic(":lk_x").replace("Basic", "BASIC")]), Some((Some(String::new()), lk())));
        assert_eq!(shown(&[&basic("ada:lk_a:b")]), Some((Some("ada".into()), "lk_a:b".into())));
        for other in
            ["Bearer eyJhbGciOi", "Bearer", "Bearer ", "lk_x", "Digest lk_x", "Basic lk_x", "Basic ====", ""]
        {
            assert_eq!(shown(&[other]), None, "{other:?}");
        }
        for other in ["ada:secret", "lk_x", "lk_x:secret", "ada: lk_x"] {
            assert_eq!(shown(&[&basic(other)]), None, "{other:?}");
        }
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&["Bearer lk_x", "Bearer lk_x"]), None);
    }
}
