//! Several authenticators for one person: one more, its name, the end of one, and never the end of the last.

use auth::account::authenticators as theirs;
use auth::{Error, Id, Role, Visit, session, users};
use store::Kind;

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Person, Seen, World};

const ADD: &str = "/account/authenticators/add";
const LIST: &str = "/account/authenticators";
const TAKEN: &str = "Another of your authenticators has this name. Choose another.";
const LAST: &str =
    "This is your last authenticator, and without one you cannot sign in. Add another one first.";

/// Begins one more, and scans it; it waits for its first code.
pub(crate) async fn pending(ada: &Person, browser: &Browser, name: &str) -> Person {
    // Ids are in the order of their birth, to the millisecond.
    ada.world.wait(1);
    browser.post(ADD, &[("name", name)]).await.lands_on("/enroll");
    let mut new = ada.clone();
    new.scan(browser).await;
    new
}

/// The same person with one more authenticator.
pub(crate) async fn added(ada: &Person, browser: &Browser, name: &str) -> Person {
    let new = pending(ada, browser, name).await;
    browser.post("/enroll", &[("otp", &new.code())]).await.lands_on(LIST);
    new
}

/// The ids of those in the list, the oldest first.
pub(crate) async fn ids(browser: &Browser) -> Vec<String> {
    browser.get(LIST).await.is(200).values_of("authenticator")
}

pub(crate) async fn remove(browser: &Browser, id: &str) -> Seen {
    browser.post("/account/authenticators/remove", &[("authenticator", id)]).await
}

async fn rename(browser: &Browser, id: &str, name: &str) -> Seen {
    browser.post("/account/authenticators/rename", &[("authenticator", id), ("name", name)]).await
}

#[tokio::test]
async fn one_more_has_a_label_of_its_own_and_both_sign_in() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let phone = world.person("ada").enrolled_in(&browser).await;
        let tablet = pending(&phone, &browser, " iPad ").await;
        assert_ne!(tablet.secret, phone.secret);
        let page = browser.get("/enroll").await;
        page.says("Connect the app").says("Latchkey: ada (iPad)");
        page.says("otpauth://totp/Latchkey:ada%20%28iPad%29?secret=").never_says("Step 2 of 3");
        browser.get("/enroll/qr.png").await.is(200);
        assert_eq!(ids(&browser).await.len(), 1, "it is none until its first code");
        browser
            .post("/enroll", &[("otp", &phone.code())])
            .await
            .is(422)
            .says("That code is of your other entry");
        browser.post("/enroll", &[("otp", &tablet.code())]).await.lands_on(LIST);
        browser.get("/enroll").await.is(410);

        world.wait(30);
        tablet.half_signed_in().await.give_code(&tablet.code()).await.lands_on("/");
        phone.half_signed_in().await.give_code(&phone.code()).await.lands_on("/");
        let used = "That code has been used already. Wait for the next one.";
        for one in [&tablet, &phone] {
            one.half_signed_in().await.give_code(&one.code()).await.refuses_with(used);
        }
        world.wait(600);
        tablet.half_signed_in().await.give_code(&tablet.code()).await.lands_on("/");
        let page = browser.get(LIST).await;
        page.says("Shows as Latchkey: ada (iPad)").says("last used 2026-11-24 14:06 UTC");
        page.says("last used 2026-11-24 14:16 UTC");
        let shown = users::show(&world.app, "ada").await.unwrap();
        assert_eq!(shown.authenticators, ["Latchkey: ada", "Latchkey: ada (iPad)"]);
        assert_eq!(shown.recovery_codes, 10);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_short_and_plain_and_of_one_authenticator_only() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let ada = world.person("ada").enrolled_in(&browser).await;
        added(&ada, &browser, "iPad").await;
        let [first, ipad] = &ids(&browser).await[..] else { panic!("two") };
        let rule = "A name has 1 to 32 characters, and no colon or parentheses.";
        let before = world.dump().await;
        for wrong in ["", "   ", "a:b", "a(b", "a)b", "a\nb", "\u{7f}", &"ü".repeat(33)] {
            browser.post(ADD, &[("name", wrong)]).await.refuses_with(rule);
            rename(&browser, first, wrong).await.refuses_with(rule);
        }
        for equal in ["iPad", "IPAD", " ipad "] {
            browser.post(ADD, &[("name", equal)]).await.refuses_with(TAKEN);
            rename(&browser, first, equal).await.refuses_with(TAKEN);
        }
        world.dump().await.is_still(&before);
        rename(&browser, ipad, "IPAD").await.lands_on(LIST);
        rename(&browser, first, &"ü".repeat(32)).await.lands_on(LIST);
        added(&ada, &browser, "<b>\"&'</b>").await;
        let page = browser.get(LIST).await;
        assert!(page.is(200).text.contains("&#60;b&#62;") && !page.text.contains("<b>"));
    })
    .await;
}

