//! Whom to attack: an address on this machine, and nothing else. What is sent there is in `browser.rs`.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};

/// A server on this machine: where it listens, and the name it is asked by.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Where every byte goes.
    pub(crate) address: SocketAddr,
    /// What stands in `Host`.
    pub(crate) host: String,
}

impl Site {
    /// A server of our own.
    pub(crate) fn local(address: SocketAddr) -> Site {
        Site { address, host: format!("localhost:{}", address.port()) }
    }

    /// The server behind `http://HOST:PORT`, if every address of that host is this machine. It is resolved here and never
    /// again, so no later answer of a name server leads elsewhere.
    pub(crate) fn parse(url: &str, host: Option<&str>) -> Result<Site> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url:?}: write http://ADDRESS:PORT, the address that it listens on, on this machine");
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |c: char| c.is_ascii_alphanumeric() || "[]:.-".contains(c);
        if authority.is_empty() || !authority.chars().all(plain) {
            bail!("{url:?}: only an address or a name and a port may stand there, and no path");
        }
        let with_port = match authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
            _ => format!("{authority}:80"),
        };
        let addresses: Vec<SocketAddr> =
            with_port.to_socket_addrs().with_context(|| format!("looking for {authority}"))?.collect();
        let Some(first) = addresses.first() else { bail!("{authority} has no address") };
        if let Some(other) = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
            bail!(
                "{authority} is {}, which is not this machine. An attack on somebody else's is not what this is for: run it where \
                 the server runs, on 127.0.0.1 or [::1].",
                other.ip()
            );
        }
        let host = host.unwrap_or(authority);
        if host.is_empty() || !host.chars().all(plain) {
            bail!("{host:?} cannot stand in a Host header");
        }
        Ok(Site { address: *first, host: host.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn this_machine_may_be_attacked() {
        for url in [
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/",
            "http://127.9.8.7:1",
            "http://[::1]:8080",
            "http://[::ffff:127.0.0.1]:8080",
            "http://localhost:8080",
        ] {
            assert!(Site::parse(url, None).unwrap().address.ip().to_canonical().is_loopback(), "{url}");
        }
        let named = Site::parse("http://127.0.0.1:8080", Some("login.example.org")).unwrap();
        assert_eq!((named.host.as_str(), named.address.port()), ("login.example.org", 8080));
    }

    #[test]
    fn nothing_else_may_be_attacked_however_it_is_written() {
        for url in [
            "http://192.0.2.1:8080",
            "http://10.0.0.1",
            "http://0.0.0.0:8080",
            "http://[::]:8080",
            "http://[2001:db8::1]:80",
            "http://[::ffff:192.0.2.1]:80",
            "http://169.254.169.254/",
            // Who is meant by these depends on who reads them.
            "http://127.0.0.1@192.0.2.1:8080",
            "http://localhost:80@192.0.2.1",
            "http://127.0.0.1:8080#@192.0.2.1",
            "http://127.0.0.1:8080?@192.0.2.1",
            "http://127.0.0.1\\@192.0.2.1",
            "http://127.0.0.1:8080/login",
            "http://127.0.0.1 192.0.2.1:80",
            "http://127.0.0.1%00.192.0.2.1",
            "http://192.0.2.1#127.0.0.1",
            "http://3221225985:80",
            "http://",
            "https://127.0.0.1:8080",
            "//127.0.0.1:8080",
            "127.0.0.1:8080",
        ] {
            assert!(Site::parse(url, None).is_err(), "{url}");
        }
        for host in ["", "x\r\nHost: y", "a b", "user@host"] {
            assert!(Site::parse("http://127.0.0.1:8080", Some(host)).is_err(), "{host:?}");
        }
    }
}
