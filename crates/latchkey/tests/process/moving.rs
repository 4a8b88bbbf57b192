//! `latchkey migrate-db`, killed at a dozen places and gone on with: whoever was signed in still is, and what was spent stays spent.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use store::scratch::Scratch;
use store::{Db, Kind};

use crate::browser::{Answer, Browser};
use crate::person::Person;
use crate::server::{Place, Server, rounds};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
/// So many that a dozen kills come in the middle.
const PEOPLE: usize = 6_000;

#[test]
fn killed_at_a_dozen_places_a_move_to_postgresql_loses_nothing_and_signs_nobody_out() {
    moves(Kind::Sqlite, Kind::Postgres);
}

#[test]
fn killed_at_a_dozen_places_a_move_to_sqlite_loses_nothing_and_signs_nobody_out() {
    moves(Kind::Postgres, Kind::Sqlite);
}

/// Runs a command that has to succeed, and answers what it says.
fn done(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Runs a command that is refused, and answers why.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} is not refused: {said}");
    said
}

/// What somebody has when the house is moved.
struct Guest {
    person: Person,
    browser: Browser,
    link: String,
    token: String,
}

impl Guest {
    fn moves_in(place: &Place, server: &Server) -> Guest {
        let mut person = Person::new("ada");
        let mut browser = server.browser();
        person.registers(&mut browser);
        person.signs_in(&mut server.browser()).lands_on("/");
        let made = done(place, &["user", "link", "ada", "--for", "enroll"]);
        let (_, path) = made.split_once("/link/").unwrap_or_else(|| panic!("a link: {made}"));
        let link = format!("/link/{}", path.split_whitespace().next().unwrap());
        let made = done(place, &["token", "add", "wiki", "--scope", "verify"]);
        let token = made.split_whitespace().find(|word| word.starts_with("lk_")).unwrap().to_owned();
        Guest { person, browser, link, token }
    }

    /// Everything goes on being what it was.
    fn notices_nothing(&mut self, server: &Server) {
        self.browser.address = server.address;
        assert!(self.browser.get("/").is(200).contains("ada"), "she is signed in");
        let spent = self.person.codes.last().unwrap().clone();
        let mut thief = server.browser();
        self.person.gives_password(&mut thief);
        let again = thief.post("/login/code", &[("otp", &spent)]);
        assert!(again.is(422).contains("has been used"), "{}", again.body);
        let body = format!(r#"{{"username":"ada","otp":"{spent}"}}"#);
        let asked = self.asks(server, &body);
        assert!(asked.is(200).contains(r#""right":false"#), "{}", asked.body);
        server.browser().get(&self.link).is(200);
    }

    fn asks(&self, server: &Server, body: &str) -> Answer {
        let mut stream = server.browser().connect();
        let request = format!(
            "POST /api/v1/verify HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            server.address.port(),
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }
}

/// A move says that it went on, and with whom it ended.
fn went_on(said: &str) {
    assert!(said.contains("went on there") && said.contains("6001 people"), "{said}");
}

fn moves(kind: Kind, other: Kind) {
    let place = Place::new(kind);
    let people = (0..PEOPLE).map(|who| format!("otpauth://totp/x:p{who}?secret={SECRET}\n"));
    std::fs::write(place.dir().join("people.txt"), people.collect::<String>()).unwrap();
    let server = Server::start(&place);
    let mut ada = Guest::moves_in(&place, &server);
    done(&place, &["import", "otpauth", "people.txt", "--apply"]);
    let scratch = (other == Kind::Postgres).then(|| Scratch::new(other));
    let file = format!("sqlite:{}", place.data().join("latchkey.db").display());
    let new = scratch.as_ref().map_or(file.clone(), |scratch| scratch.url().to_owned());
    let old = place.url().unwrap_or(file);
    let migrate = ["migrate-db", old.as_str(), new.as_str()];

    let said = refused(&place, &migrate);
    assert!(said.contains("stop every server"), "{said}");
    server.stop();

    let at = ["--database", new.as_str()];
    let (mut killed, mut halves, mut is_moved) = (0, 0, false);
    for kill in 0..rounds(12) {
        let mut child =
            place.latchkey(&migrate).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 + kill as u64 * 89 % 400));
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ended.stderr),
            "",
            "kill {kill}: it was stopped by something else"
        );
        // A fast machine is done before it was killed that often.
        if ended.status.success() {
            went_on(&String::from_utf8_lossy(&ended.stdout));
            is_moved = true;
            break;
        }
        killed += 1;
        // Before its first commit there is nothing yet, and after its last one everything, though it could not say so any more.
        if matches!(Db::schema(&new), Ok(None)) {
            continue;
        }
        let list = [&["user", "list"][..], &at].concat();
        is_moved = place.run(&list).status.success();
        if is_moved {
            break;
        }
        halves += 1;
        for command in [&at[..], &list] {
            let said = refused(&place, command);
            assert!(said.contains("half of a house"), "{said}");
        }
    }
    assert!(halves > 0, "it was never killed in the middle");
    println!("{kind:?}: killed {killed} times, {halves} of them between its first commit and its last");
    match is_moved {
        true => assert!(refused(&place, &migrate).contains("was moved to")),
        false => went_on(&done(&place, &migrate)),
    }

    let said = refused(&place, &[]);
    assert!(said.contains("was moved to") && said.contains("the past"), "{said}");
    let server = Server::start_as(place.latchkey(&at));
    ada.notices_nothing(&server);
    server.stop();
    let whole = done(&place, &[&["verify"][..], &at].concat());
    assert!(whole.contains("are whole"), "{whole}");
}
