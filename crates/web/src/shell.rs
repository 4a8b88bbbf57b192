//! The frame around every page: whose server it is, in which language, and who is looking.

use std::borrow::Cow;
use std::convert::Infallible;

use askama::Template;
use auth::{Time, time_of_day};
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::branding::Branding;
use crate::error::Trouble;
use crate::problem::{Problem, reason_of};
use crate::words::{Arg, Language, Words};
use crate::{Site, cookies};

/// What every page needs to know, made once per request.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// All words of all languages.
    pub(crate) words: Words,
    /// The language of this page.
    pub(crate) language: Language,
    /// The name in the authenticator app and beside the mark.
    pub(crate) issuer: String,
    /// The operator's own look.
    pub(crate) branding: Branding,
    /// Where this page is, for the links to its other languages. May hold a query.
    pub(crate) path: String,
    /// The name of the person who is signed in.
    pub(crate) signed_in_as: Option<String>,
    /// Whether problems are wanted as `application/problem+json`.
    pub(crate) json: bool,
    /// The origin of the program that the person is on the way to, when it is one that the rules know.
    pub(crate) returns_to: Option<String>,
    /// What time it is here; a script compares the browser's clock with it.
    pub(crate) now: Time,
}

/// Scheme, host and port of the program that somebody goes to after this page. Chromium holds the redirects after a form
/// against the page that had it.
#[derive(Clone)]
pub(crate) struct ReturnsTo(pub(crate) String);

impl FromRequestParts<Site> for Shell {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Infallible> {
        Ok(Shell::new(site, &parts.uri, &parts.headers))
    }
}

impl Shell {
    /// The frame for a request: its language is the one it asks for, else the one its browser remembers or prefers.
    pub(crate) fn new(site: &Site, uri: &Uri, headers: &HeaderMap) -> Shell {
        let remembered = || cookies::language(headers).and_then(Language::from_code);
        let preferred = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let language =
            asked_language(uri).or_else(remembered).unwrap_or_else(|| Language::negotiate(preferred()));
        Shell {
            words: site.words.clone(),
            language,
            issuer: site.app.config.issuer.clone(),
            branding: site.branding.clone(),
            path: path_without_language(uri),
            signed_in_as: None,
            json: wants_json(headers) || uri.path().starts_with("/api/"),
            returns_to: None,
            now: site.app.clock.now(),
        }
    }

    /// A page with its status; problems alone for those who ask for JSON.
    pub(crate) fn page(&self, status: StatusCode, page: &impl Template, problems: &[Problem]) -> Response {
        if self.json && !problems.is_empty() {
            return problem_json(status, (problems[0].reason, &problems[0].text), problems);
        }
        match page.render() {
            Ok(html) => {
                let mut response = (status, [(CONTENT_TYPE, HTML)], html).into_response();
                if let Some(origin) = &self.returns_to {
                    response.extensions_mut().insert(ReturnsTo(origin.clone()));
                }
                response
            }
            Err(_) => Trouble::Broken(None).into_response(),
        }
    }

    /// The words for `key`.
    pub(crate) fn t<'a>(&'a self, key: &'a str) -> Cow<'a, str> {
        self.words.get(self.language, key)
    }

    /// The words for `key` with one value filled in.
    pub(crate) fn t1<'a, 'v>(&'a self, key: &'a str, name: &str, value: impl Into<Arg<'v>>) -> Cow<'a, str> {
        self.words.get_with(self.language, key, &[(name, value.into())])
    }

    /// The words for `key` with two values filled in.
    pub(crate) fn t2<'a>(&'a self, key: &'a str, one: (&str, &str), two: (&str, &str)) -> Cow<'a, str> {
        self.words.get_with(self.language, key, &[(one.0, one.1.into()), (two.0, two.1.into())])
    }

    /// Where a link to another page of the sign-in leads: to that page, which goes on to where the person was going.
    pub(crate) fn on_the_way(&self, page: &str, rd: &str) -> String {
        if rd.is_empty() {
            return page.to_owned();
        }
        let joint = if page.contains('?') { '&' } else { '?' };
        let rd: String = form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        format!("{page}{joint}rd={rd}")
    }

    /// The time here, to read: `14:05:32 UTC`.
    pub(crate) fn time(&self) -> String {
        time_of_day(self.now)
    }

    /// A length of time in words.
    pub(crate) fn duration(&self, seconds: i64) -> String {
        self.words.duration(self.language, seconds)
    }

    /// The languages this page can be had in, its own included.
    pub(crate) fn languages(&self) -> [Language; Language::ALL.len()] {
        Language::ALL
    }

    /// Where the same page is in another language.
    pub(crate) fn in_language(&self, language: &Language) -> String {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}lang={}", self.path, language.code())
    }
}

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// RFC 9457, with the reason in a word that stays.
pub(crate) fn problem_json(
    status: StatusCode,
    (key, detail): (&str, &str),
    problems: &[Problem],
) -> Response {
    let reason = |key: &str| if key.is_empty() { Value::Null } else { reason_of(key).into() };
    let listed = problems.iter().map(
        |problem| json!({ "field": problem.field, "reason": reason(problem.reason), "detail": problem.text }),
    );
    let listed: Vec<Value> = listed.collect();
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "reason": reason(key),
        "detail": detail,
    });
    if !listed.is_empty() {
        body["problems"] = listed.into();
    }
    (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

/// Whether problems are wanted as JSON: it is accepted, and HTML is not named.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("json") && !accept.contains("text/html")
}

/// 303, to a path of ours.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// The language that `?lang=` asks for, if it is one of ours.
pub(crate) fn asked_language(uri: &Uri) -> Option<Language> {
    let query = form_urlencoded::parse(uri.query()?.as_bytes());
    query.filter(|(name, _)| name == "lang").find_map(|(_, code)| Language::from_code(&code))
}

/// The page's own address, for its links to other languages.
pub(crate) fn path_without_language(uri: &Uri) -> String {
    let pairs =
        form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).filter(|(name, _)| name != "lang");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(path: &str) -> Shell {
        Shell {
            words: Words::new(),
            language: Language::De,
            issuer: "Latchkey".to_owned(),
            branding: Branding::default(),
            path: path.to_owned(),
            signed_in_as: None,
            json: false,
            returns_to: None,
            now: Time::from_millis(0),
        }
    }

    #[test]
    fn a_language_link_keeps_the_query_of_the_page() {
        assert_eq!(shell("/login").in_language(&Language::En), "/login?lang=en");
        assert_eq!(shell("/login?rd=%2F").in_language(&Language::De), "/login?rd=%2F&lang=de");
    }

    #[test]
    fn words_come_in_the_language_of_the_shell() {
        assert_eq!(shell("/").t("username"), "Benutzername");
        assert_eq!(shell("/").duration(1), "1 Sekunde");
    }
}
