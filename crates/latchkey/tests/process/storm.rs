//! Two servers on a PostgreSQL whose wire is in a storm: nothing is spent twice, nothing that was answered is lost, and when the storm is
//! over everything works at once.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use auth::Clock;
use serde_json::Value;
use store::Kind;

use crate::browser::{Answer, Browser};
use crate::killed::recovery_code;
use crate::person::Person;
use crate::postgres_proxy::{PostgresProxy, Weather};
use crate::server::{Place, Server, extent, report};

/// How many people there are in a round. Each has a code, a recovery code, and somebody new with them.
const PEOPLE: usize = 6;
/// How often somebody tries what was not answered well.
const PATIENCE: usize = 5;
/// Within how many milliseconds everything works again.
const SOON: i64 = 5000;

const STORMS: [Weather; 3] = [
    // An engine that cannot serialize.
    Weather { refused: 200, commits_refused: 200, answers_cut: 0, pauses: 0, resets: 0 },
    // A network that breaks.
    Weather { refused: 0, commits_refused: 0, answers_cut: 250, pauses: 5, resets: 15 },
    // All of it.
    Weather { refused: 40, commits_refused: 100, answers_cut: 150, pauses: 5, resets: 5 },
];

/// What somebody asked for in the storm, and what came of it.
struct Life {
    person: Person,
    code: String,
    recovery_code: String,
    /// Browsers that have given the password, where there are passwords: two for the code, one for the recovery code.
    browsers: [Browser; 3],
    /// Those that were told that they are signed in.
    signed_in: Vec<Browser>,
    /// Whether the session was to end, and whether it was answered that it is over.
    signed_out: Option<bool>,
    recovered: usize,
    /// Somebody new, if it was answered that they are registered now.
    newcomer: Option<Person>,
}

/// How often which status was the answer.
type Heard = Mutex<BTreeMap<u16, usize>>;

fn note(heard: &Heard, answer: Answer) -> Answer {
    // Nothing else is said, whatever breaks: no mistake of ours, and nothing that is half done.
    assert!(matches!(answer.status, 200 | 303 | 410 | 422 | 429 | 503), "{}: {}", answer.status, answer.body);
    *heard.lock().unwrap().entry(answer.status).or_default() += 1;
    answer
}

impl Life {
    fn begins(name: &str, by_code: bool, servers: &[Server; 2]) -> Life {
        let mut person = if by_code { Person::without_password(name) } else { Person::new(name) };
        let mut browser = servers[0].browser();
        person.registers(&mut browser);
        let recovery_code = recovery_code(&mut browser);
        let browsers = [0, 1, 0].map(|node| {
            let mut browser = servers[node].browser();
            if !by_code {
                person.gives_password(&mut browser);
            }
            browser
        });
        let code = person.code();
        let (signed_in, newcomer) = (Vec::new(), None);
        Life { person, code, recovery_code, browsers, signed_in, signed_out: None, recovered: 0, newcomer }
    }

    fn gives_code(&self, browser: &mut Browser) -> Answer {
        let fields = [("username", self.person.name.as_str()), ("otp", self.code.as_str())];
        browser.post(if self.person.password.is_empty() { "/login" } else { "/login/code" }, &fields)
    }

    fn gives_recovery_code(&self, browser: &mut Browser) -> Answer {
        let fields =
            [("username", self.person.name.as_str()), ("recovery_code", self.recovery_code.as_str())];
        let of_whom = usize::from(!self.person.password.is_empty());
        browser.post("/login/recovery", &fields[of_whom..])
    }

    /// The same at both servers at once, twice at each; then again, for as long as nobody has heard that it was done.
    fn goes_on(&mut self, servers: &[Server; 2], heard: &Heard) {
        let name = &self.person.name;
        let both = |browser: &Browser| servers.each_ref().map(|server| at(server, browser));
        let signing_in: Vec<Browser> = self.browsers[..2].iter().flat_map(both).collect();
        let mut given = at_once(signing_in, |browser| note(heard, self.gives_code(browser)));
        for turn in 0..PATIENCE {
            if given.iter().any(|(_, answer)| answer.status == 303) {
                break;
            }
            let mut browser = at(&servers[turn % 2], &self.browsers[turn % 2]);
            let answer = note(heard, self.gives_code(&mut browser));
            given.push((browser, answer));
        }
        // A login that is over is sent back to the start.
        given.retain(|(_, answer)| answer.status == 303 && answer.header("location") != Some("/login"));
        assert!(given.len() <= 1, "{name}: {} got in with one code", given.len());
        self.signed_in = given.into_iter().map(|(browser, _)| browser).collect();

        let recovering: Vec<Browser> = both(&self.browsers[2]).into();
        let given = at_once(recovering, |browser| note(heard, self.gives_recovery_code(browser)));
        self.recovered = given.iter().filter(|(_, answer)| is_done(answer, "/enroll")).count();
        assert!(self.recovered <= 1, "{name}: one recovery code was good for two");

        let number: usize = name.bytes().map(usize::from).sum();
        if let Some(browser) = self.signed_in.first().filter(|_| number.is_multiple_of(2)) {
            let mut browser = at(&servers[number / 2 % 2], browser);
            let answer = note(heard, browser.post("/logout", &[]));
            self.signed_out = Some(is_done(&answer, "/login"));
        }
        let mut newcomer = match self.person.password.is_empty() {
            true => Person::without_password(&format!("{name}.new")),
            false => Person::new(&format!("{name}.new")),
        };
        if comes(&mut newcomer, servers[number % 2].browser(), heard).is_some() {
            self.newcomer = Some(newcomer);
        }
    }

