//! A clock that jumps: it spends nothing that is still to come, makes nothing right that is over, and keeps nobody out for
//! longer than it lasts.

use auth::{Clock, chores};
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

const HOUR: i64 = 3600;

/// No code is judged now, and the node says that it is not ready, and why.
async fn judges_nothing(world: &World, seen: &Seen) {
    seen.is(503);
    assert_eq!(seen.header("retry-after"), "10");
    world.browser().get("/readyz").await.is(503).says("this machine's clock has jumped by");
    world.browser().get("/livez").await.is(200);
}

/// Signs in with what the phone shows now; a second time it is refused.
async fn signs_in_once(ada: &Person) {
    let (browser, again) = (ada.half_signed_in().await, ada.half_signed_in().await);
    let code = ada.code();
    browser.give_code(&code).await.lands_on("/");
    again.give_code(&code).await.refuses_with("That code has been used already. Wait for the next one.");
}

#[tokio::test]
async fn after_an_hour_ahead_for_a_minute_all_twenty_sign_in_at_once() {
    World::on_both(|world| async move {
        let mut people = Vec::new();
        for n in 0..20 {
            people.push(world.person(&format!("ada{n}")).enrolled().await);
        }
        world.wait(30);
        let steps = "SELECT sum(last_step) FROM authenticators";
        let sum = format!("SELECT CAST(({steps}) AS BIGINT)");
        let spent = world.records().await.number(&sum).await;

        // So that what was begun lasts over the hour that was none.
        let mut half = Vec::new();
        for ada in &people {
            half.push(ada.half_signed_in().await);
        }
        world.records().await.change("UPDATE logins SET expires_at = 4102444800000").await;

        world.clock.set(HOUR);
        for (ada, browser) in people.iter().zip(&half) {
            world.wait(3);
            // Neither the code of the wrong time nor that of the right one, neither a password nor a recovery code.
            let right = ada.code_at(world.clock.now().seconds() - HOUR);
            for code in [&ada.code(), &right] {
                judges_nothing(&world, &browser.give_code(code).await).await;
            }
            judges_nothing(&world, &world.browser().give_password(&ada.name, PASSWORD).await).await;
        }
        assert_eq!(world.records().await.number(&sum).await, spent, "nothing was spent");
        let tried = "SELECT CAST(coalesce(sum(failures), 0) AS BIGINT) FROM attempts";
        assert_eq!(world.records().await.number(tried).await, 0, "nobody was charged");
        // What seems to be over is not swept away.
        let before = world.dump().await;
        assert!(chores::once(&world.app).await.is_err());
        world.dump().await.is_still(&before);

        // Twenty seconds for all of them.
        world.clock.set(-HOUR);
        for ada in &people {
            world.wait(1);
            signs_in_once(ada).await;
        }
        chores::once(&world.app).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_hour_back_during_a_sign_in_makes_no_old_code_right() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let an_hour_ago = ada.code();
        signs_in_once(&ada).await;
        world.wait(HOUR);
        let unused = ada.code_at(world.clock.now().seconds() - HOUR + 30);
        let browser = ada.half_signed_in().await;

        world.clock.set(-HOUR);
        for code in [&an_hour_ago, &unused, &ada.code(), &ada.code_at(world.clock.now().seconds() + HOUR)] {
            judges_nothing(&world, &browser.give_code(code).await).await;
        }
        world.clock.set(HOUR);
        for code in [&an_hour_ago, &unused] {
            browser.give_code(code).await.is(422);
        }
        browser.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_judged_by_a_clock_that_has_jumped_whatever_it_is() {
    World::on_both(|world| async move {
        let at_home = world.browser();
        let ada = world.person("ada").enrolled_in(&at_home).await;
        let (enrolling, mut eve) = (world.browser(), world.person("eve"));
        enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        eve.scan(&enrolling).await;
        let link = auth::link::make(&world.app, "ada", auth::link::Purpose::Password).await.unwrap();
        let link = crate::world::path_of(&link);
        let half = ada.half_signed_in().await;
        world.clock.set(60);
        let recovery = ada.recovery_codes[0].as_str();
        for (browser, path, fields) in [
            (&half, "/login/recovery", vec![("recovery_code", recovery)]),
            (&world.browser(), "/login", vec![("username", "ada"), ("password", PASSWORD)]),
            (&world.browser(), "/register", vec![("username", "bob"), ("password", PASSWORD)]),
            (&at_home, "/account/prove", vec![("password", PASSWORD), ("otp", ada.code().as_str())]),
            (&enrolling, "/enroll", vec![("otp", eve.code().as_str())]),
            (&world.browser(), &link, vec![("password", "difference of engines"), ("otp", &ada.code())]),
        ] as [(&Browser, &str, Vec<(&str, &str)>); 6]
        {
            browser.post(path, &fields).await.is(503);
        }
        world.clock.set(-60);
        half.post("/login/recovery", &[("recovery_code", recovery)]).await.lands_on("/enroll");
        enrolling.post("/enroll", &[("otp", &eve.code())]).await.lands_on("/enroll/recovery-codes");
    })
    .await;
}

#[tokio::test]
async fn a_time_that_holds_for_five_minutes_is_believed() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for off in [HOUR, 2 * HOUR] {
            let browser = ada.half_signed_in().await;
            world.records().await.change("UPDATE logins SET expires_at = 4102444800000").await;
            world.clock.set(off);
            judges_nothing(&world, &browser.give_code(&ada.code()).await).await;
            world.wait(299);
            judges_nothing(&world, &browser.give_code(&ada.code()).await).await;
            world.wait(1);
            world.browser().get("/readyz").await;
            browser.give_code(&ada.code()).await.lands_on("/");
        }
    })
    .await;
}

#[tokio::test]
async fn one_of_two_instances_whose_clock_is_not_the_databases_accepts_nothing() {
    let begun = World::on(Kind::Postgres).await;
    let right = begun.node_with(Clock::Off(0)).await;
    let ada = right.person("ada");
    let ada = ada.enrolled_in(&right.browser()).await;
    let half = ada.half_signed_in().await;
    for off in [90_000, -90_000] {
        let wrong = begun.node_with(Clock::Off(off)).await;
        let browser = half.at(&wrong);
        let now = wrong.clock.now().seconds();
        for code in [ada.code_at(now), ada.code_at(now + 30), ada.code_at(right.clock.now().seconds() + 30)] {
            browser.give_code(&code).await.is(503);
        }
        let why = "this machine's clock and the database's are";
        wrong.browser().get("/readyz").await.is(503).says(why);
    }
    right.browser().get("/readyz").await.is(200);
    // The code that confirmed is spent, so it is the next one that signs in.
    let browser = ada.half_signed_in().await;
    browser.give_code(&ada.code_at(right.clock.now().seconds() + 30)).await.lands_on("/");
}
