//! Keeping the recovery codes: copied, downloaded, printed.

use serde_json::json;

use crate::browser::Window;
use crate::driver::bytes;
use crate::story::Story;

/// Ada, in front of her ten codes.
fn sees_the_codes() -> Story {
    let story = Story::begin(Window::DESKTOP);
    story.registers("ada");
    story.confirms(&story.scans());
    story
}

#[test]
fn the_codes_can_be_downloaded_as_text() {
    let story = sees_the_codes();
    let folder = tempfile::tempdir().unwrap();
    let place = json!({ "behavior": "allow", "downloadPath": folder.path() });
    story.browser.driver().devtools("Page.setDownloadBehavior", place);
    story.browser.press("Download");
    // The browser holds the name with an empty file, and puts the whole one in its place.
    let downloaded = || std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path());
    let named = || downloaded().find(|file| file.extension().is_some_and(|ending| ending == "txt"));
    let text = || named().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    assert!(story.browser.comes_true(|| !text().is_empty()), "{:?}", downloaded().collect::<Vec<_>>());

    let text = text();
    for code in story.shown_codes() {
        assert!(text.contains(&code), "{code} is not in the file:\n{text}");
    }
    assert!(
        text.contains("ada") && text.contains("Latchkey"),
        "the file says whose codes these are:\n{text}"
    );
}

#[test]
fn the_codes_can_be_copied() {
    let story = sees_the_codes();
    let codes = story.shown_codes();
    story.browser.press("Copy");
    assert!(story.browser.comes_true(|| story.browser.offers("Copied")));
    // A field of one line takes the lines as one.
    story.browser.open("/register");
    story.browser.goes_to(story.says.username);
    story.browser.types_with_control('v');
    let pasted = story.browser.value(story.says.username);
    assert_eq!(pasted.split_whitespace().collect::<String>(), codes.concat());
}

#[test]
fn the_printed_sheet_has_the_codes_and_nothing_to_press() {
    let story = sees_the_codes();
    let codes = story.shown_codes();
    story.browser.as_printed();
    story.browser.keeps_picture("printed", "recovery-codes");
    assert_eq!(story.shown_codes(), codes);
    let words = story.browser.words();
    assert!(words.contains("Recovery codes for ada"), "{words}");
    let shown = "return Array.from(document.querySelectorAll('button, input, nav, form, .skip, .tools')) \
                 .filter(element => element.checkVisibility()).map(element => element.outerHTML)";
    assert_eq!(story.browser.driver().script(shown), json!([]));

    let sheet = bytes(&story.browser.driver().post("/print", json!({ "background": false })));
    assert!(sheet.starts_with(b"%PDF-"));
    let text = String::from_utf8_lossy(&sheet);
    assert_eq!(text.matches("/Type /Page\n").count(), 1, "ten codes fit on one sheet");
}
