//! `latchkey serve`: listen, open the house, say so, and serve until told to stop.

use std::io::{ErrorKind, IsTerminal};
use std::net::{SocketAddr, TcpListener};

use auth::config::Registration;
use auth::{App, Config, chores, setup, users};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Result, Trouble};
use crate::first_minute::FirstMinute;
use crate::logging;
use crate::settings::Flags;
use crate::stopwatch::Stopwatch;
use crate::terminal::print;

/// Serves until SIGTERM or SIGINT, then finishes the requests that are open. A second signal ends it at once.
pub(crate) fn run(flags: &Flags, since: Stopwatch) -> Result<()> {
    let mut settings = flags.load()?;
    logging::start(&settings.config.log);
    // First of all: whoever starts it twice learns that before anything is opened or made.
    let listener = listen(settings.config.listen)?;
    let address = listener.local_addr().map_err(|e| Trouble::failed(format!("cannot listen: {e}")))?;
    settings.listen_on(address);
    let registration_is_set = settings.is_set("registration");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(1, usize::from))
        .enable_all()
        .build()
        .map_err(|e| Trouble::failed(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        let app = App::open(settings.config).await?;
        let owing = auth::note_policy(&app).await?;
        if owing > 0 {
            let days = app.config.grace_days;
            tracing::info!(
                people = owing,
                days,
                "a password is asked for from now on; people without one choose it when they sign in"
            );
        }
        warn(&app.config);
        let chores = tokio::spawn(chores::every_minute(app.clone()));
        let stop = stop_signal()?;
        greet(&app, registration_is_set, since).await?;
        let served = web::serve(app, listener, stop).await;
        chores.abort();
        served.map_err(|e| Trouble::failed(format!("serving failed: {e}")))
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|e| {
        let port = address.port();
        let other = SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(8080));
        Trouble::failed(match e.kind() {
            ErrorKind::AddrInUse => format!(
                "{address} is taken by another program, or by a Latchkey that runs already. Another port: latchkey --listen {other}"
            ),
            ErrorKind::PermissionDenied => format!(
                "may not listen on {address}: ports below 1024 are for the system. Listen on another one, and let a proxy hold this one"
            ),
            ErrorKind::AddrNotAvailable => format!(
                "this machine has no address {}. To listen on all it has: latchkey --listen 0.0.0.0:{port}",
                address.ip()
            ),
            _ => format!("cannot listen on {address}: {e}"),
        })
    })
}

/// What was decided with open eyes, and should not be forgotten.
fn warn(config: &Config) {
    let public = &config.public_url;
    if !public.is_https() && !public.is_loopback() {
        tracing::warn!(
            "{} is plain http: whoever is on the way can read passwords and codes, and sign in with them",
            public.origin()
        );
    }
    if config.registration == Registration::Open && !is_local(config) {
        tracing::warn!("registration is open to everybody who reaches {}", public.origin());
    }
}

/// Whether only this machine can reach us.
pub(crate) fn is_local(config: &Config) -> bool {
    config.public_url.is_loopback() && config.listen.ip().is_loopback()
}

async fn greet(app: &App, registration_is_set: bool, since: Stopwatch) -> Result<()> {
    let on_terminal = std::io::stdout().is_terminal();
    let people = users::count(app).await?.people;
    let has_owner = setup::has_owner(app).await?;
    // A link in a log file would be a secret in a log file.
    let link = if on_terminal && !has_owner { Some(setup::owner_link(app).await?.url) } else { None };
    let greeting = FirstMinute {
        config: &app.config,
        registration_is_set,
        people,
        has_owner,
        link: link.as_deref(),
        took: since.took(),
    };
    print(&if on_terminal { greeting.for_people(&host()) } else { greeting.for_logs() });
    Ok(())
}

/// The machine's name, for the line that shows how to reach it from another one.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this-host".to_owned() } else { name.to_owned() }
}

/// Ready when the first signal has come; the second ends the process.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let hear = |kind| signal(kind).map_err(|e| Trouble::failed(format!("cannot listen for signals: {e}")));
    let (mut terminate, mut interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
    let (first, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping: open requests have ten seconds; once more stops at once");
        let _ = first.send(());
        next().await;
        tracing::warn!("stopped at once");
        std::process::exit(130);
    });
    Ok(async move {
        let _ = told.await;
    })
}
