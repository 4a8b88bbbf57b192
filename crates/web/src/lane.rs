//! Where the ways of requests part. What a proxy asks before every request to a program goes straight to `forward_auth`: the routes
//! and layers of the pages would take longer than the answer. Everything else goes there.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
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
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (ways, place) = (self.ways.clone(), self.place.clone());
        place.has_head();
        if request.body().is_end_stream() {
            place.serve();
        } else {
            request.extensions_mut().insert(Seat(place.clone()));
        }
        if let (Some(site), Some(at)) = (&self.ways.checks, At::of(request.uri().path())) {
            let (parts, _) = request.into_parts();
            let visit = self.peer.visit(&site.app.config, &parts.headers);
            let site = site.clone();
            return Box::pin(async move {
                let answer = forward_auth::ask(&site, (at, visit), parts).await;
                place.wait();
                Ok(answer)
            });
        }
        request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        Box::pin(async move {
            let answer = ways.pages.clone().oneshot(request.map(Body::new)).await;
            place.wait();
            answer
        })
    }
}
