//! Links from an administrator, for a lost phone and for a lost password.

use auth::link::{self, Purpose};

use crate::browser::Window;
use crate::story::{PASSWORD, Story};

fn follows_a_link(story: &Story, purpose: Purpose) {
    let link = story.server.runs(async |app| link::make(app, "ada", purpose).await).expect("a link");
    story.browser.open(&link.url);
    assert!(story.browser.comes_true(|| story.browser.heading() == "A link for ada"));
}

fn loses_the_password(window: Window) {
    let story = Story::begin(window);
    let (browser, says) = (&story.browser, story.says);
    let (app, _) = story.becomes_a_user("ada");
    story.signs_out();
    story.waits_for_the_next_code();
    follows_a_link(&story, Purpose::Password);
    browser.fill("New password", "short");
    browser.fill(says.code_field, &story.code(&app));
    browser.press(says.next);
    browser.hears("That password is too short. Use at least 8 characters.");
    browser.fill("New password", "violet anchor plum harbor");
    browser.fill(says.code_field, &story.code(&app));
    browser.press(says.next);
    story.is_signed_in_as("ada");
}

#[test]
fn a_lost_password_is_replaced_by_a_link_and_a_code_at_a_desk() {
    loses_the_password(Window::DESKTOP);
}

#[test]
fn a_lost_password_is_replaced_by_a_link_and_a_code_on_a_phone() {
    loses_the_password(Window::PHONE);
}

#[test]
fn a_lost_password_is_replaced_by_a_link_and_a_code_without_javascript() {
    loses_the_password(Window { scripts: false, ..Window::DESKTOP });
}

fn loses_the_phone(window: Window) {
    let story = Story::begin(window);
    let (browser, says) = (&story.browser, story.says);
    story.becomes_a_user("ada");
    story.signs_out();
    follows_a_link(&story, Purpose::Enroll);
    browser.fill(says.password, PASSWORD);
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll_again);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    story.is_signed_in_as("ada");
}

#[test]
fn a_lost_phone_is_replaced_by_a_link_and_the_password_at_a_desk() {
    loses_the_phone(Window::DESKTOP);
}

#[test]
fn a_lost_phone_is_replaced_by_a_link_and_the_password_on_a_phone() {
    loses_the_phone(Window::PHONE);
}

#[test]
fn whoever_has_lost_both_is_asked_for_neither() {
    let story = Story::begin(Window::PHONE);
    let (browser, says) = (&story.browser, story.says);
    story.becomes_a_user("ada");
    story.signs_out();
    follows_a_link(&story, Purpose::Both);
    browser.fill("New password", "violet anchor plum harbor");
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll_again);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    story.is_signed_in_as("ada");
}
