//! Every page on a narrow screen, and with large text: nothing may reach beyond the edge. Pictures of all pages are kept
//! on the way.

use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::story::Story;
use crate::tour;

/// What reaches beyond the edge of the page, and how far the page scrolls sideways.
fn overflow(browser: &Browser) -> Vec<String> {
    let look = "const page = document.scrollingElement, edge = page.clientWidth, found = []; \
                if (page.scrollWidth > edge) found.push(`the page is ${page.scrollWidth} wide in ${edge}`); \
                for (const element of document.body.querySelectorAll('*')) { \
                  const box = element.getBoundingClientRect(); \
                  if (!element.checkVisibility() || element.closest('.unseen, .skip') || box.width === 0) continue; \
                  if (box.right > edge + 0.5 || box.left < -0.5) \
                    found.push(`<${element.tagName.toLowerCase()} class=\"${element.className}\"> from ${box.left} to ${box.right}`); \
                } \
                return found";
    let found = browser.driver().script(look);
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn walk(window: Window, look: &mut dyn FnMut(&Story, &str) -> Vec<String>) {
    let story = Story::begin(window);
    let mut bad = Vec::new();
    tour::every_page(&story, &mut |story, page| {
        bad.extend(look(story, page).iter().map(|finding| format!("{page}: {finding}")));
    });
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn nothing_reaches_beyond_the_edge_at_320_pixels() {
    walk(Window::DESKTOP, &mut |story, page| {
        story.browser.in_width(320);
        let found = overflow(&story.browser);
        for (width, place) in [(390, "phone"), (1280, "desktop")] {
            story.browser.in_width(width);
            for (dark, scheme) in [(true, "dark"), (false, "light")] {
                story.browser.in_dark(dark);
                story.browser.keeps_picture(&format!("{place}-{scheme}"), page);
            }
        }
        found
    });
}

#[test]
fn nothing_reaches_beyond_the_edge_with_text_twice_as_large() {
    walk(Window { text: 32, ..Window::DESKTOP }, &mut |story, page| {
        let mut found = overflow(&story.browser);
        story.browser.in_width(320);
        story.browser.keeps_picture("phone-large-text", page);
        found.extend(overflow(&story.browser));
        story.browser.in_width(1280);
        found
    });
}

#[test]
fn something_too_wide_is_noticed() {
    let story = Story::begin(Window::DESKTOP);
    story.browser.open("/login");
    story.browser.in_width(320);
    assert_eq!(overflow(&story.browser), [""; 0]);
    story.browser.driver().script("document.querySelector('main').style.width = '25rem'");
    assert!(overflow(&story.browser).len() > 1);
}
