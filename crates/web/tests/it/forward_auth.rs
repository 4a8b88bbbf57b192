//! The doors of other programs: who is let through, what the program is told, and how a browser comes to be signed in there.

use std::time::Duration;

use auth::groups;
use axum::body::Body;
use axum::http::Method;
use store::Kind;

use crate::hostile_addresses::hostile;
use crate::proxied::{
    APP, OTHER_APP, PORTAL, Traveler, ask, ask_as_nginx, at_home, behind_a_proxy, query_of, with_headers,
};
use crate::world::{Person, Seen, World};

pub(crate) async fn worlds<F: Future<Output = ()>>(play: impl Fn(World) -> F) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        println!("on {kind:?}:");
        play(World::with(kind, behind_a_proxy).await).await;
    }
}

/// Ada, who belongs to the family.
pub(crate) async fn ada(world: &World) -> Person {
    let ada = world.person("Ada").enrolled().await;
    groups::add(&world.app, "family").await.unwrap();
    groups::join(&world.app, "family", &["ada".to_owned()]).await.unwrap();
    ada
}

/// Ada, signed in at the program of the family.
pub(crate) async fn ada_inside(world: &World, ada: &Person) -> Traveler {
    let mut traveler = Traveler::new(world);
    let rest = traveler.goes_to(&format!("{APP}/photos?year=2026")).await;
    let at = rest.is_at_the_portal("/login").0.to_owned();
    let rest = traveler.signs_in(ada, &at).await;
    rest.is_the_app(&format!("{APP}/photos?year=2026"), ["Ada", "family"]);
    traveler
}

