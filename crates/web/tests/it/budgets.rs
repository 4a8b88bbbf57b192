//! Tries: how many there are, how long one rests, what forgives them, and what never does.

use auth::{Cost, chores, users};
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

const DAY: i64 = 24 * 3600;
const WRONG: &str = "not the password";

/// What is guessed at.
#[derive(Clone, Copy, Debug)]
enum Guess {
    Password,
    Code,
    Recovery,
}

use Guess::{Code, Password, Recovery};

impl Guess {
    /// One wrong guess, from a new browser.
    async fn wrong(self, ada: &Person) -> Seen {
        match self {
            Password => ada.world.browser().give_password(&ada.name, WRONG).await,
            Code => ada.half_signed_in().await.give_code(&ada.wrong_code()).await,
            Recovery => give_recovery(&ada.half_signed_in().await, "abcd-efgh-jkmn-pqrs").await,
        }
    }

    /// So many wrong guesses, each of which is judged.
    async fn wrong_times(self, ada: &Person, times: usize) {
        for _ in 0..times {
            self.wrong(ada).await.is(422);
        }
    }
}

async fn give_recovery(browser: &Browser, code: &str) -> Seen {
    browser.post("/login/recovery", &[("recovery_code", code)]).await
}

/// It rests, for so many seconds.
#[track_caller]
fn rests(seen: &Seen, seconds: i64) {
    assert_eq!(seen.status.as_u16(), 429, "{}", seen.text);
    assert_eq!(seen.header("retry-after"), seconds.to_string());
}

#[tokio::test]
async fn four_failures_rest_nothing_the_fifth_half_a_minute_and_then_twice_as_long_up_to_an_hour() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let nobody = world.person("nobody");
        for (guess, whose) in [(Password, &ada), (Password, &nobody), (Code, &ada), (Recovery, &ada)] {
            for rest in [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
                guess.wrong(whose).await.is(422);
                if rest > 0 {
                    rests(&guess.wrong(whose).await, rest);
                    world.wait(rest - 1);
                    rests(&guess.wrong(whose).await, 1);
                    world.wait(1);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_says_until_when_and_so_does_the_problem() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        Password.wrong_times(&ada, 5).await;
        let page = Password.wrong(&ada).await;
        page.says("Too many tries").says("You can try again at 14:06:32 UTC.");
        let seen = world.browser().with("accept", "application/json").give_password("ada", WRONG).await;
        rests(&seen, 30);
        assert_eq!(seen.header("content-type"), "application/problem+json");
    })
    .await;
}

#[tokio::test]
async fn what_rests_refuses_the_right_guess_too_and_spends_nothing_of_it() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        for _ in 0..5 {
            browser.give_code(&ada.wrong_code()).await.is(422);
        }
        let code = ada.code();
        rests(&browser.give_code(&code).await, 30);
        world.wait(30);
        browser.give_code(&code).await.lands_on("/");

        Password.wrong_times(&ada, 5).await;
        rests(&world.browser().give_password("ada", PASSWORD).await, 30);
        let browser = {
            world.wait(30);
            ada.half_signed_in().await
        };
        for _ in 0..5 {
            give_recovery(&browser, "abcd-efgh-jkmn-pqrs").await.is(422);
        }
        rests(&give_recovery(&browser, &ada.recovery_codes[0]).await, 30);
        world.wait(30);
        give_recovery(&browser, &ada.recovery_codes[0]).await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day_untouched_and_no_sooner() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        Password.wrong_times(&ada, 5).await;
        world.wait(DAY - 1);
        Password.wrong_times(&ada, 1).await;
        rests(&Password.wrong(&ada).await, 60);
        // With the chores, which remove what is forgotten, and without.
        for swept in [false, true] {
            world.wait(DAY);
            if swept {
                chores::once(&world.app).await.unwrap();
                // How many there were in a row at the front door is not forgotten.
                let forgotten = "SELECT count(*) FROM attempts WHERE in_row = 0";
                assert_eq!(world.records().await.number(forgotten).await, 0);
            }
            Password.wrong_times(&ada, 5).await;
            rests(&Password.wrong(&ada).await, 30);
        }
    })
    .await;
}

#[tokio::test]
async fn no_kind_of_guess_touches_the_budget_of_another() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        Password.wrong_times(&ada, 5).await;
        // The password rests; whoever has given it already is not concerned, four times and once more.
        for _ in 0..4 {
            browser.give_code(&ada.wrong_code()).await.is(422);
            give_recovery(&browser, "abcd-efgh-jkmn-pqrs").await.is(422);
        }
        browser.give_code(&ada.wrong_code()).await.is(422);
        rests(&browser.give_code(&ada.code()).await, 30);
        give_recovery(&browser, &ada.recovery_codes[0]).await.lands_on("/enroll");

        world.wait(DAY);
        let browser = ada.half_signed_in().await;
        for _ in 0..5 {
            browser.give_code(&ada.wrong_code()).await.is(422);
        }
        Password.wrong_times(&ada, 4).await;
        ada.half_signed_in().await;
    })
    .await;
}

