//! Every URL, asked in every way by everybody: the table is `access.snap`, and a change of it is a change of who may do what.

use std::fmt::Write as _;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Person, Seen, World};

/// Every route as `routes.rs` has it, with an address that it answers to.
pub(crate) const ADDRESSES: [(&str, &str); 62] = [
    ("/", "/"),
    ("/register", "/register"),
    ("/enroll", "/enroll"),
    ("/enroll/qr.png", "/enroll/qr.png"),
    ("/enroll/recovery-codes", "/enroll/recovery-codes"),
    ("/enroll/recovery-codes.txt", "/enroll/recovery-codes.txt"),
    ("/setup/{token}", "/setup/0000-0000-0000-0000-0000-0000-0000-0000"),
    ("/login", "/login"),
    ("/login/code", "/login/code"),
    ("/login/password", "/login/password"),
    ("/login/recovery", "/login/recovery"),
    ("/link/{token}", "/link/0000-0000-0000-0000-0000-0000-0000-0000"),
    ("/account", "/account"),
    ("/account/activity", "/account/activity"),
    ("/account/activity.csv", "/account/activity.csv"),
    ("/account/authenticators", "/account/authenticators"),
    ("/account/authenticators/add", "/account/authenticators/add"),
    ("/account/authenticators/new-phone", "/account/authenticators/new-phone"),
    ("/account/authenticators/remove", "/account/authenticators/remove"),
    ("/account/authenticators/rename", "/account/authenticators/rename"),
    ("/account/browsers", "/account/browsers"),
    ("/account/password", "/account/password"),
    ("/account/prove", "/account/prove"),
    ("/account/recovery-codes", "/account/recovery-codes"),
    ("/account/sessions", "/account/sessions"),
    ("/account/tokens", "/account/tokens"),
    ("/account/tokens/new", "/account/tokens/new"),
    ("/account/tokens/revoke", "/account/tokens/revoke"),
    ("/logout", "/logout"),
    ("/assets/{name}", "/assets/app.0000000000000000.css"),
    ("/api", "/api"),
    ("/api/openapi.json", "/api/openapi.json"),
    ("/api/v1/account", "/api/v1/account"),
    ("/api/v1/account/activity", "/api/v1/account/activity"),
    ("/api/v1/account/authenticators", "/api/v1/account/authenticators"),
    ("/api/v1/account/authenticators/{id}", "/api/v1/account/authenticators/0123456789abcdefghijklmnop"),
    ("/api/v1/account/password", "/api/v1/account/password"),
    ("/api/v1/account/prove", "/api/v1/account/prove"),
    ("/api/v1/account/recovery-codes", "/api/v1/account/recovery-codes"),
    ("/api/v1/account/recovery-codes/saved", "/api/v1/account/recovery-codes/saved"),
    ("/api/v1/account/sessions", "/api/v1/account/sessions"),
    ("/api/v1/account/sessions/{id}", "/api/v1/account/sessions/0123456789abcdefghijklmnop"),
    ("/api/v1/account/tokens", "/api/v1/account/tokens"),
    ("/api/v1/account/tokens/{id}", "/api/v1/account/tokens/0123456789abcdefghijklmnop"),
    ("/api/v1/enroll", "/api/v1/enroll"),
    ("/api/v1/groups", "/api/v1/groups"),
    ("/api/v1/groups/{name}", "/api/v1/groups/family"),
    ("/api/v1/groups/{name}/members", "/api/v1/groups/family/members"),
    ("/api/v1/groups/{name}/members/{username}", "/api/v1/groups/family/members/ada"),
    ("/api/v1/login", "/api/v1/login"),
    ("/api/v1/login/code", "/api/v1/login/code"),
    ("/api/v1/login/password", "/api/v1/login/password"),
    ("/api/v1/login/recovery", "/api/v1/login/recovery"),
    ("/api/v1/logout", "/api/v1/logout"),
    ("/api/v1/people", "/api/v1/people"),
    ("/api/v1/people/{username}", "/api/v1/people/ada"),
    ("/api/v1/people/{username}/link", "/api/v1/people/ada/link"),
    ("/api/v1/people/{username}/sessions", "/api/v1/people/ada/sessions"),
    ("/api/v1/register", "/api/v1/register"),
    ("/api/v1/verify", "/api/v1/verify"),
    ("/livez", "/livez"),
    ("/readyz", "/readyz"),
];

