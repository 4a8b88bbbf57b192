//! A hundred wrong guesses in a row: the front door closes for browsers that nobody knows, and for them alone; who opens it, and
//! what never does.

use auth::link::{self, Purpose};
use auth::{chores, users};

use crate::login::face;
use crate::world::{Browser, PASSWORD, Person, Seen, World, path_of};

const DAY: i64 = 24 * 3600;
const CLOSED: &str = "Too many wrong tries from browsers we do not know. Sign in from a browser you have used before, or ask the person who runs this server for a link.";
const COUNTED: &str =
    "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM events WHERE kind = 'sign_in.door_closed'";

/// What stands at the door: a password, or under the other policy a code.
async fn guess(browser: &Browser, by_code: bool, name: &str, secret: &str) -> Seen {
    match by_code {
        false => browser.give_password(name, secret).await,
        true => browser.give_name_and_code(name, secret).await,
    }
}

/// What is right there, and what is not.
fn secrets(ada: &Person, by_code: bool) -> (String, String) {
    match by_code {
        false => (PASSWORD.to_owned(), "not the password".to_owned()),
        true => (ada.code(), ada.wrong_code()),
    }
}

/// Strangers come to a hundred, as if they had guessed ninety-nine times before.
async fn close(world: &World, by_code: bool, ada: &Person, name: &str) {
    let wrong = secrets(ada, by_code).1;
    guess(&world.browser(), by_code, name, &wrong).await.is(422);
    let records = world.records().await;
    records.change("UPDATE attempts SET in_row = 99, free_at = 0 WHERE in_row > 0 AND in_row < 99").await;
    guess(&world.browser(), by_code, name, &wrong).await.is(422);
}

#[track_caller]
fn is_closed(seen: &Seen) {
    seen.is(429).says(CLOSED);
    assert_eq!(seen.header("retry-after"), "", "waiting does not help");
}

async fn enrolled(world: &World, by_code: bool, name: &str) -> (Person, Browser) {
    let browser = world.browser();
    let person = match by_code {
        false => world.person(name).enrolled_in(&browser).await,
        true => world.person(name).enrolled_by_code_in(&browser).await,
    };
    browser.post("/logout", &[]).await.lands_on("/login");
    world.wait(30);
    (person, browser)
}

async fn signs_in(browser: &Browser, by_code: bool, ada: &Person) {
    let (right, _) = secrets(ada, by_code);
    let seen = guess(browser, by_code, &ada.name, &right).await;
    if !by_code {
        seen.lands_on("/login/code");
        browser.give_code(&ada.code()).await.lands_on("/");
    } else {
        seen.lands_on("/");
    }
    browser.post("/logout", &[]).await.lands_on("/login");
    ada.world.wait(30);
}

async fn the_whole_hundred(world: World, by_code: bool) {
    let (ada, known) = enrolled(&world, by_code, "x-ada").await;
    let (_, wrong) = secrets(&ada, by_code);
    for tried in 1..=100 {
        for name in ["x-ada", "x-bob"] {
            guess(&world.browser(), by_code, name, &wrong).await.is(422);
        }
        world.wait(3600);
        if tried % 30 == 0 {
            chores::once(&world.app).await.unwrap();
            world.wait(DAY);
        }
    }
    // One for ada, one for a name that nobody has; and that name is not written down.
    let records = world.records().await;
    assert_eq!(records.number(COUNTED).await, 2);
    let whose = "SELECT name FROM events WHERE kind = 'sign_in.door_closed' ORDER BY name";
    assert_eq!(records.texts(whose).await, ["", "x-ada"]);
    assert!(users::show(&world.app, "x-ada").await.unwrap().door_closed);

    // Nothing is written for it and waiting opens nothing, whoever it is; the right guess is not heard either.
    world.wait(100 * DAY);
    chores::once(&world.app).await.unwrap();
    let before = world.dump().await;
    for accept in ["text/html", "application/json"] {
        let mut faces = Vec::new();
        for (name, secret) in
            [("x-ada", secrets(&ada, by_code).0), ("x-ada", wrong.clone()), ("x-bob", wrong.clone())]
        {
            let seen = guess(&world.browser().with("accept", accept), by_code, name, &secret).await;
            is_closed(&seen);
            faces.push(face(&seen, name));
        }
        assert!(faces.windows(2).all(|pair| pair[0] == pair[1]), "{faces:#?}");
    }
    world.dump().await.is_still(&before);

    // Where ada has signed in before, nothing is noticed of it; and that opens the door.
    signs_in(&known, by_code, &ada).await;
    assert!(!users::show(&world.app, "x-ada").await.unwrap().door_closed);
    signs_in(&world.browser(), by_code, &ada).await;
    is_closed(&guess(&world.browser(), by_code, "x-bob", &wrong).await);
}

#[tokio::test]
async fn a_hundred_wrong_passwords_in_a_row_close_the_door_for_browsers_that_nobody_knows() {
    World::on_both(|world| the_whole_hundred(world, false)).await;
}

#[tokio::test]
async fn a_hundred_wrong_codes_without_a_password_do_the_same() {
    World::on_both_by_code(|world| the_whole_hundred(world, true)).await;
}

