//! What is kept, and how: a copy of the database tells no secret, and whoever changes it gains nothing.

use std::path::Path;

use auth::setup;
use data_encoding::{
    BASE32_NOPAD, BASE32HEX_NOPAD, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER,
};
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, World, secret_of};

/// Every file beside SQLite's database, with what is in it; but not the key.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    // The index of the write-ahead log is shared memory: who reads notes there that he reads.
    let kept = entries.filter(|entry| {
        let name = entry.file_name();
        name != "master.key" && name != "latchkey.db-shm"
    });
    let mut files: Vec<_> = kept
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_wrong_master_key_stops_the_start_and_writes_nothing() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let right = std::fs::read_to_string(world.dir().join("master.key")).unwrap();
        let (rows, bytes) = (world.dump().await, files(world.dir()));
        let empty = tempfile::tempdir().unwrap();
        let wrong_key = "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=".to_owned();
        let wrong = async |key: Option<&str>, dir: &Path| {
            let opened = world.reopened(|config| {
                config.data_dir = dir.to_owned();
                config.master_key = key.map(|key| key.to_owned().into());
            });
            opened.await.err().expect("another key opens nothing").to_string()
        };

        let said = wrong(Some(&wrong_key), world.dir()).await;
        assert!(
            said.contains("not the one this database was made with") && said.contains("Nothing was written"),
            "{said}"
        );
        let said = wrong(None, empty.path()).await;
        assert!(said.contains("it is not here"), "{said}");
        assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "no new key is made");
        let said = wrong(Some("hunter2"), world.dir()).await;
        assert!(said.contains("is not a key") && !said.contains("hunter2"), "{said}");

        world.dump().await.is_still(&rows);
        assert!(files(world.dir()) == bytes, "the files are what they were");
        // The right key opens it, as a setting too.
        let restarted =
            world.reopened(|config| config.master_key = Some(right.trim().to_owned().into())).await.unwrap();
        let browser = ada.half_signed_in().await.at(&restarted);
        browser.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn keys_that_were_moved_or_taken_away_stop_the_start() {
    World::on_both(|world| async move {
        let records = world.records().await;
        for (change, back) in [
            ("UPDATE keys SET sealed = (SELECT k.sealed FROM keys k WHERE k.id = 'pepper-1') WHERE id = 'mac-1'", "mac-1"),
            ("UPDATE keys SET purpose = 'mac' WHERE id = 'pepper-1'", "pepper-1"),
            ("DELETE FROM keys WHERE id = 'canary'", "canary"),
            ("DELETE FROM keys WHERE id = 'seal-1'", "seal-1"),
        ] {
            let row = format!("FROM keys WHERE id = '{back}'");
            let saved = records.texts(&format!("SELECT purpose || ' ' || sealed {row}")).await.remove(0);
            records.change(change).await;
            assert!(world.reopened(|_| {}).await.is_err(), "{change}");
            let (purpose, sealed) = saved.split_once(' ').unwrap();
            records.change(&format!("DELETE {row}")).await;
            let values = format!("'{back}', '{purpose}', '{sealed}', TRUE, 0");
            records.change(&format!("INSERT INTO keys (id, purpose, sealed, active, created_at) VALUES ({values})")).await;
            world.reopened(|_| {}).await.expect("everything is back");
        }
    })
    .await;
}

/// The code is refused by a failure of ours, and nobody is signed in.
async fn is_broken(person: &Person, code: &str) {
    let browser = person.half_signed_in().await;
    let seen = browser.give_code(code).await;
    seen.is(503);
    browser.get("/").await.lands_on("/login");
}

