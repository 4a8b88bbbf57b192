//! Whatever strangers send, the database stays small, and nobody is kept out by it who has been let in before.

use auth::link::{self, Purpose};
use auth::{Cost, Role, chores, setup, users};
use store::Kind;
use tokio::task::JoinSet;

use crate::world::{Browser, PASSWORD, Person, World, by_code, path_of};

const MEGABYTE: i64 = 1_000_000;

/// How large the database is, without what is free in it.
async fn size(world: &World) -> i64 {
    world
        .records()
        .await
        .number("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        .await
}

async fn rows(world: &World, table: &str) -> i64 {
    world.records().await.number(&format!("SELECT count(*) FROM {table}")).await
}

/// The address of a stranger: each has a neighborhood of their own, in either world.
fn address(n: u32) -> String {
    match n % 2 {
        0 => format!("2001:db8:{:x}:{:x}::{:x}", n >> 16, n & 0xffff, n % 7),
        _ => format!("11.{}.{}.9", (n >> 8) & 0xff, n & 0xff),
    }
}

/// What a stranger does.
#[derive(Clone, Copy, PartialEq)]
enum Deed {
    Password,
    Code,
    Recovery,
    Register,
}

/// Does it with a name that nobody else uses, and from an address of its own.
async fn deed(browser: Browser, what: Deed, n: u32) {
    let (browser, name) = (browser.from(&address(n)), format!("stranger-{n}"));
    let seen = match what {
        Deed::Password => browser.give_password(&name, "not the password").await,
        Deed::Code => browser.give_name_and_code(&name, "000000").await,
        Deed::Recovery => {
            let fields = [("username", name.as_str()), ("recovery_code", "abcd-efgh-jkmn-pqrs")];
            browser.post("/login/recovery", &fields).await
        }
        Deed::Register => browser.post("/register", &[("username", &name), ("password", PASSWORD)]).await,
    };
    assert!(matches!(seen.status.as_u16(), 422 | 303 | 503), "{}: {}", seen.status, seen.text);
}

/// Ten minutes of it, so many a minute, with the chores between them.
async fn ten_minutes(world: &World, deeds: &[Deed], a_minute: u32) {
    // Only so many registrations may wait for a hash, and those that are sent away leave nothing behind.
    let at_once = if deeds.contains(&Deed::Register) { 4 } else { 32 };
    for minute in 0..10 {
        let mut crowd = JoinSet::new();
        for n in 0..a_minute {
            let what = deeds[usize::try_from(n).unwrap() % deeds.len()];
            crowd.spawn(deed(world.browser(), what, minute * a_minute + n));
            if crowd.len() == at_once {
                crowd.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(done) = crowd.join_next().await {
            done.unwrap();
        }
        // No more than the bound and what may come on top, also before the chores.
        assert!(rows(world, "attempts").await <= 1024 + 256 + 1, "{}", rows(world, "attempts").await);
        world.wait(60);
        chores::once(&world.app).await.unwrap();
    }
    assert!(rows(world, "attempts").await <= 1024 + 1);
    assert!(rows(world, "quotas").await <= 512);
    assert!(rows(world, "registrations").await <= 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_of_wrong_passwords_for_any_name_from_anywhere_cost_less_than_a_megabyte() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let before = size(&world).await;
    ten_minutes(&world, &[Deed::Password], 600).await;
    let grown = size(&world).await - before;
    println!("6000 wrong passwords: {grown} bytes, {} events", rows(&world, "events").await);
    assert!(grown < MEGABYTE, "{grown}");
    // Every one is counted, in few rows.
    let counted = "SELECT CAST(sum(count) AS BIGINT) FROM events WHERE kind = 'sign_in.password_wrong'";
    assert_eq!(world.records().await.number(counted).await, 6000);
    let many = "SELECT CAST(sum(count) AS BIGINT) FROM events WHERE kind = 'sign_in.password_wrong' AND address = 'many addresses'";
    assert_eq!(world.records().await.number(many).await, 6000 - 160);
    ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_ten_minutes_of_codes_and_recovery_codes_where_a_code_is_enough() {
    let world = World::with(Kind::Sqlite, by_code).await;
    let ada = world.person("ada").enrolled_by_code().await;
    let before = size(&world).await;
    ten_minutes(&world, &[Deed::Code, Deed::Recovery], 600).await;
    let grown = size(&world).await - before;
    println!("3000 codes and 3000 recovery codes: {grown} bytes, {} events", rows(&world, "events").await);
    assert!(grown < MEGABYTE, "{grown}");
    world.browser().give_name_and_code("ada", &ada.code()).await.lands_on("/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_ten_minutes_of_registrations() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let before = size(&world).await;
    ten_minutes(&world, &[Deed::Register], 250).await;
    let grown = size(&world).await - before;
    println!("2500 registrations: {grown} bytes, {} events", rows(&world, "events").await);
    assert!(grown < MEGABYTE, "{grown}");
    ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_ten_minutes_of_each_right_behind_the_other() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let before = size(&world).await;
    ten_minutes(&world, &[Deed::Register], 250).await;
    assert_eq!(rows(&world, "registrations").await, 1000, "as many as there may be");
    ten_minutes(&world, &[Deed::Password], 300).await;
    let grown = size(&world).await - before;
    println!("2500 registrations and 3000 wrong passwords: {grown} bytes");
    assert!(grown < MEGABYTE, "{grown}");
    ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
}

#[tokio::test]
async fn of_a_hundred_thousand_names_that_nobody_has_a_thousand_are_remembered_and_everybody_of_the_house() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for _ in 0..2 {
            world.browser().give_password("ada", "not the password").await.is(422);
        }
        world.browser().give_password("nobody", "not the password").await.is(422);
        let records = world.records().await;
        let now = world.clock.now().millis();
        // Two of them are closed or rest, and the two names above were tried before all of them.
        let flood = format!(
            "INSERT INTO attempts (kind, name_mac, failures, free_at, tried_at, in_row, of_user)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
             SELECT 'password', 'stranger ' || CAST(n AS TEXT), 1,
                    CASE WHEN n = 7 THEN {now} + 3600000 ELSE {now} END, {now} + n,
                    CASE WHEN n = 8 THEN 100 ELSE 1 END, FALSE FROM n"
        );
        assert_eq!(records.change(&flood).await, 100_000);
        records
            .change(&format!(
                "INSERT INTO quotas (kind, address, used, began_at)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
             SELECT 'registration', 'address ' || CAST(n AS TEXT), 1, {now} + n FROM n"
            ))
            .await;
        // One registration is enough to bound what is remembered of addresses.
        let newcomer = world.browser().from("203.0.113.9");
        newcomer.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        assert_eq!(rows(&world, "quotas").await, 512);

        chores::once(&world.app).await.unwrap();
        assert_eq!(rows(&world, "attempts").await, 1024 + 1);
        let kept = |which: &str| format!("SELECT count(*) FROM attempts WHERE {which}");
        assert_eq!(
            records.number(&kept("of_user = TRUE AND in_row = 2")).await,
            1,
            "ada's tries are remembered"
        );
        assert_eq!(records.number(&kept("name_mac IN ('stranger 7', 'stranger 8')")).await, 2);
        assert_eq!(records.number(&kept("name_mac = 'stranger 100000'")).await, 1);
        assert_eq!(records.number(&kept("name_mac = 'stranger 90000'")).await, 0);
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

/// Two hundred strangers who know the name, each from an address of their own, and the victim in a browser that is known.
async fn twenty_times(world: World, codes_alone: bool) {
    let (browser, ada) = (world.browser(), world.person("ada"));
    let ada = match codes_alone {
        false => ada.enrolled_in(&browser).await,
        true => ada.enrolled_by_code_in(&browser).await,
    };
    browser.post("/logout", &[]).await.lands_on("/login");
    for round in 0..20 {
        world.wait(30);
        strangers(&world, &ada).await;
        if round >= 10 {
            // From here on the door is closed each time.
            let closed = "UPDATE attempts SET in_row = 100 WHERE kind IN ('password', 'code_alone')";
            assert!(world.records().await.change(closed).await > 0);
            assert!(users::show(&world.app, "ada").await.unwrap().door_closed);
        }
        if codes_alone {
            browser.give_name_and_code("ada", &ada.code()).await.lands_on("/");
        } else {
            browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
            browser.give_code(&ada.code()).await.lands_on("/");
        }
        browser.post("/logout", &[]).await.lands_on("/login");
    }
    let records = world.records().await;
    assert_eq!(records.number("SELECT wrong_codes FROM users").await, 0);
    assert_eq!(records.number("SELECT count(*) FROM attempts WHERE kind = 'code'").await, 0);
}

async fn strangers(world: &World, ada: &Person) {
    let mut crowd = JoinSet::new();
    let code = ada.wrong_code();
    for n in 0..200 {
        let (browser, code) = (world.browser().from(&address(n)), code.clone());
        crowd.spawn(async move {
            browser.give_password("ada", "not the password").await;
            browser.give_name_and_code("ada", &code).await;
            browser.give_code(&code).await;
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_known_browser_signs_in_twenty_times_of_twenty_whatever_strangers_guess() {
    World::on_both(|world| twenty_times(world, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_where_a_code_is_enough() {
    World::on_both_by_code(|world| twenty_times(world, true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_dead_link_nor_a_closed_door_nor_a_resting_code_costs_a_hash_or_a_write() {
    let dear = |config: &mut auth::Config| config.password_cost = Cost { memory_kib: 65_536, passes: 4 };
    let world = World::with(Kind::Sqlite, dear).await;
    let ada = world.person("ada").enrolled().await;
    let spent = path_of(&link::make(&world.app, "ada", Purpose::Enroll).await.unwrap());
    let live = path_of(&link::make(&world.app, "ada", Purpose::Password).await.unwrap());
    let replaced = path_of(&setup::user_link(&world.app, "eve", Role::User).await.unwrap());
    setup::user_link(&world.app, "eve", Role::User).await.unwrap();
    let half = ada.half_signed_in().await;
    for _ in 0..5 {
        half.give_code(&ada.wrong_code()).await.is(422);
    }
    world.browser().give_password("closed", "not the password").await.is(422);
    world.records().await.change("UPDATE attempts SET in_row = 100 WHERE of_user = FALSE").await;

    // The line for a hash is full, so whoever wants one is told 503.
    let threads = std::thread::available_parallelism().unwrap().get();
    let slots = threads + threads.div_ceil(4);
    let mut crowd = JoinSet::new();
    for n in 0..slots + 64 + 34 {
        let browser = world.browser();
        crowd.spawn(async move { browser.give_password(&format!("crowd{n}"), "not the password").await });
    }
    crowd.join_next().await.unwrap().unwrap().is(503);
    let before = world.dump().await.without(&["attempts", "events"]);
    let tried = "SELECT count(*) FROM attempts WHERE kind <> 'password'";
    let codes = world.records().await.number(tried).await;
    let password = [("password", PASSWORD)];
    for path in [spent.as_str(), "/link/7q4m-k2vd-9xrt-3b8h", "/link/x"] {
        world.browser().post(path, &password).await.is(410);
    }
    for path in [replaced.as_str(), "/setup/7q4m-k2vd-9xrt-3b8h", "/setup/x"] {
        world.browser().post(path, &[("username", "eve"), ("password", PASSWORD)]).await.is(410);
    }
    world.browser().give_password("closed", "not the password").await.is(429);
    world.browser().post(&live, &[("password", "engine of synthesis"), ("otp", &ada.code())]).await.is(429);
    half.give_code(&ada.code()).await.is(429);
    // What does cost a hash is refused at this very moment.
    world.browser().give_password("ada", PASSWORD).await.is(503);
    world.dump().await.without(&["attempts", "events"]).is_still(&before);
    assert_eq!(world.records().await.number(tried).await, codes);
    while crowd.join_next().await.is_some() {}
}
