//! A new phone: the new one is proven first, and the old one goes on for a day or ends at once. Nothing else changes.

use auth::users;

use crate::authenticators::{added, ids};
use crate::login::signed_in;
use crate::world::{Browser, Person, Seen, World};

const LIST: &str = "/account/authenticators";
const DAY: i64 = 24 * 3600;

async fn begin(browser: &Browser, (id, old): (&str, &str)) -> Seen {
    let fields = [("name", "New phone"), ("authenticator", id), ("old", old)];
    browser.post("/account/authenticators/new-phone", &fields).await
}

/// The same person with the new phone.
async fn moved(ada: &Person, browser: &Browser, which: (&str, &str)) -> Person {
    begin(browser, which).await.lands_on("/enroll");
    let mut new = ada.clone();
    new.scan(browser).await;
    browser.post("/enroll", &[("otp", &new.code())]).await.lands_on(LIST);
    new
}

#[tokio::test]
async fn the_old_phone_is_good_for_a_day_and_not_a_second_longer() {
    World::on_both(|world| async move {
        let old = world.person("ada").enrolled().await;
        let browser = signed_in(&old).await;
        browser.get("/account/authenticators/new-phone").await.is(200).says("Keep it for a day");
        let id = ids(&browser).await[0].clone();
        let new = moved(&old, &browser, (&id, "day")).await;
        let began = world.clock.now().seconds();
        browser.get(LIST).await.says("Works until 2026-11-25 14:06 UTC.").says("New phone");
        world.wait(30);
        old.half_signed_in().await.give_code(&old.code()).await.lands_on("/");
        new.half_signed_in().await.give_code(&new.code()).await.lands_on("/");
        world.wait(began + DAY - 61 - world.clock.now().seconds());
        let half = old.half_signed_in().await;
        world.wait(60);
        old.half_signed_in().await.give_code(&old.code()).await.lands_on("/");
        world.wait(1);
        let says =
            "That code is of an old entry in your app, “Latchkey: ada”, which stopped working on 2026-11-25.";
        // Also of whoever has given the password before.
        half.give_code(&old.code_at(world.clock.now().seconds() + 30)).await.is(422).says(says);
        half.give_code(&new.code()).await.lands_on("/");
        assert_eq!(
            users::show(&world.app, "ada").await.unwrap().authenticators,
            ["Latchkey: ada (New phone)"]
        );
    })
    .await;
}

/// Of a code that was looked up just before: the statement that spends looks again.
#[tokio::test]
async fn a_step_of_one_that_has_retired_is_not_spent() {
    World::on_both(|world| async move {
        let old = world.person("ada").enrolled().await;
        let browser = signed_in(&old).await;
        let id = ids(&browser).await[0].clone();
        moved(&old, &browser, (&id, "day")).await;
        let (began, db) = (world.clock.now(), world.db().await);
        for (seconds, expected) in [(DAY, false), (DAY + 1, false), (DAY - 1, true)] {
            let (id, now) = (store::Id::new(id.clone()), began.plus_seconds(seconds));
            let spent =
                store::authenticators::Spent { step: i64::MAX, from: i64::MAX, drift: 0, drift_votes: 0 };
            let spend = move |tx: &mut store::Tx<'_>| store::authenticators::spend_step(tx, &id, &spent, now);
            assert_eq!(db.write(spend).await.unwrap(), expected, "{seconds} s later");
        }
    })
    .await;
}

