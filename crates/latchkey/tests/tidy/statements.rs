//! What is said to a database: only words that SQLite, PostgreSQL and those that speak like PostgreSQL over many machines
//! (CockroachDB, YugabyteDB) all have. No advisory lock, no LISTEN, no trigger, no sequence: a list of what may be said is safer
//! than one of what may not.

use std::collections::BTreeSet;

use crate::{none, texts};

/// The words of all statements.
const WORDS: &[&str] = &[
    "AND",
    "AS",
    "BIGINT",
    "BY",
    "CASE",
    "CAST",
    "COALESCE",
    "CONFLICT",
    "DELETE",
    "DESC",
    "DO",
    "ELSE",
    "END",
    "EXISTS",
    "FALSE",
    "FROM",
    "IN",
    "INSERT",
    "INTEGER",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NOTHING",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "RETURNING",
    "SELECT",
    "SET",
    "TEXT",
    "THEN",
    "TRUE",
    "UPDATE",
    "VALUES",
    "WHEN",
    "WHERE",
];

/// What they call.
const FUNCTIONS: &[&str] = &["coalesce", "count", "length", "max", "min", "sum"];

/// The words of migrations beside those of statements.
const WORDS_OF_MIGRATIONS: &[&str] = &[
    "ADD",
    "ALTER",
    "BOOLEAN",
    "CASCADE",
    "COLUMN",
    "CREATE",
    "DEFAULT",
    "DROP",
    "INDEX",
    "KEY",
    "PRIMARY",
    "REFERENCES",
    "TABLE",
    "UNIQUE",
];

/// What only PostgreSQL is asked, each for one reason: what time it is, whether a table is there, or any, and who else is connected.
const OF_POSTGRESQL: &[&str] = &[
    "clock_timestamp",
    "current_database",
    "current_schema",
    "current_setting",
    "extract",
    "floor",
    "pg_backend_pid",
    "to_regclass",
];

/// What is said to a connection of PostgreSQL beside statements.
const CONTROL: &[&str] = &[
    "BEGIN",
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0",
    "COMMIT",
    "RELEASE job",
    "ROLLBACK",
    "ROLLBACK TO job",
    "SAVEPOINT job",
];

/// Each statement of `store`, and the file that it is in.
fn statements() -> Vec<(String, String)> {
    let mark = concat!("Sql::", "new(");
    let mut found = Vec::new();
    for (file, text) in texts(&["rs"]) {
        if !file.starts_with("crates/store/src/") {
            continue;
        }
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (at, _) in shipped.match_indices(mark) {
            let rest = shipped[at + mark.len()..].trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let end = rest.find('"').expect("a statement ends");
            found.push((file.clone(), rest[..end].to_owned()));
        }
    }
    found
}

fn migrations() -> Vec<(String, String)> {
    let files = texts(&["sql"]).into_iter().filter(|(file, _)| file.starts_with("crates/store/migrations/"));
    let plain = |text: &str| {
        text.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
    };
    files.map(|(file, text)| (file, plain(&text))).collect()
}

/// The words in capitals, and `name(` for what is called, with everything between quotes left out.
fn words(statement: &str) -> BTreeSet<String> {
    let plain: String = statement.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let mut words = BTreeSet::new();
    let mut rest = plain.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        rest = &rest[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_word = word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        if is_word {
            words.insert(word.to_owned());
        } else if after.starts_with('(') {
            words.insert(format!("{word}("));
        }
        rest = after;
    }
    words
}

/// The words of these that are not among the allowed.
fn strange(statements: &[(String, String)], allowed: &[&[&str]], called: &[&[&str]]) -> Vec<String> {
    let mut strange = Vec::new();
    for (file, statement) in statements {
        for word in words(statement) {
            let known = match word.strip_suffix('(') {
                Some(name) => called.iter().any(|names| names.contains(&name)),
                None => allowed.iter().any(|words| words.contains(&word.as_str())),
            };
            // What is rightly called without being a function: the columns of a table.
            if !known {
                strange.push(format!("{file}: {word}"));
            }
        }
    }
    strange
}

const ADVICE: &str = "Say it in words that every engine has. If it has to be, and CockroachDB and YugabyteDB have it too, add it to \
                      the list in this file.";

#[test]
fn statements_are_made_of_words_that_every_engine_has() {
    let all = statements();
    assert!(all.len() > 150, "tidy recognizes {} statements only", all.len());
    // They are in the files of the engine, and asked on it alone.
    let (special, usual): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(file, _)| file == "crates/store/src/postgres.rs");
    none(&strange(&usual, &[WORDS], &[FUNCTIONS]), ADVICE);
    none(&strange(&special, &[WORDS], &[FUNCTIONS, OF_POSTGRESQL]), ADVICE);
}

