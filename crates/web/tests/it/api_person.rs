//! `/api/v1`: from a name to a session by JSON alone, and every way in which that is refused.

use auth::register;
use serde_json::{Value, json};

use crate::json::{ask, jar, refused, refuses, said};
use crate::world::{Browser, PASSWORD, Person, Seen, World};

/// Registers over JSON. The jar holds an enrolling cookie afterwards.
async fn registering(world: &World, name: &str) -> Browser {
    let jar = jar(world);
    let new = json!({ "username": name, "password": PASSWORD });
    assert_eq!(said(&ask(&jar, "POST /api/v1/register", new).await), json!({ "next": "enroll" }));
    jar
}

/// Reads the secret, as a program does that shows it.
async fn scans(person: &mut Person, jar: &Browser) -> Value {
    let shown = said(&ask(jar, "GET /api/v1/enroll", Value::Null).await);
    let secret = otp::Secret::from_base32(shown["secret"].as_str().unwrap()).unwrap();
    person.secret = secret.as_bytes().to_vec();
    shown
}

#[tokio::test]
async fn somebody_registers_scans_saves_their_codes_and_signs_in_by_json_alone() {
    World::on_both(async |world| {
        let jar = registering(&world, "Ada").await;
        let mut ada = world.person("Ada");
        let shown = scans(&mut ada, &jar).await;
        assert_eq!(
            (&shown["issuer"], &shown["account"], &shown["algorithm"], &shown["digits"], &shown["period"]),
            (&json!("Latchkey"), &json!("Ada"), &json!("SHA1"), &json!(6), &json!(30))
        );
        assert_eq!(shown["expires_at"], "2026-11-24T14:35:32Z");
        let uri = shown["uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/Latchkey:Ada?secret="), "{uri}");
        let picture = jar.get(shown["qr"].as_str().unwrap()).await;
        assert!(picture.is(200).body.starts_with(b"\x89PNG"));

        refuses(
            &ask(&jar, "POST /api/v1/enroll", json!({ "otp": ada.wrong_code() })).await,
            422,
            "code_wrong",
        );
        let next = said(&ask(&jar, "POST /api/v1/enroll", json!({ "otp": ada.code() })).await);
        assert_eq!(next, json!({ "next": "recovery_codes" }));
        let codes = said(&ask(&jar, "GET /api/v1/account/recovery-codes", Value::Null).await);
        assert_eq!(codes["codes"].as_array().unwrap().len(), 10);
        ask(&jar, "POST /api/v1/account/recovery-codes/saved", Value::Null).await.is(204);
        refuses(&ask(&jar, "GET /api/v1/enroll", Value::Null).await, 410, "gone_enroll");
        ask(&jar, "POST /api/v1/logout", Value::Null).await.is(204);
        refuses(&ask(&jar, "GET /api/v1/account", Value::Null).await, 401, "not_signed_in");

        let login = json!({ "username": "ada", "password": PASSWORD, "keep": true });
        assert_eq!(said(&ask(&jar, "POST /api/v1/login", login).await), json!({ "next": "code" }));
        // The code that confirmed is spent.
        refuses(&ask(&jar, "POST /api/v1/login/code", json!({ "otp": ada.code() })).await, 422, "code_used");
        world.wait(30);
        let code = json!({ "otp": format!("{} {}", &ada.code()[..3], &ada.code()[3..]) });
        let seen = ask(&jar, "POST /api/v1/login/code", code).await;
        assert_eq!(said(&seen), json!({ "next": "signed_in" }));
        let kept =
            seen.set_cookies().iter().any(|c| c.starts_with("latchkey=") && c.contains("Max-Age=2592000"));
        assert!(kept, "{:?}", seen.set_cookies());
        said(&ask(&jar, "GET /api/v1/account", Value::Null).await);
    })
    .await;
}

