//! An operator's own look in a real browser: the logo is drawn, the color is taken in light and in dark, and the policy of the
//! pages stops nothing of it. Pictures are kept to be looked at.

use auth::config::Logo;
use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::server::Server;

const PICTURE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 60 24\"><rect width=\"60\" height=\"24\" rx=\"4\" \
                       fill=\"#0B5345\"/><circle cx=\"12\" cy=\"12\" r=\"7\" fill=\"#FFF\"/></svg>";

#[test]
fn a_logo_and_a_color_are_seen_in_light_and_in_dark() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("logo.svg");
    std::fs::write(&path, PICTURE).expect("a file");
    let logo = Logo::read(&path).expect("a picture");
    let server = Server::start_with(|config| {
        config.logo = Some(logo);
        config.issuer = "Example Works".to_owned();
        config.set("branding.accent", "#0B5345").expect("a color");
        config.set("branding.help", "mailto:help@example.org").expect("an address");
    });
    let browser = Browser::start(Window::DESKTOP, &server.origin());
    browser.open("/login");
    let look = |script: &str| browser.driver().script(script);
    let button = "return getComputedStyle(document.querySelector('.main')).backgroundColor";
    browser.in_dark(false);
    // A change of color takes a moment.
    assert!(browser.comes_true(|| look(button) == "rgb(11, 83, 69)"), "{}", look(button));
    let drawn = "const logo = document.querySelector('.logo'); return logo.naturalWidth > 0 && logo.clientHeight > 20";
    assert_eq!(look(drawn), Value::from(true));
    browser.in_dark(true);
    // As much white in it as a calculator that is not ours says.
    assert!(browser.comes_true(|| look(button) == "rgb(145, 178, 171)"), "{}", look(button));
    for (width, place) in [(390, "phone"), (1280, "desktop")] {
        browser.in_width(width);
        for (dark, scheme) in [(true, "dark"), (false, "light")] {
            browser.in_dark(dark);
            browser.keeps_picture(&format!("{place}-{scheme}"), "branding");
        }
    }
}