#[tokio::test]
async fn a_visitor_is_sent_to_sign_in_and_comes_back_and_the_program_is_told_who_it_is() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let mut traveler = ada_inside(&world, &ada).await;
        // A second program, on another domain, knows them without another sign-in.
        let rest = traveler.goes_to(&format!("{OTHER_APP}/")).await;
        rest.is_the_app(&format!("{OTHER_APP}/"), ["Ada", "family"]);
        // Signed out at the portal is signed out everywhere, at the next request.
        traveler.portal().post("/logout", &[]).await.lands_on("/login");
        for app in [APP, OTHER_APP] {
            assert_eq!(ask(&traveler.at(app), "GET", &format!("{app}/")).await.status, 302);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_proxy_keeps_to_itself_has_no_headers_for_browsers_and_what_it_passes_on_has_them() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let mut traveler = ada_inside(&world, &ada).await;
        let let_in = ask(&traveler.at(APP), "GET", &format!("{APP}/")).await;
        let sent_away = ask(&Traveler::new(&world).at(APP), "GET", &format!("{APP}/")).await;
        assert_eq!((let_in.status.as_u16(), sent_away.status.as_u16()), (200, 302));
        for (seen, passed_on) in [(let_in, false), (sent_away, true)] {
            assert_eq!((seen.header("cache-control").as_str(), seen.text.as_str()), ("no-store", ""));
            for name in ["content-security-policy", "x-frame-options", "strict-transport-security"] {
                assert_eq!(seen.headers.contains_key(name), passed_on, "{name}");
            }
            assert_eq!(seen.headers.contains_key("remote-user"), !passed_on);
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_new_registers_on_the_way_and_is_let_in_where_anybody_is() {
    worlds(async |world| {
        let mut traveler = Traveler::new(&world);
        let rest = traveler.goes_to("https://club.example.org/room").await;
        let at = rest.is_at_the_portal("/login").0.to_owned();
        let (rd, browser) = (query_of(&at, "rd"), traveler.portal());
        let fields = [("username", "eve"), ("password", crate::world::PASSWORD), ("rd", &rd)];
        browser.post("/register", &fields).await.lands_on("/enroll");
        let mut eve = world.person("eve");
        eve.scan(&browser).await;
        browser.post("/enroll", &[("otp", &eve.code())]).await.lands_on("/enroll/recovery-codes");
        let page = browser.get("/enroll/recovery-codes").await;
        assert!(
            page.header("content-security-policy").contains("form-action 'self' https://club.example.org;")
        );
        let seen = browser.post("/enroll/recovery-codes", &[("saved", "on")]).await;
        let rest = traveler.goes_to(&format!("{PORTAL}{}", seen.header("location"))).await;
        rest.is_the_app("https://club.example.org/room", ["eve", ""]);
        // Everywhere else the door stays shut.
        for app in [APP, OTHER_APP, "https://staff.example.org"] {
            let rest = traveler.goes_to(&format!("{app}/")).await;
            assert_eq!(rest.is_at_the_portal("/").1.status, 403);
        }
    })
    .await;
}

/// Status, location and challenge.
fn heard(seen: &Seen) -> (u16, bool, String) {
    assert!(seen.body.is_empty(), "{}", seen.text);
    (seen.status.as_u16(), !seen.header("location").is_empty(), seen.header("www-authenticate"))
}

#[tokio::test]
async fn every_situation_has_the_answer_that_proxies_know() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let mut inside = ada_inside(&world, &ada).await;
    let (inside, outside) = (inside.at(APP), Traveler::new(&world).at(APP));
    let script = outside.clone().without("sec-fetch-mode").with("x-requested-with", "XMLHttpRequest");
    let program = outside.clone().without("sec-fetch-mode").with("accept", "*/*");
    let basic = program.clone().with("authorization", "Basic YWRhOng=");
    let socket = outside.clone().with("sec-fetch-mode", "websocket").with("upgrade", "websocket");
    let url = |path: &str| format!("{APP}{path}");
    let challenge = "Basic realm=\"Authorization required\"".to_owned();
    let none = String::new;
    for (who, method, path, passes, nginx) in [
        (&inside, "GET", "/", (200, false, none()), (200, false, none())),
        (&inside, "POST", "/", (200, false, none()), (200, false, none())),
        (&outside, "GET", "/public/logo.png", (200, false, none()), (200, false, none())),
        (&outside, "GET", "/", (302, true, none()), (401, true, none())),
        (&outside, "HEAD", "/", (302, true, none()), (401, true, none())),
        (&outside, "OPTIONS", "/", (302, true, none()), (401, true, none())),
        (&outside, "POST", "/", (303, true, none()), (401, true, none())),
        (&outside, "DELETE", "/", (303, true, none()), (401, true, none())),
        (&script, "GET", "/", (401, true, none()), (401, true, none())),
        (&program, "GET", "/", (401, true, none()), (401, true, none())),
        (&socket, "GET", "/", (401, true, none()), (401, true, none())),
        (&basic, "GET", "/", (401, true, challenge.clone()), (401, true, challenge)),
        (&outside, "GET", "/a b", (400, false, none()), (403, false, none())),
    ] {
        assert_eq!(heard(&ask(who, method, &url(path)).await), passes, "{method} {path}");
        assert_eq!(heard(&ask_as_nginx(who, method, &url(path)).await), nginx, "nginx: {method} {path}");
    }
    // A host that no rule knows, and plain http to one that a rule knows.
    assert_eq!(ask(&outside, "GET", "https://unknown.example/").await.status, 403);
    assert_eq!(ask(&outside, "GET", "http://app.example.org/").await.status, 400);
    assert_eq!(ask_as_nginx(&outside, "GET", "http://app.example.org/").await.status, 403);
    let sent = ask(&outside, "POST", &url("/x?a=b&c=d")).await.header("location");
    assert_eq!(sent, format!("{PORTAL}/?rd=https%3A%2F%2Fapp.example.org%2Fx%3Fa%3Db%26c%3Dd&rm=POST"));
}

#[tokio::test]
async fn every_200_carries_all_four_headers_once_whoever_it_is() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let mut traveler = ada_inside(&world, &ada).await;
    let outside = Traveler::new(&world).at(APP);
    let spoofed = [("remote-user", "root"), ("remote-groups", "admins"), ("remote_user", "root")];
    for (browser, path, told) in [
        (traveler.at(APP), "/", ["Ada", "family", "Ada", ""]),
        (outside.clone(), "/public/", ["", "", "", ""]),
        (with_headers(&outside, &spoofed), "/public/", ["", "", "", ""]),
        (with_headers(&traveler.at(APP), &spoofed), "/", ["Ada", "family", "Ada", ""]),
    ] {
        let seen = ask(&browser, "GET", &format!("{APP}{path}")).await;
        let heard = ["remote-user", "remote-groups", "remote-name", "remote-email"].map(|name| {
            assert_eq!(seen.headers.get_all(name).iter().count(), 1, "{name}");
            seen.header(name)
        });
        assert_eq!(heard, told.map(str::to_owned));
        assert!(seen.headers.keys().all(|name| !name.as_str().contains('_')));
    }
}

