//! `/api/v1`: what other programs ask, and what they may not.

use auth::Visit;
use auth::api_token::{self, Scope, Wanted};
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::json::{self, jar, said};
use crate::races::{count, released};
use crate::world::{Browser, PASSWORD, Person, Seen, World};

/// A program with a token for this.
async fn program(world: &World) -> Browser {
    let wanted = Wanted { name: "wiki".into(), scopes: vec![Scope::Verify], hosts: Vec::new(), days: 30 };
    let made = api_token::add(&world.app, wanted, None, &Visit::default()).await.unwrap();
    assert!(made.text.starts_with("lk_"));
    jar(world).with("authorization", &format!("Bearer {}", *made.text))
}

async fn ask(program: &Browser, body: &Value) -> Seen {
    ask_text(program, &body.to_string()).await
}

async fn ask_text(program: &Browser, body: &str) -> Seen {
    program.send(Method::POST, "/api/v1/verify", Body::from(body.to_owned()), Some("application/json")).await
}

/// The status of a refusal, which is a problem in JSON.
#[track_caller]
fn refused(seen: &Seen) -> u16 {
    json::refused(seen).0
}

async fn ada_and_a_program(world: &World) -> (Person, Browser) {
    (world.person("Ada").enrolled().await, program(world).await)
}

#[tokio::test]
async fn a_program_hears_whether_a_code_is_right_once() {
    World::on_both(async |world| {
        let (ada, program) = ada_and_a_program(&world).await;
        let asked = json!({ "username": "ada", "otp": ada.code() });
        let right = said(&ask(&program, &asked).await);
        assert_eq!(
            (&right["right"], &right["username"], &right["level"]),
            (&json!(true), &json!("Ada"), &json!(1))
        );
        assert_eq!(said(&ask(&program, &asked).await), json!({ "right": false }), "it is spent");
        // Spent there is spent here.
        let browser = ada.half_signed_in().await;
        browser.give_code(&ada.code()).await.is(422);
        world.wait(30);
        let both = json!({ "username": "Ada", "password": PASSWORD, "otp": ada.code() });
        let right = said(&ask(&program, &both).await);
        assert_eq!(
            (&right["right"], &right["level"], &right["groups"]),
            (&json!(true), &json!(2), &json!([]))
        );
    })
    .await;
}

#[tokio::test]
async fn everything_that_is_wrong_has_one_answer() {
    World::on_both(async |world| {
        let (ada, program) = ada_and_a_program(&world).await;
        let gone = world.person("gone").enrolled().await;
        auth::users::disable(&world.app, "gone").await.unwrap();
        for asked in [
            json!({ "username": "ada", "otp": ada.wrong_code() }),
            json!({ "username": "nobody", "otp": ada.wrong_code() }),
            json!({ "username": "gone", "otp": gone.code() }),
            json!({ "username": "ada", "password": "not hers at all", "otp": ada.code() }),
            json!({ "username": "nobody", "password": PASSWORD, "otp": ada.code() }),
            json!({ "username": "ada", "password": PASSWORD, "otp": ada.wrong_code() }),
            json!({ "username": "gone", "password": PASSWORD, "otp": gone.code() }),
            // A code of another length than all of hers is known only behind her password.
            json!({ "username": "ada", "password": PASSWORD, "otp": "12345678" }),
        ] {
            assert_eq!(
                said(&ask(&program, &asked).await),
                json!({ "right": false }),
                "{}",
                asked["username"]
            );
        }
        // So is that no codes are taken any more.
        world.records().await.change("UPDATE users SET wrong_codes = 100").await;
        let asked = json!({ "username": "ada", "password": PASSWORD, "otp": ada.code() });
        assert_eq!(said(&ask(&program, &asked).await), json!({ "right": false }));
    })
    .await;
}

