//! Rules for the source: what no file of ours may hold. Files of every kind are judged in `text.rs`.

use crate::{none, read, texts};

/// What a crate may hold at most, counted over its `src`.
struct Global {
    package: &'static str,
    traits: usize,
    statics: usize,
    cells: usize,
}

/// Seams are enums and state is handed around in `App`: ADR 0004 says why. The cells of `store` belong to one open
/// database each: they keep why its writer stopped. That of `web` belongs to one router: it keeps the page about the API, which is
/// made when somebody asks for it.
const GLOBALS: [Global; 5] = [
    Global { package: "otp", traits: 0, statics: 0, cells: 0 },
    Global { package: "store", traits: 0, statics: 0, cells: 3 },
    Global { package: "auth", traits: 0, statics: 0, cells: 0 },
    Global { package: "web", traits: 0, statics: 0, cells: 2 },
    Global { package: "latchkey", traits: 0, statics: 0, cells: 0 },
];

/// The lines of code of a crate's `src`, without the lines that only comment.
fn code_of(package: &str) -> Vec<String> {
    let source = format!("crates/{package}/src/");
    let files = texts(&["rs"]).into_iter().filter(|(file, _)| file.starts_with(&source));
    let lines =
        files.flat_map(|(_, text)| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    lines.filter(|line| !line.starts_with("//")).collect()
}

/// Strips `pub`, `pub(crate)` and the like off a declaration.
fn declared(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    let rest = rest.trim_start();
    if rest.starts_with('(') {
        rest.split_once(')').map_or(rest, |(_, rest)| rest.trim_start())
    } else {
        rest
    }
}

#[test]
fn there_is_no_global_state_and_no_trait_for_one_implementation() {
    for Global { package, traits, statics, cells } in GLOBALS {
        let code = code_of(package);
        let count = |wanted: fn(&str) -> bool| code.iter().filter(|line| wanted(line)).count();
        let found = [
            count(|line| line.starts_with("pub trait ")),
            count(|line| declared(line).starts_with("static ")),
            count(|line| {
                ["OnceLock<", "LazyLock<", "OnceCell<", "thread_local!"]
                    .iter()
                    .any(|cell| line.contains(cell))
            }),
        ];
        let expected = [traits, statics, cells];
        assert_eq!(
            found, expected,
            "{package}: public traits, statics, lazy cells. Pass it as an argument or make it an enum; if it has to be, \
             count it in GLOBALS and say why in the commit"
        );
    }
}

#[test]
fn every_source_file_opens_by_saying_what_lives_in_it() {
    let silent: Vec<String> = texts(&["rs"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(file, _)| file)
        .collect();
    none(&silent, "The first line is `//!` and a sentence: what lives here, and where its neighbor lives.");
}

#[test]
fn statements_are_written_in_store_only() {
    // In two pieces, or this file would find itself.
    let marks = [
        concat!("Sql::", "new("),
        concat!("SELECT", " "),
        concat!("INSERT", " INTO "),
        concat!("UPDATE", " "),
        concat!("DELETE", " FROM "),
        concat!("CREATE", " TABLE "),
    ];
    let mut outside = Vec::new();
    for (file, text) in texts(&["rs"]) {
        // Only what is shipped: a test may look at a database from outside, as an operator would.
        if file.starts_with("crates/") && file.contains("/src/") && !file.starts_with("crates/store/") {
            let found = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            let found = found.filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
            // A refusal may print the statement that the operator should run.
            let found = found.filter(|(_, line)| !line.contains(concat!("CREATE", " DATABASE ")));
            outside.extend(found.map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim())));
        }
    }
    none(
        &outside,
        "Statements live in crates/store/src, in the file of their table. Make a function there and call it.",
    );
    assert!(
        code_of("store").iter().any(|line| line.contains(marks[0])),
        "tidy no longer recognizes a statement"
    );
}

#[test]
fn rows_are_never_serialized() {
    let manifest = read("crates/store/Cargo.toml");
    let lists = manifest.lines().any(|line| line.trim_start().starts_with("serde"));
    assert!(
        !lists,
        "crates/store lists serde; a row that leaves the house gets a shape of its own in `web` (ADR 0009)"
    );
    let words = ["Serialize", "serde"];
    let found: Vec<String> =
        code_of("store").into_iter().filter(|line| words.iter().any(|word| line.contains(word))).collect();
    none(
        &found,
        "A row that can be serialized will be, secrets and all. Give the page or the API its own shape (ADR 0009).",
    );
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    let silence = concat!("#[", "allow(");
    let silence_all = concat!("#![", "allow(");
    let found =
        texts(&["rs"]).into_iter().filter(|(_, text)| text.contains(silence) || text.contains(silence_all));
    let found: Vec<String> = found.map(|(file, _)| file).collect();
    none(
        &found,
        "Write #[expect(lint, reason = \"…\")] instead: it is reported when it is no longer needed.",
    );
}
