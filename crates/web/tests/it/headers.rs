//! What stands around every answer: headers, cookies' flags, the language, and the shape that was asked for.

use auth::Config;
use axum::body::Body;
use axum::http::Method;
use store::Kind;

use crate::access::ADDRESSES;
use crate::world::{Browser, PASSWORD, Seen, World};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A world that is reached by https, behind a proxy.
async fn https() -> World {
    World::with(Kind::Sqlite, |config: &mut Config| {
        config.set("public_url", "https://login.example.org").unwrap();
    })
    .await
}

/// The paths of stylesheet, script and icon, as a page names them.
async fn assets(browser: &Browser) -> Vec<String> {
    let page = browser.get("/login").await.text;
    let parts = page.split('"').filter(|part| part.starts_with("/assets/"));
    parts.map(str::to_owned).collect()
}

/// One answer of every kind.
async fn answers(browser: &Browser) -> Vec<(String, Seen)> {
    let mut all = Vec::new();
    for (_, address) in ADDRESSES {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS] {
            let what = format!("{method} {address}");
            all.push((what, browser.send(method, address, Body::empty(), FORM).await));
        }
    }
    for address in ["/nowhere", "/account/x.css", "/assets/", "/login/", "//login"] {
        all.push((address.to_owned(), browser.get(address).await));
    }
    for asset in assets(browser).await {
        all.push((asset.clone(), browser.get(&asset).await));
    }
    let large = Body::from(vec![b'a'; 20_000]);
    all.push(("413".into(), browser.send(Method::POST, "/login", large, FORM).await));
    all.push(("415".into(), browser.send(Method::POST, "/login", Body::empty(), Some("text/plain")).await));
    all.push(("400".into(), browser.send(Method::POST, "/login", Body::from("username=%ff"), FORM).await));
    all.push((
        "403".into(),
        browser.clone().without("origin").with("sec-fetch-site", "cross-site").post("/login", &[]).await,
    ));
    all.push(("421".into(), browser.clone().with("host", "evil.example").get("/login").await));
    for status in ["413", "415", "400", "403", "421"] {
        let (_, seen) = all.iter().find(|(what, _)| what == status).unwrap();
        assert_eq!(seen.status.as_str(), status);
    }
    all
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_none_names_the_server() {
    for (world, is_https) in [(World::on(Kind::Sqlite).await, false), (https().await, true)] {
        for (what, seen) in answers(&world.browser()).await {
            let fixed = [
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
                ("strict-transport-security", if is_https { "max-age=31536000" } else { "" }),
                ("server", ""),
                ("x-powered-by", ""),
            ];
            for (name, value) in fixed {
                assert_eq!(seen.header(name), value, "{what}: {name}");
                assert!(seen.headers.get_all(name).iter().count() < 2, "{what}: {name} twice");
            }
        }
    }
}

/// What breaks inside is no exception.
#[tokio::test]
async fn an_apology_has_the_security_headers_too() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = crate::login::signed_in(&ada).await;
        world.records().await.change("ALTER TABLE sessions RENAME TO elsewhere").await;
        let seen = browser.get("/account").await;
        assert!(matches!(seen.status.as_u16(), 500 | 503), "{}", seen.status);
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(seen.header(name), value, "{name}");
        }
        seen.never_says("sessions").never_says("no such table").never_says("relation");
    })
    .await;
}

#[tokio::test]
async fn only_assets_may_be_kept() {
    let world = World::on(Kind::Sqlite).await;
    let browser = world.browser();
    let assets = assets(&browser).await;
    assert_eq!(assets.len(), 3);
    for (what, seen) in answers(&browser).await {
        let kept = seen.header("cache-control");
        if assets.contains(&what) {
            assert_eq!(kept, "public, max-age=31536000, immutable", "{what}");
            assert!(seen.set_cookies().is_empty());
        } else {
            assert_eq!(kept, "no-store", "{what}");
        }
    }
    let mut ada = world.person("ada");
    browser.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.lands_on("/enroll");
    ada.scan(&browser).await;
    let mut secret = vec![browser.get("/enroll").await, browser.get("/enroll/qr.png").await];
    secret.push(browser.post("/enroll", &[("otp", "123")]).await);
    secret.push(browser.post("/enroll", &[("otp", &ada.code())]).await);
    secret.push(browser.get("/enroll/recovery-codes").await);
    secret.push(browser.get("/enroll/recovery-codes.txt").await);
    secret.push(browser.get("/").await);
    for seen in secret {
        assert_eq!(seen.header("cache-control"), "no-store", "{}", seen.text);
    }
}