/// Those for proxies, and for browsers that proxies send to us: they answer under other names than ours, and with any method.
const FOR_PROXIES: [(&str, &str); 7] = [
    ("/api/authz/forward-auth", "/api/authz/forward-auth"),
    ("/api/authz/auth-request", "/api/authz/auth-request"),
    ("/api/authz/ext-authz", "/api/authz/ext-authz"),
    ("/api/authz/ext-authz/", "/api/authz/ext-authz/"),
    ("/api/authz/ext-authz/{*asked}", "/api/authz/ext-authz/page"),
    ("/.latchkey/start", "/.latchkey/start"),
    ("/.latchkey/done", "/.latchkey/done"),
];

/// All of them.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ADDRESSES.into_iter().chain(FOR_PROXIES)
}

/// Who asks. The dead ones hold a cookie that was good once.
#[derive(Clone, Copy, Debug)]
enum Who {
    Nobody,
    Enrolling,
    EnrollingAgain,
    HalfSignedIn,
    SignedIn,
    DeadEnrolling,
    DeadHalfSignedIn,
    DeadSignedIn,
}

const EVERYBODY: [Who; 8] = [
    Who::Nobody,
    Who::Enrolling,
    Who::EnrollingAgain,
    Who::HalfSignedIn,
    Who::SignedIn,
    Who::DeadEnrolling,
    Who::DeadHalfSignedIn,
    Who::DeadSignedIn,
];

impl Who {
    /// A browser of theirs. `ada` has an account.
    async fn browser(self, ada: &Person, name: &str) -> Browser {
        let world = &ada.world;
        let registering = async || {
            let browser = world.browser();
            let fields = [("username", name), ("password", PASSWORD)];
            browser.post("/register", &fields).await.lands_on("/enroll");
            browser
        };
        match self {
            Who::Nobody => world.browser(),
            Who::Enrolling => registering().await,
            Who::EnrollingAgain => {
                let browser = ada.half_signed_in().await;
                let fields = [("recovery_code", ada.recovery_codes[0].as_str())];
                browser.post("/login/recovery", &fields).await.lands_on("/enroll");
                browser
            }
            Who::HalfSignedIn => ada.half_signed_in().await,
            Who::SignedIn => signed_in(ada).await,
            Who::DeadEnrolling => {
                let browser = registering().await;
                let other = [("username", "another"), ("password", PASSWORD)];
                browser.copy().post("/register", &other).await.lands_on("/enroll");
                browser
            }
            Who::DeadHalfSignedIn => {
                let browser = ada.half_signed_in().await;
                browser.copy().give_code(&ada.code()).await.lands_on("/");
                world.wait(30);
                browser
            }
            Who::DeadSignedIn => {
                let browser = signed_in(ada).await;
                browser.copy().post("/logout", &[]).await.lands_on("/login");
                browser
            }
        }
    }
}

/// The status, and where to.
fn answer(seen: &Seen) -> String {
    let location = seen.header("location");
    if location.is_empty() {
        seen.status.as_u16().to_string()
    } else {
        format!("{} {location}", seen.status.as_u16())
    }
}

