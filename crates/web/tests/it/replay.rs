//! A code that was used, once more: everywhere where a code is asked for, for as long as it lies in the window. It opens
//! nothing, is written down once each time, and whoever it belongs to does not have to wait for it.

use auth::link::{self, Purpose};
use auth::trial::{self, Verdict};
use store::Kind;

use crate::records::Records;
use crate::world::{Browser, PASSWORD, Person, Seen, World, by_code, path_of};

const NEW: &str = "difference of engines";
const USED: &str = "That code has been used already. Wait for the next one.";

/// What a replay leaves behind: events, sessions, steps, and tries.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    replays: i64,
    wrong: i64,
    sessions: i64,
    steps: i64,
    tries: i64,
}

async fn traces(records: &Records) -> Traces {
    let sum = |of: &str| format!("SELECT CAST(coalesce(sum({of}), 0) AS BIGINT) FROM");
    let events = |kind: &str| format!("{} events WHERE kind = '{kind}'", sum("count"));
    Traces {
        replays: records.number(&events("sign_in.code_replayed")).await,
        wrong: records.number(&events("sign_in.code_wrong")).await,
        sessions: records.number("SELECT count(*) FROM sessions").await,
        steps: records.number(&format!("{} authenticators", sum("last_step"))).await,
        tries: records.number(&format!("{} attempts WHERE kind LIKE 'code%'", sum("failures"))).await,
    }
}

/// A replay is refused, and leaves one event and nothing else.
async fn is_a_replay<F: Future<Output = Seen>>(records: &Records, surface: &str, replay: F) -> Seen {
    let before = traces(records).await;
    let seen = replay.await;
    assert_eq!(seen.status.as_u16(), 422, "{surface}: {}", seen.text);
    let after = traces(records).await;
    assert_eq!(after, Traces { replays: before.replays + 1, ..before }, "{surface}");
    seen
}

/// The surfaces where somebody with that code may try it again, and what they get there.
async fn everywhere(ada: &Person, at_home: &Browser, code: &str, next: &str) {
    let (world, records) = (&ada.world, ada.world.records().await);
    let (other, alone) = (world.another_node().await, world.reopened(by_code).await.unwrap());
    let link = path_of(&link::make(&world.app, "ada", Purpose::Password).await.unwrap());

    let here = at_home.copy();
    here.give_password("ada", PASSWORD).await.lands_on("/login/code");
    is_a_replay(&records, "the same browser", here.give_code(code)).await.refuses_with(USED);
    let stranger = ada.half_signed_in().await;
    is_a_replay(&records, "another browser", stranger.give_code(code)).await.refuses_with(USED);
    let there = stranger.at(&other);
    is_a_replay(&records, "another instance", there.give_code(code)).await.refuses_with(USED);
    let two = [("otp", code), ("otp_next", next)];
    is_a_replay(&records, "two in a row", stranger.post("/login/code", &two)).await.refuses_with(USED);
    let proof = [("password", PASSWORD), ("otp", code)];
    is_a_replay(&records, "a proof", at_home.post("/account/prove", &proof)).await.says(USED);
    let answer = [("password", NEW), ("otp", code)];
    is_a_replay(&records, "a link", world.browser().post(&link, &answer)).await.says(USED);
    // Here nothing says that it was right: one answer to everything.
    let by_name = alone.browser();
    let seen = is_a_replay(&records, "a code alone", by_name.give_name_and_code("ada", code)).await;
    seen.says("The username or code is not right. If you just used this code, wait for the next one.");

    // Not judged here, so there is nothing to write down, and nothing to be had either.
    let before = traces(&records).await;
    stranger.post("/login/recovery", &[("recovery_code", code)]).await.is(422);
    for (field, page) in [("password", "/account/password"), ("name", "/account/authenticators/add")] {
        at_home
            .post(page, &[(field, NEW), ("otp", code)])
            .await
            .is(422)
            .says("This form has no field “otp”.");
    }
    assert_eq!(trial::code(&world.app, "ada", code).await.unwrap().verdict.unwrap().0, Verdict::Used);
    assert_eq!(traces(&records).await, before);
}

