//! Links from an administrator for somebody who has lost something: what each asks, that looking spends nothing, and that
//! the right answer spends it once.

use auth::link::{self, Purpose};
use auth::{Error, Role, users};
use store::Kind;

use crate::log::Listening;
use crate::login::signed_in;
use crate::races::{count, released};
use crate::world::{Browser, PASSWORD, Person, Seen, World, by_code, path_of};

const NEW: &str = "difference of engines";
const GONE: &str = "This link no longer works";
const ALL: [Purpose; 3] = [Purpose::Enroll, Purpose::Password, Purpose::Both];

async fn made(world: &World, name: &str, purpose: Purpose) -> String {
    path_of(&link::make(&world.app, name, purpose).await.unwrap())
}

/// The right answer to what a link asks.
async fn answer(browser: &Browser, link: &str, (purpose, ada): (Purpose, &Person)) -> Seen {
    match purpose {
        Purpose::Enroll => browser.post(link, &[("password", PASSWORD)]).await,
        Purpose::Password => browser.post(link, &[("password", NEW), ("otp", &ada.code())]).await,
        Purpose::Both => browser.post(link, &[("password", NEW)]).await,
    }
}

/// Scans what waits in this browser and gives the first code.
async fn confirmed(ada: &Person, browser: &Browser) -> Person {
    let mut new = ada.clone();
    new.scan(browser).await;
    browser.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
    new
}

#[tokio::test]
async fn a_link_says_what_it_asks_and_looking_a_hundred_times_spends_nothing() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for (purpose, says, asks) in [
            (Purpose::Enroll, "You need your password, and on the next page your new phone.", [true, false]),
            (Purpose::Password, "It lets you choose a new password. You need a code", [true, true]),
            (
                Purpose::Both,
                "It lets you choose a new password and set up a new authenticator. Nothing else is asked.",
                [true, false],
            ),
        ] {
            let link = made(&world, "ada", purpose).await;
            let before = world.dump().await;
            for _ in 0..100 {
                world.browser().get(&link).await.is(200);
            }
            let page = world.browser().get(&link).await;
            page.says(says).says("A link for ada").says("The link works once, and for an hour.");
            for (field, asked) in ["name=\"password\"", "name=\"otp\""].into_iter().zip(asks) {
                assert_eq!(page.text.contains(field), asked, "{purpose}: {field}");
            }
            let current = purpose == Purpose::Enroll;
            assert_eq!(page.text.contains("current-password"), current);
            assert_eq!(page.header("cache-control"), "no-store");
            world.dump().await.is_still(&before);
            world.wait(30);
            let lands = if purpose == Purpose::Password { "/" } else { "/enroll" };
            answer(&world.browser(), &link, (purpose, &ada)).await.lands_on(lands);
            if purpose == Purpose::Password {
                let back = users::show(&world.app, "ada").await.unwrap();
                assert_eq!(back.authenticators.len(), 1);
            }
            world.browser().get(&link).await.is(410).says(GONE);
            answer(&world.browser(), &link, (purpose, &ada)).await.is(410);
            world.wait(30);
        }
    })
    .await;
}