#[tokio::test]
async fn a_sealed_secret_opens_nowhere_but_in_its_place() {
    World::on_both(|world| async move {
        let (ada, eve) = (world.person("ada").enrolled().await, world.person("eve").enrolled().await);
        let pending = world.browser();
        pending.post("/register", &[("username", "bob"), ("password", PASSWORD)]).await.lands_on("/enroll");
        let bobs = secret_of(&pending.get("/enroll").await.text);
        let records = world.records().await;
        let secrets = records
            .texts("SELECT a.secret FROM authenticators a JOIN users u ON u.id = a.user_id ORDER BY u.name")
            .await;
        let put = async |name: &str, secret: &str| {
            let whose = format!("(SELECT id FROM users WHERE name = '{name}')");
            records
                .change(&format!("UPDATE authenticators SET secret = '{secret}' WHERE user_id = {whose}"))
                .await;
        };

        // Two people's, swapped: neither phone opens anything, not even with the other's password.
        put("ada", &secrets[1]).await;
        put("eve", &secrets[0]).await;
        for person in [&ada, &eve] {
            for phone in [&ada, &eve] {
                is_broken(person, &phone.code()).await;
            }
        }
        // From another table, whose code the attacker knows.
        let waiting = records.texts("SELECT secret FROM registrations").await.remove(0);
        put("ada", &waiting).await;
        is_broken(&ada, &Person { secret: bobs, ..ada.clone() }.code()).await;
        let noted = "SELECT name || ' ' || detail FROM events WHERE kind = 'integrity.failed' ORDER BY name, at LIMIT 1";
        assert_eq!(records.texts(noted).await, [r#"ada {"what":"authenticators.secret"}"#]);
        // Cut short, and under a key that there is not.
        for bad in [&secrets[0][..40], "", "seal-2.AAAA", &secrets[0].replace("seal-1.", "")] {
            put("ada", bad).await;
            world.wait(24 * 3600);
            is_broken(&ada, &ada.code()).await;
        }
        put("ada", &secrets[0]).await;
        world.wait(24 * 3600);
        ada.half_signed_in().await.give_code(&ada.code()).await.lands_on("/");
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_bound_to_its_place_too_and_what_was_moved_is_noted() {
    World::on_both(|world| async move {
        let (records, bob, carl) = (world.records().await, world.browser(), world.browser());
        let noted = async |what: &str| {
            let kind = "SELECT count(*) FROM events WHERE kind = 'integrity.failed'";
            records.number(&format!("{kind} AND detail LIKE '%{what}%'")).await
        };
        for (browser, name) in [(&bob, "bob"), (&carl, "carl")] {
            browser
                .post("/register", &[("username", name), ("password", PASSWORD)])
                .await
                .lands_on("/enroll");
        }
        let of_carl = "(SELECT r.secret FROM registrations r WHERE r.name_key = 'carl')";
        records.change(&format!("UPDATE registrations SET secret = {of_carl} WHERE name_key = 'bob'")).await;
        assert_eq!(noted("registrations.secret").await, 0);
        bob.get("/enroll").await.is(500);
        bob.get("/enroll/qr.png").await.is(500);
        bob.post("/enroll", &[("otp", "271828")]).await.is(500);
        assert!(noted("registrations.secret").await > 0);
        carl.get("/enroll").await.is(200);

        // Two people's recovery codes, and a secret in the column for codes.
        let (mut ada, mut eve) = (world.person("ada"), world.person("eve"));
        let (adas, eves) = (world.browser(), world.browser());
        for (person, browser) in [(&mut ada, &adas), (&mut eve, &eves)] {
            let fields = [("username", person.name.as_str()), ("password", PASSWORD)];
            browser.post("/register", &fields).await.lands_on("/enroll");
            person.scan(browser).await;
            browser.post("/enroll", &[("otp", &person.code())]).await.lands_on("/enroll/recovery-codes");
        }
        let id_of = |name: &str| format!("(SELECT id FROM users WHERE name = '{name}')");
        let of_eve = format!("(SELECT s.codes FROM recovery_sheets s WHERE s.user_id = {})", id_of("eve"));
        for moved in [of_eve.as_str(), of_carl] {
            records
                .change(&format!(
                    "UPDATE recovery_sheets SET codes = {moved} WHERE user_id = {}",
                    id_of("ada")
                ))
                .await;
            adas.get("/enroll/recovery-codes").await.is(500);
        }
        assert!(noted("recovery_sheets.codes").await > 0);
        ada.recovery_codes = Vec::new();
        eve.recovery_codes = eves.get("/enroll/recovery-codes").await.is(200).recovery_codes();
        assert_eq!(eve.recovery_codes.len(), 10);

        // A waiting authenticator whose secret is the one that is in use.
        world.wait(60);
        let half = eve.half_signed_in().await;
        half.post("/login/recovery", &[("recovery_code", &eve.recovery_codes[0])]).await.lands_on("/enroll");
        let in_use = format!("(SELECT a.secret FROM authenticators a WHERE a.user_id = {})", id_of("eve"));
        records.change(&format!("UPDATE enrollments SET secret = {in_use}")).await;
        half.get("/enroll").await.is(500);
        half.post("/enroll", &[("otp", &eve.code())]).await.is(500);
        assert!(noted("enrollments.secret").await > 0);
    })
    .await;
}

#[tokio::test]
async fn an_older_secret_of_the_same_person_is_refused() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let records = world.records().await;
        let older = records.texts("SELECT secret FROM authenticators").await.remove(0);
        let (browser, mut new) = (ada.half_signed_in().await, ada.clone());
        let code = ada.recovery_codes[0].clone();
        browser.post("/login/recovery", &[("recovery_code", &code)]).await.lands_on("/enroll");
        new.scan(&browser).await;
        browser.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
        world.wait(60);
        records.change(&format!("UPDATE authenticators SET secret = '{older}'")).await;
        is_broken(&ada, &ada.code()).await;
        is_broken(&new, &new.code()).await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_the_database_makes_no_cookie_and_a_row_made_up_opens_nothing() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        crate::login::signed_in(&ada).await;
        ada.half_signed_in().await;
        let records = world.records().await;
        for (table, cookie) in [("sessions", "latchkey"), ("logins", "latchkey-login")] {
            for kept in records.texts(&format!("SELECT token_mac FROM {table}")).await {
                // The date of the token stands before the MAC, where it has one.
                let (date, mac) = kept.split_at(kept.len() - 44);
                let date = BASE32HEX_NOPAD.decode(date.to_uppercase().as_bytes()).unwrap();
                let mac = BASE64.decode(mac.as_bytes()).unwrap();
                for token in [mac.clone(), [date, mac].concat()] {
                    let thief = world.browser();
                    thief.set_cookie(cookie, &BASE64URL_NOPAD.encode(&token));
                    thief.get("/").await.lands_on("/login");
                    thief.get("/login/code").await.lands_on("/login");
                }
            }
        }
        // A session written by hand: without the key nobody knows under which name a token is kept.
        let (token, dated) = (&[7_u8; 32][..], &[7_u8; 38][..]);
        let date = BASE32HEX_NOPAD.encode(&dated[..6]).to_lowercase();
        for (token, kept_as) in [
            (token, BASE64.encode(token)),
            (token, BASE64URL_NOPAD.encode(token)),
            (token, HEXLOWER.encode(token)),
            (dated, format!("{date}{}", BASE64.encode(dated))),
            (dated, format!("{date}{}", BASE64.encode(&dated[6..]))),
        ] {
            let row = format!(
                "INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, idle_at, expires_at)
                 SELECT '{kept_as}', '{kept_as}', id, epoch, TRUE, 0, 0, 9000000000000, 9000000000000 FROM users"
            );
            assert_eq!(records.change(&row).await, 1);
            let forger = world.browser();
            forger.set_cookie("latchkey", &BASE64URL_NOPAD.encode(token));
            forger.get("/").await.lands_on("/login");
        }
    })
    .await;
}

/// Everything that must not be found, by what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    fn text(&mut self, what: &'static str, text: &str) {
        self.0.push((what, text.as_bytes().to_vec()));
    }

    /// Bytes, as they are and in every way that they could be written.
    fn bytes(&mut self, what: &'static str, bytes: &[u8]) {
        self.0.push((what, bytes.to_vec()));
        for written in [
            BASE32_NOPAD.encode(bytes),
            BASE32_NOPAD.encode(bytes).to_lowercase(),
            HEXLOWER.encode(bytes),
            HEXUPPER.encode(bytes),
            BASE64_NOPAD.encode(bytes),
            BASE64URL_NOPAD.encode(bytes),
        ] {
            self.text(what, &written);
        }
    }

    /// A password, a code: what a person types.
    fn typed(&mut self, what: &'static str, text: &str) {
        self.bytes(what, text.as_bytes());
        let bare: String = text.chars().filter(|c| *c != '-').collect();
        self.bytes(what, bare.as_bytes());
        self.text(what, &bare.to_uppercase());
    }

    fn cookies(&mut self, browser: &Browser) {
        for name in browser.cookie_names() {
            let value = browser.cookie(&name).unwrap();
            self.bytes("token", &BASE64URL_NOPAD.decode(value.as_bytes()).unwrap());
        }
    }

    /// Which of them are there. Six digits count as a word only: as a part of something longer they are chance.
    fn found_in(&self, place: &[u8]) -> Vec<&'static str> {
        let place = letters(place);
        let found = self.0.iter().filter(|(_, needle)| is_in(&place, &letters(needle)));
        let mut found: Vec<&str> = found.map(|(what, _)| *what).collect();
        found.dedup();
        found
    }
}

