//! The database goes away and comes back under load: meanwhile nobody is let in whom the rules do not let in, whatever is
//! known and whatever is not, and afterwards everything is as it was, without a new start.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use store::Kind as Engine;

use crate::browser::Answer;
use crate::cluster::Cluster;
use crate::proxies::House;
use crate::proxy::{APP, Kind, PORTAL, Proxy};
use crate::server::Place;
use crate::traveler::Traveler;

const SETTINGS: &str = r#"
[[access.rules]]
hosts = ["app.example.org"]
paths = ["/closed/*"]
policy = "deny"

[[access.rules]]
hosts = ["app.example.org"]
policy = "two_factor"
groups = ["family"]
"#;

/// How many ask for the same at a time, and how long each of them waits after an answer: five hundred questions in a second, in
/// all, as long as they are answered at once.
const AT_ONCE: usize = 20;
const PAUSE: Duration = Duration::from_millis(390);
/// Between one thing that happens and the next.
const A_WHILE: Duration = Duration::from_secs(2);
/// Within which a sign-out is known, and nothing is believed any more that was heard before.
const A_MOMENT: Duration = Duration::from_secs(1);
/// It is gone for longer than anything waits for it.
const GONE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(60);

/// In which of the two ways a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dialect {
    Passes,
    Nginx,
}

/// Somebody who wants to go somewhere.
struct Visitor {
    name: &'static str,
    cookies: String,
    path: &'static str,
}

