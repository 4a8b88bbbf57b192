//! Failures of ours: they keep what was charged and give nothing away; and no change is ever without its event.

use auth::access::{Draft, Rule, book};
use auth::api_token::{self, Scope, Wanted};
use auth::audit::seal::Sealer;
use auth::config::Factors;
use auth::import::{self, Grace};
use auth::verify::{self, Asked};
use auth::{Role, Visit, chores, groups, keys, link, setup, users};

use crate::records::Records;
use crate::world::{Browser, PASSWORD, Person, Seen, World};

/// A failure of ours, and no word of why.
#[track_caller]
fn fails(seen: &Seen) {
    assert!(seen.status.is_server_error(), "{}", seen.status);
    seen.never_says("refused by the test").never_says("sealed");
    assert!(seen.set_cookies().is_empty(), "{:?}", seen.set_cookies());
}

#[tokio::test]
async fn what_only_the_right_code_can_reach_costs_a_try_all_the_same() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, code, records) = (ada.half_signed_in().await, ada.code(), world.records().await);
        records.refuse_inserts("sessions", "1 = 1").await;
        let before = world.dump().await.without(&["attempts"]);
        for tries in 1..=5 {
            fails(browser.give_code(&code).await.is(503));
            assert_eq!(records.number("SELECT failures FROM attempts WHERE kind = 'code'").await, tries);
        }
        browser.give_code(&code).await.is(429);
        // Neither the code nor the login is spent, since nobody was signed in by them.
        world.dump().await.without(&["attempts"]).is_still(&before);
        records.take_inserts("sessions").await;
        world.wait(30);
        browser.give_code(&code).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn what_only_the_right_recovery_code_can_reach_costs_a_try_all_the_same() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, records) = (ada.half_signed_in().await, world.records().await);
        let fields = [("recovery_code", ada.recovery_codes[0].as_str())];
        records.refuse_inserts("enrollments", "1 = 1").await;
        let before = world.dump().await.without(&["attempts"]);
        for _ in 0..5 {
            fails(browser.post("/login/recovery", &fields).await.is(503));
        }
        browser.post("/login/recovery", &fields).await.is(429);
        world.dump().await.without(&["attempts"]).is_still(&before);
        records.take_inserts("enrollments").await;
        world.wait(30);
        browser.post("/login/recovery", &fields).await.lands_on("/enroll");
    })
    .await;
}

#[tokio::test]
async fn what_only_the_right_password_can_reach_costs_a_try_all_the_same() {
    World::on_both(|world| async move {
        world.person("ada").enrolled().await;
        let records = world.records().await;
        records.refuse_inserts("logins", "1 = 1").await;
        let before = world.dump().await.without(&["attempts"]);
        for _ in 0..5 {
            fails(&world.browser().give_password("ada", PASSWORD).await);
        }
        world.browser().give_password("ada", PASSWORD).await.is(429);
        world.dump().await.without(&["attempts"]).is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_gives_no_free_guess() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, records) = (ada.half_signed_in().await, world.records().await);
        records.change("UPDATE authenticators SET secret = 'seal-1.' || secret").await;
        // What is written is the charge, and that somebody has meddled with the database.
        let before = world.dump().await.without(&["attempts", "events"]);
        for code in [ada.code(), ada.wrong_code(), ada.code(), ada.wrong_code(), ada.code()] {
            fails(browser.give_code(&code).await.is(503));
        }
        browser.give_code(&ada.code()).await.is(429);
        browser.give_code(&ada.wrong_code()).await.is(429);
        world.dump().await.without(&["attempts", "events"]).is_still(&before);
        let noted = "SELECT count FROM events WHERE kind = 'integrity.failed'";
        assert_eq!(records.number(noted).await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_charge_that_cannot_be_written_leaves_the_guess_unjudged() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (browser, records) = (ada.half_signed_in().await, world.records().await);
        records.refuse_inserts("attempts", "NEW.kind <> 'x'").await;
        let before = world.dump().await;
        fails(&browser.give_code(&ada.code()).await);
        fails(&browser.give_code(&ada.wrong_code()).await);
        let recovery = [("recovery_code", ada.recovery_codes[0].as_str())];
        fails(&browser.post("/login/recovery", &recovery).await);
        fails(&world.browser().give_password("ada", PASSWORD).await);
        world.dump().await.is_still(&before);
    })
    .await;
}

