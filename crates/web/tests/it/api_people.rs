//! `/api/v1/people`: what administrators and programs do to people, and what they may not.

use std::collections::BTreeSet;
use std::path::Path;

use auth::api_token::Scope;
use auth::{Id, Role, link, setup, users};
use serde_json::{Value, json};
use store::users::NewUser;

use crate::api_asker::names;
use crate::login::signed_in;
use crate::races::{count, released};
use crate::world::{Browser, PASSWORD, World};

/// Puts so many people into the database past the rules: `p0000` and so on, or those of these numbers.
pub(crate) async fn fill(world: &World, numbers: impl IntoIterator<Item = usize>) {
    let (db, now) = (world.db().await, world.app.clock.now());
    let numbers: Vec<usize> = numbers.into_iter().collect();
    let filled = db.write(move |tx| {
        for number in &numbers {
            let (id, name) = (Id::new(format!("filler {number:04}")), format!("P{number:04}"));
            let new = NewUser {
                id: &id,
                name: &name,
                name_key: &name.to_ascii_lowercase(),
                role: "user",
                password: None,
                password_due: None,
                signed_in_at: None,
            };
            assert!(store::users::insert(tx, &new, now)?);
        }
        Ok::<_, store::Error>(())
    });
    filled.await.unwrap();
}

/// The same by an administrator's session and by tokens, each of which reads or writes.
async fn both_ways(world: &World) -> [(Browser, Browser); 2] {
    let admin = world.asker("Adam", Role::Admin).await;
    let reads = world.program("reads", &[Scope::PeopleRead], None).await;
    let writes = world.program("writes", &[Scope::PeopleWrite], None).await;
    [(admin.clone(), admin), (reads, writes)]
}

