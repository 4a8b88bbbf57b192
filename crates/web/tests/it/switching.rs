//! Another policy with people already there: from a code alone to password and code, and back.

use auth::config::Factors;
use auth::link::{self, Purpose};
use auth::{Role, setup, users};

use crate::login::{face, signed_in};
use crate::world::{Browser, PASSWORD, Person, Seen, World, by_code, path_of};

const DAY: i64 = 24 * 3600;
const WRONG: &str = "The username or code is not right. If you just used this code, wait for the next one.";

/// The same place, started again where a password is asked for, too.
async fn with_passwords(world: &World) -> World {
    world.reopened(|config| config.factors = Factors::PasswordAndCode).await.unwrap()
}

/// Name and code on the page for those who have still to choose a password.
async fn by_name_and_code(world: &World, person: &Person) -> (Browser, Seen) {
    let browser = world.browser();
    let seen = browser.give_name_and_code(&person.name, &person.code()).await;
    (browser, seen)
}

async fn choose(browser: &Browser, password: &str) -> Seen {
    browser.post("/login/password", &[("password", password)]).await
}

/// An owner with a password, where a code alone is asked for.
async fn owner(world: &World) -> (Person, Browser) {
    let (browser, link) = (world.browser(), path_of(&setup::owner_link(&world.app).await.unwrap()));
    browser.post(&link, &[("username", "root"), ("password", PASSWORD)]).await.lands_on("/enroll");
    (world.person("root").confirmed_in(&browser).await, browser)
}

