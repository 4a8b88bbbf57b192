//! The whole journey in German, asked for by the browser or by a click.

use std::collections::BTreeSet;

use crate::browser::Window;
use crate::story::Story;

/// Messages of one language's file, without those that have something filled in.
fn messages(file: &str) -> BTreeSet<&str> {
    let lines = file.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    lines
        .filter_map(|line| line.split_once(" = "))
        .map(|(_, words)| words)
        .filter(|words| !words.contains('{'))
        .collect()
}

/// Messages that say the same in both languages would be no sign of anything.
fn english_only() -> Vec<&'static str> {
    let english = messages(include_str!("../../locales/en.ftl"));
    let german = messages(include_str!("../../locales/de.ftl"));
    english.difference(&german).copied().collect()
}

fn is_german(story: &Story, page: &str) {
    let language = story.browser.driver().script("return document.documentElement.lang");
    assert_eq!(language, "de", "{page}");
    let words = story.browser.words();
    // The footer names each language in its own words.
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| *line != "English").collect();
    for english in english_only() {
        let found =
            lines.iter().find(|line| **line == english || (english.len() > 16 && line.contains(english)));
        assert!(found.is_none(), "{page} says “{english}”");
    }
    assert!(
        !english_only().iter().any(|english| story.browser.title().contains(english)),
        "{}",
        story.browser.title()
    );
}

#[test]
fn whoever_asks_for_german_goes_the_whole_way_in_german() {
    assert!(english_only().len() > 100, "the words to look for were found");
    let story = Story::begin(Window { language: "de", ..Window::DESKTOP });
    story.newcomer("ada", &mut |story, page| {
        story.browser.keeps_picture("newcomer-german", page);
        is_german(story, page);
    });
}

#[test]
fn problems_are_named_in_german() {
    let story = Story::begin(Window { language: "de", ..Window::DESKTOP });
    let (browser, says) = (&story.browser, story.says);
    browser.open("/register");
    browser.press(says.next);
    browser.hears("Gib einen Benutzernamen ein.");
    is_german(&story, "register with a problem");
    story.registers("ada");
    let app = story.scans();
    browser.fill(says.enroll_code, &app.wrong_code(story.server.clock.now()));
    browser.press(says.confirm);
    browser.hears(says.code_is_wrong);
    is_german(&story, "enroll with a problem");
    browser.open("/nirgendwo");
    browser.arrives_at("/nirgendwo", "Seite nicht gefunden");
    is_german(&story, "not found");
}

#[test]
fn a_language_that_was_clicked_stays() {
    let story = Story::begin(Window::DESKTOP);
    let browser = &story.browser;
    browser.open("/login");
    browser.arrives_at("/login", "Sign in to Latchkey");
    browser.press("Deutsch");
    browser.arrives_at("/login", "Bei Latchkey anmelden");
    browser.press("Konto anlegen");
    browser.arrives_at("/register", "Dein Konto bei Latchkey");
    browser.press("English");
    browser.arrives_at("/register", "Create your Latchkey account");
    browser.open("/login");
    browser.arrives_at("/login", "Sign in to Latchkey");
}