#[tokio::test]
async fn no_field_can_be_left_out_or_added() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for purpose in ALL {
            let link = made(&world, "ada", purpose).await;
            let code = ada.code();
            let before = world.dump().await;
            let forms: &[&[(&str, &str)]] = match purpose {
                Purpose::Enroll => &[
                    &[],
                    &[("password", "")],
                    &[("otp", &code)],
                    &[("password", PASSWORD), ("otp", &code)],
                    &[("password", PASSWORD), ("password", NEW)],
                    &[("password", PASSWORD), ("role", "owner")],
                ],
                Purpose::Password => &[
                    &[],
                    &[("password", NEW)],
                    &[("otp", &code)],
                    &[("password", ""), ("otp", &code)],
                    &[("password", NEW), ("otp", "")],
                    &[("password", NEW), ("otp", "1234567")],
                    &[("password", "short"), ("otp", &code)],
                    &[("password", "password1"), ("otp", &code)],
                    &[("password", NEW), ("otp", &code), ("otp_next", &code)],
                ],
                Purpose::Both => &[
                    &[],
                    &[("password", "")],
                    &[("password", "short")],
                    &[("password", "password1")],
                    &[("password", NEW), ("otp", &code)],
                ],
            };
            for form in forms {
                let browser = world.browser();
                browser.post(&link, form).await.is(422);
                assert_eq!(browser.cookie_names(), Vec::<String>::new());
            }
            world.dump().await.is_still(&before);
            world.browser().get(&link).await.is(200);
        }
        let nobody = link::make(&world.app, "nobody", Purpose::Both).await.err().unwrap();
        assert!(matches!(nobody, Error::NotFound(_)), "{nobody}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_or_code_spends_a_try_and_not_the_link() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let link = made(&world, "ada", Purpose::Enroll).await;
        for _ in 0..5 {
            world
                .browser()
                .post(&link, &[("password", "not the password")])
                .await
                .refuses_with("That password is not right.");
        }
        // The tries are the link's own: strangers at the front door and whoever holds it keep each other out of nothing.
        world.browser().give_password("ada", PASSWORD).await.lands_on("/login/code");
        let resting = world.browser().post(&link, &[("password", PASSWORD)]).await;
        assert_eq!((resting.status.as_u16(), resting.header("retry-after").as_str()), (429, "30"));
        world.wait(30);
        world.browser().post(&link, &[("password", PASSWORD)]).await.lands_on("/enroll");

        let link = made(&world, "ada", Purpose::Password).await;
        let give = async |code: &str| world.browser().post(&link, &[("password", NEW), ("otp", code)]).await;
        let used = ada.code();
        signed_in(&ada).await;
        give(&used).await.is(422).says("has been used already");
        for _ in 0..5 {
            give(&ada.wrong_code()).await.is(422).says("That code is not right.");
        }
        give(&ada.code()).await.is(429);
        world.browser().give_password("ada", NEW).await.is(422);
        world.wait(30);
        give(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_by_a_newer_one_and_with_its_epoch() {
    World::on_both(|world| async move {
        world.person("root").enrolled().await;
        users::set_role(&world.app, "root", Role::Owner).await.unwrap();
        let ada = world.person("ada").enrolled().await;
        for purpose in ALL {
            let link = made(&world, "ada", purpose).await;
            world.wait(3599);
            world.browser().get(&link).await.is(200);
            world.wait(1);
            world.browser().get(&link).await.is(410).says(GONE);
            answer(&world.browser(), &link, (purpose, &ada)).await.is(410);

            for newer in ALL {
                let (older, newer) = (made(&world, "ada", purpose).await, made(&world, "ada", newer).await);
                world.browser().get(&older).await.is(410);
                answer(&world.browser(), &older, (purpose, &ada)).await.is(410);
                world.browser().get(&newer).await.is(200);
            }
            for end in 0..3 {
                let link = made(&world, "ada", purpose).await;
                match end {
                    0 => {
                        users::disable(&world.app, "ada").await.unwrap();
                        let refused = link::make(&world.app, "ada", purpose).await.err().unwrap();
                        assert!(refused.to_string().contains("latchkey user enable ada"), "{refused}");
                        world.browser().get(&link).await.is(410);
                        users::enable(&world.app, "ada").await.unwrap();
                    }
                    1 => {
                        users::set_role(&world.app, "ada", Role::Admin).await.unwrap();
                        world.wait(30);
                    }
                    _ => {
                        let browser = signed_in(&ada).await;
                        browser
                            .post("/account/password", &[("password", PASSWORD)])
                            .await
                            .lands_on("/account");
                    }
                }
                let before = world.dump().await;
                world.browser().get(&link).await.is(410);
                answer(&world.browser(), &link, (purpose, &ada)).await.is(410);
                world.dump().await.is_still(&before);
                users::set_role(&world.app, "ada", Role::User).await.unwrap();
            }
        }
        for odd in ["/link/0000-0000-0000-0000-0000-0000-0000-0000", "/link/x", "/link/%00"] {
            world.browser().get(odd).await.is(410);
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_phone_is_replaced_with_the_password_and_everything_else_ends() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let other = signed_in(&ada).await;
        let link = made(&world, "ada", Purpose::Enroll).await;
        let browser = world.browser();
        browser.post(&link, &[("password", PASSWORD)]).await.lands_on("/enroll");
        assert_eq!(browser.cookie_names(), ["latchkey-enroll"]);
        browser.get("/").await.lands_on("/login");
        other.get("/").await.is(200);
        let new = confirmed(&ada, &browser).await;
        other.get("/").await.lands_on("/login");
        assert_eq!(browser.get("/enroll/recovery-codes").await.recovery_codes().len(), 10);
        world.wait(30);
        let half = new.half_signed_in().await;
        half.give_code(&ada.code()).await.is(422).says("an old entry");
        half.give_code(&new.code()).await.lands_on("/");
        let records = world.records().await;
        for (table, rows) in [("user_links", 0), ("enrollments", 0), ("devices", 2), ("recovery_codes", 10)] {
            assert_eq!(records.number(&format!("SELECT count(*) FROM {table}")).await, rows, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_password_is_chosen_anew_with_a_code_and_other_sessions_end() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let other = signed_in(&ada).await;
        let half = ada.half_signed_in().await;
        let link = made(&world, "ada", Purpose::Password).await;
        let browser = world.browser();
        browser.post(&link, &[("password", NEW), ("otp", &ada.code())]).await.lands_on("/");
        browser.get("/").await.is(200).says("10 of 10 left");
        // It is a whole sign-in, with a proof that is fresh.
        browser.get("/account/password").await.is(200);
        other.get("/").await.lands_on("/login");
        world.wait(30);
        half.give_code(&ada.code()).await.is(422);
        world.browser().give_password("ada", PASSWORD).await.is(422);
        world.browser().give_password("ada", NEW).await.lands_on("/login/code");
        // Browsers that knew the old password are known no more.
        assert_eq!(world.records().await.number("SELECT count(*) FROM devices").await, 1);
    })
    .await;
}

#[tokio::test]
async fn who_has_lost_both_chooses_a_password_that_counts_from_the_first_code_on() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let other = signed_in(&ada).await;
        let abandoned = world.browser();
        abandoned
            .post(&made(&world, "ada", Purpose::Both).await, &[("password", NEW)])
            .await
            .lands_on("/enroll");
        abandoned.get("/enroll").await.is(200);
        world.wait(1800);
        abandoned.get("/enroll").await.is(410);
        world.browser().give_password("ada", NEW).await.is(422);
        let kept = signed_in(&ada).await;
        kept.get("/").await.says("10 of 10 left");
        other.get("/").await.lands_on("/login");

        let browser = world.browser();
        browser
            .post(&made(&world, "ada", Purpose::Both).await, &[("password", NEW)])
            .await
            .lands_on("/enroll");
        assert_eq!(world.records().await.number("SELECT count(*) FROM devices").await, 3);
        let new = confirmed(&ada, &browser).await;
        kept.get("/").await.lands_on("/login");
        let codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
        assert!(codes.len() == 10 && codes.iter().all(|code| !ada.recovery_codes.contains(code)));
        assert_eq!(world.records().await.number("SELECT count(*) FROM devices").await, 1);
        world.wait(30);
        world.browser().give_password("ada", PASSWORD).await.is(422);
        let again = world.browser();
        again.give_password("ada", NEW).await.lands_on("/login/code");
        again.give_code(&ada.code()).await.is(422).says("an old entry");
        again.give_code(&new.code()).await.lands_on("/");
        let changed = "SELECT count(*) FROM events WHERE kind = 'password.changed'";
        assert_eq!(world.records().await.number(changed).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reset_ends_all_sessions_and_the_password_alone_never_enrolls() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let session = signed_in(&ada).await;
        let (half, adding, recovering) = (ada.half_signed_in().await, signed_in(&ada).await, ada.half_signed_in().await);
        adding.post("/account/authenticators/add", &[("name", "iPad")]).await.lands_on("/enroll");
        let enrolling = ada.half_signed_in().await;
        enrolling.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[1])]).await.lands_on("/enroll");
        let voided = adding.copy();
        voided.get("/enroll").await.is(410);
        let link = path_of(&link::reset_factor(&world.app, "ada").await.unwrap());
        // What was begun before is void, whatever it is.
        enrolling.get("/enroll").await.is(410);
        half.get("/login/code").await.lands_on("/login");
        session.get("/").await.lands_on("/login");
        adding.get("/enroll").await.is(410);
        half.give_code(&ada.code()).await.is(422);
        recovering.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[0])]).await.is(422);

        let browser = ada.half_signed_in().await;
        let none = "No authenticator is set up: an administrator has reset it. Ask them for a link to set up a new one.";
        browser.give_code(&ada.code()).await.refuses_with(none);
        browser.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[0])]).await.is(422);
        browser.get("/enroll").await.lands_on("/register");
        browser.get("/").await.lands_on("/login");
        let shown = users::show(&world.app, "ada").await.unwrap();
        assert_eq!((shown.authenticators.len(), shown.recovery_codes), (0, 0));

        let browser = world.browser();
        browser.post(&link, &[("password", "not the password")]).await.is(422);
        browser.post(&link, &[("password", PASSWORD)]).await.lands_on("/enroll");
        let new = confirmed(&ada, &browser).await;
        world.wait(30);
        signed_in(&new).await.get("/").await.says("10 of 10 left");
    })
    .await;
}

