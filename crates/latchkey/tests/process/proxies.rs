//! Behind five real proxies, set up by what `latchkey proxy-config` prints: who is let through to the program, what it is told
//! of them, and that nobody else can say it. What is tried is in `tricks.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::browser::{Answer, percent};
use crate::echo::{Echo, SOCKET_KEY};
use crate::person::Person;
use crate::proxy::{APP, Kind, PORTAL, Proxy, Recipe};
use crate::server::{Place, Server};
use crate::tricks::{self, IDENTITY};

/// Some things are for everybody, some for nobody, and the rest for the family.
const RULES: &str = r#"
[[access.rules]]
hosts = ["app.example.org"]
paths = ["/public/*"]
policy = "bypass"

[[access.rules]]
hosts = ["open.example.org"]
policy = "bypass"

[[access.rules]]
hosts = ["app.example.org"]
paths = ["/closed/*"]
policy = "deny"

[[access.rules]]
hosts = ["app.example.org"]
policy = "two_factor"
groups = ["family"]
"#;

/// Programs go on to the page where somebody was; a person's browser says so.
const NAVIGATES: &str = "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n";

/// What a program is told of Ada. Some proxies leave out what is empty.
const ADA: [(&str, &str); 3] =
    [("remote-user", "ada.lovelace"), ("remote-groups", "family"), ("remote-name", "ada.lovelace")];

/// A Latchkey where Ada belongs to the family, and a program.
pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) ada: Person,
    pub(crate) echo: Echo,
}

impl House {
    pub(crate) fn new() -> House {
        let mut place = Place::new(store::Kind::Sqlite);
        let mut ada = Person::new("ada.lovelace");
        let server = Server::start(&place);
        ada.registers(&mut server.browser());
        server.stop();
        for words in [["group", "add", "family", ""], ["group", "join", "family", "ada.lovelace"]] {
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            assert!(place.run(&words).status.success(), "{words:?}");
        }
        std::fs::write(place.dir().join("latchkey.toml"), RULES).unwrap();
        place.set("LATCHKEY_PUBLIC_URL", "https://login.example.org");
        place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
        let server = Server::start(&place);
        House { place, server, ada, echo: Echo::start() }
    }

    pub(crate) fn recipe(&self, kind: Kind) -> Recipe {
        Recipe::print(kind, &self.place, &self.server, self.echo.address)
    }
}

/// A browser that goes from host to host through a proxy.
pub(crate) struct Traveler<'p> {
    proxy: &'p Proxy,
    jars: BTreeMap<String, BTreeMap<String, String>>,
}

