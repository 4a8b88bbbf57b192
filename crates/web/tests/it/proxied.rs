//! A proxy before a program, as it were: it asks us about every request, sends `/.latchkey/` to us, and lets the rest through to
//! a program that says what it was told. One browser is many here, one for each host, since each keeps its own cookies.

use std::collections::BTreeMap;

use auth::Config;
use auth::access::{Draft, Rule};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

pub(crate) const PORTAL: &str = "https://login.example.org";
pub(crate) const APP: &str = "https://app.example.org";
pub(crate) const OTHER_APP: &str = "https://wiki.other.example";

/// The rules of these plays: host, paths, whom they let in, policy, and the greatest age of a proof.
fn rules() -> Vec<Rule> {
    let rule = |hosts: &[&str], policy: &str| Draft {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        policy: policy.to_owned(),
        ..Draft::default()
    };
    let texts = |text: &str| vec![text.to_owned()];
    let family = |draft: Draft| Draft { groups: vec!["family".to_owned()], ..draft };
    let drafts = [
        Draft { paths: texts("/public/*"), ..rule(&["app.example.org"], "bypass") },
        family(Draft {
            paths: texts("/vault/*"),
            max_age: Some("5m".to_owned()),
            ..rule(&["app.example.org"], "two_factor")
        }),
        family(rule(&["app.example.org", "wiki.other.example"], "two_factor")),
        Draft { any: true, ..rule(&["club.example.org"], "one_factor") },
        Draft { users: texts("grace"), ..rule(&["staff.example.org"], "two_factor") },
    ];
    drafts.map(|draft| draft.check(None).expect("a rule")).into()
}

/// At home nobody is asked for the television.
pub(crate) fn at_home() -> Rule {
    let texts = |text: &str| vec![text.to_owned()];
    let (hosts, networks) = (texts("tv.example.org"), texts("192.168.1.0/24"));
    let draft = Draft { hosts, networks, policy: "bypass".to_owned(), ..Draft::default() };
    draft.check(None).expect("a rule")
}

/// A portal with these rules, behind a proxy at 127.0.0.1.
pub(crate) fn behind_a_proxy(config: &mut Config) {
    config.set("public_url", PORTAL).unwrap();
    config.set("trusted_proxies", "127.0.0.1").unwrap();
    config.set("registration", "open").unwrap();
    config.access_rules = rules();
}

/// Somebody in front of a browser, who goes from host to host.
#[derive(Clone)]
pub(crate) struct Traveler {
    world: World,
    hosts: BTreeMap<String, Browser>,
}

/// Where a browser has come to rest.
#[derive(Debug)]
pub(crate) enum Rest {
    /// At a page of the portal.
    Portal(String, Seen),
    /// At the program, with what it was told: user and groups.
    App(String, [String; 2]),
    /// At a refusal of the proxy's.
    Refused(u16),
}

impl Traveler {
    pub(crate) fn new(world: &World) -> Traveler {
        Traveler { world: world.clone(), hosts: BTreeMap::new() }
    }

    /// The cookies of one host.
    pub(crate) fn at(&mut self, origin: &str) -> Browser {
        let world = &self.world;
        let new = || {
            let browser = world.browser().without("origin").with("sec-fetch-mode", "navigate");
            let host = origin.strip_prefix("https://").expect("an origin");
            browser
                .with("host", host)
                .with("x-forwarded-proto", "https")
                .with("x-forwarded-for", "203.0.113.9")
        };
        self.hosts.entry(origin.to_owned()).or_insert_with(new).clone()
    }

    /// The browser at the portal, for its forms.
    pub(crate) fn portal(&mut self) -> Browser {
        self.at(PORTAL).with("origin", PORTAL)
    }

    /// Goes there, and follows wherever it is sent, at most twelve times.
    pub(crate) async fn goes_to(&mut self, url: &str) -> Rest {
        let mut url = Url::parse(url).expect("an address");
        for _ in 0..12 {
            let origin = url.origin().ascii_serialization();
            let asked = url[url::Position::BeforePath..].to_owned();
            let browser = self.at(&origin);
            let seen = if origin == PORTAL || asked.starts_with("/.latchkey/") {
                browser.get(&asked).await
            } else {
                let seen = ask(&browser, "GET", url.as_str()).await;
                match seen.status.as_u16() {
                    200 => {
                        return Rest::App(
                            url.into(),
                            ["remote-user", "remote-groups"].map(|h| seen.header(h)),
                        );
                    }
                    302 => seen,
                    other => return Rest::Refused(other),
                }
            };
            match seen.status.as_u16() {
                302 | 303 => url = url.join(&seen.header("location")).expect("an address to go to"),
                _ => return Rest::Portal(asked, seen),
            }
        }
        panic!("sent around in a circle: {url}");
    }

    /// Gives password and code at the portal, where the page of signing in was reached as `at`, and follows.
    pub(crate) async fn signs_in(&mut self, person: &Person, at: &str) -> Rest {
        let browser = self.portal();
        let rd = query_of(at, "rd");
        let fields = [("username", person.name.as_str()), ("password", PASSWORD), ("rd", rd.as_str())];
        browser.post("/login", &fields).await.lands_on("/login/code");
        let code = person.code();
        let seen = browser.post("/login/code", &[("otp", &code)]).await;
        assert_eq!(seen.status, 303, "{}", seen.text);
        self.goes_to(&format!("{PORTAL}{}", seen.header("location"))).await
    }
}

impl Rest {
    #[track_caller]
    pub(crate) fn is_the_app(&self, url: &str, told: [&str; 2]) {
        match self {
            Rest::App(at, heard) => {
                assert_eq!((at.as_str(), heard.each_ref().map(String::as_str)), (url, told));
            }
            Rest::Refused(status) => panic!("refused with {status}"),
            other => panic!("not at the program: {other:?}"),
        }
    }

    /// The page of the portal, and where it is.
    #[track_caller]
    pub(crate) fn is_at_the_portal(&self, path: &str) -> (&str, &Seen) {
        match self {
            Rest::Portal(at, seen) if at.split('?').next() == Some(path) => (at, seen),
            other => panic!("not at {path} of the portal: {other:?}"),
        }
    }
}

/// Asks about a request, as Traefik and Caddy do, with the cookies of that host.
pub(crate) async fn ask(browser: &Browser, method: &'static str, url: &str) -> Seen {
    let (scheme, rest) = url.split_once("://").expect("an address");
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, uri) = rest.split_at(at);
    let browser = browser.clone().with("host", "127.0.0.1:8080").with("x-forwarded-method", method);
    let browser = browser.with("x-forwarded-proto", scheme).with("x-forwarded-host", host);
    browser
        .with("x-forwarded-uri", uri)
        .send(Method::GET, "/api/authz/forward-auth", Body::empty(), None)
        .await
}

/// Asks about a request as nginx does.
pub(crate) async fn ask_as_nginx(browser: &Browser, method: &'static str, url: &str) -> Seen {
    let browser = browser.clone().with("host", "127.0.0.1:8080");
    let browser = browser.with("x-original-method", method).with("x-original-url", url);
    browser.send(Method::GET, "/api/authz/auth-request", Body::empty(), None).await
}

/// The same headers with some of them another.
pub(crate) fn with_headers(browser: &Browser, headers: &[(&'static str, &str)]) -> Browser {
    let mut browser = browser.clone();
    for (name, value) in headers {
        browser
            .headers
            .append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
    }
    browser
}

/// One value of the query of an address.
pub(crate) fn query_of(address: &str, name: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
