//! Whether a name exists is told by nothing: not by the answer, and not by the work that it takes. What is counted are
//! hashes, statements and commits; how long it takes is printed, and decides nothing.

use auth::config::{Factors, Registration};
use auth::{link, users};
use axum::http::header::{DATE, SET_COOKIE};
use store::{Kind, Tally};
use tokio::time::Instant;

use crate::world::{Browser, PASSWORD, Person, Seen, World, by_code};

const WRONG: &str = "not the password";
const RECOVERY: &str = "abcd-efgh-jkmn-pqrs";

/// Everybody that a name may belong to. All names are of one length, so that not even that differs.
const NAMES: [&str; 10] =
    ["q-unk", "q-has", "q-dis", "q-nop", "q-due", "q-res", "q-hun", "q-own", "q-hel", "q-rem"];

/// An answer without what is another each time, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
    hashes: u64,
    work: Tally,
}

/// Asks, and notes what comes back and what it took. Nobody else asks in the meantime.
async fn ask(world: &World, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let (hashes, work) = (world.app.hashes(), world.app.tally());
    let seen = browser.at(world).post(path, fields).await;
    let work = world.app.tally() - work;
    let name = fields.iter().find(|(field, _)| *field == "username").map_or("", |(_, name)| *name);
    Answer {
        status: seen.status.as_u16(),
        headers: headers(&seen),
        body: seen.text.replace(name, "NAME"),
        hashes: world.app.hashes() - hashes,
        work,
    }
}

/// Names and values in their order. Of a cookie the value is left out, and its length kept.
fn headers(seen: &Seen) -> Vec<String> {
    let shown = seen.headers.iter().filter(|(name, _)| *name != DATE).map(|(name, value)| {
        let value = value.to_str().expect("text");
        match value.split_once(';').and_then(|(pair, flags)| Some((pair.split_once('=')?, flags))) {
            Some(((cookie, token), flags)) if name == SET_COOKIE => {
                format!("{name}: {cookie}={};{flags}", token.len())
            }
            _ => format!("{name}: {value}"),
        }
    });
    shown.collect()
}

/// A house with somebody of each kind in it, and one whose code is right though it must not let them in.
struct House {
    world: World,
    disabled: Person,
}

impl House {
    async fn new(kind: Kind) -> House {
        let world = World::on(kind).await;
        for name in ["q-has", "q-nop", "q-due", "q-res", "q-hun", "q-own", "q-rem"] {
            world.person(name).enrolled().await;
        }
        let disabled = world.person("q-dis").enrolled().await;
        users::disable(&world.app, "q-dis").await.unwrap();
        users::remove(&world.app, "q-rem").await.unwrap();
        link::reset_factor(&world.app, "q-res").await.unwrap();
        let records = world.records().await;
        let due = world.clock.now().plus_seconds(365 * 24 * 3600).millis();
        for change in [
            "UPDATE users SET role = 'owner' WHERE name = 'q-own'",
            "UPDATE users SET wrong_codes = 100 WHERE name = 'q-hun'",
            "UPDATE users SET password = NULL WHERE name = 'q-nop'",
            &format!("UPDATE users SET password = NULL, password_due = {due} WHERE name = 'q-due'"),
        ] {
            assert_eq!(records.change(change).await, 1, "{change}");
        }
        let held = [("username", "q-hel"), ("password", PASSWORD)];
        world.browser().post("/register", &held).await.lands_on("/enroll");
        House { world, disabled }
    }

    /// The same house where a code alone is asked for.
    async fn by_code(kind: Kind) -> House {
        let House { world, disabled } = House::new(kind).await;
        let world = world.reopened(by_code).await.unwrap();
        House { world, disabled }
    }

    /// Gives the same wrong thing to each name, until it rests and a while longer: each time every name gets one answer,
    /// for the same work. Answers the first and the last. `right` is what would be right for whoever is disabled.
    async fn tells_nothing(
        &self,
        browser: &Browser,
        (path, field): (&str, &str),
        (wrong, right): (&str, &str),
    ) -> (Answer, Answer) {
        let mut answers = Vec::new();
        for time in 0..7 {
            let first = ask(&self.world, browser, path, &[("username", NAMES[0]), (field, wrong)]).await;
            for name in &NAMES[1..] {
                let given = if *name == "q-dis" { right } else { wrong };
                let other = ask(&self.world, browser, path, &[("username", name), (field, given)]).await;
                assert_eq!(other, first, "{path} {field}, {name}, time {time}");
            }
            answers.push(first);
        }
        // For whatever comes next nothing rests any more.
        self.world.wait(24 * 3600);
        let last = answers.pop().expect("the last");
        (answers.swap_remove(0), last)
    }
}

/// It rests, and that costs neither a hash nor a write.
#[track_caller]
fn rests_for_nothing(last: &Answer) {
    assert_eq!((last.status, last.hashes, last.work.commits), (429, 0, 0), "{last:?}");
}

/// Was judged: so many hashes, so many commits.
#[track_caller]
fn was_judged(first: &Answer, (hashes, commits): (u64, u64)) {
    assert_eq!((first.status, first.hashes, first.work.commits), (422, hashes, commits), "{first:?}");
    assert!(first.work.statements >= 4, "{:?}", first.work);
}

