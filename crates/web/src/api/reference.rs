//! The document once more, as a page shows it: routes in chapters, their fields in rows, and a command for each.

use serde_json::Value;

use crate::api::caller::Who;
use crate::api::doors::Door;

/// What there is to read.
#[derive(Default)]
pub(crate) struct Reference {
    /// In the order of their URLs.
    pub(crate) chapters: Vec<Chapter>,
    /// The statuses of refusals, and what they mean.
    pub(crate) statuses: Vec<(String, String)>,
}

/// Routes about one thing.
pub(crate) struct Chapter {
    /// The part of the URL that they share.
    pub(crate) name: String,
    /// Its routes.
    pub(crate) routes: Vec<Route>,
}

/// A route with one method.
pub(crate) struct Route {
    /// Its name in the document.
    pub(crate) id: String,
    /// `POST`.
    pub(crate) method: String,
    /// With its parameters in braces.
    pub(crate) path: String,
    /// Who may ask.
    pub(crate) who: Who,
    /// What it does.
    pub(crate) meaning: String,
    /// What stands in the URL.
    pub(crate) parameters: Vec<Field>,
    /// What stands in the body.
    pub(crate) takes: Vec<Field>,
    /// The status of success.
    pub(crate) status: String,
    /// What is answered with it.
    pub(crate) answers: Vec<Field>,
    /// The statuses of refusals, in a row.
    pub(crate) refuses: String,
}

/// A field of a body, or a parameter.
pub(crate) struct Field {
    /// Its name, with those of the objects around it.
    pub(crate) name: String,
    /// What it can hold.
    pub(crate) kind: String,
    /// Whether it can be left out.
    pub(crate) optional: bool,
    /// What it means.
    pub(crate) meaning: String,
}

impl Reference {
    /// What the document says, for each of these ways in.
    pub(crate) fn new(document: &Value, doors: &[Door]) -> Reference {
        let mut reference = Reference::default();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let door = doors.iter().find(|door| door.method == method && door.url == path);
                let Some(door) = door else { continue };
                let route = route(document, door, operation);
                for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                    let known = reference.statuses.iter().any(|(other, _)| other == status);
                    if !known && is_refusal(status) {
                        reference.statuses.push((status.clone(), text(&answer["description"])));
                    }
                }
                let name = text(&operation["tags"][0]);
                match reference.chapters.iter_mut().find(|chapter| chapter.name == name) {
                    Some(chapter) => chapter.routes.push(route),
                    None => reference.chapters.push(Chapter { name, routes: vec![route] }),
                }
            }
        }
        reference.statuses.sort();
        reference
    }
}

fn route(document: &Value, door: &Door, operation: &Value) -> Route {
    let responses = operation["responses"].as_object();
    let (refusals, rest): (Vec<_>, Vec<_>) =
        responses.into_iter().flatten().partition(|(status, _)| is_refusal(status));
    let success = rest.first();
    let parameter = |parameter: &Value| Field {
        name: text(&parameter["name"]),
        kind: kind(document, &parameter["schema"]),
        optional: parameter["required"] != true,
        meaning: text(&parameter["description"]),
    };
    let words = [text(&operation["summary"]), text(&operation["description"])];
    Route {
        id: text(&operation["operationId"]),
        method: door.method.to_uppercase(),
        path: door.url.to_owned(),
        who: door.who,
        meaning: words.join(" ").trim_end().to_owned(),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        takes: body_of(document, &operation["requestBody"]),
        status: success.map(|(status, _)| (*status).clone()).unwrap_or_default(),
        answers: success.map(|(_, answer)| body_of(document, answer)).unwrap_or_default(),
        refuses: refusals.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn is_refusal(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn text(value: &Value) -> String {
    // What is set apart as code in the document is plain here.
    value.as_str().unwrap_or_default().replace('`', "")
}

/// What a reference leads to.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    // A null beside it says only that it may be missing.
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    let schema = choices.and_then(|all| all.iter().find(|one| one["type"] != "null")).unwrap_or(schema);
    match schema["$ref"].as_str() {
        Some(there) => document.pointer(there.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}

/// The fields of a body, or none where there is none.
fn body_of(document: &Value, holder: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    let schema = &holder["content"]["application/json"]["schema"];
    collect(document, resolved(document, schema), "", &mut fields);
    fields
}

fn collect(document: &Value, schema: &Value, prefix: &str, fields: &mut Vec<Field>) {
    let required = schema["required"].as_array();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let needed = required.is_some_and(|all| all.iter().any(|one| one == name));
        let name = format!("{prefix}{name}");
        let inner = resolved(document, of);
        fields.push(Field {
            kind: kind(document, of),
            optional: !needed,
            meaning: text(if of["description"].is_string() {
                &of["description"]
            } else {
                &of["oneOf"][0]["description"]
            }),
            name: name.clone(),
        });
        // Entries of a list, and objects in objects: their fields follow. Ours are two deep at most.
        let entries = resolved(document, &inner["items"]);
        if prefix.matches('.').count() < 2 {
            collect(document, entries, &format!("{name}[]."), fields);
            collect(document, inner, &format!("{name}."), fields);
        }
    }
}

/// What a value can be, in a few words.
fn kind(document: &Value, schema: &Value) -> String {
    let inner = resolved(document, schema);
    let nullable = inner["type"].as_array().is_some_and(|all| all.iter().any(|one| one == "null"))
        || schema["oneOf"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "null"));
    let name = match &inner["type"] {
        Value::Array(all) => all.iter().find(|one| *one != "null").map(text).unwrap_or_default(),
        name => text(name),
    };
    let words = inner["enum"].as_array().or_else(|| inner["oneOf"].as_array());
    let word = |one: &Value| if one.is_string() { text(one) } else { text(&one["const"]) };
    let mut said = match words {
        Some(words) => words.iter().map(word).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" | "),
        None if inner["format"] == "date-time" => "time".to_owned(),
        None if name == "array" => match kind(document, &inner["items"]).as_str() {
            "object" => "list".to_owned(),
            of => format!("list of {of}"),
        },
        None => name,
    };
    if let (Some(least), Some(most)) = (inner["minimum"].as_i64(), inner["maximum"].as_i64()) {
        said += &format!(" {least}–{most}");
    }
    if nullable { format!("{said} | null") } else { said }
}

impl Route {
    /// A command that asks there.
    pub(crate) fn curl(&self, origin: &str) -> String {
        let mut words = vec!["curl".to_owned()];
        if self.method != "GET" && self.takes.is_empty() {
            words.push(format!("-X {}", self.method));
        }
        match self.who {
            Who::Program(_) | Who::AdminOr(_) => {
                words.push(r#"-H "Authorization: Bearer $TOKEN""#.to_owned())
            }
            _ => words.push("-b jar -c jar".to_owned()),
        }
        if !self.takes.is_empty() {
            if self.method != "POST" {
                words.push(format!("-X {}", self.method));
            }
            let needed =
                self.takes.iter().filter(|field| !field.optional && !field.name.contains(['.', '[']));
            let body: Vec<String> =
                needed.map(|field| format!(r#""{}":{}"#, field.name, field.sample())).collect();
            words.push(format!("--json '{{{}}}'", body.join(",")));
        }
        words.push(format!("'{origin}{}'", self.path));
        words.join(" ")
    }
}

impl Field {
    /// Something that could stand there.
    fn sample(&self) -> &'static str {
        match self.kind.split(' ').next().unwrap_or_default() {
            "boolean" => "true",
            "integer" => "1",
            "list" => "[]",
            _ => "\"…\"",
        }
    }
}
