//! A rule as it is written, in the settings, on the command line and in the database alike, and what is wrong with it. What it
//! means is in `rule.rs`.

use serde_json::{Map, Value};

use super::host::Hosts;
use super::path::Paths;
use super::rule::{Policy, Rule, Subject};
use super::target::is_method;
use crate::config::{Network, Place};
use crate::name::Name;
use crate::plain;

/// Rules of one kind, from the settings or by command, and entries of one list in a rule.
pub(crate) const MOST: usize = 500;
const MOST_ENTRIES: usize = 100;
/// The shortest and the longest age that a proof may be held to, in seconds.
const AGES: std::ops::RangeInclusive<i64> = 60..=30 * 86_400;
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// A rule as somebody writes it. Lists that are empty say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// `app.example.org`, or `*.example.org` for all below it.
    pub hosts: Vec<String>,
    /// `/health`, or `/api/*` for the directory and all below it.
    pub paths: Vec<String>,
    /// `GET`, which is `HEAD` too, and others.
    pub methods: Vec<String>,
    /// `10.0.0.0/8`.
    pub networks: Vec<String>,
    /// `bypass`, `one_factor`, `two_factor` or `deny`.
    pub policy: String,
    /// Whom it lets in, by name.
    pub users: Vec<String>,
    /// Whom it lets in, by group.
    pub groups: Vec<String>,
    /// Lets everybody in who has an account.
    pub any: bool,
    /// A token of somebody whom it lets in opens it too.
    pub tokens: bool,
    /// `15m`: how long ago the proof may have been given.
    pub max_age: Option<String>,
}

/// What is wrong with a draft: with which key, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// `hosts`, `policy` and so on.
    pub key: &'static str,
    /// What is wrong.
    pub text: String,
}

/// A key of a rule as it stands in a file or in the database.
pub(crate) struct Field {
    pub(crate) key: String,
    /// The line of a file; 0 elsewhere.
    pub(crate) line: usize,
    pub(crate) value: Given,
}

/// What a key is set to.
pub(crate) enum Given {
    Text(String),
    Texts(Vec<String>),
    Yes(bool),
    /// None of these.
    Other,
}

/// The keys that a rule has.
const KEYS: [&str; 10] =
    ["hosts", "paths", "methods", "networks", "policy", "users", "groups", "any", "tokens", "max_age"];

impl Draft {
    /// From the keys of a table. Fails with the line and what is wrong there.
    pub(crate) fn of_fields(fields: Vec<Field>) -> Result<Draft, (usize, String)> {
        let mut draft = Draft::default();
        for Field { key, line, value } in fields {
            let wants = |what: &str| (line, format!("{key}: write {what}"));
            if let Some(list) = draft.list(&key) {
                let Given::Texts(texts) = value else {
                    return Err(wants("a list of texts, such as [\"…\"]"));
                };
                *list = texts;
                continue;
            }
            match (key.as_str(), value) {
                ("policy", Given::Text(text)) => draft.policy = text,
                ("policy", _) => return Err(wants("bypass, one_factor, two_factor or deny")),
                ("max_age", Given::Text(text)) => draft.max_age = Some(text),
                ("max_age", _) => return Err(wants("a time, such as \"15m\"")),
                ("any", Given::Yes(any)) => draft.any = any,
                ("tokens", Given::Yes(tokens)) => draft.tokens = tokens,
                ("any" | "tokens", _) => return Err(wants("true, or leave it away")),
                _ => {
                    return Err((
                        line,
                        format!("a rule has no `{}`, but {}", plain::line(&key), KEYS.join(", ")),
                    ));
                }
            }
        }
        Ok(draft)
    }

    fn list(&mut self, key: &str) -> Option<&mut Vec<String>> {
        Some(match key {
            "hosts" => &mut self.hosts,
            "paths" => &mut self.paths,
            "methods" => &mut self.methods,
            "networks" => &mut self.networks,
            "users" => &mut self.users,
            "groups" => &mut self.groups,
            _ => return None,
        })
    }

