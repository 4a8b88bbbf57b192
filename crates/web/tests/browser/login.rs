//! Signing in: with a code, with one that is spent, and with a recovery code when the phone is gone.

use crate::browser::Window;
use crate::story::{PASSWORD, Story};

#[test]
fn a_code_works_once() {
    let story = Story::begin(Window::DESKTOP);
    let (app, _) = story.becomes_a_user("ada");
    story.signs_out();

    story.gives_the_password("ada");
    story.gives_the_code(&story.code(&app));
    story.browser.hears("That code has been used already. Wait for the next one.");
    assert_eq!(story.browser.status(), 422);
    story.waits_for_the_next_code();
    story.gives_the_code(&story.code(&app));
    story.is_signed_in_as("ada");
}

#[test]
fn a_recovery_code_leads_to_a_new_authenticator_and_the_old_one_is_dead() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    let (lost, codes) = story.becomes_a_user("ada");
    story.signs_out();

    story.gives_the_password("ada");
    browser.press(says.lost);
    browser.arrives_at("/login/recovery", says.recovery);
    browser.fill(says.recovery_field, &codes[3].to_uppercase().replace('-', " "));
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll_again);
    let new = story.scans();
    assert_ne!(new, lost);
    story.confirms(&new);
    let new_codes = story.keeps_the_codes();
    assert!(new_codes.iter().all(|code| !codes.contains(code)), "all ten codes are new");
    story.is_signed_in_as("ada");
    story.signs_out();

    story.waits_for_the_next_code();
    story.gives_the_password("ada");
    story.gives_the_code(&story.code(&lost));
    browser.hears("That code is of an old entry in your app, “Latchkey: ada”");
    browser.press(says.lost);
    browser.fill(says.recovery_field, &codes[4]);
    browser.press(says.next);
    browser.hears("That recovery code is not right.");
    browser.open("/login/code");
    story.gives_the_code(&story.code(&new));
    story.is_signed_in_as("ada");
}

#[test]
fn a_wrong_password_keeps_the_name_and_does_not_say_which_was_wrong() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    story.becomes_a_user("ada");
    story.signs_out();
    for name in ["ada", "nobody"] {
        browser.open("/login");
        browser.fill(says.username, name);
        browser.fill(says.password, &format!("not {PASSWORD}"));
        browser.press(says.next);
        browser.hears("The username or password is not right.");
        assert_eq!(browser.value(says.username), name);
        assert_eq!(browser.value(says.password), "");
    }
}

#[test]
fn a_session_left_alone_for_half_an_hour_has_ended() {
    let story = Story::begin(Window::DESKTOP);
    story.becomes_a_user("ada");
    story.server.clock.advance(31 * 60);
    story.browser.open("/");
    story.browser.arrives_at("/login", story.says.login);
}

#[test]
fn after_too_many_wrong_passwords_the_page_counts_down() {
    let story = Story::begin(Window::DESKTOP);
    crate::tour::tries_until_resting(&story, "grace");
    assert_eq!(story.browser.status(), 429);
    let figure = story.browser.text_at("//*[@data-countdown]").unwrap();
    assert!(figure.starts_with("0:") && figure.len() == 4, "{figure}");
    let disabled = "return document.querySelector('[data-countdown-link]').getAttribute('aria-disabled')";
    assert_eq!(story.browser.driver().script(disabled), "true");
}
