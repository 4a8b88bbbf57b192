//! Recovery codes: one leads to a new authenticator, and to nothing else.

use auth::users;

use crate::login::signed_in;
use crate::world::{Browser, Person, Seen, World};

const WRONG: &str =
    "That recovery code is not right. Check every letter, or use another one: each works once.";

async fn give(browser: &Browser, code: &str) -> Seen {
    browser.post("/login/recovery", &[("recovery_code", code)]).await
}

/// A browser that has used one of ada's recovery codes.
async fn recovering(ada: &Person, code: usize) -> Browser {
    let browser = ada.half_signed_in().await;
    give(&browser, &ada.recovery_codes[code]).await.lands_on("/enroll");
    browser
}

/// Sets up the new authenticator: the same person, with another phone.
async fn renewed(ada: &Person, browser: &Browser) -> Person {
    let mut ada = ada.clone();
    ada.scan(browser).await;
    browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
    ada.recovery_codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
    ada
}

#[tokio::test]
async fn a_recovery_code_leads_to_a_new_authenticator_and_opens_no_session() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        browser.get("/login/recovery").await.is(200).says("lets you, ada, set up a new authenticator");
        let seen = give(&browser, &ada.recovery_codes[0]).await;
        seen.lands_on("/enroll");
        assert_eq!(browser.cookie_names(), ["latchkey-enroll"]);
        for path in ["/", "/login/code", "/login/recovery", "/enroll/recovery-codes"] {
            browser.get(path).await.lands_on("/login");
        }
        let page = browser.get("/enroll").await;
        page.is(200).says("Set up your authenticator again").says("Latchkey: ada").never_says("Step 2 of 3");

        let new = renewed(&ada, &browser).await;
        assert_ne!(new.secret, ada.secret);
        browser.get("/").await.is(200).says("10 of 10 left");
        browser.get("/enroll").await.is(410);
        browser.get("/enroll/qr.png").await.is(410);
    })
    .await;
}

#[tokio::test]
async fn the_old_authenticator_and_the_other_sessions_go_when_the_new_one_is_confirmed() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let other = signed_in(&ada).await;
        let (half, browser) = (ada.half_signed_in().await, recovering(&ada, 0).await);

        // Until then the old phone is good: whoever finds it again has lost nothing but the code.
        other.get("/").await.is(200).says("9 of 10 left");
        signed_in(&ada).await;

        let new = renewed(&ada, &browser).await;
        other.get("/").await.lands_on("/login");
        half.give_code(&new.code_at(world.clock.now().seconds() + 30)).await.is(422);
        world.wait(30);
        ada.half_signed_in().await.give_code(&ada.code()).await.is(422);
        new.half_signed_in().await.give_code(&new.code()).await.lands_on("/");
        assert_eq!(users::show(&world.app, "ada").await.unwrap().authenticators.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_code_that_confirmed_the_new_authenticator_is_spent() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let new = renewed(&ada, &recovering(&ada, 0).await).await;
        let seen = new.half_signed_in().await.give_code(&new.code()).await;
        seen.refuses_with("That code has been used already. Wait for the next one.");
    })
    .await;
}

#[tokio::test]
async fn the_old_recovery_codes_are_void_then_and_there_are_ten_new_ones() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let new = renewed(&ada, &recovering(&ada, 4).await).await;
        assert_eq!(new.recovery_codes.len(), 10);
        let browser = new.half_signed_in().await;
        for code in &ada.recovery_codes[..4] {
            assert!(!new.recovery_codes.contains(code));
            give(&browser, code).await.refuses_with(WRONG);
        }
        give(&browser, &new.recovery_codes[9]).await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_works_once_whatever_becomes_of_it() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = recovering(&ada, 0).await;
        give(&ada.half_signed_in().await, &ada.recovery_codes[0]).await.refuses_with(WRONG);
        world.wait(1799);
        browser.get("/enroll").await.is(200);
        world.wait(1);
        browser.get("/enroll").await.is(410);
        browser.post("/enroll", &[("otp", "123456")]).await.is(410);
        give(&ada.half_signed_in().await, &ada.recovery_codes[0]).await.refuses_with(WRONG);
        // Nothing else has changed: the old phone, and the nine others.
        signed_in(&ada).await.get("/").await.says("9 of 10 left");
    })
    .await;
}

#[tokio::test]
async fn recovery_codes_work_in_any_order_and_typed_in_any_way() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let ways: [fn(&str) -> String; 5] = [
            |code| code.to_uppercase(),
            |code| code.replace('-', ""),
            |code| format!(" {} ", code.replace('-', " ")),
            |code| code.to_uppercase().replace('0', "O").replace('1', "I").replace('-', " - "),
            |code| code.replace('1', "L").chars().map(|c| format!("{c} ")).collect(),
        ];
        for (at, way) in [7, 2, 9, 0, 5].into_iter().zip(ways) {
            let typed = way(&ada.recovery_codes[at]);
            give(&ada.half_signed_in().await, &typed).await.lands_on("/enroll");
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_who_recover_the_later_one_goes_on() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (first, second) = (recovering(&ada, 0).await, recovering(&ada, 1).await);
        let mut early = ada.clone();
        first.get("/enroll").await.is(410);
        early.scan(&second).await;
        first.post("/enroll", &[("otp", &early.code())]).await.is(410);
        renewed(&ada, &second).await;
    })
    .await;
}

