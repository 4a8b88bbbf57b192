//! What a request of the API brings: a body of JSON, or none, and which piece of a list it wants.

use std::convert::Infallible;

use auth::{App, Error, Id, Visit};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Site;
use crate::api::{ApiResult, problem};
use crate::error::Trouble;
use crate::extract::Caller;
use crate::form::{Misfit, body_of};
use crate::shell::Shell;
use crate::wording::misfit;

/// What every handler needs of a request beside its body.
pub(crate) struct Call {
    /// To ask.
    pub(crate) app: App,
    /// The language of what is wrong.
    pub(crate) shell: Shell,
    /// Where it came from.
    pub(crate) visit: Visit,
    /// For the cookies in them.
    pub(crate) headers: HeaderMap,
}

impl FromRequestParts<Site> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Infallible> {
        let Caller(visit) = Caller::from_request_parts(parts, site).await?;
        let shell = Shell::new(site, &parts.uri, &parts.headers);
        Ok(Call { app: site.app.clone(), shell, visit, headers: parts.headers.clone() })
    }
}

impl Call {
    /// The answer to an error.
    pub(crate) fn failed(&self, error: Error) -> ApiResult {
        problem::failed(error, &self.shell, self.app.clock.now())
    }

    /// 422 for one field, with the words of this key.
    pub(crate) fn wrong(&self, field: &'static str, key: &'static str) -> ApiResult {
        Ok(problem::wrong(field, key, &self.shell))
    }

    /// 422 for a field that there is elsewhere, but not here.
    pub(crate) fn unknown(&self, field: &'static str) -> ApiResult {
        let problem = misfit(&Misfit::Unknown(field.to_owned()), &self.shell);
        Ok(problem::problem(StatusCode::UNPROCESSABLE_ENTITY, &[problem]))
    }
}

/// The id in a path. What cannot be one of ours is none.
pub(crate) struct Place(pub(crate) Id);

/// The letters of an id: sixteen bytes in base32.
const ID_LETTERS: usize = 26;

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|_| Trouble::BadEncoding)?;
        if is_id(&id) { Ok(Place(Id::new(id))) } else { Err(Trouble::NotFound) }
    }
}

/// Whether a text can be an id of ours.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == ID_LETTERS && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// A body of JSON. Its type denies fields that it does not know; one that came twice is refused by the reader.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, _: &S) -> Result<Self, Trouble> {
        let body = body_of(request, KIND).await.map_err(of_json)?;
        // No text of ours holds a NUL, and PostgreSQL none at all. An array could stand for the fields by their order.
        if escapes_nul(&body) || !is_object(&body) {
            return Err(Trouble::BadJson);
        }
        // What the reader says of it may quote a password.
        serde_json::from_slice(&body).map(Json).map_err(|_| Trouble::BadJson)
    }
}

/// Whether the body begins as an object does.
fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// What all bodies of the API are.
const KIND: &str = "application/json";

/// What is wrong with a body, for somebody who was to send JSON.
fn of_json(trouble: Trouble) -> Trouble {
    if matches!(trouble, Trouble::WrongType) { Trouble::NotJson } else { trouble }
}

/// Whether a text in the body holds a NUL, which JSON can write only so.
fn escapes_nul(body: &[u8]) -> bool {
    let mut rest = body;
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        if rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        // The character behind it belongs to it, and may be another backslash.
        rest = rest.get(at + 2..).unwrap_or(b"");
    }
    false
}

/// No body, or an empty object: somebody who sends fields expects them to count.
pub(crate) struct Nothing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

impl<S: Send + Sync> FromRequest<S> for Nothing {
    type Rejection = Trouble;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Trouble> {
        // Whoever sends nothing need not say what it is.
        let says = request.headers().contains_key(CONTENT_TYPE);
        if !says {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(KIND));
        }
        let body = body_of(request, KIND).await.map_err(of_json)?;
        match (body.is_empty(), says) {
            (true, _) => Ok(Nothing),
            (false, false) => Err(Trouble::NotJson),
            (false, true) => {
                let fields = serde_json::from_slice::<NoFields>(&body).ok().filter(|_| is_object(&body));
                fields.map(|NoFields {}| Nothing).ok_or(Trouble::BadJson)
            }
        }
    }
}

