//! `/api/openapi.json`: it is made from the routes, it holds together, and it says everything that is answered.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::access::ADDRESSES;
use crate::json::{ask, jar, said};
use crate::world::World;

/// The document, as anybody gets it.
pub(crate) async fn document(world: &World) -> Value {
    said(&ask(&jar(world), "GET /api/openapi.json", Value::Null).await)
}

/// Calls `look` with every value in it, and the way to it.
fn walk(value: &Value, way: &str, look: &mut impl FnMut(&str, &Value)) {
    look(way, value);
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| walk(value, &format!("{way}/{key}"), look))
        }
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(n, value)| walk(value, &format!("{way}/{n}"), look))
        }
        _ => {}
    }
}

/// Each operation, with its name.
pub(crate) fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
        .collect()
}

#[tokio::test]
async fn every_route_of_the_api_is_in_the_document_and_no_other() {
    let document = document(&World::on(store::Kind::Sqlite).await).await;
    let described: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routes = ADDRESSES.iter().map(|(route, _)| *route).filter(|route| route.starts_with("/api/v1/"));
    assert_eq!(described, routes.collect());
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_name_is_its_own() {
    let document = document(&World::on(store::Kind::Sqlite).await).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = 0;
    walk(&document, "#", &mut |way, value| {
        if let Some(there) = value["$ref"].as_str() {
            references += 1;
            let found = document.pointer(there.strip_prefix('#').unwrap());
            assert!(found.is_some(), "{way}: {there} leads nowhere");
        }
    });
    assert!(references > 100, "{references}");
    let schemes: BTreeSet<&String> =
        document["components"]["securitySchemes"].as_object().unwrap().keys().collect();
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{name}");
        for one in operation["security"].as_array().into_iter().flatten() {
            assert!(one.as_object().unwrap().keys().all(|scheme| schemes.contains(scheme)), "{name}");
        }
        let said = operation["summary"].as_str().unwrap_or_default();
        assert!(said.ends_with('.'), "{name} says what it does: {said:?}");
        let placed: Vec<&str> = name.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path: Vec<&str> =
            parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(in_path, placed, "{name}");
    }
}

#[tokio::test]
async fn every_answer_says_what_it_is_and_every_refusal_is_a_problem() {
    let document = document(&World::on(store::Kind::Sqlite).await).await;
    for (name, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name}");
        for status in ["400", "421", "503"] {
            assert!(answers.contains_key(status), "{name}: {status}");
        }
        if operation["requestBody"].is_object() {
            for status in ["413", "415", "422"] {
                assert!(answers.contains_key(status), "{name}: {status}");
            }
        }
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{name} {status}");
            let kinds: Vec<&String> =
                answer["content"].as_object().into_iter().flat_map(serde_json::Map::keys).collect();
            let expected: &[&str] = match status.as_str() {
                "204" => &[],
                "200" | "201" => &["application/json"],
                _ => &["application/problem+json"],
            };
            assert_eq!(kinds, expected, "{name} {status}");
        }
    }
}

#[tokio::test]
async fn every_field_says_what_it_means_and_no_body_takes_another() {
    let document = document(&World::on(store::Kind::Sqlite).await).await;
    let taken: BTreeSet<String> = operations(&document)
        .iter()
        .filter_map(|(_, operation)| {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            schema.as_str().map(|there| there.rsplit('/').next().unwrap().to_owned())
        })
        .collect();
    assert!(taken.len() >= 9, "{taken:?}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert_eq!(schema["additionalProperties"] == false, taken.contains(name), "{name}");
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            // What may be null, and is an object, says it beside the reference.
            let said = of["description"].as_str().or_else(|| of["oneOf"][0]["description"].as_str());
            assert!(said.is_some_and(|said| said.ends_with('.')), "{name}.{field}: {of}");
        }
    }
}
