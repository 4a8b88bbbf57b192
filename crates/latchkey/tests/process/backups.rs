//! REL-11: twenty backups beside a hundred sign-ins a second. Each is one state, is restored, and is whole.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use auth::Clock;
use store::Kind;

use crate::browser::Browser;
use crate::members::{self, done};
use crate::server::{Place, Server, report, rounds};

/// Each is signed in once in half a minute: whoever comes again before that is refused, which is work, too.
const PEOPLE: usize = 1500;
const EACH_SECOND: u64 = 100;

/// People who sign in, one after another, for as long as it is not dropped.
struct Crowd {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    took: Arc<Mutex<Vec<u64>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn comes(server: &Server) -> Crowd {
        let (stop, answered, took) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<u64>>>::default());
        let next = Arc::new(AtomicUsize::new(0));
        let one = |_| {
            let (stop, answered, took, next) = (stop.clone(), answered.clone(), took.clone(), next.clone());
            let address = server.address;
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let who = next.fetch_add(1, Ordering::SeqCst) % PEOPLE;
                    let began = Clock::System.now();
                    let fields = [("username", format!("p{who}")), ("otp", members::code())];
                    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                    let answer = Browser::new(address).post("/login", &fields);
                    assert!(matches!(answer.status, 303 | 422), "{}: {}", answer.status, answer.body);
                    if answer.status == 303 {
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                    let millis = u64::try_from(Clock::System.now().millis_since(began)).unwrap_or(0);
                    took.lock().unwrap().push(millis);
                    std::thread::sleep(Duration::from_millis((4000 / EACH_SECOND).saturating_sub(millis)));
                }
            })
        };
        let threads = (0..4).map(one).collect();
        Crowd { stop, answered, took, threads }
    }

    fn signed_in(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// The time that 99 of 100 took at most since the last time this was asked.
    fn slow(&self) -> u64 {
        let mut took = std::mem::take(&mut *self.took.lock().unwrap());
        took.sort_unstable();
        took.get(took.len() * 99 / 100).copied().unwrap_or(0)
    }

    fn goes(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

#[test]
fn twenty_backups_beside_a_hundred_sign_ins_a_second_are_each_one_state_on_sqlite() {
    backups_beside_sign_ins(Kind::Sqlite, rounds(20));
}

#[test]
fn backups_beside_a_hundred_sign_ins_a_second_are_each_one_state_on_postgresql() {
    backups_beside_sign_ins(Kind::Postgres, rounds(20) / 4);
}

fn backups_beside_sign_ins(kind: Kind, rounds: usize) {
    let mut place = Place::new(kind);
    members::come(&mut place, PEOPLE);
    let server = Server::start(&place);
    let crowd = Crowd::comes(&server);
    std::thread::sleep(Duration::from_secs(2));
    let alone = crowd.slow();
    let mut states = Vec::new();
    for round in 0..rounds {
        let before = crowd.signed_in();
        done(&place, &["backup", &format!("{round}.backup")]);
        states.push((before, crowd.signed_in()));
    }
    let beside = crowd.slow();
    println!("{kind:?}: 99 of 100 sign-ins took {alone} ms at most, and {beside} ms beside backups");
    crowd.goes();
    server.stop();
    let last = states.last().unwrap().1;
    assert!(last > states[0].0, "nobody signed in meanwhile");
    for (round, (before, after)) in states.into_iter().enumerate() {
        let there = format!("there{round}");
        std::fs::create_dir(place.dir().join(&there)).unwrap();
        let key = [place.data().join("master.key"), place.dir().join(&there).join("master.key")];
        std::fs::copy(&key[0], &key[1]).unwrap();
        let database = format!("sqlite:{there}/latchkey.db");
        let at = ["--data-dir", there.as_str(), "--database", database.as_str()];
        done(&place, &[&["restore", &format!("{round}.backup")][..], &at].concat());
        let whole = done(&place, &[&["verify"][..], &at].concat());
        assert!(whole.contains("are whole"), "{whole}");
        let events = done(&place, &[&["audit", "export"][..], &at].concat());
        let signed_in = events.lines().filter(|line| line.contains("\"sign_in.completed\"")).count();
        // What was answered before it began is in it, and what began after it ended is not. Four may have been on their way.
        assert!((before..=after + 4).contains(&signed_in), "{round}: {before} {signed_in} {after}");
    }
    report(
        "REL-11",
        &format!(
            "{rounds} backups beside a hundred sign-ins a second over {kind:?}, each restored and verified"
        ),
        &format!(
            "each one state, none with half a sign-in; 99 of 100 sign-ins took {alone} ms at most, and {beside} ms beside backups"
        ),
    );
}
