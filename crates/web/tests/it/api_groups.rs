//! `/api/v1/groups`: groups over JSON, and who may be put into them by whom.

use auth::Role;
use auth::api_token::Scope;
use serde_json::{Value, json};

use crate::api_asker::names;
use crate::api_people::fill;
use crate::races::{count, released};
use crate::world::World;

#[tokio::test]
async fn a_group_is_made_filled_emptied_and_removed_over_json() {
    World::on_both(async |world| {
        world.person("Bob").enrolled().await;
        let admin = world.asker("adam", Role::Admin).await;
        let reads = world.program("reads", &[Scope::PeopleRead], None).await;
        let writes = world.program("writes", &[Scope::PeopleWrite], None).await;
        for (reads, writes) in [(&admin, &admin), (&reads, &writes)] {
            let made = writes.json("POST", "/api/v1/groups", &json!({ "name": "Family" })).await.said(201);
            assert_eq!((&made["name"], &made["members"]), (&json!("Family"), &json!(0)));
            let again = writes.json("POST", "/api/v1/groups", &json!({ "name": "FAMILY" })).await;
            assert_eq!(
                (again.reason(422).as_str(), &again.said(422)["problems"][0]["field"]),
                ("group_taken", &json!("name"))
            );
            // The second time changes nothing, and is no error.
            for _ in 0..2 {
                writes.bare("PUT", "/api/v1/groups/family/members/BOB").await.is(204);
            }
            let shown = reads.get("/api/v1/groups/FAMILY").await.said(200);
            assert_eq!((&shown["id"], &shown["members"]), (&made["id"], &json!(1)));
            let members = reads.get("/api/v1/groups/family/members").await.said(200);
            assert_eq!(
                (names(&members, "username"), &members["next"]),
                (vec!["Bob".to_owned()], &Value::Null)
            );
            assert_eq!(reads.get("/api/v1/people/bob").await.said(200)["groups"], json!(["Family"]));
            for _ in 0..2 {
                writes.bare("DELETE", "/api/v1/groups/family/members/bob").await.is(204);
            }
            assert_eq!(reads.get("/api/v1/groups").await.said(200)["items"][0]["members"], 0);
            writes.bare("PUT", "/api/v1/groups/family/members/nobody").await.is(404);
            writes.bare("PUT", "/api/v1/groups/nothing/members/bob").await.is(404);
            writes.bare("DELETE", "/api/v1/groups/family").await.is(204);
            for (method, path) in [("DELETE", "family"), ("GET", "family"), ("GET", "family/members")] {
                (if method == "GET" { reads } else { writes })
                    .bare(method, &format!("/api/v1/groups/{path}"))
                    .await
                    .is(404);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_administrator_puts_neither_themselves_nor_an_owner_into_a_group() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let owner = world.asker("olga", Role::Owner).await;
        let admin = world.asker("adam", Role::Admin).await;
        let program = world.program("wiki", &[Scope::PeopleWrite], None).await;
        owner.json("POST", "/api/v1/groups", &json!({ "name": "vault" })).await.is(201);
        owner.bare("PUT", "/api/v1/groups/vault/members/olga").await.is(204);
        for asker in [&admin, &program] {
            for (method, name) in [("PUT", "adam"), ("PUT", "olga"), ("DELETE", "olga")] {
                let seen = asker.bare(method, &format!("/api/v1/groups/vault/members/{name}")).await;
                assert_eq!(seen.reason(403), "owners_only", "{method} {name}");
            }
            asker.bare("PUT", "/api/v1/groups/vault/members/bob").await.is(204);
        }
        owner.bare("PUT", "/api/v1/groups/vault/members/adam").await.is(204);
        let members = owner.get("/api/v1/groups/vault/members").await.said(200);
        assert_eq!(names(&members, "username"), ["adam", "bob", "olga"]);
    })
    .await;
}

#[tokio::test]
async fn groups_and_their_people_are_listed_in_pieces_while_they_come_and_go() {
    World::on_both(async |world| {
        fill(&world, 0..120).await;
        let names_of_groups: Vec<String> = (0..60).map(|n| format!("g{n:03}")).collect();
        for name in &names_of_groups {
            auth::groups::add(&world.app, name).await.unwrap();
        }
        let people: Vec<String> = (0..120).map(|n| format!("p{n:04}")).collect();
        auth::groups::join(&world.app, "g000", &people).await.unwrap();
        let reads = world.program("reads", &[Scope::PeopleRead], None).await;
        let (mut groups, mut members) = (Vec::new(), Vec::new());
        let (mut after, mut round) = (String::new(), 0);
        loop {
            let piece = reads.get(&format!("/api/v1/groups?limit=7{after}")).await.said(200);
            groups.extend(names(&piece, "name"));
            let Some(next) = piece["next"].as_str() else { break };
            after = format!("&after={next}");
            auth::groups::add(&world.app, &format!("g{round:03}x")).await.unwrap();
            auth::groups::add(&world.app, &format!("g{:03}x", 59 - round)).await.unwrap();
            round += 1;
        }
        groups.retain(|name| !name.ends_with('x'));
        assert_eq!(groups, names_of_groups);
        after.clear();
        loop {
            let piece = reads.get(&format!("/api/v1/groups/g000/members?limit=7{after}")).await.said(200);
            members.extend(names(&piece, "username"));
            let Some(next) = piece["next"].as_str() else { break };
            // Whoever stood last leaves, and the next piece goes on behind where they stood.
            let gone = next.to_ascii_lowercase();
            auth::groups::leave(&world.app, "g000", &[gone]).await.unwrap();
            after = format!("&after={next}");
        }
        let all: Vec<String> = (0..120).map(|n| format!("P{n:04}")).collect();
        assert_eq!(members, all);
        for query in ["limit=0", "after=%00", "after=a%2Cb%20c"] {
            for path in ["groups", "groups/g000/members"] {
                let seen = reads.get(&format!("/api/v1/{path}?{query}")).await;
                assert_eq!(seen.reason(400), "bad_page", "{path} {query}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn names_of_groups_that_cannot_be_are_refused_and_nothing_is_written() {
    World::on_both(async |world| {
        world.person("bob").enrolled().await;
        let admin = world.asker("adam", Role::Admin).await;
        let before = world.dump().await;
        for name in ["", " ", "a,b", "a b", "a@b", "fämily", "\u{202e}", "a\r\nb", &"x".repeat(65)] {
            let seen = admin.json("POST", "/api/v1/groups", &json!({ "name": name })).await;
            assert_eq!(seen.said(422)["problems"][0]["field"], "name", "{name:?}");
        }
        for name in ["%00", "a%2Cb", "a%2Fb", "%E2%80%AE", "a'--", &"x".repeat(999)] {
            let at = format!("/api/v1/groups/{name}");
            admin.get(&at).await.is(404);
            admin.get(&format!("{at}/members")).await.is(404);
            admin.bare("DELETE", &at).await.is(404);
            admin.bare("PUT", &format!("{at}/members/bob")).await.is(404);
            admin.bare("DELETE", &format!("{at}/members/bob")).await.is(404);
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_make_the_same_group_at_once_one_does() {
    World::on_both(async |world| {
        let other = world.another_node().await;
        let admin = world.asker("adam", Role::Admin).await;
        let askers =
            (0..64).map(|n| if n % 2 == 0 { admin.copy() } else { admin.copy().at(&other) }).collect();
        let seen = released(askers, |asker| async move {
            asker.json("POST", "/api/v1/groups", &json!({ "name": "family" })).await
        })
        .await;
        assert_eq!((count(&seen, 201), count(&seen, 422)), (1, 63));
    })
    .await;
}
