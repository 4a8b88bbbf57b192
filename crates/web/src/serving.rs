//! Takes connections and speaks HTTP/1.1 on each, until it is told to stop; then it lets open requests end.
//!
//! No HTTP/2: what a login page would gain by it is less than its floods of frames cost.

use std::future::{Future, ready};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::bounds;
use crate::crowd::Place;
use crate::door::{Door, Guest, Peer};
use crate::extract::{Neighbor, OtherEnd};
use crate::lane::{Fork, Lane};
use crate::tls::Tls;

/// After the system could not give us a connection: it has no more files, as a rule.
const PAUSE: Duration = Duration::from_millis(500);

/// What all connections of a socket share.
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) tls: Option<Tls>,
    pub(crate) fork: Fork,
}

/// A socket that connections come from.
pub(crate) trait Source {
    type Stream: AsyncRead + AsyncWrite + Peer + Send + Unpin + 'static;
    type End: OtherEnd;

    fn take(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::End)>> + Send;
}

impl Source for TcpListener {
    type Stream = TcpStream;
    type End = SocketAddr;

    async fn take(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.accept().await?;
        // An answer is written in one piece, and nobody is to wait for the next.
        stream.set_nodelay(true)?;
        Ok((stream, address))
    }
}

impl Source for UnixListener {
    type Stream = UnixStream;
    type End = Neighbor;

    async fn take(&self) -> io::Result<(UnixStream, Neighbor)> {
        self.accept().await.map(|(stream, _)| (stream, Neighbor))
    }
}

/// Serves until `shutdown` resolves, and then until the last request is answered, or for some seconds.
pub(crate) async fn serve<S: Source>(source: S, house: House, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let taken = tokio::select! {
            () = &mut shutdown => break,
            taken = source.take() => taken,
            // Whoever has gone is forgotten.
            Some(_) = connections.join_next() => continue,
        };
        if house.admit::<S>(taken, &mut connections, &stopping).is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    // Who has connected by now was told by nobody that we stop: each has a moment to say something, and is answered.
    while let Some(taken) = at_once(source.take()).await {
        if house.admit::<S>(taken, &mut connections, &stopping).is_err() {
            break;
        }
    }
    drop(source);
    tokio::time::sleep(bounds::HEARS_WITHIN).await;
    drop(stop);
    // Whoever is left after that is cut off with the set.
    let _ = timeout(bounds::STOP_WITHIN, async { while connections.join_next().await.is_some() {} }).await;
}

/// What is there already.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        there = future => Some(there),
        () = ready(()) => None,
    }
}

impl House {
    /// Lets in whoever has come. An error is the system's, and not of one connection alone.
    fn admit<S: Source>(
        &self,
        taken: io::Result<(S::Stream, S::End)>,
        connections: &mut JoinSet<()>,
        stopping: &watch::Receiver<()>,
    ) -> io::Result<()> {
        let (stream, end) = match taken {
            Ok(taken) => taken,
            Err(error) if is_of_one(&error) => {
                tracing::debug!(%error, "no connection came of it");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take connections");
                return Err(error);
            }
        };
        match self.door.enter(stream) {
            Ok((guest, place)) => {
                let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
                let lane = self.fork.lane(end, place);
                connections.spawn(attend(guest, tls, lane, stopping.clone()));
            }
            Err(error) => tracing::debug!(%error, "a connection is turned away"),
        }
        Ok(())
    }
}

/// Whether it concerns the one connection alone, which was gone before we took it.
fn is_of_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::NotConnected
    )
}

/// One connection, from its first byte to its last.
async fn attend<I, P>(guest: Guest<I>, tls: Option<TlsAcceptor>, lane: Lane<P>, stopping: watch::Receiver<()>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: OtherEnd,
{
    let place: Arc<Place> = lane.place.clone();
    match tls {
        None => speak(guest, lane, stopping).await,
        Some(tls) => match timeout(bounds::HANDSHAKE_WITHIN, tls.accept(guest)).await {
            Ok(Ok(stream)) => {
                place.awaits_head();
                speak(stream, lane, stopping).await;
            }
            // Whoever scans the network fails to shake hands, too.
            Ok(Err(error)) => tracing::debug!(%error, "no connection came of it"),
            Err(_) => tracing::debug!("no connection came of it: the handshake took too long"),
        },
    }
}

async fn speak<I, P>(stream: I, lane: Lane<P>, mut stopping: watch::Receiver<()>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: OtherEnd,
{
    let mut http = http1::Builder::new();
    // How long headers may take is kept by the door, with one timer for a connection rather than one for a request.
    http.header_read_timeout(None);
    // The reader stops soon after so many bytes, not at them; `layers` counts what it has let through.
    http.max_headers(bounds::HEADERS).max_buf_size(bounds::HEADER_BYTES);
    let mut talk = pin!(http.serve_connection(TokioIo::new(stream), lane));
    let ended: Result<(), hyper::Error> = tokio::select! {
        biased;
        ended = &mut talk => ended,
        // It says nothing, and ends.
        _ = stopping.changed() => {
            talk.as_mut().graceful_shutdown();
            talk.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended before its time");
    }
}
