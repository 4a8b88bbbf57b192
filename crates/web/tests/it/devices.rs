//! Known browsers: listed, forgotten one by one and all others, and nobody can plant one.

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Person, World};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1";
const DEVICE: &str = "latchkey-device";

/// Signs in with this browser, whatever cookies it has.
async fn sign_in(ada: &Person, browser: &Browser) {
    browser.give_password(&ada.name, PASSWORD).await.lands_on("/login/code");
    browser.give_code(&ada.code()).await.lands_on("/");
    ada.world.wait(30);
}

async fn known(world: &World) -> i64 {
    world.records().await.number("SELECT count(*) FROM devices").await
}

/// The part of the page about known browsers, and the ids of those that can be forgotten.
async fn listed(browser: &Browser) -> (String, Vec<String>) {
    let page = browser.get("/account/sessions").await;
    let ids = page.is(200).values_of("browser");
    (page.text.split_once("Browsers that know you").expect("the list").1.to_owned(), ids)
}

async fn forget(browser: &Browser, fields: &[(&str, &str)]) {
    browser.post("/account/browsers", fields).await.lands_on("/account/sessions");
}

#[tokio::test]
async fn a_browser_is_known_after_a_whole_sign_in_and_stays_so_when_its_session_ends() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        assert_eq!(known(&world).await, 1, "the one that enrolled");
        let browser = world.browser().with("user-agent", FIREFOX).from("203.0.113.7");
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        browser.give_code(&ada.wrong_code()).await.is(422);
        assert_eq!((browser.cookie(DEVICE), known(&world).await), (None, 1));
        let seen = browser.give_code(&ada.code()).await;
        let cookie = seen.set_cookies().into_iter().find(|cookie| cookie.starts_with(DEVICE)).unwrap();
        assert!(cookie.contains("; Max-Age=31536000; HttpOnly; SameSite=Lax"), "{cookie}");
        world.wait(30);
        let (page, ids) = listed(&browser).await;
        assert!(
            page.contains("Firefox on Linux")
                && page.contains("203.0.113.7")
                && page.contains("this browser")
        );
        assert_eq!(ids.len(), 2, "this one and the one that enrolled: {page}");
        let token = browser.cookie(DEVICE);
        browser.post("/logout", &[]).await.lands_on("/login");
        assert_eq!((browser.cookie(DEVICE), known(&world).await), (token.clone(), 2));
        // The same again is the same browser, with the token it has.
        sign_in(&ada, &browser).await;
        assert_eq!((browser.cookie(DEVICE), known(&world).await), (token, 2));
        // It opens nothing by itself.
        let thief = world.browser();
        thief.set_cookie(DEVICE, &browser.cookie(DEVICE).unwrap());
        for path in ["/", "/account", "/login/code"] {
            thief.get(path).await.lands_on("/login");
        }
    })
    .await;
}

#[tokio::test]
async fn browsers_are_forgotten_one_by_one_and_all_others_and_by_their_person_only() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let phone = world.browser().with("user-agent", SAFARI);
        let desktop = world.browser().with("user-agent", FIREFOX);
        sign_in(&ada, &phone).await;
        sign_in(&ada, &desktop).await;
        let (page, ids) = listed(&desktop).await;
        assert!(page.contains("Safari on iPhone"));
        // This one, the phone, and the one that enrolled.
        assert_eq!((ids.len(), known(&world).await), (3, 3));

        let mine = world.browser();
        world.person("eve").enrolled_in(&mine).await;
        let before = world.dump().await;
        forget(&mine, &[("browser", &ids[1])]).await;
        forget(&mine, &[("others", "on")]).await;
        for odd in [&[][..], &[("browser", "")], &[("others", "off")], &[("browser", "x"), ("others", "on")]]
        {
            desktop.post("/account/browsers", odd).await.is(422);
        }
        world.dump().await.is_still(&before);

        let safari = ids[1].clone();
        forget(&desktop, &[("browser", &safari)]).await;
        forget(&desktop, &[("browser", &safari)]).await;
        let (page, ids) = listed(&desktop).await;
        assert!(!page.contains("Safari on iPhone") && ids.len() == 2);
        // Forgotten is not signed out, and a later sign-in makes it known by another token.
        phone.get("/").await.is(200);
        let token = phone.cookie(DEVICE);
        sign_in(&ada, &phone).await;
        assert_ne!(phone.cookie(DEVICE), token);
        forget(&desktop, &[("others", "on")]).await;
        assert_eq!((listed(&desktop).await.1.len(), known(&world).await), (1, 2), "this one, and eve's");
        let forgotten = "SELECT count(*) FROM events WHERE kind = 'browser.forgotten'";
        assert_eq!(world.records().await.number(forgotten).await, 2);
    })
    .await;
}

