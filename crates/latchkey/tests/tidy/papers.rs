//! Rules for what is written about the code: it is there, it is short, and what it names exists.

use std::collections::BTreeSet;

use crate::{files, none, read};

/// Lines of the map of the house.
const MAP: usize = 150;

/// Lines of a recorded decision, its title included.
const DECISION: usize = 20;

#[test]
fn the_papers_are_there() {
    let there: BTreeSet<String> = files().into_iter().collect();
    let papers =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"];
    let missing: Vec<String> =
        papers.iter().filter(|paper| !there.contains(**paper)).map(|paper| (*paper).to_owned()).collect();
    none(&missing, "A newcomer looks for these by name.");
}

#[test]
fn the_readme_shows_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md has to show `{command}`");
    }
}

#[test]
fn the_map_fits_on_a_few_screens() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(
        lines <= MAP,
        "ARCHITECTURE.md has {lines} lines, {MAP} is the limit: say where things live, not how they work"
    );
}

#[test]
fn every_place_that_the_papers_name_exists() {
    let there = files();
    let mut wrong = Vec::new();
    for paper in ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/threat-model.md"] {
        let lost = quoted(&read(paper)).into_iter().filter(|name| is_place(name) && !exists(&there, name));
        wrong.extend(lost.map(|name| format!("{paper} names `{name}`")));
    }
    none(&wrong, "The place has moved or was never built: change the paper in the same commit.");
}

#[test]
fn decisions_are_numbered_without_a_gap_short_and_in_the_index() {
    let index = read("docs/adr/README.md");
    let files = files();
    let names =
        files.iter().filter_map(|file| file.strip_prefix("docs/adr/")).filter(|name| *name != "README.md");
    let mut wrong = Vec::new();
    let mut count = 0;
    for (number, name) in (1..).zip(names) {
        count = number;
        if !name.starts_with(&format!("{number:04}-")) || !name.ends_with(".md") {
            wrong.push(format!("{name}: number {number:04} is expected here"));
        }
        if !index.contains(&format!("({name})")) {
            wrong.push(format!("{name}: docs/adr/README.md does not link to it"));
        }
        let lines = read(&format!("docs/adr/{name}")).lines().count();
        if lines > DECISION {
            wrong.push(format!("{name}: {lines} lines, {DECISION} is the limit"));
        }
    }
    none(&wrong, "A decision is one short page: what we faced, what we chose, what it costs.");
    assert!(count >= 10, "only {count} decisions were found in docs/adr");
    let links = index.matches("](").count();
    assert_eq!(links, count, "docs/adr/README.md links to {links} places, and there are {count} decisions");
}

/// What stands between single backticks outside of fenced blocks.
fn quoted(paper: &str) -> Vec<String> {
    let mut fenced = false;
    let mut quoted = Vec::new();
    for line in paper.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            quoted.extend(line.split('`').skip(1).step_by(2).map(String::from));
        }
    }
    quoted
}

/// Whether a quotation is the name of a file or of a directory here, rather than a command, a URL or a type.
fn is_place(name: &str) -> bool {
    let endings = ["rs", "toml", "md", "css", "js", "html", "ftl", "sql", "sh", "svg", "lock"];
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter));
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    // The settings and data of an operator are not ours.
    let theirs = ["latchkey.toml", "latchkey-data/", "target/"].iter().any(|place| name.starts_with(place));
    plain
        && !theirs
        && !name.starts_with('/')
        && (name.ends_with('/') || ending.is_some_and(|ending| endings.contains(&ending)))
}

/// Whether a file is there under that name, written from the root, from a crate (`auth/login.rs`) or as its last part.
fn exists(there: &[String], name: &str) -> bool {
    let in_crate = name.split_once('/').map(|(package, rest)| format!("crates/{package}/src/{rest}"));
    let from_crate = format!("crates/{name}");
    let tail = format!("/{name}");
    there.iter().any(|file| {
        if name.ends_with('/') {
            let in_source = in_crate.as_ref().is_some_and(|name| file.starts_with(name));
            return in_source
                || file.starts_with(name)
                || file.starts_with(&from_crate)
                || file.contains(&tail);
        }
        file == name || file.ends_with(&tail) || in_crate.as_ref() == Some(file)
    })
}

#[test]
fn a_place_is_told_apart_from_a_command_a_url_and_a_type() {
    for place in ["auth/login.rs", "clippy.toml", "docs/adr/", ".ci/", "store/migrations/"] {
        assert!(is_place(place), "{place} is a place");
    }
    for other in [
        "cargo xtask test",
        "/enroll/recovery-codes.txt",
        "audit::record",
        "<page>.html",
        "v1.0",
        "latchkey.toml",
    ] {
        assert!(!is_place(other), "{other} is not a place");
    }
    let there = ["crates/auth/src/login.rs".to_owned(), "docs/adr/README.md".to_owned()];
    assert!(exists(&there, "auth/login.rs") && exists(&there, "docs/adr/") && exists(&there, "login.rs"));
    assert!(
        !exists(&there, "auth/logout.rs")
            && !exists(&there, "ogin.rs")
            && !exists(&there, "docs/"[..3].trim())
    );
}
