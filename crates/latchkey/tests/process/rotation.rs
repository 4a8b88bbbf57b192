//! A change of keys beside servers that go on: nobody who signs in notices, and nothing is left under the old key.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

/// How many people sign in all the while. Each waits for a code of a new step now and then.
const PEOPLE: usize = 8;

fn keys(place: &Place) -> Vec<Value> {
    let listed = place.run(&["key", "list", "--json"]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let all: Value = serde_json::from_slice(&listed.stdout).unwrap();
    all.as_array().unwrap().iter().filter(|key| key["purpose"] == "seal").cloned().collect()
}

fn ids(keys: &[Value]) -> Vec<&str> {
    keys.iter().map(|key| key["id"].as_str().unwrap()).collect()
}

#[test]
fn keys_change_while_people_sign_in_on_two_servers() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let servers = [Server::start(&place), Server::start(&place)];
        let people: Vec<Person> = (0..PEOPLE)
            .map(|n| {
                let mut person = Person::new(&format!("person{n}"));
                person.registers(&mut servers[n % 2].browser());
                person
            })
            .collect();
        let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for (n, mut person) in people.into_iter().enumerate() {
                let (servers, over, done) = (&servers, &over, &done);
                scope.spawn(move || {
                    let mut turn = n;
                    while !over.load(Ordering::Relaxed) {
                        // A sign-in opens what is sealed; somebody new has it sealed.
                        let mut browser = servers[turn % 2].browser();
                        person.signs_in(&mut browser).lands_on("/");
                        let mut newcomer = Person::new(&format!("new{n}-{turn}"));
                        newcomer.registers(&mut servers[(turn + 1) % 2].browser());
                        person = newcomer;
                        done.fetch_add(1, Ordering::Relaxed);
                        turn += 1;
                    }
                });
            }
            for round in 2..=6 {
                let before = done.load(Ordering::Relaxed);
                let ended = place.run(&["key", "rotate"]);
                assert!(ended.status.success(), "{kind:?}: {}", String::from_utf8_lossy(&ended.stderr));
                let now = keys(&place);
                assert_eq!(ids(&now), [format!("seal-{round}")], "{kind:?}: the old key is gone");
                assert!(now[0]["rows"].as_i64().unwrap() >= PEOPLE as i64);
                while done.load(Ordering::Relaxed) < before + PEOPLE {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        // Whoever failed to sign in or to register has failed the test by now.
        assert!(done.load(Ordering::Relaxed) >= 5 * PEOPLE);
        servers.into_iter().for_each(|server| {
            let (_, logged) = server.stop();
            assert!(!logged.contains("\"level\":\"ERROR\""), "{kind:?}: {logged}");
        });
    }
}

/// Whether there are rows that one key has sealed, and rows that the other has.
fn is_in_the_middle(keys: &[Value]) -> bool {
    keys.len() == 2 && keys.iter().all(|key| key["rows"].as_i64() > Some(0))
}

#[test]
fn a_change_that_was_killed_is_completed_by_the_next_one() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        // Enough that it takes a while: the tutorial's people, by the thousand.
        let links: String = (0..4000)
            .map(|n| format!("otpauth://totp/App:many{n}?secret={}&issuer=App\n", secret(n)))
            .collect();
        std::fs::write(place.dir().join("people.txt"), links).unwrap();
        let taken = place.run(&["import", "otpauth", "people.txt", "--apply"]);
        assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
        let mut ada = Person::new("ada");
        ada.registers(&mut server.browser());

        let mut between = Vec::new();
        for _ in 0..10 {
            let mut rotation = place.latchkey(&["key", "rotate"]).spawn().unwrap();
            // Until it is in the middle, or through.
            while rotation.try_wait().unwrap().is_none() {
                if is_in_the_middle(&keys(&place)) {
                    let _ = rotation.kill();
                    break;
                }
            }
            let _ = rotation.wait();
            // It may have come to its end while it was looked at.
            between = keys(&place);
            if is_in_the_middle(&between) {
                break;
            }
        }
        assert!(is_in_the_middle(&between), "{kind:?}: it was never killed there: {between:?}");
        // Both keys are needed, and the one that is no longer active cannot be taken away.
        let old = between.iter().find(|key| key["active"] == false).unwrap();
        let refused = place.run(&["key", "remove", old["id"].as_str().unwrap()]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{said}");
        let told = match old["rows"].as_i64() {
            Some(1) => "1 secret is sealed with".to_owned(),
            rows => format!("{} secrets are sealed with", rows.unwrap()),
        };
        assert!(said.contains(&told), "{said}");
        ada.signs_in(&mut server.browser()).lands_on("/");

        let ended = place.run(&["key", "rotate"]);
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(said.contains("interrupted") && ended.status.success(), "{said}");
        let after = keys(&place);
        let active = between.iter().find(|key| key["active"] == true).unwrap();
        assert_eq!(ids(&after), [active["id"].as_str().unwrap()]);
        // Everybody's authenticator, and the recovery codes that ada has not saved.
        assert_eq!(after[0]["rows"], 4002, "{after:?}");
        server.stop();
        let server = Server::start(&place);
        ada.signs_in(&mut server.browser()).lands_on("/");
        server.stop();
    }
}

