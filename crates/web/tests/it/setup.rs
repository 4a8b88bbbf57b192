//! One-time links: the first owner's, and those that make an account with a name and a role.

use auth::config::Registration;
use auth::{Error, Role, setup, users};
use axum::body::Body;
use axum::http::Method;
use store::Kind;

use crate::world::{Browser, PASSWORD, Seen, World};

const HOUR: i64 = 3600;
const GONE: &str = "This link no longer works";

/// The path that a link leads to.
fn path(made: &setup::Made) -> String {
    made.url.strip_prefix("http://localhost:8080").expect("a link to the public URL").to_owned()
}

async fn owner_link(world: &World) -> String {
    path(&setup::owner_link(&world.app).await.unwrap())
}

async fn user_link(world: &World, name: &str, role: Role) -> String {
    path(&setup::user_link(&world.app, name, role).await.unwrap())
}

async fn choose(browser: &Browser, link: &str, name: &str) -> Seen {
    browser.post(link, &[("username", name), ("password", PASSWORD)]).await
}

/// Confirms the waiting secret of this browser.
async fn confirm(world: &World, browser: &Browser) -> Seen {
    let mut person = world.person("");
    person.scan(browser).await;
    browser.post("/enroll", &[("otp", &person.code())]).await
}

async fn role_of(world: &World, name: &str) -> Role {
    users::show(&world.app, name).await.unwrap().person.role
}

#[tokio::test]
async fn the_first_owner_comes_in_by_a_link_that_works_once() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(kind, |config| config.registration = Registration::Closed).await;
        let link = owner_link(&world).await;
        let browser = world.browser();
        browser.get(&link).await.is(200).says("Set up the first account").says("You will be the owner");
        choose(&browser, &link, "Ada").await.lands_on("/enroll");

        // Spent for everybody else; the browser that spent it may begin again.
        world.browser().get(&link).await.is(410).says(GONE);
        choose(&world.browser(), &link, "Eve").await.is(410).says(GONE);
        choose(&browser, &link, "Ada2").await.lands_on("/enroll");
        confirm(&world, &browser).await.lands_on("/enroll/recovery-codes");
        assert_eq!(role_of(&world, "Ada2").await, Role::Owner);
        browser.get("/").await.is(200).says("Owner");

        browser.get(&link).await.is(410);
        let refused = setup::owner_link(&world.app).await.err().expect("there is an owner");
        assert!(matches!(refused, Error::Refused(_)), "{refused}");
        assert!(refused.to_string().contains("latchkey user role NAME owner"), "{refused}");
    }
}

#[tokio::test]
async fn the_owners_link_is_good_for_an_hour_and_a_users_for_three_days() {
    World::on_both(|world| async move {
        let owner = owner_link(&world).await;
        let user = user_link(&world, "ada", Role::User).await;
        world.wait(HOUR - 1);
        world.browser().get(&owner).await.is(200);
        world.wait(1);
        world.browser().get(&owner).await.is(410);
        choose(&world.browser(), &owner, "eve").await.is(410);
        world.wait(71 * HOUR - 1);
        world.browser().get(&user).await.is(200);
        world.wait(1);
        world.browser().get(&user).await.is(410);
        choose(&world.browser(), &user, "ada").await.is(410);
    })
    .await;
}

#[tokio::test]
async fn a_newer_link_voids_the_older() {
    World::on_both(|world| async move {
        for make in 0..2 {
            let link = async || match make {
                0 => owner_link(&world).await,
                _ => user_link(&world, "ada", Role::Admin).await,
            };
            let (older, newer) = (link().await, link().await);
            assert_ne!(older, newer);
            choose(&world.browser(), &older, "ada").await.is(410);
            choose(&world.browser(), &newer, "ada").await.lands_on("/enroll");
            world.wait(HOUR);
        }
    })
    .await;
}