/// The status of what an operator does.
fn done<T>(result: auth::Result<T>) -> u16 {
    if result.is_ok() { 303 } else { 500 }
}

/// Plays an act, first with the engine refusing its event: then the act must fail and leave nothing. After that, it is
/// played for real, and has written one event of its kind.
async fn act<F: Future<Output = u16>>(records: &Records, kind: &str, act: impl Fn() -> F) {
    records.refuse_inserts("events", &format!("NEW.kind = '{kind}'")).await;
    let before = records.dump().await.without(&["attempts"]);
    let refused = act().await;
    assert!(refused >= 500, "{kind}: {refused} without its event");
    // A password's try is charged before it is judged; everything else is undone with the event.
    records.dump().await.without(&["attempts"]).is_still(&before);
    records.take_inserts("events").await;

    let count = format!("SELECT count(*) FROM events WHERE kind = '{kind}'");
    let earlier = records.number(&count).await;
    let status = act().await;
    assert!(status < 500, "{kind}: {status}");
    assert_eq!(records.number(&count).await - earlier, 1, "{kind}");
}

/// The kinds that the product knows, as its source lists them.
fn kinds() -> Vec<String> {
    let source = include_str!("../../../auth/src/audit.rs");
    let (_, texts) = source.split_once("fn text(self)").expect("where events get their names");
    let (texts, _) = texts.split_once("\n    }\n").expect("the end of it");
    let mut kinds: Vec<String> = texts.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    // That a house was brought back or moved is written by the transaction that makes it one: auth/tests/it/{restore,moving}.rs.
    kinds.retain(|kind| kind != "restored" && kind != "moved");
    kinds.sort();
    kinds
}

