//! What it listens with: a socket that is open already, with a certificate where it speaks https itself.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{SocketAddr as SocketName, UnixListener};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Address, Handle, Server, from_tcp, from_unix};

use crate::tls::Tls;

/// How long a client may take to send its headers, and how long requests may take to end when we stop.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// All headers together may have this many bytes; more is answered with 431.
const HEADER_BYTES: usize = 32 * 1024;

/// A socket that is open, and the certificate that is shown on it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Listener { socket: Socket::Tcp(socket), tls: None }
    }
}

impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        Listener { socket: Socket::Unix(socket), tls: None }
    }
}

/// The other end of a socket in the file system. It has no address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbor;

impl Connected<SocketName> for Neighbor {
    fn connect_info(_: SocketName) -> Neighbor {
        Neighbor
    }
}

impl Listener {
    /// The same socket, speaking https.
    pub fn with_tls(self, tls: Option<Tls>) -> Listener {
        Listener { tls, ..self }
    }

    pub(crate) async fn serve(
        self,
        site: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let tls = self.tls.map(|tls| RustlsAcceptor::new(tls.config()));
        match self.socket {
            Socket::Tcp(socket) => {
                let site = site.into_make_service_with_connect_info::<SocketAddr>();
                let server = limited(from_tcp(socket)?, shutdown);
                match tls {
                    None => server.serve(site).await,
                    Some(tls) => server.acceptor(tls).serve(site).await,
                }
            }
            Socket::Unix(socket) => {
                let site = site.into_make_service_with_connect_info::<Neighbor>();
                let server = limited(from_unix(socket)?, shutdown);
                match tls {
                    None => server.serve(site).await,
                    Some(tls) => server.acceptor(tls).serve(site).await,
                }
            }
        }
    }
}

/// A server with its limits, which stops in order when `shutdown` resolves.
fn limited<A>(server: Server<A>, shutdown: impl Future<Output = ()> + Send + 'static) -> Server<A>
where
    A: Address + fmt::Debug + Send + 'static,
{
    let handle = Handle::<A>::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(Some(STOP_WITHIN));
        }
    });
    let mut server = server.handle(handle).first_request_timeout(HEADERS_WITHIN).http1_only();
    server = server.accept_error_handler(|peer, error| match peer {
        // Whoever scans the network fails to shake hands too.
        Some(peer) => tracing::debug!(?peer, %error, "no connection came of it"),
        None => tracing::warn!(%error, "cannot take connections"),
    });
    server.http_builder().http1().header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADER_BYTES);
    server
}
