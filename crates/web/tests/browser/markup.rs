//! Text that would like to be markup, in a real browser: no dialog, no complaint, and no element more than with plain words.

use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::payloads::PAYLOADS;
use crate::story::Story;

/// How many elements the page has, once it is there.
fn elements(browser: &Browser) -> u64 {
    // A dialog that stands open refuses every other command.
    let count = browser.driver().script("return document.querySelectorAll('*').length");
    count.as_u64().expect("a number")
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn what_people_type_is_text_in_a_real_browser_too() {
    let story = Story::begin(Window::DESKTOP);
    story.becomes_a_user("ada");
    let browser = &story.browser;
    let list = "/account/authenticators";
    let one = {
        browser.open(list);
        browser.arrives_at(list, "Authenticators");
        let id = browser.driver().script("return document.querySelector('[name=authenticator]').value");
        id.as_str().expect("an id").to_owned()
    };
    let rename = |name: &str| -> Value {
        let fields = serde_json::json!({ "authenticator": one, "name": name });
        browser.driver().promise(&format!(
            "fetch('/account/authenticators/rename', {{ method: 'POST', body: new URLSearchParams({fields}) }}).then(r => r.status)"
        ))
    };
    let looks = |text: &str| {
        let mut found = Vec::new();
        let stored =
            rename(&text.replace(['(', ')'], "`").replace(':', ";").chars().take(32).collect::<String>());
        browser.open(list);
        found.push(elements(browser));
        for path in
            ["/login?rd=", "/nowhere?x=", "/account/authenticators/remove?authenticator=", "/nowhere/"]
        {
            browser.open(&format!("{path}{}", encoded(text)));
            found.push(elements(browser));
        }
        (found, stored == 200)
    };
    let (plain, stored) = looks("plain words");
    assert!(stored && plain.iter().all(|count| *count > 5), "{plain:?}");
    let mut kept = 0;
    for payload in PAYLOADS {
        let (found, stored) = looks(payload);
        assert_eq!(found, plain, "{payload}");
        kept += usize::from(stored);
    }
    println!("{} payloads at five pages, {kept} of them kept", PAYLOADS.len());
    assert!(kept > 45, "{kept}");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // What is typed at the front door comes back in its field.
    browser.open("/");
    story.is_signed_in_as("ada");
    story.signs_out();
    let typed = |text: &str| {
        browser.open("/login");
        browser.arrives_at("/login", story.says.login);
        browser.fill(story.says.username, text);
        browser.press(story.says.next);
        browser.hears("Enter a password.");
        elements(browser)
    };
    let plain = typed("plain words");
    for payload in PAYLOADS.iter().filter(|payload| payload.is_ascii() && !payload.contains('\t')).step_by(4)
    {
        assert_eq!(typed(payload), plain, "{payload}");
        assert_eq!(browser.value(story.says.username), *payload);
    }
}
