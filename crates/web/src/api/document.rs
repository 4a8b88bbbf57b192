//! The OpenAPI document, made from the routes, from the descriptions at the handlers and from who may ask.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::response::Response as Answer;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Schema};

use crate::api::caller::Who;
use crate::api::problem::{FieldProblem, ProblemShape};
use crate::api::reference::Reference;

/// The name that the document has for a session's cookie.
const SESSION: &str = "session";
/// The name that it has for a token.
const TOKEN: &str = "token";

/// What the document says of some routes.
#[derive(Default)]
pub(crate) struct Described {
    pub(crate) paths: Paths,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    /// Who may ask, by method and URL.
    pub(crate) who: HashMap<(&'static str, String), Who>,
}

/// The document, written once, and the same to read.
#[derive(Clone)]
pub(crate) struct Document {
    text: Arc<str>,
    pub(crate) reference: Arc<Reference>,
}

impl Document {
    /// The document of these routes.
    pub(crate) fn new(described: Described) -> Document {
        let who = described.who.clone();
        let value = serde_json::to_value(open_api(described)).expect("a document of ours can be written");
        let who = |method: &str, url: &str| {
            who.iter().find(|((m, u), _)| *m == method && u == url).map(|(_, who)| *who)
        };
        let reference = Reference::new(&value, who);
        Document { text: value.to_string().into(), reference: Arc::new(reference) }
    }
}

/// The document as programs get it.
pub(crate) async fn show(Extension(document): Extension<Document>) -> Response {
    ([(CONTENT_TYPE, "application/json")], document.text.to_string()).into_response()
}

fn open_api(described: Described) -> OpenApi {
    let session = ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-latchkey",
        "The session that signing in gives. Without the prefix `__Host-` where the server is reached by plain http.",
    ));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("lk_…")
        .description(Some("A token, which `latchkey token add` makes. It counts before a cookie."));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(described.schemas)
        .schema("Problem", ProblemShape::schema())
        .schema("FieldProblem", FieldProblem::schema())
        .security_scheme(SESSION, SecurityScheme::ApiKey(session))
        .security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let info = InfoBuilder::new().title("Latchkey").version("1").description(Some(
        "Signing in, and what belongs to an account, for other programs. Times are in RFC 3339, in UTC. \
         Whatever is wrong is answered as `application/problem+json`.",
    ));
    OpenApiBuilder::new().info(info).paths(described.paths).components(Some(components.build())).build()
}

/// Adds what follows from the URL and from who may ask: a name, the security, and what any such route can answer.
pub(crate) fn complete(operation: &mut Operation, (method, url): (&str, &str), who: Who) {
    let parts: Vec<String> = url.split('/').skip(1).map(plain).collect();
    let named = parts.iter().filter(|part| !matches!(part.as_str(), "api" | "v1"));
    operation.operation_id = Some(named.fold(method.to_owned(), |id, part| format!("{id}_{part}")));
    operation.tags = Some(vec![parts.get(2).cloned().unwrap_or_default()]);
    operation.security = security(who);
    let responses = &mut operation.responses.responses;
    let changes = method != "get";
    let has_body = operation.request_body.is_some();
    for status in refusals(who, changes, has_body, url.contains('{')) {
        responses.entry(status.as_str().to_owned()).or_insert_with(|| RefOr::T(Answer::new("")));
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert("application/problem+json".to_owned(), RefOr::T(content));
        }
        if response.description.is_empty() {
            response.description = meaning(status).to_owned();
        }
    }
}

/// What any route can refuse with that is one for these people, changes something, takes a body, or names a thing in its URL.
fn refusals(who: Who, changes: bool, has_body: bool, names: bool) -> impl Iterator<Item = StatusCode> {
    let known = !matches!(who, Who::Anyone | Who::Enrolling | Who::HalfSignedIn);
    let can = [
        (StatusCode::BAD_REQUEST, true),
        (StatusCode::UNAUTHORIZED, who != Who::Anyone),
        (StatusCode::FORBIDDEN, changes || known),
        (StatusCode::NOT_FOUND, names),
        (StatusCode::REQUEST_TIMEOUT, changes),
        (StatusCode::PAYLOAD_TOO_LARGE, changes),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, changes),
        (StatusCode::MISDIRECTED_REQUEST, true),
        (StatusCode::UNPROCESSABLE_ENTITY, has_body),
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, true),
        (StatusCode::INTERNAL_SERVER_ERROR, true),
        (StatusCode::SERVICE_UNAVAILABLE, true),
    ];
    can.into_iter().filter(|(_, can)| *can).map(|(status, _)| status)
}

/// A part of a URL as a part of a name.
fn plain(part: &str) -> String {
    part.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect::<String>()
        .trim_matches('_')
        .to_owned()
}

fn security(who: Who) -> Option<Vec<SecurityRequirement>> {
    let session = || SecurityRequirement::new(SESSION, Vec::<String>::new());
    let token = |scope: auth::api_token::Scope| SecurityRequirement::new(TOKEN, [scope.to_string()]);
    match who {
        Who::Anyone | Who::Enrolling | Who::HalfSignedIn => None,
        Who::Person => Some(vec![session()]),
        Who::PersonOr(scope) | Who::AdminOr(scope) => Some(vec![session(), token(scope)]),
        Who::Program(scope) => Some(vec![token(scope)]),
    }
}

/// What a status means wherever it comes.
fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "Done.",
        "201" => "Made.",
        "204" => "Done; there is nothing to say.",
        "400" => {
            "It cannot be read: no JSON, a field that is unknown, repeated, missing or of another type, or a broken address."
        }
        "401" => "Nobody who is known here: no session, no token, or one that is over.",
        "403" => "Not allowed. `reason` is `prove` where all factors must be given again first.",
        "404" => "There is no such thing.",
        "408" => "The body took too long to arrive.",
        "409" => "It cannot be done now, and `detail` says why.",
        "410" => "It is over.",
        "413" => "The body has more than 16 KiB.",
        "415" => "The body is not `application/json`.",
        "421" => "Another host than the public one.",
        "422" => "It can be read, and something in it is wrong: `problems` names each field.",
        "429" => "Too many tries; `Retry-After` says for how many seconds, where waiting helps.",
        "431" => "The headers are too many or too large.",
        "500" => "Our fault.",
        "503" => "The database is away, or too much is going on; `Retry-After` says for how many seconds.",
        _ => "As the status says.",
    }
}
