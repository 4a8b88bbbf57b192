//! `/api/v1/account`: what a person sees and changes over JSON, what wants a fresh proof, and what a token may see.

use auth::Visit;
use auth::api_token::{self, Scope, Wanted};
use serde_json::{Value, json};

use crate::json::{ask, jar, refuses, said};
use crate::world::{Browser, PASSWORD, Person, World};

/// A jar with a session whose proof is fresh. The code is spent.
async fn signed_in(ada: &Person) -> Browser {
    let jar = jar(&ada.world);
    let login = json!({ "username": ada.name, "password": PASSWORD });
    said(&ask(&jar, "POST /api/v1/login", login).await);
    said(&ask(&jar, "POST /api/v1/login/code", json!({ "otp": ada.code() })).await);
    jar
}

/// A program with a token of hers.
async fn program_of(ada: &Person, scopes: &[Scope]) -> Browser {
    let wanted = Wanted { name: "phone-widget".into(), scopes: scopes.to_vec(), hosts: vec![], days: 30 };
    let made = api_token::add(&ada.world.app, wanted, Some(&ada.name), &Visit::default()).await.unwrap();
    jar(&ada.world).with("authorization", &format!("Bearer {}", *made.text))
}

#[tokio::test]
async fn an_account_says_who_it_is_and_what_there_is_to_do() {
    World::on_both(async |world| {
        let ada = world.person("Ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let account = said(&ask(&jar, "GET /api/v1/account", Value::Null).await);
        assert_eq!(
            (&account["username"], &account["role"], &account["groups"], &account["to_do"]),
            (&json!("Ada"), &json!("user"), &json!([]), &json!([]))
        );
        assert_eq!(
            account["session"],
            json!({
                "id": account["session"]["id"], "level": 2, "has_password": true, "fresh": true,
                "signed_in_at": "2026-11-24T14:06:02Z", "proved_at": "2026-11-24T14:06:02Z",
            })
        );
        assert_eq!(account["recovery_codes_left"], 10);
        // The session of the pages is the session of the API, and the other way about.
        jar.get("/account").await.is(200);
        jar.post("/logout", &[]).await.lands_on("/login");
        refuses(&ask(&jar, "GET /api/v1/account", Value::Null).await, 401, "not_signed_in");
    })
    .await;
}

#[tokio::test]
async fn every_change_wants_a_fresh_proof_and_says_so_in_a_word_that_stays() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let listed = said(&ask(&jar, "GET /api/v1/account/authenticators", Value::Null).await);
        let id = listed["items"][0]["id"].as_str().unwrap();
        let session = said(&ask(&jar, "GET /api/v1/account", Value::Null).await)["session"]["id"].clone();
        world.wait(301);
        let one = format!("/api/v1/account/authenticators/{id}");
        for (what, body) in [
            ("POST /api/v1/account/password".to_owned(), json!({ "password": "another engine of hers" })),
            ("POST /api/v1/account/recovery-codes".into(), Value::Null),
            ("POST /api/v1/account/authenticators".into(), json!({ "name": "Tablet" })),
            (format!("PATCH {one}"), json!({ "name": "Tablet" })),
            (format!("DELETE {one}"), Value::Null),
            ("DELETE /api/v1/account/sessions".into(), Value::Null),
            (format!("DELETE /api/v1/account/sessions/{}", session.as_str().unwrap()), Value::Null),
        ] {
            refuses(&ask(&jar, &what, body).await, 403, "prove");
        }
        assert_eq!(said(&ask(&jar, "GET /api/v1/account", Value::Null).await)["session"]["fresh"], false);

        let prove = async |body: Value| ask(&jar, "POST /api/v1/account/prove", body).await;
        refuses(&prove(json!({ "otp": ada.code() })).await, 422, "password_missing");
        let wrong = json!({ "password": "not hers at all", "otp": ada.code() });
        refuses(&prove(wrong).await, 422, "password_wrong");
        prove(json!({ "password": PASSWORD, "otp": ada.code() })).await.is(204);
        let renamed = ask(&jar, &format!("PATCH {one}"), json!({ "name": "Phone" })).await;
        renamed.is(204);
        let listed = said(&ask(&jar, "GET /api/v1/account/authenticators", Value::Null).await);
        assert_eq!(listed["items"][0]["name"], "Phone");
        let again = json!({ "password": PASSWORD, "otp": ada.code() });
        refuses(&prove(again).await, 422, "code_used");
    })
    .await;
}

