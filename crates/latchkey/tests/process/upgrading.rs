//! REL-9: an upgrade that is killed at twenty moments is complete or has not been, and the next start goes on. And what becomes of a server
//! whose database a newer program has brought to a schema of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use auth::Clock;
use store::scratch::Scratch;
use store::{Db, Kind};

use crate::members;
use crate::server::{Place, Server, rounds};

/// A house as version 0.1.0 has left it, and how many people are in it.
fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/tests/frozen/0.1.0")
}
const PEOPLE: usize = 4;
const SCHEMA: i64 = 3;

/// That house, in a place of its own.
struct House {
    place: Place,
    url: String,
    _scratch: Option<Scratch>,
}

impl House {
    fn new(kind: Kind) -> House {
        let mut place = Place::new(Kind::Sqlite);
        std::fs::create_dir(place.data()).unwrap();
        std::fs::set_permissions(place.data(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let scratch = (kind == Kind::Postgres).then(|| Scratch::new(kind));
        let url = match &scratch {
            Some(scratch) => {
                place.set("LATCHKEY_DATABASE", scratch.url());
                scratch.url().to_owned()
            }
            None => format!("sqlite:{}", place.data().join("latchkey.db").display()),
        };
        let house = House { place, url, _scratch: scratch };
        std::fs::copy(frozen().join("master.key"), house.place.data().join("master.key")).unwrap();
        house.fill(kind);
        house
    }

    fn fill(&self, kind: Kind) {
        match kind {
            Kind::Sqlite => {
                let dump = std::fs::File::open(frozen().join("sqlite.sql")).unwrap();
                let mut sqlite = self.place.command("sqlite3", &["latchkey-data/latchkey.db"]);
                assert!(sqlite.stdin(dump).status().unwrap().success());
                // As every version has left it that was stopped in order.
                let wal = ["latchkey-data/latchkey.db", "PRAGMA journal_mode=WAL"];
                assert!(self.place.command("sqlite3", &wal).output().unwrap().status.success());
            }
            Kind::Postgres => {
                let dump = std::fs::read_to_string(frozen().join("postgres.sql")).unwrap();
                self._scratch.as_ref().unwrap().restore(&dump);
            }
        }
        for entry in std::fs::read_dir(self.place.data()).unwrap() {
            std::fs::set_permissions(
                entry.unwrap().path(),
                std::os::unix::fs::PermissionsExt::from_mode(0o600),
            )
            .unwrap();
        }
    }

    fn schema(&self) -> i64 {
        Db::schema(&self.url).unwrap().unwrap()
    }

    fn kept(&self) -> PathBuf {
        self.place.data().join(format!("latchkey.db.before-schema-{}", Db::SCHEMA))
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.place.run(arguments);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

#[test]
fn an_upgrade_that_is_killed_is_complete_or_has_not_been_on_sqlite() {
    killed(Kind::Sqlite);
}

#[test]
fn an_upgrade_that_is_killed_goes_on_on_postgresql() {
    killed(Kind::Postgres);
}

fn killed(kind: Kind) {
    let kills = rounds(20);
    let first = House::new(kind);
    let began = Clock::System.now();
    first.said(&["upgrade"]);
    let took = u64::try_from(Clock::System.now().millis_since(began)).unwrap();
    let mut house = House::new(kind);
    let (mut complete, mut unchanged) = (0, 0);
    for kill in 0..kills {
        let mut child = house.place.latchkey(&["upgrade"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(took * (kill as u64 + 1) / kills as u64));
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ended.stderr),
            "",
            "kill {kill}: it was stopped by something else"
        );
        match (house.schema(), kind) {
            (Db::SCHEMA, _) => {
                complete += 1;
                lives_on(&house, kind);
                house = House::new(kind);
            }
            (SCHEMA, _) => unchanged += 1,
            // PostgreSQL is changed step by step, and each is written down.
            (schema, Kind::Postgres) => println!("killed at schema {schema}"),
            (schema, Kind::Sqlite) => panic!("kill {kill}: half an upgrade, at schema {schema}"),
        }
    }
    println!("{kind:?}: killed {kills} times, complete {complete} times, unchanged {unchanged} times");
    assert!(unchanged > 0 && complete < kills, "it was never killed before its end");
    let server = Server::start(&house.place);
    server.stop();
    lives_on(&house, kind);
}

/// Everybody is there, once, and all is whole.
fn lives_on(house: &House, kind: Kind) {
    assert_eq!(house.schema(), Db::SCHEMA);
    assert!(house.said(&["verify"]).contains("are whole"));
    assert_eq!(house.said(&["user", "list"]).lines().count(), 1 + PEOPLE, "nobody was left there");
    if kind == Kind::Sqlite {
        let kept = format!("sqlite:{}", house.kept().display());
        assert_eq!(Db::schema(&kept).unwrap(), Some(SCHEMA), "what was before is kept");
    }
}

#[test]
fn of_servers_that_start_at_once_on_an_older_database_one_brings_it_up_to_date() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = House::new(kind);
        let start = || Server::start(&house.place);
        let servers: Vec<Server> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
            starting.into_iter().map(|starting| starting.join().unwrap()).collect()
        });
        for server in servers {
            server.browser().get("/readyz").is(200);
            server.stop();
        }
        lives_on(&house, kind);
    }
}

/// A program to come may bring the database to a schema on which this one would do harm, and it runs.
#[test]
fn a_server_whose_database_a_newer_program_has_taken_over_serves_nobody_any_more() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut place = Place::new(kind);
        members::come(&mut place, 2);
        let server = Server::start(&place);
        let mut browser = server.browser();
        browser.post("/login", &[("username", "p0"), ("otp", &members::code())]).lands_on("/");
        let next = Db::SCHEMA + 1;
        let taken_over = format!("INSERT INTO migrations VALUES ({next}, 'next', 'x', {next}, 0)");
        let mut command = match place.url() {
            Some(url) => place.command("psql", &["-XAtq", "-c", &taken_over, "-d", &url]),
            None => {
                place.command("sqlite3", &["-cmd", ".timeout 5000", "latchkey-data/latchkey.db", &taken_over])
            }
        };
        assert!(command.status().unwrap().success());
        // Nobody asks it anything: it looks by itself.
        server.until_logged("nobody is served here any more");
        browser.get("/").is(503);
        server.browser().post("/login", &[("username", "p1"), ("otp", &members::code())]).is(503);
        assert!(server.browser().get("/readyz").is(503).contains("Start the newer one here"));
        server.browser().get("/livez").is(200);
        server.stop();
        let refused = place.run(&[]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("start the newer Latchkey"), "{refused:?}");
    }
}