/// How often a visitor heard which status, by each dialect. Zero is no answer.
type Heard = BTreeMap<(&'static str, Dialect), BTreeMap<u16, usize>>;

/// Five visitors, each asking in both dialects over and over, until they are told to stop.
struct Load {
    address: SocketAddr,
    /// Since somebody looked.
    heard: Mutex<Heard>,
    stop: AtomicBool,
    asked: AtomicUsize,
}

impl Load {
    fn ask_on(&self, visitor: &Visitor, dialect: Dialect) {
        let request = question(visitor, dialect);
        let mut stream = None;
        while !self.stop.load(Ordering::Relaxed) {
            let status = self.ask(&mut stream, &request).unwrap_or(0);
            let mut heard = self.heard.lock().unwrap();
            *heard.entry((visitor.name, dialect)).or_default().entry(status).or_default() += 1;
            drop(heard);
            self.asked.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }

    /// Asks once, over a connection that stays. Nothing when it breaks.
    fn ask(&self, stream: &mut Option<TcpStream>, request: &str) -> Option<u16> {
        let mut open = match stream.take() {
            Some(open) => open,
            None => TcpStream::connect(self.address).ok()?,
        };
        open.set_read_timeout(Some(PATIENCE)).ok()?;
        open.write_all(request.as_bytes()).ok()?;
        let (mut text, mut piece) = (Vec::new(), [0; 2048]);
        while !text.ends_with(b"\r\n\r\n") {
            let length = open.read(&mut piece).ok().filter(|length| *length > 0)?;
            text.extend_from_slice(&piece[..length]);
        }
        let answer = Answer::parse(&String::from_utf8_lossy(&text));
        if answer.header("connection") != Some("close") {
            *stream = Some(open);
        }
        Some(answer.status)
    }

    /// What was heard since the last time.
    fn since(&self) -> Heard {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

fn question(visitor: &Visitor, dialect: Dialect) -> String {
    let Visitor { cookies, path, .. } = visitor;
    let (at, what) = match dialect {
        Dialect::Passes => (
            "forward-auth",
            format!(
                "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {APP}\r\nX-Forwarded-Uri: {path}\r\n"
            ),
        ),
        Dialect::Nginx => {
            ("auth-request", format!("X-Original-Method: GET\r\nX-Original-URL: https://{APP}{path}\r\n"))
        }
    };
    format!(
        "GET /api/authz/{at} HTTP/1.1\r\nHost: {PORTAL}\r\nX-Forwarded-For: 127.0.0.1\r\nAccept: text/html\r\n{what}{cookies}\r\n"
    )
}

/// Nobody but Ada was let in, and each dialect says only what its proxies know.
#[track_caller]
fn nobody_else_is_let_in(heard: &Heard, when: &str) {
    for ((name, dialect), answers) in heard {
        for status in answers.keys() {
            assert!(!(200..300).contains(status) || *name == "ada", "{when}: {name}: {heard:?}");
            let known: &[u16] = match dialect {
                Dialect::Passes => &[200, 302, 403, 503],
                Dialect::Nginx => &[200, 401, 403],
            };
            assert!(known.contains(status), "{when}: {name} by {dialect:?} heard {status}: {heard:?}");
        }
    }
}

fn of_ada(heard: &Heard, status: u16) -> usize {
    let hers = heard.iter().filter(|((name, _), _)| *name == "ada");
    hers.filter_map(|(_, answers)| answers.get(&status)).sum()
}

/// A house with this database, in which Ada is signed in at the program, and everybody asks while something happens.
fn under_load(place: Place, happens: impl FnOnce(&Load, &House, &mut Traveler<'_>)) {
    let mut house = House::with(place, SETTINGS);
    let proxy = Proxy::start(Kind::Nginx, &house.recipe(Kind::Nginx));
    let mut ada = Traveler::new(&proxy);
    let (at, _) = ada.goes_to(&format!("https://{APP}/photos"));
    ada.signs_in(&mut house.ada, &at).1.is(200);
    let visitors = visitors(&ada.cookies(APP));
    let load = Load {
        address: house.server.address,
        heard: Mutex::default(),
        stop: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
    };
    let ended = std::thread::scope(|scope| {
        for visitor in visitors.iter().cycle().take(visitors.len() * AT_ONCE) {
            for dialect in [Dialect::Passes, Dialect::Nginx] {
                let load = &load;
                scope.spawn(move || load.ask_on(visitor, dialect));
            }
        }
        // A failure in here must not leave them asking forever.
        let happens = || {
            std::thread::sleep(A_WHILE);
            all_is_well(&load, "before");
            happens(&load, &house, &mut ada);
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(happens));
        load.stop.store(true, Ordering::Relaxed);
        ended
    });
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure);
    }
    println!("{} questions in all, and nobody was let in by mistake", load.asked.load(Ordering::Relaxed));
}

fn visitors(cookies: &str) -> [Visitor; 5] {
    let wrong = "Cookie: __Host-latchkey-app=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
    let cut = format!("{}\r\n", &cookies.trim_end()[..cookies.trim_end().len() - 1]);
    [
        ("nobody", "", "/photos"),
        ("a stranger with a wrong cookie", wrong, "/photos"),
        ("a stranger with a part of hers", &cut, "/photos"),
        ("ada where nobody may go", cookies, "/closed/x"),
        ("ada", cookies, "/photos"),
    ]
    .map(|(name, cookies, path)| Visitor { name, cookies: cookies.to_owned(), path })
}

/// Ada is let in each time, and nobody else is.
#[track_caller]
fn all_is_well(load: &Load, when: &str) {
    let heard = load.since();
    nobody_else_is_let_in(&heard, when);
    assert!(of_ada(&heard, 200) > 50 && of_ada(&heard, 503) + of_ada(&heard, 403) == 0, "{when}: {heard:?}");
}

/// Once signed out, nobody is let in at all.
fn what_is_true_now_counts(load: &Load, ada: &mut Traveler<'_>) {
    ada.posts("/logout", "");
    std::thread::sleep(A_MOMENT);
    load.since();
    std::thread::sleep(A_WHILE);
    let heard = load.since();
    nobody_else_is_let_in(&heard, "signed out");
    assert_eq!(of_ada(&heard, 200), 0, "{heard:?}");
}

#[test]
fn while_postgresql_is_away_nobody_is_let_in_by_mistake_and_then_all_is_as_it_was() {
    let cluster = Cluster::start();
    let mut place = Place::new(Engine::Sqlite);
    place.set("LATCHKEY_DATABASE", &cluster.url());
    under_load(place, |load, house, ada| {
        cluster.crash();
        assert!(ada.goes_straight_to(APP, "/closed/x").status >= 400);
        // What a server heard just before counts until then, for whom it let in anyway.
        std::thread::sleep(A_MOMENT);
        house.echo.arrived();
        for path in ["/photos", "/closed/x"] {
            assert!(ada.goes_straight_to(APP, path).status >= 400, "{path}");
        }
        std::thread::sleep(GONE);
        assert_eq!(house.echo.arrived(), Vec::<String>::new(), "through the proxy");
        let heard = load.since();
        println!("while it was away: {heard:?}");
        nobody_else_is_let_in(&heard, "while it is away");
        assert!(of_ada(&heard, 503) > 0 && of_ada(&heard, 403) > 0, "it was never away: {heard:?}");
        let readiness = house.server.browser().get("/readyz");
        assert_eq!(readiness.status, 503, "{}", readiness.body);

        cluster.start_again();
        let mut waited = Duration::ZERO;
        loop {
            std::thread::sleep(A_WHILE);
            waited += A_WHILE;
            let heard = load.since();
            nobody_else_is_let_in(&heard, "while it comes back");
            let unknown = heard.values().any(|answers| answers.contains_key(&503));
            if !unknown && house.server.browser().get("/readyz").status == 200 {
                break;
            }
            assert!(waited < PATIENCE, "it does not recover: {heard:?}");
        }
        load.since();
        std::thread::sleep(A_WHILE);
        all_is_well(load, "afterwards");
        what_is_true_now_counts(load, ada);
    });
}

#[test]
fn with_a_spoiled_file_of_sqlite_nobody_is_let_in_by_mistake() {
    under_load(Place::new(Engine::Sqlite), |load, house, ada| {
        for name in ["latchkey.db", "latchkey.db-wal"] {
            let mut file = OpenOptions::new().write(true).open(house.place.data().join(name)).unwrap();
            let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
            file.write_all(&vec![0x5a; length]).unwrap();
        }
        // As long as nothing is written, the pages that it has in its memory are right.
        house.echo.arrived();
        let out = ada.asks_to_sign_out();
        std::thread::sleep(A_MOMENT);
        nobody_else_is_let_in(&load.since(), "with a spoiled file");
        std::thread::sleep(A_WHILE);
        let heard = load.since();
        println!("with a spoiled file, and a sign-out that was answered {out}: {heard:?}");
        nobody_else_is_let_in(&heard, "with a spoiled file");
        assert!(of_ada(&heard, 503) > 0 && of_ada(&heard, 403) > 0, "nobody noticed: {heard:?}");
        assert!(out >= 500 || of_ada(&heard, 200) == 0, "let in after a sign-out: {heard:?}");
        assert!(ada.goes_straight_to(APP, "/closed/x").status >= 400);
        assert_eq!(house.echo.arrived(), Vec::<String>::new(), "through the proxy");
        assert_eq!(house.server.browser().get("/readyz").status, 503);
    });
}