#[tokio::test]
async fn a_right_password_forgives_nothing_and_costs_nothing() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        Password.wrong_times(&ada, 4).await;
        for _ in 0..6 {
            ada.half_signed_in().await;
        }
        Password.wrong_times(&ada, 1).await;
        rests(&Password.wrong(&ada).await, 30);

        // The loop of whoever knows the password: it is the code's budget that counts.
        world.wait(DAY);
        Code.wrong_times(&ada, 5).await;
        for _ in 0..5 {
            rests(&Code.wrong(&ada).await, 30);
        }
    })
    .await;
}

#[tokio::test]
async fn a_completed_sign_in_forgives_password_and_code_but_not_recovery_codes() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for guess in [Password, Code, Recovery] {
            guess.wrong_times(&ada, 4).await;
        }
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
        Password.wrong_times(&ada, 4).await;
        Code.wrong_times(&ada, 4).await;
        Recovery.wrong_times(&ada, 1).await;
        rests(&Recovery.wrong(&ada).await, 30);
    })
    .await;
}

#[tokio::test]
async fn a_code_that_was_used_gets_its_try_back() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let code = ada.code();
        ada.half_signed_in().await.give_code(&code).await.lands_on("/");
        Code.wrong_times(&ada, 4).await;
        let browser = ada.half_signed_in().await;
        for _ in 0..20 {
            browser.give_code(&code).await.is(422).says("has been used already");
        }
        Code.wrong_times(&ada, 1).await;
        rests(&browser.give_code(&code).await, 30);
    })
    .await;
}

#[tokio::test]
async fn resting_writes_nothing_and_is_counted_by_the_chores() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        for _ in 0..5 {
            browser.give_code(&ada.wrong_code()).await.is(422);
            give_recovery(&browser, "abcd-efgh-jkmn-pqrs").await.is(422);
            world.browser().give_password("ada", WRONG).await.is(422);
        }
        let before = world.dump().await;
        for _ in 0..7 {
            rests(&browser.give_code(&ada.wrong_code()).await, 30);
            rests(&give_recovery(&browser, "abcd-efgh-jkmn-pqrs").await, 30);
            rests(&world.browser().give_password("ada", WRONG).await, 30);
        }
        world.dump().await.is_still(&before);
        for _ in 0..2 {
            chores::once(&world.app).await.unwrap();
            let counted = "SELECT CAST(sum(count) AS BIGINT) FROM events WHERE kind = 'sign_in.rested'";
            assert_eq!(world.records().await.number(counted).await, 21);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_the_line_for_a_hash_full_has_lost_nothing_and_who_rests_does_not_stand_in_it() {
    let dear = |config: &mut auth::Config| config.password_cost = Cost { memory_kib: 65_536, passes: 4 };
    let world = World::with(Kind::Sqlite, dear).await;
    // So that five failures cost no five hashes here.
    let free_at = world.clock.now().plus_seconds(30).millis();
    Password.wrong_times(&world.person("resting"), 1).await;
    world.records().await.change(&format!("UPDATE attempts SET failures = 5, free_at = {free_at}")).await;

    let threads = std::thread::available_parallelism().unwrap().get();
    let slots = threads + threads.div_ceil(4);
    let mut crowd = tokio::task::JoinSet::new();
    for n in 0..slots + 64 + 34 {
        let browser = world.browser();
        crowd.spawn(async move { browser.give_password(&format!("crowd{n}"), WRONG).await });
    }
    // The slots and 64 that may wait, so the first answers of all are for those who found the line full.
    let first = crowd.join_next().await.unwrap().unwrap();
    first.is(503).says("Very busy right now");
    rests(&Password.wrong(&world.person("resting")).await, 30);

    let (mut full, mut judged) = (1, 0);
    while let Some(seen) = crowd.join_next().await {
        let seen = seen.unwrap();
        match seen.status.as_u16() {
            422 => judged += 1,
            503 => full += 1,
            odd => panic!("{odd}"),
        }
        assert!(seen.status == 422 || seen.header("retry-after") == "3");
    }
    assert!(full >= 34, "only {full} found the line full");
    let charged = world.records().await.number("SELECT count(*) FROM attempts WHERE failures = 1").await;
    assert_eq!(charged, judged, "only who was judged was charged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_thousand_wrong_codes_at_once_five_are_judged() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await.with("accept", "application/json");
        let now = world.clock.now().seconds();
        let right: Vec<String> = (-20..=1).map(|step| ada.code_at(now + 30 * step)).collect();
        let codes =
            (0..).map(|n: u32| format!("{:06}", n * 7919 % 1_000_000)).filter(|code| !right.contains(code));
        let sent: Vec<_> = codes
            .take(5000)
            .enumerate()
            .map(|(n, code)| {
                let browser = if n % 2 == 0 { browser.copy() } else { browser.copy().at(&other) };
                tokio::spawn(async move { browser.give_code(&code).await.status.as_u16() })
            })
            .collect();
        let mut judged = 0;
        for status in sent {
            match status.await.unwrap() {
                422 => judged += 1,
                429 | 503 => {}
                odd => panic!("{odd}"),
            }
        }
        assert_eq!(judged, 5);
        let records = world.records().await;
        let wrong = "SELECT CAST(sum(count) AS BIGINT) FROM events WHERE kind = 'sign_in.code_wrong'";
        assert_eq!(records.number(wrong).await, 5);
        assert_eq!(records.number("SELECT wrong_codes FROM users").await, 5);
        assert_eq!(records.number("SELECT failures FROM attempts WHERE kind = 'code'").await, 5);
    })
    .await;
}

