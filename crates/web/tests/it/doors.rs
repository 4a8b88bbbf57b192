//! Requests that should not have come: by another method, from another site, for another host.

use auth::Config;
use axum::body::Body;
use axum::http::Method;
use store::Kind;

use crate::access::ADDRESSES;
use crate::world::{Browser, PASSWORD, World};

/// Browsers before which every page opens.
async fn insiders(world: &World) -> Vec<Browser> {
    let ada = world.person("ada").enrolled().await;
    let enrolling = world.browser();
    enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
    let (half, signed_in) = (ada.half_signed_in().await, crate::login::signed_in(&ada).await);
    vec![enrolling, half, signed_in]
}

#[tokio::test]
async fn another_method_is_answered_with_those_there_are() {
    World::on_both(|world| async move {
        let browsers = insiders(&world).await;
        let before = world.dump().await;
        // Those of the API take more methods, and have a table of their own.
        let pages = ADDRESSES.into_iter().filter(|(route, _)| !route.starts_with("/api/v1/"));
        for (route, address) in pages {
            let mut allowed = Vec::new();
            for browser in &browsers {
                for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "FROBNICATE"] {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    let seen = browser.send(method.clone(), address, Body::empty(), None).await;
                    if seen.status == 405 {
                        seen.says("That is not how this page works");
                        allowed.push(seen.header("allow"));
                    } else {
                        // The guard has sent this one away already.
                        assert!(
                            matches!(seen.status.as_u16(), 303 | 404),
                            "{method} {route}: {}",
                            seen.status
                        );
                    }
                }
            }
            allowed.dedup();
            assert_eq!(allowed.len(), 1, "{route}: {allowed:?}");
            let methods = ["GET,HEAD", "GET,HEAD,POST", "POST"];
            assert!(methods.contains(&allowed[0].as_str()), "{route}: {}", allowed[0]);
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_and_changes_nothing() {
    World::on_both(|world| async move {
        let browsers = insiders(&world).await;
        let before = world.dump().await;
        let forged = [
            (Some("https://evil.example"), None),
            (Some("null"), None),
            (Some("http://localhost:8081"), None),
            (Some("http://localhost"), None),
            (Some("http://127.0.0.1:8080"), None),
            (Some("http://localhost:8080.evil.example"), None),
            (Some("http://evil.example/http://localhost:8080"), None),
            (Some("http://localhost:8080@evil.example"), None),
            (Some("file://"), None),
            (Some("localhost:8080"), None),
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (None, Some("Same-Origin")),
            (Some("https://evil.example"), Some("cross-site")),
            (Some("https://evil.example"), Some("same-site")),
            (Some("null"), Some("cross-site")),
        ];
        for (origin, site) in forged {
            for browser in &browsers {
                let mut forger = browser.copy().without("origin").without("sec-fetch-site");
                if let Some(origin) = origin {
                    forger = forger.with("origin", origin);
                }
                if let Some(site) = site {
                    forger = forger.with("sec-fetch-site", site);
                }
                let fields = [("username", "mallory"), ("password", PASSWORD)];
                for (_, address) in ADDRESSES {
                    let seen = forger.post(address, &fields).await;
                    assert_eq!(seen.status, 403, "{origin:?} {site:?} {address}");
                    seen.says("That form came from another site");
                }
                // A link from there is a link like any.
                forger.get("/login/code").await.is(forger
                    .clone()
                    .without("origin")
                    .get("/login/code")
                    .await
                    .status
                    .as_u16());
            }
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn our_own_forms_and_programs_pass() {
    let world = World::on(Kind::Sqlite).await;
    let bare = || world.browser().without("origin").without("sec-fetch-site");
    let passing = [
        bare(),
        bare().with("sec-fetch-site", "same-origin"),
        bare().with("sec-fetch-site", "none"),
        bare().with("origin", "http://localhost:8080"),
        bare().with("origin", "http://127.0.0.1:8080").with("host", "127.0.0.1:8080"),
        bare().with("origin", "http://[::1]:8080").with("host", "[::1]:8080"),
    ];
    for browser in passing {
        browser.give_password("nobody-at-all", "not the password").await.is(422);
        world.wait(24 * 3600);
    }
}

#[tokio::test]
async fn a_foreign_host_is_misdirected_and_never_repeated() {
    World::on_both(|world| async move {
        let browsers = insiders(&world).await;
        let before = world.dump().await;
        let foreign = [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "localhost:8080.evil.example",
            "localhost:8080@evil.example",
            "evil.example#localhost:8080",
            "127.0.0.1.evil.example",
            "127.0.0.2",
            "127.1",
            "2130706433",
            "0.0.0.0:8080",
            "[::]:8080",
            "[::ffff:127.0.0.1]",
            "localhost:",
            "localhost:80x",
            "localhost.",
            "localhost,evil.example",
            "localhost evil.example",
            "http://localhost:8080",
            "localhost:8080/",
            "user@localhost",
            "",
            ":8080",
            "localho\u{17f}t",
        ];
        for host in foreign {
            for browser in &browsers {
                let lost = browser.copy().with_bytes("host", host.as_bytes());
                for (_, address) in ADDRESSES {
                    if matches!(address, "/livez" | "/readyz") || address.starts_with("/assets/") {
                        continue;
                    }
                    let fields = [("username", "mallory"), ("password", PASSWORD)];
                    for seen in [lost.get(address).await, lost.post(address, &fields).await] {
                        seen.is(421).says("Open http://localhost:8080 instead.").never_says("evil");
                        assert!(seen.set_cookies().is_empty() && seen.header("location").is_empty());
                    }
                }
            }
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn no_host_and_two_hosts_are_foreign() {
    let world = World::on(Kind::Sqlite).await;
    world.browser().without("host").get("/login").await.is(421);
    let mut two = world.browser();
    two.headers.append("host", "localhost:8080".parse().unwrap());
    two.get("/login").await.is(421);
    let absolute = world.browser().with("host", "localhost:8080");
    absolute.get("http://localhost:8080/login").await.is(200);
    absolute.get("http://evil.example/login").await.is(421);
    absolute.get("http://localhost:8081/login").await.is(421);
}

#[tokio::test]
async fn all_names_of_this_machine_are_ours_while_the_public_url_is() {
    let world = World::on(Kind::Sqlite).await;
    for host in
        ["localhost:8080", "LOCALHOST", "localhost:443", "127.0.0.1", "127.0.0.1:9999", "[::1]:8080", "[::1]"]
    {
        world.browser().with("host", host).get("/login").await.is(200);
    }
}

#[tokio::test]
async fn once_there_is_a_public_url_it_is_the_only_one() {
    let set = |config: &mut Config| config.set("public_url", "https://login.example.org").unwrap();
    let world = World::with(Kind::Sqlite, set).await;
    for host in ["login.example.org", "LOGIN.example.org:443"] {
        world.browser().with("host", host).get("/login").await.is(200);
    }
    for host in [
        "localhost",
        "127.0.0.1:8080",
        "login.example.org:8443",
        "login.example.org:80",
        "example.org",
        "login.example.org.",
    ] {
        let seen = world.browser().with("host", host).get("/login").await;
        seen.is(421).says("Open https://login.example.org instead.");
    }
}

#[tokio::test]
async fn what_a_proxy_says_of_the_host_is_not_believed() {
    World::on_both(|world| async move {
        for (name, value) in [
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "host=evil.example;proto=https"),
            ("x-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-original-url", "/admin"),
            ("x-http-method-override", "DELETE"),
        ] {
            let browser = world.browser().with(name, value);
            browser.get("/login").await.is(200).never_says("evil");
            let seen = browser.get("/").await;
            seen.lands_on("/login");
        }
        let link = auth::setup::owner_link(&world.app).await.unwrap();
        assert!(link.url.starts_with("http://localhost:8080/setup/"), "{}", link.url);
    })
    .await;
}