#[tokio::test]
async fn wrong_recovery_codes_are_charged_and_an_empty_field_is_not() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        for empty in ["", "   "] {
            give(&browser, empty).await.refuses_with("Enter a recovery code.");
        }
        let almost = format!("{}0", &ada.recovery_codes[0][..18]);
        let almost = if almost == ada.recovery_codes[0] { almost.replace("-", "1") } else { almost };
        for wrong in [almost.as_str(), "abcd", "ünïcödé", "123456", &"x".repeat(3000)] {
            give(&browser, wrong).await.refuses_with(WRONG);
        }
        give(&browser, &ada.recovery_codes[0]).await.is(429);
    })
    .await;
}

#[tokio::test]
async fn the_codes_of_one_person_are_nothing_to_another() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let eve = world.person("eve").enrolled().await;
        give(&eve.half_signed_in().await, &ada.recovery_codes[0]).await.refuses_with(WRONG);
        recovering(&ada, 0).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_locked_out_meanwhile_does_not_come_back_by_a_new_authenticator() {
    World::on_both(|world| async move {
        let mut ada = world.person("ada").enrolled().await;
        let half = ada.half_signed_in().await;
        let browser = recovering(&ada, 0).await;
        ada.scan(&browser).await;
        users::disable(&world.app, "ada").await.unwrap();
        let before = world.dump().await;
        browser.get("/enroll").await.is(410);
        browser.post("/enroll", &[("otp", &ada.code())]).await.is(410);
        give(&half, &ada.recovery_codes[1]).await.is(422);
        // Also when the lock came between the page's look and the spending.
        let token = auth::Token::parse(&half.cookie("latchkey-login").unwrap()).unwrap();
        let entered = auth::recovery::enter(
            &world.app,
            auth::recovery::Holder::Login(token.clone()),
            &ada.recovery_codes[1],
            &auth::Visit::default(),
        )
        .await;
        assert!(matches!(entered, Err(auth::Error::Expired)), "{entered:?}");
        world.dump().await.is_still(&before);
        users::enable(&world.app, "ada").await.unwrap();
        browser.post("/enroll", &[("otp", &ada.code())]).await.is(410);
    })
    .await;
}

#[tokio::test]
async fn keep_me_signed_in_and_where_one_was_going_survive_the_recovery() {
    World::on_both(|world| async move {
        let mut ada = world.person("ada").enrolled().await;
        let browser = world.browser();
        let fields =
            [("username", "ada"), ("password", crate::world::PASSWORD), ("keep", "on"), ("rd", "/docs")];
        browser.post("/login", &fields).await.lands_on("/login/code");
        give(&browser, &ada.recovery_codes[0]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        let seen = browser.post("/enroll", &[("otp", &ada.code())]).await;
        assert!(seen.set_cookies()[0].contains("; Max-Age=2592000;"), "{:?}", seen.set_cookies());
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/docs");
    })
    .await;
}

#[tokio::test]
async fn the_sheet_is_kept_for_a_quarter_of_an_hour_unless_it_is_saved() {
    World::on_both(|world| async move {
        for saved in [false, true] {
            let (browser, mut person) = (world.browser(), world.person(if saved { "ada" } else { "eve" }));
            let fields = [("username", person.name.as_str()), ("password", crate::world::PASSWORD)];
            browser.post("/register", &fields).await.lands_on("/enroll");
            person.scan(&browser).await;
            browser.post("/enroll", &[("otp", &person.code())]).await.lands_on("/enroll/recovery-codes");
            // A lost answer loses nothing: the same ten, in every browser of this person.
            let first = browser.get("/enroll/recovery-codes").await.recovery_codes();
            world.wait(899);
            let other = signed_in(&person).await;
            world.wait(-30);
            for seen in [&browser, &other] {
                assert_eq!(seen.get("/enroll/recovery-codes").await.recovery_codes(), first);
            }
            if saved {
                other.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/");
            } else {
                world.wait(1);
            }
            for path in ["/enroll/recovery-codes", "/enroll/recovery-codes.txt"] {
                let seen = browser.get(path).await;
                seen.is(410).says("The recovery codes cannot be shown any more");
                assert_eq!(seen.recovery_codes(), Vec::<String>::new());
            }
            browser.get("/").await.is(200).says("10 of 10 left");
        }
    })
    .await;
}
