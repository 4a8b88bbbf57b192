//! The code field sends itself when a whole code is pasted or filled in, and never while somebody types.

use std::time::Duration;

use serde_json::json;

use crate::authenticator::Authenticator;
use crate::browser::Window;
use crate::story::Story;

/// Ada, asked for a code that she has not used yet.
fn asked_for_a_code() -> (Story, Authenticator) {
    let story = Story::begin(Window::DESKTOP);
    let (app, _) = story.becomes_a_user("ada");
    story.signs_out();
    story.waits_for_the_next_code();
    (story, app)
}

#[test]
fn six_typed_digits_wait_for_the_button() {
    let (story, app) = asked_for_a_code();
    story.gives_the_password("ada");
    // The cursor is there already.
    story.browser.types(&story.code(&app));
    std::thread::sleep(Duration::from_millis(500));
    story.browser.arrives_at("/login/code", story.says.code);
    assert_eq!(story.browser.value(story.says.code_field), story.code(&app));
    story.browser.press(story.says.next);
    story.is_signed_in_as("ada");
}

#[test]
fn a_pasted_code_is_sent_at_once_spaces_and_all() {
    let (story, app) = asked_for_a_code();
    let code = story.code(&app);
    story.browser.open("/login");
    story.browser.fill(story.says.username, &format!("{} {}", &code[..3], &code[3..]));
    story.browser.goes_to(story.says.username);
    story.browser.types_with_control('a');
    story.browser.types_with_control('c');

    story.gives_the_password("ada");
    story.browser.types_with_control('v');
    story.is_signed_in_as("ada");
}

#[test]
fn a_code_that_the_browser_fills_in_is_sent_at_once() {
    let (story, app) = asked_for_a_code();
    story.gives_the_password("ada");
    story.browser.driver().devtools("Input.insertText", json!({ "text": story.code(&app) }));
    story.is_signed_in_as("ada");
}

#[test]
fn half_a_pasted_code_is_not_sent() {
    let (story, app) = asked_for_a_code();
    story.gives_the_password("ada");
    let half = story.code(&app)[..3].to_owned();
    story.browser.driver().devtools("Input.insertText", json!({ "text": half }));
    std::thread::sleep(Duration::from_millis(500));
    story.browser.arrives_at("/login/code", story.says.code);
    assert!(story.browser.problems().is_empty());
}
