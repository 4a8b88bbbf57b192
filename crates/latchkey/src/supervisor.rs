//! What a supervisor such as systemd is told: that it serves, that it reads its certificate again, that it stops.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The socket that a supervisor listens on, if there is one.
#[derive(Clone)]
pub(crate) struct Supervisor {
    address: Option<SocketAddr>,
}

impl Supervisor {
    /// The one that started this process.
    pub(crate) fn found() -> Supervisor {
        let name = auth::config::supervisor_socket();
        let address = name.and_then(|name| match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest).ok(),
            [b'/', ..] => SocketAddr::from_pathname(&name).ok(),
            _ => None,
        });
        Supervisor { address }
    }

    /// It serves.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It reads its certificate again. To be followed by [`Supervisor::ready`].
    pub(crate) fn reloading(&self) {
        // `Type=notify-reload` tells an answer to its signal from an older one by this clock, and by no other.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// It takes no more connections.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Nobody may be listening, and then nobody misses it.
    fn tell(&self, what: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(what.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!(%error, "the supervisor cannot be told that {what}");
        }
    }
}
