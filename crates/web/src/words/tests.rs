//! The two word files agree, and agree with what templates and code ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Each message's variables.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|first: char| first.is_ascii_lowercase()) {
            current = line.split_once('=').unwrap().0.trim().to_owned();
            assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{current} stands twice");
        }
        for part in line.split('$').skip(1) {
            let name = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            found.get_mut(&current).unwrap().insert(name.to_owned());
        }
    }
    found
}

fn files(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) && !path.ends_with("tests.rs")
            {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), extension, &mut found);
    assert!(!found.is_empty(), "{folder} has no *.{extension}");
    found
}

/// The first string after each call of `t` or `t1`.
fn asked_for(text: &str) -> BTreeSet<String> {
    [".t(\"", ".t1(\"", ".t2(\""]
        .iter()
        .flat_map(|call| text.split(call).skip(1))
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn both_languages_have_the_same_keys_and_variables() {
    let (english, german) = (messages(Language::En.source()), messages(Language::De.source()));
    for (key, variables) in &english {
        assert_eq!(german.get(key), Some(variables), "{key} in de.ftl");
    }
    for key in german.keys() {
        assert!(english.contains_key(key), "{key} stands only in de.ftl");
    }
}

#[test]
fn the_word_files_parse_without_a_slip() {
    for language in Language::ALL {
        let resource = FluentResource::try_new(language.source().to_owned());
        let (_, errors) = resource.map_or_else(|(r, e)| (r, e), |r| (r, Vec::new()));
        assert!(errors.is_empty(), "{}: {errors:?}", language.code());
        for key in messages(language.source()).keys() {
            let catalog = Catalog::of(language);
            assert!(catalog.resolve(key, None).is_some(), "{key} in {}", language.code());
        }
    }
}

#[test]
fn every_key_that_is_asked_for_exists() {
    let known = messages(Language::En.source());
    for (path, text) in files("templates", "html").into_iter().chain(files("src", "rs")) {
        for key in asked_for(&text) {
            assert!(known.contains_key(&key), "{} asks for {key}", path.display());
        }
    }
}

#[test]
fn every_key_is_asked_for() {
    let templates = files("templates", "html");
    let sources = files("src", "rs");
    for key in messages(Language::En.source()).keys() {
        let used = templates.iter().any(|(_, text)| asked_for(text).contains(key))
            || sources.iter().any(|(_, text)| text.contains(&format!("\"{key}\"")));
        assert!(used, "nobody asks for {key}: take it out of the word files");
    }
}

#[test]
fn the_words_keep_the_house_style() {
    for language in Language::ALL {
        let text = language.source().to_lowercase();
        for word in
            ["please", "invalid", "oops", "sorry", "bitte", "ungültig", "hoppla", " sie haben", "ihre "]
        {
            let found = text.lines().find(|line| !line.starts_with('#') && line.contains(word));
            assert_eq!(found, None, "“{word}” in {}", language.code());
        }
    }
}

#[test]
fn a_missing_key_shows_as_itself() {
    assert_eq!(Words::new().get(Language::De, "no-such-key"), "no-such-key");
}

#[test]
fn a_language_that_nobody_reads_takes_no_memory() {
    let words = Words::new();
    let read = || words.catalogs.each_ref().map(|catalog| catalog.get().is_some());
    assert_eq!(read(), [false, false]);
    assert_eq!(words.duration(Language::De, 1), "1 Sekunde");
    assert_eq!(read(), [false, true]);
    assert_eq!(words.duration(Language::En, 1), "1 second");
    assert_eq!(read(), [true, true]);
}

#[test]
fn values_are_filled_in_without_invisible_marks() {
    let words = Words::new();
    let text = words.get_with(Language::En, "register-heading", &[("issuer", Arg::Text("Acme"))]);
    assert_eq!(text, "Create your Acme account");
}

#[test]
fn plurals_follow_the_number() {
    let words = Words::new();
    assert_eq!(words.duration(Language::En, 1), "1 second");
    assert_eq!(words.duration(Language::En, -70), "70 seconds");
    assert_eq!(words.duration(Language::De, 119), "119 Sekunden");
    assert_eq!(words.duration(Language::De, 120), "2 Minuten");
    assert_eq!(words.duration(Language::En, 1799), "30 minutes");
}

#[test]
fn the_browser_chooses_the_language() {
    let cases = [
        ("", Language::En),
        ("de", Language::De),
        ("de-AT,de;q=0.9,en;q=0.8", Language::De),
        ("en;q=0.5,de;q=0.9", Language::De),
        ("fr,de;q=0.4,en;q=0.2", Language::De),
        ("fr", Language::En),
        ("de;q=0,en", Language::En),
        ("*", Language::En),
        ("de;q=abc,\u{0}\u{ff},,;;", Language::En),
    ];
    for (header, expected) in cases {
        assert_eq!(Language::negotiate(header), expected, "{header:?}");
    }
}

#[test]
fn a_language_is_known_by_its_code_only() {
    assert_eq!(Language::from_code("de"), Some(Language::De));
    assert_eq!(Language::from_code("DE"), None);
    assert_eq!(Language::from_code("../de"), None);
}
