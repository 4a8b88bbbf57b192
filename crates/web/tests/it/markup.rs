//! Text that would like to be markup: whatever is typed, sent or set, a page has the same tags and attributes as with plain
//! words.

use auth::Config;
use store::Kind;

use crate::login::signed_in;
use crate::payloads::payloads;
use crate::world::{Browser, PASSWORD, Seen, World};

/// The tags of a page with the names of their attributes, in their order, and where links and forms lead.
fn skeleton(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let mut tag = String::new();
        let mut quote = None;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match (quote, c) {
                (None, '>') => {
                    end = at;
                    break;
                }
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None, c) => tag.push(c),
                (Some(_), _) => {}
            }
        }
        rest = &rest[end..];
        found.push(tag.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    found
}

/// The page with this text in it has what the page with plain words has.
#[track_caller]
fn is_plain(seen: &Seen, plain: &[String], payload: &str) {
    assert!(seen.status.as_u16() < 500, "{payload}: {}", seen.status);
    assert_eq!(skeleton(&seen.text), plain, "{payload}");
    if payload.contains('<') && !payload.starts_with("<?") {
        assert!(!seen.text.contains(payload), "{payload} stands on the page as it is");
    }
    for scheme in ["\"javascript:", "\"data:text", "\"//evil", "\"http"] {
        for attribute in ["href=", "src=", "action="] {
            assert!(!seen.text.contains(&format!("{attribute}{scheme}")), "{payload}: {attribute}{scheme}");
        }
    }
}

/// A place in which text comes back.
enum Place {
    Field(&'static str, &'static [(&'static str, &'static str)], &'static str),
    Query(&'static str),
    Header(&'static str, &'static str),
}

use Place::*;

async fn put(browser: &Browser, place: &Place, text: &str) -> Seen {
    match place {
        Field(path, others, name) => {
            let mut fields = others.to_vec();
            fields.push((name, text));
            browser.post(path, &fields).await
        }
        Query(path) => {
            let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            browser.get(&path.replace("{}", &text)).await
        }
        Header(path, name) => browser.clone().with_bytes(name, text.as_bytes()).get(path).await,
    }
}

#[tokio::test]
async fn no_page_gets_a_tag_or_an_attribute_from_what_is_sent_to_it() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let (outside, half, inside) = (world.browser(), ada.half_signed_in().await, signed_in(&ada).await);
    let places: [(&Browser, Place); 20] = [
        (&outside, Field("/login", &[("password", "")], "username")),
        (&outside, Field("/login", &[("username", ""), ("password", "")], "rd")),
        (&outside, Field("/login", &[("username", "a"), ("password", "")], "keep")),
        (&outside, Field("/register", &[("password", "")], "username")),
        (&outside, Field("/register", &[("username", ""), ("password", "")], "rd")),
        (&outside, Field("/login", &[("username", ""), ("password", "")], "x")),
        (&half, Field("/login/code", &[], "otp")),
        (&half, Field("/login/code", &[("otp", "")], "username")),
        (&half, Field("/login/recovery", &[("recovery_code", "")], "x")),
        (&inside, Field("/account/prove", &[("password", ""), ("otp", "")], "rd")),
        (&inside, Field("/account/password", &[("password", "")], "x")),
        (&inside, Field("/account/authenticators/add", &[("x", "")], "name")),
        (&outside, Query("/login?rd={}")),
        (&outside, Query("/login?lang={}")),
        (&outside, Query("/login?x={}&{}=x")),
        (&outside, Query("/nowhere/{}")),
        (&outside, Query("/nowhere?{}")),
        (&inside, Query("/account/authenticators/remove?authenticator={}")),
        (&outside, Header("/login", "accept-language")),
        (&outside, Header("/nowhere", "x-forwarded-host")),
    ];
    let payloads = payloads();
    let mut tried = 0;
    for (browser, place) in &places {
        let plain = skeleton(&put(browser, place, "a b").await.text);
        assert!(
            plain.len() > 10 || matches!(place, Query("/account/authenticators/remove?authenticator={}"))
        );
        for payload in &payloads {
            is_plain(&put(browser, place, payload).await, &plain, payload);
            tried += 1;
        }
    }
    println!("{tried} pages");
    assert_eq!(tried, 20 * 210);
}

/// What is kept: the name of an authenticator, what a browser calls itself, and the name of the place.
#[tokio::test]
async fn nor_from_what_was_kept() {
    let with = |issuer: &str| {
        let issuer = issuer.to_owned();
        World::with(Kind::Sqlite, move |config: &mut Config| config.issuer = issuer)
    };
    let mut kept = 0;
    let mut plain: Option<Vec<Vec<String>>> = None;
    // Each has a world of its own, which takes its time: all those written by hand, and some of the others.
    let payloads = payloads();
    let some = payloads[..70].iter().chain(payloads[70..].iter().step_by(7)).map(String::as_str);
    for payload in ["plain words"].into_iter().chain(some) {
        let world = with(payload).await;
        let ada = world.person("ada").enrolled().await;
        let browser = world.browser().with_bytes("user-agent", payload.as_bytes());
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        browser.give_code(&ada.code()).await.lands_on("/");
        world.wait(30);
        // Names of authenticators have no colon and no parentheses.
        let short = payload.replace(['(', ')'], "`").replace(':', ";");
        let short: String = short.chars().take(32).collect();
        let added = browser.post("/account/authenticators/add", &[("name", &short)]).await;
        if added.status == 303 {
            kept += 1;
            let mut new = ada.clone();
            is_plain(&browser.get("/enroll").await, &skeleton(&browser.get("/enroll").await.text), payload);
            new.scan(&browser).await;
            browser.post("/enroll", &[("otp", &new.code())]).await.lands_on("/account/authenticators");
            browser.post("/account/authenticators/remove", &[("authenticator", "x")]).await;
        }
        let mut pages = Vec::new();
        for path in ["/login", "/", "/account", "/account/sessions", "/account/activity", "/nowhere"] {
            let seen = browser.get(path).await;
            assert!(
                seen.status == 200 || path == "/nowhere" || seen.status == 303,
                "{path}: {}",
                seen.status
            );
            pages.push(skeleton(&seen.text));
            if payload.contains('<') && !payload.starts_with("<?") {
                assert!(!seen.text.contains(payload), "{payload} stands on {path} as it is");
            }
        }
        match &plain {
            None => plain = Some(pages),
            // The list of what happened is longer where an authenticator was added; tags of each kind are the same.
            Some(plain) => {
                for (found, plain) in pages.iter().zip(plain) {
                    for tag in found {
                        assert!(plain.contains(tag), "{payload}: <{tag}>");
                    }
                }
            }
        }
    }
    println!("{kept} names of authenticators kept");
    assert!(kept > 45, "{kept}");
}
