//! PostgreSQL is stopped as by a crash, hangs, or is followed by its standby, while people sign in at two servers: nothing that was
//! answered is lost, no code is spent twice, and it is said in time that nobody can be signed in.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth::Clock;
use serde_json::Value;
use store::Kind;

use crate::browser::Browser;
use crate::cluster::Cluster;
use crate::members::{self, code_of, done, step};
use crate::pair::Pair;
use crate::server::{Place, Server, extent, report};

const PEOPLE: usize = 3000;
/// A hundred sign-ins in a second, as long as they are answered at once: each comes twice, at either server.
const ASKING: usize = 8;
const EVERY: i64 = 80;
/// Within how many milliseconds it works again, and within how many everybody has an answer.
const SOON: i64 = 5000;

/// One who asked: when it was answered, after how many milliseconds, and how.
struct Heard {
    at: i64,
    took: i64,
    status: u16,
}

/// People who sign in, each with a code at both servers.
struct Crowd<'s> {
    servers: &'s [Server; 2],
    stop: AtomicBool,
    next: AtomicUsize,
    heard: Mutex<Vec<Heard>>,
    /// How often a code was given, and how often it was good.
    good: Mutex<BTreeMap<(usize, i64), usize>>,
    signed_in: Mutex<Vec<Browser>>,
}

