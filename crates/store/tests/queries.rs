//! Prepares every statement of this crate on both engines: the compile-time check of SQL that two engines cost us.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::path::Path;

use store::Kind;
use store::scratch::Scratch;

/// The text of the string literal that `source` begins with.
fn literal(source: &str) -> String {
    let mut chars = source
        .trim_start()
        .strip_prefix('"')
        .expect("Sql::new takes a plain string literal")
        .chars()
        .peekable();
    let mut text = String::new();
    loop {
        match chars.next().expect("the literal ends") {
            '"' => return text,
            '\\' => match chars.next() {
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => text.push(escaped),
                None => panic!("the literal ends"),
            },
            other => text.push(other),
        }
    }
}

fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in std::fs::read_dir(src).unwrap() {
        let path = file.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // sql.rs defines it, and says so in a comment.
        for part in code.split("Sql::new(").skip(1).filter(|_| name != "sql.rs") {
            found.push((name.clone(), literal(part)));
        }
    }
    found
}

#[tokio::test]
async fn every_statement_prepares_on_both_engines() {
    let statements = statements();
    assert!(statements.len() > 50, "the search finds {} statements", statements.len());

    let lite = Scratch::new(Kind::Sqlite);
    drop(lite.open().await);
    let conn = rusqlite::Connection::open(lite.url().strip_prefix("sqlite:").unwrap()).unwrap();
    let mut wrong = Vec::new();
    // The engine's own clock is asked of PostgreSQL only.
    for (file, text) in statements.iter().filter(|(file, _)| file != "postgres.rs") {
        if let Err(error) = conn.prepare(text) {
            wrong.push(format!("SQLite, {file}: {error}\n  {text}"));
        }
    }

    let pg = Scratch::new(Kind::Postgres);
    drop(pg.open().await);
    let config: postgres::Config = pg.url().parse().unwrap();
    let on_postgres = std::thread::spawn(move || {
        let mut client = config.connect(postgres::NoTls).unwrap();
        let accepted = ["int8", "text", "bool"];
        let mut wrong = Vec::new();
        for (file, text) in &statements {
            match client.prepare(text) {
                Err(error) => wrong.push(format!("PostgreSQL, {file}: {error:?}\n  {text}")),
                Ok(prepared) => {
                    let types = prepared
                        .params()
                        .iter()
                        .chain(prepared.columns().iter().map(|column| column.type_()));
                    for other in types.filter(|ty| !accepted.contains(&ty.name())) {
                        wrong.push(format!("PostgreSQL, {file}: {other} is none of our types\n  {text}"));
                    }
                }
            }
        }
        wrong
    });
    wrong.extend(on_postgres.join().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn lists_in_pieces_are_read_in_the_order_of_an_index() {
    let lite = Scratch::new(Kind::Sqlite);
    drop(lite.open().await);
    let conn = rusqlite::Connection::open(lite.url().strip_prefix("sqlite:").unwrap()).unwrap();
    let ends = ["ORDER BY name_key LIMIT $4", "ORDER BY g.name_key LIMIT $2"];
    let lists = statements().into_iter().filter(|(_, text)| ends.iter().any(|end| text.ends_with(end)));
    let lists: Vec<(String, String)> = lists.collect();
    assert_eq!(lists.len(), 2, "people and groups");
    for (file, text) in lists {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let values = rusqlite::params_from_iter(vec!["1"; plan.parameter_count()]);
        let steps = plan.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        let searched = steps.iter().any(|step| step.contains("_by_name (name_key>?"));
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(searched && !sorted, "{file}: {steps:?}");
    }
}
