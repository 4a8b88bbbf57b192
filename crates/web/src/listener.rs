//! What it listens with: a socket that is open already, with a certificate where it speaks https itself. How connections are served
//! is in `serving.rs`; who comes in, and who has to go, in `door.rs` and `crowd.rs`.

use std::future::{Future, pending};
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use auth::App;

use crate::crowd::Crowd;
use crate::door::Door;
use crate::lane::Fork;
use crate::metrics::{self, Desk};
use crate::serving::{self, House};
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
        let shutdown = health::leave(site.clone(), shutdown);
        let metrics = self.metrics.map(|metrics| {
            let desk = Desk { site: site.clone(), crowd: crowd.clone() };
            tokio::spawn(metrics.serve_metrics(desk))
        });
        let door = Door::new(crowd, site.app.config.clone());
        let house = House { door, tls: self.tls, fork: Fork::new(site) };
        let served = self.socket.serve(house, shutdown).await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        served
    }

    /// Serves the metrics and nothing else, also while the site stops.
    async fn serve_metrics(self, desk: Desk) {
        let most = bounds::CONNECTIONS_FOR_METRICS;
        let door = Door::new(Crowd::new(most, most), desk.site.app.config.clone());
        let house = House { door, tls: None, fork: Fork::of_pages(metrics::routes(desk)) };
        if let Err(error) = self.socket.serve(house, pending()).await {
            tracing::error!(%error, "the metrics are not served any more");
        }
    }
}

impl Socket {
    async fn serve(self, house: House, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                serving::serve(tokio::net::TcpListener::from_std(socket)?, house, shutdown).await;
            }
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                serving::serve(tokio::net::UnixListener::from_std(socket)?, house, shutdown).await;
            }
        }
        Ok(())
    }
}