/// A whole journey, and every `Set-Cookie` on it.
async fn cookies_of_a_journey(world: &World) -> Vec<String> {
    let (browser, mut ada) = (world.browser(), world.person("ada"));
    let mut set = browser.get("/login?lang=de").await.set_cookies();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    set.extend(browser.post("/register", &fields).await.set_cookies());
    ada.scan(&browser).await;
    set.extend(browser.post("/enroll", &[("otp", &ada.code())]).await.set_cookies());
    set.extend(browser.post("/logout", &[]).await.set_cookies());
    world.wait(30);
    set.extend(browser.post("/login", &fields).await.set_cookies());
    set.extend(browser.give_code(&ada.code()).await.set_cookies());
    set
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_and_to_https_where_there_is_https() {
    for (world, prefix, secure) in
        [(https().await, "__Host-", true), (World::on(Kind::Sqlite).await, "", false)]
    {
        let mut names = Vec::new();
        for cookie in cookies_of_a_journey(&world).await {
            let mut parts = cookie.split("; ");
            names.push(parts.next().unwrap().split('=').next().unwrap().to_owned());
            let flags: Vec<&str> = parts.collect();
            for flag in ["Path=/", "HttpOnly", "SameSite=Lax"] {
                assert!(flags.contains(&flag), "{cookie}");
            }
            assert_eq!(flags.contains(&"Secure"), secure, "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        names.sort();
        names.dedup();
        // The language is no secret, and its cookie needs no prefix.
        let mut expected = ["latchkey", "latchkey-device", "latchkey-enroll", "latchkey-login"]
            .map(|name| format!("{prefix}{name}"))
            .to_vec();
        expected.push("latchkey-lang".into());
        expected.sort();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn over_https_a_cookie_without_the_prefix_is_nobodys() {
    let world = https().await;
    let browser = world.browser();
    cookies_of_a_journey(&world).await;
    let ada = world.person("ada");
    drop(ada);
    let half = browser.clone();
    half.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
    let token = half.cookie("__Host-latchkey-enroll").unwrap();
    let planted = world.browser();
    planted.set_cookie("latchkey-enroll", &token);
    planted.get("/enroll").await.lands_on("/register");
}

/// What a program gets that asks for JSON.
#[track_caller]
fn problem(seen: &Seen, status: u16) -> serde_json::Value {
    assert_eq!(seen.status.as_u16(), status, "{}", seen.text);
    assert_eq!(seen.header("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].as_str().unwrap().len() > 10, "{problem}");
    problem
}

#[tokio::test]
async fn programs_that_ask_for_json_get_problems() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let program = |browser: Browser| browser.with("accept", "application/json");
        let nobody = program(world.browser());
        problem(&nobody.get("/nowhere").await, 404);
        problem(&nobody.get("/").await, 401);
        problem(&nobody.get("/enroll/recovery-codes").await, 401);
        problem(&nobody.send(Method::PUT, "/login", Body::empty(), None).await, 405);
        problem(&nobody.clone().with("host", "evil.example").get("/login").await, 421);
        problem(
            &nobody
                .clone()
                .with("origin", "null")
                .with("sec-fetch-site", "cross-site")
                .post("/login", &[])
                .await,
            403,
        );

        let rules =
            problem(&nobody.post("/register", &[("username", "a b"), ("password", "short")]).await, 422);
        let fields: Vec<&str> =
            rules["problems"].as_array().unwrap().iter().map(|p| p["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["username", "password"]);
        let wrong = problem(&nobody.give_password("ada", "not the password").await, 422);
        assert_eq!(wrong["problems"][0]["field"], serde_json::Value::Null);
        assert_eq!(wrong["problems"][0]["detail"], "The username or password is not right.");

        let half = program(ada.half_signed_in().await);
        for _ in 0..5 {
            let wrong = problem(&half.give_code(&ada.wrong_code()).await, 422);
            assert_eq!(wrong["problems"][0]["field"], "otp");
        }
        let seen = half.give_code(&ada.wrong_code()).await;
        problem(&seen, 429);
        assert_eq!(seen.header("retry-after"), "30");
    })
    .await;
}

#[tokio::test]
async fn pages_are_for_browsers_whatever_else_they_accept() {
    let world = World::on(Kind::Sqlite).await;
    for accept in ["text/html,application/xhtml+xml,application/json;q=0.9", "*/*", ""] {
        let seen = world.browser().with("accept", accept).get("/nowhere").await;
        assert_eq!(seen.header("content-type"), "text/html; charset=utf-8", "{accept}");
        seen.is(404).says("Page not found");
    }
}

#[tokio::test]
async fn pages_come_in_german_when_the_browser_prefers_it_or_the_person_chooses_it() {
    let world = World::on(Kind::Sqlite).await;
    let (english, german) = ("Sign in to Latchkey", "Bei Latchkey anmelden");
    world.browser().get("/login").await.says(english);
    for (preferred, heading) in [
        ("de", german),
        ("de-CH, en;q=0.8", german),
        ("en;q=0.4, de;q=0.9", german),
        ("en-US,en;q=0.9,de;q=0.8", english),
        ("fr", english),
        ("\u{fc}", english),
        ("de;q=0", english),
    ] {
        let browser = world.browser().with_bytes("accept-language", preferred.as_bytes());
        let seen = browser.get("/login").await;
        assert!(seen.heading().contains(heading), "{preferred}: {}", seen.heading());
    }

    // Chosen once, remembered; another choice wins over it.
    let browser = world.browser();
    let seen = browser.get("/login?lang=de").await;
    seen.says(german).says("<html lang=\"de\"");
    assert_eq!(seen.set_cookies(), ["latchkey-lang=de; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"]);
    browser.get("/login").await.says(german);
    browser.get("/nowhere").await.is(404).says("<html lang=\"de\"");
    browser.give_password("ada", "falsch").await.is(422).says("Benutzername oder Passwort stimmt nicht.");
    browser.get("/login?lang=en").await.says(english);
    browser.get("/login").await.says(english);

    // What is no language of ours is neither shown nor remembered.
    for odd in ["fr", "", "de%0d%0aSet-Cookie:x", "%ff"] {
        let seen = world.browser().get(&format!("/login?lang={odd}")).await;
        seen.says(english);
        assert!(seen.set_cookies().is_empty(), "{odd}");
    }
}

#[tokio::test]
async fn redirects_of_ours_are_paths() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        let mut seen =
            vec![browser.get("/").await, browser.get("/enroll").await, browser.get("/login/code").await];
        let fields = [("username", "ada"), ("password", PASSWORD)];
        seen.push(browser.post("/register", &fields).await);
        ada.scan(&browser).await;
        seen.push(browser.post("/enroll", &[("otp", &ada.code())]).await);
        seen.push(browser.post("/enroll/recovery-codes", &[("saved", "on")]).await);
        seen.push(browser.get("/login").await);
        seen.push(browser.post("/logout", &[]).await);
        seen.push(browser.post("/login", &fields).await);
        world.wait(30);
        seen.push(browser.give_code(&ada.code()).await);
        for seen in seen {
            assert_eq!(seen.status, 303, "{}", seen.text);
            let location = seen.header("location");
            assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_page_has_a_script_or_a_style_in_it() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let half = ada.half_signed_in().await;
    let enrolling = world.browser();
    enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
    let mut pages = Vec::new();
    for browser in [&world.browser(), &half, &enrolling] {
        for (_, address) in ADDRESSES {
            pages.push(browser.get(address).await);
        }
    }
    let mut looked_at = 0;
    for page in pages.iter().filter(|page| page.header("content-type").starts_with("text/html")) {
        looked_at += 1;
        let text = page.text.replace("<script src=\"/assets/", "");
        for inline in ["<script", "<style", " style=", " onclick=", " onload=", "javascript:", "http-equiv"] {
            assert!(!text.contains(inline), "{inline} in {}", page.heading());
        }
    }
    assert!(looked_at > 12, "{looked_at}");
}
