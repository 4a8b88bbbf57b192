//! The policy where a code alone is asked for: name and code on one page, one answer to everything that is wrong, and the
//! password still asked of whoever looks after others.

use auth::link::{self, Purpose};
use auth::{Error, Role, setup, users};

use crate::login::face;
use crate::world::{Browser, PASSWORD, Person, Seen, World, path_of};

const WRONG: &str = "The username or code is not right. If you just used this code, wait for the next one.";
const WRONG_RECOVERY: &str =
    "The username or recovery code is not right. Check every letter, or use another code: each works once.";

/// The owner, who came by a setup link and has a password.
async fn owner(world: &World, name: &str) -> Person {
    let browser = world.browser();
    let link = path_of(&setup::owner_link(&world.app).await.unwrap());
    assert_eq!(browser.get(&link).await.is(200).values_of("password").len(), 0, "no password is filled in");
    browser.get(&link).await.says("name=\"password\"");
    browser.post(&link, &[("username", name)]).await.is(422);
    browser.post(&link, &[("username", name), ("password", PASSWORD)]).await.lands_on("/enroll");
    let person = world.person(name).confirmed_in(&browser).await;
    browser.get("/").await.is(200).says("Owner");
    browser.post("/logout", &[]).await.lands_on("/login");
    world.wait(30);
    person
}

/// It rests, for so many seconds.
#[track_caller]
fn rests(seen: &Seen, seconds: i64) {
    assert_eq!(seen.status.as_u16(), 429, "{}", seen.text);
    assert_eq!(seen.header("retry-after"), seconds.to_string());
}

async fn recover(browser: &Browser, name: &str, code: &str) -> Seen {
    browser.post("/login/recovery", &[("username", name), ("recovery_code", code)]).await
}