impl<'p> Traveler<'p> {
    pub(crate) fn new(proxy: &'p Proxy) -> Traveler<'p> {
        Traveler { proxy, jars: BTreeMap::new() }
    }

    /// The line with the cookies that it has for a host.
    fn cookies(&self, host: &str) -> String {
        let pairs = self.jars.get(host).into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join("; ");
        if pairs.is_empty() { pairs } else { format!("Cookie: {pairs}\r\n") }
    }

    fn send(&mut self, host: &str, line: &str, rest: &str) -> Answer {
        let cookies = self.cookies(host);
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookies}{rest}");
        let answer = Answer::parse(&self.proxy.connect(host).exchange(request.as_bytes()));
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let jar = self.jars.entry(host.to_owned()).or_default();
            jar.remove(name);
            if !value.is_empty() {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks the program, with these headers.
    fn asks(&mut self, line: &str, headers: &str) -> Answer {
        self.send(APP, line, &format!("{headers}\r\n"))
    }

    /// Goes there, and wherever it is sent from there. Answers where it came to rest, too.
    pub(crate) fn goes_to(&mut self, url: &str) -> (String, Answer) {
        let mut url = url.to_owned();
        for _ in 0..12 {
            let (host, path) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).unwrap();
            let (host, path) = (host.to_owned(), format!("/{path}"));
            let answer = self.send(&host, &format!("GET {path}"), &format!("{NAVIGATES}\r\n"));
            match answer.header("location") {
                Some(to) if to.starts_with('/') => url = format!("https://{host}{to}"),
                Some(to) => url = to.to_owned(),
                None => return (url, answer),
            }
        }
        panic!("sent around in a circle: {url}");
    }

    /// Gives password and code at the page of the portal that it was sent to, and goes on.
    pub(crate) fn signs_in(&mut self, person: &mut Person, at: &str) -> (String, Answer) {
        let rd = at.split("rd=").nth(1).unwrap_or_else(|| panic!("a way back: {at}")).to_owned();
        let name = format!("username={}", percent(&person.name));
        let password = format!("{name}&password={}&rd={rd}", percent(&person.password));
        assert_eq!(self.posts("/login", &password), "/login/code");
        let code = person.code();
        let to = self.posts("/login/code", &format!("{name}&otp={code}"));
        self.goes_to(&format!("https://{PORTAL}{to}"))
    }

    fn posts(&mut self, path: &str, form: &str) -> String {
        let rest = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = self.send(PORTAL, &format!("POST {path}"), &rest);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    /// Opens a WebSocket, and says something.
    fn opens_socket(&self) -> String {
        let head = format!(
            "GET /socket HTTP/1.1\r\nHost: {APP}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-Fetch-Mode: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {SOCKET_KEY}\r\n{}\r\n",
            self.cookies(APP)
        );
        self.proxy.connect(APP).converse(&head, "ping")
    }
}

/// What a head says of who it is, empty values left out.
fn told(head: &str) -> Vec<(String, String)> {
    let told = tricks::identities(head).into_iter().filter(|(_, value)| !value.is_empty());
    let order = |(name, _): &(String, String)| IDENTITY.iter().position(|known| known == name);
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(order);
    told
}

#[track_caller]
fn is_told_of_ada(head: &str) {
    assert_eq!(told(head), ADA.map(|(name, value)| (name.to_owned(), value.to_owned())), "{head}");
}

/// The whole play, the same for each of them.
fn stands_before_a_program(kind: Kind) {
    let mut house = House::new();
    let proxy = Proxy::start(kind, &house.recipe(kind));
    let mut stranger = Traveler::new(&proxy);
    strangers_are_sent_to_sign_in(&house, &mut stranger);
    let mut ada = Traveler::new(&proxy);
    let (at, page) = ada.goes_to(&format!("https://{APP}/photos?year=2026&x=a%2Fb"));
    assert!(at.starts_with(&format!("https://{PORTAL}/login?")) && page.status == 200, "{at}: {page:?}");
    let (at, page) = ada.signs_in(&mut house.ada, &at);
    assert_eq!(at, format!("https://{APP}/photos?year=2026&x=a%2Fb"));
    assert!(page.is(200).starts_with("GET /photos?year=2026&x=a%2Fb HTTP/1.1\r\n"), "{}", page.body);
    is_told_of_ada(&page.body);
    the_program_is_asked_what_was_asked(kind, &mut ada);

    house.echo.arrived();
    let spoofs = nobody_says_who_they_are(&house, &mut stranger, &mut ada);
    let ways = nobody_gets_around(&house, &mut stranger);
    println!("{kind:?}: 0 of {spoofs} spoofs and 0 of {ways} other ways reached the program");

    // Without Latchkey nobody is let in, not even to what is for everybody.
    house.server.stop();
    house.echo.arrived();
    for path in ["/photos", "/public/x"] {
        for who in [&mut ada, &mut stranger] {
            assert!(who.asks(&format!("GET {path}"), NAVIGATES).status >= 500, "{kind:?}: {path}");
        }
    }
    assert_eq!(house.echo.arrived(), Vec::<String>::new());
}

fn strangers_are_sent_to_sign_in(house: &House, stranger: &mut Traveler<'_>) {
    let portal = |method: &str| {
        format!("https://{PORTAL}/?rd=https%3A%2F%2F{APP}%2Fphotos%3Fyear%3D2026%26x%3Da%252Fb&rm={method}")
    };
    for (method, headers, status) in [
        ("GET", NAVIGATES, 302),
        ("HEAD", NAVIGATES, 302),
        ("GET", "Accept: text/html,*/*;q=0.8\r\n", 302),
        ("POST", "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\nContent-Length: 0\r\n", 303),
        ("GET", "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n", 401),
        ("GET", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", 401),
        ("GET", "Accept: */*\r\n", 401),
        ("GET", "", 401),
    ] {
        let answer = stranger.asks(&format!("{method} /photos?year=2026&x=a%2Fb"), headers);
        let places: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "location").collect();
        assert_eq!((answer.status, places.len()), (status, 1), "{method} {headers}: {answer:?}");
        assert_eq!(places[0].1, portal(method), "{headers}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert!(stranger.opens_socket().starts_with("HTTP/1.1 401"), "a WebSocket");
    assert_eq!(house.echo.arrived(), Vec::<String>::new());
    let answer = stranger.asks("GET /public/logo.png", "");
    assert_eq!((answer.status, told(&answer.body)), (200, Vec::new()), "{}", answer.body);
    assert_eq!(stranger.asks("GET /closed/x", NAVIGATES).status, 403);
}

fn the_program_is_asked_what_was_asked(kind: Kind, ada: &mut Traveler<'_>) {
    let answer = ada.asks("POST /notes", "Content-Length: 0\r\nCookie: theme=dark\r\n");
    assert!(answer.is(200).starts_with("POST /notes HTTP/1.1\r\n"), "{}", answer.body);
    is_told_of_ada(&answer.body);
    let socket = ada.opens_socket();
    assert!(socket.starts_with("HTTP/1.1 101") && socket.ends_with("heard ping"), "{socket}");
    assert_eq!(ada.asks("GET /closed/x", NAVIGATES).status, 403);

    // The program's own cookies arrive, and ours does not, where the proxy can take it away.
    let token = ada.jars[APP]["__Host-latchkey-app"].clone();
    for (name, value) in [("a", "1"), ("theme", "dark"), ("__Secure-latchkey-app", "x")] {
        ada.jars.get_mut(APP).unwrap().insert(name.to_owned(), value.to_owned());
    }
    let head = ada.asks("GET /photos", "").body;
    is_told_of_ada(&head);
    assert!(head.contains("a=1") && head.contains("theme=dark"), "{head}");
    assert_eq!(head.contains(&token), kind == Kind::Traefik, "{head}");
    ada.jars.get_mut(APP).unwrap().remove("__Secure-latchkey-app");
}

/// Sends every spelling, as a stranger where everybody may go and as Ada. Answers how many.
fn nobody_says_who_they_are(house: &House, stranger: &mut Traveler<'_>, ada: &mut Traveler<'_>) -> usize {
    let spoofs = tricks::spoofs();
    for spoof in &spoofs {
        stranger.proxy_asks("GET /public/x", spoof, "");
        ada.proxy_asks("GET /photos", spoof, &ada.cookies(APP));
        for head in house.echo.arrived() {
            let lies = tricks::lies(&head);
            assert!(lies.is_empty(), "{spoof:?}: {head}");
            let known = if head.starts_with("GET /photos") { &ADA[..] } else { &[] };
            let known: BTreeSet<_> = known.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert!(told(&head).into_iter().collect::<BTreeSet<_>>().is_subset(&known), "{spoof:?}: {head}");
        }
    }
    spoofs.len() * 2
}

/// Asks for what is for the family in every spelling and with every header that could be believed. Answers how many.
fn nobody_gets_around(house: &House, stranger: &mut Traveler<'_>) -> usize {
    let (spellings, forgeries) = (tricks::spellings(), tricks::forgeries());
    let spelled = spellings.iter().map(|path| (format!("GET {path}"), String::new()));
    let forged = forgeries.iter().map(|headers| ("GET /secret/page".to_owned(), headers.clone()));
    let asked = ["OPTIONS", "HEAD", "PUT", "DELETE", "PROPFIND", "TRACE", "get", "CONNECT"];
    let asked = asked.map(|method| (format!("{method} /secret/page"), String::new()));
    let all: Vec<_> = spelled.chain(forged).chain(asked).collect();
    for (line, headers) in &all {
        stranger.proxy_asks(line, headers, "");
        for head in house.echo.arrived() {
            assert!(!tricks::is_secret(&head), "{line} {headers:?}: {head}");
        }
    }
    all.len()
}

impl Traveler<'_> {
    /// Asks as it is written. Whether there is an answer does not matter: what arrives at the program does.
    fn proxy_asks(&self, line: &str, headers: &str, cookies: &str) {
        let host = if headers.to_lowercase().starts_with("host:") {
            String::new()
        } else {
            format!("Host: {APP}\r\n")
        };
        let close = if headers.contains("Connection:") { "" } else { "Connection: close\r\n" };
        let request: Vec<u8> = format!("{line} HTTP/1.1\r\n{host}{close}{cookies}{headers}\r\n")
            .chars()
            .map(|c| u8::try_from(c).unwrap())
            .collect();
        let mut connection = self.proxy.connect(APP);
        // Some of what is asked is never answered. What arrives late is seen with what is asked next.
        connection.waits_at_most(Duration::from_secs(2));
        connection.exchange(&request);
    }
}

#[test]
fn nginx_stands_before_a_program() {
    stands_before_a_program(Kind::Nginx);
}

#[test]
fn haproxy_stands_before_a_program() {
    stands_before_a_program(Kind::Haproxy);
}

#[test]
fn caddy_of_debian_stands_before_a_program() {
    stands_before_a_program(Kind::Caddy);
}

#[test]
fn a_newer_caddy_stands_before_a_program() {
    stands_before_a_program(Kind::NewCaddy);
}

#[test]
fn traefik_stands_before_a_program() {
    stands_before_a_program(Kind::Traefik);
}

/// The control: the same recipes without the line that takes away what visitors say of who they are.
#[test]
fn without_one_line_of_the_recipe_the_same_spoofs_arrive() {
    let house = House::new();
    let nginx = house.recipe(Kind::Nginx);
    let nginx = nginx.replace("underscores_in_headers off", "underscores_in_headers on");
    let haproxy = house.recipe(Kind::Haproxy).replace("    http-request del-header Remote -m beg\n", "");
    let caddy = house.recipe(Kind::Caddy).replace("\t\t\trequest_header -Remote*\n", "");
    let traefik = house.recipe(Kind::Traefik).replace("(?i)^remote", "(?i)^remote-");
    for (kind, recipe) in [
        (Kind::Nginx, nginx),
        (Kind::Haproxy, haproxy),
        (Kind::Caddy, caddy.clone()),
        (Kind::NewCaddy, caddy),
        (Kind::Traefik, traefik),
    ] {
        let proxy = Proxy::start(kind, &recipe);
        let stranger = Traveler::new(&proxy);
        let spoofs = tricks::spoofs();
        house.echo.arrived();
        let arrives = |spoof: &&String| {
            stranger.proxy_asks("GET /public/x", spoof, "");
            house.echo.arrived().iter().any(|head| !tricks::lies(head).is_empty())
        };
        let arrived = spoofs.iter().filter(arrives).count();
        println!("{kind:?} without the line: {arrived} of {} arrive", spoofs.len());
        assert!(arrived >= 4, "{kind:?}: {arrived}");
    }
}
