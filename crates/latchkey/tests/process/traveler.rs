//! A browser that is made by hand and goes from host to host through a proxy.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::browser::{Answer, percent};
use crate::echo::SOCKET_KEY;
use crate::person::Person;
use crate::proxy::{APP, PORTAL, Proxy};

/// Programs go on to the page where somebody was; a person's browser says so.
pub(crate) const NAVIGATES: &str = "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n";

/// What is said over a WebSocket, in a frame as RFC 6455, section 5.2, has it. Zeros mask nothing.
const PING: &[u8] = b"\x81\x84\0\0\0\0ping";

/// A browser that goes from host to host through a proxy.
pub(crate) struct Traveler<'p> {
    proxy: &'p Proxy,
    /// The cookies of each host, and behind a dot those of all hosts below a domain.
    pub(crate) jars: BTreeMap<String, BTreeMap<String, String>>,
}

impl<'p> Traveler<'p> {
    pub(crate) fn new(proxy: &'p Proxy) -> Traveler<'p> {
        Traveler { proxy, jars: BTreeMap::new() }
    }

    /// The line with the cookies that it has for a host.
    pub(crate) fn cookies(&self, host: &str) -> String {
        let jars =
            self.jars.iter().filter(|(of, _)| *of == host || of.starts_with('.') && host.ends_with(*of));
        let pairs = jars.flat_map(|(_, jar)| jar).map(|(name, value)| format!("{name}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join("; ");
        if pairs.is_empty() { pairs } else { format!("Cookie: {pairs}\r\n") }
    }

    /// Asks a host: the first line without its version, and what comes after the headers that every request has.
    pub(crate) fn send(&mut self, host: &str, line: &str, rest: &str) -> Answer {
        let cookies = self.cookies(host);
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookies}{rest}");
        let answer = Answer::parse(&self.proxy.connect(host).exchange(request.as_bytes()));
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let domain =
                cookie.split("; Domain=").nth(1).map(|rest| format!(".{}", rest.split(';').next().unwrap()));
            assert!(domain.as_ref().is_none_or(|domain| host.ends_with(domain)), "{host}: {cookie}");
            let jar = self.jars.entry(domain.unwrap_or_else(|| host.to_owned())).or_default();
            jar.remove(name);
            if !value.is_empty() {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks the program, with these headers.
    pub(crate) fn asks(&mut self, line: &str, headers: &str) -> Answer {
        self.send(APP, line, &format!("{headers}\r\n"))
    }

    /// The same in a version of HTTP.
    pub(crate) fn asks_in(&mut self, version: &str, line: &str) -> Answer {
        let request = format!("{line} {version}\r\nHost: {APP}\r\n{}\r\n", self.cookies(APP));
        Answer::parse(&self.proxy.connect(APP).exchange(request.as_bytes()))
    }

    /// Sends the program something.
    pub(crate) fn posts_to_app(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        self.send(APP, &format!("POST {path}"), &format!("{headers}\r\n{body}"))
    }

    /// Goes there and no further.
    pub(crate) fn goes_straight_to(&mut self, host: &str, path: &str) -> Answer {
        self.send(host, &format!("GET {path}"), &format!("{NAVIGATES}\r\n"))
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

    /// Presses the portal's button for signing out, and answers the status.
    pub(crate) fn asks_to_sign_out(&mut self) -> u16 {
        self.sends_form("/logout", "").status
    }

    /// Sends the portal a form, and answers where that leads.
    pub(crate) fn posts(&mut self, path: &str, form: &str) -> String {
        let answer = self.sends_form(path, form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    fn sends_form(&mut self, path: &str, form: &str) -> Answer {
        let rest = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        self.send(PORTAL, &format!("POST {path}"), &rest)
    }

    /// Opens a WebSocket, and says something.
    pub(crate) fn opens_socket(&self) -> String {
        let head = format!(
            "GET /socket HTTP/1.1\r\nHost: {APP}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-Fetch-Mode: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {SOCKET_KEY}\r\n{}\r\n",
            self.cookies(APP)
        );
        self.proxy.connect(APP).converse(&head, PING)
    }

    /// Asks as it is written. Whether there is an answer does not matter: what arrives at the program does.
    pub(crate) fn asks_as_written(&self, line: &str, headers: &str, cookies: &str) {
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