#[tokio::test]
async fn a_name_and_a_password_tell_nothing_of_the_name() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = House::new(kind).await;
        for browser in browsers(&house).await {
            let (first, last) =
                house.tells_nothing(&browser, ("/login", "password"), (WRONG, PASSWORD)).await;
            was_judged(&first, (1, 2));
            rests_for_nothing(&last);
        }
        // The counters see what there is to see: whoever is let through costs more statements.
        let right = [("username", "q-has"), ("password", PASSWORD)];
        let wrong = [("username", "q-has"), ("password", WRONG)];
        let right = ask(&house.world, &house.world.browser(), "/login", &right).await;
        let wrong = ask(&house.world, &house.world.browser(), "/login", &wrong).await;
        assert_eq!((right.status, right.hashes, right.work.commits), (303, 1, 2));
        assert!(right.work.statements > wrong.work.statements, "{right:?}, {wrong:?}");
    }
}

#[tokio::test]
async fn a_name_and_a_code_tell_nothing_of_the_name() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        // Under its own policy, and while people may still choose a password.
        for house in [House::by_code(kind).await, House::new(kind).await] {
            for browser in browsers(&house).await {
                let (wrong, right) = (house.disabled.wrong_code(), house.disabled.code());
                let (first, last) = house.tells_nothing(&browser, ("/login", "otp"), (&wrong, &right)).await;
                was_judged(&first, (0, 1));
                rests_for_nothing(&last);
            }
        }
    }
}

/// A stranger's browser, one that wants JSON, and one in which somebody else is known.
async fn browsers(house: &House) -> Vec<Browser> {
    let (world, known) = (&house.world, house.world.browser());
    let other = world.person("other");
    match world.app.config.factors {
        Factors::Code => other.enrolled_by_code_in(&known).await,
        Factors::PasswordAndCode => other.enrolled_in(&known).await,
    };
    let foreign = world.browser();
    foreign.set_cookie("latchkey-device", &known.cookie("latchkey-device").expect("known"));
    vec![world.browser(), world.browser().with("accept", "application/json"), foreign]
}

#[tokio::test]
async fn a_name_and_a_recovery_code_tell_nothing_of_the_name() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = House::by_code(kind).await;
        let right = house.disabled.recovery_codes[0].clone();
        for browser in browsers(&house).await {
            for (wrong, right) in [(RECOVERY, right.as_str()), ("not even a code", "not even a code")] {
                let to = ("/login/recovery", "recovery_code");
                let (first, last) = house.tells_nothing(&browser, to, (wrong, right)).await;
                was_judged(&first, (0, 1));
                rests_for_nothing(&last);
            }
        }
    }
}

#[tokio::test]
async fn the_pages_behind_the_first_factor_tell_nothing_without_it() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for house in [House::new(kind).await, House::by_code(kind).await] {
            let code = house.disabled.code();
            let (stranger, expired) = (house.world.browser(), house.world.browser());
            expired.set_cookie("latchkey-login", &"A".repeat(43));
            for browser in [stranger, expired] {
                for (path, field, given) in
                    [("/login/code", "otp", code.as_str()), ("/login/password", "password", PASSWORD)]
                {
                    let (first, last) = house.tells_nothing(&browser, (path, field), (given, given)).await;
                    assert_eq!((first.status, first.hashes, first.work.commits), (422, 0, 0), "{path}");
                    // There is nothing to guess at, so nothing rests.
                    assert_eq!(last, first, "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn where_registration_is_closed_nothing_says_that_a_name_is_taken() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let House { world, disabled } = House::new(kind).await;
        let closed = |config: &mut auth::Config| config.registration = Registration::Closed;
        let house = House { world: world.reopened(closed).await.unwrap(), disabled };
        let nowhere = "/setup/abcd-efgh-jkmn-pqrs-tvwx-yz01-2345";
        for (path, status) in [("/register", 403), (nowhere, 410)] {
            let browser = house.world.browser();
            let (first, _) = house.tells_nothing(&browser, (path, "password"), (PASSWORD, PASSWORD)).await;
            assert_eq!((first.status, first.hashes, first.work.commits), (status, 0, 0), "{path}");
        }
    }
}

/// How often a value of `those` is greater than one of `these`: one half where nothing tells them apart.
fn apart(these: &[u128], those: &[u128]) -> f64 {
    let twice: usize = those
        .iter()
        .map(|that| {
            these.iter().map(|this| 2 * usize::from(that > this) + usize::from(that == this)).sum::<usize>()
        })
        .sum();
    twice as f64 / (2 * these.len() * those.len()) as f64
}

#[tokio::test]
async fn how_long_a_wrong_answer_takes_is_printed_and_decides_nothing() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = House::by_code(kind).await;
        let passwords =
            house.world.reopened(|config| config.factors = Factors::PasswordAndCode).await.unwrap();
        let records = house.world.records().await;
        let code = house.disabled.wrong_code();
        for (world, path, field, given) in [
            (&passwords, "/login", "password", WRONG),
            (&house.world, "/login", "otp", code.as_str()),
            (&house.world, "/login/recovery", "recovery_code", RECOVERY),
        ] {
            let mut took = [Vec::new(), Vec::new()];
            for time in 0..100 {
                if time % 2 == 0 {
                    records.change("DELETE FROM attempts").await;
                }
                for (whose, name) in took.iter_mut().zip(["q-unk", "q-has"]) {
                    let began = Instant::now();
                    world.browser().post(path, &[("username", name), (field, given)]).await.is(422);
                    whose.push(began.elapsed().as_micros());
                }
            }
            let apart = apart(&took[0], &took[1]);
            let medians = took.each_mut().map(|times| {
                times.sort_unstable();
                times[times.len() / 2]
            });
            println!(
                "{kind:?} {path} {field}: medians {medians:?} µs, told apart {apart:.2} (0.50 is never)"
            );
        }
    }
}