impl<'s> Crowd<'s> {
    /// They come, something happens, and they go.
    fn while_they_sign_in(servers: &'s [Server; 2], happens: impl FnOnce(&Crowd<'s>)) -> Crowd<'s> {
        let crowd = Crowd {
            servers,
            stop: AtomicBool::new(false),
            next: AtomicUsize::new(0),
            heard: Mutex::default(),
            good: Mutex::default(),
            signed_in: Mutex::default(),
        };
        std::thread::scope(|scope| {
            for _ in 0..ASKING {
                scope.spawn(|| crowd.sign_in());
            }
            let happened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| happens(&crowd)));
            crowd.stop.store(true, Ordering::SeqCst);
            happened.unwrap();
        });
        crowd
    }

    fn sign_in(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let began = Clock::System.now();
            let who = self.next.fetch_add(1, Ordering::SeqCst);
            // The same code at one server and then at the other, whatever the first has said.
            let (person, step) = (who % PEOPLE, step());
            for turn in 0..2 {
                self.give(person, step, &self.servers[(who + turn) % 2]);
            }
            let took = Clock::System.now().millis_since(began);
            std::thread::sleep(Duration::from_millis(u64::try_from((EVERY - took).max(0)).unwrap()));
        }
    }

    fn give(&self, person: usize, step: i64, server: &Server) {
        let (mut browser, asked) = (server.browser(), Clock::System.now());
        let fields = [("username", format!("p{person}")), ("otp", code_of(step))];
        let answer = browser.post("/login", &fields.each_ref().map(|(name, value)| (*name, value.as_str())));
        let now = Clock::System.now();
        let heard = Heard { at: now.millis(), took: now.millis_since(asked), status: answer.status };
        assert!(matches!(heard.status, 303 | 422 | 429 | 503), "{}: {}", answer.status, answer.body);
        *self.good.lock().unwrap().entry((person, step)).or_default() += usize::from(heard.status == 303);
        if heard.status == 303 {
            self.signed_in.lock().unwrap().push(browser);
        }
        self.heard.lock().unwrap().push(heard);
    }

    /// Waits until both are ready and somebody has been signed in since, and answers how many milliseconds that took.
    fn until_it_works(&self) -> i64 {
        let began = Clock::System.now();
        loop {
            let ready = self.servers.iter().all(|server| server.browser().get("/readyz").status == 200);
            let since = |heard: &&Heard| heard.at >= began.millis() && heard.status == 303;
            let took = Clock::System.now().millis_since(began);
            if ready && self.heard.lock().unwrap().iter().rev().take(50).any(|heard| since(&heard)) {
                return took;
            }
            assert!(took < 4 * SOON, "it does not work again");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every code was good once at most, and everybody who was told so is signed in, at the other server too. Answers how many.
    fn nothing_is_lost(&self, place: &Place) -> usize {
        let good = self.good.lock().unwrap();
        assert!(good.values().all(|times| *times <= 1), "a code was good twice");
        let signed_in = self.signed_in.lock().unwrap();
        for (n, browser) in signed_in.iter().enumerate() {
            let mut browser = browser.clone();
            browser.address = self.servers[n % 2].address;
            assert_eq!(browser.get("/").status, 200, "a session is lost that was answered");
        }
        // What was done and not answered is in the log, and neither is more often there than there were codes.
        let mut in_log: BTreeMap<String, usize> = BTreeMap::new();
        for line in done(place, &["audit", "export"]).lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            if event["kind"] == "sign_in.completed" {
                *in_log.entry(event["name"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        let mut by_person: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for ((person, _), times) in good.iter() {
            let (codes, answered) = by_person.entry(format!("p{person}")).or_default();
            *codes += 1;
            *answered += times;
        }
        for (person, (codes, answered)) in by_person {
            let times = in_log.get(&person).copied().unwrap_or(0);
            assert!(
                (answered..=codes).contains(&times),
                "{person}: {times} of {codes} codes, {answered} answered"
            );
        }
        signed_in.len()
    }

    fn count(&self, status: u16) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| heard.status == status).count()
    }

    /// The longest that anybody waited for an answer.
    fn longest(&self) -> i64 {
        self.heard.lock().unwrap().iter().map(|heard| heard.took).max().unwrap_or(0)
    }
}

/// A place on this database, with everybody in it, and two servers.
fn house(url: &str) -> (Place, [Server; 2]) {
    let mut place = Place::new(Kind::Sqlite);
    place.set("LATCHKEY_DATABASE", url);
    members::come(&mut place, PEOPLE);
    let servers = [Server::start(&place), Server::start(&place)];
    (place, servers)
}

#[test]
fn nothing_that_was_answered_is_lost_when_postgresql_stops_as_by_a_crash() {
    let stops = extent(2, 5, 20);
    let cluster = Cluster::start();
    let (place, servers) = house(&cluster.url());
    let mut slowest = 0;
    let crowd = Crowd::while_they_sign_in(&servers, |crowd| {
        for stop in 0..stops {
            std::thread::sleep(Duration::from_millis(1000 + 37 * stop));
            cluster.crash();
            std::thread::sleep(Duration::from_millis(500 + 300 * (stop % 4)));
            cluster.start_again();
            slowest = slowest.max(crowd.until_it_works());
        }
    });
    assert!(slowest <= SOON, "it took {slowest} ms until it worked again");
    let (signed_in, refused) = (crowd.nothing_is_lost(&place), crowd.count(503));
    assert!(signed_in > 20 && refused > 0, "{signed_in} signed in, {refused} times it was away");
    servers.into_iter().for_each(|server| drop(server.stop()));
    report(
        "REL-3",
        &format!("{stops} immediate stops of PostgreSQL under sign-ins at two servers, each code at both"),
        &format!(
            "{signed_in} signed in, none lost, none twice; {refused} times 503 and no other failure; back within {slowest} ms"
        ),
    );
}

#[test]
fn a_postgresql_that_hangs_keeps_nobody_waiting() {
    let seconds = extent(8, 20, 60);
    let cluster = Cluster::start();
    let (place, servers) = house(&cluster.url());
    let resident = || -> u64 { servers.iter().map(crate::crowds::resident).sum() };
    let send = |signal: &str| {
        let sent = Command::new("kill").args(["-s", signal]).args(cluster.processes()).status();
        assert!(sent.unwrap().success());
    };
    let (mut slowest, mut live, mut unready, mut health, mut grown) = (0, 0, 0, 0, 0);
    let crowd = Crowd::while_they_sign_in(&servers, |crowd| {
        std::thread::sleep(Duration::from_secs(2));
        let before = resident();
        send("STOP");
        let began = Clock::System.now();
        while Clock::System.now().millis_since(began) < seconds * 1000 {
            std::thread::sleep(Duration::from_millis(500));
            for server in &servers {
                live += usize::from(server.browser().get("/livez").status == 200);
                let asked = Clock::System.now();
                unready += usize::from(server.browser().get("/readyz").status == 503);
                health = health.max(Clock::System.now().millis_since(asked));
            }
        }
        grown = resident().saturating_sub(before);
        send("CONT");
        slowest = crowd.until_it_works();
    });
    let longest = crowd.longest();
    let (signed_in, refused) = (crowd.nothing_is_lost(&place), crowd.count(503));
    servers.into_iter().for_each(|server| drop(server.stop()));
    report(
        "REL-4",
        &format!("PostgreSQL stopped by SIGSTOP for {seconds} s under sign-ins at two servers"),
        &format!(
            "every answer within {longest} ms, {refused} times 503; /livez {live} times 200, /readyz {unready} times 503 within \
             {health} ms; {grown} KiB more memory; back within {slowest} ms; {signed_in} signed in, none lost, none twice"
        ),
    );
    // Beside the whole suite everything takes longer.
    let soon = extent(2 * SOON, SOON, SOON);
    assert!(longest <= soon && health <= soon, "{longest} ms for an answer, {health} ms for health");
    assert!(slowest <= SOON, "{slowest} ms to recover");
    assert!(live > 0 && unready > 0 && refused > 0, "{live} {unready} {refused}");
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

#[test]
fn nothing_that_was_answered_is_lost_when_a_standby_takes_over() {
    let promotions = extent(1, 3, 10);
    let mut pair = Pair::start();
    let (place, servers) = house(&pair.url());
    let mut slowest = 0;
    let crowd = Crowd::while_they_sign_in(&servers, |crowd| {
        for _ in 0..promotions {
            std::thread::sleep(Duration::from_secs(1));
            pair.loses_its_first_and_promotes_the_other();
            slowest = slowest.max(crowd.until_it_works());
            pair.has_a_standby_again();
        }
    });
    let (signed_in, refused) = (crowd.nothing_is_lost(&place), crowd.count(503));
    servers.into_iter().for_each(|server| drop(server.stop()));
    assert!(slowest <= SOON, "it took {slowest} ms until it worked again");
    assert!(signed_in > 20, "only {signed_in} signed in");
    report(
        "failover",
        &format!(
            "{promotions} promotions of a synchronous standby after its first was lost, under sign-ins at two servers"
        ),
        &format!(
            "{signed_in} signed in, none lost, none twice; {refused} times 503; back within {slowest} ms"
        ),
    );
}