#[tokio::test]
async fn a_lost_phone_is_replaced_by_json_alone() {
    World::on_both(async |world| {
        let mut ada = world.person("ada").enrolled().await;
        let jar = jar(&world);
        let recovery = json!({ "recovery_code": ada.recovery_codes[0] });
        refuses(&ask(&jar, "POST /api/v1/login/recovery", recovery.clone()).await, 401, "cookie_missing");
        said(&ask(&jar, "POST /api/v1/login", json!({ "username": "ada", "password": PASSWORD })).await);
        let named = json!({ "recovery_code": ada.recovery_codes[0], "username": "ada" });
        refuses(&ask(&jar, "POST /api/v1/login/recovery", named).await, 422, "field_unknown");
        let wrong = json!({ "recovery_code": "aaaa-aaaa-aaaa-aaaa" });
        refuses(&ask(&jar, "POST /api/v1/login/recovery", wrong).await, 422, "recovery_wrong");
        let next = said(&ask(&jar, "POST /api/v1/login/recovery", recovery.clone()).await);
        assert_eq!(next, json!({ "next": "enroll" }));
        scans(&mut ada, &jar).await;
        let next = said(&ask(&jar, "POST /api/v1/enroll", json!({ "otp": ada.code() })).await);
        assert_eq!(next, json!({ "next": "recovery_codes" }));
        refuses(&ask(&jar, "POST /api/v1/login/recovery", recovery).await, 401, "cookie_missing");
    })
    .await;
}

#[tokio::test]
async fn under_the_code_policy_a_name_and_a_code_are_one_step() {
    World::on_both_by_code(async |world| {
        let mut ada = world.person("ada");
        let jar = jar(&world);
        let register = "POST /api/v1/register";
        let both = json!({ "username": "ada", "password": PASSWORD });
        refuses(&ask(&jar, register, both).await, 422, "field_unknown");
        said(&ask(&jar, register, json!({ "username": "ada" })).await);
        scans(&mut ada, &jar).await;
        said(&ask(&jar, "POST /api/v1/enroll", json!({ "otp": ada.code() })).await);
        let codes = said(&ask(&jar, "GET /api/v1/account/recovery-codes", Value::Null).await);
        let recovery = codes["codes"][0].clone();
        ask(&jar, "POST /api/v1/logout", json!({})).await.is(204);

        let login = async |body: Value| ask(&jar, "POST /api/v1/login", body).await;
        let spent = json!({ "username": "ada", "otp": ada.code() });
        refuses(&login(spent).await, 422, "bad_name_or_code");
        refuses(&login(json!({ "username": "ada" })).await, 422, "code_missing");
        let odd = json!({ "username": "ada", "otp": ada.code(), "password": PASSWORD });
        refuses(&login(odd).await, 422, "field_unknown");
        world.wait(30);
        assert_eq!(said(&login(json!({ "username": "ADA", "otp": ada.code() })).await)["next"], "signed_in");
        let account = said(&ask(&jar, "GET /api/v1/account", Value::Null).await);
        assert_eq!(
            (&account["session"]["level"], &account["session"]["has_password"]),
            (&json!(1), &json!(false))
        );

        let lost = crate::json::jar(&world);
        let by_name = |name: &str| json!({ "username": name, "recovery_code": recovery });
        let there = "POST /api/v1/login/recovery";
        refuses(&ask(&lost, there, json!({ "recovery_code": recovery })).await, 422, "username_missing");
        refuses(&ask(&lost, there, by_name("eve")).await, 422, "bad_name_or_recovery");
        assert_eq!(said(&ask(&lost, there, by_name("ada")).await)["next"], "enroll");
    })
    .await;
}