/// Each byte as a letter: texts are searched much faster than bytes.
fn letters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn is_in(place: &str, needle: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    place.match_indices(needle).any(|(at, _)| {
        let (before, after) = (&place[..at], &place[at + needle.len()..]);
        needle.len() > 8 || (edge(before.chars().next_back()) && edge(after.chars().next()))
    })
}

/// Somebody's whole way, and all that was secret on it.
async fn way_of(world: &World, name: &str, secrets: &mut Secrets) -> (Browser, Person) {
    let (browser, mut person) = (world.browser(), world.person(name));
    let password = format!("{name} and a quiet engine");
    let fields = [("username", name), ("password", password.as_str())];
    browser.post("/register", &fields).await.lands_on("/enroll");
    secrets.typed("password", &password);
    person.scan(&browser).await;
    secrets.bytes("secret", &person.secret);
    secrets.cookies(&browser);
    if name == "pending" {
        return (browser, person);
    }
    secrets.typed("code", &person.code());
    browser.post("/enroll", &[("otp", &person.code())]).await.lands_on("/enroll/recovery-codes");
    secrets.cookies(&browser);
    person.recovery_codes = browser.get("/enroll/recovery-codes").await.recovery_codes();
    for code in &person.recovery_codes {
        secrets.typed("recovery code", code);
    }
    if name == "unsaved" {
        return (browser, person);
    }
    browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/");
    world.wait(30);
    let half = world.browser();
    half.post("/login", &fields).await.lands_on("/login/code");
    secrets.cookies(&half);
    half.give_code(&person.wrong_code()).await.is(422);
    secrets.typed("code", &person.wrong_code());
    if name == "recovered" {
        half.post("/login/recovery", &[("recovery_code", &person.recovery_codes[0])])
            .await
            .lands_on("/enroll");
        secrets.cookies(&half);
        person.scan(&half).await;
        secrets.bytes("secret", &person.secret);
        half.post("/enroll", &[("otp", &person.code())]).await.lands_on("/enroll/recovery-codes");
    } else {
        half.give_code(&person.code()).await.lands_on("/");
    }
    secrets.typed("code", &person.code());
    secrets.cookies(&half);
    (half, person)
}

