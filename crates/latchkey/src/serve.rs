//! `latchkey serve`: listen, open the house, say so, and serve until told to stop.

use std::io::IsTerminal;
use std::time::Duration;

use auth::config::Registration;
use auth::{App, Clock, Config, chores, setup, users};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use web::tls::{Pair, Tls};

use crate::exit::{Result, Trouble};
use crate::first_minute::FirstMinute;
use crate::listener;
use crate::logging;
use crate::preflight;
use crate::settings::Flags;
use crate::stopwatch::Stopwatch;
use crate::supervisor::Supervisor;
use crate::terminal::print;

/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or SIGINT, then finishes the requests that are open. A second signal ends it at once.
pub(crate) fn run(flags: &Flags, grace: Option<String>, since: Stopwatch) -> Result<()> {
    let mut settings = flags.load_with(grace.map(|days| ("login.grace", days)))?;
    logging::start(&settings.config.log);
    preflight::look(&settings)?;
    let tls = open_tls(&settings.config)?;
    // Before anything else: whoever starts it twice learns that before anything is opened or made.
    let opened = listener::open(&settings.config.listen)?;
    settings.listen_on(opened.listen);
    let metrics = settings.config.metrics_listen.as_ref().map(listener::open_metrics).transpose()?;
    let supervisor = Supervisor::found();
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
        let log = tokio::spawn(chores::keep_log(app.clone()));
        let watch = tokio::spawn(chores::watch_database(app.clone()));
        tokio::spawn(chores::look_inside(app.clone()));
        let stop = stop_signal(supervisor.clone())?;
        let reloads = tokio::spawn(reload(tls.clone(), hang_up()?, supervisor.clone()));
        greet(&app, registration_is_set, since).await?;
        supervisor.ready();
        let (metrics, metrics_file) = metrics.map_or((None, None), |metrics| {
            tracing::info!(listen = %metrics.listen, "metrics are served at /metrics");
            (Some(metrics.listener), metrics.file)
        });
        let listener = opened.listener.with_tls(tls).with_files(may_open()).with_metrics(metrics);
        let served = web::serve(app.hurried(), listener, stop).await;
        chores.abort();
        log.abort();
        watch.abort();
        reloads.abort();
        drop((opened.file, metrics_file));
        served.map_err(|e| Trouble::failed(format!("serving failed: {e}")))
    })
}

/// How many files this process may open, which connections are. What it may have is more than what it is given, as a rule:
/// older programs count on little, and this one does not.
fn may_open() -> u64 {
    let allowed = getrlimit(Resource::Nofile);
    let wished = Rlimit { current: allowed.maximum, maximum: allowed.maximum };
    let now = if setrlimit(Resource::Nofile, wished).is_ok() { allowed.maximum } else { allowed.current };
    // Without a number there is no limit.
    now.unwrap_or(u64::MAX)
}

/// The certificate, where Latchkey speaks https itself. One that browsers refuse is said, and shown all the same: the next
/// one is taken without a restart.
fn open_tls(config: &Config) -> Result<Option<Tls>> {
    let Some((certificate, key)) = config.tls_files() else { return Ok(None) };
    let (tls, pair) = Tls::open(certificate, key).map_err(|why| Trouble::failed(format!("[tls]: {why}")))?;
    judge(&pair);
    if !pair.is_for(config.public_url.host()) {
        tracing::warn!(
            "the certificate is for other names than {}: browsers refuse it",
            config.public_url.host()
        );
    }
    Ok(Some(tls))
}

/// What there is to say of a certificate that can be shown.
fn judge(pair: &Pair) {
    let now = Clock::System.now();
    let (begins, ends) = (auth::date_and_time(pair.begins_at), auth::date_and_time(pair.ends_at));
    if pair.ends_at <= now {
        tracing::warn!("the certificate ended on {ends}: browsers refuse it. Put a new one in its place");
    } else if pair.begins_at > now {
        tracing::warn!(
            "the certificate begins on {begins} only: browsers refuse it, or this machine's clock is wrong"
        );
    }
    if pair.key_is_open {
        tracing::warn!("everybody on this machine may read the key of the certificate: chmod 600 or 640 it");
    }
}

/// Reads the certificate again whenever a supervisor or a person asks for it, and when its files have changed.
async fn reload(tls: Option<Tls>, mut hang_up: Signal, supervisor: Supervisor) {
    loop {
        let asked = tokio::select! {
            heard = hang_up.recv() => heard.is_some(),
            () = tokio::time::sleep(LOOK) => false,
        };
        if asked {
            supervisor.reloading();
        }
        match &tls {
            Some(tls) if asked || tls.has_changed() => match tls.reload() {
                Ok(pair) => {
                    tracing::info!(
                        "the certificate was read again; it ends on {}",
                        auth::date_and_time(pair.ends_at)
                    );
                    judge(&pair);
                }
                Err(why) => tracing::error!("the old certificate stays: {why}"),
            },
            None if asked => {
                tracing::info!("there is nothing to read again: settings are read at the start only")
            }
            _ => {}
        }
        if asked {
            supervisor.ready();
        }
    }
}

/// SIGHUP. A terminal that is closed sends it too, but there [`stop_signal`] hears it.
fn hang_up() -> Result<Signal> {
    hear(SignalKind::hangup())
}

fn hear(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|e| Trouble::failed(format!("cannot listen for signals: {e}")))
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
    if config.registration == Registration::Open && !config.is_local() {
        tracing::warn!("registration is open to everybody who reaches {}", public.origin());
    }
}

async fn greet(app: &App, registration_is_set: bool, since: Stopwatch) -> Result<()> {
    let on_terminal = std::io::stdout().is_terminal();
    let people = users::count_some(app).await?;
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

/// Ready when the first signal has come; the second ends the process. On a terminal, closing it is one of them.
fn stop_signal(supervisor: Supervisor) -> Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
    let mut closed = hear(SignalKind::hangup())?;
    let on_terminal = std::io::stdout().is_terminal();
    let (first, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = closed.recv(), if on_terminal => {}
            }
        };
        next().await;
        supervisor.stopping();
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
