//! Tries outlive `kill -9`, and `latchkey user show` says whose front door is closed and how it is opened.

use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

#[test]
fn after_kill_9_the_fifth_wrong_code_is_the_last_free_one() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let mut server = Server::start(&place);
        let mut ada = Person::new("ada");
        ada.registers(&mut server.browser());
        let mut browser = server.browser();
        ada.gives_password(&mut browser);
        for tried in 1..=5 {
            let wrong = ada.wrong_code();
            browser.post("/login/code", &[("otp", &wrong)]).is(422);
            if tried >= 4 {
                server.kill();
                server = Server::start(&place);
                browser.address = server.address;
            }
        }
        let code = ada.code();
        let rests = browser.post("/login/code", &[("otp", &code)]);
        rests.is(429);
        assert!(rests.header("retry-after").is_some());
        server.stop();
    }
}

#[test]
fn a_closed_front_door_is_shown_with_what_opens_it() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut ada = Person::new("ada");
    ada.registers(&mut server.browser());
    let wrong = [("username", "ada"), ("password", "not the password")];
    server.browser().post("/login", &wrong).is(422);
    let shown = || String::from_utf8(place.run(&["user", "show", "ada"]).stdout).unwrap();
    assert!(!shown().contains("Front door"), "{}", shown());

    let database = place.data().join("latchkey.db");
    let change = "PRAGMA busy_timeout = 5000; UPDATE attempts SET in_row = 100";
    let mut sqlite3 = place.command("sqlite3", &[database.to_str().unwrap(), change]);
    assert!(sqlite3.output().unwrap().status.success());
    let text = shown();
    assert!(text.contains("Front door       closed after a hundred wrong tries"), "{text}");
    assert!(text.contains("→ latchkey user enable ada, or latchkey user link ada"), "{text}");
    let refused = server.browser().post("/login", &wrong);
    assert!(refused.is(429).contains("browsers we do not know"), "{}", refused.body);

    assert!(place.run(&["user", "enable", "ada"]).status.success());
    assert!(!shown().contains("Front door"), "{}", shown());
    ada.gives_password(&mut server.browser());
    server.stop();
}
