//! A newcomer's whole journey, in front of three screens.

use crate::browser::Window;
use crate::story::Story;

fn in_front_of(window: Window, folder: &str) {
    Story::begin(window).newcomer("ada", &mut |story, page| story.browser.keeps_picture(folder, page));
}

#[test]
fn a_newcomer_registers_scans_and_signs_in_at_a_desk() {
    in_front_of(Window::DESKTOP, "newcomer-desktop");
}

#[test]
fn a_newcomer_registers_scans_and_signs_in_at_a_desk_in_the_dark() {
    let story = Story::begin(Window::DESKTOP_DARK);
    story.browser.open("/login");
    let paper =
        story.browser.driver().script("return getComputedStyle(document.documentElement).backgroundColor");
    assert_eq!(paper, "rgb(20, 19, 16)", "the page is dark");
    story.newcomer("ada", &mut |story, page| story.browser.keeps_picture("newcomer-desktop-dark", page));
}

#[test]
fn a_newcomer_registers_scans_and_signs_in_on_a_phone() {
    in_front_of(Window::PHONE, "newcomer-phone");
}

#[test]
fn on_a_phone_tapping_the_setup_link_comes_before_scanning() {
    let (phone, desk) = (place_of_the_link(Window::PHONE), place_of_the_link(Window::DESKTOP));
    assert!(phone.0 < phone.1, "on a phone the link stands above the picture: {phone:?}");
    assert!(desk.0 > desk.1, "at a desk the link stands under the picture: {desk:?}");
}

/// How far down the setup link and the QR code begin. The link must lead to what the picture says.
fn place_of_the_link(window: Window) -> (f64, f64) {
    let story = Story::begin(window);
    story.registers("ada");
    let app = story.scans();
    let find = "const link = document.querySelector('a[href^=\"otpauth:\"]'), code = document.querySelector('.plate'); \
                return [link.getBoundingClientRect().top, code.getBoundingClientRect().top, link.getAttribute('href')]";
    let found = story.browser.driver().script(find);
    assert_eq!(found[2], *app.uri);
    assert!(story.browser.offers("Open in your authenticator app"));
    (found[0].as_f64().unwrap_or_default(), found[1].as_f64().unwrap_or_default())
}
