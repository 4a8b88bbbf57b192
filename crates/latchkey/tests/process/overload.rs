//! Three times as many come as can be served: most of what can be done is done, the rest hears so soon, and who is signed in notices
//! little.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth::Clock;
use store::Kind;

use crate::browser::Browser;
use crate::person::Person;
use crate::server::{Place, Server, extent, report};

/// What became of so many sign-ins.
#[derive(Default)]
struct Heard {
    good: AtomicUsize,
    refused: AtomicUsize,
    longest: Mutex<i64>,
}

impl Heard {
    fn asks(&self, server: &Server, person: &Person) {
        let asked = Clock::System.now();
        let answer = server.browser().post("/login", &person.fields());
        let took = Clock::System.now().millis_since(asked);
        match answer.status {
            303 => &self.good,
            503 => {
                assert!(answer.header("retry-after").is_some(), "503 does not say when to come again");
                &self.refused
            }
            // Of one name only so many at once.
            429 => &self.refused,
            other => panic!("{other}: {}", answer.body),
        }
        .fetch_add(1, Ordering::SeqCst);
        let mut longest = self.longest.lock().unwrap();
        *longest = took.max(*longest);
    }

    fn good_each_second(&self, millis: i64) -> f64 {
        let good = u32::try_from(self.good.load(Ordering::SeqCst)).unwrap();
        f64::from(good) * 1000.0 / f64::from(i32::try_from(millis).unwrap())
    }
}

/// The time that 99 of 100 checks of a session took at most, while something happens.
fn while_somebody_looks(server: &Server, signed_in: &Browser, happens: impl FnOnce()) -> i64 {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let (mut took, mut browser) = (Vec::new(), signed_in.clone());
            browser.address = server.address;
            while !over.load(Ordering::SeqCst) {
                let asked = Clock::System.now();
                browser.get("/").is(200);
                took.push(Clock::System.now().millis_since(asked));
                std::thread::sleep(Duration::from_millis(20));
            }
            took.sort_unstable();
            took[took.len() * 99 / 100]
        });
        happens();
        over.store(true, Ordering::SeqCst);
        looking.join().unwrap()
    })
}

#[test]
fn under_three_times_the_load_most_of_what_can_be_done_is_done() {
    let (people, seconds) = (extent(24, 120, 240), extent(2, 8, 20));
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut signed_in = server.browser();
    let people: Vec<Person> = (0..people)
        .map(|n| {
            let mut person = Person::new(&format!("p{n}"));
            person.registers(&mut signed_in);
            person
        })
        .collect();
    let next = AtomicUsize::new(0);
    let someone = || &people[next.fetch_add(1, Ordering::SeqCst) % people.len()];
    let millis = |seconds: i64| seconds * 1000;

    // As many as are answered when four ask, each as soon as it has an answer.
    let peak = Heard::default();
    let calm = while_somebody_looks(&server, &signed_in, || {
        let began = Clock::System.now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while Clock::System.now().millis_since(began) < millis(seconds) {
                        peak.asks(&server, someone());
                    }
                });
            }
        });
    });
    let most = peak.good_each_second(millis(seconds));

    // Three times as many, whether there are answers or not.
    let flood = Heard::default();
    let mut took = 0;
    let busy = while_somebody_looks(&server, &signed_in, || {
        let began = Clock::System.now();
        std::thread::scope(|scope| {
            let mut come = 0.0;
            while Clock::System.now().millis_since(began) < millis(seconds) {
                let due =
                    3.0 * most * f64::from(i32::try_from(Clock::System.now().millis_since(began)).unwrap())
                        / 1000.0;
                while come < due {
                    let person = someone();
                    let (server, flood) = (&server, &flood);
                    scope.spawn(move || flood.asks(server, person));
                    come += 1.0;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            took = Clock::System.now().millis_since(began);
        });
    });
    let good = flood.good_each_second(took);
    let (refused, longest) = (flood.refused.load(Ordering::SeqCst), *flood.longest.lock().unwrap());
    server.stop();
    report(
        "REL-17",
        &format!("three times the sign-ins by password that can be served, for {seconds} s"),
        &format!(
            "{most:.0} a second alone, {good:.0} beside the rest ({:.0} %), {refused} refused with 503 or 429, every answer within {longest} ms; a \
             check of a session {calm} ms before and {busy} ms meanwhile (99 of 100)",
            100.0 * good / most
        ),
    );
    assert!(refused > 0, "there was room for everybody");
    assert!(longest < 10_000, "somebody waited {longest} ms");
    // By time only where nothing else runs.
    if extent(false, true, true) {
        assert!(good >= 0.8 * most, "{good:.1} of {most:.1} a second");
        assert!(busy <= 250, "a check of a session takes {busy} ms");
    }
}
