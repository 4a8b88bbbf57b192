//! Rules for every file, whatever it is written in. What only concerns Rust is in `code.rs`.

use std::fs;

use crate::{files, none, read, root, texts};

/// What people read and write here.
const WRITTEN: [&str; 12] =
    ["rs", "css", "js", "html", "ftl", "md", "toml", "sql", "sh", "svg", "yml", "snap"];

/// Lines that a file may have before it wants to be two.
const MOST_LINES: usize = 600;

/// Bytes that the one stylesheet may have.
const STYLESHEET: usize = 20_000;

/// Bytes that a picture may have.
const PICTURE: u64 = 300_000;

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let long: Vec<String> = texts(&["rs", "css", "js", "html", "ftl", "sql", "sh"])
        .into_iter()
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    none(&long, "Look for the seam and make two files, each named after what lives in it.");
}

#[test]
fn nothing_is_left_for_later() {
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let macros = [concat!("todo", "!("), concat!("unimplemented", "!(")];
    let mut found = Vec::new();
    for (file, text) in texts(&WRITTEN) {
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            if words.any(|word| notes.contains(&word)) || macros.iter().any(|call| line.contains(call)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(&found, "Do it now, or open an issue; the code says what is, not what will be.");
}

#[test]
fn the_stylesheet_stays_small() {
    let sheets = texts(&["css"]);
    assert!(!sheets.is_empty(), "there is no stylesheet; crates/web/assets/app.css has to be there");
    let size: usize = sheets.iter().map(|(_, text)| text.len()).sum();
    assert!(
        size < STYLESHEET,
        "the stylesheet has {size} bytes, {STYLESHEET} is the limit: take out what no page uses"
    );
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/", "bash_jobs")];
    let mut found = Vec::new();
    for (file, text) in texts(&WRITTEN) {
        for (number, line) in text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(&found, "Write the path from the root of the checkout, or from a temporary directory.");
}

#[test]
fn no_file_names_the_host_of_a_package_registry() {
    let hosts = [
        ("crates", "io"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("debian", "org"),
    ];
    let hosts = hosts.map(|(name, top)| format!("{name}.{top}"));
    let mut found = Vec::new();
    for file in files() {
        // The lockfile is cargo's own, and says where each crate is from.
        if file == "Cargo.lock" {
            continue;
        }
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if hosts.iter().any(|host| line.contains(host)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(&found, "Name the package and leave the registry to the client's settings: it may be a mirror.");
}

#[test]
fn nothing_binary_is_committed_but_small_pictures() {
    let mut found = Vec::new();
    for file in files() {
        let bytes = fs::read(root().join(&file)).unwrap();
        let size = bytes.len() as u64;
        let is_picture = bytes.starts_with(b"\x89PNG\r\n") && file.ends_with(".png");
        // The list of common passwords, which is built in as it is.
        let is_list = file == "crates/auth/data/common-passwords.bin" && size <= 400_000;
        if is_picture && size >= PICTURE {
            found.push(format!("{file}: {size} bytes"));
        } else if !is_picture && !is_list && String::from_utf8(bytes).is_err() {
            found.push(format!("{file}: neither text nor a PNG"));
        }
    }
    none(&found, "Make it while building or testing, or make the picture smaller (at most 300 kB).");
}

#[test]
fn every_text_ends_with_a_line_feed_and_no_line_with_a_space() {
    let mut found = Vec::new();
    for (file, text) in texts(&["rs", "css", "js", "html", "ftl", "md", "toml", "sql", "sh"]) {
        if !text.ends_with('\n') {
            found.push(format!("{file}: the last line is not ended"));
        }
        let trailing = text.lines().enumerate().filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        found.extend(trailing.map(|(number, _)| format!("{file}:{}: ends with a space", number + 1)));
    }
    none(&found, "An editor can do it while saving.");
}

#[test]
fn continuous_integration_runs_what_a_developer_types() {
    let script = read(".ci/run");
    for command in ["cargo xtask check", "cargo xtask test"] {
        assert!(
            script.lines().any(|line| line == command),
            ".ci/run has to run `{command}`, and nothing of its own"
        );
    }
}
