//! Rules for `docs/threat-model.md`: what it names exists, and nothing that it promises goes without a test. Other papers are judged in
//! `papers.rs`.

use std::collections::BTreeMap;

use crate::{files, none, read};

const MODEL: &str = "docs/threat-model.md";

/// What the tutorial does wrong, by the count of whoever went through it.
const INSECURITIES: usize = 31;

/// A row of a table: the heading that it stands under, and its cells.
struct Row {
    heading: String,
    cells: Vec<String>,
}

/// The rows of all tables, without their own headings.
fn rows(text: &str) -> Vec<Row> {
    let mut heading = String::new();
    let mut rows = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("## ") {
            words.clone_into(&mut heading);
        } else if line.starts_with('|') && !line.starts_with("|---") {
            // What stands above the dashes names the columns.
            if lines.peek().is_some_and(|next| next.starts_with("|---")) {
                continue;
            }
            let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            rows.push(Row { heading: heading.clone(), cells });
        }
    }
    rows
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The tests that a text names, as `file.rs::name`.
fn tests(text: &str) -> Vec<(&str, &str)> {
    quoted(text).filter_map(|name| name.split_once("::")).filter(|(file, _)| file.ends_with(".rs")).collect()
}

/// The file under a name that begins with its crate.
fn file<'a>(there: &'a [String], name: &str) -> Option<&'a String> {
    let in_source = name.split_once('/').map(|(package, rest)| format!("crates/{package}/src/{rest}"));
    there.iter().find(|file| {
        *file == name || file.strip_prefix("crates/") == Some(name) || Some(*file) == in_source.as_ref()
    })
}

/// Whether a source has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let plain = format!("fn {name}(");
    let begins = |line: &str| {
        line.starts_with(&plain) || line.strip_prefix("async ").is_some_and(|rest| rest.starts_with(&plain))
    };
    let Some(at) = lines.iter().position(|line| begins(line)) else { return false };
    lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| line.contains("test"))
}

#[test]
fn every_file_and_every_test_that_the_threat_model_names_exists() {
    let text = read(MODEL);
    let there = files();
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, test) in tests(&text) {
        let Some(found) = file(&there, name) else {
            wrong.push(format!("{name} is not there"));
            continue;
        };
        let source = sources.entry(found.clone()).or_insert_with(|| read(found));
        if !has_test(source, test) {
            wrong.push(format!("{found} has no test {test}"));
        }
    }
    let places =
        quoted(&text).filter(|name| !name.contains("::") && name.contains('/') && name.ends_with(".rs"));
    wrong.extend(
        places.filter(|name| file(&there, name).is_none()).map(|name| format!("{name} is not there")),
    );
    none(&wrong, "A test was renamed or taken away: what shows now that the threat is met?");
    assert!(tests(&text).len() > 100, "tidy no longer finds the tests in {MODEL}");
}

#[test]
fn every_threat_has_a_defense_with_a_place_and_a_test() {
    let text = read(MODEL);
    let threats: Vec<Row> =
        rows(&text).into_iter().filter(|row| row.heading.starts_with("Against ")).collect();
    let mut wrong = Vec::new();
    for row in &threats {
        let [threat, defense, place, shown] = row.cells.as_slice() else {
            wrong.push(format!("{}: a row has {} cells and not four", row.heading, row.cells.len()));
            continue;
        };
        if threat.is_empty()
            || defense.is_empty()
            || quoted(place).next().is_none()
            || tests(shown).is_empty()
        {
            wrong.push(format!("{}: {threat}", row.heading));
        }
    }
    none(&wrong, "A row says the threat, the defense, the file, and a test as `file.rs::name`.");
    assert!(threats.len() >= 40, "tidy finds only {} threats in {MODEL}", threats.len());
}

#[test]
fn each_of_the_tutorials_insecurities_is_shown_to_be_gone() {
    let text = read(MODEL);
    let rows = rows(&text).into_iter().filter(|row| row.heading.contains("tutorial"));
    let mut numbers = Vec::new();
    let mut wrong = Vec::new();
    for row in rows {
        numbers.push(row.cells[0].clone());
        if row.cells.len() != 4 || row.cells.iter().any(String::is_empty) || tests(&row.cells[3]).is_empty() {
            wrong.push(row.cells.join(" | "));
        }
    }
    let expected: Vec<String> = (1..=INSECURITIES).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected, "each of the {INSECURITIES} has its row, in order");
    none(
        &wrong,
        "A row says its number, what the tutorial does, what Latchkey does, and a test as `file.rs::name`.",
    );
}

#[test]
fn what_is_said_of_the_standard_is_met_with_a_test_or_decided_or_for_later() {
    let text = read(MODEL);
    let rows: Vec<Row> = rows(&text).into_iter().filter(|row| row.heading.contains("ASVS")).collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let state = row.cells.get(2).map(String::as_str).unwrap_or_default();
        let known = ["met", "by decision", "later"].contains(&state);
        let shown = state != "met" || row.cells.get(3).is_some_and(|evidence| evidence.contains('`'));
        if row.cells.len() != 4 || !known || !shown {
            wrong.push(row.cells.join(" | "));
        }
    }
    none(&wrong, "A row says its number, its meaning, `met`, `by decision` or `later`, and what shows it.");
    assert!(rows.len() >= 60, "tidy finds only {} rows of the standard in {MODEL}", rows.len());
}

#[test]
fn a_test_is_told_apart_from_another_function() {
    let source = "#[tokio::test]\nasync fn it_works() {}\n\n#[test]\n#[should_panic]\nfn it_fails() {}\n\nfn it_helps() {}\n";
    assert!(has_test(source, "it_works") && has_test(source, "it_fails"));
    assert!(!has_test(source, "it_helps") && !has_test(source, "it_work") && !has_test(source, "works"));
    let there = ["crates/auth/src/login.rs".to_owned(), "crates/web/tests/it/login.rs".to_owned()];
    assert!(file(&there, "auth/login.rs").is_some() && file(&there, "web/tests/it/login.rs").is_some());
    assert!(file(&there, "login.rs").is_none());
    assert_eq!(tests("`a/b.rs::c` and `x::y` in `a/b.rs`"), [("a/b.rs", "c")]);
    let rows = rows("## One\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    assert_eq!(
        (rows.len(), rows[0].heading.as_str(), rows[0].cells.as_slice()),
        (1, "One", &["1".to_owned(), "2".to_owned()][..])
    );
}
