//! A backup that is brought back is the past, and opens nothing that could have been used since: REL-12. A plain copy does.

use auth::api_token::{self, Scope, Wanted};
use auth::{Visit, users};
use store::Kind;

use crate::forward_auth::{ada, ada_inside};
use crate::proxied::{APP, Traveler, ask};
use crate::tokens::{DAV, basic, program, signed_in, with_dav};
use crate::world::{Browser, PASSWORD, Person, World};

/// What Ada has when the backup is made, and uses right after it.
struct Things {
    ada: Person,
    /// Signed in at the portal, and known there.
    browser: Browser,
    inside: Traveler,
    /// An app password of hers, and the token of a program.
    token: String,
    program: String,
    code: String,
    recovery_code: String,
}

impl Things {
    async fn of(world: &World) -> Things {
        let ada = ada(world).await;
        let inside = ada_inside(world, &ada).await;
        world.wait(30);
        let browser = signed_in(world, &ada).await;
        let wanted = |name: &str, scopes: &[Scope], hosts: &[&str]| Wanted {
            name: name.into(),
            scopes: scopes.to_vec(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            days: 30,
        };
        let visit = &Visit::default();
        let own = wanted("phone", &[Scope::Apps], &["dav.example.org"]);
        let token = api_token::add(&world.app, own, Some("ada"), visit).await.unwrap().text.to_string();
        let program = wanted("wiki", &[Scope::Verify], &[]);
        let program = api_token::add(&world.app, program, None, visit).await.unwrap().text.to_string();
        let (code, recovery_code) = (ada.code(), ada.recovery_codes[0].clone());
        Things { ada, browser, inside, token, program, code, recovery_code }
    }

    /// What of it opens something there, by name.
    async fn opens(&self, world: &World) -> Vec<&'static str> {
        let mut opens = Vec::new();
        let mut note = |what: &'static str, yes: bool| {
            if yes {
                opens.push(what);
            }
        };
        let session = self.browser.copy().at(world);
        note("session", session.get("/account").await.status == 200);
        let at_app = self.inside.clone().at(APP).copy().at(world);
        note("app session", ask(&at_app, "GET", &format!("{APP}/")).await.status == 200);
        let dav = program(world, &basic("ada", &self.token));
        note("token", ask(&dav, "GET", &format!("{DAV}/ada/")).await.status == 200);
        note("program", api_token::find(&world.app, &self.program).await.unwrap().is_some());
        let half = half_signed_in(world, &self.ada).await;
        note("code", half.post("/login/code", &[("otp", &self.code)]).await.status == 303);
        let half = half_signed_in(world, &self.ada).await;
        let recovery = [("recovery_code", self.recovery_code.as_str())];
        note("recovery code", half.post("/login/recovery", &recovery).await.status == 303);
        // Where strangers have guessed until it rests, a browser that is known is heard all the same.
        for _ in 0..6 {
            Traveler::new(world).portal().give_password("ada", "not the password").await;
        }
        let stranger = Traveler::new(world).portal().give_password("ada", PASSWORD).await;
        assert_eq!(stranger.status, 429, "it rests");
        note("known browser", session.give_password("ada", PASSWORD).await.status == 303);
        opens
    }
}

async fn half_signed_in(world: &World, ada: &Person) -> Browser {
    let browser = Traveler::new(world).portal();
    browser.give_password(&ada.name, PASSWORD).await.lands_on("/login/code");
    browser
}

const ALL: [&str; 7] =
    ["session", "app session", "token", "program", "code", "recovery code", "known browser"];

#[tokio::test]
async fn nothing_that_was_used_after_a_backup_opens_anything_when_it_is_restored() {
    for (kind, into) in [(Kind::Sqlite, Kind::Sqlite), (Kind::Postgres, Kind::Postgres)] {
        println!("on {kind:?}:");
        let world = World::with(kind, with_dav).await;
        let things = Things::of(&world).await;
        let backup = world.backed_up().await;
        assert_eq!(things.opens(&world).await, ALL, "all of it is good until it is used");
        let restored = backup.restored(into, with_dav).await;
        assert_eq!(things.opens(&restored).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_plain_copy_opens_all_of_it_again() {
    let world = World::with(Kind::Sqlite, with_dav).await;
    let things = Things::of(&world).await;
    let copy = world.copied(with_dav).await;
    assert_eq!(things.opens(&world).await, ALL);
    assert_eq!(things.opens(&copy).await, ALL, "else the test before could not fail");
}

#[tokio::test]
async fn people_come_in_again_after_a_minute_and_their_groups_and_roles_are_there() {
    for (kind, into) in [(Kind::Sqlite, Kind::Postgres), (Kind::Postgres, Kind::Sqlite)] {
        println!("from {kind:?}:");
        let world = World::with(kind, with_dav).await;
        let things = Things::of(&world).await;
        let restored = world.backed_up().await.restored(into, with_dav).await;
        // The code of the step to come would have been good, too, so it counts as spent.
        restored.wait(30);
        let half = half_signed_in(&restored, &things.ada).await;
        half.post("/login/code", &[("otp", &things.ada.code())]).await.is(422);
        restored.wait(30);
        half.post("/login/code", &[("otp", &things.ada.code())]).await.lands_on("/");
        let ada = users::show(&restored.app, "ada").await.unwrap();
        assert_eq!((ada.person.name.as_str(), ada.groups), ("Ada", vec!["family".to_owned()]));
        // There are no recovery codes any more, and she can make new ones.
        assert_eq!(auth::recovery::left(&restored.app, &ada.person.id).await.unwrap(), 0);
    }
}