#[tokio::test]
async fn only_a_proxy_that_is_trusted_is_answered() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let mut inside = ada_inside(&world, &ada).await;
    for address in ["203.0.113.9", "127.0.0.2", "10.0.0.1", "::1"] {
        let stranger = inside.at(APP).from(address);
        for path in ["/", "/public/"] {
            assert_eq!(ask(&stranger, "GET", &format!("{APP}{path}")).await.status, 403, "{address}");
            assert_eq!(
                ask_as_nginx(&stranger, "GET", &format!("{APP}{path}")).await.status,
                403,
                "{address}"
            );
        }
        assert_eq!(stranger.get("/.latchkey/start?rd=/").await.status, 421);
        assert_eq!(stranger.get("/.latchkey/done?ticket=x&rd=/").await.status, 421);
    }
    // And while nobody is trusted, nobody is.
    let alone = World::with(Kind::Sqlite, |config| {
        behind_a_proxy(config);
        config.set("trusted_proxies", "").unwrap();
    })
    .await;
    assert_eq!(ask(&Traveler::new(&alone).at(APP), "GET", &format!("{APP}/public/")).await.status, 403);
}

#[tokio::test]
async fn what_a_proxy_says_must_be_said_once_and_in_one_spelling() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let outside = Traveler::new(&world).at(APP);
    let said = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example.org"),
        ("x-forwarded-uri", "/public/"),
    ];
    let whole = outside.clone().with("host", "127.0.0.1:8080").without("x-forwarded-proto");
    let asked = async |headers: &[(&'static str, &str)]| {
        let browser = with_headers(&whole, headers);
        let path = "/api/authz/forward-auth?rd=/&x-forwarded-uri=/public/&authelia_url=https://evil.example";
        browser.send(Method::GET, path, Body::empty(), None).await.status.as_u16()
    };
    assert_eq!(asked(&said).await, 200);
    let aliases = [
        ("x_forwarded_method", "GET"),
        ("x_forwarded_proto", "https"),
        ("x_forwarded-host", "app.example.org"),
        ("x-forwarded_uri", "/public/"),
    ];
    for n in 0..said.len() {
        let without: Vec<_> =
            said.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, pair)| *pair).collect();
        assert_eq!(asked(&without).await, 400, "without {:?}", said[n]);
        assert_eq!(asked(&[&said[..], &[said[n]]].concat()).await, 400, "twice {:?}", said[n]);
        assert_eq!(asked(&[&said[..], &[aliases[n]]].concat()).await, 400, "beside {:?}", aliases[n]);
        assert_eq!(asked(&[&without[..], &[aliases[n]]].concat()).await, 400, "instead {:?}", aliases[n]);
        assert_eq!(asked(&[&without[..], &[(said[n].0, "")]].concat()).await, 400, "empty {:?}", said[n]);
    }
}

#[tokio::test]
async fn what_a_proxy_says_of_the_client_is_an_address_or_nothing() {
    let world = World::with(Kind::Sqlite, |config| {
        behind_a_proxy(config);
        config.access_rules.insert(0, at_home());
    })
    .await;
    let outside = Traveler::new(&world).at("https://tv.example.org").without("x-forwarded-for");
    let asked = async |hops: &[&str]| {
        let hops: Vec<_> = hops.iter().map(|hop| ("x-forwarded-for", *hop)).collect();
        ask(&with_headers(&outside, &hops), "GET", "https://tv.example.org/").await.status.as_u16()
    };
    assert_eq!(asked(&["192.168.1.7"]).await, 200, "at home");
    assert_eq!(asked(&["203.0.113.9, 192.168.1.7"]).await, 200, "whoever said that before the proxy");
    for (hops, status) in [
        (&[][..], 403),
        (&["203.0.113.9"], 403),
        (&["192.168.1.7, 203.0.113.9"], 403),
        (&["192.168.1.7", "203.0.113.9"], 403),
        // The proxy's own address is nobody's.
        (&["127.0.0.1"], 403),
        (&["192.168.1.7, 127.0.0.1, unknown"], 400),
        (&["192.168.1.7", "a"], 400),
        (&["a, 192.168.1.7"], 400),
        (&[""], 400),
        (&["192.168.1.7,"], 400),
        (&["192.168.1.7:80"], 400),
        (&["192.168.001.007"], 400),
    ] {
        assert_eq!(asked(hops).await, status, "{hops:?}");
    }
    let alias =
        with_headers(&outside, &[("x-forwarded-for", "203.0.113.9"), ("x_forwarded_for", "192.168.1.7")]);
    assert_eq!(ask(&alias, "GET", "https://tv.example.org/").await.status, 400);
}

