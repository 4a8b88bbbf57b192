//! A browser as small as can be: HTTP/1.1 by hand over a socket, forms, and a jar for cookies.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Fails unless it is a 303 to `path`.
    #[track_caller]
    pub(crate) fn lands_on(&self, path: &str) {
        assert_eq!((self.status, self.header("location")), (303, Some(path)), "{}", self.body);
    }

    /// Fails unless it is a page with this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    /// Reads an answer to its end.
    pub(crate) fn read(stream: &mut TcpStream) -> Answer {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&String::from_utf8_lossy(&bytes))
    }

    /// An answer from its text.
    pub(crate) fn parse(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap_or_else(|| panic!("an answer: {text:?}"));
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Answer { status: status.parse().unwrap(), headers, body: body.to_owned() }
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    /// How it calls the server, where that is not the port of the address.
    host: Option<String>,
    cookies: BTreeMap<String, String>,
    /// The value of every cookie that it ever got.
    pub(crate) tokens: Vec<String>,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Browser {
        Browser { address, host: None, cookies: BTreeMap::new(), tokens: Vec::new() }
    }

    /// One that calls the server by this name and port.
    pub(crate) fn under(address: SocketAddr, host: &str) -> Browser {
        Browser { host: Some(host.to_owned()), ..Browser::new(address) }
    }

    /// A cookie that it never got from the server.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// What a cookie holds.
    pub(crate) fn cookie(&self, name: &str) -> &str {
        &self.cookies[name]
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers()))
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={}", percent(v))).collect();
        self.send(&self.form(path, &fields.join("&")))
    }

    /// A form as it goes over the wire.
    pub(crate) fn form(&self, path: &str, body: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.headers(),
            body.len()
        )
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn send(&mut self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let answer = Answer::read(&mut stream);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
                self.tokens.push(value.to_owned());
            }
        }
        answer
    }

    fn headers(&self) -> String {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let host = self.host.clone().unwrap_or_else(|| format!("localhost:{}", self.address.port()));
        format!("Host: {host}\r\nConnection: close\r\n{cookies}")
    }
}

/// Every byte that may mean something in a form, escaped.
pub(crate) fn percent(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
