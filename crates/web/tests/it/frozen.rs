//! Databases as earlier versions have left them: every one is migrated, and its people sign in with what they have.
//!
//! A folder in `tests/frozen` holds one: a dump for each engine, the master key, and what its people know. They are made once a
//! version by the test that makes the house (`LATCHKEY_TEST_FREEZE=FOLDER`), and never changed afterwards.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth::audit::seal::Sealer;
use auth::audit::verify::{self, Listener};
use auth::import::{self, Grace};
use auth::link::{self, Purpose};
use auth::{Role, groups, setup, users};
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, World};

/// A key that is on nobody's phone.
const IMPORTED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn frozen() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no version is frozen");
    folders
}

/// What somebody knows, as a line of `people.txt` says it: name, password or `-`, key in base32.
struct Known {
    person: Person,
    password: Option<String>,
}

fn known(world: &World, folder: &Path) -> Vec<Known> {
    let text = std::fs::read_to_string(folder.join("people.txt")).unwrap();
    let line = |line: &str| {
        let [name, password, key] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let mut person = world.person(name);
        person.secret = otp::Secret::from_base32(key).unwrap().as_bytes().to_vec();
        Known { person, password: (password != "-").then(|| password.to_owned()) }
    };
    text.lines().map(line).collect()
}

#[tokio::test]
async fn people_of_every_version_sign_in_with_what_they_have() {
    for folder in frozen() {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            println!("{} on {kind:?}", folder.display());
            let world = World::restored(kind, &folder).await;
            let people = known(&world, &folder);
            assert!(people.len() >= 4, "{}", people.len());
            for Known { person, password } in people {
                let browser = world.browser();
                match password {
                    Some(password) => {
                        browser.give_password(&person.name, &password).await.lands_on("/login/code");
                        browser.give_code(&person.code()).await.lands_on("/");
                    }
                    None => chooses_a_password(&browser, &person).await,
                }
                browser.get("/account").await.is(200);
            }
            // A browser that was signed in then still is.
            let browser = world.browser();
            let token = std::fs::read_to_string(folder.join(format!("session-{}.txt", name(kind)))).unwrap();
            browser.set_cookie("latchkey", token.trim());
            browser.get("/account").await.is(200);
            // What happened then is sealed now.
            world.wait(120);
            Sealer::new(&world.app).seal().await.unwrap();
            let listener =
                Listener { found: Box::new(|found| println!("{found}")), looked: Box::new(|_| {}) };
            let report = verify::run(&world.app, None, listener).await.unwrap();
            assert!(report.adopted > 0 && report.events > report.adopted, "{report:?}");
            assert_eq!((report.findings, report.unsealed), (0, 0));
        }
    }
}

/// Somebody who was taken along from elsewhere.
async fn chooses_a_password(browser: &Browser, person: &Person) {
    let fields = [("username", person.name.as_str()), ("otp", &person.code())];
    browser.post("/login", &fields).await.lands_on("/login/password");
    browser.post("/login/password", &[("password", PASSWORD)]).await.lands_on("/");
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
    }
}

/// A house with something in every table. Frozen when somebody asks for it.
#[tokio::test]
async fn a_house_can_be_frozen_with_something_in_every_table() {
    let mut people = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::on(kind).await;
        // Somebody was let in long ago, and that has been kept long enough.
        world.wait(-401 * 24 * 3600);
        setup::user_link(&world.app, "zoe", Role::User).await.unwrap();
        Sealer::new(&world.app).seal().await.unwrap();
        world.wait(401 * 24 * 3600);
        people.push(furnish(&world, kind).await);
        let mut sealer = Sealer::new(&world.app);
        sealer.seal().await.unwrap();
        assert_eq!(sealer.remove_old().await.unwrap(), 1);
        sealer.release().await.unwrap();
        let dump = world.dump().await;
        // SQLite tells by its own log what has changed, and counts nothing.
        let unused = if kind == Kind::Sqlite { "revocations" } else { "" };
        let is_empty = |table: &&str| dump.rows(table).is_empty() && *table != unused;
        let empty: Vec<&str> = TABLES.into_iter().filter(is_empty).collect();
        assert!(empty.is_empty(), "nothing in {empty:?}");
        // And two about the tables themselves.
        assert_eq!(dump.tables().len(), TABLES.len() + 2, "a table is not in the list: {:?}", dump.tables());
        if let Some(folder) = folder() {
            freeze(&world, kind, Path::new(&folder));
        }
    }
    // Chance is seeded, so that both have the same people with the same keys.
    assert_eq!(people[0], people[1]);
    if let Some(folder) = folder() {
        std::fs::write(Path::new(&folder).join("people.txt"), &people[0]).unwrap();
    }
}

/// All but the one that the migrations keep.
const TABLES: [&str; 27] = [
    "api_tokens",
    "app_sessions",
    "attempts",
    "authenticators",
    "claims",
    "devices",
    "enrollments",
    "events",
    "groups",
    "keys",
    "leases",
    "revocations",
    "logins",
    "members",
    "policies",
    "quotas",
    "recovery_codes",
    "recovery_sheets",
    "registrations",
    "rule_books",
    "seals",
    "seals_removed",
    "sessions",
    "setup_links",
    "tickets",
    "user_links",
    "users",
];

