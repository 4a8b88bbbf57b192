//! A program behind a proxy, in a real browser, which follows redirects after a form only as far as a page's policy lets it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use auth::access::{Draft, Rule};
use auth::{Config, groups};

use crate::browser::Window;
use crate::story::{PASSWORD, Story};

/// What the programs show.
const HEADING: &str = "The program";

/// Programs at every name below `localhost`, behind a proxy that asks. They live as long as the test.
struct Proxy {
    port: u16,
    latchkey: &'static OnceLock<SocketAddr>,
}

impl Proxy {
    fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let latchkey: &'static OnceLock<SocketAddr> = Box::leak(Box::default());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A browser opens connections that it never uses.
                std::thread::spawn(move || serve(stream, latchkey));
            }
        });
        Proxy { port, latchkey }
    }

    fn url(&self, name: &str, path: &str) -> String {
        format!("http://{name}.localhost:{}{path}", self.port)
    }
}

/// Answers one request. A question is asked without a body, and so is what leads to us.
fn serve(mut stream: TcpStream, latchkey: &OnceLock<SocketAddr>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let sent: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let of = |name: &str| {
        let found = sent.iter().filter_map(|line| line.split_once(": "));
        found.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let host = of("host")?;
    let mut head =
        String::from("X-Forwarded-Proto: http\r\nX-Forwarded-For: 127.0.0.1\r\nConnection: close\r\n");
    for name in ["Cookie", "Accept", "Sec-Fetch-Mode"] {
        head += &of(name).map(|value| format!("{name}: {value}\r\n")).unwrap_or_default();
    }
    let asked = if path.starts_with("/.latchkey/") {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n")
    } else {
        let what = format!(
            "X-Forwarded-Method: {method}\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {path}\r\n{head}"
        );
        format!("GET /api/authz/forward-auth HTTP/1.1\r\nHost: localhost\r\n{what}\r\n")
    };
    let mut to = TcpStream::connect(latchkey.get()?).ok()?;
    to.write_all(asked.as_bytes()).ok()?;
    let mut answer = String::new();
    to.read_to_string(&mut answer).ok()?;
    if answer.starts_with("HTTP/1.1 200") {
        let told = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("nobody");
        let page = format!(
            "<!doctype html><title>x</title><link rel=icon href=data:,><h1>{HEADING}</h1><p>{} of {} at {path}</p>",
            told("remote-user: "),
            told("remote-groups: ")
        );
        let length = page.len();
        answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
        );
    }
    stream.write_all(answer.as_bytes()).ok()
}

fn rules() -> Vec<Rule> {
    let of = |name: &str| Draft {
        hosts: vec![format!("{name}.localhost")],
        policy: "two_factor".to_owned(),
        ..Draft::default()
    };
    let family = || vec!["family".to_owned()];
    let drafts = [
        Draft { any: true, ..of("club") },
        Draft { groups: family(), max_age: Some("5m".to_owned()), ..of("safe") },
        Draft { groups: family(), ..of("photos") },
    ];
    drafts.map(|draft| draft.check(None).expect("a rule")).into()
}

/// A person in front of this window, and the proxy.
fn begin(window: Window) -> (Story, Proxy) {
    let proxy = Proxy::start();
    let story = Story::begin_with(window, |config: &mut Config| {
        config.set("trusted_proxies", "127.0.0.1").expect("a network");
        config.access_rules = rules();
    });
    let latchkey = story.server.origin().replace("http://localhost", "127.0.0.1");
    proxy.latchkey.set(latchkey.parse().expect("an address")).expect("set once");
    (story, proxy)
}

fn arrives(story: &Story, proxy: &Proxy, name: &str, path: &str) {
    story.browser.arrives_at(&proxy.url(name, path), HEADING);
}

#[test]
fn a_newcomer_registers_on_the_way_to_a_program_and_comes_back_signed_in_there() {
    let (story, proxy) = begin(Window::DESKTOP);
    let (browser, says) = (&story.browser, story.says);
    browser.open(&proxy.url("club", "/room?table=7"));
    browser.arrives_at("/login", says.login);
    browser.press(says.create_account);
    browser.arrives_at("/register", says.register);
    browser.fill(says.username, "ada");
    browser.fill(says.password, PASSWORD);
    story.server.keeps_time();
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    arrives(&story, &proxy, "club", "/room");
    assert!(browser.words().contains("ada of "), "{}", browser.words());
    assert!(browser.words().contains("at /room?table=7"), "{}", browser.words());

    // Another program is for the family, to which she does not belong yet.
    browser.open(&proxy.url("photos", "/"));
    browser.arrives_at("/", "This door is not open to you");
    assert_eq!(browser.status(), 403);
    story.server.runs(async |app| {
        groups::add(app, "family").await.expect("a group");
        groups::join(app, "family", &["ada".to_owned()]).await.expect("a member");
    });
    browser.open(&proxy.url("photos", "/"));
    arrives(&story, &proxy, "photos", "/");
    assert!(browser.words().contains("ada of family"), "{}", browser.words());

    // Signed out here is signed out there.
    browser.open("/");
    story.signs_out();
    browser.open(&proxy.url("photos", "/"));
    browser.arrives_at("/login", says.login);
    story.waits_for_the_next_code();
    browser.fill(says.username, "ada");
    browser.fill(says.password, PASSWORD);
    browser.press(says.next);
    browser.arrives_at("/login/code", says.code);
    story.gives_the_code(&story.code(&app));
    arrives(&story, &proxy, "photos", "/");
}

#[test]
fn a_program_that_wants_a_new_proof_gets_one_and_the_person_comes_back_without_javascript_too() {
    let (story, proxy) = begin(Window { scripts: false, ..Window::DESKTOP });
    let (browser, says) = (&story.browser, story.says);
    let (app, _) = story.becomes_a_user("ada");
    story.server.runs(async |app| {
        groups::add(app, "family").await.expect("a group");
        groups::join(app, "family", &["ada".to_owned()]).await.expect("a member");
    });
    browser.open(&proxy.url("safe", "/"));
    arrives(&story, &proxy, "safe", "/");
    story.server.clock.advance(301);
    browser.open(&proxy.url("safe", "/"));
    browser.arrives_at("/account/prove", "Is it still you?");
    browser.fill(says.password, PASSWORD);
    browser.fill(says.code_field, &story.code(&app));
    browser.press(says.next);
    arrives(&story, &proxy, "safe", "/");
}
