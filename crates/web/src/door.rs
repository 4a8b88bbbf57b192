//! Where connections come in: each gets a place, or is sent away before a byte of it is read; and none may keep us waiting
//! with its answer.

use std::future::{Ready, ready};
use std::io::{self, ErrorKind, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use auth::{Config, Visit};
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Sleep;

use crate::bounds;
use crate::crowd::{Crowd, Place, Seated};

/// Lets in whom there is room for.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    crowd: Crowd,
    config: Arc<Config>,
}

impl Door {
    pub(crate) fn new(crowd: Crowd, config: Arc<Config>) -> Door {
        Door { crowd, config }
    }
}

/// The other end of a connection.
pub(crate) trait Peer {
    /// Its address, if it has one.
    fn address(&self) -> Option<IpAddr>;
}

impl Peer for TcpStream {
    fn address(&self) -> Option<IpAddr> {
        self.peer_addr().ok().map(|peer| peer.ip())
    }
}

impl Peer for UnixStream {
    fn address(&self) -> Option<IpAddr> {
        None
    }
}

impl<I: Peer, S> Accept<I, S> for Door {
    type Stream = Guest<I>;
    type Service = Seated<S>;
    type Future = Ready<io::Result<(Guest<I>, Seated<S>)>>;

    fn accept(&self, stream: I, site: S) -> Self::Future {
        let peer = stream.address().and_then(|address| Visit::counted_as(&self.config, address));
        ready(match self.crowd.enter(peer) {
            Some(place) => {
                let seated = Seated { inner: site, place: place.clone() };
                Ok((Guest { stream, place, stalled: None }, seated))
            }
            None => Err(io::Error::new(ErrorKind::ConnectionRefused, "too many connections")),
        })
    }
}

/// A connection with a place.
#[derive(Debug)]
pub(crate) struct Guest<I> {
    stream: I,
    place: Arc<Place>,
    /// Runs while the other end takes nothing of what we send.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<I: Unpin> Guest<I> {
    fn stays(&self, context: &Context<'_>) -> io::Result<()> {
        match self.place.must_go(context) {
            true => Err(io::Error::new(ErrorKind::ConnectionAborted, "made way for another connection")),
            false => Ok(()),
        }
    }

    /// Gives up when nothing could be sent for too long.
    fn sent<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let limit = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(bounds::TAKE_WITHIN)));
        match limit.as_mut().poll(context) {
            Poll::Ready(()) => {
                Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the answer is not taken")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guest<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stays(context)?;
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

// Who asks hears that it does not write in pieces: an answer is put together first, since copying it takes less than the other call.
// TLS does not ask, and has to get its alerts out in one call.
impl<I: AsyncWrite + Unpin> AsyncWrite for Guest<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stays(context)?;
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stays(context)?;
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.sent(context, sent)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.sent(context, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.sent(context, sent)
    }
}
