//! Logs, on standard error: a line for people on a terminal, a line of JSON for programs otherwise.

use std::fmt;
use std::io::IsTerminal;

use auth::{Clock, time_of_day, timestamp};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Whose events the setting `log` is about.
const OURS: [&str; 5] = ["otp", "store", "auth", "web", "latchkey"];

/// The system's clock, through the one place that reads it.
enum Stamp {
    Short,
    Full,
}

impl FormatTime for Stamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = Clock::System.now();
        writer.write_str(&match self {
            Stamp::Short => time_of_day(now),
            Stamp::Full => timestamp(now),
        })
    }
}

/// Starts to log. Called once, by what serves.
pub(crate) fn start(level: &str) {
    let ours = level.parse().unwrap_or(LevelFilter::INFO);
    // What others would say in detail may hold what we never log: requests, headers, statements.
    let theirs = ours.min(LevelFilter::WARN);
    let filter = Targets::new().with_default(theirs).with_targets(OURS.map(|target| (target, ours)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if std::io::stderr().is_terminal() {
        lines.with_timer(Stamp::Short).with_target(false).with_filter(filter).boxed()
    } else {
        lines.json().flatten_event(true).with_timer(Stamp::Full).with_filter(filter).boxed()
    };
    tracing_subscriber::registry().with(layer).init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        // The words of a panic could repeat what was being worked on; where it happened is enough to find it.
        tracing::error!(at, "panicked: this is a mistake in Latchkey");
    }));
}