#[tokio::test]
async fn somebody_who_looks_after_the_place_owes_the_password_after_the_code() {
    World::on_both_by_code(async |world| {
        let made = auth::setup::owner_link(&world.app).await.unwrap();
        let token = crate::world::path_of(&made).rsplit('/').next().unwrap().to_owned();
        let (mut ada, jar) = (world.person("ada"), jar(&world));
        let register = "POST /api/v1/register";
        let without = json!({ "username": "ada", "invite": token });
        refuses(&ask(&jar, register, without).await, 422, "password_missing");
        let with = json!({ "username": "ada", "password": PASSWORD, "invite": token });
        said(&ask(&jar, register, with).await);
        scans(&mut ada, &jar).await;
        said(&ask(&jar, "POST /api/v1/enroll", json!({ "otp": ada.code() })).await);
        assert_eq!(said(&ask(&jar, "GET /api/v1/account", Value::Null).await)["role"], "owner");
        ask(&jar, "POST /api/v1/logout", Value::Null).await.is(204);
        world.wait(30);
        let login = json!({ "username": "ada", "otp": ada.code() });
        assert_eq!(said(&ask(&jar, "POST /api/v1/login", login).await)["next"], "password");
        let code = json!({ "otp": ada.code() });
        refuses(&ask(&jar, "POST /api/v1/login/code", code).await, 409, "password_next");
        let give = async |password: &str| {
            ask(&jar, "POST /api/v1/login/password", json!({ "password": password })).await
        };
        refuses(&give("").await, 422, "password_missing");
        refuses(&give("not hers at all").await, 422, "password_wrong");
        assert_eq!(said(&give(PASSWORD).await)["next"], "signed_in");
    })
    .await;
}

#[tokio::test]
async fn steps_in_another_order_are_refused_and_say_what_comes_first() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let stranger = jar(&world);
        for step in ["code", "password"] {
            let field = if step == "code" { "otp" } else { "password" };
            let seen =
                ask(&stranger, &format!("POST /api/v1/login/{step}"), json!({ field: "123456" })).await;
            refuses(&seen, 401, "cookie_missing");
        }
        refuses(&ask(&stranger, "GET /api/v1/enroll", Value::Null).await, 401, "not_enrolling");
        let otp = json!({ "otp": "123456" });
        refuses(&ask(&stranger, "POST /api/v1/enroll", otp).await, 401, "not_enrolling");

        let jar = jar(&world);
        said(&ask(&jar, "POST /api/v1/login", json!({ "username": "ada", "password": PASSWORD })).await);
        let password = json!({ "password": PASSWORD });
        refuses(&ask(&jar, "POST /api/v1/login/password", password).await, 409, "code_next");
        world.wait(601);
        let code = json!({ "otp": ada.code() });
        refuses(&ask(&jar, "POST /api/v1/login/code", code).await, 401, "login_expired");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_code_is_answered_with_the_help_of_the_page() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let page = ada.half_signed_in().await;
        let jar = jar(&world);
        said(&ask(&jar, "POST /api/v1/login", json!({ "username": "ada", "password": PASSWORD })).await);
        let now = world.clock.now().seconds();
        for (code, reason) in [
            (ada.wrong_code(), "code_wrong"),
            (ada.code_at(now - 120), "code_behind"),
            ("12345".to_owned(), "code_not_digits"),
        ] {
            let seen = ask(&jar, "POST /api/v1/login/code", json!({ "otp": code })).await;
            refuses(&seen, 422, reason);
            let problem: Value = serde_json::from_str(&seen.text).unwrap();
            let said = problem["detail"].as_str().unwrap().to_owned();
            assert_eq!(problem["problems"][0]["field"], "otp");
            page.give_code(&code).await.refuses_with(&said);
        }
    })
    .await;
}

#[tokio::test]
async fn tries_over_json_and_on_the_pages_come_from_one_budget() {
    World::on_both(async |world| {
        world.person("ada").enrolled().await;
        let wrong = json!({ "username": "ada", "password": "not hers at all" });
        for n in 0..5 {
            let seen = if n % 2 == 0 {
                ask(&jar(&world), "POST /api/v1/login", wrong.clone()).await
            } else {
                world.browser().give_password("ada", "not hers at all").await
            };
            assert_eq!(seen.status.as_u16(), 422, "{n}");
        }
        let seen = ask(&jar(&world), "POST /api/v1/login", wrong.clone()).await;
        refuses(&seen, 429, "resting");
        assert_eq!(seen.header("retry-after"), "30");
        assert_eq!(world.browser().give_password("ada", PASSWORD).await.status.as_u16(), 429);
        // A name that nobody has rests like one that somebody has.
        let unknown = json!({ "username": "nobody", "password": "not theirs at all" });
        let answers = async |body: &Value| {
            let mut statuses = Vec::new();
            for _ in 0..6 {
                statuses.push(refused(&ask(&jar(&world), "POST /api/v1/login", body.clone()).await));
            }
            statuses
        };
        let bad = (422, "bad_credentials".to_owned());
        let expected = [vec![bad; 5], vec![(429, "resting".to_owned())]].concat();
        assert_eq!(answers(&unknown).await, expected);
    })
    .await;
}

