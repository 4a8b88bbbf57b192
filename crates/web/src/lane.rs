//! Where the ways of requests part. What a proxy asks before every request to a program goes straight to `forward_auth`: the routes
//! and layers of the pages would take longer than the answer. Everything else goes there.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::Request;
use axum::response::Response;
use tower::{BoxError, Service, service_fn};

use crate::extract::OtherEnd;
use crate::forward_auth;
use crate::forwarded::At;
use crate::{Site, routes};

/// The site, for all connections of a listener.
#[derive(Clone)]
pub(crate) struct Fork {
    site: Site,
    pages: Router,
}

impl Fork {
    pub(crate) fn new(site: Site) -> Fork {
        Fork { pages: routes::router(site.clone()), site }
    }

    /// Makes a lane for each connection, with what is known of the other end.
    pub(crate) fn lanes<A, P: Connected<A> + OtherEnd>(
        self,
    ) -> impl Service<A, Response = Lane<P>, Error = Infallible, Future = Ready<Result<Lane<P>, Infallible>>>
    {
        service_fn(move |address| ready(Ok(Lane { fork: self.clone(), peer: P::connect_info(address) })))
    }
}

/// The site, for one connection.
#[derive(Clone)]
pub(crate) struct Lane<P> {
    fork: Fork,
    peer: P,
}

impl<P, B> Service<Request<B>> for Lane<P>
where
    P: OtherEnd,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(at) = At::of(request.uri().path()) else {
            request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
            return Box::pin(self.fork.pages.call(request.map(Body::new)));
        };
        let (site, (parts, _)) = (self.fork.site.clone(), request.into_parts());
        let visit = self.peer.visit(&site.app.config, &parts.headers);
        Box::pin(async move { Ok(forward_auth::ask(&site, (at, visit), parts).await) })
    }
}