#[tokio::test]
async fn where_a_code_is_enough_a_link_asks_for_no_password_that_nobody_has() {
    World::on_both_by_code(|world| async move {
        let ada = world.person("ada").enrolled_by_code().await;
        for purpose in [Purpose::Enroll, Purpose::Both] {
            let link = made(&world, "ada", purpose).await;
            let page = world.browser().get(&link).await;
            page.is(200)
                .says("Nothing else is asked.")
                .never_says("name=\"password\"")
                .never_says("name=\"otp\"");
            world.browser().post(&link, &[("password", NEW)]).await.is(422);
            let browser = world.browser();
            browser.post(&link, &[]).await.lands_on("/enroll");
            let new = confirmed(&ada, &browser).await;
            world.wait(30);
            world.browser().give_name_and_code("ada", &new.code()).await.lands_on("/");
            assert_eq!(world.records().await.number("SELECT max(level) FROM sessions").await, 1);
        }
        let both =
            world.reopened(|config| config.factors = auth::config::Factors::PasswordAndCode).await.unwrap();
        // Where a password is needed, the same link asks for a new one.
        let link = made(&both, "ada", Purpose::Enroll).await;
        let browser = both.browser();
        browser.post(&link, &[]).await.is(422);
        browser.post(&link, &[("password", NEW)]).await.lands_on("/enroll");
        confirmed(&ada, &browser).await;
        browser.get("/").await.is(200);
    })
    .await;
}