#[tokio::test]
async fn sessions_by_a_code_alone_are_not_enough_any_more() {
    World::on_both_by_code(|world| async move {
        let (_, root) = owner(&world).await;
        let ada = world.browser();
        world.person("ada").enrolled_by_code_in(&ada).await;
        let now = with_passwords(&world).await;
        for path in ["/", "/account", "/account/authenticators", "/account/prove", "/account/password"] {
            ada.at(&now).get(path).await.lands_on("/login");
        }
        let before = world.dump().await;
        ada.at(&now).post("/account/password", &[("password", PASSWORD)]).await.lands_on("/login");
        ada.at(&now).post("/account/authenticators/add", &[("name", "x")]).await.lands_on("/login");
        world.dump().await.is_still(&before);
        root.at(&now).get("/").await.is(200).says("Owner");
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_password_chooses_one_before_anything_else() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        world.person("eve").enrolled_by_code().await;
        let now = with_passwords(&world).await;
        now.browser().get("/login").await.is(200).says("No password yet?").says("name=\"password\"");
        now.browser().get("/login?by=code").await.says("name=\"otp\"").never_says("name=\"password\"");
        now.browser()
            .give_password("ada", PASSWORD)
            .await
            .is(422)
            .says("The username or password is not right.");

        let (browser, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/login/password");
        assert_eq!(browser.cookie_names(), ["latchkey-login"]);
        for path in ["/", "/account", "/account/password"] {
            browser.get(path).await.lands_on("/login");
        }
        browser.get("/login/password").await.is(200).says("Choose a password").says("new-password");
        let before = world.dump().await;
        for (weak, why) in [
            ("", "Enter a password."),
            ("short", "too short"),
            ("password1", "first that anybody tries"),
            ("latchkey", "name of this site"),
        ] {
            choose(&browser, weak).await.is(422).says(why);
            browser.get("/").await.lands_on("/login");
        }
        world.dump().await.is_still(&before);
        choose(&browser, PASSWORD).await.lands_on("/");
        browser.get("/").await.is(200);
        browser.get("/account/password").await.is(200);

        // From now on both are asked for, and the code alone is as wrong as any.
        world.wait(30);
        by_name_and_code(&now, &ada).await.1.refuses_with(WRONG);
        let ada = Person { world: now.clone(), ..ada };
        signed_in(&ada).await.get("/").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_is_no_way_around_the_choice_of_a_password() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let now = with_passwords(&world).await;
        let (browser, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/login/password");
        let before = world.dump().await;
        browser.get("/login/recovery").await.lands_on("/login");
        browser.get("/login/code").await.lands_on("/login/password");
        let code = ada.recovery_codes[0].as_str();
        browser.copy().post("/login/recovery", &[("recovery_code", code)]).await.is(422);
        let by_name = [("username", "ada"), ("recovery_code", code)];
        now.browser().post("/login/recovery", &by_name).await.is(422);
        world.dump().await.is_still(&before);
        choose(&browser, PASSWORD).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn two_who_choose_at_once_do_not_both_and_nobody_chooses_twice() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let now = with_passwords(&world).await;
        let (first, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/login/password");
        world.wait(30);
        let (second, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/login/password");
        choose(&second, PASSWORD).await.lands_on("/");
        choose(&first, "difference of engines").await.is(422).says("Sign in again");
        first.get("/").await.lands_on("/login");
        now.browser().give_password("ada", PASSWORD).await.lands_on("/login/code");
    })
    .await;
}

#[tokio::test]
async fn after_the_time_of_grace_only_a_link_helps() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let late = world.person("eve").enrolled_by_code().await;
        let grace = |config: &mut auth::Config| {
            config.factors = Factors::PasswordAndCode;
            config.grace_days = 3;
        };
        world.reopened(grace).await.unwrap();
        world.wait(3 * DAY - 1);
        // Another start is no switch, and gives no more time.
        let now = world.reopened(grace).await.unwrap();
        let (browser, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/login/password");
        world.wait(1);
        let before = world.dump().await;
        choose(&browser, PASSWORD)
            .await
            .is(422)
            .says("The time to choose a password by a code alone is over. Ask an administrator for a link.");
        browser.get("/").await.lands_on("/login");
        now.browser().get("/login?by=code").await.says("name=\"password\"").never_says("No password yet?");
        world.wait(30);
        by_name_and_code(&now, &ada).await.1.is(422);
        by_name_and_code(&now, &late).await.1.is(422);
        world.dump().await.is_still(&before);

        let link = path_of(&link::make(&now.app, "ada", Purpose::Password).await.unwrap());
        let browser = now.browser();
        browser.post(&link, &[("password", PASSWORD), ("otp", &ada.code())]).await.lands_on("/");
        browser.get("/").await.is(200);
        world.wait(30);
        signed_in(&Person { world: now.clone(), ..ada }).await;
    })
    .await;
}

#[tokio::test]
async fn whoever_has_a_password_never_comes_in_by_a_code_alone() {
    World::on_both_by_code(|world| async move {
        let (root, _) = owner(&world).await;
        let ada = world.person("anne").enrolled_by_code().await;
        let link = path_of(&link::make(&world.app, "anne", Purpose::Password).await.unwrap());
        world.browser().post(&link, &[("password", PASSWORD), ("otp", &ada.code())]).await.lands_on("/");
        let bob = world.person("bob").enrolled_by_code().await;
        let now = with_passwords(&world).await;
        world.wait(60);
        let steps = "SELECT sum(last_step) FROM authenticators";
        let steps = format!("SELECT CAST(({steps}) AS BIGINT)");
        let before = world.records().await.number(&steps).await;
        let unknown = Person { name: "nobo".into(), ..bob.clone() };
        let mut faces = Vec::new();
        for person in [&root, &ada, &unknown] {
            let (browser, seen) = by_name_and_code(&now, person).await;
            seen.refuses_with(WRONG);
            assert_eq!(browser.cookie_names(), Vec::<String>::new());
            faces.push(face(&seen, &person.name));
        }
        assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
        let records = world.records().await;
        assert_eq!(records.number(&steps).await, before, "a step was spent");
        assert_eq!(records.number("SELECT count(*) FROM attempts WHERE kind <> 'code_alone'").await, 0);
        assert_eq!(records.number("SELECT count(*) FROM attempts WHERE kind = 'code_alone'").await, 3);
        // The code that was refused there is good where it belongs.
        for person in [root, ada] {
            let person = Person { world: now.clone(), ..person };
            person.half_signed_in().await.give_code(&person.code()).await.lands_on("/");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stranger_at_the_door_for_codes_makes_nobody_with_a_password_wait() {
    World::on_both_by_code(|world| async move {
        let (root, inside) = owner(&world).await;
        world.person("bob").enrolled_by_code().await;
        let now = with_passwords(&world).await;
        let (root, inside) = (Person { world: now.clone(), ..root }, inside.at(&now));
        world.wait(6 * 60);
        let half = root.half_signed_in().await;
        for _ in 0..3 {
            now.browser().give_name_and_code("root", &root.wrong_code()).await.is(422);
        }
        now.browser().give_name_and_code("root", &root.code()).await.is(429);
        half.give_code(&root.code()).await.lands_on("/");
        world.wait(30);
        let prove = [("password", PASSWORD), ("otp", &root.code())];
        inside.post("/account/prove", &prove).await.lands_on("/account");
        // Nor does it close the codes of an account, however long it goes on.
        assert_eq!(world.records().await.number("SELECT max(wrong_codes) FROM users").await, 0);
        // And wrong codes after the password are nothing to the door.
        world.wait(DAY);
        let half = root.half_signed_in().await;
        for _ in 0..5 {
            half.give_code(&root.wrong_code()).await.is(422);
        }
        half.give_code(&root.code()).await.is(429);
        now.browser().give_name_and_code("root", &root.code()).await.is(422);
    })
    .await;
}

#[tokio::test]
async fn from_passwords_to_codes_everybody_signs_in_by_a_code_and_keeps_the_password() {
    World::on_both(|world| async move {
        world.person("root").enrolled().await;
        users::set_role(&world.app, "root", Role::Owner).await.unwrap();
        let root = Person { world: world.clone(), ..world.person("eve").enrolled().await };
        users::set_role(&world.app, "eve", Role::Admin).await.unwrap();
        let ada = world.person("ada").enrolled().await;
        let before = signed_in(&ada).await;
        let now = world.reopened(by_code).await.unwrap();
        before.at(&now).get("/").await.is(200);
        before.at(&now).get("/account/password").await.is(200);

        let (browser, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/");
        browser.get("/").await.is(200);
        let (browser, seen) = by_name_and_code(&now, &root).await;
        seen.lands_on("/login/password");
        browser.get("/").await.lands_on("/login");
        choose(&browser, PASSWORD).await.lands_on("/");

        // And back: nobody has lost theirs, and nobody needs time to choose one.
        let back = with_passwords(&world).await;
        back.browser().get("/login").await.never_says("No password yet?");
        world.wait(30);
        signed_in(&Person { world: back.clone(), ..ada }).await.get("/").await.is(200);
        assert_eq!(
            world.records().await.number("SELECT count(*) FROM users WHERE password_due IS NOT NULL").await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn a_code_alone_changes_nothing_of_whoever_has_a_password_until_both_are_given() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let now = world.reopened(by_code).await.unwrap();
        let (browser, seen) = by_name_and_code(&now, &ada).await;
        seen.lands_on("/");
        world.wait(30);
        // The sign-in is seconds old, and half of what there is.
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        browser.post("/account/password", &[("password", "difference of engines")]).await.is(403);
        browser.get("/account/prove").await.is(200).says("name=\"password\"").says("name=\"otp\"");
        let prove =
            async |browser: &Browser, fields: &[(&str, &str)]| browser.post("/account/prove", fields).await;
        prove(&browser, &[("otp", &ada.code())]).await.is(422);
        prove(&browser, &[("otp", &ada.code()), ("password", "not the password")]).await.is(422);
        prove(&browser, &[("otp", &ada.wrong_code()), ("password", PASSWORD)]).await.is(422);
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");

        let (old, both) = (browser.copy(), browser.copy());
        prove(&both, &[("otp", &ada.code()), ("password", PASSWORD)]).await.lands_on("/account");
        assert_ne!(both.cookie("latchkey"), old.cookie("latchkey"));
        old.get("/").await.lands_on("/login");
        both.get("/account/password").await.is(200);
        assert_eq!(world.records().await.number("SELECT count(*) FROM sessions WHERE level = 2").await, 1);
        // A second proof is of the same level: the token stays.
        let token = both.cookie("latchkey");
        world.wait(30);
        prove(&both, &[("otp", &ada.code()), ("password", PASSWORD)]).await.lands_on("/account");
        assert_eq!(both.cookie("latchkey"), token);
        // It is as good as a sign-in with both when the policy changes again.
        let back = with_passwords(&world).await;
        both.at(&back).get("/").await.is(200);
    })
    .await;
}
