//! What people see and change of their own account, and that nobody can with less than a fresh proof.

use crate::world::{Browser, PASSWORD, Person, World};

const NEW_PASSWORD: &str = "difference of engines";

/// Ada in a browser of her own, six minutes after she signed in: her proof is stale.
async fn stale(world: &World) -> (Person, Browser) {
    let browser = world.browser();
    let ada = world.person("ada").enrolled_in(&browser).await;
    world.wait(6 * 60);
    (ada, browser)
}

async fn prove(browser: &Browser, password: &str, code: &str, rd: &str) -> crate::world::Seen {
    browser.post("/account/prove", &[("password", password), ("otp", code), ("rd", rd)]).await
}

#[tokio::test]
async fn a_password_is_changed_after_a_fresh_proof_and_ends_all_other_sessions() {
    World::on_both(|world| async move {
        let (ada, browser) = stale(&world).await;
        let other = ada.half_signed_in().await;
        other.give_code(&ada.code()).await.lands_on("/");
        let on_its_way = ada.half_signed_in().await;
        world.wait(30);

        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        prove(&browser, PASSWORD, &ada.code(), "/account/password").await.lands_on("/account/password");
        browser.get("/account/password").await.is(200).says("Change your password");
        browser.post("/account/password", &[("password", "short")]).await.is(422).says("too short");
        browser.post("/account/password", &[("password", NEW_PASSWORD)]).await.lands_on("/account");

        browser.get("/account").await.is(200);
        other.get("/account").await.lands_on("/login");
        world.wait(30);
        on_its_way.give_code(&ada.code()).await.is(422).says("Sign in again");
        world.browser().give_password("ada", PASSWORD).await.is(422);
        let again = world.browser();
        again.give_password("ada", NEW_PASSWORD).await.lands_on("/login/code");
        again.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_changed_without_a_fresh_proof() {
    World::on_both(|world| async move {
        let (ada, browser) = stale(&world).await;
        let other = ada.half_signed_in().await;
        other.give_code(&ada.code()).await.lands_on("/");
        world.wait(6 * 60);
        browser.get("/account").await.is(200);
        let changes: [(&str, &[(&str, &str)]); 4] = [
            ("/account/password", &[("password", NEW_PASSWORD)]),
            ("/account/recovery-codes", &[]),
            ("/account/sessions", &[("others", "on")]),
            ("/account/sessions", &[("session", "whatever")]),
        ];
        let before = world.dump().await;
        for (path, fields) in changes {
            browser.post(path, fields).await.is(403).says("Is it still you?");
            let json = browser.copy().with("accept", "application/json").post(path, fields).await;
            assert_eq!(
                (json.status.as_u16(), json.header("content-type").as_str()),
                (403, "application/problem+json")
            );
            world.browser().post(path, fields).await.lands_on("/login");
            ada.half_signed_in().await.post(path, fields).await.lands_on("/login");
        }
        let tables = ["attempts", "logins", "events"];
        world.dump().await.without(&tables).is_still(&before.without(&tables));
    })
    .await;
}

#[tokio::test]
async fn a_proof_wants_the_password_and_a_code_that_has_not_been_used() {
    World::on_both(|world| async move {
        let (ada, browser) = stale(&world).await;
        let code = ada.code();
        prove(&browser, "wrong password", &code, "").await.is(422).says("That password is not right.");
        prove(&browser, PASSWORD, &ada.wrong_code(), "").await.is(422).says("That code is not right.");
        prove(&browser, PASSWORD, "", "").await.is(422).says("Enter the 6-digit code.");
        prove(&browser, "", &code, "").await.is(422).says("Enter a password.");
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        prove(&browser, PASSWORD, &code, "https://evil.example").await.lands_on("/account");
        browser.get("/account/password").await.is(200);

        world.wait(5 * 60);
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        let code = ada.code();
        ada.half_signed_in().await.give_code(&code).await.lands_on("/");
        prove(&browser, PASSWORD, &code, "").await.is(422).says("used already");
    })
    .await;
}

#[tokio::test]
async fn guesses_in_a_proof_are_tries_like_those_of_a_sign_in() {
    World::on_both(|world| async move {
        let (ada, browser) = stale(&world).await;
        for _ in 0..5 {
            prove(&browser, PASSWORD, &ada.wrong_code(), "").await.is(422);
        }
        prove(&browser, PASSWORD, &ada.code(), "").await.is(429);
        // The same browser's budget, whatever the code is for; and no other's.
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        browser.give_code(&ada.code()).await.is(429);
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_ones() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let ada = world.person("ada").enrolled_in(&browser).await;
        browser.post("/account/recovery-codes", &[]).await.lands_on("/enroll/recovery-codes");
        let new = browser.get("/enroll/recovery-codes").await.recovery_codes();
        assert_eq!(new.len(), 10);
        assert!(new.iter().all(|code| !ada.recovery_codes.contains(code)));
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/account");

        let lost = ada.half_signed_in().await;
        let give = async |code: &str| lost.post("/login/recovery", &[("recovery_code", code)]).await;
        give(&ada.recovery_codes[0]).await.is(422).says("That recovery code is not right.");
        give(&new[0]).await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_in_words_and_ended_one_by_one_or_all_others() {
    World::on_both(|world| async move {
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1";
        let desktop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let ada = world.person("ada").enrolled().await;
        let mut signed_in = Vec::new();
        for agent in [desktop, phone, "<script>alert(1)</script>"] {
            let browser = world.browser().from("203.0.113.7").with("user-agent", agent);
            browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
            browser.give_code(&ada.code()).await.lands_on("/");
            world.wait(30);
            signed_in.push(browser);
        }
        let page = signed_in[0].get("/account/sessions").await;
        page.is(200).says("Firefox on Linux").says("Safari on iPhone").says("Unknown browser").says("203.0.113.7");
        page.never_says("<script>alert");
        let ids: Vec<&str> =
            page.text.split("name=\"session\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.len(), 2, "not this browser's own");

        let eve = world.browser();
        world.person("eve").enrolled_in(&eve).await;
        eve.post("/account/sessions", &[("session", ids[0])]).await.lands_on("/account/sessions");
        for browser in &signed_in {
            browser.get("/account").await.is(200);
        }
        signed_in[0].post("/account/sessions", &[("session", ids[0])]).await.lands_on("/account/sessions");
        let mut alive = 0;
        for browser in &signed_in {
            alive += usize::from(browser.get("/account").await.status == 200);
        }
        assert_eq!(alive, 2);
        signed_in[0].post("/account/sessions", &[("others", "on")]).await.lands_on("/account/sessions");
        let page = signed_in[0].get("/account/sessions").await;
        let (sessions, browsers) = page.is(200).text.split_once("Browsers that know you").unwrap();
        assert!(!sessions.contains("Safari on iPhone") && browsers.contains("Safari on iPhone"));
        signed_in[1].get("/account").await.lands_on("/login");
        signed_in[2].get("/account").await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn activity_shows_what_happened_in_ninety_days_and_to_nobody_else() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.browser().from("203.0.113.9").give_password("ada", "wrong password").await.is(422);
        let browser = ada.half_signed_in().await;
        browser.give_code(&ada.code()).await.lands_on("/");
        let page = browser.get("/account/activity").await;
        page.is(200).says("Account created").says("Wrong password").says("203.0.113.9").says("Signed in");
        let csv = browser.get("/account/activity.csv").await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        assert!(csv.text.starts_with("at,event,count,address\r\n"));
        assert!(csv.text.contains(",sign_in.password_wrong,1,203.0.113.9\r\n"), "{}", csv.text);

        let eve = world.browser();
        world.person("eve").enrolled_in(&eve).await;
        eve.get("/account/activity").await.is(200).never_says("203.0.113.9");

        let kept = world.browser();
        world.wait(91 * 24 * 3600);
        let fields = [("username", "ada"), ("password", PASSWORD), ("keep", "on")];
        kept.post("/login", &fields).await.lands_on("/login/code");
        kept.give_code(&ada.code()).await.lands_on("/");
        kept.get("/account/activity").await.is(200).says("Signed in").never_says("Account created");
    })
    .await;
}
