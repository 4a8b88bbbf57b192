//! What changes an account, asked with proofs that are too weak: each is refused, and nothing is written.

use crate::access::ADDRESSES;
use crate::authenticators::{added, ids, pending};
use crate::login::signed_in;
use crate::records::Dump;
use crate::world::{Browser, PASSWORD, Person, Seen, World, by_code};

/// Method, address and fields.
type Change = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Everything that changes an account, and the forms before it. `{one}` is an authenticator,
/// `{session}` another session, `{browser}` another known browser and `{token}` a token of the same person.
const CHANGES: [Change; 21] = [
    ("GET", "/account/password", &[]),
    ("POST", "/account/password", &[("password", "difference of engines")]),
    ("GET", "/account/recovery-codes", &[]),
    ("POST", "/account/recovery-codes", &[]),
    ("GET", "/account/authenticators/add", &[]),
    ("POST", "/account/authenticators/add", &[("name", "new")]),
    ("GET", "/account/authenticators/new-phone", &[]),
    (
        "POST",
        "/account/authenticators/new-phone",
        &[("name", "new"), ("authenticator", "{one}"), ("old", "day")],
    ),
    (
        "POST",
        "/account/authenticators/new-phone",
        &[("name", "new"), ("authenticator", "{one}"), ("old", "now")],
    ),
    ("POST", "/account/authenticators/rename", &[("authenticator", "{one}"), ("name", "new")]),
    ("GET", "/account/authenticators/remove?authenticator={one}", &[]),
    ("POST", "/account/authenticators/remove", &[("authenticator", "{one}")]),
    ("POST", "/account/sessions", &[("session", "{session}")]),
    ("POST", "/account/sessions", &[("others", "on")]),
    ("GET", "/account/tokens/new", &[]),
    ("POST", "/account/tokens/new", &[("name", "new"), ("account_read", "on"), ("days", "30")]),
    ("POST", "/account/tokens/revoke", &[("token", "{token}")]),
    ("POST", "/account/browsers", &[("browser", "{browser}")]),
    ("POST", "/account/browsers", &[("others", "on")]),
    // The proof itself: neither a code alone nor a password alone is one.
    ("POST", "/account/prove", &[("otp", "{code}")]),
    ("POST", "/account/prove", &[("password", PASSWORD)]),
];

/// A proof that is not enough.
#[derive(Clone, Copy, Debug)]
enum Weak {
    /// Half signed in, by the password.
    Password,
    /// A whole session whose proof is older than five minutes.
    Stale,
    /// A session by a code alone, of somebody who has a password; as fresh as can be.
    Code,
    /// Nothing but the cookie of a known browser.
    Device,
    /// Credentials for programs.
    Bearer,
}

const ALL: [Weak; 5] = [Weak::Password, Weak::Stale, Weak::Code, Weak::Device, Weak::Bearer];

/// Ada with two authenticators, and what the addresses above name.
struct Scene {
    ada: Person,
    fresh: Browser,
    one: String,
    session: String,
    browser: String,
    token: String,
}

/// A token of whoever is signed in there.
async fn token(fresh: &Browser) -> String {
    let fields = [("name", "old"), ("account_read", "on"), ("days", "30")];
    fresh.post("/account/tokens/new", &fields).await.is(200);
    fresh.get("/account/tokens").await.values_of("token")[0].clone()
}

async fn scene(world: &World) -> Scene {
    let ada = world.person("ada").enrolled().await;
    let (fresh, _other) = (signed_in(&ada).await, signed_in(&ada).await);
    added(&ada, &fresh, "iPad").await;
    let page = fresh.get("/account/sessions").await;
    let (session, browser) = (page.values_of("session")[0].clone(), page.values_of("browser")[0].clone());
    let one = ids(&fresh).await[1].clone();
    let token = token(&fresh).await;
    world.wait(30);
    Scene { ada, fresh, one, session, browser, token }
}