#[tokio::test]
async fn a_code_that_was_used_opens_nothing_anywhere_while_it_lasts() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for place in [-1, 0, 1] {
            let world = World::on(kind).await;
            let ada = world.person("ada").enrolled().await;
            world.wait(120);
            let at_home = ada.half_signed_in().await;
            let at = world.clock.now().seconds() + 30 * place;
            let (code, next) = (ada.code_at(at), ada.code_at(at + 30));
            at_home.give_code(&code).await.lands_on("/");
            // At each place in the window where it still lies from then on.
            for _ in -1..=place {
                everywhere(&ada, &at_home, &code, &next).await;
                world.wait(30);
            }
            // Nobody was kept waiting by all that: the code after it signs in.
            let code = ada.code_at(world.clock.now().seconds() + 30);
            ada.half_signed_in().await.give_code(&code).await.lands_on("/");
        }
    }
}

#[tokio::test]
async fn the_code_that_confirmed_an_authenticator_is_spent_everywhere_too() {
    World::on_both(|world| async move {
        let at_home = world.browser();
        let ada = world.person("ada").enrolled_in(&at_home).await;
        let (code, next) = (ada.code(), ada.code_at(world.clock.now().seconds() + 30));
        everywhere(&ada, &at_home, &code, &next).await;

        // Nor does it confirm a further one, whose own code is another; and the first code of that one is spent then.
        at_home.post("/account/authenticators/add", &[("name", "iPad")]).await.lands_on("/enroll");
        at_home.post("/enroll", &[("otp", &code)]).await.is(422);
        let mut pad = ada.clone();
        pad.scan(&at_home).await;
        let first = pad.code();
        at_home.post("/enroll", &[("otp", &first)]).await.is(303);
        at_home.post("/enroll", &[("otp", &first)]).await.is(410);
        let records = world.records().await;
        let again = ada.half_signed_in().await;
        is_a_replay(&records, "the code of a new one", again.give_code(&first)).await.refuses_with(USED);
    })
    .await;
}

#[tokio::test]
async fn an_older_code_is_refused_after_a_newer_one_however_often_they_take_turns() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        world.wait(120);
        let now = world.clock.now().seconds();
        let [before, this, next] = [-30, 0, 30].map(|off| ada.code_at(now + off));
        ada.half_signed_in().await.give_code(&next).await.lands_on("/");
        let browser = ada.half_signed_in().await;
        let records = world.records().await;
        for code in [&this, &before, &this, &next].into_iter().cycle().take(20) {
            is_a_replay(&records, "an older one", browser.give_code(code)).await.refuses_with(USED);
        }
        world.wait(30);
        let later = ada.code_at(world.clock.now().seconds() + 30);
        browser.give_code(&later).await.lands_on("/");

        // Taking turns from the older one on, each is taken once at most.
        world.wait(120);
        let now = world.clock.now().seconds();
        let turns = [ada.code_at(now), ada.code_at(now + 30)];
        let mut taken = [0, 0];
        for turn in 0..20 {
            let browser = ada.half_signed_in().await;
            taken[turn % 2] += i32::from(browser.give_code(&turns[turn % 2]).await.status == 303);
        }
        assert_eq!(taken, [1, 1]);
    })
    .await;
}

#[tokio::test]
async fn what_else_works_once_is_refused_a_second_time() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let used = [("recovery_code", ada.recovery_codes[0].as_str())];
        let late = ada.half_signed_in().await;
        ada.half_signed_in().await.post("/login/recovery", &used).await.lands_on("/enroll");
        late.post("/login/recovery", &used).await.refuses_with(
            "That recovery code is not right. Check every letter, or use another one: each works once.",
        );

        let setup = auth::setup::user_link(&world.app, "bob", auth::Role::User).await.unwrap();
        let setup = path_of(&setup);
        let who = [("username", "bob"), ("password", PASSWORD)];
        world.browser().post(&setup, &who).await.lands_on("/enroll");
        world.browser().post(&setup, &who).await.is(410);

        let help = path_of(&link::make(&world.app, "ada", Purpose::Enroll).await.unwrap());
        world.browser().post(&help, &[("password", PASSWORD)]).await.lands_on("/enroll");
        world.browser().post(&help, &[("password", PASSWORD)]).await.is(410);
    })
    .await;
}
