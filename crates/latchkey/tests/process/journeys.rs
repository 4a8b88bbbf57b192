//! A person with a real browser before each of the proxies: from the program to the portal, into an account, and back; on to
//! programs on another domain; and out of all of them at once.

use std::time::Duration;

use serde_json::json;
use store::Kind as Engine;

use crate::authenticator::Authenticator;
use crate::chromium::{Browser, Window};
use crate::person::Person;
use crate::proxies::{House, told};
use crate::proxy::{ALBUM, APP, CLUB, Kind, PORTAL, Proxy, WIKI};
use crate::server::Place;
use crate::speech::ENGLISH;
use crate::tricks;

/// Everybody may have an account, and the album is for the family.
const SETTINGS: &str = r#"
registration = "open"

[[access.rules]]
hosts = ["app.example.org", "club.example.net"]
policy = "two_factor"
any = true

[[access.rules]]
hosts = ["album.example.net"]
policy = "two_factor"
groups = ["family"]
"#;

/// Where the journey begins.
const BEGINNING: &str = "/photos?year=2026&x=a%2Fb";

/// A script that says something over a WebSocket, and hears something.
const SOCKET: &str = "new Promise(done => { \
     const socket = new WebSocket('wss://app.example.org/socket'); \
     socket.onopen = () => socket.send('ping'); \
     socket.onerror = () => done('refused'); \
     socket.onmessage = message => done(message.data); })";

/// How soon after a sign-out nobody is let in anywhere.
const SOON: Duration = Duration::from_secs(1);

struct Journey {
    browser: Browser,
    person: Person,
    kind: Kind,
}

impl Journey {
    fn begin(kind: Kind, proxy: &Proxy, person: Person) -> Journey {
        let switches = [
            format!("--host-resolver-rules=MAP *:443 {}", proxy.address),
            // The hand-made clients know the authority of these certificates, and believe no other.
            "--ignore-certificate-errors".to_owned(),
        ];
        let origin = format!("https://{PORTAL}");
        let browser = Browser::start_with(Window::DESKTOP, &origin, &switches);
        // No browser says who somebody is, and this one does all the same, wherever it goes.
        let lie = tricks::LIE;
        let lies =
            json!({ "Remote-User": lie, "Remote_Groups": lie, "REMOTE-NAME": lie, "remote_email": lie });
        browser.driver().devtools("Network.enable", json!({}));
        browser.driver().devtools("Network.setExtraHTTPHeaders", json!({ "headers": lies }));
        Journey { browser, person, kind }
    }

    /// Waits until the program shows what it was asked at this address, and answers that.
    #[track_caller]
    fn is_at(&self, host: &str, path: &str) -> String {
        let (url, line) = (format!("https://{host}{path}"), format!("GET {path} HTTP/1.1"));
        let shows = || {
            let seen = self.browser.driver().try_script("return [location.href, document.body.innerText]");
            seen.is_ok_and(|seen| {
                seen[0] == url.as_str() && seen[1].as_str().is_some_and(|text| text.starts_with(&line))
            })
        };
        assert!(
            self.browser.comes_true(shows),
            "{:?}: waited for {url}, but this is {}: {}",
            self.kind,
            self.browser.path(),
            self.browser.words()
        );
        self.browser.words()
    }

    /// Opens a page of a program, and is let in.
    #[track_caller]
    fn enters(&self, host: &str, path: &str, groups: &str) {
        self.browser.open(&format!("https://{host}{path}"));
        self.is_told(&self.is_at(host, path), groups);
    }

    /// The program was told who came, and heard nothing of what the browser said of that.
    #[track_caller]
    fn is_told(&self, head: &str, groups: &str) {
        let name = self.person.name.as_str();
        let known = [("remote-user", name), ("remote-groups", groups), ("remote-name", name)];
        let known = known.into_iter().filter(|(_, value)| !value.is_empty());
        let known: Vec<_> = known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(told(head), known, "{:?}: {head}", self.kind);
        assert!(tricks::lies(head).is_empty(), "{:?}: {head}", self.kind);
    }

