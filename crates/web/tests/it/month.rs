//! A month of guessing as fast as it is allowed, by a robot that waits no second too long: no more guesses are judged than the
//! stated odds count, and at a hundred it is over for good.

use auth::chores;
use auth::odds::{Odds, Target, in_words};

use crate::world::{Browser, Person, Seen, World};

const DAY: i64 = 24 * 3600;
const DAYS: i64 = 30;

/// Guesses for thirty days, and answers how many guesses were judged on each.
async fn guess_for_a_month(world: &World, judged: impl AsyncFn() -> Seen) -> Vec<i64> {
    let begin = world.clock.now().seconds();
    let mut of_day = vec![0; usize::try_from(DAYS).unwrap()];
    loop {
        let day = (world.clock.now().seconds() - begin).div_euclid(DAY);
        let Some(count) = usize::try_from(day).ok().and_then(|day| of_day.get_mut(day)) else { break };
        let seen = judged().await;
        match (seen.status.as_u16(), seen.header("retry-after").as_str()) {
            (422, _) if !seen.text.contains("hundred") => *count += 1,
            (429, seconds) if !seconds.is_empty() => world.wait(seconds.parse().unwrap()),
            // Closed: the robot looks again from hour to hour, and once each day the chores are done.
            (422 | 429, _) => {
                world.wait(3600);
                if world.clock.now().seconds() % DAY < 3600 {
                    chores::once(&world.app).await.unwrap();
                }
            }
            odd => panic!("{odd:?}: {}", seen.text),
        }
    }
    of_day
}

#[track_caller]
fn as_stated(of_day: &[i64], odds: Odds, what: &str) {
    let run = odds.run.expect("a hundred close it");
    assert_eq!(of_day[0], odds.first_day.count, "{what}, the first day: {of_day:?}");
    assert!(of_day[1..].iter().all(|count| *count <= odds.later_day.count), "{what}, later days: {of_day:?}");
    assert_eq!(of_day.iter().sum::<i64>(), run.count, "{what}: {of_day:?}");
    println!(
        "{what}: {} guesses in the first day ({}), {} in all ({}); by day {:?}",
        of_day[0],
        in_words(odds.first_day.chance),
        run.count,
        in_words(run.chance),
        &of_day[..6],
    );
}

#[tokio::test]
async fn after_a_known_password_a_month_of_guessing_is_worth_what_is_stated() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let judged = async || ada.half_signed_in().await.give_code(&ada.wrong_code()).await;
        let of_day = guess_for_a_month(&world, judged).await;
        as_stated(&of_day, Target::CodeAfterPassword.odds(), "a code after the password");
    })
    .await;
}

#[tokio::test]
async fn at_the_front_door_a_month_of_guessing_is_worth_what_is_stated() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        let judged = async || world.browser().give_name_and_code("ada", &ada.wrong_code()).await;
        let of_day = guess_for_a_month(&world, judged).await;
        as_stated(&of_day, Target::CodeAlone.odds(), "a code alone");
        let nobody = async || world.browser().give_name_and_code("bob", &ada.wrong_code()).await;
        let of_day = guess_for_a_month(&world, nobody).await;
        as_stated(&of_day, Target::CodeAlone.odds(), "a name that nobody has");
    })
    .await;
}

#[tokio::test]
async fn a_right_password_between_the_codes_gives_no_more_of_them() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let mut judged = 0;
        for _ in 0..200 {
            let seen = ada.half_signed_in().await.give_code(&ada.wrong_code()).await;
            judged += i64::from(seen.status == 422);
        }
        assert_eq!(judged, 5, "of two hundred in one moment");
        let wrong = "SELECT CAST(sum(count) AS BIGINT) FROM events WHERE kind = 'sign_in.code_wrong'";
        assert_eq!(world.records().await.number(wrong).await, 5);
    })
    .await;
}

/// Every place that takes a code of somebody whose password is known, and the password with it where it asks for one.
async fn everywhere(ada: &Person, session: &Browser, path: &str, code: &str, at: usize) -> Seen {
    let password = crate::world::PASSWORD;
    match at % 4 {
        0 => ada.half_signed_in().await.give_code(code).await,
        1 => {
            let two = [("otp", code), ("otp_next", code)];
            ada.half_signed_in().await.post("/login/code", &two).await
        }
        2 => session.post("/account/prove", &[("password", password), ("otp", code)]).await,
        _ => session.post(path, &[("password", "another of analysis"), ("otp", code)]).await,
    }
}

#[tokio::test]
async fn every_place_that_takes_a_code_takes_it_from_the_same_tries() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let session = ada.half_signed_in().await;
        session.give_code(&ada.code()).await.lands_on("/");
        world.wait(600);
        // A browser that nobody knows: it has the session, and no tries of its own.
        session.set_cookie("latchkey-device", "");
        let made = auth::link::make(&world.app, "ada", auth::link::Purpose::Password).await.unwrap();
        let path = crate::world::path_of(&made);
        for at in 0..5 {
            everywhere(&ada, &session, &path, &ada.wrong_code(), at).await.is(422);
        }
        for at in 0..4 {
            let seen = everywhere(&ada, &session, &path, &ada.code(), at).await;
            assert_eq!(
                (seen.status.as_u16(), seen.header("retry-after").as_str()),
                (429, "30"),
                "place {at}"
            );
        }
    })
    .await;
}