#[tokio::test]
async fn where_registration_is_closed_only_a_link_lets_in() {
    World::on_both(async |world| {
        let closed = |config: &mut auth::Config| config.registration = auth::config::Registration::Closed;
        let world = world.reopened(closed).await.unwrap();
        assert!(!register::is_open(&world.app));
        let new = json!({ "username": "ada", "password": PASSWORD });
        refuses(&ask(&jar(&world), "POST /api/v1/register", new).await, 403, "closed");
        for invite in ["", "x", "0000-0000-0000-0000-0000-0000-0000-0000"] {
            let new = json!({ "username": "ada", "password": PASSWORD, "invite": invite });
            refuses(&ask(&jar(&world), "POST /api/v1/register", new).await, 410, "gone_link");
        }
    })
    .await;
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_field_by_field() {
    let world = World::on(store::Kind::Sqlite).await;
    world.person("ada").enrolled().await;
    let register = async |body: Value| ask(&jar(&world), "POST /api/v1/register", body).await;
    refuses(&register(json!({ "username": "Ada", "password": PASSWORD })).await, 422, "username_taken");
    refuses(&register(json!({ "username": "eve" })).await, 422, "password_missing");
    let seen = register(json!({ "username": "e ve", "password": "short" })).await;
    refuses(&seen, 422, "username_rule");
    let problem: Value = serde_json::from_str(&seen.text).unwrap();
    let fields: Vec<_> = problem["problems"].as_array().unwrap().iter().map(|p| &p["field"]).collect();
    assert_eq!(fields, ["username", "password"]);
    let german = jar(&world).with("accept-language", "de");
    let seen = ask(&german, "POST /api/v1/login", json!({ "username": "", "password": "" })).await;
    refuses(&seen, 422, "username_missing");
    assert!(seen.text.contains("Gib "), "{}", seen.text);
}

/// Each route that takes a body, with one that is right as far as it can be read.
const BODIES: [(&str, &str); 9] = [
    ("POST /api/v1/register", r#"{"username":"eve","password":"engine of analysis"}"#),
    ("POST /api/v1/enroll", r#"{"otp":"123456"}"#),
    ("POST /api/v1/login", r#"{"username":"eve","password":"engine of analysis"}"#),
    ("POST /api/v1/login/code", r#"{"otp":"123456"}"#),
    ("POST /api/v1/login/password", r#"{"password":"engine of analysis"}"#),
    ("POST /api/v1/login/recovery", r#"{"recovery_code":"aaaa-aaaa-aaaa-aaaa"}"#),
    ("POST /api/v1/account/prove", r#"{"password":"engine of analysis","otp":"123456"}"#),
    ("POST /api/v1/account/password", r#"{"password":"engine of analysis"}"#),
    ("POST /api/v1/account/authenticators", r#"{"name":"Tablet"}"#),
];

async fn send(jar: &Browser, what: &str, body: &str, kind: Option<&str>) -> Seen {
    let (method, path) = what.split_once(' ').unwrap();
    jar.copy().send(method.parse().unwrap(), path, body.to_owned().into(), kind).await
}

/// A jar that every guard lets pass.
async fn everything(world: &World) -> Browser {
    let ada = world.person("ada").enrolled().await;
    let jar = jar(world);
    said(&ask(&jar, "POST /api/v1/login", json!({ "username": "ada", "password": PASSWORD })).await);
    said(&ask(&jar, "POST /api/v1/login/code", json!({ "otp": ada.code() })).await);
    said(&ask(&jar, "POST /api/v1/account/authenticators", json!({ "name": "Other" })).await);
    jar
}

#[tokio::test]
async fn a_field_too_many_or_twice_or_of_another_kind_is_refused_and_not_repeated() {
    World::on_both(async |world| {
        let jar = everything(&world).await;
        let before = world.dump().await;
        for (what, right) in BODIES {
            let open = right.strip_suffix('}').unwrap();
            let (first, _) = open[1..].split_once(',').unwrap_or((&open[1..], ""));
            let (key, _) = first.split_once(':').unwrap();
            for wrong in [
                format!("{open},\"role\":\"owner\"}}"),
                format!("{open},\"is_admin\":true,\"level\":2}}"),
                format!("{open},{first}}}"),
                format!("{open},{key}:{{\"hunter2\":1}}}}"),
                format!("{{{key}:[\"hunter2\"]}}"),
                format!("{{{key}:null}}"),
                format!("{{{key}:\"hunter2\\u0000\"}}"),
                format!("{right} {right}"),
                format!("[{right}]"),
                "[\"hunter2\",\"hunter2\",\"hunter2\"]".to_owned(),
                "{}".to_owned(),
                "null".to_owned(),
                String::new(),
                format!("{{\"x\":{}", "[".repeat(8000)),
            ] {
                let seen = send(&jar, what, &wrong, Some("application/json")).await;
                refuses(&seen, 400, "bad_json");
                seen.never_says("hunter2");
            }
            let long = format!("{{\"x\":\"{}\"}}", "a".repeat(17_000));
            refuses(&send(&jar, what, &long, Some("application/json")).await, 413, "too_large");
            for kind in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("application/jsonp"),
            ] {
                refuses(&send(&jar, what, right, kind).await, 415, "not_json");
            }
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn a_route_without_fields_takes_none() {
    World::on_both(async |world| {
        let jar = everything(&world).await;
        let before = world.dump().await;
        for what in [
            "POST /api/v1/logout",
            "POST /api/v1/account/recovery-codes",
            "POST /api/v1/account/recovery-codes/saved",
            "DELETE /api/v1/account/sessions",
            "DELETE /api/v1/account/sessions/0123456789abcdefghijklmnop",
            "DELETE /api/v1/account/authenticators/0123456789abcdefghijklmnop",
        ] {
            for (status, body, kind) in [
                (400, r#"{"user":"eve"}"#, Some("application/json")),
                (400, "[]", Some("application/json")),
                (415, "{}", None),
                (415, "a=b", Some("application/x-www-form-urlencoded")),
                (415, "", Some("text/plain")),
            ] {
                let seen = send(&jar, what, body, kind).await;
                assert_eq!(refused(&seen).0, status, "{what} {body} {kind:?}");
            }
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn another_site_can_send_nothing_in_a_browsers_name() {
    World::on_both(async |world| {
        let jar = everything(&world).await;
        let before = world.dump().await;
        let from = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ];
        let bare =
            ["POST /api/v1/logout", "POST /api/v1/account/recovery-codes", "DELETE /api/v1/account/sessions"];
        for (what, body) in BODIES.into_iter().chain(bare.map(|what| (what, ""))) {
            for (name, value) in from {
                let there = jar.copy().with(name, value);
                let kind = (!body.is_empty()).then_some("application/json");
                refuses(&send(&there, what, body, kind).await, 403, "forbidden_origin");
            }
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn every_wrong_address_and_method_is_a_problem_in_json() {
    let world = World::on(store::Kind::Sqlite).await;
    let jar = everything(&world).await;
    for (what, status, reason) in [
        ("GET /api/v1", 404, "not_found"),
        ("GET /api/v1/", 404, "not_found"),
        ("GET /api/v1/nothing", 404, "not_found"),
        ("GET /api/v2/account", 404, "not_found"),
        ("GET /api/v1/account/", 404, "not_found"),
        ("GET /api/v1//account", 404, "not_found"),
        ("GET /api/v1/login", 405, "method_not_allowed"),
        ("PUT /api/v1/account", 405, "method_not_allowed"),
        ("TRACE /api/v1/account", 405, "method_not_allowed"),
    ] {
        let seen = ask(&jar, what, Value::Null).await;
        refuses(&seen, status, reason);
        assert_eq!(seen.header("allow").is_empty(), status != 405, "{what}");
    }
    let elsewhere = jar.with("host", "evil.example");
    refuses(&ask(&elsewhere, "GET /api/v1/account", Value::Null).await, 421, "misdirected");
}
