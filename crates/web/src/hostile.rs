//! What must hold whatever is read: one function for each parser of this crate. The fuzzers in `fuzz/` call them for as long as one
//! likes, the tests below for a moment. No program has them: they are there for tests and under the feature `fuzzing`.

#[cfg(test)]
#[path = "../../../fuzz/short_run.rs"]
mod short_run;

use auth::Config;
use axum::http::header::{ACCEPT, COOKIE, HOST};
use axum::http::{HeaderMap, HeaderValue, Uri};

use crate::cookies::{self, Cookie};
use crate::extract::our_path;
use crate::form;
use crate::guard::is_ours;
use crate::shell::{asked_language, path_without_language, see_other, wants_json};
use crate::words::Language;

/// The lines of `input`: cookie headers. A value is taken from the one pair that is ours to the letter, and never from two.
pub fn cookie(input: &[u8]) {
    let mut config = Config::default();
    config.set("public_url", "https://login.example.org").expect("it is a public address");
    let values = input.split(|b| *b == b'\n').map(HeaderValue::from_bytes);
    let Ok(values) = values.collect::<Result<Vec<_>, _>>() else { return };
    let headers: HeaderMap = values.iter().map(|value| (COOKIE, value.clone())).collect();
    let name = b"__Host-latchkey=";
    let found = cookies::value(&headers, "__Host-latchkey");
    // Only spaces are trimmed: after a tab, it is another name.
    let pairs = values.iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    let pairs = pairs.map(|pair| &pair[pair.iter().position(|b| *b != b' ').unwrap_or(pair.len())..]);
    let ours: Vec<&[u8]> = pairs.filter_map(|pair| pair.strip_prefix(name)).collect();
    match found {
        Some(value) => assert_eq!(ours, [value.as_bytes()]),
        None => assert!(ours.len() != 1 || std::str::from_utf8(ours[0]).is_err()),
    }
    if let Some(token) = cookies::read(&config, &headers, Cookie::Session) {
        assert_eq!(Some(token.reveal().as_str()), found);
    }
    assert!(cookies::language(&headers).is_none_or(|language| !language.contains(';')));
}

/// The body of a form: what is read is text, and the same when it is written and read again.
pub fn form(input: &[u8]) {
    let Ok(fields) = form::parse(input) else { return };
    assert!(fields.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
    assert!(fields.len() <= input.len() + 1);
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let again = form::parse(written.as_bytes()).unwrap_or_else(|_| panic!("{written} was written by us"));
    assert_eq!(again, fields);
    // Another reader of forms must not see other fields: one that mends would make two passwords one.
    let theirs: Vec<(String, String)> = form_urlencoded::parse(input).into_owned().collect();
    assert_eq!(theirs, fields);
}

/// Where to return to: nothing, or a path that every browser takes for one of this host.
pub fn return_path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let path = our_path(text);
    if path.is_empty() {
        return;
    }
    assert!(path == text && path.starts_with('/') && path.len() <= 1000);
    assert!(!path.starts_with("//") && !path.contains(['\\', '\t', '\n', '\r', ' ']));
    assert_eq!(our_path(&path), path);
    let location = see_other(&path);
    assert_eq!(location.headers().get("location").map(HeaderValue::as_bytes), Some(path.as_bytes()));
    // As a browser resolves it: the host stays ours.
    if let Ok(uri) = format!("https://login.example.org{path}").parse::<Uri>() {
        assert_eq!(uri.authority().map(|authority| authority.as_str()), Some("login.example.org"));
    }
}

/// The lines of `input`: what languages a browser likes, and a target with a query. One of our languages, whatever is asked.
pub fn language(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (accepted, target) = text.split_once('\n').unwrap_or((text, "/"));
    assert!(Language::ALL.contains(&Language::negotiate(accepted)));
    if let Ok(value) = HeaderValue::from_str(accepted) {
        let _ = wants_json(&HeaderMap::from_iter([(ACCEPT, value)]));
    }
    let Ok(uri) = target.parse::<Uri>() else { return };
    let _ = asked_language(&uri);
    let path = path_without_language(&uri);
    let Ok(plain) = path.parse::<Uri>() else { return };
    assert_eq!(asked_language(&plain), None, "{path}");
    assert_eq!(path_without_language(&plain), path);
}

/// The lines of `input`: a target and `Host` headers. Only our own host is ours, named once and by both alike.
pub fn host(input: &[u8]) {
    let mut lines = input.split(|b| *b == b'\n');
    let Ok(uri) = Uri::try_from(lines.next().unwrap_or(b"/")) else { return };
    let Ok(values) = lines.map(HeaderValue::from_bytes).collect::<Result<Vec<_>, _>>() else { return };
    let headers: HeaderMap = values.iter().map(|value| (HOST, value.clone())).collect();
    for (public, names) in [
        ("https://login.example.org", &["login.example.org"][..]),
        ("http://localhost:8080", &["localhost", "127.0.0.1", "[::1]"][..]),
    ] {
        let mut config = Config::default();
        config.set("public_url", public).expect("it is a public address");
        if !is_ours(&config, &uri, &headers) {
            continue;
        }
        let [host] = values.as_slice() else { panic!("a host is named once") };
        let host = host.to_str().expect("our host is ASCII").to_ascii_lowercase();
        let without_port = host.strip_suffix(|c: char| c.is_ascii_digit()).map(|rest| {
            rest.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix(':').unwrap_or(&host).to_owned()
        });
        let name = without_port.unwrap_or_else(|| host.clone());
        assert!(names.contains(&name.as_str()), "{host} is not {public}");
        let target = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
        assert!(target.is_none_or(|target| target == host));
    }
}

#[cfg(test)]
mod tests {
    use super::short_run::tried;

    #[test]
    fn headers_keep_their_promises_whatever_is_sent() {
        tried("web_cookie", 10_000, super::cookie);
        tried("web_language", 5_000, super::language);
        tried("web_host", 10_000, super::host);
    }

    #[test]
    fn forms_and_return_addresses_keep_their_promises_whatever_is_sent() {
        tried("web_form", 10_000, super::form);
        tried("web_return_path", 10_000, super::return_path);
    }
}