#[tokio::test]
async fn another_name_leaves_what_the_app_shows_and_no_two_entries_show_the_same() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let phone = world.person("ada").enrolled_in(&browser).await;
        let tablet = added(&phone, &browser, "iPad").await;
        let id = ids(&browser).await[1].clone();
        rename(&browser, &id, "Tablet").await.lands_on(LIST);
        browser.get(LIST).await.says("Tablet").says("Shows as Latchkey: ada (iPad)");
        // An app that writes equal entries over each other would lose the tablet by this.
        for equal in ["iPad", "ipad"] {
            browser.post(ADD, &[("name", equal)]).await.refuses_with(TAKEN);
        }
        world.wait(30);
        tablet.half_signed_in().await.give_code(&tablet.code()).await.lands_on("/");
        let renamed = "SELECT count(*) FROM events WHERE kind = 'authenticator.renamed'";
        assert_eq!(world.records().await.number(renamed).await, 1);
    })
    .await;
}

#[tokio::test]
async fn there_are_ten_at_most() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let ada = world.person("ada").enrolled_in(&browser).await;
        for n in 2..=10 {
            added(&ada, &browser, &format!("phone {n}")).await;
        }
        let full = "You have ten authenticators, which is the most. Remove one first.";
        browser.post(ADD, &[("name", "phone 11")]).await.refuses_with(full);
        let all = ids(&browser).await;
        assert_eq!(all.len(), 10);
        remove(&browser, &all[4]).await.lands_on(LIST);
        added(&ada, &browser, "phone 11").await;
    })
    .await;
}

#[tokio::test]
async fn one_is_removed_on_a_page_of_its_own_and_its_codes_are_named_as_an_old_entrys() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let phone = world.person("ada").enrolled_in(&browser).await;
        let tablet = added(&phone, &browser, "iPad").await;
        let id = ids(&browser).await[1].clone();
        let page = browser.get(&format!("/account/authenticators/remove?authenticator={id}")).await;
        page.is(200).says("Remove iPad?").says("Delete the entry “Latchkey: ada (iPad)”");
        assert_eq!(page.values_of("authenticator"), [id.as_str()]);
        remove(&browser, &id).await.lands_on(LIST);
        browser.get(LIST).await.never_says("iPad");
        remove(&browser, &id).await.is(404);
        world.wait(24 * 3600);
        let old = "That code is of an old entry in your app, “Latchkey: ada (iPad)”, which stopped working on 2026-11-24. Use the newer entry, and delete the old one.";
        let again = phone.half_signed_in().await;
        again.give_code(&tablet.code()).await.refuses_with(old);
        again.give_code(&phone.code()).await.lands_on("/");
        // It is recognized for ninety days, and forgotten then.
        world.wait(90 * 24 * 3600);
        auth::chores::once(&world.app).await.unwrap();
        assert_eq!(world.records().await.number("SELECT count(*) FROM authenticators").await, 1);
        phone.half_signed_in().await.give_code(&tablet.code()).await.is(422).never_says("iPad");
    })
    .await;
}

