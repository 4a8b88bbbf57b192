//! `kill -9` right after an answered sign-in: what was answered stays true.

use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

#[test]
fn after_kill_9_the_session_works_and_the_code_does_not_on_sqlite() {
    kill_after_sign_in(Kind::Sqlite, 50);
}

#[test]
fn after_kill_9_the_session_works_and_the_code_does_not_on_postgresql() {
    kill_after_sign_in(Kind::Postgres, 10);
}

fn kill_after_sign_in(kind: Kind, rounds: usize) {
    let place = Place::new(kind);
    let mut server = Server::start(&place);
    // One person a round, since each confirms one code and signs in with the next: nobody waits for the clock.
    let people: Vec<Person> = (0..rounds)
        .map(|round| {
            let mut person = Person::new(&format!("person{round}"));
            person.registers(&mut server.browser());
            person
        })
        .collect();
    for mut person in people {
        let mut browser = server.browser();
        person.signs_in(&mut browser).lands_on("/");
        server.kill();

        server = Server::start(&place);
        browser.address = server.address;
        assert!(browser.get("/").is(200).contains(&person.name), "{} is signed in", person.name);

        let mut thief = server.browser();
        person.gives_password(&mut thief);
        let code = person.codes.last().unwrap().clone();
        let refused = thief.post("/login/code", &[("otp", &code)]);
        assert!(refused.is(422).contains("has been used"), "{}", refused.body);
        thief.get("/").lands_on("/login");
    }
    server.stop();
}