/// 64 right answers at once, half of them at each node: one is good.
async fn at_once(world: &World, other: &World, (purpose, ada): (Purpose, &Person)) -> (usize, Vec<u16>) {
    let link = made(world, "ada", purpose).await;
    let browsers: Vec<Browser> =
        (0..64).map(|n| if n % 2 == 0 { world.browser() } else { other.browser() }).collect();
    let seen = released(browsers.clone(), |browser| {
        let (link, ada) = (link.clone(), ada.clone());
        async move { answer(&browser, &link, (purpose, &ada)).await }
    })
    .await;
    let mut opened = 0;
    for browser in browsers {
        let page = if purpose == Purpose::Password { "/" } else { "/enroll" };
        opened += usize::from(browser.get(page).await.status == 200);
    }
    assert_eq!(count(&seen, 303), opened, "{purpose}");
    (opened, seen.iter().map(|seen| seen.status.as_u16()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_answer_a_link_at_once_one_gets_it() {
    World::on_both_by_code(|world| async move {
        let other = world.reopened(by_code).await.unwrap();
        world.person("ada").enrolled_by_code().await;
        for purpose in [Purpose::Both, Purpose::Enroll, Purpose::Both] {
            // Nothing is asked here, so nothing but the link itself is in the way of the others.
            let link = made(&world, "ada", purpose).await;
            let browsers: Vec<Browser> =
                (0..64).map(|n| if n % 2 == 0 { world.browser() } else { other.browser() }).collect();
            let seen = released(browsers, |browser| {
                let link = link.clone();
                async move { browser.post(&link, &[]).await }
            })
            .await;
            assert_eq!((count(&seen, 303), count(&seen, 410)), (1, 63), "{purpose}");
            let used = "SELECT count(*) FROM events WHERE kind = 'link.used'";
            assert_eq!(world.records().await.number(used).await, 1);
            world.records().await.change("DELETE FROM events WHERE kind = 'link.used'").await;
        }
    })
    .await;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::on(kind).await;
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        for purpose in [Purpose::Enroll, Purpose::Both, Purpose::Password] {
            world.wait(24 * 3600);
            let (opened, statuses) = at_once(&world, &other, (purpose, &ada)).await;
            assert_eq!(opened, 1, "{purpose} on {kind:?}: {statuses:?}");
            assert!(
                statuses.iter().all(|status| matches!(status, 303 | 410 | 422 | 429 | 503)),
                "{statuses:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_secret_of_a_link_is_written_nowhere() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for purpose in ALL {
            let link = made(&world, "ada", purpose).await;
            let secret = link.strip_prefix("/link/").unwrap().to_owned();
            let bare = secret.replace('-', "");
            let clean = async || {
                let text = world.dump().await.text().to_lowercase();
                assert!(!text.contains(&secret) && !text.contains(&bare), "{purpose}");
                assert!(!text.contains(&bare[..12]));
            };
            clean().await;
            world.browser().get(&link).await.is(200);
            world.browser().post(&link, &[]).await.is(422);
            clean().await;
            world.wait(30);
            let browser = world.browser();
            answer(&browser, &link, (purpose, &ada)).await.is(303);
            clean().await;
            // No page that comes after it names it, so no `Referer` of such a page does.
            for path in ["/enroll", "/", "/account/activity", "/account/activity.csv"] {
                browser.get(path).await.never_says(&secret).never_says(&bare);
            }
            let referrer = world.browser().get(&link).await.header("referrer-policy");
            assert_eq!(referrer, "same-origin");
        }
    })
    .await;
}

#[tokio::test]
async fn the_log_names_the_route_of_a_link_and_nothing_that_is_secret() {
    World::on_both(|world| async move {
        let log = Listening::begin();
        let ada = world.person("ada").enrolled().await;
        let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), ada.code()];
        secrets.extend(ada.recovery_codes.clone());
        for purpose in ALL {
            let link = made(&world, "ada", purpose).await;
            secrets.push(link.strip_prefix("/link/").unwrap().to_owned());
            world.browser().get(&link).await.is(200);
            world.browser().post(&link, &[]).await.is(422);
            let browser = world.browser();
            answer(&browser, &link, (purpose, &ada)).await.is(303);
            world.browser().get(&link).await.is(410);
            secrets.extend(browser.cookie_names().iter().filter_map(|name| browser.cookie(name)));
            world.wait(30);
        }
        let text = log.text().to_lowercase();
        assert!(text.contains("route=/link/{token}"), "nothing was logged:\n{text}");
        for secret in secrets {
            assert!(!text.contains(&secret.to_lowercase()), "{secret} was logged:\n{text}");
        }
    })
    .await;
}
