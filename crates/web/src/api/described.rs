//! What the OpenAPI document has to say, made from the routes, from the descriptions at the handlers and from who may ask.
//! Only tests make it: what is served is the text in `openapi.json`, beside `document.rs`.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::response::Response as Answer;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::Site;
use crate::api::caller::Who;
use crate::api::document::{Document, TEXT};
use crate::api::doors::Door;
use crate::routes;

/// The name that the document has for a session's cookie.
const SESSION: &str = "session";
/// The name that it has for a token.
const TOKEN: &str = "token";

/// What is said of a URL.
pub(crate) struct Described {
    pub(crate) url: &'static str,
    pub(crate) who: Who,
    /// The methods that it answers.
    pub(crate) methods: &'static [&'static str],
    /// What stands at the handlers, as utoipa reads it.
    pub(crate) said: UtoipaMethodRouter<Site>,
}

/// What is wrong, RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct ProblemShape {
    /// Always `about:blank`.
    r#type: String,
    /// The words of the status.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong in a word that stays, such as `code_used` or `prove`; null where the status says it all.
    #[schema(required = true)]
    reason: Option<String>,
    /// What happened and what to do, in the language that is asked for.
    detail: String,
    /// What can be put right, one by one.
    problems: Option<Vec<FieldProblem>>,
}

/// One thing that can be put right.
#[derive(Serialize, ToSchema)]
struct FieldProblem {
    /// The field that it is about; null when it is about all of them.
    #[schema(required = true)]
    field: Option<String>,
    /// What is wrong with it in a word that stays.
    #[schema(required = true)]
    reason: Option<String>,
    /// What happened and what to do.
    detail: String,
}

#[test]
fn the_document_that_is_served_is_what_the_routes_say() {
    let said = serde_json::to_value(document()).unwrap();
    if update() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/openapi.json");
        std::fs::write(file, format!("{}\n", lines(&said, 5))).unwrap();
        // What was built in is the text of before: the next run judges the new one.
        return;
    }
    let served: Value = serde_json::from_str(TEXT).unwrap_or_default();
    let mut apart = Vec::new();
    compare(Some(&served), Some(&said), "", &mut apart);
    assert!(
        apart.is_empty(),
        "crates/web/src/api/openapi.json is not what the routes say; `cargo xtask openapi` writes it anew. It differs at:\n{}",
        apart.join("\n")
    );
}

#[test]
fn a_url_is_described_for_the_methods_that_it_answers_and_for_no_other() {
    let mut seen = 0;
    for mut described in routes::api().into_iter().flat_map(|group| group.described) {
        let mut said: Vec<&str> =
            described.said.1.paths.values_mut().flat_map(operations).map(|(method, _)| method).collect();
        let mut answered = described.methods.to_vec();
        said.sort_unstable();
        answered.sort_unstable();
        assert_eq!(said, answered, "{}", described.url);
        seen += answered.len();
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn the_page_for_people_has_every_way_in() {
    let doors: Vec<Door> = routes::api().into_iter().flat_map(|group| group.doors).collect();
    let document = Document::new(doors.clone());
    let routes = document.reference().chapters.iter().flat_map(|chapter| &chapter.routes);
    let listed: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    let known = doors.iter().map(|door| format!("{} {}", door.method.to_uppercase(), door.url));
    assert_eq!(listed, known.collect());
}

/// A document as text: what lies less deep than that has lines of its own, for whoever reads the diff, and there is no space for
/// programs to skip.
fn lines(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(object) if depth > 0 && !object.is_empty() => {
            let line = |(key, value): (&String, &Value)| {
                format!("{}:{}", Value::from(key.as_str()), lines(value, depth - 1))
            };
            format!("{{\n{}\n}}", object.iter().map(line).collect::<Vec<_>>().join(",\n"))
        }
        value => value.to_string(),
    }
}

/// Collects where two documents are not the same.
fn compare(served: Option<&Value>, said: Option<&Value>, way: &str, apart: &mut Vec<String>) {
    match (served, said) {
        (Some(Value::Object(served)), Some(Value::Object(said))) => {
            let keys: BTreeSet<&String> = served.keys().chain(said.keys()).collect();
            for key in keys {
                compare(served.get(key), said.get(key), &format!("{way} {key}"), apart);
            }
        }
        (served, said) if served == said => {}
        (served, said) => {
            let text = |value: Option<&Value>| match value.map(Value::to_string) {
                // What is there or is not there at all is long.
                Some(text) if text.chars().count() > 200 => text.chars().take(200).chain(['…']).collect(),
                Some(text) => text,
                None => "nothing".to_owned(),
            };
            apart.push(format!("{way}: served is {}, and the routes say {}", text(served), text(said)));
        }
    }
}

/// Whether `cargo xtask openapi` is running, or `cargo xtask accept`.
fn update() -> bool {
    #[expect(clippy::disallowed_methods, reason = "how snapshots are accepted, here and with insta")]
    std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always")
}

/// The document of the routes.
fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    for Described { url, who, said, .. } in routes::api().into_iter().flat_map(|group| group.described) {
        let (of_them, items, _) = said;
        for mut item in items.paths.into_values() {
            for (method, operation) in operations(&mut item) {
                complete(operation, (method, url), who);
            }
            paths.paths.entry(url.to_owned()).or_default().merge_operations(item);
        }
        schemas.extend(of_them);
    }
    open_api(paths, schemas)
}

/// Each method of a path, with its description.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn open_api(paths: Paths, schemas: Vec<(String, RefOr<Schema>)>) -> OpenApi {
    let session = ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-latchkey",
        "The session that signing in gives. Without the prefix `__Host-` where the server is reached by plain http.",
    ));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("lk_…")
        .description(Some("A token, which `latchkey token add` makes. It counts before a cookie."));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .schema("Problem", ProblemShape::schema())
        .schema("FieldProblem", FieldProblem::schema())
        .security_scheme(SESSION, SecurityScheme::ApiKey(session))
        .security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let info = InfoBuilder::new().title("Latchkey").version("1").description(Some(
        "Signing in, and what belongs to an account, for other programs. Times are in RFC 3339, in UTC. \
         Whatever is wrong is answered as `application/problem+json`.",
    ));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

/// Adds what follows from the URL and from who may ask: a name, the security, and what any such route can answer.
fn complete(operation: &mut Operation, (method, url): (&str, &str), who: Who) {
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
