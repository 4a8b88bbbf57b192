//! What somebody asks for, as the proxy in front of a program tells it. Whoever asks has written most of it, so whatever can be
//! read in two ways is refused, or held to the stricter of them.

use std::fmt;
use std::net::IpAddr;

use super::host::Host;
use super::path::Path;

/// Letters that a method may have.
const LONGEST_METHOD: usize = 20;
/// Bytes that a query may have.
const LONGEST_QUERY: usize = 16_384;

/// What somebody asks for, in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    https: bool,
    pub(super) host: Host,
    /// `None` where it is the usual one.
    port: Option<u16>,
    pub(super) path: Path,
    query: Option<String>,
    method: String,
    /// Whose browser it is, as far as trusted proxies say.
    pub(super) address: Option<IpAddr>,
}

/// A request of which it is not clear what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// `host`, `scheme`, `path`, `method` or `url`.
    pub part: &'static str,
    /// Why, without a word of what was sent.
    pub why: &'static str,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is not clear: {}", self.part, self.why)
    }
}

impl std::error::Error for Unclear {}

fn unclear(part: &'static str) -> impl Fn(&'static str) -> Unclear {
    move |why| Unclear { part, why }
}

impl Target {
    /// From one absolute URL, as nginx sends it in `X-Original-URL`, and the method.
    pub fn of_url(method: &str, url: &str, address: Option<IpAddr>) -> Result<Target, Unclear> {
        let wrong = unclear("url");
        let (scheme, rest) =
            url.split_once("://").ok_or(wrong("it is not absolute, with https:// before it"))?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (host, uri) = rest.split_at(end);
        Target::of_parts(method, scheme, host, if uri.is_empty() { "/" } else { uri }, address)
    }

    /// From what Traefik, Caddy and HAProxy send apart: method, scheme, host with a port if need be, and path with query.
    pub fn of_parts(
        method: &str,
        proto: &str,
        host: &str,
        uri: &str,
        address: Option<IpAddr>,
    ) -> Result<Target, Unclear> {
        if !is_method(method) {
            return Err(unclear("method")("it is 1 to 20 upper-case letters"));
        }
        let https = match proto {
            "https" => true,
            "http" => false,
            _ => return Err(unclear("scheme")("it is neither https nor http")),
        };
        let (host, port) = Host::with_port(host).map_err(unclear("host"))?;
        if !https && !host.is_loopback() {
            return Err(unclear("scheme")("it is plain http, and what is behind a sign-in wants https"));
        }
        let (raw, query) = uri.split_once('?').map_or((uri, None), |(raw, query)| (raw, Some(query)));
        let path = Path::parse(raw).map_err(unclear("path"))?;
        let plain = |query: &str| query.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if query.is_some_and(|query| query.len() > LONGEST_QUERY || !plain(query)) {
            return Err(unclear("url")("its query is too long, or has a character that browsers encode"));
        }
        Ok(Target {
            https,
            host,
            port: port.filter(|port| *port != if https { 443 } else { 80 }),
            path,
            query: query.map(str::to_owned),
            method: method.to_owned(),
            address: address.map(|ip| ip.to_canonical()),
        })
    }

    /// Scheme, host and port, as browsers write it: `https://app.example.org`, with `:8443` where that is the port.
    pub fn origin(&self) -> String {
        let mut origin = String::with_capacity(self.host.text().len() + 16);
        origin.push_str(if self.https { "https://" } else { "http://" });
        origin.push_str(self.host.text());
        if let Some(port) = self.port {
            origin.push_str(&format!(":{port}"));
        }
        origin
    }

    /// The host: lower case, no dot at its end, no port.
    pub fn host(&self) -> &str {
        self.host.text()
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.path.raw()
    }

    /// The path in its one spelling: decoded once, without parameters and double slashes. For people, not for a redirect.
    pub fn canonical_path(&self) -> &str {
        self.path.canonical()
    }

