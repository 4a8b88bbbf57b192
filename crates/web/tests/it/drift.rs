//! A phone whose clock is wrong: what is said, how two codes in a row teach it, and that three steps are accepted whatever
//! was learned.

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Person, Seen, World};

const WINDOW: [i64; 3] = [-1, 0, 1];
const NOT_IN_A_ROW: &str =
    "Those are not two codes in a row, or one of them was used. Type one, wait for the next, and type that.";

/// What a phone shows whose clock is so many seconds ahead.
fn shown(ada: &Person, off: i64) -> String {
    ada.code_at(ada.world.clock.now().seconds() + off)
}

async fn two(browser: &Browser, path: &str, (one, then): (&str, &str)) -> Seen {
    browser.post(path, &[("otp", one), ("otp_next", then)]).await
}

/// What is known of the clock of the one authenticator there is.
async fn drift(world: &World) -> i64 {
    world.records().await.number("SELECT drift FROM authenticators").await
}

/// Somebody whose phone is so many seconds ahead, enrolled by two codes in a row.
async fn enrolled_with(world: &World, name: &str, off: i64) -> Person {
    let (browser, mut ada) = (world.browser(), world.person(name));
    browser.post("/register", &[("username", name), ("password", PASSWORD)]).await.lands_on("/enroll");
    ada.scan(&browser).await;
    let way = if off < 0 { "behind" } else { "ahead" };
    let says = format!("Your phone’s clock is {} seconds {way}.", off.abs());
    browser.post("/enroll", &[("otp", &shown(&ada, off))]).await.is(422).says(&says);
    let first = shown(&ada, off);
    world.wait(30);
    two(&browser, "/enroll", (&first, &shown(&ada, off))).await.lands_on("/enroll/recovery-codes");
    browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/");
    browser.post("/logout", &[]).await.lands_on("/login");
    ada
}

/// Which offsets are accepted, each asked of the same person as they are now: the record is put back each time.
async fn accepted(ada: &Person) -> Vec<i64> {
    let (world, records) = (&ada.world, ada.world.records().await);
    let column = async |name: &str| records.number(&format!("SELECT {name} FROM authenticators")).await;
    let (drift, votes) = (column("drift").await, column("drift_votes").await);
    let mut accepted = Vec::new();
    for offset in -25..=25 {
        let back =
            format!("UPDATE authenticators SET last_step = -1, drift = {drift}, drift_votes = {votes}");
        records.change(&back).await;
        records.change("DELETE FROM attempts").await;
        records.change("UPDATE users SET wrong_codes = 0").await;
        let seen = ada.half_signed_in().await.give_code(&shown(ada, 30 * offset)).await;
        assert!(matches!(seen.status.as_u16(), 303 | 422), "{}", seen.text);
        if seen.status == 303 {
            accepted.push(offset);
        }
    }
    let step = world.clock.now().seconds() / 30 - 30;
    let back =
        format!("UPDATE authenticators SET last_step = {step}, drift = {drift}, drift_votes = {votes}");
    records.change(&back).await;
    accepted
}