#[tokio::test]
async fn tries_outlive_the_process_and_are_shared_by_all() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let other = world.another_node().await;
        let (here, there) = (ada.half_signed_in().await, ada.half_signed_in().await.at(&other));
        for browser in [&here, &there, &here, &there, &here] {
            browser.give_code(&ada.wrong_code()).await.is(422);
        }
        rests(&here.give_code(&ada.code()).await, 30);
        rests(&there.give_code(&ada.code()).await, 30);
        let restarted = world.another_node().await;
        rests(&here.at(&restarted).give_code(&ada.code()).await, 30);
    })
    .await;
}

#[tokio::test]
async fn nobody_waits_for_what_others_did() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for n in 0..60 {
            let victim = world.person(&format!("eve{n}"));
            Password.wrong_times(&victim, 1).await;
        }
        let eve = world.person("eve").enrolled().await;
        Password.wrong_times(&eve, 5).await;
        let browser = ada.half_signed_in().await;
        browser.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

/// A hundred wrong codes in a row, as fast as they may be tried.
async fn a_hundred_wrong(ada: &Person) {
    for _ in 0..100 {
        Code.wrong_times(ada, 1).await;
        ada.world.wait(3600);
    }
}

const CLOSED: &str = "After a hundred wrong codes in a row, this account takes no more of them. Use a recovery code, or ask an administrator to let you in.";

#[tokio::test]
async fn a_hundred_wrong_codes_in_a_row_close_the_code_and_a_recovery_code_opens_it() {
    World::on_both(|world| async move {
        let mut ada = world.person("ada").enrolled().await;
        a_hundred_wrong(&ada).await;
        let closed = "SELECT count(*) FROM events WHERE kind = 'sign_in.codes_closed'";
        assert_eq!(world.records().await.number(closed).await, 1);
        assert!(users::show(&world.app, "ada").await.unwrap().person.codes_closed);
        world.wait(100 * DAY);
        let browser = ada.half_signed_in().await;
        let before = world.dump().await;
        browser.give_code(&ada.code()).await.refuses_with(CLOSED);
        browser.give_code(&ada.wrong_code()).await.refuses_with(CLOSED);
        world.dump().await.is_still(&before);

        give_recovery(&browser, &ada.recovery_codes[3]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        world.wait(30);
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn an_administrator_opens_the_code_again() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        a_hundred_wrong(&ada).await;
        ada.half_signed_in().await.give_code(&ada.code()).await.refuses_with(CLOSED);
        users::enable(&world.app, "ada").await.unwrap();
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_right_code_begins_the_hundred_anew() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for _ in 0..2 {
            world.records().await.change("UPDATE users SET wrong_codes = 98").await;
            Code.wrong_times(&ada, 1).await;
            ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
            Code.wrong_times(&ada, 1).await;
            assert_eq!(world.records().await.number("SELECT wrong_codes FROM users").await, 1);
            world.wait(30);
        }
    })
    .await;
}

#[tokio::test]
async fn who_lets_somebody_in_again_takes_away_what_rests() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for guess in [Recovery, Code, Password] {
            guess.wrong_times(&ada, 5).await;
        }
        users::enable(&world.app, "ada").await.unwrap();
        for guess in [Recovery, Code, Password] {
            guess.wrong_times(&ada, 4).await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_wait_for_the_old_authenticator_is_left_after_a_recovery() {
    World::on_both(|world| async move {
        let mut ada = world.person("ada").enrolled().await;
        Code.wrong_times(&ada, 5).await;
        let browser = ada.half_signed_in().await;
        give_recovery(&browser, &ada.recovery_codes[0]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        world.wait(29);
        ada.half_signed_in()
            .await
            .give_code(&ada.code_at(world.clock.now().seconds() + 30))
            .await
            .lands_on("/");
    })
    .await;
}