#[tokio::test]
async fn another_password_and_a_recovery_forget_browsers() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (here, there) = (signed_in(&ada).await, signed_in(&ada).await);
        here.post("/account/password", &[("password", "difference of engines")]).await.lands_on("/account");
        here.post("/account/password", &[("password", PASSWORD)]).await.lands_on("/account");
        let (page, ids) = listed(&here).await;
        assert!(page.contains("this browser") && ids.len() == 1);
        assert_eq!(known(&world).await, 1);
        sign_in(&ada, &there).await;
        assert_eq!(known(&world).await, 2);

        let lost = ada.half_signed_in().await;
        lost.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[0])]).await.lands_on("/enroll");
        assert_eq!(known(&world).await, 2);
        let mut new = ada.clone();
        new.scan(&lost).await;
        lost.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
        assert_eq!((known(&world).await, listed(&lost).await.1.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_token_that_somebody_planted_is_not_adopted() {
    World::on_both(|world| async move {
        let eves = world.browser();
        world.person("eve").enrolled_in(&eves).await;
        let ada = world.person("ada").enrolled().await;
        let before = known(&world).await;
        let planted = eves.cookie(DEVICE).unwrap();
        let unknown = auth::Random::Os.token().reveal();
        for token in [planted.as_str(), &unknown, "x", ""] {
            let hers = world.browser();
            hers.set_cookie(DEVICE, token);
            sign_in(&ada, &hers).await;
            assert_ne!(hers.cookie(DEVICE).as_deref(), Some(token));
            // The one who knows the old token is no known browser of hers: fast clocks are not told to it.
            let thief = world.browser();
            thief.set_cookie(DEVICE, token);
            thief.give_password("ada", PASSWORD).await.lands_on("/login/code");
            let ahead = ada.code_at(world.clock.now().seconds() + 120);
            thief.give_code(&ahead).await.is(422).never_says("2 minutes ahead");
            hers.post("/logout", &[]).await.lands_on("/login");
            hers.give_password("ada", PASSWORD).await.lands_on("/login/code");
            hers.give_code(&ahead).await.is(422).says("2 minutes ahead");
            hers.give_code(&ada.code()).await.lands_on("/");
            world.wait(300);
        }
        assert_eq!(known(&world).await, before + 4);
        // Nobody is known by the planted one any more: the browser has one token for both.
        let mac = "SELECT count(*) FROM devices d JOIN devices e ON d.token_mac = e.token_mac AND d.user_id <> e.user_id";
        assert_eq!(world.records().await.number(mac).await, 2);
    })
    .await;
}

#[tokio::test]
async fn twenty_are_kept_at_most_and_a_year_at_most() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let first = signed_in(&ada).await;
        for _ in 0..18 {
            signed_in(&ada).await;
        }
        assert_eq!(known(&world).await, 20);
        // The one that was used longest ago goes: not the first, which is used again.
        first.post("/logout", &[]).await.lands_on("/login");
        sign_in(&ada, &first).await;
        signed_in(&ada).await;
        signed_in(&ada).await;
        assert_eq!(known(&world).await, 20);
        let (page, ids) = listed(&first).await;
        assert!(page.contains("this browser") && ids.len() == 20, "{page}");
        world.wait(365 * 24 * 3600);
        let token = first.cookie(DEVICE);
        sign_in(&ada, &first).await;
        assert_ne!(first.cookie(DEVICE), token, "a year is over");
        assert_eq!(listed(&first).await.1.len(), 1);
    })
    .await;
}
