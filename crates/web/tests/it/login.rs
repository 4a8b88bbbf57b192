//! Signing in: two steps, what they accept, what they say, and what they never tell.

use auth::users;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

const USED: &str = "That code has been used already. Wait for the next one.";
const NO_CODE: &str = "The code must be 6 digits, as your app shows them.";
const TOO_LATE: &str = "You took longer than 10 minutes. Sign in again.";

/// Everything of an answer that somebody could compare, with the name taken out.
pub(crate) fn face(seen: &Seen, name: &str) -> String {
    format!("{} {:?} {}", seen.status, seen.headers, seen.text.replace(name, "NAME"))
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    World::on_both(|world| async move {
        for name in ["x-ada", "x-eve"] {
            world.person(name).enrolled().await;
        }
        users::disable(&world.app, "x-eve").await.unwrap();
        for accept in ["text/html", "application/json"] {
            for _ in 0..8 {
                let mut faces = Vec::new();
                for name in ["x-ada", "x-eve", "x-bob", "x/bob"] {
                    let browser = world.browser().with("accept", accept);
                    let seen = browser.give_password(name, "not the password").await;
                    assert!(matches!(seen.status.as_u16(), 422 | 429), "{}", seen.text);
                    assert_eq!(browser.cookie_names(), Vec::<String>::new());
                    faces.push(face(&seen, name));
                }
                assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
                world.wait(7);
            }
            world.wait(24 * 3600);
        }
        // The right password of somebody who is locked out is as wrong as any.
        let locked_out = world.browser().give_password("x-eve", PASSWORD).await;
        let unknown = world.browser().give_password("x-bob", PASSWORD).await;
        assert_eq!(face(&locked_out, "x-eve"), face(&unknown, "x-bob"));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_write_the_same() {
    World::on_both(|world| async move {
        world.person("ada").enrolled().await;
        let mut grown = Vec::new();
        for name in ["ada", "bob"] {
            let before = world.dump().await;
            world.browser().give_password(name, "not the password").await.is(422);
            let after = world.dump().await;
            let tables = ["attempts", "events", "logins", "sessions", "users"];
            grown.push(tables.map(|table| after.rows(table).len() - before.rows(table).len()));
        }
        assert_eq!(grown, [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]);
        // People type passwords into the wrong field: an unknown name is not written down.
        assert!(!world.dump().await.text().contains("bob"));
    })
    .await;
}

#[tokio::test]
async fn a_name_is_the_same_in_any_case_and_with_the_space_that_a_phone_adds() {
    World::on_both(|world| async move {
        world.person("Ada.L").enrolled().await;
        for name in ["Ada.L", "ada.l", "ADA.L", "ada.l ", " ada.l"] {
            world.browser().give_password(name, PASSWORD).await.lands_on("/login/code");
        }
        for name in ["ada.l\u{200b}", "аda.l", "ada．l", "ada.l.", "ada.l%"] {
            world
                .browser()
                .give_password(name, PASSWORD)
                .await
                .is(422)
                .says("The username or password is not right.");
        }
    })
    .await;
}

#[tokio::test]
async fn codes_are_read_as_people_type_them() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let written: [fn(&str, &str) -> String; 5] = [
            |a, b| format!("{a} {b}"),
            |a, b| format!("{a}-{b}"),
            |a, b| format!("  {a}{b} "),
            |a, b| format!("{a} - {b}"),
            |a, b| format!("{a}{b}").chars().map(|c| format!("{c} ")).collect(),
        ];
        for write in written {
            let code = ada.code();
            ada.half_signed_in().await.give_code(&write(&code[..3], &code[3..])).await.lands_on("/");
            world.wait(30);
        }
    })
    .await;
}

#[tokio::test]
async fn the_digits_of_other_scripts_and_other_lengths_are_no_code_and_cost_no_try() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, code) = (ada.half_signed_in().await, ada.code());
        let before = world.dump().await;
        let in_script = |zero: u32| {
            code.chars().map(|c| char::from_u32(zero + c.to_digit(10).unwrap()).unwrap()).collect::<String>()
        };
        let others = [0xff10, 0x0660, 0x06f0, 0x0966, 0x1d7ce].map(in_script);
        let lengths = [&code[..5], &format!("{code}0"), &format!("0{code}"), &format!("00{code}"), "1"]
            .map(str::to_owned);
        for typed in others.iter().chain(&lengths) {
            browser.give_code(typed).await.refuses_with(NO_CODE);
        }
        browser.give_code(" - ").await.refuses_with("Enter the 6-digit code.");
        world.dump().await.is_still(&before);
        browser.give_code(&code).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_in_the_field_for_the_code_is_recognized() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        let before = world.dump().await;
        let says = "That looks like a recovery code. To use it, choose “I can’t use my authenticator”.";
        browser.give_code(&ada.recovery_codes[0]).await.refuses_with(says);
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn the_step_now_and_one_on_either_side_are_accepted_and_no_other() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for second in [0, 29] {
            for steps in -4..=4 {
                // Each try at the start or the end of a step, long after the one before.
                let now = world.clock.now().seconds();
                world.wait(600 - now % 30 + second);
                let code = ada.code_at(world.clock.now().seconds() + 30 * steps);
                let seen = ada.half_signed_in().await.give_code(&code).await;
                let expected = if (-1..=1).contains(&steps) { 303 } else { 422 };
                assert_eq!(seen.status.as_u16(), expected, "{steps} steps off, {second} s into a step");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_phone_is_told_so_and_a_fast_one_is_not() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, now) = (ada.half_signed_in().await, world.clock.now().seconds());
        let slow = browser.give_code(&ada.code_at(now - 120)).await;
        let newest = "Turn on automatic date and time, then use the newest code.";
        slow.refuses_with(&format!("Your phone’s clock is 2 minutes behind. {newest}"));
        // A code of the future is worth something to whoever has guessed it: it is as wrong as any.
        let fast = browser.give_code(&ada.code_at(now + 120)).await;
        let wrong = browser.give_code(&ada.wrong_code()).await;
        assert_eq!(fast.problem_texts(), wrong.problem_texts());
        assert_eq!(face(&fast, "ada"), face(&wrong, "ada"));
        wrong.says("That code is not right. Codes change every 30 seconds").says("Server time: 14:06:02 UTC");
    })
    .await;
}

