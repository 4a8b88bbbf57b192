//! REL-7: of eight ways to damage SQLite's file the server starts with none, or writes nothing more; it makes no new database over one, and
//! `latchkey verify` names each.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server, report};

/// A house in which somebody lives, and its file.
struct House {
    place: Place,
    file: PathBuf,
}

impl House {
    fn new() -> House {
        let place = Place::new(Kind::Sqlite);
        let server = Server::start(&place);
        Person::new("ada").registers(&mut server.browser());
        server.stop();
        let file = place.data().join("latchkey.db");
        House { place, file }
    }

    fn sqlite3(&self, text: &str) -> String {
        let output = self.place.command("sqlite3", &[self.file.to_str().unwrap(), text]).output().unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Turns bits over.
    fn flip(&self, at: u64, many: usize) {
        let file = OpenOptions::new().read(true).write(true).open(&self.file).unwrap();
        let mut bytes = vec![0; many];
        file.read_exact_at(&mut bytes, at).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        file.write_all_at(&bytes, at).unwrap();
    }
}

/// What was done to it, and what is said.
type Damage = (&'static str, fn(&House), &'static str);

const DAMAGES: [Damage; 8] = [
    ("the first bytes of the first page", |house| house.flip(0, 8), "does not begin like one"),
    ("the tables in the first page", |house| house.flip(100, 8), "is damaged"),
    ("a file of 0 bytes", |house| fs::write(&house.file, "").unwrap(), "has 0 bytes"),
    (
        "a log that was cut off",
        |house| {
            let server = Server::start(&house.place);
            Person::new("bob").registers(&mut server.browser());
            server.kill();
            let log = house.place.data().join("latchkey.db-wal");
            let log = OpenOptions::new().write(true).open(log).unwrap();
            log.set_len(log.metadata().unwrap().len() / 2).unwrap();
        },
        "has lost what was committed last",
    ),
    (
        "the number of another program",
        |house| drop(house.sqlite3("PRAGMA user_version = 7")),
        "of another program",
    ),
    (
        "the tables of another program",
        |house| {
            fs::remove_file(&house.file).unwrap();
            house.sqlite3("PRAGMA journal_mode = WAL; CREATE TABLE user (id INTEGER)");
        },
        "is of another program",
    ),
    (
        "a migration that was changed",
        |house| drop(house.sqlite3("UPDATE migrations SET checksum = 'x' WHERE version = 3")),
        "migration 3 of the database is not the one",
    ),
    (
        "a newer schema",
        |house| drop(house.sqlite3("INSERT INTO migrations VALUES (99, 'x', 'x', 99, 0)")),
        "schema 99",
    ),
];

#[test]
fn a_server_starts_with_no_damaged_database_and_makes_no_new_one_and_verify_names_it() {
    for (what, damage, said) in DAMAGES {
        let house = House::new();
        damage(&house);
        let before = fs::read(&house.file).unwrap();
        let verified = house.place.run(&["verify"]);
        let (out, err) =
            (String::from_utf8_lossy(&verified.stdout), String::from_utf8_lossy(&verified.stderr));
        assert_eq!(verified.status.code(), Some(1), "{what}: {out}{err}");
        assert!(err.contains("not everything is whole: "), "{what}: {out}{err}");
        // Started twice: what the first try made of it must not help the second.
        for _ in 0..2 {
            let refused = house.place.run(&[]);
            let err = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(1), "{what}: {err}");
            assert!(err.contains(said), "{what}: {err}");
            let remedies = ["latchkey restore", "put this one aside", "start the newer Latchkey"];
            assert!(remedies.iter().any(|remedy| err.contains(remedy)), "{what} has no remedy: {err}");
        }
        assert!(fs::read(&house.file).unwrap() == before, "{what}: the file was written");
        println!("{what}: found and refused");
    }
    report(
        "REL-7",
        &format!("{} kinds of damage to the file of SQLite, each started on twice", DAMAGES.len()),
        "each refused with a remedy, named by `latchkey verify`, and the file left as it was",
    );
}

#[test]
fn a_damaged_index_is_found_beside_those_who_sign_in_and_nothing_more_is_written() {
    let house = House::new();
    let page: u64 = house.sqlite3("PRAGMA page_size").parse().unwrap();
    let root: u64 =
        house.sqlite3("SELECT rootpage FROM sqlite_schema WHERE name = 'users_by_name'").parse().unwrap();
    // The end of the page is where its cells are.
    house.flip(root * page - 3, 3);
    let verified = house.place.run(&["verify", "--json"]);
    let out = String::from_utf8_lossy(&verified.stdout);
    assert_eq!((verified.status.code(), out.contains("\"what\": \"file\"")), (Some(1), true), "{out}");

    let server = Server::start(&house.place);
    server.until_logged("its file is damaged, and nothing more is written");
    let mut browser = server.browser();
    let ready = browser.get("/readyz");
    assert!(ready.is(503).contains("damaged"), "{}", ready.body);
    browser.post("/register", &[("username", "bob"), ("password", "engine of analysis")]).is(503);
    server.signal("TERM");
    server.ended();
}

#[test]
fn verify_names_what_was_moved_and_what_refers_to_nothing() {
    let house = House::new();
    let whole = house.place.run(&["verify"]);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stdout));
    house.sqlite3(
        "UPDATE authenticators SET id = 'x'; UPDATE users SET role = 'king', password = '$argon2id$v=19$x'",
    );
    house.sqlite3("PRAGMA foreign_keys = OFF; UPDATE recovery_codes SET user_id = 'nobody'");
    house.sqlite3("UPDATE events SET name = 'eve' WHERE kind = 'user.created'");
    let found = house.place.run(&["verify"]);
    let out = String::from_utf8_lossy(&found.stdout);
    assert_eq!(found.status.code(), Some(1), "{out}");
    for said in [
        "sealed: what is sealed in authenticators.secret of x does not open",
        "row: the password of ada is no hash",
        "row: the role of ada is none",
        "reference: in recovery_codes, 10 refer to what is not in users",
        "audit: event ",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
}

#[test]
fn verify_looks_at_postgresql_too_and_beside_a_server() {
    let place = Place::new(Kind::Postgres);
    let server = Server::start(&place);
    Person::new("ada").registers(&mut server.browser());
    std::thread::sleep(Duration::from_millis(10));
    let whole = place.run(&["verify"]);
    let out = String::from_utf8_lossy(&whole.stdout);
    assert!(whole.status.success() && out.contains("the tables and the keys are whole"), "{out}");
    server.stop();
}