    /// The rule that is meant, which stands at `place`, or was made by command.
    pub fn check(&self, place: Option<Place>) -> Result<Rule, Flaw> {
        let lists = [&self.hosts, &self.paths, &self.methods, &self.networks, &self.users, &self.groups];
        let keys = ["hosts", "paths", "methods", "networks", "users", "groups"];
        for (list, key) in lists.iter().zip(keys) {
            if list.len() > MOST_ENTRIES {
                return Err(flaw(
                    key,
                    format!("a list has at most {MOST_ENTRIES} entries: make two rules of it"),
                ));
            }
        }
        if self.hosts.is_empty() {
            return Err(flaw("hosts", "write the hosts that the rule is for, such as [\"app.example.org\"]"));
        }
        let Some(policy) = Policy::parse(&self.policy) else {
            return Err(flaw("policy", "write bypass, one_factor, two_factor or deny"));
        };
        let networks = self.networks.iter().map(|text| plain::line(text).parse::<Network>());
        Ok(Rule {
            hosts: each("hosts", &self.hosts, Hosts::parse)?,
            paths: each("paths", &self.paths, Paths::parse)?,
            methods: each("methods", &self.methods, |text| {
                is_method(text).then(|| text.to_owned()).ok_or("a method is 1 to 20 upper-case letters")
            })?,
            networks: networks.collect::<Result<Vec<_>, _>>().map_err(|why| flaw("networks", why))?,
            policy,
            subject: self.subject(policy)?,
            tokens: self.tokens(policy)?,
            max_age: self.max_age(policy)?,
            place,
        })
    }

    fn subject(&self, policy: Policy) -> Result<Subject, Flaw> {
        let named = !self.users.is_empty() || !self.groups.is_empty();
        let key = match self {
            Draft { users, .. } if !users.is_empty() => Some("users"),
            Draft { groups, .. } if !groups.is_empty() => Some("groups"),
            Draft { any, .. } => any.then_some("any"),
        };
        match (policy, key) {
            (Policy::Bypass, Some(key)) => {
                Err(flaw(key, "a bypass asks nobody who they are, so it names nobody: leave this away"))
            }
            (Policy::Deny, Some(key)) => Err(flaw(
                key,
                "deny keeps everybody out: leave this away, and let people in by a rule before it",
            )),
            (Policy::Bypass | Policy::Deny, None) => Ok(Subject::Nobody),
            (_, None) => Err(flaw(
                "policy",
                format!(
                    "{} lets in whom it names: write users, groups, or any = true for everybody who has an account",
                    policy.text()
                ),
            )),
            _ if self.any && named => {
                Err(flaw("any", "it lets everybody in who has an account: take it away, or users and groups"))
            }
            _ if self.any => Ok(Subject::Any),
            _ => Ok(Subject::Listed {
                users: each("users", &self.users, |text| match Name::parse(text) {
                    Ok(name) if name.shown() == text => Ok(name.key().to_owned()),
                    _ => Err("a username has 1 to 64 of the letters a to z, digits, and . _ - @ +"),
                })?,
                groups: each("groups", &self.groups, |text| {
                    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                    let good = letters && (1..=64).contains(&text.len());
                    let rule = "a group has 1 to 64 of the letters a to z, digits, and . _ -";
                    good.then(|| text.to_ascii_lowercase()).ok_or(rule)
                })?,
            }),
        }
    }

    fn tokens(&self, policy: Policy) -> Result<bool, Flaw> {
        match (policy.level(), &self.max_age) {
            _ if !self.tokens => Ok(false),
            (None, _) => {
                Err(flaw("tokens", "it is for one_factor and two_factor: nothing else asks who somebody is"))
            }
            (_, Some(_)) => Err(flaw(
                "tokens",
                "a token proves nothing anew, so it never meets max_age: take one of them away",
            )),
            _ => Ok(true),
        }
    }

    fn max_age(&self, policy: Policy) -> Result<Option<i64>, Flaw> {
        let Some(text) = &self.max_age else { return Ok(None) };
        if policy.level().is_none() {
            return Err(flaw(
                "max_age",
                "it is for one_factor and two_factor: nothing else asks for a proof",
            ));
        }
        let unit = text.chars().next_back().and_then(|last| UNITS.iter().find(|(unit, _)| *unit == last));
        let number = text
            .get(..text.len().saturating_sub(1))
            .filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let seconds = unit.zip(number.and_then(|number| number.parse::<u32>().ok()));
        let seconds = seconds.map(|((_, seconds), number)| seconds * i64::from(number));
        let seconds = seconds.filter(|seconds| AGES.contains(seconds));
        Ok(Some(seconds.ok_or_else(|| flaw("max_age", "write a time from 1m to 30d, such as 15m"))?))
    }

    /// The same as JSON: what is not said is left out.
    pub fn json(&self) -> Value {
        let (mut map, mut draft) = (Map::new(), self.clone());
        for key in KEYS {
            let value: Option<Value> = match key {
                "policy" => Some(self.policy.as_str().into()),
                "any" => self.any.then_some(Value::Bool(true)),
                "tokens" => self.tokens.then_some(Value::Bool(true)),
                "max_age" => self.max_age.as_deref().map(Into::into),
                list => {
                    draft.list(list).filter(|list| !list.is_empty()).map(|list| std::mem::take(list).into())
                }
            };
            map.extend(value.map(|value| (key.to_owned(), value)));
        }
        Value::Object(map)
    }