impl Scene {
    async fn ask(&self, browser: &Browser, (method, path, fields): Change) -> Seen {
        let code = self.ada.code();
        let fill = |text: &str| {
            let text = text.replace("{one}", &self.one).replace("{session}", &self.session);
            let text = text.replace("{browser}", &self.browser).replace("{token}", &self.token);
            text.replace("{code}", &code)
        };
        if method == "GET" {
            return browser.get(&fill(path)).await;
        }
        let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, fill(value))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(path, &fields).await
    }

    /// A browser that has no more than this, at a world where it has it.
    async fn weak(&self, weak: Weak) -> Browser {
        let world = &self.ada.world;
        match weak {
            Weak::Password => self.ada.half_signed_in().await,
            Weak::Stale => {
                let browser = signed_in(&self.ada).await;
                world.wait(5 * 60 - 30);
                browser
            }
            Weak::Code => {
                let here = world.reopened(by_code).await.unwrap();
                let browser = here.browser();
                browser.give_name_and_code("ada", &self.ada.code()).await.lands_on("/");
                world.wait(30);
                browser
            }
            Weak::Device => {
                let browser = world.browser();
                browser.set_cookie("latchkey-device", &self.fresh.cookie("latchkey-device").unwrap());
                browser
            }
            Weak::Bearer => {
                let token = self.fresh.cookie("latchkey").unwrap();
                world.browser().with("authorization", &format!("Bearer lk_{token}"))
            }
        }
    }
}

/// What must stay. Tries and events of tries, and that somebody was seen, may change.
/// Ours count as revocations, too.
async fn lasting(world: &World) -> Dump {
    let records = world.records().await;
    records.change("UPDATE sessions SET seen_at = 0, idle_at = 9000000000000").await;
    records.dump().await.without(&["attempts", "events", "logins", "revocations"])
}

/// Refused, or shown the way to a proof; and nothing that was asked for.
fn is_refusal(seen: &Seen) -> bool {
    let to = seen.header("location");
    match seen.status.as_u16() {
        401 | 403 => true,
        303 => to == "/login" || to.starts_with("/account/prove?rd="),
        // A proof that lacks a field.
        422 => seen.text.contains("did not arrive"),
        _ => false,
    }
}

#[tokio::test]
async fn no_weak_proof_changes_anything() {
    World::on_both(|world| async move {
        let scene = scene(&world).await;
        let mut refused = 0;
        for weak in ALL {
            for change in CHANGES {
                let browser = scene.weak(weak).await;
                let before = lasting(&world).await;
                let seen = scene.ask(&browser, change).await;
                assert!(
                    is_refusal(&seen),
                    "{weak:?} at {change:?}: {} {}",
                    seen.status,
                    seen.header("location")
                );
                lasting(&world).await.is_still(&before);
                for secret in ["otpauth://", "secret="] {
                    seen.never_says(secret);
                }
                refused += 1;
                // So that no session of these is idle, and none is the reason of a refusal.
                world.wait(30);
            }
        }
        assert_eq!(refused, 105);
    })
    .await;
}

/// The control: with a fresh proof of everything, each of them does what it says.
#[tokio::test]
async fn a_fresh_proof_of_everything_changes_what_it_asks_for() {
    World::on_both(|world| async move {
        let mut worked = 0;
        for change @ (method, path, fields) in CHANGES {
            if path == "/account/prove" {
                continue;
            }
            let name = format!("ada{worked}");
            let ada = world.person(&name).enrolled().await;
            let (fresh, other) = (signed_in(&ada).await, signed_in(&ada).await);
            added(&ada, &fresh, "iPad").await;
            let page = fresh.get("/account/sessions").await;
            let (session, browser) =
                (page.values_of("session")[0].clone(), page.values_of("browser")[0].clone());
            let one = ids(&fresh).await[1].clone();
            let token = token(&fresh).await;
            let scene = Scene { ada, fresh, one, session, browser, token };
            let before = lasting(&world).await;
            let seen = scene.ask(&scene.fresh, change).await;
            if method == "GET" {
                seen.is(200).says("<form method=\"post\"");
                lasting(&world).await.is_still(&before);
            } else {
                // A token is shown where it is made, since it is not shown again.
                let done = if path == "/account/tokens/new" { 200 } else { 303 };
                assert!(seen.status == done && !is_refusal(&seen), "{change:?}: {}", seen.text);
                assert!(lasting(&world).await != before, "{change:?} changed nothing");
            }
            if path == "/account/sessions" && !fields.is_empty() {
                other.get("/").await.lands_on("/login");
            }
            worked += 1;
        }
        assert_eq!(worked, 19);
        // And the proof itself, with both.
        let ada = world.person("zoe").enrolled().await;
        let browser = signed_in(&ada).await;
        world.wait(6 * 60);
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        let both = [("password", PASSWORD), ("otp", &ada.code())];
        browser.post("/account/prove", &both).await.lands_on("/account");
        browser.get("/account/password").await.is(200);
    })
    .await;
}

