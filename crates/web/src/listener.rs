//! What it listens with: a socket that is open already, with a certificate where it speaks https itself. Who comes in, and
//! who has to go, is in `door.rs` and `crowd.rs`.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{SocketAddr as SocketName, UnixListener};

use auth::App;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Address, Handle, Server, from_tcp, from_unix};

use crate::crowd::Crowd;
use crate::door::Door;
use crate::extract::Neighbor;
use crate::lane::Fork;
use crate::metrics::{self, Desk};
use crate::tls::Tls;
use crate::{Site, bounds, health};

/// A socket that is open, and the certificate that is shown on it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    tls: Option<Tls>,
    most: usize,
    metrics: Option<Box<Listener>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Listener::new(Socket::Tcp(socket))
    }
}

impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        Listener::new(Socket::Unix(socket))
    }
}

impl Listener {
    fn new(socket: Socket) -> Listener {
        Listener { socket, tls: None, most: bounds::CONNECTIONS, metrics: None }
    }

    /// The same socket, with another one on which the metrics are served and nothing else.
    pub fn with_metrics(self, metrics: Option<Listener>) -> Listener {
        Listener { metrics: metrics.map(Box::new), ..self }
    }

    /// The same socket, speaking https.
    pub fn with_tls(self, tls: Option<Tls>) -> Listener {
        Listener { tls, ..self }
    }

    /// The same socket in a process that may open so many files: fewer connections, if they are few.
    pub fn with_files(self, files: u64) -> Listener {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        // Better a few than none: who has waited longest makes way.
        let most = files.saturating_sub(bounds::FILES_OF_OURS).clamp(16, bounds::CONNECTIONS);
        Listener { most, ..self }
    }

    pub(crate) async fn serve(
        self,
        app: App,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (crowd, site) = (Crowd::new(self.most, bounds::CONNECTIONS_OF_ONE), Site::new(app));
        let door = Door::new(crowd.clone(), site.app.config.clone());
        let shutdown = health::leave(site.clone(), shutdown);
        let metrics = self.metrics.map(|metrics| {
            let desk = Desk { site: site.clone(), crowd };
            tokio::spawn(metrics.serve_metrics(desk))
        });
        let fork = Fork::new(site);
        let tls = self.tls.map(|tls| {
            let tls = RustlsAcceptor::new(tls.config()).handshake_timeout(bounds::HANDSHAKE_WITHIN);
            tls.acceptor(door.clone())
        });
        let served = match self.socket {
            Socket::Tcp(socket) => {
                let lanes = fork.lanes::<SocketAddr, SocketAddr>();
                let server = limited(from_tcp(socket)?, shutdown);
                match tls {
                    None => server.acceptor(door).serve(lanes).await,
                    Some(tls) => server.acceptor(tls).serve(lanes).await,
                }
            }
            Socket::Unix(socket) => {
                let lanes = fork.lanes::<SocketName, Neighbor>();
                let server = limited(from_unix(socket)?, shutdown);
                match tls {
                    None => server.acceptor(door).serve(lanes).await,
                    Some(tls) => server.acceptor(tls).serve(lanes).await,
                }
            }
        };
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        served
    }

    /// Serves the metrics and nothing else, also while the site stops.
    async fn serve_metrics(self, desk: Desk) {
        let most = bounds::CONNECTIONS_FOR_METRICS;
        let door = Door::new(Crowd::new(most, most), desk.site.app.config.clone());
        let routes = metrics::routes(desk).into_make_service();
        let served = match self.socket {
            Socket::Tcp(socket) => match from_tcp(socket) {
                Ok(server) => limited(server, pending()).acceptor(door).serve(routes).await,
                Err(error) => Err(error),
            },
            Socket::Unix(socket) => match from_unix(socket) {
                Ok(server) => limited(server, pending()).acceptor(door).serve(routes).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = served {
            tracing::error!(%error, "the metrics are not served any more");
        }
    }
}

/// A server with its limits, which stops in order when `shutdown` resolves.
fn limited<A>(
    server: Server<A>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Server<A, DefaultAcceptor>
where
    A: Address + fmt::Debug + Send + 'static,
{
    let handle = Handle::<A>::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(Some(bounds::STOP_WITHIN));
        }
    });
    // No HTTP/2: what a login page would gain by it is less than its floods of frames cost.
    let mut server = server.handle(handle).first_request_timeout(bounds::HEADERS_WITHIN).http1_only();
    server = server.accept_error_handler(|peer, error| match peer {
        // Whoever scans the network fails to shake hands too.
        Some(peer) => tracing::debug!(?peer, %error, "no connection came of it"),
        None => tracing::warn!(%error, "cannot take connections"),
    });
    let mut http = server.http_builder().http1();
    http.header_read_timeout(bounds::HEADERS_WITHIN);
    // The reader stops soon after so many bytes, not at them; `layers` counts what it has let through.
    http.max_headers(bounds::HEADERS).max_buf_size(bounds::HEADER_BYTES);
    server
}
