//! Servers behind a proxy are started anew, one after the other, while people go on: no request fails. The proxies are set up as the
//! operators' page says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth::Clock;
use store::Kind as Engine;
use tempfile::TempDir;

use crate::browser::{Answer, Browser, percent};
use crate::members::{self, code};
use crate::server::{Place, Server, extent, report};

/// How many ask, and after how long each asks again: a little more than two hundred requests in a second.
const ASKING: usize = 8;
const EVERY: i64 = 39;
/// Who signs in meanwhile, each once in half a minute.
const PEOPLE: usize = 4000;

/// The block of a page below a heading, in this language.
fn recipe(page: &str, heading: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(page).unwrap();
    let section = text.split(&format!("## {heading}\n")).nth(1).expect("the page has this heading");
    let block = section.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
    block.unwrap_or_else(|| panic!("a block of {language} below {heading}")).to_owned()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A proxy in plain http. Dropping it ends it.
struct Balancer {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Balancer {
    /// As the page says, but for addresses and certificates.
    fn start(kind: &str, nodes: &[SocketAddr; 2]) -> Balancer {
        let (dir, address) = (tempfile::tempdir().unwrap(), free());
        let mut text = recipe("run.md", "Several servers", kind);
        for (there, here) in ["10.0.0.11:8080", "10.0.0.12:8080"].iter().zip(nodes) {
            assert!(text.contains(there), "{text}");
            text = text.replace(there, &here.to_string());
        }
        let at = dir.path().display();
        let mut command = match kind {
            "nginx" => {
                let tls = "listen 443 ssl;";
                assert!(text.contains(tls), "{text}");
                let text = text.replace(tls, &format!("listen {address};"));
                let text: String = text
                    .lines()
                    .filter(|line| !line.contains("ssl_certificate"))
                    .map(|line| format!("{line}\n"))
                    .collect();
                let text = format!(
                    "daemon off; master_process off; pid {at}/pid; error_log {at}/log;
                    events {{ worker_connections 512; }}
                    http {{
                        access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
                        fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                        {text}
                    }}"
                );
                std::fs::write(dir.path().join("conf"), text).unwrap();
                let mut command = Command::new("nginx");
                command.args(["-p", &at.to_string(), "-e", "log", "-c"]);
                command
            }
            _ => {
                let tls = "bind :443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1";
                assert!(text.contains(tls), "{text}");
                std::fs::write(dir.path().join("conf"), text.replace(tls, &format!("bind {address}")))
                    .unwrap();
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f"]);
                command
            }
        };
        command.arg(dir.path().join("conf")).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let said = std::fs::File::create(dir.path().join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let child = command.spawn().expect("it starts; `cargo xtask test` installs it");
        let balancer = Balancer { child, address, dir };
        let listens = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_ok()
        });
        assert!(listens, "{kind} never listens: {}", balancer.said());
        balancer
    }

    /// What it has logged.
    fn said(&self) -> String {
        let files = ["said", "log"].map(|name| std::fs::read_to_string(self.dir.path().join(name)));
        files.map(Result::unwrap_or_default).concat()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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

fn restarts_one_after_the_other(kind: &str) {
    let restarts = extent(3, 6, 20);
    let mut place = Place::new(Engine::Postgres);
    members::come(&mut place, PEOPLE);
    let nodes = [free(), free()];
    let balancer = Balancer::start(kind, &nodes);
    let port = balancer.address.port();
    place.set("LATCHKEY_PUBLIC_URL", &format!("http://localhost:{port}"));
    let start = |node: usize| {
        let mut command = place.latchkey(&[]);
        command.env("LATCHKEY_LISTEN", nodes[node].to_string());
        let server = Server::start_as(command);
        // As somebody does it who goes from one to the next: not before this one is ready, and the proxy has seen it.
        while server.browser().get("/readyz").status != 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(1500));
        server
    };
    let mut servers = [0, 1].map(start).map(Some);
    let cookies: Vec<String> = (0..ASKING)
        .map(|n| {
            let mut browser = Browser::new(balancer.address);
            browser.post("/login", &[("username", &format!("p{n}")), ("otp", &code())]).lands_on("/");
            browser.cookie("latchkey").to_owned()
        })
        .collect();
    let crowd = Crowd {
        address: balancer.address,
        port,
        stop: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
        signed_in: AtomicUsize::new(0),
        next: AtomicUsize::new(ASKING),
        failed: Mutex::default(),
    };
    let mut slowest = 0;
    let began = Clock::System.now();
    std::thread::scope(|scope| {
        for cookie in &cookies {
            let crowd = &crowd;
            scope.spawn(move || crowd.ask_on(cookie));
        }
        let restarted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for restart in 0..restarts {
                std::thread::sleep(Duration::from_millis(500));
                let began = Clock::System.now();
                servers[restart % 2].take().unwrap().stop();
                slowest = slowest.max(Clock::System.now().millis_since(began));
                servers[restart % 2] = Some(start(restart % 2));
            }
        }));
        crowd.stop.store(true, Ordering::SeqCst);
        restarted.unwrap();
    });
    let millis = usize::try_from(Clock::System.now().millis_since(began)).unwrap();
    let (asked, signed_in) = (crowd.asked.into_inner(), crowd.signed_in.into_inner());
    let a_second = asked * 1000 / millis.max(1);
    let failed = crowd.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {asked} failed: {failed:#?}\n{}", failed.len(), balancer.said());
    assert!(signed_in > 100, "only {signed_in} signed in");
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
