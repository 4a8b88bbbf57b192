//! Servers behind a proxy are started anew, or replaced by those of the next release, one after the other, while people go on: no request
//! fails.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth::Clock;
use store::{Db, Kind as Engine};

use crate::balancer::{Balancer, free};
use crate::browser::{Answer, Browser, percent};
use crate::members::{self, code};
use crate::server::{Place, Server, extent, program, report, said};

/// How many ask, and after how long each asks again: a little more than two hundred requests in a second.
const ASKING: usize = 8;
const EVERY: i64 = 39;
/// Who signs in meanwhile, each once in half a minute.
const PEOPLE: usize = 4000;
/// And who goes from one server to the other. Each has a new code when it is their turn again.
const OTHERS: usize = 100;

/// What everybody heard who asked.
struct Crowd {
    address: SocketAddr,
    port: u16,
    stop: AtomicBool,
    asked: AtomicUsize,
    signed_in: AtomicUsize,
    next: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Crowd {
    fn ask_on(&self, cookie: &str) {
        let (mut stream, began) = (None, Clock::System.now());
        for turn in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            // One of four signs in, and so writes.
            let signs_in = turn % 4 == 3;
            let request = if signs_in { self.sign_in() } else { self.page(cookie) };
            let right: &[u16] = if signs_in { &[303, 422] } else { &[200] };
            match exchange(self.address, &mut stream, &request) {
                Ok(answer) if right.contains(&answer.status) => {
                    self.signed_in.fetch_add(usize::from(answer.status == 303), Ordering::SeqCst);
                }
                Ok(answer) => self.fails(&request, &format!("{}: {}", answer.status, answer.body)),
                Err(why) => self.fails(&request, &why.to_string()),
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
            // Whoever had to wait longer makes up for it.
            let early = (turn + 1) * EVERY - Clock::System.now().millis_since(began);
            std::thread::sleep(Duration::from_millis(u64::try_from(early.max(0)).unwrap()));
        }
    }

    fn fails(&self, request: &str, why: &str) {
        let line = request.lines().next().unwrap_or("");
        self.failed.lock().unwrap().push(format!("{line}: {}", why.chars().take(120).collect::<String>()));
    }

    fn page(&self, cookie: &str) -> String {
        format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\nCookie: latchkey={cookie}\r\n\r\n", self.port)
    }

    fn sign_in(&self) -> String {
        let who = self.next.fetch_add(1, Ordering::SeqCst) % PEOPLE;
        let form = format!("username=p{who}&otp={}", percent(&code()));
        format!(
            "POST /login HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            self.port,
            form.len()
        )
    }
}

/// One request over a connection that stays, and its answer.
fn exchange(address: SocketAddr, stream: &mut Option<TcpStream>, request: &str) -> std::io::Result<Answer> {
    let mut open = match stream.take() {
        Some(open) => open,
        None => TcpStream::connect(address)?,
    };
    open.set_read_timeout(Some(Duration::from_secs(30)))?;
    open.write_all(request.as_bytes())?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = open.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        if read == 0 && !text.contains("\r\n\r\n") {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        let answer = Answer::parse(&text);
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        if length.is_some_and(|length| body.len() >= length) || read == 0 {
            if answer.header("connection") != Some("close") && read > 0 {
                *stream = Some(open);
            }
            return Ok(answer);
        }
    }
}

/// Two servers behind a proxy, and the people who come to them.
struct House {
    place: Place,
    nodes: [SocketAddr; 2],
    balancer: Balancer,
}

/// What a crowd did, none of whom was let down.
struct Done {
    asked: usize,
    a_second: usize,
    signed_in: usize,
}

impl House {
    fn new(kind: &str) -> House {
        let mut place = Place::new(Engine::Postgres);
        members::come(&mut place, PEOPLE + OTHERS);
        let nodes = [free(), free()];
        let balancer = Balancer::start(kind, &nodes);
        place.set("LATCHKEY_PUBLIC_URL", &format!("http://localhost:{}", balancer.address.port()));
        House { place, nodes, balancer }
    }

    /// Starts a server, as somebody does it who goes from one to the next: not before this one is ready, and the proxy has seen it.
    fn start(&self, node: usize, program: &str) -> Server {
        let mut command = self.place.command(program, &[]);
        command.env("LATCHKEY_LISTEN", self.nodes[node].to_string());
        let server = Server::start_as(command);
        while server.browser().get("/readyz").status != 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(1500));
        server
    }

    /// Does something under a crowd that asks without a pause. Fails when one request of it does.
    fn under_a_crowd(&self, something: impl FnOnce()) -> Done {
        let cookies: Vec<String> = (0..ASKING)
            .map(|n| {
                let mut browser = Browser::new(self.balancer.address);
                browser.post("/login", &[("username", &format!("p{n}")), ("otp", &code())]).lands_on("/");
                browser.cookie("latchkey").to_owned()
            })
            .collect();
        let crowd = Crowd {
            address: self.balancer.address,
            port: self.balancer.address.port(),
            stop: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            signed_in: AtomicUsize::new(0),
            next: AtomicUsize::new(ASKING),
            failed: Mutex::default(),
        };
        let began = Clock::System.now();
        std::thread::scope(|scope| {
            for cookie in &cookies {
                let crowd = &crowd;
                scope.spawn(move || crowd.ask_on(cookie));
            }
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(something));
            crowd.stop.store(true, Ordering::SeqCst);
            done.unwrap_or_else(|why| std::panic::resume_unwind(why));
        });
        let millis = usize::try_from(Clock::System.now().millis_since(began)).unwrap();
        let (asked, signed_in) = (crowd.asked.into_inner(), crowd.signed_in.into_inner());
        let failed = crowd.failed.into_inner().unwrap();
        let said = self.balancer.said();
        assert!(failed.is_empty(), "{} of {asked} failed: {failed:#?}\n{said}", failed.len());
        assert!(signed_in > 100, "only {signed_in} signed in");
        Done { asked, a_second: asked * 1000 / millis.max(1), signed_in }
    }
}

