//! A browser in which somebody has signed in before pays for its own tries: strangers cannot keep them out of it.

use auth::config::Factors;
use auth::users;
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, World};

/// Signs in in a browser of their own, and out again: it is known from now on.
async fn a_known_browser(person: &Person) -> Browser {
    let browser = person.half_signed_in().await;
    browser.give_code(&person.code()).await.lands_on("/");
    browser.post("/logout", &[]).await.lands_on("/login");
    person.world.wait(30);
    browser
}

/// Somebody who knows the name, and keeps guessing until it rests.
async fn strangers_guess_passwords(world: &World, name: &str) {
    for _ in 0..6 {
        world.browser().give_password(name, "not the password").await;
    }
    world.browser().give_password(name, PASSWORD).await.is(429);
}

async fn signs_in(browser: &Browser, person: &Person) {
    browser.give_password(&person.name, PASSWORD).await.lands_on("/login/code");
    browser.give_code(&person.code()).await.lands_on("/");
}

#[tokio::test]
async fn strangers_keep_nobody_out_of_a_browser_they_have_signed_in_with() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = a_known_browser(&ada).await;
        strangers_guess_passwords(&world, "ada").await;
        signs_in(&browser, &ada).await;
        // A browser that nobody knows waits all the same, also after that.
        world.browser().give_password("ada", PASSWORD).await.is(429);
    })
    .await;
}

#[tokio::test]
async fn nor_where_a_name_and_a_code_are_enough() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(kind, |config| config.factors = Factors::Code).await;
        let browser = world.browser();
        let mut ada = world.person("ada");
        browser.post("/register", &[("username", "ada")]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        ada.recovery_codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
        browser.post("/logout", &[]).await.lands_on("/login");
        world.wait(30);
        for _ in 0..4 {
            let wrong = [("username", "ada"), ("otp", &ada.wrong_code() as &str)];
            world.browser().post("/login", &wrong).await;
        }
        let right = [("username", "ada"), ("otp", &ada.code() as &str)];
        world.browser().post("/login", &right).await.is(429);
        browser.post("/login", &right).await.lands_on("/");

        // The same for recovery codes.
        for _ in 0..6 {
            let wrong = [("username", "ada"), ("recovery_code", "abcd-efgh-jkmn-pqrs")];
            world.browser().post("/login/recovery", &wrong).await;
        }
        let right = [("username", "ada"), ("recovery_code", ada.recovery_codes[0].as_str())];
        world.browser().post("/login/recovery", &right).await.is(429);
        browser.post("/login/recovery", &right).await.lands_on("/enroll");
    }
}

#[tokio::test]
async fn a_known_browser_has_a_budget_too_and_it_is_its_own() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, other) = (a_known_browser(&ada).await, a_known_browser(&ada).await);
        for _ in 0..5 {
            browser.give_password("ada", "not the password").await.is(422);
        }
        browser.give_password("ada", PASSWORD).await.is(429);
        // It has spent nothing of the name's, and nothing of another's.
        other.give_password("ada", PASSWORD).await.lands_on("/login/code");
        world.browser().give_password("ada", PASSWORD).await.lands_on("/login/code");
        // Codes are counted in the same way.
        world.wait(30);
        for _ in 0..5 {
            other.give_code(&ada.wrong_code()).await.is(422);
        }
        other.give_code(&ada.code()).await.is(429);
        let unknown = ada.half_signed_in().await;
        unknown.give_code(&ada.code()).await.lands_on("/");
        // Whoever runs the place can end all waiting.
        users::enable(&world.app, "ada").await.unwrap();
        world.wait(30);
        signs_in(&other, &ada).await;
    })
    .await;
}

#[tokio::test]
async fn a_browser_is_known_of_its_person_and_of_nobody_else_and_not_when_it_is_forgotten() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let bob = world.person("bob").enrolled().await;
        let of_bob = a_known_browser(&bob).await;
        strangers_guess_passwords(&world, "ada").await;
        of_bob.give_password("ada", PASSWORD).await.is(429);
        // Nor does one pay for names that nobody has.
        strangers_rest(&world, "nobody").await;
        of_bob.give_password("nobody", PASSWORD).await.is(429);

        world.wait(3600);
        let (here, there) = (a_known_browser(&ada).await, a_known_browser(&ada).await);
        signs_in(&here, &ada).await;
        here.post("/account/browsers", &[("others", "on")]).await.lands_on("/account/sessions");
        strangers_guess_passwords(&world, "ada").await;
        there.give_password("ada", PASSWORD).await.is(429);
        here.post("/logout", &[]).await.lands_on("/login");
        here.give_password("ada", PASSWORD).await.lands_on("/login/code");
    })
    .await;
}

/// The same for a name that nobody has.
async fn strangers_rest(world: &World, name: &str) {
    for _ in 0..6 {
        world.browser().give_password(name, "not the password").await;
    }
    world.browser().give_password(name, PASSWORD).await.is(429);
}
