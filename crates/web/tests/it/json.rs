//! The JSON API as a program speaks it: without forms, without pages, and with a jar for cookies.

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use crate::world::{Browser, Seen, World};

/// A program that keeps cookies, and is no browser.
pub(crate) fn jar(world: &World) -> Browser {
    world.browser().without("origin").without("sec-fetch-site").with("accept", "*/*")
}

/// Asks `POST /api/v1/login` or the like. Null is no body. The answer has to be one that the document describes.
pub(crate) async fn ask(jar: &Browser, what: &str, body: Value) -> Seen {
    let (method, path) = what.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let (body, kind) = match body {
        Value::Null => (Body::empty(), None),
        body => (Body::from(body.to_string()), Some("application/json")),
    };
    let seen = jar.send(method, path, body, kind).await;
    is_described(jar, what, seen.status.as_u16()).await;
    seen
}

/// Fails unless the document says that there can be such an answer.
async fn is_described(jar: &Browser, what: &str, status: u16) {
    let document = jar.get("/api/openapi.json").await;
    if document.status != 200 {
        // Another host than ours has no document.
        return;
    }
    let document: Value = serde_json::from_str(&document.text).unwrap();
    let (method, path) = what.split_once(' ').unwrap();
    let parts: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
    let fits = |route: &str| {
        let route: Vec<&str> = route.split('/').collect();
        route.len() == parts.len() && route.iter().zip(&parts).all(|(r, p)| r == p || r.starts_with('{'))
    };
    let mut routes: Vec<&String> =
        document["paths"].as_object().unwrap().keys().filter(|r| fits(r)).collect();
    // What is spelled out comes before what stands for anything.
    routes.sort_by_key(|route| route.matches('{').count());
    let operation = routes.first().map(|route| &document["paths"][route][method.to_lowercase()]);
    match operation {
        Some(operation) if operation.is_object() => {
            let there = operation["responses"].as_object().unwrap().contains_key(&status.to_string());
            assert!(there, "{what} answers {status}, and the document does not say so");
        }
        // The document is itself no part of what it describes.
        _ if path.starts_with("/api/openapi.json") => {}
        Some(_) => assert_eq!(status, 405, "{what} is not in the document"),
        None => assert_eq!(status, 404, "{what} is not in the document"),
    }
}

/// What a 200 says.
#[track_caller]
pub(crate) fn said(seen: &Seen) -> Value {
    seen.is(200);
    assert_eq!(
        (seen.header("content-type").as_str(), seen.header("cache-control").as_str()),
        ("application/json", "no-store")
    );
    serde_json::from_str(&seen.text).unwrap()
}

/// The status of a refusal and its reason, which is a problem in JSON.
#[track_caller]
pub(crate) fn refused(seen: &Seen) -> (u16, String) {
    assert_eq!(seen.header("content-type"), "application/problem+json", "{}: {}", seen.status, seen.text);
    let problem: Value = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(problem["status"], seen.status.as_u16());
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", seen.text);
    (seen.status.as_u16(), problem["reason"].as_str().unwrap_or_default().to_owned())
}

/// Fails unless it is a refusal of that status for that reason.
#[track_caller]
pub(crate) fn refuses(seen: &Seen, status: u16, reason: &str) {
    assert_eq!(refused(seen), (status, reason.to_owned()), "{}", seen.text);
}
