//! HTTP: every URL, every page, every header. What may be done is decided in `auth`; here it is only asked and shown.

mod api;
mod assets;
mod authorization;
mod bounds;
mod branding;
mod cookies;
mod crowd;
mod door;
mod error;
mod extract;
mod form;
mod forward_auth;
mod guard;
mod health;
mod lane;
mod layers;
mod listener;
mod meters;
mod metrics;
mod pages;
mod problem;
mod routes;
mod serving;
mod shell;
mod way;
mod wording;
mod words;

pub mod forwarded;
#[cfg(any(test, feature = "fuzzing"))]
pub mod hostile;
pub mod probe;
pub mod tls;

use std::future::Future;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use auth::App;
use axum::Router;
use axum::extract::FromRef;

use crate::branding::Branding;
use crate::health::Watchers;
use crate::meters::Meters;
use crate::words::Words;

pub use listener::Listener;

/// What every handler can ask for. Every layer has a clone of its own for every request.
#[derive(Clone, Debug)]
pub(crate) struct Site(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) app: App,
    pub(crate) words: Words,
    pub(crate) branding: Branding,
    pub(crate) meters: Meters,
    pub(crate) watchers: Watchers,
}

impl Site {
    fn new(app: App) -> Site {
        let branding = Branding::new(&app.config);
        let (meters, watchers) = (Meters::default(), Watchers::default());
        Site(Arc::new(Parts { app, words: Words::new(), branding, meters, watchers }))
    }
}

impl Deref for Site {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<Site> for App {
    fn from_ref(site: &Site) -> App {
        site.app.clone()
    }
}

/// The whole site, for whoever brings a server of their own. `serve` is the usual way in.
pub fn router(app: App) -> Router {
    routes::router(Site::new(app))
}

/// Serves until `shutdown` resolves; then it accepts nothing more, and lets open requests end.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    app: App,
    listener: impl Into<Listener>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.into().serve(app, shutdown).await
}
