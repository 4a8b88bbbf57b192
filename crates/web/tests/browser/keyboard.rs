//! The whole way in without a mouse, with a ring around whatever has the focus.

use serde_json::Value;

use crate::authenticator::pixels;
use crate::browser::Window;
use crate::story::{PASSWORD, Story};

const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
const SPACE: &str = " ";
/// `--focus` in the style sheet, in light.
const RING: [u8; 3] = [0x1D, 0x5F, 0xD0];

/// Presses Tab until the focus is on the control with these words or this label. Every stop on the way must be visible.
fn tabs_to(story: &Story, words: &str) {
    let mut passed = Vec::new();
    for _ in 0..25 {
        let stop = focused(story);
        if stop["words"] == words {
            return;
        }
        passed.push(stop["words"].to_string());
        story.browser.types(TAB);
        has_a_ring(&focused(story));
    }
    panic!("no Tab leads to “{words}”, only to {}", passed.join(", "));
}

/// What has the focus, what people call it, and how it is marked.
fn focused(story: &Story) -> Value {
    let look = "const here = document.activeElement, style = getComputedStyle(here); \
                const words = here.labels?.[0]?.innerText ?? here.innerText ?? ''; \
                return { words: words.trim(), tag: here.tagName, style: style.outlineStyle, \
                         width: parseFloat(style.outlineWidth), color: style.outlineColor }";
    story.browser.driver().script(look)
}

fn has_a_ring(stop: &Value) {
    // Past the last control the focus leaves the page for the browser's own.
    if stop["tag"] != "BODY" {
        assert!(stop["style"] == "solid" && stop["width"].as_f64() >= Some(3.0), "no ring around {stop}");
        assert_eq!(stop["color"], "rgb(29, 95, 208)", "{stop}");
    }
}

/// How many pixels of the screen have the color of the ring.
fn ring_pixels(story: &Story) -> usize {
    pixels(&story.browser.screenshot()).2.iter().filter(|pixel| **pixel == RING).count()
}

#[test]
fn everything_can_be_done_with_the_keyboard_alone() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    browser.open("/login");
    tabs_to(&story, says.create_account);
    browser.types(ENTER);

    browser.arrives_at("/register", says.register);
    assert_eq!(focused(&story)["words"], says.username, "the first field has the cursor");
    browser.types("ada");
    tabs_to(&story, says.password);
    browser.types(PASSWORD);
    tabs_to(&story, says.next);
    browser.types(ENTER);

    browser.arrives_at("/enroll", says.enroll);
    let app = story.scans();
    tabs_to(&story, says.enroll_code);
    browser.types(&story.code(&app));
    browser.types(ENTER);

    browser.arrives_at("/enroll/recovery-codes", says.codes);
    tabs_to(&story, says.saved);
    browser.types(SPACE);
    tabs_to(&story, says.finish);
    browser.types(ENTER);

    story.is_signed_in_as("ada");
    tabs_to(&story, says.sign_out);
    browser.types(ENTER);
    browser.arrives_at("/login", says.login);

    story.waits_for_the_next_code();
    tabs_to(&story, says.username);
    browser.types("ada");
    tabs_to(&story, says.password);
    browser.types(PASSWORD);
    browser.types(ENTER);
    browser.arrives_at("/login/code", says.code);
    assert_eq!(focused(&story)["words"], says.code_field, "the code field has the cursor");
    browser.types(&story.code(&app));
    browser.types(ENTER);
    story.is_signed_in_as("ada");
}

#[test]
fn the_ring_around_a_button_is_seen_on_the_screen() {
    let story = Story::begin(Window::DESKTOP);
    story.browser.open("/register");
    story.browser.driver().script("document.activeElement.blur()");
    assert_eq!(ring_pixels(&story), 0, "nothing has the focus");
    tabs_to(&story, story.says.next);
    // Three pixels wide around a button of about 350 by 48.
    assert!(ring_pixels(&story) > 1500, "{} pixels", ring_pixels(&story));
}

#[test]
fn after_a_mistake_the_summary_has_the_focus_and_leads_to_the_field() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    browser.open("/register");
    browser.press(says.next);
    browser.hears("Enter a username.");
    let summary =
        || focused(&story)["words"].as_str().is_some_and(|words| words.starts_with("There is a problem"));
    assert!(browser.comes_true(summary), "{}", focused(&story));
    browser.types(TAB);
    browser.types(ENTER);
    assert!(browser.comes_true(|| focused(&story)["words"] == says.username), "{}", focused(&story));
}
