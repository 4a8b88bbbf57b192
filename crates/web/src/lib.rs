//! HTTP: every URL, every page, every header. What may be done is decided in `auth`; here it is only asked and shown.

mod assets;
mod cookies;
mod error;
mod extract;
mod form;
mod guard;
mod health;
mod layers;
mod pages;
mod routes;
mod shell;
mod words;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use auth::App;
use axum::Router;
use axum::extract::FromRef;
use axum_server::Handle;

use crate::words::Words;

/// How long a client may take to send its headers, and how long requests may take to end when we stop.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// All headers together may have this many bytes; more is answered with 431.
const HEADER_BYTES: usize = 32 * 1024;

/// What every handler can ask for.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) words: Words,
}

impl FromRef<Site> for App {
    fn from_ref(site: &Site) -> App {
        site.app.clone()
    }
}

/// The whole site, for whoever brings a server of their own. `serve` is the usual way in.
pub fn router(app: App) -> Router {
    routes::router(Site { app, words: Words::new() })
}

/// Serves until `shutdown` resolves; then it accepts nothing more, and lets open requests end.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(Some(STOP_WITHIN));
        }
    });
    let mut server =
        axum_server::from_tcp(listener)?.handle(handle).first_request_timeout(HEADERS_WITHIN).http1_only();
    server.http_builder().http1().header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADER_BYTES);
    server.serve(router(app).into_make_service_with_connect_info::<SocketAddr>()).await
}
