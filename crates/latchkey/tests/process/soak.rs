//! At half of what it can do for as long as one likes: memory, open files and the log of SQLite stay where they are. `cargo xtask soak`
//! makes hours of it, and a chart.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth::Clock;
use store::Kind;

use crate::browser::Browser;
use crate::crowds::resident;
use crate::members::{self, code};
use crate::server::{Place, Server, report, said};

const PEOPLE: usize = 3000;
const ASKING: usize = 8;
/// The log of SQLite may have so many bytes.
const LOG: u64 = 64 << 20;

/// Those who ask: one of four signs in, the others look whether they still are.
struct Load<'s> {
    server: &'s Server,
    signed_in: Browser,
    next: AtomicUsize,
    asked: AtomicUsize,
    stop: AtomicBool,
}

impl Load<'_> {
    /// Asks over and over, each time so many milliseconds after the last, or as soon as there is an answer.
    fn ask_on(&self, every: i64) {
        let mut browser = self.signed_in.clone();
        for turn in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let began = Clock::System.now();
            if turn % 4 == 3 {
                let who = self.next.fetch_add(1, Ordering::SeqCst) % PEOPLE;
                let fields = [("username", format!("p{who}")), ("otp", code())];
                let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                let answer = self.server.browser().post("/login", &fields);
                // Whoever comes again in the same half minute is refused, which is work, too.
                assert!(matches!(answer.status, 303 | 422 | 429), "{}: {}", answer.status, answer.body);
            } else {
                browser.get("/").is(200);
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
            let left = every - Clock::System.now().millis_since(began);
            std::thread::sleep(Duration::from_millis(u64::try_from(left.max(0)).unwrap()));
        }
    }

    /// They ask while something happens. Answers how often.
    fn during(&self, every: i64, happens: impl FnOnce()) -> usize {
        let before = self.asked.load(Ordering::SeqCst);
        self.stop.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..ASKING {
                scope.spawn(|| self.ask_on(every));
            }
            let happened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(happens));
            self.stop.store(true, Ordering::SeqCst);
            happened.unwrap();
        });
        self.asked.load(Ordering::SeqCst) - before
    }
}

/// One look at the server from outside.
struct Sample {
    second: i64,
    kib: u64,
    files: usize,
    log: u64,
    rows: String,
}

fn sample(place: &Place, server: &Server, second: i64) -> Sample {
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    let log = std::fs::metadata(place.data().join("latchkey.db-wal")).map_or(0, |about| about.len());
    let file = place.data().join("latchkey.db");
    let count = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM logins) + (SELECT count(*) FROM attempts) || ',' || \
                 (SELECT count(*) FROM events)";
    let words = ["-batch", "-readonly", "-cmd", ".timeout 5000", file.to_str().unwrap(), count];
    let rows = String::from_utf8(place.command("sqlite3", &words).output().unwrap().stdout).unwrap();
    Sample { second, kib: resident(server), files, log, rows: rows.trim().to_owned() }
}

#[test]
fn at_half_load_memory_files_and_log_stay_where_they_are() {
    let seconds: i64 = said("LATCHKEY_TEST_SOAK").map_or(12, |said| said.parse().expect("seconds"));
    let every = if seconds > 120 { 10 } else { 2 };
    let mut place = Place::new(Kind::Sqlite);
    members::come(&mut place, PEOPLE);
    let server = Server::start(&place);
    let mut signed_in = server.browser();
    signed_in.post("/login", &[("username", "p0"), ("otp", &code())]).lands_on("/");
    let load = Load {
        server: &server,
        signed_in,
        next: AtomicUsize::new(1),
        asked: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    };
    let warm = 4000;
    let peak = load.during(0, || std::thread::sleep(Duration::from_millis(warm))) * 1000
        / usize::try_from(warm).unwrap();
    // Half of that, by all of them together.
    let pause = i64::try_from(2000 * ASKING / peak.max(1)).unwrap();
    let mut samples = Vec::new();
    let began = Clock::System.now();
    let asked = load.during(pause, || {
        loop {
            let second = Clock::System.now().millis_since(began) / 1000;
            samples.push(sample(&place, &server, second));
            if second >= seconds {
                break;
            }
            std::thread::sleep(Duration::from_secs(every));
        }
    });
    let (_, logged) = server.stop();
    assert!(!logged.contains("\"level\":\"ERROR\""), "{logged}");
    if let Some(file) = said("LATCHKEY_TEST_SOAK_FILE") {
        let mut text = "second,resident_kib,files,wal_bytes,rows,events\n".to_owned();
        for Sample { second, kib, files, log, rows } in &samples {
            writeln!(text, "{second},{kib},{files},{log},{rows}").unwrap();
        }
        std::fs::write(file, text).unwrap();
    }
    let longest = samples.iter().map(|sample| sample.log).max().unwrap();
    let files = |part: &[Sample]| part.iter().map(|sample| sample.files).max().unwrap();
    let (first, later) = samples.split_at(samples.len() / 2);
    let (before, after) = (files(first), files(later));
    report(
        "REL-16",
        &format!(
            "{seconds} s at {} requests a second, half of {peak}",
            i64::try_from(asked).unwrap() / seconds.max(1)
        ),
        &format!(
            "log of SQLite {} KiB at most, {before} open files in the first half and {after} in the second",
            longest / 1024
        ),
    );
    assert!(longest <= LOG, "{longest} bytes of log");
    assert!(after <= before + 4, "{before} open files, then {after}");
}
