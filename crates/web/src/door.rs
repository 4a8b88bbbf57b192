//! Where connections come in: each gets a place, or is sent away before a byte of it is read; and none may keep us waiting
//! with its answer.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use auth::{Config, Visit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::bounds;
use crate::crowd::{Crowd, Place};

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

    /// Lets a connection in, if there is a place for it.
    pub(crate) fn enter<I: Peer>(&self, stream: I) -> io::Result<(Guest<I>, Arc<Place>)> {
        let peer = stream.address().and_then(|address| Visit::counted_as(&self.config, address));
        let refused = || io::Error::new(ErrorKind::ConnectionRefused, "too many connections");
        let place = self.crowd.enter(peer).ok_or_else(refused)?;
        let silent = Box::pin(sleep(bounds::HEADERS_WITHIN));
        Ok((Guest { stream, place: place.clone(), silent, stalled: None }, place))
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

/// A connection with a place.
#[derive(Debug)]
pub(crate) struct Guest<I> {
    stream: I,
    place: Arc<Place>,
    /// Ends when headers may be due.
    silent: Pin<Box<Sleep>>,
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

    /// Gives up when the headers of a request take too long. The timer is wound up when it ends rather than for every request.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.silent.as_mut().poll(context).is_ready() {
            let (now, since) = (Instant::now(), self.place.awaits_head_since());
            let due = since.unwrap_or(now) + bounds::HEADERS_WITHIN;
            if due <= now {
                return Err(io::Error::new(ErrorKind::TimedOut, "the headers take too long"));
            }
            self.silent.as_mut().set(sleep_until(due));
        }
        Ok(())
    }

    /// Gives up when nothing could be sent for too long.
    fn sent<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let limit = self.stalled.get_or_insert_with(|| Box::pin(sleep(bounds::TAKE_WITHIN)));
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
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if read.is_pending() {
            self.in_time(context)?;
        }
        read
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