    /// From the page for signing in to the recovery codes, and past them.
    fn registers(&mut self) {
        let (browser, says) = (&self.browser, &ENGLISH);
        browser.arrives_at("/login", says.login);
        browser.press(says.create_account);
        browser.arrives_at("/register", says.register);
        browser.fill(says.username, &self.person.name);
        browser.fill(says.password, &self.person.password);
        browser.press(says.next);
        browser.arrives_at("/enroll", says.enroll);
        browser.brings_into_sight(".plate");
        let drawn = "const code = document.querySelector('.plate img'); return code.complete && code.naturalWidth > 0";
        assert!(browser.comes_true(|| browser.driver().script(drawn) == true), "the QR code never shows");
        self.person = Person::scanning(&self.person.name, &Authenticator::scan(&browser.screenshot()).uri);
        browser.fill(says.enroll_code, &self.person.code());
        browser.press(says.confirm);
        browser.arrives_at("/enroll/recovery-codes", says.codes);
        browser.tick(says.saved);
        browser.press(says.finish);
    }

    fn signs_in(&mut self) {
        let (browser, says) = (&self.browser, &ENGLISH);
        browser.arrives_at("/login", says.login);
        browser.fill(says.username, &self.person.name);
        browser.fill(says.password, &self.person.password);
        browser.press(says.next);
        browser.arrives_at("/login/code", says.code);
        browser.fill(says.code_field, &self.person.code());
        browser.press(says.next);
    }

    /// What scripts and forms on a page of the program do there.
    fn uses_the_program(&self) {
        let driver = self.browser.driver();
        let fetched = driver.promise("fetch('/data').then(answer => answer.text())");
        self.is_told(fetched.as_str().unwrap(), "");
        let status =
            |how: &str| driver.promise(&format!("fetch('/data', {how}).then(answer => answer.status)"));
        assert_eq!(status("{ credentials: 'omit' }"), 401, "{:?}: without a session", self.kind);
        assert_eq!(status("{ credentials: 'omit', method: 'POST', body: 'x=1' }"), 401, "{:?}", self.kind);

        assert_eq!(driver.promise(SOCKET), "heard ping", "{:?}: a WebSocket", self.kind);

        let form = "const form = document.createElement('form'); \
             form.method = 'post'; form.action = '/notes'; \
             form.innerHTML = '<input name=note value=\"a&amp;b c\">'; \
             document.body.append(form); form.submit()";
        driver.script(form);
        let arrived = || self.browser.words().starts_with("POST /notes HTTP/1.1");
        assert!(self.browser.comes_true(arrived), "{:?}: {}", self.kind, self.browser.words());
        let words = self.browser.words();
        assert!(words.ends_with("note=a%26b+c"), "{:?}: {words}", self.kind);
        self.is_told(&words, "");
    }
}