#[tokio::test]
async fn whatever_happens_is_written_down_in_the_same_transaction_or_does_not_happen() {
    World::on_both(|world| async move {
        let records = &world.records().await;
        let (browser, mut ada) = (&world.browser(), world.person("ada"));
        let (app, status) = (&world.app, |seen: Seen| seen.status.as_u16());
        let credentials = &[("username", "ada"), ("password", PASSWORD)];

        act(records, "registration.started", async || status(browser.post("/register", credentials).await))
            .await;
        ada.scan(browser).await;
        let code = ada.code();
        act(records, "user.created", async || status(browser.post("/enroll", &[("otp", &code)]).await)).await;
        ada.recovery_codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
        let saved = &[("saved", "on")];
        let save = async || status(browser.post("/enroll/recovery-codes", saved).await);
        act(records, "recovery.codes_saved", save).await;
        act(records, "session.ended", async || status(browser.copy().post("/logout", &[]).await)).await;

        world.wait(30);
        let half = &world.browser();
        let wrong = async || status(half.give_password("ada", "not the password").await);
        act(records, "sign_in.password_wrong", wrong).await;
        act(records, "sign_in.password_right", async || status(half.post("/login", credentials).await)).await;
        act(records, "sign_in.code_wrong", async || status(half.give_code(&ada.wrong_code()).await)).await;
        records.change("UPDATE users SET wrong_codes = 99").await;
        act(records, "sign_in.codes_closed", async || status(half.give_code(&ada.wrong_code()).await)).await;
        let strange = &world.browser();
        let hundredth = async || {
            records.change("UPDATE attempts SET in_row = 99 WHERE kind = 'password'").await;
            status(strange.give_password("ada", "not the password").await)
        };
        act(records, "sign_in.door_closed", hundredth).await;
        act(records, "user.enabled", async || done(users::enable(app, "ada").await)).await;
        act(records, "sign_in.completed", async || status(half.give_code(&ada.code()).await)).await;

        let again = &ada.half_signed_in().await;
        act(records, "sign_in.code_replayed", async || status(again.give_code(&ada.code()).await)).await;
        let renew = async || status(half.post("/account/recovery-codes", &[]).await);
        act(records, "recovery.codes_renewed", renew).await;
        ada.recovery_codes = half.get("/enroll/recovery-codes").await.recovery_codes();
        world.wait(30);
        let proof = &[("password", PASSWORD), ("otp", &ada.code())];
        act(records, "session.proved", async || status(half.post("/account/prove", proof).await)).await;
        let new = &[("password", PASSWORD)];
        let named = |page: &Seen, field: &str| {
            let at = format!("name=\"{field}\" value=\"");
            let values = page.text.split(&at).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
            values.collect::<Vec<_>>()
        };
        half.post("/account/authenticators/add", &[("name", "iPad")]).await.lands_on("/enroll");
        let mut ipad = ada.clone();
        ipad.scan(half).await;
        let code = ipad.code();
        act(records, "authenticator.added", async || status(half.post("/enroll", &[("otp", &code)]).await))
            .await;
        let ids = named(&half.get("/account/authenticators").await, "authenticator");
        let rename = [("authenticator", ids[1].as_str()), ("name", "Tablet")];
        let renamed = async || status(half.post("/account/authenticators/rename", &rename).await);
        assert_eq!(ids.len(), 2, "{ids:?}");
        act(records, "authenticator.renamed", renamed).await;
        let phone = [("name", "Phone 2"), ("authenticator", ids[1].as_str()), ("old", "now")];
        half.post("/account/authenticators/new-phone", &phone).await.lands_on("/enroll");
        ipad.scan(half).await;
        let code = ipad.code();
        act(records, "authenticator.moved", async || status(half.post("/enroll", &[("otp", &code)]).await))
            .await;
        half.post("/account/authenticators/add", &[("name", "Third")]).await.lands_on("/enroll");
        ipad.scan(half).await;
        half.post("/enroll", &[("otp", &ipad.code())]).await.lands_on("/account/authenticators");
        let third = named(&half.get("/account/authenticators").await, "authenticator").pop().unwrap();
        let remove = [("authenticator", third.as_str())];
        let removed = async || status(half.post("/account/authenticators/remove", &remove).await);
        act(records, "authenticator.removed", removed).await;
        let browser_id = named(&half.get("/account/sessions").await, "browser").pop().unwrap();
        let forget = [("browser", browser_id.as_str())];
        act(records, "browser.forgotten", async || status(half.post("/account/browsers", &forget).await))
            .await;
        act(records, "password.changed", async || status(half.post("/account/password", new).await)).await;
        rest(&ada).await;
        act(records, "sign_in.rested", async || done(chores::once(app).await)).await;
        world.wait(24 * 3600);
        let again = &ada.half_signed_in().await;
        let recover =
            async |code: &str| status(again.post("/login/recovery", &[("recovery_code", code)]).await);
        act(records, "recovery.code_wrong", async || recover("abcd-efgh-jkmn-pqrs").await).await;
        act(records, "recovery.code_used", async || recover(&ada.recovery_codes[0]).await).await;
        ada.scan(again).await;
        let code = ada.code();
        act(records, "authenticator.replaced", async || {
            status(again.post("/enroll", &[("otp", &code)]).await)
        })
        .await;

        programs(records, (&world, again), &ada).await;
        let slow = &ada.half_signed_in().await;
        let now = world.clock.now().seconds() + 300;
        let two = [("otp", &ada.code_at(now) as &str), ("otp_next", &ada.code_at(now + 30))];
        act(records, "authenticator.clock_learned", async || status(slow.post("/login/code", &two).await))
            .await;
        let made = link::make(app, "ada", link::Purpose::Enroll).await.unwrap();
        let path = made.url.strip_prefix("http://localhost:8080").unwrap();
        let password = &[("password", PASSWORD)];
        act(records, "link.used", async || status(world.browser().post(path, password).await)).await;
        act(records, "link.made", async || done(setup::user_link(app, "eve", Role::User).await)).await;
        act(records, "user.role_changed", async || done(users::set_role(app, "ada", Role::Admin).await))
            .await;
        let by_code = &world.reopened(|config| config.factors = Factors::Code).await.unwrap();
        world.wait(600);
        let fields = [("username", "ada"), ("otp", &ada.code_at(world.clock.now().seconds() + 300) as &str)];
        let owed = async || status(by_code.browser().post("/login", &fields).await);
        act(records, "sign_in.code_right", owed).await;
        act(records, "user.factor_reset", async || done(link::reset_factor(app, "ada").await)).await;
        let uri = b"otpauth://totp/YourApp:carol?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=YourApp\n";
        let taken = async || {
            let plan = import::otpauth(uri).unwrap();
            done(import::apply(app, plan, Grace::default(), &mut |_| {}).await)
        };
        act(records, "user.imported", taken).await;
        act(records, "group.created", async || done(groups::add(app, "family").await)).await;
        let who = &["ada".to_owned()];
        act(records, "group.joined", async || done(groups::join(app, "family", who).await)).await;
        act(records, "group.left", async || done(groups::leave(app, "family", who).await)).await;
        act(records, "group.removed", async || done(groups::remove(app, "family").await)).await;
        act(records, "user.removed", async || done(users::remove(app, "carol").await)).await;
        act(records, "user.disabled", async || done(users::disable(app, "ada").await)).await;
        say_who_from_where_and_when(records, world.clock.now().millis()).await;
        act(records, "key.rotated", async || done(keys::rotate_pepper(app).await)).await;
        let made = async || done(book::add(app, bypass("app.example.org"), None).await);
        act(records, "access.rule_added", made).await;
        act(records, "access.rule_removed", async || done(book::remove(app, 1).await)).await;
        damage(records, &world).await;
        Sealer::new(app).seal().await.unwrap();
        world.wait(401 * 24 * 3600);
        setup::user_link(app, "zoe", Role::User).await.unwrap();
        Sealer::new(app).seal().await.unwrap();
        let kinds_so_far = records.texts("SELECT DISTINCT kind FROM events").await;
        world.wait(60);
        let remove = async || done(Sealer::new(app).remove_old().await);
        act(records, "audit.removed", remove).await;

        let mut written = kinds_so_far;
        written.push("audit.removed".to_owned());
        written.sort();
        assert_eq!(written, kinds(), "an event that no act here writes, or one that nobody knows");
    })
    .await;
}

