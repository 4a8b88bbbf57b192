//! The content security policy, as the browser applies it. That no page breaks it is seen at the end of every journey.

use crate::browser::Window;
use crate::story::Story;

#[test]
fn an_inline_script_is_stopped_and_the_suite_would_notice() {
    let story = Story::begin(Window::DESKTOP);
    story.browser.open("/login");
    assert!(story.browser.complaints().is_empty());
    let inject = "const script = document.createElement('script'); script.textContent = 'window.stolen = 1'; \
                  document.body.append(script); return window.stolen === undefined";
    assert_eq!(story.browser.driver().script(inject), true, "the script did not run");
    let complaints = story.browser.complaints();
    assert!(complaints.iter().any(|line| line.contains("Content Security Policy")), "{complaints:?}");
}

#[test]
fn a_form_that_another_site_sends_is_refused() {
    let story = Story::begin(Window::DESKTOP);
    story.becomes_a_user("ada");
    crate::tour::sends_a_forged_form(&story);
    assert_eq!(story.browser.heading(), "That form came from another site");
    assert_eq!(story.browser.status(), 403);
    story.browser.open("/");
    story.is_signed_in_as("ada");
}