fn restarts_one_after_the_other(kind: &str) {
    let restarts = extent(3, 6, 20);
    let house = House::new(kind);
    let start = |node| house.start(node, &program());
    let mut servers = [0, 1].map(start).map(Some);
    let mut slowest = 0;
    let Done { asked, a_second, signed_in } = house.under_a_crowd(|| {
        for restart in 0..restarts {
            std::thread::sleep(Duration::from_millis(500));
            let began = Clock::System.now();
            servers[restart % 2].take().unwrap().stop();
            slowest = slowest.max(Clock::System.now().millis_since(began));
            servers[restart % 2] = Some(start(restart % 2));
        }
    });
    servers.into_iter().flatten().for_each(|server| drop(server.stop()));
    report(
        "REL-13",
        &format!(
            "{restarts} restarts of two servers behind {kind}, one after the other, under {asked} requests over kept connections, {a_second} a second"
        ),
        &format!("0 failed; {signed_in} signed in; a server took {slowest} ms at most to stop"),
    );
}

#[test]
fn behind_nginx_no_request_fails_while_servers_are_started_anew() {
    restarts_one_after_the_other("nginx");
}

#[test]
fn behind_haproxy_no_request_fails_while_servers_are_started_anew() {
    restarts_one_after_the_other("haproxy");
}

/// Somebody signs in at one server, and is known to the other, where the code is spent; and signs out there, which the first hears of.
fn goes_from_one_to_the_other(house: &House, (one, other): (&Server, &Server), who: usize) {
    let (name, code, port) = (format!("p{}", PEOPLE + who), code(), house.balancer.address.port());
    // Under the one name that both have.
    let at = |server: &Server| Browser::under(server.address, &format!("localhost:{port}"));
    let fields = [("username", name.as_str()), ("otp", code.as_str())];
    let (mut here, mut there) = (at(one), at(other));
    here.post("/login", &fields).lands_on("/");
    there.set_cookie("latchkey", here.cookie("latchkey"));
    there.get("/").is(200);
    here.get("/").is(200);
    at(other).post("/login", &fields).is(422);
    there.post("/logout", &[]).lands_on("/login");
    let hears = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        here.get("/").status == 303
    });
    assert!(hears, "a second after signing out at the other server one is still in");
}

/// The next release takes the place of this one server by server, is beside it for a while, and makes way once, since that may have been a
/// mistake.
fn replaced_one_after_the_other(kind: &str) {
    let seconds = extent(5, 20, 300);
    let next = said("LATCHKEY_TEST_NEXT_PROGRAM").filter(|next| !next.is_empty());
    let next = next.expect("`cargo xtask test` builds the next release, and names it");
    let (house, this) = (House::new(kind), program());
    let mut servers = [0, 1].map(|node| Some(house.start(node, &this)));
    let schema = || Db::schema(&house.place.url().unwrap()).unwrap();
    assert_eq!(schema(), Some(Db::SCHEMA));
    let mut went = 0;
    let Done { asked, a_second, signed_in } = house.under_a_crowd(|| {
        // This release starts on the schema of the next one, too.
        let turns = [(0, &next), (1, &this), (0, &this), (1, &next), (0, &next)];
        for (turn, (node, program)) in turns.into_iter().enumerate() {
            servers[node].take().unwrap().stop();
            servers[node] = Some(house.start(node, program));
            assert_eq!(schema(), Some(Db::SCHEMA + 1), "the next release has a migration more");
            let (began, long) = (Clock::System.now(), if turn == 0 { seconds * 1000 } else { 0 });
            while Clock::System.now().millis_since(began) <= long {
                let [one, other] = [went % 2, (went + 1) % 2].map(|node| servers[node].as_ref().unwrap());
                goes_from_one_to_the_other(&house, (one, other), went % OTHERS);
                went += 1;
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    });
    for server in servers.into_iter().flatten() {
        let (said, _) = server.stop();
        assert!(!said.contains(env!("CARGO_PKG_VERSION")), "the last two are of the next release: {said}");
    }
    report(
        "REL-14",
        &format!(
            "two servers behind {kind} replaced by those of the next release, which has one migration more, side by side for {seconds} s, back, and \
             again, under {asked} requests over kept connections, {a_second} a second"
        ),
        &format!("0 failed; {signed_in} signed in; {went} sessions and codes of one were true at the other"),
    );
}

#[test]
fn behind_nginx_no_request_fails_while_the_next_release_takes_the_place_of_this_one() {
    replaced_one_after_the_other("nginx");
}

#[test]
fn behind_haproxy_no_request_fails_while_the_next_release_takes_the_place_of_this_one() {
    replaced_one_after_the_other("haproxy");
}