fn bypass(host: &str) -> Rule {
    rule(host, "bypass")
}

fn rule(host: &str, policy: &str) -> Rule {
    let draft = Draft { hosts: vec![host.to_owned()], policy: policy.to_owned(), ..Draft::default() };
    draft.check(None).unwrap()
}

/// What happens when other programs ask, and when somebody is on the way to one. The browser is signed in as ada.
async fn programs(records: &Records, (world, browser): (&World, &Browser), ada: &Person) {
    let (app, visit) = (&world.app, &Visit::default());
    let strict = &world.reopened(|config| config.access_rules = vec![rule("app.example.org", "deny")]).await;
    let browser = browser.at(strict.as_ref().unwrap());
    let way = "/?rd=https%3A%2F%2Fapp.example.org%2F";
    act(records, "access.denied", async || browser.get(way).await.status.as_u16()).await;

    let wanted = Wanted { name: "wiki".into(), scopes: vec![Scope::Verify], hosts: Vec::new(), days: 30 };
    let make = async || done(api_token::add(app, wanted.clone(), None, visit).await);
    act(records, "token.created", make).await;
    world.wait(30);
    let token = api_token::all(app).await.unwrap().pop().unwrap();
    let code = ada.code();
    let ask = async || {
        let asked = Asked { username: "ada".to_owned(), password: None, code: code.clone() };
        done(verify::judge(app, &token, asked, visit).await)
    };
    act(records, "code.verified", ask).await;
    act(records, "token.revoked", async || done(api_token::revoke(app, ("wiki", None), visit).await)).await;
    world.wait(30);
}

/// A secret that was changed by hand: whoever gives a code is told that it could not be judged, which is 503.
async fn damage(records: &Records, world: &World) {
    let frank = &world.person("frank").enrolled().await;
    let half = &frank.half_signed_in().await;
    let whose = "WHERE user_id = (SELECT id FROM users WHERE name = 'frank')";
    records.change(&format!("UPDATE authenticators SET secret = sealed_by || '.AAAA' {whose}")).await;
    act(records, "integrity.failed", async || match half.give_code(&frank.code()).await.status.as_u16() {
        503 => 303,
        other => other,
    })
    .await;
}

/// Every event has a person, but for those that nobody did; an address, but for those of the command line; and its time.
async fn say_who_from_where_and_when(records: &Records, now: i64) {
    let nobody =
        "kind IN ('sign_in.rested', 'group.created', 'group.removed', 'token.created', 'token.revoked')";
    let here = "(kind LIKE 'user.%' AND kind <> 'user.created' OR kind LIKE 'group.%'
                 OR kind LIKE 'token.%' OR kind IN ('link.made', 'sign_in.rested', 'code.verified'))";
    for wrong in [
        format!("(name = '') <> ({nobody})"),
        format!("(address = '') <> {here} OR address NOT IN ('', '127.0.0.1')"),
        format!("at < {} OR at > {now}", crate::world::BEGIN),
        format!("user_id IS NULL AND kind NOT IN ('registration.started', 'link.made') AND NOT {nobody}"),
        "mac = '' OR count < 1 OR detail NOT LIKE '{%}'".to_owned(),
    ] {
        assert_eq!(
            records.texts(&format!("SELECT kind FROM events WHERE {wrong}")).await,
            [""; 0],
            "{wrong}"
        );
    }
}

