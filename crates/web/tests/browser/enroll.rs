//! Setting up the authenticator: what a wrong code, a reload and the back button do not change.

use crate::browser::Window;
use crate::story::Story;

#[test]
fn a_wrong_code_a_reload_and_the_back_button_keep_the_same_qr_code() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    story.registers("ada");
    let app = story.scans();

    let wrong = app.wrong_code(story.server.clock.now());
    browser.fill(says.enroll_code, &wrong);
    browser.press(says.confirm);
    browser.hears(says.code_is_wrong);
    assert_eq!(browser.status(), 422);
    assert!(browser.title().starts_with("Error: "), "{}", browser.title());
    assert_eq!(story.scans(), app, "after a wrong code");

    browser.open("/enroll");
    browser.reload();
    browser.arrives_at("/enroll", says.enroll);
    assert_eq!(story.scans(), app, "after a reload");

    browser.open("/login");
    browser.goes_back();
    browser.arrives_at("/enroll", says.enroll);
    assert_eq!(story.scans(), app, "after going back");

    story.waits_for_the_next_code();
    story.confirms(&app);
}

#[test]
fn a_setup_page_that_was_left_for_half_an_hour_says_how_to_start_again() {
    let story = Story::begin(Window::DESKTOP);
    story.registers("ada");
    story.server.clock.advance(31 * 60);
    story.browser.open("/enroll");
    story.browser.arrives_at("/enroll", "This setup page has expired");
    assert_eq!(story.browser.status(), 410);
    story.registers("ada");
    story.confirms(&story.scans());
}

#[test]
fn the_setup_key_can_be_copied() {
    const PASTE: char = 'v';
    let story = Story::begin(Window::DESKTOP);
    story.registers("ada");
    let app = story.scans();
    story.browser.press(story.says.cannot_scan);
    story.browser.press("Copy");
    assert!(story.browser.comes_true(|| story.browser.offers("Copied")));
    story.browser.goes_to(story.says.enroll_code);
    story.browser.types_with_control(PASTE);
    assert_eq!(story.browser.value(story.says.enroll_code), app.key_in_groups().replace(' ', ""));
}

#[test]
fn the_page_says_when_this_device_is_out_of_time() {
    let story = Story::begin(Window::DESKTOP);
    story.registers("ada");
    let is_right = || {
        // Again, in case the machine was too busy to answer within the five seconds that the page forgives.
        story.server.keeps_time();
        story.browser.reload();
        story.browser.words().contains("This device’s clock is right.")
    };
    assert!(story.browser.comes_true(is_right), "{}", story.browser.words());

    story.server.clock.advance(10 * 60);
    story.browser.reload();
    let words = story.browser.words();
    assert!(words.contains("This device’s clock is 10 minutes behind."), "{words}");
}