    /// From the same.
    pub(crate) fn of_json(value: Value) -> Result<Draft, String> {
        let Value::Object(map) = value else { return Err("a rule is an object".into()) };
        let field = |(key, value)| Field {
            key,
            line: 0,
            value: match value {
                Value::String(text) => Given::Text(text),
                Value::Bool(yes) => Given::Yes(yes),
                Value::Array(list) => {
                    let text = |value: &Value| value.as_str().map(str::to_owned);
                    list.iter().map(text).collect::<Option<_>>().map_or(Given::Other, Given::Texts)
                }
                _ => Given::Other,
            },
        };
        Draft::of_fields(map.into_iter().map(field).collect()).map_err(|(_, why)| why)
    }
}

impl Rule {
    /// As it would be written, each name in its one spelling.
    pub fn draft(&self) -> Draft {
        let (users, groups) = match &self.subject {
            Subject::Listed { users, groups } => (users.clone(), groups.clone()),
            Subject::Any | Subject::Nobody => Default::default(),
        };
        Draft {
            hosts: self.hosts.iter().map(ToString::to_string).collect(),
            paths: self.paths.iter().map(ToString::to_string).collect(),
            methods: self.methods.clone(),
            networks: self.networks.iter().map(ToString::to_string).collect(),
            policy: self.policy.text().to_owned(),
            users,
            groups,
            any: self.subject == Subject::Any,
            tokens: self.tokens,
            max_age: self.max_age.map(age),
        }
    }
}

fn flaw(key: &'static str, text: impl Into<String>) -> Flaw {
    Flaw { key, text: text.into() }
}

fn each<T>(
    key: &'static str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, Flaw> {
    let parsed = texts
        .iter()
        .map(|text| parse(text).map_err(|why| flaw(key, format!("`{}`: {why}", plain::line(text)))));
    parsed.collect()
}

