//! Sessions: how long they last, what ends them, and that nobody can plant one.

use auth::{Role, users};

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Person, World};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

async fn is_in(browser: &Browser) -> bool {
    let seen = browser.get("/").await;
    assert!(seen.status == 200 || seen.header("location") == "/login", "{}", seen.text);
    seen.status == 200
}

/// Signs in with "keep me signed in".
async fn kept(ada: &Person) -> Browser {
    let browser = ada.world.browser();
    let fields = [("username", "ada"), ("password", PASSWORD), ("keep", "on")];
    browser.post("/login", &fields).await.lands_on("/login/code");
    let seen = browser.give_code(&ada.code()).await;
    seen.lands_on("/");
    let session = seen.set_cookies().into_iter().find(|cookie| cookie.starts_with("latchkey=")).unwrap();
    assert!(session.contains("; Max-Age=2592000;"), "{session}");
    browser
}

#[tokio::test]
async fn a_session_is_over_when_nobody_was_there_for_half_an_hour() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (used, unused) = (signed_in(&ada).await, signed_in(&ada).await);
        world.wait(29 * MINUTE - 30);
        assert!(is_in(&used).await);
        world.wait(MINUTE + 30);
        assert!(is_in(&used).await);
        assert!(!is_in(&unused).await);
        world.wait(30 * MINUTE);
        assert!(!is_in(&used).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_over_after_twelve_hours_however_busy_it_was() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        let began = world.clock.now().seconds() - 30;
        while world.clock.now().seconds() + 20 * MINUTE < began + 12 * HOUR {
            world.wait(20 * MINUTE);
            assert!(is_in(&browser).await);
        }
        world.wait(began + 12 * HOUR - 1 - world.clock.now().seconds());
        assert!(is_in(&browser).await);
        world.wait(1);
        assert!(!is_in(&browser).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_kept_lasts_thirty_days() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (quiet, busy) = (kept(&ada).await, {
            world.wait(30);
            kept(&ada).await
        });
        for _ in 0..29 {
            world.wait(DAY);
            assert!(is_in(&busy).await);
        }
        world.wait(DAY - 31);
        assert!(is_in(&quiet).await);
        world.wait(1);
        assert!(!is_in(&quiet).await, "thirty days have passed");
        assert!(is_in(&busy).await);
        world.wait(30);
        assert!(!is_in(&busy).await, "being there does not make them more");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_not_kept_goes_with_the_browser() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let seen = ada.half_signed_in().await.give_code(&ada.code()).await;
        let session = seen.set_cookies().into_iter().find(|cookie| cookie.starts_with("latchkey=")).unwrap();
        assert!(!session.contains("Max-Age") && !session.contains("Expires"), "{session}");
    })
    .await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, other) = (signed_in(&ada).await, signed_in(&ada).await);
        let copy = browser.copy();
        browser.post("/logout", &[]).await.lands_on("/login");
        assert_eq!(browser.cookie("latchkey"), None);
        assert!(!is_in(&copy).await);
        assert!(is_in(&other).await, "the other browser is none of its business");
        copy.post("/logout", &[]).await.lands_on("/login");
    })
    .await;
}

#[tokio::test]
async fn every_step_up_gets_a_new_token_and_none_that_was_planted() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let planted = auth::Random::Os.token().reveal();
        let (browser, thief) = (world.browser(), world.browser());
        for cookie in ["latchkey", "latchkey-login", "latchkey-enroll"] {
            browser.set_cookie(cookie, &planted);
            thief.set_cookie(cookie, &planted);
        }
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        assert_ne!(browser.cookie("latchkey-login").unwrap(), planted);
        thief.get("/login/code").await.lands_on("/login");
        browser.give_code(&ada.code()).await.lands_on("/");
        assert_ne!(browser.cookie("latchkey").unwrap(), planted);
        assert!(!is_in(&thief).await);

        let newcomer = world.browser();
        newcomer.set_cookie("latchkey-enroll", &planted);
        newcomer.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        assert_ne!(newcomer.cookie("latchkey-enroll").unwrap(), planted);
        thief.get("/enroll").await.is(410);

        // A token of one kind is worth nothing as another.
        for (from, to) in
            [("latchkey-login", "latchkey"), ("latchkey-enroll", "latchkey"), ("latchkey", "latchkey-login")]
        {
            let (half, swapped) = (ada.half_signed_in().await, world.browser());
            let token = half.cookie(from).or_else(|| newcomer.cookie(from)).or_else(|| browser.cookie(from));
            swapped.set_cookie(to, &token.unwrap());
            assert!(!is_in(&swapped).await);
            swapped.get("/login/code").await.lands_on("/login");
        }
    })
    .await;
}

#[tokio::test]
async fn each_sign_in_has_a_token_of_its_own_and_leaves_no_older_session_behind() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        let (first, before) = (browser.cookie("latchkey"), browser.copy());
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        browser.give_code(&ada.code()).await.lands_on("/");
        assert_ne!(browser.cookie("latchkey"), first);
        assert!(is_in(&browser).await);
        assert!(!is_in(&before).await);
    })
    .await;
}

#[tokio::test]
async fn two_cookies_of_one_name_are_none() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        let good = browser.cookie("latchkey").unwrap();
        for both in [
            format!("latchkey={good}; latchkey=other"),
            format!("latchkey=other; latchkey={good}"),
            format!("\u{2000}latchkey={good}"),
            format!("$Version=1, latchkey={good}"),
            format!("LATCHKEY={good}"),
        ] {
            let odd = world.browser().with_bytes("cookie", both.as_bytes());
            assert!(!is_in(&odd).await, "{both}");
        }
        assert!(is_in(&world.browser().with("cookie", &format!("a=b; latchkey={good}; c=d"))).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_of_an_older_epoch_is_over() {
    World::on_both(|world| async move {
        world.person("root").enrolled().await;
        users::set_role(&world.app, "root", Role::Owner).await.unwrap();
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        users::set_role(&world.app, "ada", Role::User).await.unwrap();
        assert!(is_in(&browser).await, "no change is none");
        users::set_role(&world.app, "ada", Role::Admin).await.unwrap();
        assert!(!is_in(&browser).await);

        let browser = signed_in(&ada).await;
        browser.get("/").await.says("Administrator");
        users::disable(&world.app, "ada").await.unwrap();
        assert!(!is_in(&browser).await);
        users::enable(&world.app, "ada").await.unwrap();
        assert!(!is_in(&browser).await, "what was ended stays ended");
    })
    .await;
}

#[tokio::test]
async fn what_one_node_ends_is_over_on_the_other() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        for end in 0..3 {
            let here = signed_in(&ada).await;
            let there = here.copy().at(&other);
            assert!(is_in(&there).await);
            match end {
                0 => drop(here.post("/logout", &[]).await),
                1 => users::set_role(&world.app, "ada", Role::Admin).await.unwrap(),
                _ => users::disable(&other.app, "ada").await.unwrap(),
            }
            assert!(!is_in(&there).await && !is_in(&here).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_begun_on_one_node_is_completed_on_the_other() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await.at(&other);
        browser.give_code(&ada.code()).await.lands_on("/");
        assert!(is_in(&browser).await && is_in(&browser.at(&world)).await);
    })
    .await;
}