#[tokio::test]
async fn somebody_is_let_in_found_locked_out_helped_and_removed_over_json() {
    World::on_both(async |world| {
        for (n, (reads, writes)) in both_ways(&world).await.into_iter().enumerate() {
            let name = format!("Nora{n}");
            let made = writes.json("POST", "/api/v1/people", &json!({ "username": name })).await.said(201);
            let path =
                made["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap().to_owned();
            assert!(path.starts_with("/setup/") && made["username"] == name.as_str(), "{made}");
            let browser = world.browser();
            let fields = [("username", name.as_str()), ("password", PASSWORD)];
            browser.post(&path, &fields).await.lands_on("/enroll");
            let nora = world.person(&name).confirmed_in(&browser).await;
            world.wait(30);

            let at = format!("/api/v1/people/nora{n}");
            let list = reads.get("/api/v1/people?query=NORA").await.said(200);
            assert!(names(&list, "username").contains(&name) && list["next"] == Value::Null, "{list}");
            let shown = reads.get(&at).await.said(200);
            assert_eq!(
                [&shown["username"], &shown["role"], &shown["disabled"], &shown["has_password"]],
                [&json!(name), &json!("user"), &json!(false), &json!(true)]
            );
            assert_eq!(
                [&shown["groups"], &shown["authenticators"], &shown["recovery_codes"]],
                [&json!([]), &json!(1), &json!(10)]
            );
            let sessions = reads.get(&format!("{at}/sessions")).await.said(200);
            assert_eq!((sessions["items"].as_array().unwrap().len(), &sessions["next"]), (1, &Value::Null));
            assert_eq!(sessions["items"][0]["address"], "127.0.0.1");
            let ended = writes.bare("DELETE", &format!("{at}/sessions")).await.said(200);
            assert_eq!(ended, json!({ "ended": 1 }));
            browser.get("/").await.lands_on("/login");

            for (lost, asks) in [("phone", "password"), ("password", "otp"), ("both", "password")] {
                let made =
                    writes.json("POST", &format!("{at}/link"), &json!({ "lost": lost })).await.said(201);
                let path = made["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap();
                let page = world.browser().get(path).await;
                page.is(200).says(&format!("name=\"{asks}\""));
            }
            let out = writes.json("PATCH", &at, &json!({ "disabled": true })).await.said(200);
            assert_eq!(out["disabled"], true);
            world.browser().give_password(&name, PASSWORD).await.is(422);
            let refused = writes.json("POST", &format!("{at}/link"), &json!({ "lost": "both" })).await;
            assert_eq!(refused.reason(409), "refused");
            let back = writes.json("PATCH", &at, &json!({ "disabled": false })).await.said(200);
            assert_eq!(back["disabled"], false);
            signed_in(&nora).await.get("/").await.is(200);

            writes.bare("DELETE", &at).await.is(204);
            assert_eq!(reads.get(&at).await.reason(404), "not_found");
            assert_eq!(writes.bare("DELETE", &at).await.reason(404), "not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_done_by_whom_is_in_the_audit_log() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let owner = world.asker("Olga", Role::Owner).await;
        world.with_role("Adam", Role::Admin).await;
        let program = world.program("wiki", &[Scope::PeopleWrite], Some("adam")).await;
        owner.json("PATCH", "/api/v1/people/bob", &json!({ "role": "admin" })).await.is(200);
        owner.json("PATCH", "/api/v1/people/bob", &json!({ "role": "user" })).await.is(200);
        program.json("PATCH", "/api/v1/people/bob", &json!({ "disabled": true })).await.is(200);
        users::enable(&world.app, "bob").await.unwrap();
        let details =
            |kind: &str| format!("SELECT detail FROM events WHERE kind = '{kind}' AND name = 'bob'");
        let records = world.records().await;
        let all = async |kind| -> Vec<Value> {
            let texts = records.texts(&details(kind)).await;
            texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
        };
        assert!(all("user.role_changed").await.contains(&json!({ "to": "admin", "by": "Olga" })));
        assert_eq!(all("user.disabled").await, [json!({ "by": "Adam", "token": "wiki" })]);
        assert_eq!(all("user.enabled").await, [json!({})], "the command line");
    })
    .await;
}

#[tokio::test]
async fn a_change_asks_for_a_fresh_proof_and_a_look_does_not() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let adam = world.with_role("Adam", Role::Admin).await;
        let admin = signed_in(&adam).await;
        world.wait(5 * 60);
        admin.get("/api/v1/people/bob").await.is(200);
        for (method, path, body) in [
            ("PATCH", "/api/v1/people/bob", json!({ "disabled": true })),
            ("POST", "/api/v1/people", json!({ "username": "nora" })),
            ("POST", "/api/v1/people/bob/link", json!({ "lost": "both" })),
            ("DELETE", "/api/v1/people/bob/sessions", json!({})),
            ("DELETE", "/api/v1/people/bob", json!({})),
            ("POST", "/api/v1/groups", json!({ "name": "family" })),
        ] {
            assert_eq!(admin.json(method, path, &body).await.reason(403), "prove", "{method} {path}");
        }
        let proof = json!({ "password": PASSWORD, "otp": adam.code() });
        let proven = admin.json("POST", "/api/v1/account/prove", &proof).await;
        assert!(proven.status.is_success(), "{}", proven.text);
        admin.json("PATCH", "/api/v1/people/bob", &json!({ "disabled": true })).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn roles_and_whoever_has_one_are_an_owners_to_change() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        world.with_role("carol", Role::Admin).await;
        let owner = world.asker("olga", Role::Owner).await;
        let admin = world.asker("adam", Role::Admin).await;
        let program = world.program("wiki", &[Scope::PeopleWrite], None).await;
        let of_owner = world.program("mine", &[Scope::PeopleWrite], Some("olga")).await;
        for asker in [&admin, &program, &of_owner] {
            for (method, path, body) in [
                ("PATCH", "/api/v1/people/bob", json!({ "role": "admin" })),
                ("PATCH", "/api/v1/people/bob", json!({ "role": "owner", "disabled": true })),
                ("PATCH", "/api/v1/people/carol", json!({ "disabled": true })),
                ("PATCH", "/api/v1/people/olga", json!({ "disabled": true })),
                ("PATCH", "/api/v1/people/adam", json!({ "role": "owner" })),
                ("POST", "/api/v1/people/olga/link", json!({ "lost": "both" })),
                ("POST", "/api/v1/people", json!({ "username": "nora", "role": "admin" })),
                ("DELETE", "/api/v1/people/carol/sessions", json!({})),
                ("DELETE", "/api/v1/people/olga", json!({})),
            ] {
                let seen = asker.json(method, path, &body).await;
                assert_eq!(seen.reason(403), "owners_only", "{method} {path} {body}");
            }
        }
        assert!(!users::show(&world.app, "bob").await.unwrap().person.disabled, "all of it, or nothing");
        owner.json("PATCH", "/api/v1/people/bob", &json!({ "role": "owner" })).await.is(200);
        owner.json("PATCH", "/api/v1/people/carol", &json!({ "disabled": true })).await.is(200);
        owner.json("POST", "/api/v1/people", &json!({ "username": "nora", "role": "admin" })).await.is(201);
        // What an owner has begun an administrator does not take over.
        let seen = admin.json("POST", "/api/v1/people", &json!({ "username": "nora" })).await;
        assert_eq!(seen.reason(403), "owners_only");
        // One more owner is made of somebody who is here.
        let seen =
            owner.json("POST", "/api/v1/people", &json!({ "username": "otto", "role": "owner" })).await;
        assert_eq!(seen.reason(409), "refused");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_an_administrator_no_more_is_refused_at_the_next_request() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let adam = world.with_role("adam", Role::Admin).await;
        let admin = signed_in(&adam).await;
        let program = world.program("mine", &[Scope::PeopleRead, Scope::PeopleWrite], Some("adam")).await;
        for asker in [&admin, &program] {
            asker.get("/api/v1/people").await.is(200);
        }
        users::set_role(&world.app, "adam", Role::User).await.unwrap();
        for asker in [&admin, &program] {
            asker.get("/api/v1/people").await.is(401);
            asker.json("PATCH", "/api/v1/people/bob", &json!({ "disabled": true })).await.is(401);
        }
        // Signed in again, they are somebody who may not; and no token of before comes back with the role.
        world.wait(30);
        let user = signed_in(&adam).await;
        user.get("/api/v1/people").await.is(403);
        user.json("PATCH", "/api/v1/people/bob", &json!({ "disabled": true })).await.is(403);
        users::set_role(&world.app, "adam", Role::Admin).await.unwrap();
        program.get("/api/v1/people").await.is(401);

        // Where a role was taken by hand, behind the rules, each request looks at what it is now.
        world.wait(30);
        let admin = signed_in(&adam).await;
        let program = world.program("again", &[Scope::PeopleRead, Scope::PeopleWrite], Some("adam")).await;
        world.records().await.change("UPDATE users SET role = 'user' WHERE name_key = 'adam'").await;
        for asker in [&admin, &program] {
            asker.get("/api/v1/people").await.is(403);
            asker.json("PATCH", "/api/v1/people/bob", &json!({ "disabled": true })).await.is(403);
        }
        assert!(!users::show(&world.app, "bob").await.unwrap().person.disabled);
    })
    .await;
}

#[tokio::test]
async fn fields_that_nobody_asked_for_change_nothing() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let owner = world.asker("olga", Role::Owner).await;
        owner.get("/api/v1/people").await.is(200);
        let before = world.dump().await;
        let bodies = [
            ("POST", "/api/v1/people", json!({ "username": "nora" })),
            ("PATCH", "/api/v1/people/bob", json!({ "disabled": true })),
            ("POST", "/api/v1/people/bob/link", json!({ "lost": "both" })),
            ("DELETE", "/api/v1/people/bob", json!({})),
            ("DELETE", "/api/v1/people/bob/sessions", json!({})),
            ("POST", "/api/v1/groups", json!({ "name": "family" })),
            ("PUT", "/api/v1/groups/family/members/bob", json!({})),
        ];
        for (method, path, body) in &bodies {
            for extra in ["is_admin", "id", "user_id", "epoch", "password", "created_at", "by", "name_key"] {
                let mut body = body.clone();
                body[extra] = json!(true);
                assert_eq!(owner.json(method, path, &body).await.reason(400), "bad_json", "{path} {extra}");
            }
            for text in ["[]", "null", "\"bob\"", "{", "{} {}", "{\"disabled\":true,\"disabled\":false}"] {
                assert_eq!(
                    owner.json_text(method, path, text).await.reason(400),
                    "bad_json",
                    "{path} {text}"
                );
            }
        }
        for (path, body) in [
            ("/api/v1/people/bob", json!({ "role": "root" })),
            ("/api/v1/people/bob", json!({ "role": 1 })),
            ("/api/v1/people/bob", json!({ "disabled": "true" })),
        ] {
            assert_eq!(owner.json("PATCH", path, &body).await.reason(400), "bad_json", "{body}");
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn no_list_of_people_has_a_secret_in_it() {
    World::on_both(async |world| {
        let bob = world.person("bob").enrolled().await;
        let bobs = signed_in(&bob).await;
        auth::groups::add(&world.app, "family").await.unwrap();
        auth::groups::join(&world.app, "family", &["bob".to_owned()]).await.unwrap();
        setup::user_link(&world.app, "nora", Role::User).await.unwrap();
        link::make(&world.app, "bob", link::Purpose::Both).await.unwrap();
        let owner = world.asker("olga", Role::Owner).await;
        let mut secrets =
            vec![PASSWORD.to_owned(), otp::Secret::from_bytes(&bob.secret).unwrap().to_base32().to_string()];
        secrets.extend(bob.recovery_codes.clone());
        secrets.extend(bobs.cookie_names().iter().filter_map(|name| bobs.cookie(name)));
        let records = world.records().await;
        for (table, column) in [
            ("users", "password"),
            ("authenticators", "secret"),
            ("sessions", "token_mac"),
            ("devices", "token_mac"),
            ("recovery_codes", "mac"),
            ("user_links", "token_mac"),
            ("setup_links", "token_mac"),
        ] {
            let found = records.texts(&format!("SELECT {column} FROM {table} WHERE {column} <> ''")).await;
            assert!(!found.is_empty(), "{table}");
            secrets.extend(found);
        }
        for path in [
            "people",
            "people?query=b",
            "people/bob",
            "people/olga",
            "people/bob/sessions",
            "groups",
            "groups/family",
            "groups/family/members",
        ] {
            let seen = owner.get(&format!("/api/v1/{path}")).await;
            seen.said(200);
            let told = secrets.iter().find(|secret| seen.text.contains(secret.as_str()));
            assert!(told.is_none(), "{path} says {told:?}");
            for word in ["argon2", "\"password\"", "\"secret\"", "\"epoch\"", "token", "\"mac\""] {
                assert!(!seen.text.contains(word), "{path} says {word}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_in_pieces_has_nobody_twice_and_misses_nobody_who_stays() {
    World::on_both(async |world| {
        // Those with even numbers stay; the others come and go between the pieces.
        fill(&world, (0..200).map(|n| 2 * n)).await;
        let reads = world.program("reads", &[Scope::PeopleRead], None).await;
        let records = world.records().await;
        let (mut seen, mut after, mut odd) = (Vec::new(), String::new(), 1);
        loop {
            let piece = reads.get(&format!("/api/v1/people?query=p&limit=7{after}")).await.said(200);
            let found = names(&piece, "username");
            assert!(found.len() <= 7, "{found:?}");
            seen.extend(found);
            let Some(next) = piece["next"].as_str() else { break };
            after = format!("&after={next}");
            fill(&world, [odd, (odd + 200) % 400, 400 - odd].into_iter().collect::<BTreeSet<_>>()).await;
            // Also the one at which the last piece has ended may be gone.
            records.change("DELETE FROM users WHERE id LIKE 'filler ___1' OR id LIKE 'filler ___3'").await;
            records.change("DELETE FROM users WHERE id LIKE 'filler ___5' OR id LIKE 'filler ___7'").await;
            records.change("DELETE FROM users WHERE id LIKE 'filler ___9'").await;
            odd += 2;
        }
        let sorted: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(sorted.len(), seen.len(), "somebody was listed twice");
        assert!(seen.is_sorted(), "{seen:?}");
        for number in (0..200).map(|n| 2 * n) {
            assert!(sorted.contains(&format!("P{number:04}")), "{number} is missing");
        }
        // One who leaves at the border of two pieces takes nobody along.
        let first = reads.get("/api/v1/people?query=p&limit=100").await.said(200);
        let next = first["next"].as_str().unwrap();
        records.change(&format!("DELETE FROM users WHERE name = '{next}'")).await;
        let second = reads.get(&format!("/api/v1/people?query=p&limit=200&after={next}")).await.said(200);
        assert_eq!(names(&first, "username").len() + names(&second, "username").len(), 200);
        for query in ["limit=0", "limit=201", "after=", "after=%00", "after=a%20b", "query=a&query=b"] {
            assert_eq!(
                reads.get(&format!("/api/v1/people?{query}")).await.reason(400),
                "bad_page",
                "{query}"
            );
        }
        for query in ["%25", "_%25", "%00", "%27", "%e2%80%ae", "a%20b", &"a".repeat(900)] {
            let none = reads.get(&format!("/api/v1/people?query={query}")).await.said(200);
            assert_eq!(none, json!({ "items": [], "next": null }), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn names_that_cannot_be_are_nobodys_and_refused_for_somebody_new() {
    World::on_both(async |world| {
        let admin = world.asker("adam", Role::Admin).await;
        let before = world.dump().await;
        for name in [
            "%00",
            "a%2Fb",
            "..%2F..",
            "%3Cb%3E",
            "a%20b",
            "%E2%80%AE",
            "a'--",
            "b%0d%0aX:y",
            &"x".repeat(999),
        ] {
            let at = format!("/api/v1/people/{name}");
            admin.get(&at).await.is(404);
            admin.get(&format!("{at}/sessions")).await.is(404);
            admin.json("PATCH", &at, &json!({ "disabled": true })).await.is(404);
            admin.json("POST", &format!("{at}/link"), &json!({ "lost": "both" })).await.is(404);
            admin.bare("DELETE", &at).await.is(404);
            admin.bare("DELETE", &format!("{at}/sessions")).await.is(404);
        }
        admin.get("/api/v1/people/%ff").await.is(400);
        for name in ["", " ", "a/b", "a b", "<b>", "\u{202e}ada", "аda", "a\r\nb", &"x".repeat(65)] {
            let seen = admin.json("POST", "/api/v1/people", &json!({ "username": name })).await;
            assert_eq!(seen.said(422)["problems"][0]["field"], "username", "{name:?}");
        }
        let seen = admin.json("POST", "/api/v1/people", &json!({ "username": "ADAM" })).await;
        assert_eq!(seen.reason(422), "username_taken");
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_who_remove_each_other_64_times_at_once_one_is_left() {
    World::on_both(async |world| {
        let other = world.another_node().await;
        let (olga, otto) =
            (world.with_role("olga", Role::Owner).await, world.with_role("otto", Role::Owner).await);
        for (round, body) in
            [json!({ "role": "user" }), json!({ "disabled": true }), json!({ "role": "admin" })]
                .into_iter()
                .enumerate()
        {
            let browsers = [signed_in(&olga).await, signed_in(&otto).await];
            let askers = (0..64).map(|n| {
                let asker = browsers[n % 2].copy();
                if n % 4 < 2 { asker } else { asker.at(&other) }
            });
            let askers = askers.enumerate().map(|(n, asker)| asker.with("x-n", &n.to_string())).collect();
            let seen = released(askers, |asker| {
                let even = asker.headers["x-n"].to_str().unwrap().parse::<usize>().unwrap() % 2 == 0;
                let (body, whom) = (body.clone(), if even { "otto" } else { "olga" });
                async move { asker.json("PATCH", &format!("/api/v1/people/{whom}"), &body).await }
            })
            .await;
            let owners = "SELECT count(*) FROM users WHERE role = 'owner' AND disabled = FALSE";
            assert_eq!(world.records().await.number(owners).await, 1, "{round}");
            // The one who went first may say it again and again: it is so already.
            let (done, refused) =
                (count(&seen, 200), count(&seen, 401) + count(&seen, 403) + count(&seen, 409));
            assert!(done >= 1 && done + refused == 64, "{round}: {done} and {refused}");
            for name in ["olga", "otto"] {
                users::enable(&world.app, name).await.unwrap();
                users::set_role(&world.app, name, Role::Owner).await.unwrap();
            }
            world.wait(30);
        }
        // The same of people whom nobody has to keep: all of them go, so it is not the crowd that keeps the owner.
        fill(&world, 0..64).await;
        let owner = signed_in(&olga).await;
        let askers = (0..64).map(|n| owner.copy().with("x-n", &n.to_string())).collect();
        let seen = released(askers, |asker| async move {
            let number: usize = asker.headers["x-n"].to_str().unwrap().parse().unwrap();
            asker.bare("DELETE", &format!("/api/v1/people/p{number:04}")).await
        })
        .await;
        assert_eq!(count(&seen, 204), 64);
        // And the last one is told what to do.
        users::set_role(&world.app, "otto", Role::User).await.unwrap();
        let last = owner.json("PATCH", "/api/v1/people/olga", &json!({ "role": "user" })).await;
        assert_eq!(last.reason(409), "refused");
        last.says("olga is the only owner");
    })
    .await;
}

/// What changes people and groups, and takes `&App` alone as the command line.
const CHANGES: [&str; 12] = [
    "users::update(",
    "users::set_role(",
    "users::disable(",
    "users::enable(",
    "users::remove(",
    "link::make(",
    "link::reset_factor(",
    "setup::user_link(",
    "session::end_all(",
    "groups::add(",
    "groups::join(",
    "groups::leave(",
];

#[test]
fn nothing_on_the_web_acts_as_the_command_line() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source: String =
                std::fs::read_to_string(&path).unwrap_or_default().split_whitespace().collect();
            for change in CHANGES.into_iter().chain(["groups::remove("]) {
                for rest in source.split(change).skip(1) {
                    assert!(rest.starts_with("acting(&call,asker)"), "{change} in {}", path.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found >= 8, "the search finds {found}");
}