/// A new page of the account has to be put among the changes, or here, where everything only shows something.
#[test]
fn every_page_of_the_account_is_a_change_or_only_shows() {
    const SHOW: [&str; 6] = [
        "/account",
        "/account/activity",
        "/account/activity.csv",
        "/account/authenticators",
        "/account/sessions",
        "/account/tokens",
    ];
    let changes = CHANGES.map(|(_, path, _)| path.split('?').next().unwrap());
    for (route, _) in ADDRESSES {
        if route.starts_with("/account") {
            assert!(changes.contains(&route) || SHOW.contains(&route), "{route}");
        }
    }
}

#[tokio::test]
async fn other_credentials_are_none_of_ours() {
    World::on_both(|world| async move {
        let scene = scene(&world).await;
        let token = scene.fresh.cookie("latchkey").unwrap();
        let basic = data_encoding::BASE64.encode(format!("ada:{PASSWORD}").as_bytes());
        for credentials in [format!("Bearer {token}"), format!("Bearer lk_{token}"), format!("Basic {basic}")]
        {
            let browser = world.browser().with("authorization", &credentials);
            for change in CHANGES {
                scene.ask(&browser, change).await.lands_on("/login");
            }
            let program =
                world.browser().with("authorization", &credentials).with("accept", "application/json");
            program.get("/account").await.is(401);
        }
    })
    .await;
}

#[tokio::test]
async fn five_minutes_are_five_minutes() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let browser = signed_in(&ada).await;
        world.wait(5 * 60 - 31);
        browser.get("/account/password").await.is(200);
        browser.post("/account/recovery-codes", &[]).await.lands_on("/enroll/recovery-codes");
        world.wait(1);
        browser.get("/account/password").await.lands_on("/account/prove?rd=/account/password");
        browser.post("/account/recovery-codes", &[]).await.is(403);
        // Nor is a proof fresh that was given by a clock that is ahead.
        world.wait(-10 * 60);
        browser.post("/account/recovery-codes", &[]).await.is(403);
    })
    .await;
}