/// A span as it is written: in the largest unit that divides it.
pub fn age(seconds: i64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| seconds % unit == 0);
    unit.map_or_else(|| format!("{seconds}s"), |(name, unit)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule as JSON, checked.
    fn rule(json: &str) -> Result<Rule, String> {
        let draft = Draft::of_json(serde_json::from_str(json).unwrap())?;
        draft.check(None).map_err(|flaw| format!("{}: {}", flaw.key, flaw.text))
    }

    #[test]
    fn a_rule_is_written_as_it_was_read() {
        for (json, written) in [
            (
                r#"{"hosts":["App.Example.org."],"policy":"bypass"}"#,
                r#"{"hosts":["app.example.org"],"policy":"bypass"}"#,
            ),
            (
                r#"{"hosts":["*.example.org"],"paths":["/api/*","/health"],"methods":["GET","POST"],"networks":["10.0.0.0/8","::1"],"policy":"deny"}"#,
                r#"{"hosts":["*.example.org"],"paths":["/api/*","/health"],"methods":["GET","POST"],"networks":["10.0.0.0/8","::1/128"],"policy":"deny"}"#,
            ),
            (
                r#"{"hosts":["a"],"policy":"two_factor","users":["Ada"],"groups":["Family"],"max_age":"900s"}"#,
                r#"{"hosts":["a"],"policy":"two_factor","users":["ada"],"groups":["family"],"max_age":"15m"}"#,
            ),
            (
                r#"{"hosts":["a"],"policy":"one_factor","users":["ada"],"tokens":true}"#,
                r#"{"hosts":["a"],"policy":"one_factor","users":["ada"],"tokens":true}"#,
            ),
            (
                r#"{"hosts":["a"],"policy":"one_factor","any":true,"max_age":"24h"}"#,
                r#"{"hosts":["a"],"policy":"one_factor","any":true,"max_age":"1d"}"#,
            ),
        ] {
            let found = rule(json).unwrap();
            let expected: Value = serde_json::from_str(written).unwrap();
            assert_eq!(found.draft().json(), expected);
            assert_eq!(rule(&found.draft().json().to_string()), Ok(found));
        }
    }

    #[test]
    fn a_rule_that_cannot_be_meant_says_which_key_and_what_to_do() {
        for (json, said) in [
            ("[]", "a rule is an object"),
            ("{}", "hosts: write the hosts"),
            (r#"{"hosts":[],"policy":"deny"}"#, "hosts: write the hosts"),
            (r#"{"hosts":"a","policy":"deny"}"#, "hosts: write a list of texts"),
            (r#"{"hosts":[1],"policy":"deny"}"#, "hosts: write a list of texts"),
            (r#"{"hosts":["a"]}"#, "policy: write bypass"),
            (r#"{"hosts":["a"],"policy":"Bypass"}"#, "policy: write bypass"),
            (r#"{"hosts":["a"],"policy":["deny"]}"#, "policy: write bypass"),
            (r#"{"hosts":["a"],"polcy":"deny"}"#, "a rule has no `polcy`, but hosts, paths"),
            (r#"{"hosts":["https://a"],"policy":"deny"}"#, "hosts: `https://a`: write the host alone"),
            (r#"{"hosts":["a:443"],"policy":"deny"}"#, "without a port"),
            (r#"{"hosts":["*"],"policy":"deny"}"#, "hosts: `*`: a star stands only"),
            (
                r#"{"hosts":["a"],"paths":["/a/../b"],"policy":"deny"}"#,
                "paths: `/a/../b`: write the path as it is",
            ),
            (r#"{"hosts":["a"],"paths":["/a\u001b["],"policy":"deny"}"#, "paths: `/a\\u{1b}[`: a path has"),
            (r#"{"hosts":["a"],"methods":["get"],"policy":"deny"}"#, "methods: `get`: a method is"),
            (r#"{"hosts":["a"],"networks":["x"],"policy":"deny"}"#, "networks: `x` is no network"),
            (r#"{"hosts":["a"],"policy":"one_factor"}"#, "policy: one_factor lets in whom it names"),
            (
                r#"{"hosts":["a"],"policy":"two_factor","any":false}"#,
                "any = true for everybody who has an account",
            ),
            (
                r#"{"hosts":["a"],"policy":"two_factor","users":[],"groups":[]}"#,
                "two_factor lets in whom it names",
            ),
            (
                r#"{"hosts":["a"],"policy":"two_factor","any":true,"users":["ada"]}"#,
                "any: it lets everybody in",
            ),
            (r#"{"hosts":["a"],"policy":"two_factor","any":1}"#, "any: write true"),
            (r#"{"hosts":["a"],"policy":"two_factor","users":["a da"]}"#, "users: `a da`: a username has"),
            (r#"{"hosts":["a"],"policy":"two_factor","users":[""]}"#, "users: ``: a username has"),
            (r#"{"hosts":["a"],"policy":"two_factor","groups":["a,b"]}"#, "groups: `a,b`: a group has"),
            (r#"{"hosts":["a"],"policy":"two_factor","any":true,"tokens":"yes"}"#, "tokens: write true"),
            (r#"{"hosts":["a"],"policy":"bypass","tokens":true}"#, "tokens: it is for one_factor"),
            (r#"{"hosts":["a"],"policy":"deny","tokens":true}"#, "tokens: it is for one_factor"),
            (
                r#"{"hosts":["a"],"policy":"two_factor","any":true,"tokens":true,"max_age":"15m"}"#,
                "tokens: a token proves nothing anew",
            ),
            (r#"{"hosts":["a"],"policy":"bypass","any":true}"#, "any: a bypass asks nobody"),
            (r#"{"hosts":["a"],"policy":"bypass","users":["ada"]}"#, "users: a bypass asks nobody"),
            (r#"{"hosts":["a"],"policy":"deny","groups":["x"]}"#, "groups: deny keeps everybody out"),
            (r#"{"hosts":["a"],"policy":"deny","max_age":"15m"}"#, "max_age: it is for one_factor"),
            (r#"{"hosts":["a"],"policy":"bypass","max_age":"15m"}"#, "max_age: it is for one_factor"),
        ] {
            let found = rule(json).unwrap_err();
            assert!(found.contains(said), "{json}: {found}");
        }
        for age in ["", "m", "15", "15 m", "-15m", "+15m", "1.5h", "59s", "31d", "4294967296s", "15ä", "ä"]
        {
            let json = format!(r#"{{"hosts":["a"],"policy":"one_factor","any":true,"max_age":"{age}"}}"#);
            assert!(rule(&json).unwrap_err().starts_with("max_age: write a time"), "{age}");
        }
        let many = vec!["a"; MOST_ENTRIES + 1];
        let json = serde_json::json!({ "hosts": many, "policy": "deny" }).to_string();
        assert!(rule(&json).unwrap_err().contains("at most 100 entries"));
    }
}