#[tokio::test]
async fn nobody_is_asked_for_a_password_and_one_page_signs_in() {
    World::on_both_by_code(|world| async move {
        let browser = world.browser();
        browser.get("/register").await.is(200).never_says("name=\"password\"");
        let with_password = [("username", "ada"), ("password", PASSWORD)];
        browser.post("/register", &with_password).await.is(422).says("This form has no field “password”.");
        let ada = world.person("ada").enrolled_by_code_in(&browser).await;
        browser.get("/").await.is(200).says("ada");
        browser.get("/account").await.is(200).says("You sign in with a code alone.");
        world.wait(30);

        let again = world.browser();
        again.get("/login").await.is(200).says("name=\"otp\"").never_says("name=\"password\"");
        again.post("/login", &with_password).await.is(422);
        let all = [("username", "ada"), ("password", PASSWORD), ("otp", &ada.code())];
        again.post("/login", &all).await.is(422).says("This form has no field “password”.");
        again.give_name_and_code("", &ada.code()).await.refuses_with("Enter a username.");
        again.give_name_and_code("ada", "").await.refuses_with("Enter the 6-digit code.");
        assert_eq!(again.cookie_names(), Vec::<String>::new());
        again.give_name_and_code(" ADA", &ada.code()).await.lands_on("/");
        again.get("/").await.is(200).says("ada");
        assert_eq!(
            world.records().await.number("SELECT count(*) FROM users WHERE password IS NULL").await,
            1
        );
        assert_eq!(world.records().await.number("SELECT max(level) FROM sessions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn everything_that_is_wrong_gets_one_answer() {
    World::on_both_by_code(|world| async move {
        let mut people = Vec::new();
        for name in ["x-ada", "x-use", "x-dis", "x-clo", "x-res"] {
            people.push(world.person(name).enrolled_by_code().await);
        }
        let [ada, used, disabled, closed, reset] = &people[..] else { unreachable!() };
        let used_code = used.code();
        world.browser().give_name_and_code("x-use", &used_code).await.lands_on("/");
        users::disable(&world.app, "x-dis").await.unwrap();
        world.records().await.change("UPDATE users SET wrong_codes = 100 WHERE name = 'x-clo'").await;
        link::reset_factor(&world.app, "x-res").await.unwrap();
        for accept in ["text/html", "application/json"] {
            let mut faces = Vec::new();
            for (name, code) in [
                ("x-bob", ada.code()),
                ("x/bob", ada.code()),
                ("x-ada", ada.wrong_code()),
                ("x-ada", ada.code_at(world.clock.now().seconds() - 120)),
                ("x-use", used_code.clone()),
                ("x-dis", disabled.code()),
                ("x-clo", closed.code()),
                ("x-res", reset.code()),
            ] {
                let browser = world.browser().with("accept", accept);
                let seen = browser.give_name_and_code(name, &code).await;
                seen.is(422);
                if accept == "text/html" {
                    seen.refuses_with(WRONG);
                }
                assert_eq!((browser.cookie_names(), seen.set_cookies()), (Vec::new(), Vec::new()));
                faces.push(face(&seen, name));
            }
            assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
            world.wait(24 * 3600);
        }
        // Who was refused for their own sake has spent no step.
        users::enable(&world.app, "x-dis").await.unwrap();
        world.browser().give_name_and_code("x-dis", &disabled.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_code_write_the_same() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let mut grown = Vec::new();
        for name in ["ada", "bob"] {
            let before = world.dump().await;
            world.browser().give_name_and_code(name, &ada.wrong_code()).await.is(422);
            let after = world.dump().await;
            let tables = ["attempts", "events", "logins", "sessions", "users"];
            grown.push(tables.map(|table| after.rows(table).len() - before.rows(table).len()));
            let unchanged = ["attempts", "events"];
            after.without(&unchanged).is_still(&before.without(&unchanged));
        }
        assert_eq!(grown, [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]);
        assert!(!world.dump().await.text().contains("bob"));
    })
    .await;
}

#[tokio::test]
async fn the_third_wrong_code_rests_a_minute_and_then_twice_as_long_up_to_an_hour() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("x-ada").enrolled_by_code().await;
        for rest in [0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            let wrong = ada.wrong_code();
            let mut faces = Vec::new();
            for name in ["x-ada", "x-bob"] {
                world.browser().give_name_and_code(name, &wrong).await.is(422);
                if rest > 0 {
                    let resting = world.browser().give_name_and_code(name, &wrong).await;
                    rests(&resting, rest);
                    faces.push(face(&resting, name));
                }
            }
            assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
            if rest > 0 {
                // The right one rests with the others, and nothing of it is spent.
                let before = world.dump().await;
                world.wait(rest - 1);
                rests(&world.browser().give_name_and_code("x-ada", &ada.code()).await, 1);
                world.dump().await.is_still(&before);
                world.wait(1);
            }
        }
        world.browser().give_name_and_code("x-ada", &ada.code()).await.lands_on("/");
        // That has forgiven everything.
        for rest in [0, 0, 60] {
            world.browser().give_name_and_code("x-ada", &ada.wrong_code()).await.is(422);
            if rest > 0 {
                rests(&world.browser().give_name_and_code("x-ada", &ada.wrong_code()).await, rest);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_that_was_used_gets_its_try_back_at_the_front_door_too() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let used = ada.code();
        world.browser().give_name_and_code("ada", &used).await.lands_on("/");
        for _ in 0..2 {
            world.browser().give_name_and_code("ada", &ada.wrong_code()).await.is(422);
        }
        for _ in 0..20 {
            world.browser().give_name_and_code("ada", &used).await.refuses_with(WRONG);
        }
        world.browser().give_name_and_code("ada", &ada.wrong_code()).await.is(422);
        rests(&world.browser().give_name_and_code("ada", &used).await, 60);
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_after_others_is_asked_for_the_password_after_the_code() {
    World::on_both_by_code(|world| async move {
        let root = owner(&world, "root").await;
        let (browser, code) = (world.browser(), root.code());
        let fields = [("username", "root"), ("otp", code.as_str()), ("keep", "on"), ("rd", "/docs")];
        browser.post("/login", &fields).await.lands_on("/login/password");
        assert_eq!(browser.cookie_names(), ["latchkey-login"]);
        for path in ["/", "/account", "/account/password", "/enroll/recovery-codes"] {
            browser.get(path).await.lands_on("/login");
        }
        browser.get("/login/code").await.lands_on("/login/password");
        browser.give_code(&root.code_at(world.clock.now().seconds() + 30)).await.lands_on("/login/password");
        browser.get("/login/password").await.is(200).says("Your code was right.").says("name=\"password\"");
        let give = async |browser: &Browser, password| {
            browser.post("/login/password", &[("username", "root"), ("password", password)]).await
        };
        for _ in 0..4 {
            give(&browser, "not the password").await.refuses_with("That password is not right.");
        }
        give(&browser, "").await.refuses_with("Enter a password.");
        browser.post("/login/password", &[("username", "eve"), ("password", PASSWORD)]).await.is(422);
        browser.get("/").await.lands_on("/login");
        // The code is spent, whatever becomes of the password.
        world.browser().give_name_and_code("root", &code).await.refuses_with(WRONG);

        let copy = browser.copy();
        let seen = give(&browser, PASSWORD).await;
        seen.lands_on("/docs");
        let session = seen.set_cookies().into_iter().find(|cookie| cookie.starts_with("latchkey=")).unwrap();
        assert!(session.contains("; Max-Age=2592000;"), "{session}");
        browser.get("/").await.is(200).says("Owner");
        give(&copy, PASSWORD).await.is(422).says("Sign in again");
        assert_eq!(world.records().await.number("SELECT max(level) FROM sessions").await, 2);
    })
    .await;
}

#[tokio::test]
async fn guesses_at_that_password_rest_like_all_and_it_must_come_within_ten_minutes() {
    World::on_both_by_code(|world| async move {
        let root = owner(&world, "root").await;
        let browser = world.browser();
        browser.give_name_and_code("root", &root.code()).await.lands_on("/login/password");
        for _ in 0..5 {
            browser.post("/login/password", &[("password", "not the password")]).await.is(422);
        }
        rests(&browser.post("/login/password", &[("password", PASSWORD)]).await, 30);
        world.wait(599);
        browser.get("/login/password").await.is(200);
        world.wait(1);
        browser.get("/login/password").await.lands_on("/login");
        browser
            .post("/login/password", &[("password", PASSWORD)])
            .await
            .is(422)
            .says("longer than 10 minutes");
        browser.get("/").await.lands_on("/login");

        // Locked out between the two: neither.
        users::set_role(&world.app, "root", Role::Owner).await.unwrap();
        browser.give_name_and_code("root", &root.code()).await.lands_on("/login/password");
        world.records().await.change("UPDATE users SET epoch = epoch + 1").await;
        browser.post("/login/password", &[("password", PASSWORD)]).await.is(422);
        browser.get("/").await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn nobody_without_a_password_is_made_an_administrator() {
    World::on_both_by_code(|world| async move {
        owner(&world, "root").await;
        let ada = world.person("ada").enrolled_by_code().await;
        for role in [Role::Admin, Role::Owner] {
            let before = world.dump().await;
            let refused = users::set_role(&world.app, "ada", role).await.unwrap_err();
            assert!(matches!(&refused, Error::Refused(why) if why.contains("latchkey user link ada --for password")));
            world.dump().await.without(&["claims"]).is_still(&before.without(&["claims"]));
        }
        let made = path_of(&link::make(&world.app, "ada", Purpose::Password).await.unwrap());
        let browser = world.browser();
        browser.post(&made, &[("password", PASSWORD), ("otp", &ada.code())]).await.lands_on("/");
        world.wait(30);
        // With a password, and still no administrator: the code is enough.
        world.browser().give_name_and_code("ada", &ada.code()).await.lands_on("/");
        users::set_role(&world.app, "ada", Role::Admin).await.unwrap();
        browser.get("/").await.lands_on("/login");
        world.wait(30);
        let browser = world.browser();
        browser.give_name_and_code("ada", &ada.code()).await.lands_on("/login/password");
        browser.post("/login/password", &[("password", PASSWORD)]).await.lands_on("/");
        browser.get("/").await.is(200).says("Administrator");
    })
    .await;
}

#[tokio::test]
async fn a_name_and_a_recovery_code_lead_to_a_new_authenticator() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let other = world.browser();
        other.give_name_and_code("ada", &ada.code()).await.lands_on("/");
        let browser = world.browser();
        let page = browser.get("/login/recovery?rd=/docs").await;
        page.is(200).says("name=\"username\"").says("name=\"recovery_code\"").never_says("name=\"password\"");
        let fields =
            [("username", "ADA"), ("recovery_code", ada.recovery_codes[0].as_str()), ("rd", "/docs")];
        browser.post("/login/recovery", &fields).await.lands_on("/enroll");
        assert_eq!(browser.cookie_names(), ["latchkey-enroll"]);
        browser.get("/").await.lands_on("/login");
        other.get("/").await.is(200);

        let mut new = ada.clone();
        new.scan(&browser).await;
        browser.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
        let codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
        assert!(codes.len() == 10 && codes.iter().all(|code| !ada.recovery_codes.contains(code)));
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/docs");
        browser.get("/").await.is(200);
        let level = "SELECT max(level) FROM sessions";
        assert_eq!(world.records().await.number(level).await, 1, "no password was given");
        other.get("/").await.lands_on("/login");
        world.wait(30);
        world.browser().give_name_and_code("ada", &ada.code()).await.refuses_with(WRONG);
        world.browser().give_name_and_code("ada", &new.code()).await.lands_on("/");
        recover(&world.browser(), "ada", &ada.recovery_codes[1]).await.refuses_with(WRONG_RECOVERY);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_recovery_code_and_an_unknown_name_look_the_same() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("x-ada").enrolled_by_code().await;
        let disabled = world.person("x-dis").enrolled_by_code().await;
        users::disable(&world.app, "x-dis").await.unwrap();
        for round in 0..7 {
            let mut faces = Vec::new();
            for (name, code) in [
                ("x-ada", disabled.recovery_codes[0].as_str()),
                ("x-ada", "abcd"),
                ("x-bob", &ada.recovery_codes[0]),
                ("x/bob", "abcd"),
                ("x-dis", &disabled.recovery_codes[0]),
            ] {
                if round > 0 && code == "abcd" {
                    continue;
                }
                let browser = world.browser();
                let seen = recover(&browser, name, code).await;
                assert!(matches!(seen.status.as_u16(), 422 | 429), "{}", seen.text);
                assert_eq!(browser.cookie_names(), Vec::<String>::new());
                faces.push(face(&seen, name));
                if round == 0 {
                    seen.refuses_with(WRONG_RECOVERY);
                }
            }
            // Once a day, so that each has as many failures as the others.
            if round == 0 {
                world.wait(24 * 3600);
            }
            assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
        }
        rests(&recover(&world.browser(), "x-bob", "abcd").await, 30);
        assert_eq!(world.records().await.number("SELECT count(*) FROM recovery_codes").await, 20);
        recover(&world.browser(), "", &ada.recovery_codes[0]).await.refuses_with("Enter a username.");
    })
    .await;
}

#[tokio::test]
async fn the_recovery_of_whoever_looks_after_others_leads_past_the_password() {
    World::on_both_by_code(|world| async move {
        let mut root = owner(&world, "root").await;
        let browser = world.browser();
        recover(&browser, "root", &root.recovery_codes[0]).await.lands_on("/enroll");
        let used = root.recovery_codes[1].clone();
        root.scan(&browser).await;
        browser.post("/enroll", &[("otp", &root.code())]).await.lands_on("/login/password");
        assert_eq!(browser.cookie("latchkey"), None);
        for path in ["/", "/account", "/enroll/recovery-codes", "/enroll/recovery-codes.txt"] {
            browser.get(path).await.lands_on("/login");
        }
        browser.post("/login/password", &[("password", "not the password")]).await.is(422);
        browser.get("/").await.lands_on("/login");
        browser.post("/login/password", &[("password", PASSWORD)]).await.lands_on("/enroll/recovery-codes");
        assert_eq!(browser.get("/enroll/recovery-codes").await.recovery_codes().len(), 10);
        recover(&world.browser(), "root", &used).await.refuses_with(WRONG_RECOVERY);
    })
    .await;
}

#[tokio::test]
async fn staying_signed_in_and_where_one_was_going_go_with_the_code() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        for (rd, ends) in
            [("/docs?page=2", "/docs?page=2"), ("//evil.example", "/"), ("https://evil.example", "/")]
        {
            let code = ada.code();
            let fields = [("username", "ada"), ("otp", code.as_str()), ("keep", "on"), ("rd", rd)];
            let seen = world.browser().post("/login", &fields).await;
            seen.lands_on(ends);
            assert!(seen.set_cookies()[0].contains("; Max-Age=2592000;"), "{:?}", seen.set_cookies());
            world.wait(30);
        }
        let seen = world.browser().give_name_and_code("ada", &ada.code()).await;
        assert!(!seen.set_cookies()[0].contains("Max-Age"), "{:?}", seen.set_cookies());
        let wrong = [("username", "ada"), ("otp", "1"), ("keep", "on"), ("rd", "/docs")];
        world
            .browser()
            .post("/login", &wrong)
            .await
            .is(422)
            .says("name=\"rd\" value=\"/docs\"")
            .says(" checked");
    })
    .await;
}

#[tokio::test]
async fn the_front_door_and_a_proof_inside_have_budgets_of_their_own() {
    World::on_both_by_code(|world| async move {
        let inside = world.browser();
        let ada = world.person("ada").enrolled_by_code_in(&inside).await;
        world.wait(6 * 60);
        for _ in 0..3 {
            world.browser().give_name_and_code("ada", &ada.wrong_code()).await.is(422);
        }
        rests(&world.browser().give_name_and_code("ada", &ada.code()).await, 60);
        inside.post("/account/password", &[("password", PASSWORD)]).await.is(403);
        let page = inside.get("/account/prove").await;
        page.is(200).never_says("name=\"password\"");
        inside.post("/account/prove", &[("otp", &ada.code())]).await.lands_on("/account");
        // And the other way round: guesses inside close no door.
        world.wait(60);
        for _ in 0..5 {
            inside.post("/account/prove", &[("otp", &ada.wrong_code())]).await.is(422);
        }
        rests(&inside.post("/account/prove", &[("otp", &ada.code())]).await, 30);
        world.browser().give_name_and_code("ada", &ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_password_that_somebody_chooses_is_wanted_for_every_change_from_then_on() {
    World::on_both_by_code(|world| async move {
        let browser = world.browser();
        let ada = world.person("ada").enrolled_by_code_in(&browser).await;
        browser.get("/account/password").await.is(200).says("Choose a password");
        browser.post("/account/password", &[("password", PASSWORD)]).await.lands_on("/account");
        // Fresh as the code is, the password was never given.
        browser.post("/account/recovery-codes", &[]).await.is(403).says("name=\"password\"");
        world.wait(30);
        let before = browser.copy();
        let code = ada.code();
        browser.post("/account/prove", &[("otp", &code)]).await.is(422);
        let prove = [("password", PASSWORD), ("otp", code.as_str())];
        browser.post("/account/prove", &prove).await.lands_on("/account");
        assert_ne!(browser.cookie("latchkey"), before.cookie("latchkey"));
        before.get("/account").await.lands_on("/login");
        browser.post("/account/recovery-codes", &[]).await.lands_on("/enroll/recovery-codes");
    })
    .await;
}
