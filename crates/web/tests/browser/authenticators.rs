//! A second authenticator, a new phone, and a phone whose clock is wrong.

use crate::authenticator::Authenticator;
use crate::browser::Window;
use crate::story::Story;

const WITHOUT_SCRIPTS: Window = Window { scripts: false, ..Window::DESKTOP };

/// Connects what the page offers, and comes back to the list.
fn connects(story: &Story, name: &str) -> Authenticator {
    let (browser, says) = (&story.browser, story.says);
    browser.fill("Name", name);
    browser.press(says.next);
    browser.arrives_at("/enroll", "Connect the app");
    let app = story.scans();
    let label = format!("otpauth://totp/Latchkey:ada%20%28{}%29", name.replace(' ', "%20"));
    assert_eq!(app.uri.split_once('?').map(|uri| uri.0), Some(&*label), "no other entry has this label");
    browser.fill(says.enroll_code, &story.code(&app));
    browser.press(says.confirm);
    browser.arrives_at("/account/authenticators", "Authenticators");
    assert!(browser.words().contains(name), "{}", browser.words());
    app
}

fn signs_in_with(story: &Story, app: &Authenticator) {
    story.waits_for_the_next_code();
    story.gives_the_password("ada");
    story.gives_the_code(&story.code(app));
    story.is_signed_in_as("ada");
}

fn adds_a_second(window: Window) {
    let story = Story::begin(window);
    let browser = &story.browser;
    let (first, _) = story.becomes_a_user("ada");
    // The list is in the order of birth.
    story.waits_for_the_next_code();
    browser.open("/account/authenticators");
    browser.press("Add another");
    browser.arrives_at("/account/authenticators/add", "Add an authenticator");
    browser.press(story.says.next);
    browser.hears("A name has 1 to 32 characters, and no colon or parentheses.");
    let tablet = connects(&story, "iPad");

    browser.open("/");
    story.signs_out();
    signs_in_with(&story, &tablet);
    story.signs_out();
    signs_in_with(&story, &first);

    browser.open("/account/authenticators");
    browser.press("Remove");
    browser.arrives_at("/account/authenticators/remove", "Remove Latchkey: ada?");
    browser.press("Remove");
    browser.arrives_at("/account/authenticators", "Authenticators");
    assert!(!browser.offers("Remove"), "the last one stays");
    browser.open("/");
    story.signs_out();
    signs_in_with(&story, &tablet);
}

#[test]
fn a_second_authenticator_signs_in_at_a_desk() {
    adds_a_second(Window::DESKTOP);
}

#[test]
fn a_second_authenticator_signs_in_on_a_phone() {
    adds_a_second(Window::PHONE);
}

#[test]
fn a_second_authenticator_signs_in_without_javascript() {
    adds_a_second(WITHOUT_SCRIPTS);
}

fn moves_to_a_new_phone(window: Window) {
    let story = Story::begin(window);
    let browser = &story.browser;
    let (old, _) = story.becomes_a_user("ada");
    browser.open("/account/authenticators");
    browser.press("I have a new phone");
    browser.arrives_at("/account/authenticators/new-phone", "Move to a new phone");
    browser.tick("End it at once");
    let new = connects(&story, "Phone 2");

    browser.open("/");
    story.signs_out();
    story.waits_for_the_next_code();
    story.gives_the_password("ada");
    story.gives_the_code(&story.code(&old));
    assert!(browser.comes_true(|| !browser.problems().is_empty()));
    let said = browser.problems().join(" ");
    assert!(said.starts_with("That code is of an old entry in your app, “Latchkey: ada”"), "{said}");
    story.gives_the_code(&story.code(&new));
    story.is_signed_in_as("ada");
}

#[test]
fn a_new_phone_takes_the_place_of_the_old_one_at_a_desk() {
    moves_to_a_new_phone(Window::DESKTOP);
}

#[test]
fn a_new_phone_takes_the_place_of_the_old_one_on_the_phone() {
    moves_to_a_new_phone(Window::PHONE);
}

#[test]
fn a_new_phone_takes_the_place_of_the_old_one_without_javascript() {
    moves_to_a_new_phone(WITHOUT_SCRIPTS);
}

#[test]
fn two_codes_in_a_row_take_a_slow_phone_along() {
    let story = Story::begin(WITHOUT_SCRIPTS);
    let browser = &story.browser;
    let (app, _) = story.becomes_a_user("ada");
    story.signs_out();
    story.server.clock.advance(300);
    let slow = |seconds: i64| app.code(story.server.clock.now().plus_seconds(seconds - 90));
    story.gives_the_password("ada");
    story.gives_the_code(&slow(0));
    let told =
        "Your phone’s clock is 90 seconds behind. Turn on automatic date and time, then use the newest code.";
    browser.hears(told);
    browser.press("The phone’s clock cannot be set?");
    browser.fill("The code that comes right after it", &slow(30));
    story.server.clock.advance(30);
    story.gives_the_code(&slow(-30));
    story.is_signed_in_as("ada");

    // From now on one code is enough.
    story.signs_out();
    story.waits_for_the_next_code();
    story.gives_the_password("ada");
    story.gives_the_code(&slow(0));
    story.is_signed_in_as("ada");
}
