//! Every page in both languages, with and without problems: the HTML is checked, and laid out in `target/gallery`
//! to be looked at.

mod html;
mod samples;

use std::fs;
use std::path::Path;

use super::*;
use crate::assets;
use crate::shell::Shell;
use crate::words::{Language, Words};
use html::Html;

fn shell(language: Language) -> Shell {
    Shell {
        words: Words::new(),
        language,
        issuer: "Latchkey".to_owned(),
        branding: crate::branding::Branding::default(),
        path: "/login".to_owned(),
        signed_in_as: None,
        json: false,
        returns_to: None,
        now: auth::Time::from_millis(1_795_529_132_000),
    }
}

fn each_page(mut look: impl FnMut(&str, &Shell, &str)) {
    for language in Language::ALL {
        let shell = shell(language);
        for (name, html) in samples::all(&shell) {
            look(&format!("{name}-{}", language.code()), &shell, &html);
        }
    }
}

#[test]
fn every_page_is_sound_html() {
    each_page(|name, shell, text| {
        let html = Html::read(name, text);
        html.is_balanced();
        html.has_one_heading_and_one_main();
        html.labels_every_field();
        html.knows_its_autocomplete_tokens();
        html.has_no_inline_script_or_style();
        html.has_unique_ids_and_live_references();
        html.has_at_most_one_main_button();
        html.posts_without_the_browsers_own_checks();
        assert_eq!(html.first("html").get("lang"), Some(shell.language.code()), "{name}");
        assert!(html.title().ends_with(" – Latchkey"), "{name}: {}", html.title());
    });
}

#[test]
fn no_key_and_no_variable_is_left_on_a_page() {
    let keys: Vec<&str> = include_str!("../../locales/en.ftl")
        .lines()
        .filter_map(|line| line.split_once(" ="))
        .map(|(key, _)| key)
        .filter(|key| key.contains('-') && key.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    assert!(keys.len() > 50);
    each_page(|name, _, text| {
        assert!(!text.contains("{$"), "{name} shows a variable");
        for words in Html::read(name, text).words() {
            let words = words.trim();
            assert!(!keys.contains(&words), "{name} shows the key {words}");
        }
    });
}

#[test]
fn a_problem_is_named_in_the_title_above_the_heading_and_beside_its_field() {
    let shell = shell(Language::En);
    let problems = [Problem::at("username", shell.t("problem-username-taken"))];
    let text = samples::register(&shell, &problems, register::Welcome::Anyone);
    let html = Html::read("register", &text);

    assert_eq!(html.title(), "Error: Create your account – Latchkey");
    assert!(text.find("class=\"problems\"").unwrap() < text.find("<h1").unwrap());
    assert!(text.contains("<a href=\"#username\">That username is taken. Try another.</a>"));
    assert!(text.contains("id=\"username-problem\""));
    assert_eq!(html.by_id("username").get("aria-invalid"), Some("true"));
    assert_eq!(html.by_id("username").get("aria-describedby"), Some("username-problem username-hint"));
    assert_eq!(html.by_id("password").get("aria-invalid"), None);
}

#[test]
fn what_a_person_typed_is_escaped() {
    let shell = Shell { issuer: "A<b>&\"".to_owned(), ..shell(Language::En) };
    let text = samples::code(&shell, &[], "<script>alert(1)</script>\"'");
    assert!(!text.contains("<script>alert"));
    assert!(!text.contains("A<b>"));
    assert!(!text.contains("value=\"<"));
}

#[test]
fn the_code_page_has_one_field_and_one_button() {
    let text = samples::code(&shell(Language::En), &[], "ada");
    let html = Html::read("code", &text);
    assert_eq!(html.all("button").count(), 1);
    let shown: Vec<_> = html.all("input").filter(|input| !input.has("hidden")).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].get("autocomplete"), Some("one-time-code"));
    assert_eq!(shown[0].get("inputmode"), Some("numeric"));
    assert_eq!(shown[0].get("maxlength"), None, "a pasted “123 456” would lose its end");
}

#[test]
fn what_only_a_script_can_do_is_hidden_until_it_runs() {
    each_page(|name, _, text| {
        for tag in Html::read(name, text).tags() {
            let needs_script = ["data-show", "data-copy", "data-copy-list", "data-print", "data-countdown"]
                .iter()
                .any(|attribute| tag.has(attribute));
            assert!(!needs_script || tag.has("hidden"), "{name}: {tag:?}");
        }
    });
}

#[test]
fn the_gallery_is_laid_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    fs::create_dir_all(&folder).unwrap();
    for asset in assets::ASSETS {
        fs::write(folder.join(asset.name), asset.body).unwrap();
    }
    fs::write(folder.join("qr.svg"), samples::picture()).unwrap();
    let mut index = String::from("<!doctype html><title>Gallery</title>\n");
    each_page(|name, _, text| {
        let mut text = text.replace("/enroll/qr.png", "qr.svg");
        for asset in assets::ASSETS {
            text = text.replace(asset.path, asset.name);
        }
        fs::write(folder.join(format!("{name}.html")), text).unwrap();
        index.push_str(&format!("<p><a href=\"{name}.html\">{name}</a>\n"));
    });
    fs::write(folder.join("index.html"), index).unwrap();
}