/// OTP-12 of the threat model: fourteen ways to the secret, or to an authenticator, that lead nowhere.
#[tokio::test]
async fn fourteen_of_fourteen_probes_of_the_setup_are_refused_or_safe() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let eve = world.person("eve").enrolled().await;
        let base32 = otp::Secret::from_bytes(&ada.secret).unwrap().to_base32();
        let count = "SELECT count(*) FROM authenticators WHERE retires_at IS NULL";
        let mut safe = 0;

        // 1: half signed in, the pages of enrolling; 2: and beginning one more.
        let half = ada.half_signed_in().await;
        half.get("/enroll").await.lands_on("/register").never_says(&base32);
        half.get("/enroll/qr.png").await.is(404);
        safe += 1;
        half.post("/account/authenticators/add", &[("name", "x")]).await.lands_on("/login");
        safe += 1;

        // 3: a second start replaces the first, whose secret is worth nothing then.
        let browser = signed_in(&ada).await;
        let first = pending(&ada, &browser, "iPad").await;
        let dead = browser.copy();
        let second = pending(&ada, &browser, "iPad").await;
        assert_ne!(first.secret, second.secret);
        dead.post("/enroll", &[("otp", &first.code())]).await.is(410);
        browser.post("/enroll", &[("otp", &first.code())]).await.is(422);
        safe += 1;

        // 4: what waits in another's session. 5: another's token with one's own session.
        let hers = signed_in(&eve).await;
        hers.get("/enroll").await.lands_on("/register");
        hers.post("/enroll", &[("otp", &second.code())]).await.lands_on("/register");
        safe += 1;
        hers.set_cookie("latchkey-enroll", &hers.cookie("latchkey").unwrap());
        hers.get("/enroll").await.is(410);
        hers.post("/enroll", &[("otp", &second.code())]).await.is(410);
        safe += 1;

        // 6: a secret, a name or a user that is sent along.
        let code = second.code();
        for extra in ["secret", "username", "user_id", "authenticator", "name"] {
            browser
                .post("/enroll", &[("otp", &code), (extra, "JBSWY3DPEHPK3PXP")])
                .await
                .is(422)
                .says("This form has no field");
            let begin = [("name", "x"), (extra, "JBSWY3DPEHPK3PXP")];
            browser.post("/account/authenticators/add", &begin).await.is(422);
        }
        safe += 1;
        // 7: the code of another secret, of one's own old phone or of somebody else.
        for other in [ada.code(), eve.code(), first.code()] {
            browser.post("/enroll", &[("otp", &other)]).await.is(422);
        }
        assert_eq!(world.records().await.number(count).await, 2);
        safe += 1;

        // 8: two tabs confirm.
        let tab = browser.copy();
        browser.post("/enroll", &[("otp", &code)]).await.lands_on("/account/authenticators");
        tab.post("/enroll", &[("otp", &code)]).await.is(410);
        assert_eq!(world.records().await.number(count).await, 3);
        safe += 1;
        // 9: looking after the confirmation.
        for path in ["/enroll", "/enroll/qr.png"] {
            tab.get(path).await.is(410);
        }
        safe += 1;
        // 10: the secret of what exists is on no page.
        let new = otp::Secret::from_bytes(&second.secret).unwrap().to_base32();
        for (_, address) in ADDRESSES {
            let seen = browser.copy().get(address).await;
            seen.never_says(&base32).never_says(&new).never_says(&new[..4].repeat(2));
            assert!(!seen.body.starts_with(b"\x89PNG"), "{address}");
        }
        safe += 1;
        // 11: the code that confirmed, at the sign-in; and one before it.
        let half = ada.half_signed_in().await;
        half.give_code(&code).await.is(422).says("used already");
        half.give_code(&second.code_at(world.clock.now().seconds() - 30)).await.is(422);
        half.get("/").await.lands_on("/login");
        safe += 1;
        // 12: after its half an hour, with a session that lives.
        let late = pending(&ada, &browser, "late").await;
        world.wait(1200);
        browser.get("/").await.is(200);
        world.wait(600);
        browser.get("/").await.is(200);
        browser.post("/enroll", &[("otp", &late.code())]).await.is(410);
        safe += 1;
        // 13: begun and left, and everybody signs in as before.
        let half = ada.half_signed_in().await;
        half.post("/login/recovery", &[("recovery_code", &ada.recovery_codes[0])]).await.lands_on("/enroll");
        let mut left = ada.clone();
        left.scan(&half).await;
        signed_in(&ada).await;
        signed_in(&second).await;
        safe += 1;
        // 14: nothing waits that was begun before everything ended.
        let browser = signed_in(&ada).await;
        browser.post("/account/password", &[("password", PASSWORD)]).await.lands_on("/account");
        half.get("/enroll").await.is(410);
        half.post("/enroll", &[("otp", &left.code())]).await.is(410);
        assert_eq!(world.records().await.number(count).await, 3);
        safe += 1;
        assert_eq!(safe, 14);
    })
    .await;
}