#[tokio::test]
async fn the_links_of_two_people_do_not_concern_each_other() {
    World::on_both(|world| async move {
        let ada = user_link(&world, "ada", Role::User).await;
        let eve = user_link(&world, "eve", Role::User).await;
        choose(&world.browser(), &ada, "ada").await.lands_on("/enroll");
        choose(&world.browser(), &eve, "eve").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_spends_nothing() {
    World::on_both(|world| async move {
        world.person("taken").enrolled().await;
        let (held, browser) = (world.browser(), world.browser());
        held.post("/register", &[("username", "held"), ("password", PASSWORD)]).await.lands_on("/enroll");
        let link = owner_link(&world).await;
        let before = world.dump().await;
        for name in ["taken", "held", "a b", ""] {
            choose(&browser, &link, name).await.is(422);
        }
        browser.post(&link, &[("username", "ada"), ("password", "short")]).await.is(422).says("too short");
        browser.post(&link, &[("username", "ada")]).await.is(422).says("“password”");
        browser.post(&link, &[("username", "ada"), ("password", PASSWORD), ("role", "owner")]).await.is(422);
        world.dump().await.is_still(&before);
        choose(&browser, &link, "ada").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn looking_at_a_link_spends_nothing() {
    World::on_both(|world| async move {
        let link = user_link(&world, "ada", Role::User).await;
        let before = world.dump().await;
        for _ in 0..5 {
            world.browser().get(&link).await.is(200);
            world.browser().send(Method::HEAD, &link, Body::empty(), None).await.is(200);
        }
        world.dump().await.is_still(&before);
        choose(&world.browser(), &link, "ada").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn a_link_for_somebody_fixes_the_name_and_gives_the_role() {
    World::on_both(|world| async move {
        for (name, role) in [("Ada", Role::Admin), ("Bob", Role::User), ("Eve", Role::Owner)] {
            let (link, browser) = (user_link(&world, name, role).await, world.browser());
            browser.get(&link).await.is(200).says("This name was chosen for you.").says("readonly");
            // Whatever the form says, and with nothing said at all.
            let said = browser.post(&link, &[("username", "mallory"), ("password", PASSWORD)]).await;
            said.lands_on("/enroll");
            let unsaid = browser.post(&link, &[("password", PASSWORD)]).await;
            unsaid.lands_on("/enroll");
            confirm(&world, &browser).await.lands_on("/enroll/recovery-codes");
            assert_eq!(role_of(&world, name).await, role);
        }
        assert!(matches!(users::show(&world.app, "mallory").await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_link_opens_a_closed_house_and_no_other_name() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(kind, |config| config.registration = Registration::Closed).await;
        let (link, browser) = (user_link(&world, "ada", Role::User).await, world.browser());
        choose(&browser, &link, "ada").await.lands_on("/enroll");
        browser.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.is(403);
        browser.get("/enroll").await.is(200).says("Latchkey: ada");
    }
}

#[tokio::test]
async fn an_open_door_gives_nobody_the_role_of_a_link() {
    World::on_both(|world| async move {
        let (link, browser) = (user_link(&world, "ada", Role::Admin).await, world.browser());
        choose(&browser, &link, "ada").await.lands_on("/enroll");
        // The same browser, at the open door: another name is somebody else.
        browser.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        confirm(&world, &browser).await.lands_on("/enroll/recovery-codes");
        assert_eq!(role_of(&world, "eve").await, Role::User);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_leaves_the_link_good() {
    World::on_both(|world| async move {
        let link = user_link(&world, "ada", Role::Admin).await;
        world.person("ada").enrolled().await;
        choose(&world.browser(), &link, "ada").await.refuses_with("That username is taken. Try another.");
        world.browser().get(&link).await.is(200);
        assert!(matches!(setup::user_link(&world.app, "ADA", Role::User).await, Err(Error::Taken)));
    })
    .await;
}

#[tokio::test]
async fn of_two_who_came_by_owners_links_one_becomes_the_owner() {
    World::on_both(|world| async move {
        let (first, second) = (world.browser(), world.browser());
        let lost = owner_link(&world).await;
        choose(&first, &lost, "ada").await.lands_on("/enroll");
        let newer = owner_link(&world).await;
        choose(&second, &newer, "eve").await.lands_on("/enroll");
        confirm(&world, &second).await.lands_on("/enroll/recovery-codes");
        confirm(&world, &first).await.is(403);
        assert_eq!(role_of(&world, "eve").await, Role::Owner);
        assert!(matches!(users::show(&world.app, "ada").await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_the_owners_link_comes_too_late_once_the_operator_has_made_an_owner() {
    World::on_both(|world| async move {
        let link = owner_link(&world).await;
        world.person("ada").enrolled().await;
        users::set_role(&world.app, "ada", Role::Owner).await.unwrap();
        world.browser().get(&link).await.is(410);
        choose(&world.browser(), &link, "eve").await.is(410);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_nobody_made_opens_nothing() {
    World::on_both(|world| async move {
        let link = owner_link(&world).await;
        let before = world.dump().await;
        let shorter = &link[..link.len() - 1];
        let odd =
            ["/setup/x", "/setup/%00", "/setup/%F0%9F%A6%8A", "/setup/..%2F", &format!("{link}0"), shorter];
        for wrong in odd {
            world.browser().get(wrong).await.is(410).says(GONE);
            choose(&world.browser(), wrong, "eve").await.is(410);
        }
        world.dump().await.is_still(&before);
    })
    .await;
}
