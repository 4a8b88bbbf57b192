//! Registering: the rules, who gets a name, for how long, and how many.

use auth::config::Registration;
use store::registrations::{self, Registration as Row};
use store::{Kind, Time};

use crate::world::{Browser, PASSWORD, Seen, World};

const HALF_HOUR: i64 = 30 * 60;
const TAKEN: &str = "That username is taken. Try another.";
const HELD: &str =
    "Somebody is registering that username right now. Try another, or come back in 30 minutes.";
const FULL: &str = "Too many accounts are being created right now. Try again in half an hour.";

async fn register(browser: &Browser, name: &str) -> Seen {
    browser.post("/register", &[("username", name), ("password", PASSWORD)]).await
}

#[tokio::test]
async fn the_rules_are_said_before_typing_and_all_broken_ones_at_once() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let page = browser.get("/register").await;
        page.is(200)
            .says("Letters a to z, digits and . _ - @ + (64 at most).")
            .says("At least 8 characters.");

        let before = world.dump().await;
        let seen = browser.post("/register", &[("username", "ada lovelace"), ("password", "short")]).await;
        seen.is(422).says("value=\"ada lovelace\"").never_says("value=\"short\"");
        let rule = "A username has 1 to 64 characters: letters a to z, digits and . _ - @ +";
        assert_eq!(seen.problem_texts(), [rule, "That password is too short. Use at least 8 characters."]);

        let seen = browser.post("/register", &[("username", ""), ("password", "")]).await;
        assert_eq!(seen.problem_texts(), ["Enter a username.", "Enter a password."]);
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn a_password_has_8_to_256_characters_and_is_not_the_first_that_anybody_would_try() {
    World::on_both(|world| async move {
        let long = |count: usize| PASSWORD.chars().cycle().take(count).collect::<String>();
        let short = "That password is too short. Use at least 8 characters.";
        let common = "That password is one of the first that anybody tries. Try a few unrelated words.";
        for (password, problem) in [
            ("q7!vXzp", short),
            ("äöüßéèê", short),
            ("password", common),
            ("iloveyou", common),
            ("P@ssw0rd2024", common),
            ("12345678", "That password follows the alphabet or the keyboard. Try a few unrelated words."),
            ("qwertyuiop", "That password follows the alphabet or the keyboard. Try a few unrelated words."),
            ("abababababab", "That password repeats the same characters. Try a few unrelated words."),
            ("31.12.1984", "That password is a date. Try a few unrelated words."),
            ("ada-lovelace", "That password is made of your username. Try a few unrelated words."),
            ("L0velace1815", "That password is made of your username. Try a few unrelated words."),
            ("Latchkey1", "That password is made of the name of this site. Try a few unrelated words."),
            ("localhost!", "That password is made of the name of this site. Try a few unrelated words."),
            (&long(257), "That password is too long. Use at most 256 characters."),
        ] {
            let fields = [("username", "ada-lovelace"), ("password", password)];
            world.browser().post("/register", &fields).await.refuses_with(problem);
        }
        for (name, password) in [
            ("a", "q7!vXzpK"),
            ("b", &long(256)),
            ("c", "grün 🦊 älter Öl"),
            ("d", "  tk 9 Qz "),
            ("e", "our latchkey is under the mat"),
            ("f", &long(64)),
        ] {
            let fields = [("username", name), ("password", password)];
            world.browser().post("/register", &fields).await.lands_on("/enroll");
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_counts_to_its_last_character_and_in_every_form_of_unicode() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        let password = format!("{}é ", "x quite long ".repeat(19));
        browser.post("/register", &[("username", "ada"), ("password", &password)]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");

        let decomposed = password.replace('é', "e\u{301}");
        world.browser().give_password("ada", &decomposed).await.lands_on("/login/code");
        world.browser().give_password("ada", &password).await.lands_on("/login/code");
        for other in [
            password.trim_end(),
            &password.replace('é', "e"),
            &format!("{password} "),
            &password.to_uppercase(),
        ] {
            world.browser().give_password("ada", other).await.is(422);
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_that_somebody_has_is_taken_in_any_spelling_and_forever() {
    World::on_both(|world| async move {
        world.person("Ada").enrolled().await;
        for name in ["Ada", "ada", "ADA", " aDa "] {
            register(&world.browser(), name).await.refuses_with(TAKEN);
        }
        world.wait(365 * 24 * 3600);
        register(&world.browser(), "ada").await.refuses_with(TAKEN);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_held_for_half_an_hour_and_then_free_again() {
    World::on_both(|world| async move {
        let (first, second) = (world.browser(), world.browser());
        register(&first, "Ada").await.lands_on("/enroll");
        for name in ["Ada", "ada", "aDA"] {
            register(&second, name).await.refuses_with(HELD);
        }
        world.wait(HALF_HOUR - 1);
        register(&second, "ada").await.refuses_with(HELD);
        first.get("/enroll").await.is(200).says("Latchkey: Ada");
        world.wait(1);
        register(&second, "ada").await.lands_on("/enroll");
        second.get("/enroll").await.is(200).says("Latchkey: ada");
        first.get("/enroll").await.is(410);
    })
    .await;
}

#[tokio::test]
async fn the_same_browser_goes_on_with_the_same_secret() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        register(&browser, "ada").await.lands_on("/enroll");
        ada.scan(&browser).await;
        let (page, picture) = (browser.get("/enroll").await.text, browser.get("/enroll/qr.png").await.body);
        let cookie = browser.cookie("latchkey-enroll");
        let reloaded = (browser.get("/enroll").await.text, browser.get("/enroll/qr.png").await.body);
        assert!(reloaded == (page, picture), "a reload shows the same");

        // Back, and the form once more, with another spelling and another password.
        let other = "difference of machines";
        world.wait(60);
        browser.post("/register", &[("username", "Ada"), ("password", other)]).await.lands_on("/enroll");
        assert_eq!(browser.cookie("latchkey-enroll"), cookie);
        let mut again = world.person("Ada");
        again.scan(&browser).await;
        assert_eq!(again.secret, ada.secret);
        browser.get("/enroll").await.says("Latchkey: Ada");
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");

        world.browser().give_password("ada", PASSWORD).await.is(422);
        world.browser().give_password("ada", other).await.lands_on("/login/code");
    })
    .await;
}

#[tokio::test]
async fn going_on_does_not_hold_a_name_for_longer() {
    World::on_both(|world| async move {
        let browser = world.browser();
        register(&browser, "ada").await.lands_on("/enroll");
        world.wait(HALF_HOUR - 1);
        register(&browser, "ada").await.lands_on("/enroll");
        world.wait(1);
        browser.get("/enroll").await.is(410);
        register(&world.browser(), "ada").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn another_name_lets_go_of_the_first_unless_it_is_refused() {
    World::on_both(|world| async move {
        let (browser, other) = (world.browser(), world.browser());
        let (mut first, mut second) = (world.person("ada"), world.person("eve"));
        register(&other, "bob").await.lands_on("/enroll");
        register(&browser, "ada").await.lands_on("/enroll");
        first.scan(&browser).await;

        register(&browser, "bob").await.refuses_with(HELD);
        browser.get("/enroll").await.is(200).says("Latchkey: ada");

        register(&browser, "eve").await.lands_on("/enroll");
        second.scan(&browser).await;
        assert_ne!(first.secret, second.secret);
        register(&other.copy(), "ada").await.lands_on("/enroll");
        browser.post("/enroll", &[("otp", &first.code())]).await.is(422);
        browser.post("/enroll", &[("otp", &second.code())]).await.lands_on("/enroll/recovery-codes");
    })
    .await;
}

#[tokio::test]
async fn wrong_codes_keep_the_secret_and_are_explained() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        register(&browser, "ada").await.lands_on("/enroll");
        ada.scan(&browser).await;
        let now = world.clock.now().seconds();
        for _ in 0..12 {
            let seen = browser.post("/enroll", &[("otp", &ada.wrong_code())]).await;
            seen.is(422).says("That code is not right.").says("Server time: 14:05:32 UTC");
        }
        // The secret is not in use yet, so both directions may be said.
        let seen = browser.post("/enroll", &[("otp", &ada.code_at(now - 120))]).await;
        seen.is(422).says("Your phone’s clock is 2 minutes behind.");
        let seen = browser.post("/enroll", &[("otp", &ada.code_at(now + 120))]).await;
        seen.is(422).says("Your phone’s clock is 2 minutes ahead.");
        browser.post("/enroll", &[("otp", "abcd-efgh-jkmn-pqrs")]).await.says("The code must be 6 digits");
        let secret = ada.secret.clone();
        ada.scan(&browser).await;
        assert_eq!(ada.secret, secret);
        browser.post("/enroll", &[("otp", &ada.code_at(now - 30))]).await.lands_on("/enroll/recovery-codes");
    })
    .await;
}

#[tokio::test]
async fn an_enrollment_is_over_after_half_an_hour() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        register(&browser, "ada").await.lands_on("/enroll");
        ada.scan(&browser).await;
        world.wait(HALF_HOUR - 1);
        browser.get("/enroll/qr.png").await.is(200);
        world.wait(1);
        browser.get("/enroll").await.is(410).says("This setup page has expired");
        browser.get("/enroll/qr.png").await.is(410);
        browser.post("/enroll", &[("otp", &ada.code())]).await.is(410);
        assert_eq!(auth::users::count(&world.app).await.unwrap().people, 0);
    })
    .await;
}

#[tokio::test]
async fn the_code_that_confirmed_is_spent_and_another_browser_cannot_confirm() {
    World::on_both(|world| async move {
        let (browser, mut ada) = (world.browser(), world.person("ada"));
        register(&browser, "ada").await.lands_on("/enroll");
        ada.scan(&browser).await;
        let stranger = world.browser();
        stranger.get("/enroll").await.lands_on("/register");
        stranger.get("/enroll/qr.png").await.is(404);
        stranger.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/register");

        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        browser.post("/enroll", &[("otp", &ada.code())]).await.is(410);
        let refused = ada.half_signed_in().await.give_code(&ada.code()).await;
        refused.refuses_with("That code has been used already. Wait for the next one.");
    })
    .await;
}

#[tokio::test]
async fn an_address_holds_three_names_at_once() {
    World::on_both(|world| async move {
        for address in ["203.0.113.9", "2001:db8:1:2::1"] {
            let at = |name: &str| format!("{name}{}", address.len());
            for name in ["a", "b", "c"] {
                register(&world.browser().from(address), &at(name)).await.lands_on("/enroll");
            }
            let fourth = world.browser().from(address);
            let seen = register(&fourth, &at("d")).await;
            seen.is(503).says(FULL);
            assert_eq!(seen.header("retry-after"), "1800");
            assert_eq!(fourth.cookie("latchkey-enroll"), None);
        }
        // The same customer has the whole /64; others are not concerned, and neither is this machine.
        register(&world.browser().from("2001:db8:1:2:ffff::9"), "e").await.is(503);
        register(&world.browser().from("2001:db8:1:3::1"), "e").await.lands_on("/enroll");
        register(&world.browser().from("203.0.113.10"), "f").await.lands_on("/enroll");
        for name in ["g", "h", "i", "j", "k"] {
            register(&world.browser(), name).await.lands_on("/enroll");
        }
        world.wait(HALF_HOUR);
        register(&world.browser().from("203.0.113.9"), "d").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn an_address_begins_twenty_registrations_an_hour() {
    World::on_both(|world| async move {
        let browser = world.browser().from("203.0.113.9");
        for n in 0..20 {
            register(&browser, &format!("ada{n}")).await.lands_on("/enroll");
            // To go on costs nothing.
            register(&browser, &format!("Ada{n}")).await.lands_on("/enroll");
        }
        register(&browser, "ada20").await.is(503).says(FULL);
        browser.get("/enroll").await.is(200).says("Latchkey: Ada19");
        world.wait(3599);
        register(&world.browser().from("203.0.113.9"), "eve").await.is(503);
        world.wait(1);
        register(&world.browser().from("203.0.113.9"), "eve").await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn a_thousand_names_are_held_and_no_more() {
    World::on_both(|world| async move {
        let (now, held) = (world.clock.now(), world.browser());
        register(&held, "ada").await.lands_on("/enroll");
        hold(&world, 998, now).await;
        register(&world.browser(), "the-last").await.lands_on("/enroll");
        let seen = register(&world.browser(), "one-too-many").await;
        seen.is(503).says(FULL);
        assert_eq!(seen.header("retry-after"), "1800");

        // Whoever holds a name goes on, and whoever has a link comes in.
        register(&held, "ada").await.lands_on("/enroll");
        let link = auth::setup::user_link(&world.app, "invited", auth::Role::User).await.unwrap();
        let path = link.url.strip_prefix("http://localhost:8080").unwrap();
        world.browser().post(path, &[("password", PASSWORD)]).await.lands_on("/enroll");

        world.wait(HALF_HOUR);
        register(&world.browser(), "one-too-many").await.lands_on("/enroll");
    })
    .await;
}

/// Holds so many names, straight in the database.
async fn hold(world: &World, names: usize, now: Time) {
    let insert = move |tx: &mut store::Tx<'_>| {
        for n in 0..names {
            let row = Row {
                name_key: format!("held{n}"),
                name: format!("held{n}"),
                role: "user".into(),
                password: None,
                secret: "seal-1.x".into(),
                token_mac: format!("mac{n}"),
                link_mac: None,
                name_fixed: false,
                address: None,
                next_path: String::new(),
                expires_at: now.plus_seconds(HALF_HOUR),
            };
            assert!(registrations::reserve(tx, &row, now)?);
        }
        Ok::<_, store::Error>(())
    };
    world.db().await.write(insert).await.unwrap();
}

#[tokio::test]
async fn where_registration_is_closed_nobody_registers_by_themselves() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(kind, |config| config.registration = Registration::Closed).await;
        let before = world.dump().await;
        let browser = world.browser();
        browser.get("/register").await.is(403).says("Registration is closed").says("Ask them for a link.");
        register(&browser, "ada").await.is(403).says("Registration is closed");
        browser.get("/login").await.is(200).never_says("Create an account");
        let program = browser.clone().with("accept", "application/json");
        let seen = register(&program, "ada").await;
        assert_eq!(
            (seen.status.as_u16(), seen.header("content-type").as_str()),
            (403, "application/problem+json")
        );
        world.dump().await.is_still(&before);
    }
}

#[tokio::test]
async fn a_newcomer_comes_back_to_where_they_were_going() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let page = browser.get("/register?rd=%2Fdocs%3Fpage%3D2").await;
        page.is(200).says("name=\"rd\" value=\"/docs?page=2\"");
        assert_eq!(finish(&world, "ada", "/docs?page=2").await, "/docs?page=2");
    })
    .await;
}

#[tokio::test]
async fn only_a_path_of_ours_is_returned_to() {
    World::on_both(|world| async move {
        let elsewhere = [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "javascript:alert(1)",
            "evil",
        ];
        for (n, rd) in elsewhere.into_iter().enumerate() {
            assert_eq!(finish(&world, &format!("ada{n}"), rd).await, "/", "{rd}");
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("rd", rd).finish();
            world.browser().get(&format!("/register?{query}")).await.is(200).never_says("name=\"rd\"");
        }
    })
    .await;
}

/// The whole way of somebody who was going to `rd`: where it ends.
async fn finish(world: &World, name: &str, rd: &str) -> String {
    let (browser, mut person) = (world.browser(), world.person(name));
    let fields = [("username", name), ("password", PASSWORD), ("rd", rd)];
    browser.post("/register", &fields).await.lands_on("/enroll");
    person.scan(&browser).await;
    browser.post("/enroll", &[("otp", &person.code())]).await.lands_on("/enroll/recovery-codes");
    browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.header("location")
}