#[tokio::test]
async fn a_cookie_of_one_host_is_worth_nothing_at_another() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let mut traveler = ada_inside(&world, &ada).await;
        let at_the_app = traveler.at(APP).cookie("__Host-latchkey-app").unwrap();
        let at_the_portal = traveler.portal().cookie("__Host-latchkey").unwrap();
        let stranger = || Traveler::new(&world);
        // The program replays what it was sent: at another program, and at the portal.
        let other = stranger().at(OTHER_APP);
        other.set_cookie("__Host-latchkey-app", &at_the_app);
        assert_eq!(ask(&other, "GET", &format!("{OTHER_APP}/")).await.status, 302);
        let portal = stranger().portal();
        portal.set_cookie("__Host-latchkey", &at_the_app);
        portal.set_cookie("__Host-latchkey-app", &at_the_app);
        portal.set_cookie("__Host-latchkey-device", &at_the_app);
        portal.get("/account").await.lands_on("/login");
        // And the portal's is none at a program.
        let app = stranger().at(APP);
        app.set_cookie("__Host-latchkey-app", &at_the_portal);
        app.set_cookie("__Host-latchkey", &at_the_portal);
        assert_eq!(ask(&app, "GET", &format!("{APP}/")).await.status, 302);
        // Another port is another origin.
        let port = stranger().at("https://app.example.org:8443");
        port.set_cookie("__Host-latchkey-app", &at_the_app);
        assert_eq!(ask(&port, "GET", &format!("{APP}:8443/")).await.status, 302);
        // The very cookie is good where it is from.
        let app = stranger().at(APP);
        app.set_cookie("__Host-latchkey-app", &at_the_app);
        assert_eq!(ask(&app, "GET", &format!("{APP}/")).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn three_hundred_spoiled_cookies_open_nothing() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let good = ada_inside(&world, &ada).await.at(APP).cookie("__Host-latchkey-app").unwrap();
    let mut spoiled: Vec<String> = (0..good.len()).map(|n| good[..n].to_owned()).collect();
    for n in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[n] = if bytes[n] == b'A' { b'B' } else { b'A' };
        spoiled.push(String::from_utf8(bytes).unwrap());
        let (left, right) = good.split_at(n);
        for odd in ["%", "=", " ", "\"", ",", "\u{e9}"] {
            spoiled.push(format!("{left}{odd}{right}"));
        }
    }
    spoiled.extend([
        good.to_uppercase(),
        good.repeat(2),
        "x".repeat(4000),
        format!("{good}; __Host-latchkey-app={good}"),
    ]);
    assert!(spoiled.len() >= 300, "{}", spoiled.len());
    let (mut let_in, outside) = (0, Traveler::new(&world).at(APP));
    for cookie in &spoiled {
        let browser =
            outside.clone().with_bytes("cookie", format!("__Host-latchkey-app={cookie}").as_bytes());
        let_in += usize::from(ask(&browser, "GET", &format!("{APP}/")).await.status == 200);
    }
    assert_eq!(let_in, 0);
    let browser = outside.with("cookie", &format!("__Host-latchkey-app={good}"));
    assert_eq!(ask(&browser, "GET", &format!("{APP}/")).await.status, 200, "the whole one is good");
}