#[tokio::test]
async fn a_phone_ninety_seconds_off_enrolls_by_two_codes_and_signs_in_by_one() {
    World::on_both(|world| async move {
        for (name, off) in [("slow", -90), ("fast", 90)] {
            let ada = enrolled_with(&world, name, off).await;
            let number = "SELECT drift FROM authenticators ORDER BY id DESC LIMIT 1";
            assert_eq!(world.records().await.number(number).await, off / 30);
            // At many moments of a step, and with some time to type.
            for round in 0..40 {
                world.wait(37 + round % 11);
                let typed = shown(&ada, off - round % 25);
                ada.half_signed_in().await.give_code(&typed).await.lands_on("/");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn three_steps_are_accepted_whatever_was_learned() {
    World::on_both(|world| async move {
        let ada = enrolled_with(&world, "ada", -90).await;
        world.wait(600);
        let records = world.records().await;
        for (drift, expected) in [
            (0, [-1, 0, 1]),
            (1, [0, 1, 2]),
            (-1, [-2, -1, 0]),
            (-3, [-4, -3, 0]),
            (3, [0, 2, 3]),
            (20, [0, 19, 20]),
            (-20, [-21, -20, 0]),
            // No row says so, and if one did: not beyond.
            (99, [0, 19, 20]),
        ] {
            records.change(&format!("UPDATE authenticators SET drift = {drift}, drift_votes = 0")).await;
            assert_eq!(accepted(&ada).await, expected, "drift {drift}");
            world.wait(600);
        }
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_was_set_is_right_at_once() {
    World::on_both(|world| async move {
        for (name, off) in [("slow", -90), ("fast", 90)] {
            let ada = enrolled_with(&world, name, off).await;
            if off > 0 {
                // Its steps of the next minute and a half are spent already, and no step is spent twice.
                let half = ada.half_signed_in().await;
                half.give_code(&ada.code()).await.is(422).says("used already");
                world.wait(120);
            }
            ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
            world.wait(30);
            let old = ada.half_signed_in().await;
            old.give_code(&shown(&ada, off)).await.is(422);
            world.wait(60);
            ada.half_signed_in().await.give_code(&shown(&ada, -30)).await.lands_on("/");
            world.wait(60);
            ada.half_signed_in().await.give_code(&shown(&ada, 30)).await.lands_on("/");
            world.wait(120);
        }
    })
    .await;
}

#[tokio::test]
async fn two_codes_in_a_row_teach_the_clock_at_the_sign_in() {
    World::on_both(|world| async move {
        for (name, off) in [("slow", -300), ("fast", 300), ("slower", -570), ("faster", 570)] {
            let ada = world.person(name).enrolled().await;
            world.wait(600);
            let half = ada.half_signed_in().await;
            half.give_code(&shown(&ada, off)).await.is(422).says("name=\"otp_next\"");
            let first = shown(&ada, off);
            world.wait(30);
            two(&half, "/login/code", (&first, &shown(&ada, off))).await.lands_on("/");
            let learned =
                "SELECT count(*) FROM events WHERE kind = 'authenticator.clock_learned' AND name = ";
            assert_eq!(world.records().await.number(&format!("{learned}'{name}'")).await, 1);
            // From now on one is enough, and both of those are spent.
            let half = ada.half_signed_in().await;
            two(&half, "/login/code", (&first, &shown(&ada, off))).await.says("has been used already");
            half.give_code(&shown(&ada, off)).await.is(422);
            // Nor is one that was used the first of another two.
            let used = shown(&ada, off);
            world.wait(30);
            two(&half, "/login/code", (&used, &shown(&ada, off))).await.says("has been used already");
            world.wait(30);
            half.give_code(&shown(&ada, off)).await.lands_on("/");
        }
    })
    .await;
}

#[tokio::test]
async fn two_codes_that_do_not_follow_one_another_are_one_wrong_try() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.wait(600);
        let half = ada.half_signed_in().await;
        let before = world.dump().await;
        for (then, why) in
            [("12345", "The code that comes right after it has 6 digits, too."), ("abc", "has 6 digits, too")]
        {
            two(&half, "/login/code", (&ada.code(), then)).await.is(422).says(why);
        }
        world.dump().await.is_still(&before);
        let wrong = ada.wrong_code();
        for (one, then) in [
            (shown(&ada, 300), shown(&ada, 300)),
            (shown(&ada, 330), shown(&ada, 300)),
            (shown(&ada, 0), shown(&ada, 60)),
            (wrong.clone(), ada.code()),
            // Eleven minutes off: beyond what is forgiven.
            (shown(&ada, 660), shown(&ada, 690)),
        ] {
            two(&half, "/login/code", (&one, &then)).await.refuses_with(NOT_IN_A_ROW);
        }
        assert_eq!(world.records().await.number("SELECT wrong_codes FROM users").await, 5);
        two(&half, "/login/code", (&shown(&ada, 270), &shown(&ada, 300))).await.is(429);
        assert_eq!(drift(&world).await, 0);
        world.wait(30);
        two(&half, "/login/code", (&shown(&ada, 270), &shown(&ada, 300))).await.lands_on("/");
        assert_eq!(drift(&world).await, 10);
    })
    .await;
}

#[tokio::test]
async fn only_a_known_browser_hears_of_a_clock_that_is_ahead() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let eve = world.person("eve").enrolled().await;
        let (known, hers) = (signed_in(&ada).await, signed_in(&eve).await);
        world.wait(300);
        let says = "Your phone’s clock is 2 minutes ahead.";
        for (browser, heard) in [(world.browser(), false), (known, true), (hers, false)] {
            browser.post("/logout", &[]).await.lands_on("/login");
            browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
            let seen = browser.give_code(&shown(&ada, 120)).await;
            if heard {
                seen.is(422).says(says)
            } else {
                seen.is(422).never_says(says).says("That code is not right.")
            };
            // Of one that is behind everybody may hear: its codes are worth nothing.
            browser.give_code(&shown(&ada, -120)).await.is(422).says("2 minutes behind");
            world.wait(24 * 3600);
        }
    })
    .await;
}

#[tokio::test]
async fn after_three_sign_ins_a_step_ahead_the_window_has_moved_and_is_as_wide_as_before() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.wait(600);
        assert_eq!(accepted(&ada).await, WINDOW);
        for _ in 0..3 {
            world.wait(600);
            ada.half_signed_in().await.give_code(&shown(&ada, 30)).await.lands_on("/");
        }
        world.wait(600);
        assert_eq!(drift(&world).await, 1);
        assert_eq!(accepted(&ada).await, [0, 1, 2]);
    })
    .await;
}

/// With a clock that lags and ten seconds to type, a code that was shown in the last third of a step can be two steps old
/// when it comes, which no window of three steps accepts: so these are shown in the first twenty seconds.
#[tokio::test]
async fn a_clock_within_half_a_minute_and_ten_seconds_of_typing_sign_in_fifty_nine_times_of_fifty_nine() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let records = world.records().await;
        for phase in [0, 7, 19] {
            let mut signed_in = 0;
            for off in -29..=29 {
                world.wait(600 - world.clock.now().seconds() % 30 + phase);
                // Each with a clock of which nothing is known.
                records.change("UPDATE authenticators SET drift = 0, drift_votes = 0").await;
                let half = ada.half_signed_in().await;
                let code = shown(&ada, off);
                world.wait(10);
                signed_in += usize::from(half.give_code(&code).await.status == 303);
            }
            assert_eq!(signed_in, 59, "{phase} s into a step");
        }
    })
    .await;
}
