//! axe-core in front of every page: wide and narrow, in light and in dark.

use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::driver::variable;
use crate::story::Story;
use crate::tour;

/// The checker, as `cargo xtask test` fetches it.
fn axe() -> String {
    let file = variable("LATCHKEY_TEST_AXE");
    let file = file.expect(
        "LATCHKEY_TEST_AXE does not name axe-core's file; `cargo xtask test` fetches it and says where",
    );
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{file}: {error}; `cargo xtask test` fetches it"))
}

/// What axe-core finds on the page, a line for each place. Only what is serious or critical counts.
fn findings(browser: &Browser, axe: &str) -> Vec<String> {
    if browser.driver().script("return typeof axe") == "undefined" {
        browser.driver().script(axe);
    }
    let run = "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations \
               .filter(rule => ['serious', 'critical'].includes(rule.impact)) \
               .flatMap(rule => rule.nodes.map(node => \
               `${rule.impact} ${rule.id} at ${node.target.join(' ')}: ${node.failureSummary}`)))";
    let found = browser.driver().promise(run);
    let Some(list) = found.as_array() else { panic!("axe-core does not run: {found}") };
    list.iter().map(Value::to_string).collect()
}

#[test]
fn every_page_passes_the_accessibility_checker_wide_and_narrow_in_light_and_in_dark() {
    let axe = axe();
    let story = Story::begin(Window::DESKTOP);
    let mut bad = Vec::new();
    let mut seen = 0;
    tour::every_page(&story, &mut |story, page| {
        for (width, dark) in [(320, true), (320, false), (1280, true), (1280, false)] {
            story.browser.in_width(width);
            story.browser.in_dark(dark);
            let scheme = if dark { "dark" } else { "light" };
            let found = findings(&story.browser, &axe);
            bad.extend(found.iter().map(|finding| format!("{page}, {width} px, {scheme}: {finding}")));
        }
        seen += 1;
    });
    assert!(bad.is_empty(), "{} findings:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 20, "only {seen} pages were seen");
}

#[test]
fn the_accessibility_checker_finds_a_field_without_a_label_and_pale_words() {
    let story = Story::begin(Window::DESKTOP);
    story.browser.open("/login");
    assert_eq!(findings(&story.browser, &axe()), [""; 0]);
    let spoil = "document.querySelector('label').remove(); document.querySelector('h1').style.color = '#ddd'";
    story.browser.driver().script(spoil);
    let found = findings(&story.browser, &axe());
    assert!(found.iter().any(|line| line.contains("critical label")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("serious color-contrast")), "{found:?}");
}