#[tokio::test]
async fn guesses_by_way_of_a_program_rest_as_those_at_the_front_door_do() {
    World::on_both(async |world| {
        let (ada, program) = ada_and_a_program(&world).await;
        for _ in 0..3 {
            said(&ask(&program, &json!({ "username": "ada", "otp": ada.wrong_code() })).await);
        }
        let right = json!({ "username": "ada", "otp": ada.code() });
        let seen = ask(&program, &right).await;
        assert_eq!((refused(&seen), seen.header("retry-after").as_str()), (429, "60"));
        // The owner of the name is not kept out of their own sign-in by that.
        let browser = ada.half_signed_in().await;
        browser.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_programs_that_ask_about_one_code_at_once_one_hears_that_it_is_right() {
    World::on_both(async |world| {
        let (ada, program) = ada_and_a_program(&world).await;
        let other = world.another_node().await;
        for round in 0..10 {
            world.wait(30);
            let asked = json!({ "username": "ada", "otp": ada.code() });
            let programs =
                (0..64).map(|n| if n % 2 == 0 { program.copy() } else { program.copy().at(&other) });
            let seen = released(programs.collect(), |program| {
                let asked = asked.clone();
                async move { ask(&program, &asked).await }
            })
            .await;
            let right = seen.iter().filter(|seen| seen.text.contains("\"right\":true")).count();
            assert_eq!((right, count(&seen, 200) + count(&seen, 429)), (1, 64), "{round}");
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_token_that_is_still_good_nothing_is_answered() {
    World::on_both(async |world| {
        let (ada, program) = ada_and_a_program(&world).await;
        let asked = json!({ "username": "ada", "otp": ada.code() });
        let token = program.headers["authorization"].to_str().unwrap().to_owned();
        let bare = jar(&world);
        for shown in [
            String::new(),
            "Bearer".into(),
            "Bearer ".into(),
            "Bearer lk_".into(),
            token.replace("Bearer ", ""),
            token.replace("Bearer", "Basic"),
            token.replace("lk_", ""),
            token.replace("lk_", "LK_"),
            token[..token.len() - 1].to_owned(),
            format!("{token}x"),
            format!("{token}, {token}"),
        ] {
            let seen = ask(&bare.clone().with("authorization", &shown), &asked).await;
            assert_eq!(
                (refused(&seen), seen.header("www-authenticate").as_str()),
                (401, "Bearer"),
                "{shown}"
            );
        }
        assert_eq!(refused(&ask(&bare, &asked).await), 401);
        // Somebody who is signed in is no program, and their cookie no token.
        let session = crate::login::signed_in(&ada).await;
        assert_eq!(refused(&ask(&session, &asked).await), 401);
        world.wait(30);
        let asked = json!({ "username": "ada", "otp": ada.code() });
        assert_eq!(said(&ask(&program, &asked).await)["right"], true, "the whole one is good");

        world.wait(30 * 24 * 3600);
        assert_eq!(refused(&ask(&program, &asked).await), 401, "thirty days are over");
        api_token::revoke(&world.app, ("wiki", None), &Visit::default()).await.unwrap();
        let again = crate::api::program(&world).await;
        assert_eq!(said(&ask(&again, &asked).await)["right"], false);
        api_token::revoke(&world.app, ("wiki", None), &Visit::default()).await.unwrap();
        assert_eq!(refused(&ask(&again, &asked).await), 401, "revoked");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused_and_nothing_of_it_is_said_again() {
    let world = World::on(store::Kind::Sqlite).await;
    let program = program(&world).await;
    for (status, body) in [
        (400, ""),
        (400, "{"),
        (400, "[]"),
        (400, "\"hunter2\""),
        (400, r#"{"username":"ada"}"#),
        (400, r#"{"username":"ada","otp":123456}"#),
        (400, r#"{"username":"ada","otp":"123456","is_admin":true,"password":"hunter2"}"#),
        (400, r#"{"username":"ada","otp":"123456","otp":"654321"}"#),
        (400, r#"{"username":"ada","otp":"123456"} {}"#),
        (422, r#"{"username":"","otp":"123456"}"#),
        (422, r#"{"username":"ada","otp":""}"#),
        (422, r#"{"username":"ada","otp":"12345x"}"#),
        (422, r#"{"username":"ada","otp":"١٢٣٤٥٦"}"#),
        (422, r#"{"username":"ada","otp":"123456","password":""}"#),
    ] {
        let seen = ask_text(&program, body).await;
        assert_eq!(refused(&seen), status, "{body}: {}", seen.text);
        assert!(!seen.text.contains("hunter2"), "{}", seen.text);
    }
    let form = program.send(
        Method::POST,
        "/api/v1/verify",
        Body::from("a=b"),
        Some("application/x-www-form-urlencoded"),
    );
    assert_eq!(refused(&form.await), 415);
    assert_eq!(refused(&program.get("/api/v1/verify").await), 405);
    assert_eq!(refused(&program.get("/api/v1/nothing").await), 404);
}
