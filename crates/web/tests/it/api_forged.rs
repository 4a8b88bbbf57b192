//! What another site can have a browser send to the API, with the cookies of an owner: nothing is changed.

use auth::{Role, users};
use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use crate::api_document::{document, operations};
use crate::json::refuses;
use crate::login::signed_in;
use crate::world::{Browser, World};

const JSON: &str = "application/json";

/// An owner, signed in in a browser a moment ago.
async fn owner(world: &World) -> Browser {
    let root = world.person("root").enrolled().await;
    users::set_role(&world.app, "root", Role::Owner).await.unwrap();
    let browser = signed_in(&root).await;
    world.wait(30);
    browser.with("accept", "*/*")
}

/// Every operation that changes something, at an address that there is.
async fn changes(world: &World) -> Vec<(Method, String)> {
    let document: Value = document(world).await;
    let all = operations(&document).into_iter().map(|(what, _)| {
        let (method, path) = what.split_once(' ').unwrap();
        let path = path.replace("{username}", "root").replace("{name}", "family");
        (method.parse().unwrap(), path.replace("{id}", "0123456789abcdefghijklmnop"))
    });
    all.filter(|(method, _)| method != Method::GET).collect()
}

#[tokio::test]
async fn nothing_is_changed_over_json_by_what_another_site_sends() {
    World::on_both(async |world| {
        let browser = owner(&world).await;
        let changes = changes(&world).await;
        assert!(changes.len() > 25, "{}", changes.len());
        let before = world.dump().await;
        let mut tried = 0;
        for (method, path) in &changes {
            for (origin, site) in [
                (Some("https://evil.example"), Some("cross-site")),
                (Some("null"), Some("cross-site")),
                (Some("https://evil.example"), Some("same-site")),
                (Some("https://evil.example"), None),
                (Some("null"), None),
                (None, Some("cross-site")),
            ] {
                let mut forger = browser.copy().without("origin").without("sec-fetch-site");
                if let Some(origin) = origin {
                    forger = forger.with("origin", origin);
                }
                if let Some(site) = site {
                    forger = forger.with("sec-fetch-site", site);
                }
                let seen = forger.send(method.clone(), path, Body::from("{}"), Some(JSON)).await;
                refuses(&seen, 403, "forbidden_origin");
                tried += 1;
            }
        }
        println!("{tried} forged requests at {} operations, nothing changed", changes.len());
        world.dump().await.is_still(&before);
    })
    .await;
}

/// A form, a picture or a beacon cannot say that what it sends is JSON without asking first.
#[tokio::test]
async fn nothing_is_read_over_json_that_a_form_can_send() {
    World::on_both(async |world| {
        let browser = owner(&world).await;
        browser.get("/account").await.is(200);
        let before = world.dump().await;
        let mut unread = 0;
        for (method, path) in changes(&world).await.iter().filter(|(method, _)| method == Method::POST) {
            for kind in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("multipart/form-data"),
            ] {
                let seen = browser.send(method.clone(), path, Body::from("{\"a\":1}"), kind).await;
                // Nothing is being enrolled in this browser, and programs show a token.
                if seen.status != 401 {
                    refuses(&seen, 415, "not_json");
                    unread += 1;
                }
            }
        }
        assert!(unread > 40, "{unread}");
        world.dump().await.is_still(&before);
    })
    .await;
}