#[tokio::test]
async fn ten_new_recovery_codes_are_shown_until_they_are_saved() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let codes = async || said(&ask(&jar, "GET /api/v1/account/recovery-codes", Value::Null).await);
        assert_eq!(codes().await, json!({ "left": 10, "codes": null }));
        let made = said(&ask(&jar, "POST /api/v1/account/recovery-codes", Value::Null).await);
        let made = made["codes"].as_array().unwrap().clone();
        assert!(made.len() == 10 && !made.contains(&json!(ada.recovery_codes[0])));
        assert_eq!(codes().await["codes"], json!(made));
        let to_do = said(&ask(&jar, "GET /api/v1/account", Value::Null).await)["to_do"].clone();
        assert_eq!(to_do, json!(["save_recovery_codes"]));
        for _ in 0..2 {
            ask(&jar, "POST /api/v1/account/recovery-codes/saved", json!({})).await.is(204);
        }
        assert_eq!(codes().await, json!({ "left": 10, "codes": null }));
    })
    .await;
}

#[tokio::test]
async fn one_more_authenticator_is_set_up_and_the_last_one_never_goes() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let list = "GET /api/v1/account/authenticators";
        let first = said(&ask(&jar, list, Value::Null).await)["items"][0]["id"].clone();
        let first = first.as_str().unwrap().to_owned();
        let remove = |id: &str| format!("DELETE /api/v1/account/authenticators/{id}");
        refuses(&ask(&jar, &remove(&first), Value::Null).await, 422, "last_authenticator");

        let begin = "POST /api/v1/account/authenticators";
        refuses(&ask(&jar, begin, json!({ "name": "" })).await, 422, "authenticator_name");
        refuses(&ask(&jar, begin, json!({ "name": "x", "at_once": true })).await, 422, "field_unknown");
        let stranger = json!({ "name": "x", "replaces": "0123456789abcdefghijklmnop" });
        refuses(&ask(&jar, begin, stranger).await, 404, "not_found");
        assert_eq!(said(&ask(&jar, begin, json!({ "name": "Tablet" })).await)["next"], "enroll");
        let secret = said(&ask(&jar, "GET /api/v1/enroll", Value::Null).await);
        let mut tablet = ada.clone();
        tablet.secret =
            otp::Secret::from_base32(secret["secret"].as_str().unwrap()).unwrap().as_bytes().to_vec();
        let next = said(&ask(&jar, "POST /api/v1/enroll", json!({ "otp": tablet.code() })).await);
        assert_eq!(next["next"], "signed_in");
        let items = said(&ask(&jar, list, Value::Null).await)["items"].clone();
        assert_eq!((items.as_array().unwrap().len(), &items[1]["name"]), (2, &json!("Tablet")));

        ask(&jar, &remove(&first), Value::Null).await.is(204);
        refuses(&ask(&jar, &remove(&first), Value::Null).await, 404, "not_found");
        for id in ["x", "..", "%00", "%ff", "0123456789abcdefghijklmnoP", "0123456789abcdefghijklmno%00"] {
            let seen = ask(&jar, &remove(id), Value::Null).await;
            assert!(matches!(seen.status.as_u16(), 400 | 404), "{id}: {}", seen.status);
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_so_does_asking_for_it() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let here = signed_in(&ada).await;
        world.wait(30);
        let there = signed_in(&ada).await;
        let sessions = async |jar: &Browser| {
            let listed = said(&ask(jar, "GET /api/v1/account/sessions", Value::Null).await);
            listed["items"].as_array().unwrap().clone()
        };
        let both = sessions(&here).await;
        let current = both.iter().filter(|one| one["current"] == true).count();
        assert_eq!((both.len(), current), (2, 1));
        let other =
            both.iter().find(|one| one["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let end = format!("DELETE /api/v1/account/sessions/{other}");
            ask(&here, &end, Value::Null).await.is(204);
        }
        refuses(&ask(&there, "GET /api/v1/account", Value::Null).await, 401, "not_signed_in");

        world.wait(30);
        let there = signed_in(&ada).await;
        ask(&here, "DELETE /api/v1/account/sessions", Value::Null).await.is(204);
        assert_eq!(sessions(&here).await.len(), 1);
        refuses(&ask(&there, "GET /api/v1/account", Value::Null).await, 401, "not_signed_in");

        world.wait(30);
        let there = signed_in(&ada).await;
        let change = "POST /api/v1/account/password";
        refuses(&ask(&here, change, json!({ "password": "short" })).await, 422, "password_short");
        ask(&here, change, json!({ "password": "another engine of hers" })).await.is(204);
        refuses(&ask(&there, "GET /api/v1/account", Value::Null).await, 401, "not_signed_in");
        said(&ask(&here, "GET /api/v1/account", Value::Null).await);
        let old = json!({ "username": "ada", "password": PASSWORD });
        refuses(&ask(&jar(&world), "POST /api/v1/login", old).await, 422, "bad_credentials");
    })
    .await;
}

