//! What settings are made of: a public URL, a network, who may register, what a sign-in asks for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// How browsers reach us: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    host: String,
    port: Option<u16>,
}

impl PublicUrl {
    /// `http://localhost:PORT`.
    pub fn loopback(port: u16) -> PublicUrl {
        PublicUrl::localhost(false, Some(port))
    }

    /// `http://localhost:PORT`, or the same with https.
    pub(crate) fn localhost(https: bool, port: Option<u16>) -> PublicUrl {
        let port = port.filter(|port| *port != if https { 443 } else { 80 });
        PublicUrl { https, host: "localhost".into(), port }
    }

    /// Scheme, host and port, as browsers write it in `Origin`: lower case, no default port, no slash.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority())
    }

    /// Host and port, as browsers write it in `Host`.
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it is the usual one.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether a `Host` header, in lower case, is ours. While the address is this machine's, all its names are, on any
    /// port, since tunnels change that.
    pub fn is_reached_as(&self, host: &str) -> bool {
        let usual = if self.https { ":443" } else { ":80" };
        if host.strip_suffix(usual).unwrap_or(host) == self.authority() {
            return true;
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (host, "0"),
        };
        self.is_loopback()
            && ["localhost", "127.0.0.1", "[::1]"].contains(&name)
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
    }

    /// Whether it names this machine only.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }
}

/// Whether a host, as a `Host` header writes it without its port, is this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "write a scheme and a host, and a port if need be, such as https://login.example.org".to_owned()
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        if rest.contains('/') {
            return Err("Latchkey lives at the root of a host: write the address without a path".into());
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(digits::<u16>(port).ok_or_else(wrong)?))
            }
            _ => (rest.as_str(), None),
        };
        let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let ip = bracketed.and_then(|host| host.parse::<Ipv6Addr>().ok());
        if !named && ip.is_none() {
            return Err(wrong());
        }
        // Browsers write an address in one way, whatever its zeros were here.
        let host = ip.map_or_else(|| host.to_owned(), |ip| format!("[{ip}]"));
        let port = port.filter(|port| *port != if https { 443 } else { 80 });
        Ok(PublicUrl { https, host, port })
    }
}

/// A domain with hosts below it, such as `example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// Whether a host, in lower case, is this domain or below it.
    pub fn covers(&self, host: &str) -> bool {
        host.strip_suffix(self.0.as_str()).is_some_and(|below| below.is_empty() || below.ends_with('.'))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let domain = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // The last label of a domain is never a number, and of an address always.
        let is_name = domain.rsplit('.').next().is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
        if domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label) && is_name {
            Ok(Domain(domain))
        } else {
            Err("write the domain that the programs and Latchkey share, such as example.org".into())
        }
    }
}

/// A number in digits and nothing else: `parse` alone would take a sign too.
fn digits<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A network, such as `10.0.0.0/8` or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether the address is in it. An IPv4 address in IPv6 form counts as what it is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                u32::from(base) & mask == u32::from(ip) & mask
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                u128::from(base) & mask == u128::from(ip) & mask
            }
            _ => false,
        }
    }

    /// Whether every address of its kind is in it.
    pub fn is_everybody(&self) -> bool {
        self.bits == 0
    }

    /// Whether an address can be a proxy next door: loopback, private, link-local or unique local.
    pub(crate) fn is_private(ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no network: write one such as 10.0.0.0/8 or fd00::/8, or an address");
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(digits::<u32>(bits).ok_or_else(wrong)?)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        // An IPv4 address in IPv6 form counts as what it is, here as in `contains`; else nobody would ever be in its network.
        match (base.to_canonical(), base) {
            (IpAddr::V4(four), IpAddr::V6(_)) if (96..=128).contains(&bits) => {
                Ok(Network { base: four.into(), bits: bits - 96 })
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => Err(wrong()),
            _ if bits > most => Err(wrong()),
            _ => Ok(Network { base, bits }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody who reaches the page.
    Open,
    /// Nobody without a one-time link.
    Closed,
}

impl FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Registration::Open),
            "closed" => Ok(Registration::Closed),
            "invite" => Err(
                "invitations are not built yet: write `closed`, and let people in with `latchkey user add`"
                    .into(),
            ),
            _ => Err("write open or closed".into()),
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Registration::Open => "open",
            Registration::Closed => "closed",
        })
    }
}

/// What a sign-in asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    /// A password, then a code.
    PasswordAndCode,
    /// A code, with the name; of administrators the password, too.
    Code,
}

impl FromStr for Factors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "password+code" => Ok(Factors::PasswordAndCode),
            "code" => Ok(Factors::Code),
            _ => Err("write password+code or code".into()),
        }
    }
}

impl fmt::Display for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Factors::PasswordAndCode => "password+code",
            Factors::Code => "code",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host_and_nothing_else() {
        let url: PublicUrl = "HTTPS://Login.Example.org:443/".replace("HTTPS", "https").parse().unwrap();
        assert_eq!(
            (url.origin(), url.authority()),
            ("https://login.example.org".into(), "login.example.org".into())
        );
        assert_eq!("http://[::1]:8080".parse::<PublicUrl>().unwrap().authority(), "[::1]:8080");
        assert_eq!("https://[2001:DB8:0:0::1]".parse::<PublicUrl>().unwrap().host(), "[2001:db8::1]");
        assert!("http://127.0.0.1".parse::<PublicUrl>().unwrap().is_loopback());
        for wrong in [
            "login.example.org",
            "ftp://x",
            "https://",
            "https://x/y",
            "https://a b",
            "https://x:99999",
            "https://[x]",
            "https://x:+443",
        ] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_our_own_names_reach_us() {
        let public: PublicUrl = "https://login.example.org".parse().unwrap();
        assert!(public.is_reached_as("login.example.org") && public.is_reached_as("login.example.org:443"));
        for other in
            ["evil.example", "login.example.org:8443", "login.example.org.evil.example", "localhost", ""]
        {
            assert!(!public.is_reached_as(other), "{other}");
        }
        let local = PublicUrl::loopback(8080);
        for name in ["localhost:8080", "127.0.0.1:9000", "[::1]:8080", "localhost", "127.0.0.1"] {
            assert!(local.is_reached_as(name), "{name}");
        }
        for other in
            ["localhost.evil.example", "127.0.0.2", "evil", "localhost:x", "localhost:", ":8080", "[::1"]
        {
            assert!(!local.is_reached_as(other), "{other}");
        }
    }

    #[test]
    fn a_network_knows_what_is_in_it() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(
            network.contains("10.255.0.1".parse().unwrap())
                && network.contains("::ffff:10.0.0.1".parse().unwrap())
        );
        assert!(
            !network.contains("11.0.0.1".parse().unwrap()) && !network.contains("fd00::1".parse().unwrap())
        );
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!("fd00::/8".parse::<Network>().unwrap().contains("fd12::1".parse().unwrap()));
        let mapped: Network = "::ffff:10.0.0.0/104".parse().unwrap();
        assert_eq!(mapped, network);
        for wrong in ["::ffff:10.0.0.0/95", "10.0.0.0/33", "x", "10.0.0.0/-1", "10.0.0.0/+8", "localhost"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