    /// What a browser would ask again: the origin, the path as it was sent, and the query.
    pub fn url(&self) -> String {
        let query = self.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
        format!("{}{}{query}", self.origin(), self.path.raw())
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The client's address, where it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

/// Whether it is a method: methods are told apart by case, and those there are have upper-case letters.
pub(super) fn is_method(text: &str) -> bool {
    (1..=LONGEST_METHOD).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> Result<Target, Unclear> {
        Target::of_url("GET", url, None)
    }

    #[test]
    fn a_target_is_told_in_one_piece_or_in_four() {
        let target = url("https://App.Example.org:443/a%20b/?q=1&next=//x").unwrap();
        let parts = Target::of_parts("GET", "https", "app.example.org.", "/a%20b/?q=1&next=//x", None);
        assert_eq!(parts.as_ref(), Ok(&target));
        assert_eq!(
            (target.origin().as_str(), target.host(), target.path(), target.canonical_path()),
            ("https://app.example.org", "app.example.org", "/a%20b/", "/a b/")
        );
        assert_eq!(target.url(), "https://app.example.org/a%20b/?q=1&next=//x");
        assert!(target.is_https() && target.method() == "GET");
        assert_eq!(url("https://app.example.org").unwrap().url(), "https://app.example.org/");
        assert_eq!(url("https://app.example.org:8443/?").unwrap().url(), "https://app.example.org:8443/?");
        assert_eq!(url("http://[::1]:80/").unwrap().origin(), "http://[::1]");
        assert_eq!(url("https://[2001:DB8::0:1]/").unwrap().origin(), "https://[2001:db8::1]");
    }

    #[test]
    fn what_is_not_clear_says_which_part_and_repeats_nothing() {
        let part = |refused: Result<Target, Unclear>| {
            let unclear = refused.unwrap_err();
            assert!(!unclear.to_string().contains("hunter2"), "{unclear}");
            unclear.part
        };
        for (text, expected) in [
            ("hunter2", "url"),
            ("/hunter2", "url"),
            ("https:/app.example.org/", "url"),
            ("//app.example.org/", "url"),
            ("ftp://hunter2/", "scheme"),
            ("HTTPS://app.example.org/", "scheme"),
            ("javascript://app.example.org/%0ahunter2", "scheme"),
            ("http://app.example.org/", "scheme"),
            ("http://localhost.evil.example/", "scheme"),
            ("https:///hunter2", "host"),
            ("https://ada:hunter2@app.example.org/", "host"),
            ("https://app.example.org:hunter2/", "host"),
            ("https://app.example.org\\@hunter2/", "path"),
            ("https://app.example.org?q=hunter2", "path"),
            ("https://app.example.org#hunter2", "path"),
            ("https://app.example.org/../hunter2", "path"),
            ("https://app.example.org/#hunter2", "path"),
            ("https://app.example.org/?q=hunter2#x", "url"),
            ("https://app.example.org/?q=hunter2 x", "url"),
            ("https://app.example.org/?q=hunter2\r\nx: y", "url"),
            ("https://app.example.org/?q=hünter2", "url"),
        ] {
            assert_eq!(part(url(text)), expected, "{text:?}");
        }
        let parts = |method, proto, host, uri| part(Target::of_parts(method, proto, host, uri, None));
        for method in ["", "get", "G T", "GET\r\n", "GET,POST", "hunter2", "ABCDEFGHIJKLMNOPQRSTU"] {
            assert_eq!(parts(method, "https", "app.example.org", "/"), "method", "{method:?}");
        }
        for proto in ["", "https,http", "HTTPS", "https ", "wss", "hunter2"] {
            assert_eq!(parts("GET", proto, "app.example.org", "/"), "scheme", "{proto:?}");
        }
        for uri in ["", "*", "hunter2", "http://app.example.org/hunter2", "https://x", "?x", "/#hunter2"] {
            assert_eq!(parts("GET", "https", "app.example.org", uri), "path", "{uri:?}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for own in ["http://localhost:9000/", "http://app.localhost/", "http://127.0.0.1/", "http://[::1]/"] {
            assert!(!url(own).unwrap().is_https());
        }
        assert_eq!(url("http://10.0.0.1/").unwrap_err().part, "scheme");
    }
}