/// The most entries in one piece of a list.
const LIMIT_AT_MOST: usize = 200;
/// The entries in a piece whose size nobody has named.
const LIMIT: usize = 50;
/// The longest that a cursor of ours can be.
const CURSOR_AT_MOST: usize = 256;

/// Which piece of a list is wanted: `?after=…&limit=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The cursor of the last entry that was seen, as `next` gave it.
    pub(crate) after: Option<String>,
    /// How many entries, from 1 to 200.
    pub(crate) limit: usize,
}

impl Page {
    /// How many to look for: one more than are shown, to know whether there are more.
    pub(crate) fn most(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        page_of(parts.uri.query().unwrap_or(""))
    }
}

fn page_of(query: &str) -> Result<Page, Trouble> {
    let mut page = Page { after: None, limit: LIMIT };
    let (mut after, mut limit) = (false, false);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "after" if !std::mem::replace(&mut after, true) => {
                let fits = !value.is_empty() && value.len() <= CURSOR_AT_MOST;
                page.after = Some(fits.then(|| value.into_owned()).ok_or(Trouble::BadPage)?);
            }
            "limit" if !std::mem::replace(&mut limit, true) => {
                let fits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let wanted = value.parse().ok().filter(|wanted| fits && (1..=LIMIT_AT_MOST).contains(wanted));
                page.limit = wanted.ok_or(Trouble::BadPage)?;
            }
            "after" | "limit" => return Err(Trouble::BadPage),
            _ => {}
        }
    }
    Ok(page)
}

/// A piece of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Paged<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next piece; null when this was the last.
    #[schema(required = true)]
    pub(crate) next: Option<String>,
}

impl<T> Paged<T> {
    /// A piece of at most `limit` entries, of one more than that where there are more. `cursor` says where an entry stands.
    pub(crate) fn of(mut found: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Paged<T> {
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(cursor) } else { None };
        Paged { items: found, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_json_can_hide_it() {
        for body in [r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"{"a":"\\\u0000"}"#] {
            assert!(escapes_nul(body.as_bytes()), "{body}");
        }
        for body in [r#"{"a":"\\u0000"}"#, r#"{"a":"u0000\u0001"}"#, r#"{"a":"\"#, ""] {
            assert!(!escapes_nul(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn an_id_is_what_we_make_and_nothing_else() {
        assert!(is_id("0123456789abcdefghijklmnop"));
        for text in
            ["", "0123456789abcdefghijklmno", "0123456789abcdefghijklmnoP", "0123456789abcdefghijklmn\0p"]
        {
            assert!(!is_id(text), "{text:?}");
        }
    }

    #[test]
    fn a_piece_has_fifty_entries_or_as_many_as_were_asked_for() {
        assert_eq!(page_of("").unwrap(), Page { after: None, limit: 50 });
        let asked = page_of("limit=200&lang=de&after=a%2Fb").unwrap();
        assert_eq!(asked, Page { after: Some("a/b".into()), limit: 200 });
        let long = format!("after={}", "x".repeat(257));
        for query in
            ["limit=0", "limit=201", "limit=", "limit=+5", "limit=x", "after=", "after=a&after=b", &long]
        {
            assert!(page_of(query).is_err(), "{query}");
        }
    }

    #[test]
    fn the_next_piece_begins_behind_the_last_entry_of_this_one() {
        let piece = |found: Vec<i32>| Paged::of(found, 2, ToString::to_string);
        let (first, last) = (piece(vec![1, 2, 3]), piece(vec![3, 4]));
        assert_eq!((first.items, first.next.as_deref()), (vec![1, 2], Some("2")));
        assert_eq!((last.items, last.next), (vec![3, 4], None));
    }
}
