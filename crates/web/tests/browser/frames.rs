//! Our pages in a frame of somebody else: none of them shows, so that nobody presses a button that they do not see.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;

use crate::browser::Window;
use crate::story::Story;

/// What is worth a click that was not meant.
const PAGES: [&str; 12] = [
    "/",
    "/login",
    "/register",
    "/account",
    "/account/sessions",
    "/account/password",
    "/account/authenticators",
    "/account/authenticators/add",
    "/account/recovery-codes",
    "/account/prove",
    "/login/recovery",
    "/nowhere",
];

/// A site on another port: another origin, and yet the same site, so that cookies come along. It ends with the process.
fn another_site(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap_or(0);
            let own = asked[..length].starts_with(b"GET /own ");
            let body = if own { "<form><button>In a frame</button></form>" } else { page.as_str() };
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://localhost:{port}/")
}

#[test]
fn none_of_twelve_pages_shows_in_a_frame_of_another_origin() {
    let story = Story::begin(Window::DESKTOP);
    story.becomes_a_user("ada");
    let frames: String = PAGES
        .iter()
        .map(|page| format!("<iframe src=\"{}{page}\"></iframe>", story.server.origin()))
        .collect();
    // The control is a frame as well, and shows.
    let site =
        another_site(format!("<!doctype html><title>Win a prize</title>{frames}<iframe src=/own></iframe>"));
    let (browser, driver) = (&story.browser, story.browser.driver());
    browser.open(&site);
    let mut shown = 0;
    for n in 0..=PAGES.len() {
        driver.post("/frame", json!({ "id": n }));
        let look = "return [location.href, document.querySelector('form, a[href]') !== null]";
        let seen = || driver.try_script(look).unwrap_or_default();
        let expected = if n == PAGES.len() {
            json!([format!("{site}own"), true])
        } else {
            json!(["chrome-error://chromewebdata/", false])
        };
        assert!(browser.comes_true(|| seen() == expected), "{:?}: {}", PAGES.get(n), seen());
        shown += usize::from(n < PAGES.len() && seen()[1] == true);
        driver.post("/frame", json!({ "id": null }));
    }
    assert_eq!(shown, 0);
    let complaints = browser.complaints();
    let refused =
        complaints.iter().filter(|line| line.contains("frame-ancestors") || line.contains("X-Frame-Options"));
    assert!(refused.count() >= PAGES.len(), "{complaints:#?}");
    browser.open("/");
    story.is_signed_in_as("ada");
}
