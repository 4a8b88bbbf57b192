//! Where the ways of requests part. What a proxy asks before every request to a program goes straight to `forward_auth`: the routes
//! and layers of the pages would take longer than the answer. Everything else goes there.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use tower::ServiceExt;

use crate::crowd::{Place, Seat};
use crate::extract::OtherEnd;
use crate::forward_auth;
use crate::forwarded::At;
use crate::{Site, routes};

/// The site, for all connections of a listener.
#[derive(Clone)]
pub(crate) struct Fork(Arc<Ways>);

struct Ways {
    /// For checks, where there are any.
    checks: Option<Site>,
    pages: Router,
}

impl Fork {
    pub(crate) fn new(site: Site) -> Fork {
        Fork(Arc::new(Ways { pages: routes::router(site.clone()), checks: Some(site) }))
    }

    /// Of pages alone.
    pub(crate) fn of_pages(pages: Router) -> Fork {
        Fork(Arc::new(Ways { checks: None, pages }))
    }

    /// The site for one connection, with what is known of its other end, and with its place.
    pub(crate) fn lane<P: OtherEnd>(&self, peer: P, place: Arc<Place>) -> Lane<P> {
        Lane { ways: self.0.clone(), peer, place }
    }
}

/// The site, for one connection.
pub(crate) struct Lane<P> {
    ways: Arc<Ways>,
    peer: P,
    pub(crate) place: Arc<Place>,
}

impl<P: OtherEnd> Service<Request<Incoming>> for Lane<P> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        let place = &self.place;
        place.has_head();
        if request.body().is_end_stream() {
            place.serve();
        } else {
            request.extensions_mut().insert(Seat(place.clone()));
        }
        if let (Some(site), Some(at)) = (&self.ways.checks, At::of(request.uri().path())) {
            let (parts, _) = request.into_parts();
            return self.check(site, at, parts);
        }
        request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        let (ways, place) = (self.ways.clone(), place.clone());
        Answering::Later(Box::pin(async move {
            let answer = ways.pages.clone().oneshot(request.map(Body::new)).await;
            place.wait();
            answer
        }))
    }
}

impl<P: OtherEnd> Lane<P> {
    fn check(&self, site: &Site, at: At, parts: Parts) -> Answering {
        let visit = self.peer.visit(&site.app.config, &parts.headers);
        if let Some(answer) = forward_auth::at_once(site, (at, &visit), &parts) {
            self.place.wait();
            return Answering::Now(Some(answer));
        }
        let (site, place) = (site.clone(), self.place.clone());
        Answering::Later(Box::pin(async move {
            let answer = forward_auth::ask(&site, (at, visit), parts).await;
            place.wait();
            Ok(answer)
        }))
    }
}

/// An answer on its way.
pub(crate) enum Answering {
    /// It is there, and is taken once.
    Now(Option<Response>),
    Later(Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answering::Now(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Answering::Later(answer) => answer.as_mut().poll(context),
        }
    }
}