#[tokio::test]
async fn an_older_code_after_a_newer_one_is_used() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.wait(300);
        let now = world.clock.now().seconds();
        ada.half_signed_in().await.give_code(&ada.code_at(now + 30)).await.lands_on("/");
        let browser = ada.half_signed_in().await;
        for older in [now + 30, now, now - 30] {
            browser.give_code(&ada.code_at(older)).await.refuses_with(USED);
        }
        world.wait(30);
        browser.give_code(&ada.code()).await.refuses_with(USED);
        world.wait(30);
        browser.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_login_is_good_for_ten_minutes() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (in_time, too_late) = (ada.half_signed_in().await, ada.half_signed_in().await);
        world.wait(599);
        too_late.get("/login/code").await.is(200).says("Latchkey: ada");
        in_time.give_code(&ada.code()).await.lands_on("/");
        world.wait(1);
        too_late.get("/login/code").await.lands_on("/login");
        too_late.give_code(&ada.code_at(world.clock.now().seconds() + 30)).await.refuses_with(TOO_LATE);
        too_late.get("/").await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn a_login_leads_to_one_session() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        let copy = browser.copy();
        browser.give_code(&ada.code()).await.lands_on("/");
        assert_eq!(browser.cookie("latchkey-login"), None);
        world.wait(30);
        copy.give_code(&ada.code()).await.refuses_with(TOO_LATE);
        copy.get("/login/code").await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn a_code_for_another_name_starts_again() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.person("eve").enrolled().await;
        let browser = ada.half_signed_in().await;
        let before = world.dump().await;
        let seen = browser.post("/login/code", &[("username", "eve"), ("otp", &ada.code())]).await;
        seen.refuses_with("That sign-in was started for another username. Sign in again.")
            .says("value=\"eve\"");
        world.dump().await.is_still(&before);
        browser.post("/login/code", &[("username", "ADA"), ("otp", &ada.code())]).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_sends_no_cookie_is_told_so() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        ada.half_signed_in().await;
        let seen = world.browser().give_code(&ada.code()).await;
        seen.refuses_with(
            "Your browser did not send the sign-in cookie. Allow cookies for this site and try again.",
        );
        world.browser().get("/login/code").await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn who_is_locked_out_between_password_and_code_does_not_come_in() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        users::disable(&world.app, "ada").await.unwrap();
        browser.give_code(&ada.code()).await.is(422);
        browser.get("/login/code").await.lands_on("/login");
        // What was begun before stays void; a new sign-in is none of the old.
        users::enable(&world.app, "ada").await.unwrap();
        let before = world.dump().await;
        browser.get("/login/code").await.lands_on("/login");
        browser.give_code(&ada.code()).await.is(422);
        browser.get("/").await.lands_on("/login");
        world.dump().await.is_still(&before);
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn the_first_step_takes_one_back_to_where_one_was_going() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for (rd, ends) in [
            ("/docs?page=2", "/docs?page=2"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("", "/"),
        ] {
            let browser = world.browser();
            let fields = [("username", "ada"), ("password", PASSWORD), ("rd", rd)];
            browser.post("/login", &fields).await.lands_on("/login/code");
            browser.give_code(&ada.code()).await.lands_on(ends);
            // Whoever is signed in already is sent on at once.
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("rd", rd).finish();
            browser.get(&format!("/login?{query}")).await.lands_on(ends);
            world.wait(30);
        }
        let seen =
            world.browser().post("/login", &[("username", "ada"), ("password", "x"), ("rd", "/docs")]).await;
        seen.is(422).says("name=\"rd\" value=\"/docs\"");
    })
    .await;
}

/// Signs in from a new browser, and goes on at once.
pub(crate) async fn signed_in(ada: &Person) -> Browser {
    let browser = ada.half_signed_in().await;
    browser.give_code(&ada.code()).await.lands_on("/");
    ada.world.wait(30);
    browser
}