#[tokio::test]
async fn the_old_phone_ends_at_once_when_that_is_wanted() {
    World::on_both(|world| async move {
        let old = world.person("ada").enrolled().await;
        let browser = signed_in(&old).await;
        let id = ids(&browser).await[0].clone();
        let half = old.half_signed_in().await;
        let new = moved(&old, &browser, (&id, "now")).await;
        half.give_code(&old.code()).await.is(422).says("an old entry in your app, “Latchkey: ada”");
        assert_eq!(ids(&browser).await.len(), 1);
        browser.get(LIST).await.never_says("Works until");
        world.wait(30);
        half.give_code(&new.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn nothing_happens_to_the_old_phone_until_the_new_one_has_shown_a_code() {
    World::on_both(|world| async move {
        let old = world.person("ada").enrolled().await;
        let browser = signed_in(&old).await;
        let id = ids(&browser).await[0].clone();
        begin(&browser, (&id, "now")).await.lands_on("/enroll");
        let mut new = old.clone();
        new.scan(&browser).await;
        browser.post("/enroll", &[("otp", &new.wrong_code())]).await.is(422);
        signed_in(&old).await;
        world.wait(1800);
        browser.post("/enroll", &[("otp", &new.code())]).await.is(410);
        signed_in(&old).await;
        assert_eq!(users::show(&world.app, "ada").await.unwrap().authenticators, ["Latchkey: ada"]);
    })
    .await;
}

#[tokio::test]
async fn recovery_codes_sessions_browsers_and_other_authenticators_stay() {
    World::on_both(|world| async move {
        for (name, old) in [("ada", "day"), ("eve", "now")] {
            let phone = world.person(name).enrolled().await;
            let (browser, other) = (signed_in(&phone).await, signed_in(&phone).await);
            let tablet = added(&phone, &browser, "iPad").await;
            let all = ids(&browser).await;
            browser.get("/account/authenticators/new-phone").await.says("Which one does it replace?");
            let tables = ["authenticators", "enrollments", "events"];
            let before = world.dump().await.without(&tables);
            moved(&phone, &browser, (&all[0], old)).await;
            world.dump().await.without(&tables).is_still(&before);
            other.get("/").await.is(200).says("10 of 10 left");
            world.wait(30);
            tablet.half_signed_in().await.give_code(&tablet.code()).await.lands_on("/");
            assert_eq!(
                users::show(&world.app, name).await.unwrap().authenticators.len(),
                if old == "day" { 3 } else { 2 }
            );
        }
    })
    .await;
}

#[tokio::test]
async fn of_several_the_one_that_is_chosen_is_replaced() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let phone = world.person("ada").enrolled_in(&browser).await;
        let tablet = added(&phone, &browser, "iPad").await;
        let id = ids(&browser).await[1].clone();
        let new = moved(&phone, &browser, (&id, "now")).await;
        world.wait(30);
        let half = phone.half_signed_in().await;
        half.give_code(&tablet.code()).await.is(422).says("an old entry in your app, “Latchkey: ada (iPad)”");
        half.give_code(&phone.code()).await.lands_on("/");
        phone.half_signed_in().await.give_code(&new.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn one_that_retires_already_is_not_replaced_again_and_gets_no_second_day() {
    World::on_both(|world| async move {
        let old = world.person("ada").enrolled().await;
        let browser = signed_in(&old).await;
        let id = ids(&browser).await[0].clone();
        moved(&old, &browser, (&id, "day")).await;
        world.wait(60);
        let page = browser.get("/account/authenticators/new-phone").await;
        assert!(!page.is(200).values_of("authenticator").contains(&id));
        let before = world.dump().await;
        let again = [("name", "Newer phone"), ("authenticator", id.as_str()), ("old", "day")];
        browser.post("/account/authenticators/new-phone", &again).await.is(404);
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn what_becomes_of_the_old_one_has_to_be_said() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        let id = ids(&browser).await[0].clone();
        let before = world.dump().await;
        let missing = "Say which one the new phone replaces, and what becomes of it.";
        for which in [(id.as_str(), ""), (id.as_str(), "week"), ("", "day")] {
            begin(&browser, which).await.refuses_with(missing);
        }
        browser.post("/account/authenticators/new-phone", &[("name", "x")]).await.is(422);
        world.dump().await.is_still(&before);
    })
    .await;
}
