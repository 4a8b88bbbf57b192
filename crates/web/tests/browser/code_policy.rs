//! A name and a code on one page, and the password of those who look after others.

use auth::config::Factors;
use auth::setup;

use crate::browser::Window;
use crate::story::{PASSWORD, Story};

fn signs_in_by_a_code_alone(window: Window, folder: &str) {
    let story = Story::begin_with(window, |config| config.factors = Factors::Code);
    let (browser, says) = (&story.browser, story.says);
    browser.open("/register");
    browser.arrives_at("/register", says.register);
    assert!(!browser.words().contains(says.password), "no password is asked of anybody");
    browser.keeps_picture(folder, "register");
    browser.fill(says.username, "ada");
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    story.is_signed_in_as("ada");
    story.signs_out();

    story.waits_for_the_next_code();
    browser.keeps_picture(folder, "login");
    browser.fill(says.username, "ada");
    browser.fill(says.code_field, &app.wrong_code(story.server.clock.now()));
    browser.press(says.next);
    browser.hears("The username or code is not right. If you just used this code, wait for the next one.");
    browser.keeps_picture(folder, "login-problem");
    browser.fill(says.code_field, &story.code(&app));
    browser.press(says.next);
    story.is_signed_in_as("ada");
}

#[test]
fn a_name_and_a_code_are_enough_at_a_desk() {
    signs_in_by_a_code_alone(Window::DESKTOP, "code-policy-desktop");
}

#[test]
fn a_name_and_a_code_are_enough_on_a_phone() {
    signs_in_by_a_code_alone(Window::PHONE, "code-policy-phone");
}

#[test]
fn a_name_and_a_code_are_enough_without_javascript() {
    signs_in_by_a_code_alone(Window { scripts: false, ..Window::DESKTOP }, "code-policy-without-scripts");
}

#[test]
fn whoever_looks_after_others_is_asked_for_the_password_after_the_code() {
    let story = Story::begin_with(Window::DESKTOP, |config| config.factors = Factors::Code);
    let (browser, says) = (&story.browser, story.says);
    let link = story.server.runs(async |app| setup::owner_link(app).await).expect("nobody is the owner yet");
    browser.open(&link.url);
    browser.fill(says.username, "olga");
    browser.fill(says.password, PASSWORD);
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    story.is_signed_in_as("olga");
    story.signs_out();

    story.waits_for_the_next_code();
    browser.fill(says.username, "olga");
    browser.fill(says.code_field, &story.code(&app));
    browser.press(says.next);
    browser.arrives_at("/login/password", "And your password");
    browser.fill(says.password, "not the password");
    browser.press("Sign in");
    browser.hears("That password is not right.");
    browser.fill(says.password, PASSWORD);
    browser.press("Sign in");
    story.is_signed_in_as("olga");
}
