//! Two servers on one PostgreSQL whose clocks differ, and one that is paused for longer than a lease: codes stay good once, and what was
//! done meanwhile is known.

use std::path::Path;
use std::time::Duration;

use store::Kind;

use crate::members::{self, code, code_of, done, step};
use crate::nodes::get_in;
use crate::server::{Place, Server, extent, report};

const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";

/// A server whose clock is off by so many seconds.
fn off_by(place: &Place, seconds: &str) -> Server {
    let there = ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];
    let is_there = there.iter().any(|lib| Path::new(&LIBRARY.replace("$LIB", lib)).is_file());
    assert!(is_there, "libfaketime is missing; `cargo xtask test` installs it");
    let mut command = place.latchkey(&[]);
    // Time limits go by the monotonic clock, which no administrator sets.
    command.envs([("LD_PRELOAD", LIBRARY), ("FAKETIME", seconds)]);
    command.envs([("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("DONT_FAKE_MONOTONIC", "1")]);
    Server::start_as(command)
}

#[test]
fn between_clocks_that_differ_a_code_is_good_once_and_too_far_apart_nobody_is_signed_in() {
    let rounds = extent(5, 20, 100);
    let mut place = Place::new(Kind::Postgres);
    members::come(&mut place, rounds + 2);
    // As far from the database's clock as may be, one ahead and one behind.
    let servers = [off_by(&place, "+4"), off_by(&place, "-4")];
    let in_all: Vec<usize> = (0..rounds).map(|round| get_in(&servers, &format!("p{round}"))).collect();
    assert!(in_all.iter().all(|count| *count == 1), "{in_all:?}");
    let far = off_by(&place, "+10");
    let said = far.browser().get("/readyz");
    assert!(said.is(503).contains("apart"), "{}", said.body);
    let mut browser = far.browser();
    for code in [code(), code_of(step() + 1)] {
        let fields = [("username", format!("p{rounds}")), ("otp", code)];
        browser.post("/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).is(503);
    }
    // What it refused is not spent.
    let fields = [("username", format!("p{rounds}")), ("otp", code())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut browser = servers[0].browser();
    browser.post("/login", &fields).lands_on("/");
    browser.address = servers[1].address;
    browser.get("/").is(200);
    servers.into_iter().chain([far]).for_each(|server| drop(server.stop()));
    report(
        "REL-15",
        &format!(
            "{rounds} rounds of 64 sign-ins with one code at two servers whose clocks are 8 s apart; a third is 10 s off"
        ),
        &format!(
            "{} got in, one in each round; the third says so in /readyz and signs nobody in",
            in_all.len()
        ),
    );
}

#[test]
fn a_server_that_was_paused_knows_what_was_done_meanwhile_and_does_nothing_twice() {
    let seconds = extent(6, 15, 65);
    let mut place = Place::new(Kind::Postgres);
    members::come(&mut place, 40);
    let (paused, other) = (Server::start(&place), Server::start(&place));
    let give = |server: &Server, name: &str| {
        let mut browser = server.browser();
        let status = browser.post("/login", &[("username", name), ("otp", &code())]).status;
        (browser, status)
    };
    let (mut ada, status) = give(&paused, "p0");
    assert_eq!(status, 303);
    ada.get("/").is(200);
    paused.signal("STOP");
    done(&place, &["session", "end", "p0", "--all"]);
    // Others go on, and their log is sealed by the one that is awake, also where the sleeping one holds the lease.
    let rounds = (seconds * 2).min(36);
    let mut signed_in = 0;
    for who in 1..=rounds {
        signed_in += usize::from(give(&other, &format!("p{who}")).1 == 303);
        std::thread::sleep(Duration::from_millis(u64::try_from(seconds * 1000 / rounds).unwrap()));
    }
    paused.signal("CONT");
    ada.get("/").lands_on("/login");
    // A code that was spent meanwhile is spent.
    let name = format!("p{}", rounds + 1);
    assert_eq!((give(&other, &name).1, give(&paused, &name).1), (303, 422));
    std::thread::sleep(Duration::from_secs(5));
    let verified = done(&place, &["audit", "verify"]);
    let events = done(&place, &["audit", "export"]);
    let in_log = events.lines().filter(|line| line.contains("\"sign_in.completed\"")).count();
    assert_eq!(in_log, signed_in + 2);
    for server in [paused, other] {
        let (_, logged) = server.stop();
        assert!(!logged.contains("\"level\":\"ERROR\""), "{logged}");
    }
    report(
        "REL-19",
        &format!("one of two servers paused by SIGSTOP for {seconds} s, under sign-ins at the other"),
        &format!(
            "its session that was ended meanwhile is refused at once, a code spent meanwhile too; {in_log} sign-ins in the log, and it is \
             whole: {}",
            verified.lines().next().unwrap_or_default()
        ),
    );
}