    /// In good weather: what was answered is true at both servers, and what is spent is spent.
    fn is_as_it_was_answered(&mut self, servers: &[Server; 2]) {
        let name = &self.person.name;
        for server in servers {
            for browser in &self.signed_in {
                let page = at(server, browser).get("/");
                match self.signed_out {
                    Some(true) => page.lands_on("/login"),
                    None => assert!(page.is(200).contains(name.as_str()), "{name}"),
                    // Nobody was told, so it may be over or not.
                    Some(false) => {}
                }
            }
        }
        for (node, browser) in self.browsers[..2].iter().enumerate() {
            let mut browser = at(&servers[node], browser);
            let answer = self.gives_code(&mut browser);
            if answer.status == 303 && browser.get("/").status == 200 {
                self.signed_in.push(browser);
            }
        }
        assert!(self.signed_in.len() <= 1, "{name}: the code was good once more");
        let answer = self.gives_recovery_code(&mut at(&servers[1], &self.browsers[2]));
        self.recovered += usize::from(is_done(&answer, "/enroll"));
        assert!(self.recovered <= 1, "{name}: the recovery code was good once more");
        if let Some(newcomer) = &mut self.newcomer {
            let mut browser = servers[1].browser();
            if newcomer.password.is_empty() {
                let code = newcomer.code();
                browser.post("/login", &[("username", &newcomer.name), ("otp", &code)]).lands_on("/");
            } else {
                newcomer.signs_in(&mut browser).lands_on("/");
            }
        }
    }
}

/// A copy of a browser, at this server.
fn at(server: &Server, browser: &Browser) -> Browser {
    let mut copy = browser.clone();
    copy.address = server.address;
    copy
}

fn is_done(answer: &Answer, to: &str) -> bool {
    answer.status == 303 && answer.header("location") == Some(to)
}