fn secret(n: u32) -> String {
    data_encoding::BASE32_NOPAD.encode(&n.to_be_bytes().repeat(5))
}

#[test]
fn a_key_that_rows_need_and_that_is_gone_stops_the_start() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    Person::new("ada").registers(&mut server.browser());
    server.stop();
    let sql = |text: &str| {
        let file = place.data().join("latchkey.db");
        let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";
        let ended = place.command("python3", &["-c", script, file.to_str().unwrap(), text]).output().unwrap();
        (ended.status.success(), String::from_utf8(ended.stderr).unwrap())
    };
    // The engine refuses, unless somebody turns that off.
    let (done, said) = sql("PRAGMA foreign_keys = ON; DELETE FROM keys WHERE id = 'seal-1'");
    assert!(!done && said.contains("FOREIGN KEY"), "{said}");
    let forced = "PRAGMA foreign_keys = OFF; UPDATE authenticators SET sealed_by = 'seal-0'; \
                  UPDATE recovery_sheets SET sealed_by = 'seal-0'";
    assert!(sql(forced).0);
    let ended = place.run(&[]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("2 secrets are sealed with seal-0"), "{said}");
    assert!(
        sql(
            "UPDATE authenticators SET sealed_by = 'seal-1'; UPDATE recovery_sheets SET sealed_by = 'seal-1'"
        )
        .0
    );
    Server::start(&place).stop();
}

#[test]
fn a_new_pepper_comes_to_everybody_at_their_next_sign_in() {
    let place = Place::new(Kind::Sqlite);
    let (one, two) = (Server::start(&place), Server::start(&place));
    let mut ada = Person::new("ada");
    ada.registers(&mut one.browser());
    assert!(place.run(&["key", "rotate", "--pepper"]).status.success());
    let counts = || {
        let listed: Value = serde_json::from_slice(&place.run(&["key", "list", "--json"]).stdout).unwrap();
        let peppers = listed.as_array().unwrap().iter().filter(|key| key["purpose"] == "pepper").cloned();
        peppers.map(|key| key["rows"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts(), [1, 0]);
    // A server that has not heard of it goes on with the old one; one that starts now moves the hash.
    ada.gives_password(&mut one.browser());
    let three = Server::start(&place);
    ada.gives_password(&mut three.browser());
    assert_eq!(counts(), [0, 1]);
    // Whoever meets the new one has it from then on.
    ada.gives_password(&mut two.browser());
    let fields = [("username", "ada"), ("password", "not the password")];
    two.browser().post("/login", &fields).is(422);
    [one, two, three].into_iter().for_each(|server| drop(server.stop()));
}