#[tokio::test]
async fn whom_the_rules_do_not_let_in_sees_a_page_with_a_reference_that_the_log_knows() {
    worlds(async |world| {
        let _ = ada(&world).await;
        let eve = world.person("eve").enrolled().await;
        let mut traveler = Traveler::new(&world);
        let at = traveler.goes_to(&format!("{APP}/secret-path?token=hunter2")).await;
        let at = at.is_at_the_portal("/login").0.to_owned();
        let rest = traveler.signs_in(&eve, &at).await;
        let page = rest.is_at_the_portal("/").1;
        page.is(403).says("the rules here do not let you in to app.example.org");
        let db = world.db().await;
        let noted = db.scan(|conn| {
            let eve = store::users::by_name(conn, "eve")?.expect("eve");
            store::events::of_user(conn, &eve.id, auth::Time::from_millis(0))
        });
        let noted: Vec<_> = noted.await.unwrap();
        let noted = noted.iter().find(|event| event.kind == "access.denied").expect("it is noted");
        page.says(noted.id.as_str());
        for told in ["app.example.org", "\"rule\":\"none\""] {
            assert!(noted.detail.contains(told), "{}", noted.detail);
        }
        assert!(
            !noted.detail.contains("secret-path") && !noted.detail.contains("hunter2"),
            "{}",
            noted.detail
        );
    })
    .await;
}

#[tokio::test]
async fn a_rule_may_ask_for_a_proof_that_is_not_old() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let mut traveler = ada_inside(&world, &ada).await;
        let vault = format!("{APP}/vault/");
        traveler.goes_to(&vault).await.is_the_app(&vault, ["Ada", "family"]);
        world.wait(301);
        let rest = traveler.goes_to(&vault).await;
        let (at, page) = rest.is_at_the_portal("/account/prove");
        assert!(page.header("content-security-policy").contains(&format!("form-action 'self' {APP};")));
        let rd = query_of(at, "rd");
        let fields = [("password", crate::world::PASSWORD), ("otp", &ada.code()), ("rd", &rd)];
        let seen = traveler.portal().post("/account/prove", &fields).await;
        let rest = traveler.goes_to(&format!("{PORTAL}{}", seen.header("location"))).await;
        rest.is_the_app(&vault, ["Ada", "family"]);
        // The rest of the program did not ask for it.
        traveler.goes_to(&format!("{APP}/")).await.is_the_app(&format!("{APP}/"), ["Ada", "family"]);
    })
    .await;
}

