//! Many at once, released together: of everything that can be had once, one gets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Barrier;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

const AT_ONCE: usize = 64;

/// Sends one request from every browser at the same moment.
pub(crate) async fn released<F>(browsers: Vec<Browser>, request: impl Fn(Browser) -> F) -> Vec<Seen>
where
    F: Future<Output = Seen> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(browsers.len()));
    let sent: Vec<_> = browsers
        .into_iter()
        .map(|browser| {
            let (barrier, request) = (barrier.clone(), request(browser));
            tokio::spawn(async move {
                barrier.wait().await;
                request.await
            })
        })
        .collect();
    let mut seen = Vec::new();
    for answer in sent {
        seen.push(answer.await.unwrap());
    }
    seen
}

pub(crate) fn count(seen: &[Seen], status: u16) -> usize {
    seen.iter().filter(|seen| seen.status.as_u16() == status).count()
}

/// So many browsers that have given ada's password, half of them at each node.
async fn past_the_password(ada: &Person, other: &World) -> Vec<Browser> {
    // One after the other: more than four at once would wait for each other's tries.
    let mut browsers = Vec::new();
    for n in 0..AT_ONCE {
        let browser = ada.half_signed_in().await;
        browsers.push(if n % 2 == 0 { browser } else { browser.at(other) });
    }
    browsers
}

/// Ada's one code from all of these browsers at once.
async fn give_at_once(ada: &Person, browsers: &[Browser]) -> Vec<Seen> {
    let code = ada.code();
    released(browsers.to_vec(), |browser| {
        let code = code.clone();
        async move { browser.give_code(&code).await }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_times_the_same_login_one_becomes_a_session() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        for round in 0..5 {
            let browser = ada.half_signed_in().await;
            let before = world.records().await.number("SELECT count(*) FROM sessions").await;
            let seen = give_at_once(&ada, &copies(&browser, &other)).await;
            assert_eq!((count(&seen, 303), count(&seen, 422)), (1, AT_ONCE - 1), "round {round}");
            let after = world.records().await.number("SELECT count(*) FROM sessions").await;
            assert_eq!(after - before, 1, "round {round}");
            world.wait(30);
        }
    })
    .await;
}

/// The same browser so many times, half of them at each node.
fn copies(browser: &Browser, other: &World) -> Vec<Browser> {
    (0..AT_ONCE).map(|n| if n % 2 == 0 { browser.copy() } else { browser.copy().at(other) }).collect()
}

/// A browser that holds `name`, and the person who has scanned its code.
async fn enrolling(world: &World, name: &str) -> (Browser, Person) {
    let (browser, mut person) = (world.browser(), world.person(name));
    browser.post("/register", &[("username", name), ("password", PASSWORD)]).await.lands_on("/enroll");
    person.scan(&browser).await;
    (browser, person)
}

