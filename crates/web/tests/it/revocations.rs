//! What ends sessions, seen from another node at once; how many sessions somebody may have; and that none can be planted.

use auth::{Role, session, users};

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, World};

async fn is_in(browser: &Browser) -> bool {
    let seen = browser.get("/").await;
    assert!(seen.status == 200 || seen.header("location") == "/login", "{}", seen.text);
    seen.status == 200
}

/// What ends the sessions of somebody, by them or by those who run the place.
#[derive(Clone, Copy, Debug)]
enum End {
    SignOut,
    SignOutOthers,
    One,
    All,
    Disable,
    AnotherRole,
    NewPassword,
    RecoveryCode,
    ResetFactor,
    Remove,
}

use End::*;

const ALL_ENDS: [End; 10] =
    [SignOut, SignOutOthers, One, All, Disable, AnotherRole, NewPassword, RecoveryCode, ResetFactor, Remove];

/// SES-4 of the threat model. Nothing is cached, so there is nothing to wait for.
#[tokio::test]
async fn a_hundred_times_what_one_node_ends_is_over_on_the_other_at_its_next_request() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let mut rounds = 0;
        for round in 0..10 {
            for end in ALL_ENDS {
                let name = format!("ada{rounds}");
                let ada = world.person(&name).enrolled().await;
                // The one that is used to end the other, where it needs a session.
                let acting = signed_in(&ada).await;
                let ended = match end {
                    SignOut => acting.copy().at(&other),
                    _ => signed_in(&ada).await.at(&other),
                };
                assert!(is_in(&ended).await && is_in(&acting).await, "{end:?}");
                // The acting node is the one or the other.
                let here = if round % 2 == 0 { &world } else { &other };
                let (acting, app) = (acting.at(here), &here.app);
                match end {
                    SignOut => drop(acting.post("/logout", &[]).await.lands_on("/login")),
                    SignOutOthers => drop(acting.post("/account/sessions", &[("others", "on")]).await),
                    One => {
                        for open in session::of_user(app, &name).await.unwrap() {
                            session::end_one(app, open.id.as_str()).await.unwrap();
                        }
                    }
                    All => assert_eq!(session::end_all(app, &name).await.unwrap(), 2),
                    Disable => users::disable(app, &name).await.unwrap(),
                    AnotherRole => users::set_role(app, &name, Role::Admin).await.unwrap(),
                    NewPassword => {
                        acting
                            .post("/account/password", &[("password", "difference of engines")])
                            .await
                            .lands_on("/account");
                    }
                    RecoveryCode => {
                        let browser = ada.half_signed_in().await.at(here);
                        let fields = [("recovery_code", ada.recovery_codes[0].as_str())];
                        browser.post("/login/recovery", &fields).await.lands_on("/enroll");
                        let mut new = ada.clone();
                        new.scan(&browser).await;
                        browser
                            .post("/enroll", &[("otp", &new.code())])
                            .await
                            .lands_on("/enroll/recovery-codes");
                    }
                    ResetFactor => drop(auth::link::reset_factor(app, &name).await.unwrap()),
                    Remove => users::remove(app, &name).await.unwrap(),
                }
                assert!(!is_in(&ended).await, "{end:?} in round {round}");
                assert!(!is_in(&ended.at(&world)).await, "{end:?} in round {round}");
                rounds += 1;
            }
        }
        assert_eq!(rounds, 100);
    })
    .await;
}

/// SES-5.
#[tokio::test]
async fn of_sixty_sessions_the_fifty_that_were_seen_last_live() {
    World::on_both(|world| async move {
        let (ada, bob) = (world.person("ada").enrolled().await, world.person("bob").enrolled().await);
        let bobs = signed_in(&bob).await;
        let mut browsers = Vec::new();
        for n in 0..60 {
            let browser = world.browser();
            let fields = [("username", "ada"), ("password", PASSWORD), ("keep", "on")];
            browser.post("/login", &fields).await.lands_on("/login/code");
            browser.give_code(&ada.code()).await.lands_on("/");
            browsers.push(browser);
            world.wait(90);
            // The first one is used all the time, so it is not the oldest.
            assert!(is_in(&browsers[0]).await, "after {n}");
        }
        let count = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.name = 'ada'";
        assert_eq!(world.records().await.number(count).await, 50);
        let mut live = Vec::new();
        for browser in &browsers {
            live.push(is_in(browser).await);
        }
        let expected: Vec<bool> = (0..60).map(|n| n == 0 || n > 10).collect();
        assert_eq!(live, expected);
        let page = browsers[59].get("/account/sessions").await;
        assert_eq!(page.values_of("session").len(), 49, "all but the one that looks");
        world.wait(-60 * 90);
        assert!(is_in(&bobs).await, "the sessions of others are none of its business");
    })
    .await;
}