#[tokio::test]
async fn it_is_said_in_the_activity_of_whose_door_it_is() {
    World::on_both(|world| async move {
        let (ada, known) = enrolled(&world, false, "ada").await;
        close(&world, false, &ada, "ada").await;
        known.give_password("ada", PASSWORD).await.lands_on("/login/code");
        known.give_code(&ada.code()).await.lands_on("/");
        let page = known.get("/account/activity").await;
        page.is(200).says("A hundred wrong tries from unknown browsers: only known ones are let in");
        let german = known.with("accept-language", "de").get("/account/activity").await;
        german.says("Hundert falsche Versuche aus unbekannten Browsern");
        is_closed_in_german(&world).await;
    })
    .await;
}

async fn is_closed_in_german(world: &World) {
    let bob = world.person("bob");
    for _ in 0..2 {
        bob.world.browser().give_password("bob", "not the password").await.is(422);
        let records = world.records().await;
        records.change("UPDATE attempts SET in_row = 99 WHERE in_row = 1").await;
    }
    let seen = world.browser().with("accept-language", "de").give_password("bob", "x").await;
    seen.is(429).says("Zu viele falsche Versuche aus Browsern, die wir nicht kennen.");
}

#[tokio::test]
async fn whoever_runs_the_place_opens_it_by_a_link_or_at_once() {
    World::on_both(|world| async move {
        let (mut ada, _) = enrolled(&world, false, "ada").await;
        close(&world, false, &ada, "ada").await;
        users::enable(&world.app, "ada").await.unwrap();
        signs_in(&world.browser(), false, &ada).await;

        for reset in [false, true] {
            close(&world, false, &ada, "ada").await;
            is_closed(&world.browser().give_password("ada", PASSWORD).await);
            let made = match reset {
                false => link::make(&world.app, "ada", Purpose::Enroll).await.unwrap(),
                true => link::reset_factor(&world.app, "ada").await.unwrap(),
            };
            // Strangers go on, and keep the name resting: whoever holds the link is not concerned.
            for _ in 0..6 {
                world.browser().give_password("ada", "not the password").await;
            }
            world.browser().give_password("ada", PASSWORD).await.is(429);
            let browser = world.browser();
            browser.post(&path_of(&made), &[("password", PASSWORD)]).await.lands_on("/enroll");
            ada.scan(&browser).await;
            browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
            world.wait(30);
            signs_in(&world.browser(), false, &ada).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_has_tries_of_its_own_and_they_rest_too() {
    World::on_both(|world| async move {
        enrolled(&world, false, "ada").await;
        let path = path_of(&link::make(&world.app, "ada", Purpose::Enroll).await.unwrap());
        for _ in 0..5 {
            world.browser().post(&path, &[("password", "not the password")]).await.is(422);
        }
        let seen = world.browser().post(&path, &[("password", PASSWORD)]).await;
        assert_eq!((seen.status.as_u16(), seen.header("retry-after").as_str()), (429, "30"));
        world.browser().give_password("ada", PASSWORD).await.lands_on("/login/code");
        world.wait(30);
        world.browser().post(&path, &[("password", PASSWORD)]).await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn a_recovery_opens_it_once_it_is_confirmed() {
    World::on_both_by_code(|world| async move {
        let (mut ada, _) = enrolled(&world, true, "ada").await;
        close(&world, true, &ada, "ada").await;
        let browser = world.browser();
        let fields = [("username", "ada"), ("recovery_code", ada.recovery_codes[0].as_str())];
        browser.post("/login/recovery", &fields).await.lands_on("/enroll");
        is_closed(&world.browser().give_name_and_code("ada", &ada.code()).await);
        ada.scan(&browser).await;
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        world.wait(30);
        signs_in(&world.browser(), true, &ada).await;
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_in_a_known_browser_opens_the_door_but_ends_no_waiting_and_a_right_guess_counts_nothing() {
    World::on_both(|world| async move {
        let (ada, known) = enrolled(&world, false, "ada").await;
        for _ in 0..5 {
            world.browser().give_password("ada", "not the password").await.is(422);
        }
        let row = "SELECT in_row FROM attempts WHERE kind = 'password'";
        assert_eq!(world.records().await.number(row).await, 5);
        known.give_password("ada", PASSWORD).await.lands_on("/login/code");
        known.give_code(&ada.code()).await.lands_on("/");
        assert_eq!(world.records().await.number(row).await, 0);
        let seen = world.browser().give_password("ada", PASSWORD).await;
        assert_eq!((seen.status.as_u16(), seen.header("retry-after").as_str()), (429, "30"));

        world.wait(30);
        for _ in 0..120 {
            world.browser().give_password("ada", PASSWORD).await.lands_on("/login/code");
        }
        assert_eq!(world.records().await.number(row).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_was_tried_before_it_was_anybodys_begins_with_an_open_door() {
    World::on_both(|world| async move {
        let ada = world.person("ada");
        for _ in 0..2 {
            ada.world.browser().give_password("ada", "not the password").await.is(422);
            world
                .records()
                .await
                .change("UPDATE attempts SET in_row = 99, free_at = 0 WHERE in_row = 1")
                .await;
        }
        is_closed(&world.browser().give_password("ada", PASSWORD).await);
        let (ada, _) = enrolled(&world, false, "ada").await;
        signs_in(&world.browser(), false, &ada).await;
    })
    .await;
}
