//! `latchkey doctor`: looks at everything, changes nothing, and says what to do. Works beside a running server too. What is
//! looked at lives in `doctor/`.

mod database;
mod files;
mod guessing;
mod reach;

use std::fmt;

use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{columns, how_many_are_set, print, print_json};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Something to mend.
    Wrong,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
        })
    }
}

/// One thing that was looked at.
struct Finding {
    state: State,
    check: &'static str,
    text: String,
    remedy: String,
    /// The same in numbers, for programs.
    numbers: Option<Value>,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { state: State::Ok, check, text: text.into(), remedy: String::new(), numbers: None }
    }

    fn note(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { state: State::Note, check, text: text.into(), remedy: remedy.into(), numbers: None }
    }

    fn wrong(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { state: State::Wrong, check, text: text.into(), remedy: remedy.into(), numbers: None }
    }

    /// The same, and in numbers.
    fn with(self, numbers: Value) -> Finding {
        Finding { numbers: Some(numbers), ..self }
    }
}

/// Looks at everything. Fails when something is wrong.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<()> {
    let findings = match flags.load() {
        Ok(settings) => {
            let mut findings = vec![Finding::ok("settings", how_many_are_set(settings.places.len()))];
            findings.extend(files::look(&settings));
            findings.extend(reach::look(&settings.config));
            findings.extend(database::look(flags, &settings.config));
            findings
        }
        Err(trouble) => vec![Finding::wrong("settings", trouble.text, "mend it, and look again")],
    };
    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    if json {
        print_json(&json!({ "wrong": wrong, "checks": findings.iter().map(shape).collect::<Value>() }));
    } else {
        print(&report(&findings));
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Trouble::failed("one thing is wrong")),
        more => Err(Trouble::failed(format!("{more} things are wrong"))),
    }
}

fn report(findings: &[Finding]) -> String {
    let mut rows = Vec::new();
    for Finding { state, check, text, remedy, .. } in findings {
        rows.push([state.to_string(), (*check).to_owned(), text.clone()]);
        if !remedy.is_empty() {
            rows.push([String::new(), String::new(), format!("→ {remedy}")]);
        }
    }
    columns("", &rows)
}

fn shape(finding: &Finding) -> Value {
    let mut value = json!({
        "check": finding.check,
        "state": finding.state.to_string(),
        "text": finding.text,
        "remedy": Some(&finding.remedy).filter(|remedy| !remedy.is_empty()),
    });
    if let Some(numbers) = &finding.numbers {
        value["numbers"] = numbers.clone();
    }
    value
}