/// SES-2: a token that was there before the sign-in is worth nothing after it, wherever it was put.
#[tokio::test]
async fn six_of_six_planted_tokens_are_worth_nothing_after_the_sign_in() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let planted = auth::Random::Os.token().reveal();
        let query =
            |path: &str, name: &str| format!("{path}?{name}={planted}&session={planted}&sid={planted}");
        let mut refused = 0;
        for place in 0..6 {
            let browser = world.browser();
            let mut fields = vec![("username", "ada"), ("password", PASSWORD)];
            match place {
                0 => browser.set_cookie("latchkey", &planted),
                1 => browser.set_cookie("latchkey-login", &planted),
                2 => drop(browser.get(&query("/login", "latchkey")).await),
                3 => drop(browser.get(&query("/", "latchkey-login")).await),
                // In the form itself: there is no such field.
                4 => {
                    fields.push(("latchkey", &planted));
                    browser.post("/login", &fields).await.is(422);
                    fields.pop();
                }
                _ => {
                    browser.set_cookie("latchkey-device", &planted);
                    browser.set_cookie("latchkey-enroll", &planted);
                }
            }
            let path = if place == 2 { query("/login", "latchkey") } else { "/login".to_owned() };
            browser.post(&path, &fields).await.lands_on("/login/code");
            browser.give_code(&ada.code()).await.lands_on("/");
            world.wait(30);
            assert!(is_in(&browser).await);
            for cookie in ["latchkey", "latchkey-login", "latchkey-device"] {
                assert_ne!(browser.cookie(cookie).as_deref(), Some(&*planted), "{cookie} at {place}");
            }
            for cookie in ["latchkey", "latchkey-login"] {
                let thief = world.browser();
                thief.set_cookie(cookie, &planted);
                assert!(!is_in(&thief).await);
                thief.get("/login/code").await.lands_on("/login");
            }
            refused += 1;
        }
        assert_eq!(refused, 6);
    })
    .await;
}

/// SES-1: what a copy of the database holds is not what a browser sends.
#[tokio::test]
async fn a_stolen_database_signs_nobody_in_and_a_row_that_was_forged_is_no_session() {
    World::on_both(|world| async move {
        let (ada, records) = (world.person("ada").enrolled().await, world.records().await);
        let browser = signed_in(&ada).await;
        let token = browser.cookie("latchkey").unwrap();
        let dump = world.dump().await;
        assert!(!dump.text().contains(&token));
        let stolen = records.texts("SELECT token_mac FROM sessions UNION SELECT id FROM sessions").await;
        for text in &stolen {
            let thief = world.browser();
            thief.set_cookie("latchkey", text);
            assert!(!is_in(&thief).await, "{text}");
        }
        // Whoever can write rows and does not have the key knows no token that belongs to one.
        let forged = auth::Random::Os.token().reveal();
        records.change(&format!("UPDATE sessions SET token_mac = '{forged}'")).await;
        let thief = world.browser();
        thief.set_cookie("latchkey", &forged);
        assert!(!is_in(&thief).await && !is_in(&browser).await);
    })
    .await;
}

#[test]
fn of_a_million_tokens_no_two_are_the_same() {
    let random = auth::Random::Os;
    let now = auth::Time::from_millis(1_795_529_132_000);
    let mut tokens: Vec<String> = (0..1_000_000).map(|_| random.dated_token(now).reveal()).collect();
    assert!(tokens.iter().all(|token| token.len() == 51), "256 bits, and 48 of time");
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 1_000_000);
}
