//! Behind five real proxies, set up by what `latchkey proxy-config` prints: who is let through to the program, what it is told
//! of them, and that nobody else can say it. What is tried is in `tricks.rs`.

use std::collections::BTreeSet;

use crate::echo::Echo;
use crate::http2;
use crate::person::Person;
use crate::proxy::{APP, Kind, PORTAL, Proxy, Recipe};
use crate::server::{Place, Server};
use crate::traveler::{NAVIGATES, Traveler};
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

/// What a program is told of Ada. Some proxies leave out what is empty.
const ADA: [(&str, &str); 3] =
    [("remote-user", "ada.lovelace"), ("remote-groups", "family"), ("remote-name", "ada.lovelace")];

/// A Latchkey where Ada belongs to the family, and Grace does not, and a program.
pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) ada: Person,
    pub(crate) grace: Person,
    pub(crate) echo: Echo,
}

impl House {
    pub(crate) fn new() -> House {
        House::with(Place::new(store::Kind::Sqlite), RULES)
    }

    /// The same in a place of one's own, with what a settings file says.
    pub(crate) fn with(mut place: Place, settings: &str) -> House {
        let [mut ada, mut grace] = ["ada.lovelace", "grace.hopper"].map(Person::new);
        let server = Server::start(&place);
        for person in [&mut ada, &mut grace] {
            person.registers(&mut server.browser());
        }
        server.stop();
        for words in [["group", "add", "family", ""], ["group", "join", "family", "ada.lovelace"]] {
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            assert!(place.run(&words).status.success(), "{words:?}");
        }
        std::fs::write(place.dir().join("latchkey.toml"), settings).unwrap();
        place.set("LATCHKEY_PUBLIC_URL", "https://login.example.org");
        place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
        let server = Server::start(&place);
        House { place, server, ada, grace, echo: Echo::start() }
    }

    pub(crate) fn recipe(&self, kind: Kind) -> Recipe {
        Recipe::print(kind, &self.place, &self.server, self.echo.address)
    }
}

/// What a head says of who it is, empty values left out.
pub(crate) fn told(head: &str) -> Vec<(String, String)> {
    let told = tricks::identities(head).into_iter().filter(|(_, value)| !value.is_empty());
    let order = |(name, _): &(String, String)| IDENTITY.iter().position(|known| known == name);
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(order);
    told
}

#[track_caller]
pub(crate) fn is_told_of_ada(head: &str) {
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
    http2::asks_for_the_same(&proxy, &ada.cookies(APP));

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
        ("POST", "Accept: application/json\r\nContent-Length: 0\r\n", 401),
        ("DELETE", "", 401),
        ("GET", "", 401),
    ] {
        let answer = stranger.asks(&format!("{method} /photos?year=2026&x=a%2Fb"), headers);
        let places: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "location").collect();
        assert_eq!((answer.status, places.len()), (status, 1), "{method} {headers}: {answer:?}");
        assert_eq!(places[0].1, portal(method), "{headers}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(stranger.asks_in("HTTP/1.0", "GET /photos").status, 401);
    assert!(stranger.opens_socket().starts_with("HTTP/1.1 401"), "a WebSocket");
    assert_eq!(house.echo.arrived(), Vec::<String>::new());
    let answer = stranger.asks("GET /public/logo.png", "");
    assert_eq!((answer.status, told(&answer.body)), (200, Vec::new()), "{}", answer.body);
    assert_eq!(stranger.asks("GET /closed/x", NAVIGATES).status, 403);
}

fn the_program_is_asked_what_was_asked(kind: Kind, ada: &mut Traveler<'_>) {
    for (headers, body) in [
        ("Content-Length: 0\r\nCookie: theme=dark\r\n", ""),
        ("Content-Type: text/plain\r\nContent-Length: 11\r\n", "Remote: no\n"),
    ] {
        let answer = ada.posts_to_app("/notes", headers, body);
        assert!(answer.is(200).starts_with("POST /notes HTTP/1.1\r\n"), "{}", answer.body);
        assert!(answer.body.ends_with(&format!("\r\n\r\n{body}")), "{}", answer.body);
        is_told_of_ada(&answer.body);
    }
    let sent = ada.posts_to_app("/notes", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
    assert!(sent.is(200).contains("hello"), "{}", sent.body);
    let answer = ada.asks("HEAD /photos", "");
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let old = ada.asks_in("HTTP/1.0", "GET /photos");
    is_told_of_ada(old.is(200));
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
        stranger.asks_as_written("GET /public/x", spoof, "");
        ada.asks_as_written("GET /photos", spoof, &ada.cookies(APP));
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
        stranger.asks_as_written(line, headers, "");
        for head in house.echo.arrived() {
            assert!(!tricks::is_secret(&head), "{line} {headers:?}: {head}");
        }
    }
    all.len()
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
fn behind_haproxy_who_is_still_sending_when_they_are_refused_is_told_so_in_whole() {
    let house = House::new();
    http2::refuses_in_whole(&Proxy::start(Kind::Haproxy, &house.recipe(Kind::Haproxy)));
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
            stranger.asks_as_written("GET /public/x", spoof, "");
            house.echo.arrived().iter().any(|head| !tricks::lies(head).is_empty())
        };
        let arrived = spoofs.iter().filter(arrives).count();
        println!("{kind:?} without the line: {arrived} of {} arrive", spoofs.len());
        assert!(arrived >= 4, "{kind:?}: {arrived}");
    }
}
