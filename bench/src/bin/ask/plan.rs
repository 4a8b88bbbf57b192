//! What is asked, by whom, and for how long: a file that `xtask` writes.

use std::fs;

use otp::{Key, Secret, totp};
use serde_json::Value;

use crate::Failure;
use crate::client::Jar;

/// Neighbors among people are no neighbors in time. A prime, so everybody has their turn before anybody has a second.
const STRIDE: usize = 611_953;

/// The whole of it.
pub(crate) struct Plan {
    pub(crate) port: u16,
    pub(crate) at_once: usize,
    pub(crate) seconds: f64,
    /// Flows, also when there is time for more.
    pub(crate) at_most: usize,
    /// Whether a browser has its cookies still when it comes for the next person.
    pub(crate) keeps_cookies: bool,
    /// What every browser does once before.
    pub(crate) first: Vec<Step>,
    pub(crate) steps: Vec<Step>,
    people: People,
    from: usize,
    now: i64,
}

/// Who there is.
enum People {
    /// `person0` and so on, so many, with one code for all.
    Alike { prefix: String, count: usize, code: String },
    /// A line each: a name and a secret, or whatever is shown in its place.
    Listed(Vec<String>),
}

/// Whose turn it is.
pub(crate) struct Person {
    name: String,
    code: String,
}

/// A request, in pieces.
pub(crate) struct Step {
    line: String,
    head: Vec<Piece>,
    body: Vec<Piece>,
    pub(crate) expects: u16,
    /// What has to be in the answer.
    pub(crate) contains: String,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Name,
    Code,
}

impl Plan {
    pub(crate) fn read(text: &str) -> Result<Plan, Failure> {
        let plan: Value = serde_json::from_str(text)?;
        let number = |name: &str| plan[name].as_u64().ok_or(format!("the plan says no `{name}`"));
        let now = auth::Clock::System.now().millis() / 1000;
        let people = &plan["people"];
        let people = match people["file"].as_str() {
            Some(file) => People::Listed(fs::read_to_string(file)?.lines().map(str::to_owned).collect()),
            None => People::Alike {
                prefix: people["prefix"].as_str().unwrap_or("person").to_owned(),
                count: usize::try_from(people["count"].as_u64().ok_or("the plan says not how many people")?)?,
                code: people["secret"]
                    .as_str()
                    .map(|secret| code(secret, now))
                    .transpose()?
                    .unwrap_or_default(),
            },
        };
        let steps = plan["steps"].as_array().ok_or("the plan has no steps")?;
        let first = plan["first"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(Plan {
            port: number("port")?.try_into()?,
            at_once: number("at_once")?.try_into()?,
            seconds: plan["seconds"].as_f64().ok_or("the plan says not for how long")?,
            at_most: plan["at_most"].as_u64().map_or(Ok(usize::MAX), usize::try_from)?,
            keeps_cookies: plan["keeps_cookies"].as_bool().unwrap_or(false),
            first: first.iter().map(Step::read).collect::<Result<_, _>>()?,
            steps: steps.iter().map(Step::read).collect::<Result<_, _>>()?,
            people,
            from: plan["from"].as_u64().unwrap_or(0).try_into()?,
            now,
        })
    }

    /// Whose turn it is. Everybody has one before anybody has a second.
    pub(crate) fn person(&self, number: usize) -> Result<Person, Failure> {
        let number = self.from + number;
        Ok(match &self.people {
            People::Alike { prefix, count, code } => {
                Person { name: format!("{prefix}{}", number * STRIDE % count), code: code.clone() }
            }
            People::Listed(lines) => {
                let line = &lines[number * STRIDE % lines.len().max(1)];
                match line.split_once(' ') {
                    Some((name, secret)) => Person { name: name.to_owned(), code: code(secret, self.now)? },
                    None => Person { name: line.clone(), code: String::new() },
                }
            }
        })
    }
}

fn code(secret: &str, now: i64) -> Result<String, Failure> {
    Ok(totp::code(&Key::new(Secret::from_base32(secret)?), now).reveal().to_string())
}

impl Step {
    fn read(step: &Value) -> Result<Step, Failure> {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let line = format!("{} {}", text("method"), text("path"));
        let mut head = format!("{line} HTTP/1.1\r\n");
        for (name, value) in step["headers"].as_object().ok_or("a step has no headers")? {
            head += &format!("{name}: {}\r\n", value.as_str().unwrap_or_default());
        }
        let expects = step["expects"].as_u64().ok_or("a step expects nothing")?.try_into()?;
        let contains = text("contains").to_owned();
        Ok(Step { line, head: pieces(&head), body: pieces(text("body")), expects, contains })
    }

    /// For a complaint.
    pub(crate) fn name(&self) -> &str {
        &self.line
    }

    /// Writes the request of a person into `request`.
    pub(crate) fn write(&self, person: &Person, jar: &Jar, request: &mut Vec<u8>) {
        request.clear();
        fill(&self.head, person, request);
        if !jar.is_empty() {
            let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.extend_from_slice(format!("Cookie: {}\r\n", cookies.join("; ")).as_bytes());
        }
        if !self.body.is_empty() {
            let length: usize = self.body.iter().map(|piece| piece.of(person).len()).sum();
            request.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        fill(&self.body, person, request);
    }
}

impl Piece {
    fn of<'a>(&'a self, person: &'a Person) -> &'a str {
        match self {
            Piece::Text(text) => text,
            Piece::Name => &person.name,
            Piece::Code => &person.code,
        }
    }
}

fn fill(pieces: &[Piece], person: &Person, request: &mut Vec<u8>) {
    pieces.iter().for_each(|piece| request.extend_from_slice(piece.of(person).as_bytes()));
}

/// A text, cut where `{name}` and `{code}` stand in it.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, part) in text.split("{name}").enumerate() {
        if number > 0 {
            pieces.push(Piece::Name);
        }
        for (number, part) in part.split("{code}").enumerate() {
            if number > 0 {
                pieces.push(Piece::Code);
            }
            if !part.is_empty() {
                pieces.push(Piece::Text(part.to_owned()));
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(people: &str) -> Plan {
        let text = format!(
            r#"{{"port": 80, "at_once": 1, "seconds": 1.0, "from": 7, "people": {people}, "steps": [{{"method": "POST",
            "path": "/login", "headers": {{"Host": "localhost"}}, "body": "username={{name}}&otp={{code}}", "expects": 303}}]}}"#
        );
        Plan::read(&text).unwrap()
    }

    #[test]
    fn everybody_has_a_turn_before_anybody_has_a_second() {
        for count in [1, 7, 1000, 100_000] {
            let plan = plan(&format!(r#"{{"prefix": "person", "count": {count}}}"#));
            let names: BTreeSet<String> =
                (0..count).map(|number| plan.person(number).unwrap().name).collect();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn a_request_is_filled_with_a_person_and_says_how_long_it_is() {
        let plan = plan(r#"{"prefix": "p", "count": 1}"#);
        let (person, mut request) = (Person { name: "ada".into(), code: "123456".into() }, Vec::new());
        plan.steps[0].write(&person, &Jar::from([("a".into(), "b".into())]), &mut request);
        let text = String::from_utf8(request).unwrap();
        let expected = "POST /login HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\nContent-Length: 23\r\n\r\nusername=ada&otp=123456";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_plan_without_what_it_needs_is_refused() {
        for wrong in ["", "{}", r#"{"port": 1, "at_once": 1, "seconds": 1, "people": {}, "steps": []}"#] {
            assert!(Plan::read(wrong).is_err(), "{wrong}");
        }
    }
}