#[tokio::test]
async fn no_secret_stands_in_the_database_as_it_is() {
    World::on_both(|world| async move {
        let mut secrets = Secrets::default();
        for name in ["pending", "unsaved", "enrolled", "recovered"] {
            way_of(&world, name, &mut secrets).await;
        }
        let half = world.browser();
        half.give_password("enrolled", "enrolled and a quiet engine").await.lands_on("/login/code");
        secrets.cookies(&half);
        half.post("/login/recovery", &[("recovery_code", "1234-5678-9abc-defg")]).await.is(422);
        secrets.typed("recovery code", "1234-5678-9abc-defg");
        // A password in the field for the name, and a wrong one: they are secrets as well.
        half.give_password("hunter2-everywhere", "correct horse!").await.is(422);
        secrets.typed("password", "hunter2-everywhere");
        secrets.typed("password", "correct horse!");
        for link in
            [setup::owner_link(&world.app).await, setup::user_link(&world.app, "x", auth::Role::User).await]
        {
            secrets.typed("link", link.unwrap().url.rsplit('/').next().unwrap());
        }
        let key = std::fs::read_to_string(world.dir().join("master.key")).unwrap();
        secrets.bytes("master key", &BASE64.decode(key.trim().as_bytes()).unwrap());

        let places = async || {
            let mut places = world.dump().await.text().into_bytes();
            if world.records().await.kind() == Kind::Sqlite {
                files(world.dir()).into_iter().for_each(|(_, bytes)| places.extend(bytes));
            }
            places
        };
        let looked_through = places().await;
        assert!(looked_through.len() > 10_000 && secrets.0.len() > 300, "{}", secrets.0.len());
        assert_eq!(secrets.found_in(&looked_through), Vec::<&str>::new());

        // The search can find: one of each is planted.
        for what in ["password", "secret", "token", "code", "recovery code", "link", "master key"] {
            let (_, needle) = secrets
                .0
                .iter()
                .find(|(kind, needle)| *kind == what && needle.iter().all(|byte| byte.is_ascii_graphic()))
                .unwrap();
            let planted = String::from_utf8(needle.clone()).unwrap();
            let row = format!("INSERT INTO claims (name, claimed_at) VALUES ('planted {planted}', 0)");
            world.records().await.change(&row).await;
            assert!(secrets.found_in(&places().await).contains(&what), "{what}");
        }
    })
    .await;
}