#[tokio::test]
async fn a_group_that_somebody_leaves_is_left_at_the_next_request_on_every_node() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let other = world.reopened(behind_a_proxy).await.unwrap();
        let browser = ada_inside(&world, &ada).await.at(APP);
        // At once where it was done and with SQLite, and within a second at another node over PostgreSQL.
        let (rounds, moment) = match world.app.database_kind() {
            Kind::Sqlite => (100, Duration::from_millis(1)),
            Kind::Postgres => (20, Duration::from_secs(1)),
        };
        for round in 0..rounds {
            groups::leave(&world.app, "family", &["ada".to_owned()]).await.unwrap();
            let moment = tokio::time::sleep(moment);
            tokio::pin!(moment);
            let seen = ask(&browser.at(&world), "GET", &format!("{APP}/")).await.status;
            assert_eq!(seen, 403, "{round}");
            loop {
                let is_over = moment.is_elapsed();
                let seen = ask(&browser.at(&other), "GET", &format!("{APP}/")).await.status;
                if seen == 403 {
                    break;
                }
                assert!(!is_over, "{round}: {seen} at the other node");
                tokio::select! {
                    () = &mut moment => {}
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
            groups::join(&other.app, "family", &["ada".to_owned()]).await.unwrap();
            for node in [&world, &other] {
                assert_eq!(ask(&browser.at(node), "GET", &format!("{APP}/")).await.status, 200, "{round}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_lets_its_form_lead_to_the_program_and_to_no_other_address() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let _ = ada(&world).await;
    let browser = Traveler::new(&world).portal();
    let policy = async |rd: &str| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("rd", rd).finish();
        let page = browser.get(&format!("/login?{query}")).await;
        let policy = page.header("content-security-policy");
        policy.split("form-action ").nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    assert_eq!(policy("/account").await, "'self'");
    assert_eq!(policy("/?rd=https%3A%2F%2Fapp.example.org%2Fx").await, format!("'self' {APP}"));
    for evil in hostile("app.example.org") {
        let inner: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        for rd in [format!("/?rd={inner}"), format!("/?rd=https:{inner}"), evil] {
            let allowed = policy(&rd).await;
            assert!(allowed == "'self'" || allowed == format!("'self' {APP}"), "{rd}: {allowed}");
        }
    }
}

#[tokio::test]
async fn the_links_between_the_pages_of_a_sign_in_keep_where_somebody_was_going() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let browser = Traveler::new(&world).portal();
    let way = "/?rd=https%3A%2F%2Fapp.example.org%2F";
    let rd: String = form_urlencoded::byte_serialize(way.as_bytes()).collect();
    browser.get(&format!("/login?rd={rd}")).await.says(&format!("href=\"/register?rd={rd}\""));
    browser.get(&format!("/register?rd={rd}")).await.says(&format!("href=\"/login?rd={rd}\""));
    let fields = [("username", "ada"), ("password", crate::world::PASSWORD), ("rd", way)];
    browser.post("/login", &fields).await.lands_on("/login/code");
    browser.get("/login/code").await.says(&format!("href=\"/login?rd={rd}\""));
    browser.give_code(&ada.code()).await.lands_on(way);
    // And where they were going nowhere, no link says so.
    Traveler::new(&world).portal().get("/login").await.says("href=\"/register\"");
}

#[tokio::test]
async fn nobody_is_sent_from_the_portal_to_an_address_that_no_rule_knows() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let browser = ada_inside(&world, &ada).await.portal();
    let mut tried = 0;
    for evil in hostile("app.example.org")
        .into_iter()
        .chain([PORTAL.to_owned(), "https://unknown.example/".to_owned()])
    {
        let rd: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        for address in [format!("/?rd={rd}"), format!("/?rd=https%3A{rd}"), format!("/?rd={rd}&n=abc")] {
            let seen = browser.get(&address).await;
            let sent = seen.header("location");
            let known = sent.starts_with("https://app.example.org/.latchkey/");
            assert!(known || seen.status == 400 || seen.status == 403, "{evil:?}: {} {sent}", seen.status);
            tried += 1;
        }
    }
    assert!(tried >= 859, "{tried}");
}

#[tokio::test]
async fn no_header_of_a_visitor_changes_who_is_let_in() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let outside = Traveler::new(&world).at(APP);
    let agents = [
        "kube-probe/1.30",
        "GoogleHC/1.0",
        "ELB-HealthChecker/2.0",
        "curl/8",
        "",
        "Mozilla/5.0",
        "Prometheus/2.42",
    ];
    let methods =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW"];
    let mut asked = 0;
    for agent in agents {
        for method in methods {
            let browser = outside.clone().with("user-agent", agent);
            let seen = ask(&browser, method, &format!("{APP}/")).await;
            assert!(matches!(seen.status.as_u16(), 302 | 303), "{agent} {method}: {}", seen.status);
            let preflight =
                browser.with("access-control-request-method", "POST").with("origin", "https://evil.example");
            let seen = ask(&preflight, method, &format!("{APP}/")).await;
            assert!(matches!(seen.status.as_u16(), 302 | 303), "{agent} {method}: {}", seen.status);
            asked += 2;
        }
    }
    assert!(asked >= 50);
}

#[tokio::test]
async fn envoy_asks_with_the_request_itself() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let inside = ada_inside(&world, &ada).await.at(APP);
    let outside = Traveler::new(&world).at(APP);
    for (browser, method, path, status) in [
        (&inside, Method::GET, "/", 200),
        (&inside, Method::POST, "/photos?x=1", 200),
        (&outside, Method::GET, "/photos", 302),
        (&outside, Method::POST, "/photos", 303),
        (&outside, Method::GET, "/public/x", 200),
        (&outside, Method::GET, "/public/../photos", 400),
        (&outside, Method::GET, "", 302),
    ] {
        let at = format!("/api/authz/ext-authz{path}");
        let seen = browser.send(method.clone(), &at, Body::empty(), None).await;
        assert_eq!(seen.status.as_u16(), status, "{method} {path}");
        assert!(seen.body.is_empty());
    }
}
