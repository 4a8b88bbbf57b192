//! `/api/v1/account/tokens`: tokens made over JSON are those of the page, and are shown once.

use serde_json::{Value, json};

use crate::json::{ask, jar, refuses, said};
use crate::world::{Browser, PASSWORD, World};

const TOKENS: &str = "/api/v1/account/tokens";

/// Ada's jar, whose proof is fresh.
async fn ada(world: &World) -> Browser {
    let ada = world.person("ada").enrolled().await;
    let jar = jar(world);
    said(&ask(&jar, "POST /api/v1/login", json!({ "username": "ada", "password": PASSWORD })).await);
    said(&ask(&jar, "POST /api/v1/login/code", json!({ "otp": ada.code() })).await);
    jar
}

#[tokio::test]
async fn a_token_is_made_over_json_sees_the_account_and_no_more_and_is_revoked() {
    World::on_both(async |world| {
        let browser = ada(&world).await;
        let wanted = json!({ "name": "widget", "scopes": ["account:read"], "days": 30 });
        let made = ask(&browser, &format!("POST {TOKENS}"), wanted.clone()).await;
        made.is(201);
        let made: Value = serde_json::from_str(&made.text).unwrap();
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("lk_") && made["hosts"] == json!([]) && made["used_at"] == Value::Null);
        let program = jar(&world).with("authorization", &format!("Bearer {token}"));
        assert_eq!(said(&ask(&program, "GET /api/v1/account", Value::Null).await)["username"], "ada");
        // It sees itself, and not what it is; it makes and revokes nothing.
        let listed = ask(&program, &format!("GET {TOKENS}"), Value::Null).await;
        listed.never_says(token);
        let listed = said(&listed);
        assert_eq!(
            (&listed["items"][0]["id"], &listed["items"][0]["scopes"]),
            (&made["id"], &json!(["account:read"]))
        );
        let one = format!("DELETE {TOKENS}/{}", made["id"].as_str().unwrap());
        refuses(&ask(&program, &format!("POST {TOKENS}"), wanted.clone()).await, 403, "not_in_scope");
        refuses(&ask(&program, &one, Value::Null).await, 403, "not_in_scope");
        browser.get("/account/tokens").await.says("widget").never_says(token);
        for _ in 0..2 {
            ask(&browser, &one, Value::Null).await.is(204);
        }
        refuses(&ask(&program, "GET /api/v1/account", Value::Null).await, 401, "no_token");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_in_words_that_stay() {
    World::on_both(async |world| {
        let browser = ada(&world).await;
        let before = world.dump().await;
        for (wanted, reason) in [
            (json!({ "name": "", "scopes": ["account:read"] }), "token_name"),
            (json!({ "name": "x", "scopes": [] }), "token_scopes"),
            (json!({ "name": "x", "scopes": ["people:write"] }), "token_scopes"),
            (json!({ "name": "x", "scopes": ["apps"] }), "token_hosts"),
            (json!({ "name": "x", "scopes": ["apps"], "hosts": ["https://a"] }), "token_hosts"),
            (json!({ "name": "x", "scopes": ["account:read"], "hosts": ["a"] }), "token_hosts"),
            (json!({ "name": "x", "scopes": ["account:read"], "days": 0 }), "token_days"),
            (json!({ "name": "x", "scopes": ["account:read"], "days": 4_294_967_295_u32 }), "token_days"),
        ] {
            refuses(&ask(&browser, &format!("POST {TOKENS}"), wanted).await, 422, reason);
        }
        for wanted in [
            json!({ "name": "x" }),
            json!({ "name": "x", "scopes": ["everything"] }),
            json!({ "name": "x", "scopes": "apps" }),
            json!({ "name": "x", "scopes": ["account:read"], "days": -1 }),
            json!({ "name": "x", "scopes": ["account:read"], "owner": "root" }),
            json!({ "name": "x", "scopes": ["account:read"], "level": 2 }),
        ] {
            refuses(&ask(&browser, &format!("POST {TOKENS}"), wanted).await, 400, "bad_json");
        }
        world.dump().await.is_still(&before);
        world.wait(301);
        let good = json!({ "name": "x", "scopes": ["account:read"] });
        refuses(&ask(&browser, &format!("POST {TOKENS}"), good).await, 403, "prove");
    })
    .await;
}