#[tokio::test]
async fn the_last_one_stays_and_one_that_retires_within_a_day_does_not_count() {
    World::on_both(|world| async move {
        let browser = world.browser();
        let phone = world.person("ada").enrolled_in(&browser).await;
        let only = ids(&browser).await[0].clone();
        browser.get(LIST).await.never_says("/account/authenticators/remove");
        remove(&browser, &only).await.refuses_with(LAST);
        let fields = [("name", "new"), ("authenticator", only.as_str()), ("old", "day")];
        browser.post("/account/authenticators/new-phone", &fields).await.lands_on("/enroll");
        let mut new = phone.clone();
        new.scan(&browser).await;
        world.wait(1);
        browser.post("/enroll", &[("otp", &new.code())]).await.lands_on(LIST);
        let [old, lasting] = &ids(&browser).await[..] else { panic!("two") };
        remove(&browser, lasting).await.refuses_with(LAST);
        remove(&browser, old).await.lands_on(LIST);
        remove(&browser, lasting).await.refuses_with(LAST);
        world.wait(30);
        new.half_signed_in().await.give_code(&new.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn the_authenticators_of_others_are_out_of_reach() {
    World::on_both(|world| async move {
        let (hers, mine) = (world.browser(), world.browser());
        let ada = world.person("ada").enrolled_in(&hers).await;
        added(&ada, &hers, "iPad").await;
        let eve = world.person("eve").enrolled_in(&mine).await;
        added(&eve, &mine, "iPhone").await;
        let id = ids(&hers).await[1].clone();
        let before = world.dump().await;
        for id in [id.as_str(), "nothing", "' OR 1=1 --"] {
            remove(&mine, id).await.is(404);
            rename(&mine, id, "mine").await.is(404);
            for old in ["day", "now"] {
                let fields = [("name", "mine"), ("authenticator", id), ("old", old)];
                mine.post("/account/authenticators/new-phone", &fields).await.is(404);
            }
        }
        mine.get(&format!("/account/authenticators/remove?authenticator={id}"))
            .await
            .is(404)
            .never_says("iPad");
        mine.get("/account/authenticators/remove").await.is(404);
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_void_when_its_session_ends_and_in_a_new_epoch_and_after_half_an_hour() {
    World::on_both(|world| async move {
        world.person("root").enrolled().await;
        users::set_role(&world.app, "root", Role::Owner).await.unwrap();
        let ada = world.person("ada").enrolled().await;
        for end in ["logout", "others", "password", "role", "lock", "time", "idle"] {
            let (browser, other) = (signed_in(&ada).await, signed_in(&ada).await);
            let new = pending(&ada, &browser, "iPad").await;
            let back = browser.copy();
            match end {
                "logout" => {
                    browser.post("/logout", &[]).await.lands_on("/login");
                }
                "others" => {
                    let others = [("others", "on")];
                    other.post("/account/sessions", &others).await.lands_on("/account/sessions");
                }
                "password" => {
                    for password in ["difference of engines", PASSWORD] {
                        let fields = [("password", password)];
                        other.post("/account/password", &fields).await.lands_on("/account");
                    }
                }
                "role" => users::set_role(&world.app, "ada", Role::Admin).await.unwrap(),
                "lock" => {
                    users::disable(&world.app, "ada").await.unwrap();
                    users::enable(&world.app, "ada").await.unwrap();
                }
                "time" => {
                    // The session goes on for as long as somebody is there.
                    world.wait(1000);
                    browser.get("/").await.is(200);
                    world.wait(799);
                    browser.get("/enroll").await.is(200);
                    world.wait(1);
                    browser.get("/").await.is(200);
                }
                _ => world.wait(1800),
            }
            back.get("/enroll").await.is(410);
            back.get("/enroll/qr.png").await.is(410);
            back.post("/enroll", &[("otp", &new.code())]).await.is(410);
            world.wait(30);
            let shown = users::show(&world.app, "ada").await.unwrap();
            assert_eq!(shown.authenticators.len(), 1, "{end}");
        }
        signed_in(&ada).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_start_takes_the_place_of_the_first_and_meanwhile_the_old_ones_sign_in() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (here, there) = (signed_in(&ada).await, signed_in(&ada).await);
        let first = pending(&ada, &here, "iPad").await;
        signed_in(&ada).await;
        let second = pending(&ada, &there, "iPad").await;
        here.get("/enroll").await.is(410);
        for code in [first.code(), second.code()] {
            here.post("/enroll", &[("otp", &code)]).await.is(410);
        }
        there.post("/enroll", &[("otp", &first.code())]).await.is(422);
        // A recovery that begins voids it, too.
        let lost = ada.half_signed_in().await;
        lost.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[0])]).await.lands_on("/enroll");
        there.post("/enroll", &[("otp", &second.code())]).await.is(410);
        let third = pending(&ada, &there, "iPad").await;
        lost.get("/enroll").await.is(410);
        there.post("/enroll", &[("otp", &third.code())]).await.lands_on(LIST);
        assert_eq!(ids(&there).await.len(), 2);
        signed_in(&ada).await;
    })
    .await;
}

/// Two authenticators are removed at the same moment on two nodes, so many times over: one of them stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_are_removed_at_once_one_stays() {
    for (kind, rounds) in [(Kind::Sqlite, 20), (Kind::Postgres, 150)] {
        let world = World::on(kind).await;
        let other = world.another_node().await;
        let browser = world.browser();
        let ada = world.person("ada").enrolled_in(&browser).await;
        added(&ada, &browser, "iPad").await;
        let token = auth::Token::parse(&browser.cookie("latchkey").unwrap()).unwrap();
        let here = session::find(&world.app, &token).await.unwrap().unwrap();
        let there = session::find(&other.app, &token).await.unwrap().unwrap();
        let both: Vec<Id> = ids(&browser).await.into_iter().map(Id::new).collect();
        let records = world.records().await;
        for round in 0..rounds {
            let visit = Visit::default();
            let (one, two) = tokio::join!(
                tokio::spawn({
                    let (app, id, visit, here) =
                        (world.app.clone(), both[0].clone(), visit.clone(), here.clone());
                    async move { theirs::remove(&app, &here, id, &visit).await }
                }),
                tokio::spawn({
                    let (app, id, visit, there) =
                        (other.app.clone(), both[1].clone(), visit.clone(), there.clone());
                    async move { theirs::remove(&app, &there, id, &visit).await }
                }),
            );
            let outcomes = [one.unwrap(), two.unwrap()];
            let removed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let refused =
                outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::LastAuthenticator))).count();
            assert_eq!((removed, refused), (1, 1), "round {round} on {kind:?}: {outcomes:?}");
            assert_eq!(records.change("UPDATE authenticators SET retires_at = NULL, last_step = 0").await, 2);
        }
    }
}