async fn furnish(world: &World, kind: Kind) -> String {
    let mut people = String::new();
    let mut add = |person: &Person, password: &str| {
        let key = otp::Secret::from_bytes(&person.secret).unwrap().to_base32();
        let _ = writeln!(people, "{}\t{password}\t{}", person.name, *key);
    };
    // Ada has two authenticators, and had a third.
    let browser = world.browser();
    let ada = world.person("Ada").enrolled_in(&browser).await;
    add(&ada, PASSWORD);
    let mut tablet = ada.clone();
    for name in ["iPad", "Gone"] {
        // The list is in the order of birth.
        world.wait(30);
        browser.post("/account/authenticators/add", &[("name", name)]).await.lands_on("/enroll");
        tablet.scan(&browser).await;
        browser.post("/enroll", &[("otp", &tablet.code())]).await.lands_on("/account/authenticators");
    }
    let page = browser.get("/account/authenticators").await;
    let last = page.text.rsplit("name=\"authenticator\" value=\"").next().unwrap().split('"').next().unwrap();
    let remove = [("authenticator", last)];
    browser.post("/account/authenticators/remove", &remove).await.lands_on("/account/authenticators");
    // One more waits for its first code, and there are recovery codes to be saved.
    browser.post("/account/authenticators/add", &[("name", "Waits")]).await.lands_on("/enroll");
    browser.post("/account/recovery-codes", &[]).await.lands_on("/enroll/recovery-codes");

    // An owner, somebody who was taken along, somebody between password and code, somebody who registers.
    let olga = world.person("olga").enrolled().await;
    add(&olga, PASSWORD);
    users::set_role(&world.app, "olga", Role::Owner).await.unwrap();
    let uri = format!("otpauth://totp/YourApp:carol?secret={IMPORTED}&issuer=YourApp\n");
    let plan = import::otpauth(uri.as_bytes()).unwrap();
    import::apply(&world.app, plan, Grace { days: 365 }, &mut |_| {}).await.unwrap();
    let mut carol = world.person("carol");
    carol.secret = otp::Secret::from_base32(IMPORTED).unwrap().as_bytes().to_vec();
    add(&carol, "-");
    let dora = world.person("dora.d@example.org").enrolled().await;
    add(&dora, PASSWORD);
    dora.half_signed_in().await.give_code(&dora.wrong_code()).await.is(422);
    world
        .browser()
        .from("203.0.113.9")
        .post("/register", &[("username", "eve"), ("password", PASSWORD)])
        .await;
    setup::user_link(&world.app, "frank", Role::Admin).await.unwrap();
    link::make(&world.app, "dora.d@example.org", Purpose::Password).await.unwrap();

    doors(world).await;

    // Somebody who stays signed in.
    let kept = world.browser();
    let fields = [("username", "olga"), ("password", PASSWORD), ("keep", "on")];
    kept.post("/login", &fields).await.lands_on("/login/code");
    kept.give_code(&olga.code()).await.lands_on("/");
    if let Some(folder) = folder() {
        let token = kept.cookie("latchkey").unwrap();
        std::fs::write(Path::new(&folder).join(format!("session-{}.txt", name(kind))), token).unwrap();
    }
    people
}

/// A group, a rule, and a browser that is on its way to the host of a program, or there already.
async fn doors(world: &World) {
    groups::add(&world.app, "Family").await.unwrap();
    groups::join(&world.app, "family", &["ada".to_owned()]).await.unwrap();
    let records = world.records().await;
    let (now, session) = (world.clock.now().millis(), "(SELECT min(id) FROM sessions)");
    let origin = "'https://app.example.org'";
    for row in [
        format!(
            "api_tokens (id, token_mac, name, scopes, created_at, expires_at)
             VALUES ('token', 'mac of a token', 'wiki', 'verify', {now}, {now} + 86400000)"
        ),
        format!("rule_books (slot, revision, rules, changed_at) VALUES ('access', 1, '[]', {now})"),
        format!(
            "tickets (token_mac, session_id, origin, nonce_mac, expires_at)
             VALUES ('mac of a ticket', {session}, {origin}, 'mac of a nonce', {now} + 30000)"
        ),
        format!(
            "app_sessions (token_mac, session_id, origin, created_at)
             VALUES ('mac of a cookie', {session}, {origin}, {now})"
        ),
    ] {
        assert_eq!(records.change(&format!("INSERT INTO {row}")).await, 1, "{row}");
    }
}

/// Where to, if anybody wants it.
fn folder() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "only whoever freezes a version sets it")]
    std::env::var("LATCHKEY_TEST_FREEZE").ok()
}

/// Writes a dump that either engine's client can read, without what only the client's program understands.
fn freeze(world: &World, kind: Kind, folder: &Path) {
    let url = world.app.config.database.to_string();
    let mut command = match kind {
        Kind::Sqlite => {
            let mut command = Command::new("sqlite3");
            command.arg(url.trim_start_matches("sqlite:")).arg(".dump");
            command
        }
        Kind::Postgres => {
            let mut command = Command::new("pg_dump");
            command.args(["--inserts", "--no-owner", "--no-privileges", "--no-comments", "--dbname", &url]);
            command
        }
    };
    let dumped = command.output().expect("sqlite3 and pg_dump are there");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let text = String::from_utf8(dumped.stdout).unwrap();
    let plain = |line: &&str| !line.starts_with('\\') && !line.starts_with("--") && !line.is_empty();
    let text: String = text.lines().filter(plain).map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join(format!("{}.sql", name(kind))), text).unwrap();
    std::fs::copy(world.dir().join("master.key"), folder.join("master.key")).unwrap();
}