/// All of these ask at the same moment.
fn at_once(browsers: Vec<Browser>, ask: impl Fn(&mut Browser) -> Answer + Sync) -> Vec<(Browser, Answer)> {
    let (gate, ask) = (Barrier::new(browsers.len()), &ask);
    std::thread::scope(|scope| {
        let all: Vec<_> = browsers
            .into_iter()
            .map(|mut browser| {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    let answer = ask(&mut browser);
                    (browser, answer)
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Somebody registers in the storm. Nothing when they were never told that they are.
fn comes(person: &mut Person, mut browser: Browser, heard: &Heard) -> Option<()> {
    let mut until = |wanted: u16, ask: &mut dyn FnMut(&mut Browser) -> Answer| {
        (0..PATIENCE).map(|_| note(heard, ask(&mut browser))).find(|answer| answer.status == wanted)
    };
    until(303, &mut |browser| browser.post("/register", &person.fields()))?;
    let page = until(200, &mut |browser| browser.get("/enroll"))?;
    person.scans(&page.body);
    let code = person.code();
    until(303, &mut |browser| browser.post("/enroll", &[("otp", &code)]))
        .filter(|answer| is_done(answer, "/enroll/recovery-codes"))
        .map(drop)
}

/// Good weather: both are ready, and somebody registers at one and is known at the other.
fn works_soon(servers: &[Server; 2], mut newcomer: Person) -> i64 {
    let began = Clock::System.now();
    while servers.iter().any(|server| server.browser().get("/readyz").status != 200) {
        assert!(Clock::System.now().millis_since(began) < SOON, "it is not ready again");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut browser = servers[0].browser();
    newcomer.registers(&mut browser);
    at(&servers[1], &browser).get("/").is(200);
    let took = Clock::System.now().millis_since(began);
    assert!(took < SOON, "it took {took} ms until everything worked again");
    took
}

/// How often each thing happened to whom, by the audit log.
fn happened(place: &Place) -> BTreeMap<(String, String), usize> {
    let exported = place.run(&["audit", "export"]);
    assert!(exported.status.success(), "{exported:?}");
    let mut happened = BTreeMap::new();
    for line in String::from_utf8(exported.stdout).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        *happened.entry((word("kind"), word("name"))).or_default() += 1;
    }
    happened
}

fn in_a_storm(by_code: bool, seed: u64) {
    let mut place = Place::new(Kind::Postgres);
    if by_code {
        place.set("LATCHKEY_LOGIN_FACTORS", "code");
    }
    let url = place.url().unwrap();
    let proxy = PostgresProxy::before(&url, seed);
    place.set("LATCHKEY_DATABASE", &proxy.url(&url));
    let servers = [Server::start(&place), Server::start(&place)];
    let (heard, mut slowest) = (Heard::default(), 0);
    let mut lives = Vec::new();
    let rounds = extent(STORMS.len(), 2 * STORMS.len(), 10 * STORMS.len());
    for round in 0..rounds {
        let names = (0..PEOPLE).map(|n| format!("p{round}.{n}"));
        let mut these: Vec<Life> = names.map(|name| Life::begins(&name, by_code, &servers)).collect();
        proxy.turns(STORMS[round % STORMS.len()]);
        let went_on = std::thread::scope(|scope| {
            let all: Vec<_> = these
                .iter_mut()
                .map(|life| {
                    let (servers, heard) = (&servers, &heard);
                    scope.spawn(move || life.goes_on(servers, heard))
                })
                .collect();
            all.into_iter().all(|life| life.join().is_ok())
        });
        assert!(went_on, "seed {seed}: {:#?}", servers.each_ref().map(Server::errors));
        proxy.turns(Weather::default());
        let name = format!("after{round}");
        let newcomer = if by_code { Person::without_password(&name) } else { Person::new(&name) };
        slowest = slowest.max(works_soon(&servers, newcomer));
        these.iter_mut().for_each(|life| life.is_as_it_was_answered(&servers));
        lives.extend(these);
    }
    let happened = happened(&place);
    let often = |kind: &str, name: &str| happened.get(&(kind.to_owned(), name.to_owned())).copied();
    for Life { person, signed_in, recovered, newcomer, .. } in &lives {
        let name = person.name.as_str();
        for (kind, answered) in [("sign_in.completed", signed_in.len()), ("recovery.code_used", *recovered)] {
            let times = often(kind, name).unwrap_or(0);
            // What was done and not answered is once in the log, too.
            assert!((answered..=1).contains(&times), "{name}: {kind} {times} times, {answered} answered");
        }
        if let Some(newcomer) = newcomer {
            assert_eq!(often("user.created", &newcomer.name), Some(1));
        }
    }
    servers.into_iter().for_each(|server| drop(server.stop()));
    let sum = |count: fn(&Life) -> usize| lives.iter().map(count).sum::<usize>();
    let (signed_in, recovered) = (sum(|life| life.signed_in.len()), sum(|life| life.recovered));
    let (out, new) = (
        sum(|life| usize::from(life.signed_out == Some(true))),
        sum(|life| usize::from(life.newcomer.is_some())),
    );
    let harm = proxy.harm().counts();
    let [refused, commits, cut, pauses, resets] = harm;
    report(
        "wire",
        &format!(
            "{} people in {rounds} storms by seed {seed}: {refused} statements and {commits} commits refused, {cut} answers cut, \
             {pauses} pauses, {resets} resets",
            lives.len()
        ),
        &format!(
            "{signed_in} signed in, {recovered} recovered, {out} signed out, {new} registered; none twice, none lost; heard {:?}; \
             everything worked after {slowest} ms",
            heard.into_inner().unwrap()
        ),
    );
    // A storm that harmed nobody shows nothing, and neither does one in which nobody got through.
    let least = [50, 10, 5, 3, 3].map(|count| count * rounds / STORMS.len());
    assert!(harm.iter().zip(least).all(|(count, least)| *count >= least), "{harm:?}");
    let least = [signed_in, recovered, out, new];
    assert!(least.iter().all(|count| *count > 0), "nobody came through: {least:?}");
}

#[test]
fn in_a_storm_no_code_is_spent_twice_and_nothing_that_was_answered_is_lost_by_code() {
    in_a_storm(true, 6);
}

#[test]
fn in_a_storm_no_code_is_spent_twice_and_nothing_that_was_answered_is_lost_by_password_and_code() {
    in_a_storm(false, 60);
}

/// The control: the proxy cuts after the COMMIT and not before it, so whoever takes no answer for a no does it twice.
#[test]
fn a_program_that_does_again_what_it_did_not_hear_of_does_it_twice() {
    let scratch = store::scratch::Scratch::new(Kind::Postgres);
    let proxy = PostgresProxy::before(scratch.url(), 1);
    let psql = |url: &str, lines: &[String]| {
        let mut psql = Command::new("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url]).stdin(Stdio::null());
        let ended = psql.args(lines.iter().flat_map(|line| ["-c", line])).output().unwrap();
        (ended.status.success(), String::from_utf8(ended.stdout).unwrap().trim().to_owned())
    };
    assert!(psql(scratch.url(), &["CREATE TABLE spent (code BIGINT NOT NULL)".to_owned()]).0);
    proxy.turns(Weather { answers_cut: 500, ..Weather::default() });
    for code in 0..20 {
        let lines = ["BEGIN".to_owned(), format!("INSERT INTO spent VALUES ({code})"), "COMMIT".to_owned()];
        // It was done, whatever this program believes.
        while !psql(&proxy.url(scratch.url()), &lines).0 {}
    }
    let (_, rows) = psql(scratch.url(), &["SELECT count(*), count(DISTINCT code) FROM spent".to_owned()]);
    let [_, _, cut, _, _] = proxy.harm().counts();
    assert!(cut > 5, "{cut}");
    assert_eq!(rows, format!("{}|20", 20 + cut));
}
