//! `kill -9` within twenty milliseconds after an answer: what was answered stays true, and what was spent stays spent.

use std::time::Duration;

use store::Kind;

use crate::browser::Browser;
use crate::person::Person;
use crate::server::{Place, Server, extent, report, rounds};

#[test]
fn after_kill_9_what_was_answered_is_true_and_what_was_spent_is_spent_on_sqlite() {
    kill_after_answers(Kind::Sqlite, rounds(extent(32, 100, 500)));
}

#[test]
fn after_kill_9_what_was_answered_is_true_and_what_was_spent_is_spent_on_postgresql() {
    kill_after_answers(Kind::Postgres, rounds(extent(32, 100, 500)) / 4);
}

/// What is answered last before the program is killed.
#[derive(Clone, Copy, Debug)]
enum Last {
    Code,
    RecoveryCode,
    Link,
    SignOut,
}

const ALL: [Last; 4] = [Last::Code, Last::RecoveryCode, Last::Link, Last::SignOut];

fn kill_after_answers(kind: Kind, rounds: usize) {
    let place = Place::new(kind);
    let mut server = Server::start(&place);
    for round in 0..rounds {
        let last = ALL[round % ALL.len()];
        // One person a round, since each confirms one code and signs in with the next: nobody waits for the clock.
        let mut browser = server.browser();
        let mut person = Person::new(&format!("person{round}"));
        person.registers(&mut browser);
        let before = before(last, &place, &person, &mut browser);

        let spent = answered(last, &mut person, &mut browser, before);
        std::thread::sleep(Duration::from_millis(round as u64 * 7 % 21));
        server.kill();

        server = Server::start(&place);
        browser.address = server.address;
        let mut thief = server.browser();
        still_true(last, &person, (&mut browser, &mut thief), &spent);
    }
    report(
        "REL-1",
        &format!(
            "kill -9 within 20 ms after a sign-in, a recovery code, a link or a sign-out, {rounds} times over {kind:?}"
        ),
        "nothing that was answered was lost, nothing that was spent was good again",
    );
    server.stop();
}

/// The first recovery code of somebody who has just registered.
pub(crate) fn recovery_code(browser: &mut Browser) -> String {
    let sheet = browser.get("/enroll/recovery-codes");
    let is_code = |word: &&str| word.len() == 19 && word.split('-').count() == 4;
    let words = sheet.is(200).split(['<', '>', ' ', '\n']).find(is_code);
    words.expect("the page shows the codes").to_owned()
}

/// What has to be there before the answer: a recovery code, or a link.
fn before(last: Last, place: &Place, person: &Person, browser: &mut Browser) -> String {
    match last {
        Last::Code | Last::SignOut => String::new(),
        Last::RecoveryCode => recovery_code(browser),
        Last::Link => {
            let made = place.run(&["user", "link", &person.name, "--for", "enroll"]);
            let said = String::from_utf8(made.stdout).unwrap();
            let (_, path) = said.split_once("/link/").unwrap_or_else(|| panic!("a link: {said}"));
            format!("/link/{}", path.split_whitespace().next().unwrap())
        }
    }
}

/// Asks for the last thing, and has the answer. Returns what is spent by it.
fn answered(last: Last, person: &mut Person, browser: &mut Browser, before: String) -> String {
    match last {
        Last::Code => {
            person.signs_in(browser).lands_on("/");
            person.codes.last().unwrap().clone()
        }
        Last::RecoveryCode => {
            person.gives_password(browser);
            browser.post("/login/recovery", &[("recovery_code", &before)]).lands_on("/enroll");
            before
        }
        Last::Link => {
            browser.post(&before, &[("password", &person.password)]).lands_on("/enroll");
            before
        }
        Last::SignOut => {
            // A copy of the cookie is what somebody may have taken.
            let session = browser.cookie("latchkey").to_owned();
            browser.post("/logout", &[]).lands_on("/login");
            session
        }
    }
}

/// The browser has what it was answered, and nobody has it a second time.
fn still_true(last: Last, person: &Person, (browser, thief): (&mut Browser, &mut Browser), spent: &str) {
    match last {
        Last::Code => {
            assert!(browser.get("/").is(200).contains(&person.name), "{} is signed in", person.name);
            person.gives_password(thief);
            let refused = thief.post("/login/code", &[("otp", spent)]);
            assert!(refused.is(422).contains("has been used"), "{}", refused.body);
            thief.get("/").lands_on("/login");
        }
        Last::RecoveryCode => {
            browser.get("/enroll").is(200);
            person.gives_password(thief);
            thief.post("/login/recovery", &[("recovery_code", spent)]).is(422);
            thief.get("/enroll").lands_on("/register");
        }
        Last::Link => {
            browser.get("/enroll").is(200);
            thief.post(spent, &[("password", &person.password)]).is(410);
            thief.get("/enroll").lands_on("/register");
        }
        Last::SignOut => {
            browser.get("/").lands_on("/login");
            thief.set_cookie("latchkey", spent);
            thief.get("/").lands_on("/login");
        }
    }
}
