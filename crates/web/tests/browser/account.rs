//! One's own account: another password and new recovery codes, after a fresh proof, with and without scripts.

use crate::browser::Window;
use crate::story::{PASSWORD, Story};

fn changes_the_password_and_the_recovery_codes(window: Window) {
    let story = Story::begin(window);
    let browser = &story.browser;
    let (app, codes) = story.becomes_a_user("ada");
    browser.press("Your account");
    browser.arrives_at("/account", "Your account");
    story.server.clock.advance(6 * 60);

    browser.press("Make new ones");
    browser.arrives_at("/account/prove", "Is it still you?");
    browser.fill("Password", PASSWORD);
    browser.fill(story.says.code_field, &story.code(&app));
    browser.press(story.says.next);
    browser.arrives_at("/account/recovery-codes", "Make new recovery codes?");
    browser.press("Make ten new codes");
    browser.arrives_at("/enroll/recovery-codes", story.says.codes);
    let new = story.keeps_the_codes();
    assert!(new.iter().all(|code| !codes.contains(code)), "all ten codes are new");

    browser.arrives_at("/account", "Your account");
    browser.press("Change");
    browser.arrives_at("/account/password", "Change your password");
    browser.fill("New password", "violet anchor plum harbor");
    browser.press("Change password");
    browser.arrives_at("/account", "Your account");
    browser.open("/account/activity");
    browser.arrives_at("/account/activity", "Activity");
    for what in ["Password changed", "New recovery codes made", "Everything given again to change something"]
    {
        assert!(browser.words().contains(what), "{what}: {}", browser.words());
    }
}

#[test]
fn a_password_and_recovery_codes_are_changed_after_a_fresh_proof() {
    changes_the_password_and_the_recovery_codes(Window::PHONE);
}

#[test]
fn the_same_works_without_javascript() {
    changes_the_password_and_the_recovery_codes(Window { scripts: false, ..Window::DESKTOP });
}
