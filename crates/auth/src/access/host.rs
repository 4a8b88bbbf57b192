//! Hosts in their one spelling, and the patterns by which rules name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::is_loopback_host;

/// Bytes that a name may have in the domain name system.
const LONGEST: usize = 253;
/// Bytes of one label.
const LONGEST_LABEL: usize = 63;
/// What begins a pattern for every name below another.
const BELOW: &str = "*.";

/// A host in its one spelling: lower case, no dot at the end, no port. An IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host(String);

impl Host {
    /// Reads a host without a port.
    pub(crate) fn parse(text: &str) -> Result<Host, &'static str> {
        if let Some(inside) = text.strip_prefix('[') {
            let ip = inside.strip_suffix(']').and_then(|ip| ip.parse::<Ipv6Addr>().ok());
            let ip = ip.ok_or("what stands in brackets is no IPv6 address")?;
            return Ok(Host(format!("[{ip}]")));
        }
        if !text.is_ascii() {
            return Err(
                "it has letters beyond ASCII: browsers send such a name in another form, which begins with xn--",
            );
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err("it is empty");
        }
        if name.len() > LONGEST {
            return Err("it is longer than a name can be");
        }
        if !name.split('.').all(is_label) {
            return Err("a host is made of letters, digits, hyphens and dots");
        }
        // Browsers take a name that ends in a number for an IPv4 address, and read 0x7f.1 as one.
        if name.rsplit('.').next().is_some_and(is_number) && name.parse::<Ipv4Addr>().is_err() {
            return Err("it ends in a number, and is no IPv4 address in its usual form");
        }
        Ok(Host(name))
    }

    /// Reads a host, and the port that may follow it.
    pub(crate) fn with_port(text: &str) -> Result<(Host, Option<u16>), &'static str> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        Ok((Host::parse(host)?, port.map(parse_port).transpose()?))
    }

    /// As browsers write it.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is this machine, by address or by one of the names that never leave it.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback_host(&self.0) || self.0.ends_with(".localhost")
    }

    fn is_address(&self) -> bool {
        self.0.starts_with('[') || self.0.parse::<IpAddr>().is_ok()
    }
}

/// Some programs are reached by names with an underscore, though no such name can be registered.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    plain && (1..=LONGEST_LABEL).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_number(label: &str) -> bool {
    let hexadecimal =
        label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|b| b.is_ascii_digit())
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    // `parse` alone would take a sign, and zeros in front.
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let port = plain.then(|| text.parse().ok()).flatten();
    port.ok_or("a port is a number from 1 to 65535")
}

/// Hosts that a rule is for: one, or all below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    host: Host,
    below: bool,
}

impl Hosts {
    /// Reads `app.example.org`, or `*.example.org` for every host below that, however deep, and not that host itself.
    pub(crate) fn parse(text: &str) -> Result<Hosts, &'static str> {
        let (below, name) = match text.strip_prefix(BELOW) {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err("a star stands only at the beginning, as in *.example.org");
        }
        if name.contains("//") {
            return Err("write the host alone, without https://");
        }
        if Host::parse(name).is_err() && Host::with_port(name).is_ok() {
            return Err("write the host without a port: a rule holds on all of them");
        }
        let host = Host::parse(name)?;
        if below && host.is_address() {
            return Err("nothing is below an address");
        }
        Ok(Hosts { host, below })
    }

    /// The same in its one spelling; `None` for what is none.
    pub(crate) fn canonical(text: &str) -> Option<String> {
        Hosts::parse(text).ok().map(|hosts| hosts.to_string())
    }

    /// Whether `host` is one of those that `text` names. What cannot be read names none.
    pub(crate) fn name(text: &str, host: &str) -> bool {
        Hosts::parse(text).ok().zip(Host::parse(host).ok()).is_some_and(|(hosts, host)| hosts.contain(&host))
    }

    /// Whether a host is one of them.
    pub(crate) fn contain(&self, host: &Host) -> bool {
        if !self.below {
            return self.host == *host;
        }
        let before = host.text().strip_suffix(self.host.text());
        before.and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { BELOW } else { "" }, self.host.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, expected, port) in [
            ("app.example.org", "app.example.org", None),
            ("APP.Example.ORG", "app.example.org", None),
            ("app.example.org.", "app.example.org", None),
            ("app.example.org.:8443", "app.example.org", Some(8443)),
            ("app.example.org:443", "app.example.org", Some(443)),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", None),
            ("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example", None),
            ("my_app.internal", "my_app.internal", None),
            ("localhost:8080", "localhost", Some(8080)),
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1.:80", "192.0.2.1", Some(80)),
            ("[2001:DB8:0:0::1]:8443", "[2001:db8::1]", Some(8443)),
            ("[::1]", "[::1]", None),
        ] {
            let (host, found) = Host::with_port(text).unwrap();
            assert_eq!((host.text(), found), (expected, port), "{text}");
            assert_eq!(Host::parse(host.text()).as_ref(), Ok(&host), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = format!("{}.org", "a.".repeat(130));
        let long_label = format!("{}.org", "a".repeat(64));
        for text in [
            "",
            ".",
            "..",
            "app.example.org..",
            ".app.example.org",
            "app..example.org",
            "app.example.org:",
            "app.example.org:0",
            "app.example.org:0443",
            "app.example.org:+443",
            "app.example.org:65536",
            "app.example.org:443:443",
            "app.example.org:443x",
            "app.example.org@evil.example",
            "ada:secret@app.example.org",
            "app.example.org/",
            "app.example.org\\",
            "app.example.org#",
            "app.example.org?",
            "app.example.org, evil.example",
            " app.example.org",
            "app.example.org ",
            "app.example.org\t",
            "app.example.org\r\nx",
            "app.example.org\0",
            "app%2eexample.org",
            "app.example.org%00",
            "-app.example.org",
            "app-.example.org",
            "münchen.example",
            "app。example.org",
            "ａpp.example.org",
            "*.example.org",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "app.example.0",
            "[::1",
            "::1]",
            "::1",
            "[fe80::1%25eth0]",
            "[::1]x",
            "[::1]:",
            "[app.example.org]",
            "https://app.example.org",
            long.as_str(),
            long_label.as_str(),
        ] {
            assert!(Host::with_port(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_star_is_for_everything_below_and_not_for_the_name_itself() {
        let contain =
            |pattern: &str, host: &str| Hosts::parse(pattern).unwrap().contain(&Host::parse(host).unwrap());
        assert!(contain("*.Example.org", "app.example.org") && contain("*.example.org", "a.b.example.org"));
        assert!(contain("app.example.org.", "app.example.org"));
        for (pattern, host) in [
            ("*.example.org", "example.org"),
            ("*.example.org", "evilexample.org"),
            ("*.example.org", "app.example.org.evil.example"),
            ("app.example.org", "x.app.example.org"),
            ("app.example.org", "app.example.or"),
        ] {
            assert!(!contain(pattern, host), "{pattern} and {host}");
        }
        for wrong in [
            "*",
            "*.",
            "",
            "a.*.org",
            "app.*",
            "*.*.org",
            "*app.example.org",
            "*.127.0.0.1",
            "*.[::1]",
            "a:443",
        ] {
            assert!(Hosts::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_this_machine_are_loopback_and_names_like_them_are_not() {
        let is = |text: &str| Host::parse(text).unwrap().is_loopback();
        assert!(is("localhost") && is("app.localhost") && is("127.0.0.1") && is("127.8.8.8") && is("[::1]"));
        assert!(!is("localhost.evil.example") && !is("evillocalhost") && !is("10.0.0.1") && !is("[::2]"));
    }
}