#[tokio::test]
async fn activity_comes_in_pieces_none_twice_and_none_missed_while_more_happens() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let piece = async |query: &str| {
            said(&ask(&jar, &format!("GET /api/v1/account/activity{query}"), Value::Null).await)
        };
        let whole = piece("?limit=200").await;
        let ids = |piece: &Value| -> Vec<Value> {
            piece["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
        };
        assert!(ids(&whole).len() >= 5 && whole["next"].is_null(), "{whole}");
        let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
        loop {
            let page = piece(&query).await;
            assert!(ids(&page).len() <= 2);
            seen.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?limit=2&after={next}");
            // What happens in between comes before all of these.
            world.wait(30);
            signed_in(&ada).await;
        }
        assert_eq!(seen, ids(&whole));
        assert!(ids(&piece("?limit=200").await).len() > seen.len());
        let longest = format!("?after={}", "9".repeat(257));
        for query in [
            "?limit=0",
            "?limit=201",
            "?limit=x",
            "?after=",
            "?after=x",
            "?after=1.x",
            "?after=1.2&after=1.2",
            "?after=-1.0123456789abcdefghijklmnop",
            "?after=99999999999999999999.0123456789abcdefghijklmnop",
            &longest,
        ] {
            let seen = ask(&jar, &format!("GET /api/v1/account/activity{query}"), Value::Null).await;
            refuses(&seen, 400, "bad_page");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_of_hers_sees_her_account_and_no_codes_and_changes_nothing() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let eve = world.person("eve").enrolled().await;
        let jar = signed_in(&ada).await;
        said(&ask(&jar, "POST /api/v1/account/recovery-codes", Value::Null).await);
        let program = program_of(&ada, &[Scope::AccountRead]).await;
        let account = said(&ask(&program, "GET /api/v1/account", Value::Null).await);
        assert_eq!((&account["username"], &account["session"]), (&json!("ada"), &Value::Null));
        let codes = said(&ask(&program, "GET /api/v1/account/recovery-codes", Value::Null).await);
        assert_eq!(codes, json!({ "left": 10, "codes": null }));
        for list in ["authenticators", "sessions", "activity"] {
            let listed = said(&ask(&program, &format!("GET /api/v1/account/{list}"), Value::Null).await);
            assert!(!listed["items"].as_array().unwrap().is_empty(), "{list}");
        }
        let session = account["id"].as_str().unwrap();
        for (what, body) in [
            ("POST /api/v1/account/prove", json!({ "password": PASSWORD, "otp": ada.code() })),
            ("POST /api/v1/account/password", json!({ "password": "another engine of hers" })),
            ("POST /api/v1/account/recovery-codes", Value::Null),
            ("POST /api/v1/account/recovery-codes/saved", Value::Null),
            ("POST /api/v1/account/authenticators", json!({ "name": "Tablet" })),
            (&format!("DELETE /api/v1/account/sessions/{session}"), Value::Null),
            ("DELETE /api/v1/account/sessions", Value::Null),
        ] {
            refuses(&ask(&program, what, body).await, 403, "not_in_scope");
        }
        // One for something else, and one that is none, whatever cookie comes with it.
        let apps = {
            let wanted = Wanted {
                name: "other".into(),
                scopes: vec![Scope::Apps],
                hosts: vec!["wiki.example.org".into()],
                days: 30,
            };
            let made = api_token::add(&world.app, wanted, Some("eve"), &Visit::default()).await.unwrap();
            format!("Bearer {}", *made.text)
        };
        let cookie_too = |shown: &str| jar.copy().with("authorization", shown);
        refuses(&ask(&cookie_too(&apps), "GET /api/v1/account", Value::Null).await, 403, "not_in_scope");
        let shown = program.headers["authorization"].to_str().unwrap().to_owned();
        let beside = said(&ask(&cookie_too(&shown), "GET /api/v1/account", Value::Null).await);
        assert_eq!(beside["session"], Value::Null, "the token counts, not the cookie");
        for bad in ["Bearer lk_x", "Bearer", "Basic YWRhOng=", &format!("{shown}x")] {
            refuses(&ask(&cookie_too(bad), "GET /api/v1/account", Value::Null).await, 401, "no_token");
        }
        // Whoever is locked out has no token either.
        auth::users::disable(&world.app, "ada").await.unwrap();
        refuses(&ask(&program, "GET /api/v1/account", Value::Null).await, 401, "no_token");
        drop(eve);
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_or_ends_what_is_somebody_elses() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let eve = world.person("eve").enrolled().await;
        let (hers, mine) = (signed_in(&ada).await, signed_in(&eve).await);
        let first = |list: Value| list["items"][0]["id"].as_str().unwrap().to_owned();
        let session = first(said(&ask(&hers, "GET /api/v1/account/sessions", Value::Null).await));
        let phone = first(said(&ask(&hers, "GET /api/v1/account/authenticators", Value::Null).await));
        ask(&mine, &format!("DELETE /api/v1/account/sessions/{session}"), Value::Null).await.is(204);
        said(&ask(&hers, "GET /api/v1/account", Value::Null).await);
        let theirs = format!("/api/v1/account/authenticators/{phone}");
        refuses(&ask(&mine, &format!("DELETE {theirs}"), Value::Null).await, 404, "not_found");
        refuses(&ask(&mine, &format!("PATCH {theirs}"), json!({ "name": "x" })).await, 404, "not_found");
        let replaces = json!({ "name": "x", "replaces": phone });
        refuses(&ask(&mine, "POST /api/v1/account/authenticators", replaces).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn no_answer_of_an_account_holds_a_secret() {
    World::on_both(async |world| {
        let ada = world.person("ada").enrolled().await;
        let jar = signed_in(&ada).await;
        let secret = otp::Secret::from_bytes(&ada.secret).unwrap();
        let mut hidden: Vec<String> = vec![secret.to_base32().to_string(), PASSWORD.into()];
        hidden.extend(ada.recovery_codes.clone());
        hidden.extend(jar.cookie_names().iter().filter_map(|name| jar.cookie(name)));
        let records = world.records().await;
        for stored in [
            "SELECT token_mac FROM sessions",
            "SELECT token_mac FROM devices",
            "SELECT secret FROM authenticators",
            "SELECT password FROM users",
            "SELECT mac FROM recovery_codes",
        ] {
            let texts = records.texts(stored).await;
            assert!(!texts.is_empty(), "{stored}");
            hidden.extend(texts);
        }
        for path in ["", "/recovery-codes", "/authenticators", "/sessions", "/activity?limit=200"] {
            let seen = ask(&jar, &format!("GET /api/v1/account{path}"), Value::Null).await;
            said(&seen);
            for secret in &hidden {
                seen.never_says(secret);
            }
        }
    })
    .await;
}