/// Five wrong passwords and one that is not even judged.
async fn rest(ada: &Person) {
    for _ in 0..6 {
        ada.world.browser().give_password(&ada.name, "not the password").await;
    }
}

#[tokio::test]
async fn an_event_says_who_from_where_and_when() {
    World::on_both(|world| async move {
        world.person("Ada").enrolled().await;
        world.wait(60);
        world.browser().from("203.0.113.9").give_password("ada", "not the password").await;
        let records = world.records().await;
        let event = records.texts(
            "SELECT e.name || ' ' || e.address || ' ' || CAST(e.at AS TEXT) FROM events e JOIN users u ON u.id = e.user_id
             WHERE kind = 'sign_in.password_wrong'",
        );
        let now = world.clock.now().millis();
        assert_eq!(event.await, [format!("Ada 203.0.113.9 {now}")]);
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_failures_is_a_row_a_minute_and_what_rests_is_counted() {
    World::on_both(|world| async move {
        world.person("ada").enrolled().await;
        let browser = world.browser().from("203.0.113.9");
        for _ in 0..250 {
            browser.give_password("ada", "not the password").await;
        }
        for n in 0..250 {
            browser.give_password(&format!("nobody{n}"), "not the password").await.is(422);
        }
        chores::once(&world.app).await.unwrap();
        let records = world.records().await;
        let rows = "SELECT name || ' ' || CAST(count AS TEXT) FROM events WHERE kind = 'sign_in.password_wrong' ORDER BY 1";
        assert_eq!(records.texts(rows).await, [" 250", "ada 5"]);
        let rested = "SELECT CAST(count AS TEXT) FROM events WHERE kind = 'sign_in.rested'";
        assert_eq!(records.texts(rested).await, ["245"]);

        // Another neighborhood, and another minute, are rows of their own; a neighbor is not.
        browser.clone().from("203.0.113.10").give_password("nobody-a", "x").await.is(422);
        world.browser().from("2001:db8:1:2::1").give_password("nobody-b", "x").await.is(422);
        world.browser().from("2001:db8:1:2::2").give_password("nobody-c", "x").await.is(422);
        world.wait(60);
        browser.give_password("nobody-d", "x").await.is(422);
        let rows = "SELECT address || ' ' || CAST(count AS TEXT) FROM events WHERE kind = 'sign_in.password_wrong'";
        let mut rows = records.texts(rows).await;
        rows.sort();
        assert_eq!(rows, ["2001:db8:1:2::1 2", "203.0.113.10 1", "203.0.113.9 1", "203.0.113.9 250", "203.0.113.9 5"]);
    })
    .await;
}

#[tokio::test]
async fn the_chores_remove_what_is_over_and_nothing_else() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        crate::login::signed_in(&ada).await;
        let half = ada.half_signed_in().await;
        half.give_code(&ada.wrong_code()).await.is(422);
        let recovering = ada.half_signed_in().await;
        let fields = [("recovery_code", ada.recovery_codes[0].as_str())];
        recovering.post("/login/recovery", &fields).await.lands_on("/enroll");
        let newcomer = world.browser().from("203.0.113.9");
        newcomer.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        setup::owner_link(&world.app).await.unwrap();
        let open =
            ["sessions", "logins", "enrollments", "registrations", "attempts", "quotas", "setup_links"];
        let held = async |expected: [bool; 7]| {
            chores::once(&world.app).await.unwrap();
            let dump = world.dump().await;
            assert_eq!(open.map(|table| !dump.rows(table).is_empty()), expected, "{open:?}");
            assert!(!dump.rows("users").is_empty() && dump.rows("recovery_codes").len() == 9);
        };
        held([true; 7]).await;
        world.wait(10 * 60);
        held([true, false, true, true, true, true, true]).await;
        world.wait(20 * 60);
        held([false, false, false, false, true, true, true]).await;
        world.wait(30 * 60);
        held([false, false, false, false, true, false, false]).await;
        world.wait(23 * 3600);
        held([false; 7]).await;
    })
    .await;
}