/// The table: a line for each address and method, a column for each asker.
async fn table(world: &World) -> String {
    let ada = world.person("ada").enrolled().await;
    let mut columns: Vec<Vec<String>> = Vec::new();
    for (n, who) in EVERYBODY.into_iter().enumerate() {
        let browser = who.browser(&ada, &format!("new{n}")).await;
        let mut column = vec![format!("{who:?}")];
        for (_, address) in all() {
            let looked = answer(&browser.copy().get(address).await);
            // Two clocks are compared there, and one of them stands still here.
            column.push(if address == "/readyz" { "200, 503".to_owned() } else { looked });
            // An empty form: whoever is let in is told what is missing in it, and changes nothing. Signing out and
            // making new recovery codes need no form, so they come last.
            let signs_out = address == "/logout";
            column.push(if signs_out {
                String::new()
            } else {
                answer(&browser.copy().post(address, &[]).await)
            });
        }
        let out = answer(&browser.copy().post("/logout", &[]).await);
        column.iter_mut().filter(|cell| cell.is_empty()).for_each(|cell| cell.clone_from(&out));
        columns.push(column);
        world.wait(30);
    }
    let mut lines = vec![String::new()];
    for (route, _) in all() {
        lines.extend(["GET ", "POST"].map(|method| format!("{method} {route}")));
    }
    columns.insert(0, lines);
    let widths: Vec<usize> =
        columns.iter().map(|column| column.iter().map(String::len).max().unwrap_or(0)).collect();
    let mut table = String::new();
    for line in 0..columns[0].len() {
        let cells = columns.iter().zip(&widths).map(|(column, width)| format!("{:width$}", column[line]));
        let _ = writeln!(table, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    table
}

#[tokio::test]
async fn everybody_gets_what_the_table_says_and_nothing_else() {
    World::on_both(|world| async move {
        let found = table(&world).await;
        is_as_accepted(&found, "access.snap");
    })
    .await;
}

/// Fails unless a table is the one that was read and accepted, in the file of that name.
#[track_caller]
pub(crate) fn is_as_accepted(found: &str, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    if update() {
        std::fs::write(&file, found).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    let differs: Vec<String> = expected
        .lines()
        .zip(found.lines())
        .filter(|(expected, found)| expected != found)
        .map(|(expected, found)| format!("- {expected}\n+ {found}"))
        .collect();
    assert!(expected == found, "accept with `cargo xtask accept`, after reading:\n{}", differs.join("\n"));
}

/// Whether `cargo xtask accept` is running.
fn update() -> bool {
    #[expect(clippy::disallowed_methods, reason = "how snapshots are accepted, here and with insta")]
    std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always")
}

#[test]
fn every_route_is_in_the_table() {
    let source: String = include_str!("../../src/routes.rs").split_whitespace().collect();
    let mut routes: Vec<&str> =
        source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let mut listed = all().map(|(route, _)| route).collect::<Vec<_>>();
    let written = routes.len();
    routes.sort_unstable();
    // Of one address, others may ask to see than to change.
    routes.dedup();
    listed.sort_unstable();
    assert_eq!(listed, routes);
    assert_eq!(source.matches(".route(").count(), written, "a route is written in another way");
}

#[tokio::test]
async fn looking_changes_nothing_whoever_looks() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        for who in EVERYBODY {
            let browser = who.browser(&ada, &format!("{who:?}")).await;
            let before = world.dump().await;
            for (_, address) in all() {
                for method in [Method::GET, Method::HEAD] {
                    browser.copy().send(method, address, Body::empty(), None).await;
                }
            }
            world.dump().await.is_still(&before);
            world.wait(30);
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_browser_that_enrolls_sees_the_secret_and_only_until_it_is_confirmed() {
    World::on_both(|world| async move {
        let mut ada = world.person("ada");
        let browser = world.browser();
        browser.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.lands_on("/enroll");
        ada.scan(&browser).await;
        let base32 = otp::Secret::from_bytes(&ada.secret).unwrap().to_base32();
        browser.get("/enroll").await.says(&base32);
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        // Signed in, and with every cookie it ever had: no page shows the secret again.
        for (_, address) in all() {
            let seen = browser.copy().get(address).await;
            seen.never_says(&base32);
            assert!(!seen.body.starts_with(b"\x89PNG"), "{address}");
        }
    })
    .await;
}