/// The first code from all of these tabs at once.
async fn confirm_at_once(person: &Person, browsers: Vec<Browser>) -> Vec<Seen> {
    let code = person.code();
    released(browsers, |browser| {
        let code = code.clone();
        async move { browser.post("/enroll", &[("otp", &code)]).await }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_tabs_that_confirm_one_registration_one_makes_the_account() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        for (round, name) in ["ada", "bob", "eve", "zoe"].into_iter().enumerate() {
            let (browser, person) = enrolling(&world, name).await;
            let seen = confirm_at_once(&person, copies(&browser, &other)).await;
            assert_eq!((count(&seen, 303), count(&seen, 410)), (1, AT_ONCE - 1), "round {round}");
            let (records, accounts) = (world.records().await, i64::try_from(round).unwrap() + 1);
            for (table, each) in
                [("users", 1), ("authenticators", 1), ("sessions", 1), ("recovery_codes", 10)]
            {
                assert_eq!(
                    records.number(&format!("SELECT count(*) FROM {table}")).await,
                    each * accounts,
                    "{table}"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_being_confirmed_is_not_held_again() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        for round in 0..10 {
            let name = format!("ada{round}");
            let (browser, person) = enrolling(&world, &name).await;
            let code = person.code();
            let mut browsers = vec![browser];
            browsers.extend((0..6).map(|n| if n % 2 == 0 { world.browser() } else { other.browser() }));
            let seen = released(browsers, |browser| {
                let (code, name) = (code.clone(), name.clone());
                async move {
                    if browser.cookie("latchkey-enroll").is_some() {
                        browser.post("/enroll", &[("otp", &code)]).await
                    } else {
                        browser.post("/register", &[("username", &name), ("password", PASSWORD)]).await
                    }
                }
            })
            .await;
            assert_eq!((count(&seen, 303), count(&seen, 422)), (1, 6), "round {round}");
            seen[0].lands_on("/enroll/recovery-codes");
            assert_eq!(world.records().await.number("SELECT count(*) FROM registrations").await, 0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_use_one_recovery_code_one_sets_up_an_authenticator() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        for round in 0..5 {
            let browsers = past_the_password(&ada, &other).await;
            let code = ada.recovery_codes[round].clone();
            let seen = released(browsers.clone(), |browser| {
                let code = code.clone();
                async move { browser.post("/login/recovery", &[("recovery_code", &code)]).await }
            })
            .await;
            let refused = count(&seen, 422) + count(&seen, 429);
            assert_eq!((count(&seen, 303), refused), (1, AT_ONCE - 1), "round {round}");
            let records = world.records().await;
            assert_eq!(records.number("SELECT count(*) FROM enrollments").await, 1);
            assert_eq!(
                records.number("SELECT 9 - count(*) FROM recovery_codes").await,
                i64::try_from(round).unwrap()
            );

            let mut open = Vec::new();
            for browser in browsers {
                if browser.get("/enroll").await.status == 200 {
                    open.push(browser);
                }
            }
            assert_eq!(open.len(), 1, "round {round}");
            world.wait(24 * 3600);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_tabs_that_confirm_a_new_authenticator_one_replaces_the_old() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let mut ada = world.person("ada").enrolled().await;
        let browser = ada.half_signed_in().await;
        let used = ada.recovery_codes[0].clone();
        browser.post("/login/recovery", &[("recovery_code", &used)]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        let seen = confirm_at_once(&ada, copies(&browser, &other)).await;
        assert_eq!((count(&seen, 303), count(&seen, 410)), (1, AT_ONCE - 1));
        let records = world.records().await;
        assert_eq!(records.number("SELECT epoch FROM users").await, 1);
        assert_eq!(records.number("SELECT count(*) FROM sessions").await, 1);
        assert_eq!(records.number("SELECT count(*) FROM recovery_codes").await, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sheet_that_is_saved_in_64_tabs_was_saved_once() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let (browser, person) = enrolling(&world, "ada").await;
        confirm_at_once(&person, vec![browser.clone()]).await[0].lands_on("/enroll/recovery-codes");
        let seen = released(copies(&browser, &other), |browser| async move {
            browser.post("/enroll/recovery-codes", &[("saved", "on")]).await
        })
        .await;
        assert_eq!(count(&seen, 303), AT_ONCE);
        let saved = "SELECT count(*) FROM events WHERE kind = 'recovery.codes_saved'";
        assert_eq!(world.records().await.number(saved).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_came_by_the_owners_link_one_becomes_the_owner() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let link = auth::setup::owner_link(&world.app).await.unwrap().url;
        let path = link.strip_prefix("http://localhost:8080").unwrap().to_owned();
        let browsers: Vec<Browser> =
            (0..AT_ONCE).map(|n| if n % 2 == 0 { world.browser() } else { other.browser() }).collect();
        let names = AtomicUsize::new(0);
        let seen = released(browsers.clone(), |browser| {
            let (path, name) = (path.clone(), format!("owner{}", names.fetch_add(1, Ordering::Relaxed)));
            async move { browser.post(&path, &[("username", &name), ("password", PASSWORD)]).await }
        })
        .await;
        // The line of those who wait for a hash is short; who finds it full has spent nothing.
        let refused = count(&seen, 410) + count(&seen, 503);
        assert_eq!((count(&seen, 303), refused), (1, AT_ONCE - 1));
        for browser in browsers {
            if browser.cookie("latchkey-enroll").is_some() {
                let mut owner = world.person("");
                owner.scan(&browser).await;
                let code = owner.code();
                browser.post("/enroll", &[("otp", &code)]).await.lands_on("/enroll/recovery-codes");
            } else {
                browser.get(&path).await.is(410);
            }
        }
        assert_eq!(world.records().await.number("SELECT count(*) FROM users WHERE role = 'owner'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hundredth_wrong_code_closes_once_however_many_come_with_it() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        for round in 0..10 {
            let browser = ada.half_signed_in().await;
            let records = world.records().await;
            records.change("UPDATE users SET wrong_codes = 96").await;
            let code = ada.wrong_code();
            let seen = released(copies(&browser, &other), |browser| {
                let code = code.clone();
                async move { browser.give_code(&code).await }
            })
            .await;
            assert_eq!(count(&seen, 422) + count(&seen, 429), AT_ONCE);
            assert_eq!(records.number("SELECT wrong_codes FROM users").await, 100, "round {round}");
            let closed =
                records.number("SELECT count(*) FROM events WHERE kind = 'sign_in.codes_closed'").await;
            assert_eq!(closed, round + 1);
            world.wait(24 * 3600);
        }
    })
    .await;
}
