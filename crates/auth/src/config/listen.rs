//! Where a server listens: an address and a port, or a socket in the file system.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What begins the name of a socket in the file system.
const SOCKET: &str = "unix:";

/// Linux keeps the path of a socket in 108 bytes, one of which ends it.
const LONGEST_PATH: usize = 107;

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address of this machine, and a port.
    Address(SocketAddr),
    /// A socket in the file system, for a proxy on the same machine.
    Socket(PathBuf),
}

impl Listen {
    /// Whether only this machine reaches it. A socket is there for a proxy, which may be reached from anywhere.
    pub fn is_loopback(&self) -> bool {
        matches!(self, Listen::Address(address) if address.ip().is_loopback())
    }

    /// The port, where there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Listen::Address(address) => Some(address.port()),
            Listen::Socket(_) => None,
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Listen::Address(address)
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix(SOCKET) else {
            let wrong =
                "write an address and a port, such as 127.0.0.1:8080, or unix:/run/latchkey/latchkey.sock";
            return text.parse().map(Listen::Address).map_err(|_| wrong.to_owned());
        };
        if !path.starts_with('/') {
            return Err("write the whole path of the socket, such as unix:/run/latchkey/latchkey.sock".into());
        }
        if path.len() > LONGEST_PATH || path.ends_with('/') || path.contains('\0') {
            return Err(format!("write the path of a file with at most {LONGEST_PATH} bytes after unix:"));
        }
        Ok(Listen::Socket(path.into()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Address(address) => address.fmt(f),
            Listen::Socket(path) => write!(f, "{SOCKET}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_address_with_a_port_or_a_whole_path() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/latchkey/latchkey.sock"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "x".repeat(107));
        for wrong in ["8080", "localhost:8080", "", "unix:", "unix:run/x.sock", "unix:/run/", long.as_str()] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_loopback_address_is_this_machine_alone() {
        let alone = |text: &str| text.parse::<Listen>().unwrap().is_loopback();
        assert!(alone("127.0.0.1:80") && alone("[::1]:80"));
        assert!(!alone("0.0.0.0:80") && !alone("unix:/run/latchkey.sock"));
    }
}