/// What people may do, and where they are signed in: a node remembers it until it hears of a revocation.
const OF_PEOPLE: [&str; 6] = ["users", "sessions", "app_sessions", "members", "groups", "rule_books"];

#[test]
fn a_statement_that_changes_what_people_may_do_begins_so_that_it_is_heard_of() {
    // `Sql` tells by the first words whether a statement may end something; a WITH before them would hide it.
    let mut strange = Vec::new();
    for (file, text) in statements() {
        let words: Vec<&str> = text.split_whitespace().collect();
        let changes = words.iter().enumerate().filter(|(at, word)| {
            let before = at.checked_sub(1).map_or("", |at| words[at]);
            OF_PEOPLE.contains(word) && ["UPDATE", "FROM", "INTO"].contains(&before) && {
                before != "FROM" || at.checked_sub(2).is_some_and(|at| words[at] == "DELETE")
            }
        });
        strange.extend(changes.filter(|(at, _)| *at > 2).map(|_| format!("{file}: {text}")));
        strange.extend(words.contains(&"MERGE").then(|| format!("{file}: {text}")));
    }
    none(&strange, "Let it begin with UPDATE, DELETE FROM or INSERT INTO, or no other node hears of it.");
}

#[test]
fn what_is_said_to_revoke_nothing_is_known_one_by_one() {
    let found = |(file, text): (String, String)| {
        let calls = text.matches(concat!(".revoking_", "nothing()")).count();
        (calls > 0 && file.starts_with("crates/store/src/")).then(|| format!("{file}: {calls}"))
    };
    let mut found: Vec<String> = texts(&["rs"]).into_iter().filter_map(found).collect();
    found.sort();
    // In sql.rs its own test. Whoever adds one has seen that nobody loses anything by it.
    let known =
        ["crates/store/src/sessions.rs: 1", "crates/store/src/sql.rs: 1", "crates/store/src/users.rs: 7"];
    assert_eq!(found, known);
}

#[test]
fn migrations_change_the_schema_in_words_that_every_engine_has() {
    let all = migrations();
    assert!(all.len() >= 8, "{}", all.len());
    // A column list stands behind a name as arguments do.
    let tables: Vec<String> = all
        .iter()
        .flat_map(|(_, text)| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .map(|word| word.split('(').next().unwrap_or("").to_owned())
        .collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    none(&strange(&all, &[WORDS, WORDS_OF_MIGRATIONS], &[FUNCTIONS, &tables]), ADVICE);
    // The program makes each of them a transaction of its own; here it is only seen that none makes another of more.
    let several = |text: &String| ["BEGIN", "COMMIT", "SAVEPOINT"].iter().any(|word| text.contains(word));
    assert!(!all.iter().any(|(_, text)| several(text)));
}

#[test]
fn connections_are_told_nothing_that_other_engines_do_not_know() {
    let text = crate::read("crates/store/src/postgres.rs");
    let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let literals: Vec<&str> = shipped.split('"').skip(1).step_by(2).collect();
    let control = |literal: &&&str| {
        ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "LOCK", "LISTEN", "NOTIFY", "DO "]
            .iter()
            .any(|word| literal.starts_with(word))
    };
    let said: Vec<String> = literals
        .iter()
        .filter(control)
        .filter(|said| !CONTROL.contains(*said))
        .map(ToString::to_string)
        .collect();
    none(&said, ADVICE);
    assert!(literals.iter().filter(control).count() >= 5, "tidy no longer recognizes what is said");
}

#[test]
fn what_an_engine_lacks_is_found() {
    let found = |statement: &str| strange(&[("x".to_owned(), statement.to_owned())], &[WORDS], &[FUNCTIONS]);
    assert_eq!(found("SELECT count(*) FROM users WHERE name = 'LISTEN pg_notify(1)'"), Vec::<String>::new());
    for (statement, word) in [
        ("SELECT pg_advisory_lock(1)", "x: pg_advisory_lock("),
        ("SELECT a FROM b FOR UPDATE SKIP LOCKED", "x: FOR"),
        ("LISTEN changes", "x: LISTEN"),
        ("SELECT nextval('s')", "x: nextval("),
        ("SELECT a FROM b TABLESAMPLE SYSTEM (1)", "x: SYSTEM"),
    ] {
        assert!(found(statement).contains(&word.to_owned()), "{statement}: {:?}", found(statement));
    }
}
