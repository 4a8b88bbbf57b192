//! Return addresses, followed by a real browser: it always ends at our own host.

use crate::browser::Window;
use crate::hostile_addresses::hostile;
use crate::story::{PASSWORD, Story};

fn encoded(address: &str) -> String {
    form_urlencoded::byte_serialize(address.as_bytes()).collect()
}

#[test]
fn of_more_than_a_hundred_hostile_addresses_a_browser_follows_none() {
    let story = Story::begin(Window::DESKTOP);
    let (app, _) = story.becomes_a_user("ada");
    let (browser, origin) = (&story.browser, story.server.origin());
    let all = hostile(origin.trim_start_matches("http://"));
    let here = || browser.driver().script("return location.origin") == origin.as_str();
    let mut followed = 0;
    for address in all.iter().step_by(11) {
        browser.open(&format!("/login?rd={}", encoded(address)));
        assert!(browser.comes_true(here), "{address:?} leads to {}", browser.path());
        followed += 1;
    }
    println!("{followed} of {} addresses followed", all.len());
    assert!(followed > 100, "{followed}");
    // The control: a path of ours is followed.
    browser.open(&format!("/login?rd={}", encoded("/account/sessions")));
    browser.arrives_at("/account/sessions", "Where you are signed in");

    // Carried through a sign-in, by the forms themselves.
    for address in ["//evil.example/", "/\\evil.example/", "https://evil.example/", "javascript:alert(1)"] {
        browser.open("/");
        story.is_signed_in_as("ada");
        story.signs_out();
        story.waits_for_the_next_code();
        browser.open(&format!("/login?rd={}", encoded(address)));
        browser.arrives_at("/login", story.says.login);
        browser.fill(story.says.username, "ada");
        browser.fill(story.says.password, PASSWORD);
        // Even where somebody has put it into the form on its way.
        browser.driver().script(&format!(
            "const rd = document.createElement('input'); rd.name = 'rd'; rd.type = 'hidden'; rd.value = {address:?}; \
             document.querySelectorAll('input[name=rd]').forEach(old => old.remove()); \
             document.querySelector('form').append(rd)"
        ));
        browser.press(story.says.next);
        browser.arrives_at("/login/code", story.says.code);
        story.gives_the_code(&story.code(&app));
        story.is_signed_in_as("ada");
    }
}