/// The whole journey, the same before each of them.
fn leads_there_and_back(kind: Kind) {
    let house = House::with(Place::new(Engine::Sqlite), SETTINGS);
    let proxy = Proxy::start(kind, &house.recipe(kind));
    let mut journey = Journey::begin(kind, &proxy, Person::new("grace"));
    // Nobody takes its lies away here.
    journey.browser.open(&format!("http://{}/", house.echo.address));
    assert_eq!(tricks::lies(&journey.browser.words()).len(), 4, "{}", journey.browser.words());
    // From a page of another site, without a session. The first one opens the connection that the second one may go over.
    house.echo.arrived();
    let driver = journey.browser.driver();
    driver.promise("fetch('https://app.example.org/x', { mode: 'no-cors' }).then(() => 'asked')");
    assert_eq!(driver.promise(SOCKET), "refused", "{kind:?}");
    assert_eq!(house.echo.arrived(), Vec::<String>::new(), "{kind:?}");
    journey.browser.open(&format!("https://{APP}{BEGINNING}"));
    journey.registers();
    journey.is_told(&journey.is_at(APP, BEGINNING), "");
    journey.uses_the_program();

    // Another domain, without a word.
    journey.enters(CLUB, "/room?table=7", "");

    // What the rules do not open to her.
    let browser = &journey.browser;
    browser.open(&format!("https://{ALBUM}/summer"));
    browser.arrives_at("/", "This door is not open to you");
    assert_eq!(browser.status(), 403);
    let reference = browser.text_at("//p[@class='reference']/code").unwrap();
    let explained = house.place.run(&["access", "explain", "--reference", &reference]);
    let said = String::from_utf8(explained.stdout).unwrap();
    assert!(explained.status.success(), "{said}{}", String::from_utf8_lossy(&explained.stderr));
    assert!(said.contains("grace") && said.contains(ALBUM), "{said}");
    assert!(house.place.run(&["group", "join", "family", "grace"]).status.success());
    journey.enters(ALBUM, "/summer", "family");

    // Out at the portal is out everywhere.
    let browser = &journey.browser;
    browser.open("/");
    browser.arrives_at("/", "You are signed in as grace");
    browser.press(ENGLISH.sign_out);
    browser.arrives_at("/login", ENGLISH.login);
    std::thread::sleep(SOON);
    house.echo.arrived();
    for (host, path) in [(ALBUM, "/summer"), (CLUB, "/room?table=7"), (APP, BEGINNING)] {
        browser.open(&format!("https://{host}{path}"));
        browser.arrives_at("/login", ENGLISH.login);
    }
    assert_eq!(house.echo.arrived(), Vec::<String>::new(), "{kind:?}");
    journey.signs_in();
    journey.is_told(&journey.is_at(APP, BEGINNING), "family");
    journey.enters(CLUB, "/room?table=7", "family");
}

#[test]
fn through_nginx_a_newcomer_comes_back_to_where_they_were() {
    leads_there_and_back(Kind::Nginx);
}

#[test]
fn through_haproxy_a_newcomer_comes_back_to_where_they_were() {
    leads_there_and_back(Kind::Haproxy);
}

#[test]
fn through_the_caddy_of_debian_a_newcomer_comes_back_to_where_they_were() {
    leads_there_and_back(Kind::Caddy);
}

#[test]
fn through_a_newer_caddy_a_newcomer_comes_back_to_where_they_were() {
    leads_there_and_back(Kind::NewCaddy);
}

#[test]
fn through_traefik_a_newcomer_comes_back_to_where_they_were() {
    leads_there_and_back(Kind::Traefik);
}

/// Browsers have rules of their own for a cookie that a host sets for its whole domain.
#[test]
fn in_simple_mode_a_browser_takes_the_one_cookie_to_the_next_program() {
    let domain = "access.cookie_domain = \"example.org\"\n";
    let rule =
        "[[access.rules]]\nhosts = [\"*.example.org\"]\npolicy = \"two_factor\"\ngroups = [\"family\"]\n";
    let house = House::with(Place::new(Engine::Sqlite), &format!("{domain}{rule}"));
    let proxy = Proxy::start(Kind::Nginx, &house.recipe(Kind::Nginx));
    let House { ada, echo, .. } = house;
    let mut journey = Journey::begin(Kind::Nginx, &proxy, ada);
    journey.browser.open(&format!("https://{APP}{BEGINNING}"));
    journey.signs_in();
    journey.is_told(&journey.is_at(APP, BEGINNING), "family");
    journey.enters(WIKI, "/start", "family");
    let cookies = journey.browser.driver().devtools("Network.getAllCookies", json!({}));
    let cookies = cookies["cookies"].as_array().unwrap();
    let shared: Vec<_> = cookies.iter().filter(|cookie| cookie["name"] == "__Secure-latchkey-app").collect();
    assert_eq!(shared.len(), 1, "{cookies:?}");
    assert_eq!(shared[0]["domain"], ".example.org");
    assert!(!cookies.iter().any(|cookie| cookie["name"] == "__Host-latchkey-app"), "{cookies:?}");
    for head in echo.arrived() {
        assert!(!head.contains("latchkey="), "{head}");
    }
}
