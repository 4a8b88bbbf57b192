//! `latchkey audit`: is the log as it was written, what is in it, and all of it for other programs. Works beside a running
//! server; only reads.

use std::io::{BufWriter, Write};

use auth::audit::finding::Finding;
use auth::audit::read::{self, Entry, Filter};
use auth::audit::seal::Head;
use auth::audit::verify::{self, Listener, Report};
use auth::{App, Error, Id, Time, date_and_time, moment, plain, timestamp};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Output;
use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{Findings, List, Table, count, print};

/// What can be done with the audit log.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Look whether the log is as it was written, and name what was removed, added, changed or moved
    Verify {
        /// An end of the log that was noted elsewhere, as this prints it: it has to be there still
        #[arg(long, value_name = "NUMBER:MAC")]
        expect: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// List what happened, the newest last
    List {
        #[command(flatten)]
        span: Span,
        /// To whom
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// What, such as sign_in.completed, or sign_in for all that begin so
        #[arg(long)]
        kind: Option<String>,
        /// How many at most, up to 10000
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Write what happened to standard output, the oldest first, as JSON lines or CSV
    Export {
        #[command(flatten)]
        span: Span,
        /// RFC 4180, in which no cell is taken for a formula
        #[arg(long, conflicts_with = "jsonl")]
        csv: bool,
        /// JSON lines: this is also what is written without it
        #[arg(long)]
        jsonl: bool,
    },
}

/// From when until when.
#[derive(Args)]
pub(crate) struct Span {
    /// From then on: 30m, 24h, 7d, 2026-11-24 or 2026-11-24T14:05:32Z
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Before then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

impl Span {
    fn filter(&self, now: Time) -> Result<Filter> {
        let read = |typed: &Option<String>| {
            typed.as_deref().map(|text| moment(text, now)).transpose().map_err(Trouble::usage)
        };
        Ok(Filter { since: read(&self.since)?, until: read(&self.until)?, ..Filter::default() })
    }
}

/// Runs one of them.
pub(crate) fn run(flags: &Flags, audit: Audit) -> Result<()> {
    let now = auth::Clock::System.now();
    match audit {
        Audit::Verify { expect, output } => verify(flags, expect.as_deref(), output.json),
        Audit::List { span, user, kind, limit, output } => {
            let filter = Filter { user, kind, ..span.filter(now)? };
            list(flags, &filter, limit, output.json)
        }
        Audit::Export { span, csv, jsonl: _ } => export(flags, &span.filter(now)?, csv),
    }
}

fn verify(flags: &Flags, expect: Option<&str>, json: bool) -> Result<()> {
    let expect = expect.map(str::parse::<Head>).transpose().map_err(Trouble::usage)?;
    let findings = json.then(Findings::begin);
    let found: Box<dyn FnMut(&Finding) + Send> = match findings.clone() {
        Some(findings) => Box::new(move |finding| findings.print(finding_shape(finding))),
        None => Box::new(|finding| print(&format!("{}\n", plain::line(&finding.to_string())))),
    };
    let mut progress = Progress::start("Verifying events", None);
    let looked = Box::new(move |events| progress.at(events));
    let report = flags.with_existing(async |app| verify::run(app, expect, Listener { found, looked }).await);
    match (&findings, &report) {
        (Some(findings), report) => findings.end(report.as_ref().ok().map(report_shape)),
        (None, Ok(report)) => print(&summary(report)),
        (None, Err(_)) => {}
    }
    let report = report?;
    match report.findings {
        0 => Ok(()),
        findings => Err(Trouble::failed(format!(
            "the audit log is not as it was written: {}",
            count(i64::try_from(findings).unwrap_or(i64::MAX), "finding", "findings")
        ))),
    }
}

fn summary(report: &Report) -> String {
    let of = |number: u64, one, many| count(i64::try_from(number).unwrap_or(i64::MAX), one, many);
    let mut text =
        format!("{} under {}.\n", of(report.events, "event", "events"), of(report.seals, "seal", "seals"));
    if report.adopted > 0 {
        text += &format!(
            "{} of them were there before there were seals, and were taken as they were.\n",
            report.adopted
        );
    }
    if let Some(gone) = &report.removed {
        text += &format!(
            "Removed by rule: {} up to seal {}, older than {}.\n",
            of(gone.events.unsigned_abs(), "event", "events"),
            gone.through,
            date_and_time(gone.older)
        );
    }
    text += &match report.unsealed_since {
        Some(since) => format!(
            "{} not sealed yet, since {}.\n",
            of(report.unsealed, "event is", "events are"),
            date_and_time(since)
        ),
        None => "Nothing waits for its seal.\n".to_owned(),
    };
    if let Some(head) = &report.head {
        text += &format!("The end, to be noted elsewhere: {}\n", plain::line(&head.to_string()));
    }
    if report.findings == 0 {
        text += "All is as it was written.\n";
    }
    text
}

/// What programs read. These keys stay.
fn finding_shape(finding: &Finding) -> Value {
    json!({
        "what": finding.what.word(),
        "event": finding.event.as_ref().map(Id::as_str),
        "seal": finding.seal,
        "text": finding.to_string(),
    })
}

fn report_shape(report: &Report) -> Value {
    json!({
        "whole": report.findings == 0,
        "findings": report.findings,
        "seals": report.seals,
        "events": report.events,
        "adopted": report.adopted,
        "unsealed": report.unsealed,
        "unsealed_since": report.unsealed_since.map(timestamp),
        "removed_through": report.removed.as_ref().map(|gone| gone.through),
        "removed_events": report.removed.as_ref().map(|gone| gone.events),
        "removed_older_than": report.removed.as_ref().map(|gone| timestamp(gone.older)),
        "head": report.head.as_ref().map(ToString::to_string),
    })
}

fn list(flags: &Flags, filter: &Filter, limit: usize, json: bool) -> Result<()> {
    let mut progress = Progress::start("Looking at events", None);
    let entries = flags
        .with_existing(async |app| read::newest(app, filter, limit, &mut |seen| progress.at(seen)).await)?;
    drop(progress);
    if json {
        let mut list = List::default();
        print(&list.values(entries.iter().map(shape)));
        print(list.end());
        return Ok(());
    }
    let mut table = Table::new(["WHEN", "WHAT", "WHO", "FROM", "TIMES", "MORE"]);
    print(&table.rows(entries.iter().map(row).collect()));
    if table.is_empty() {
        print("Nothing of that kind has happened.\n");
    }
    Ok(())
}

fn row(entry: &Entry) -> [String; 6] {
    let times = if entry.count == 1 { String::new() } else { entry.count.to_string() };
    let more = if entry.detail == "{}" { "" } else { &entry.detail };
    [
        date_and_time(entry.at),
        entry.kind.clone(),
        entry.name.clone(),
        entry.address.clone(),
        times,
        more.to_owned(),
    ]
    .map(|cell| plain::line(&cell))
}

/// What programs read. These keys stay.
fn shape(entry: &Entry) -> Value {
    let mut shape = entry.to_json();
    shape["seal"] = entry.seal.into();
    shape
}

fn export(flags: &Flags, filter: &Filter, csv: bool) -> Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout());
    let mut progress = Progress::start("Exporting events", None);
    let mut lines = 0;
    flags.with_existing(async |app: &App| {
        if csv {
            out.write_all(csv_head().as_bytes()).map_err(unwritten)?;
        }
        let mut write = |entries: Vec<Entry>| {
            for entry in &entries {
                let line = if csv { csv_row(entry) } else { format!("{}\n", shape(entry)) };
                out.write_all(line.as_bytes()).map_err(unwritten)?;
            }
            lines += entries.len() as u64;
            progress.at(lines);
            Ok(())
        };
        // What cannot be written is a failure, and no conflict with what is there.
        let written = read::each(app, filter, &mut write).await;
        Ok(written.and_then(|()| out.flush().map_err(unwritten)))
    })??;
    Ok(())
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Refused(format!("the export is not complete, since it could not be written: {error}"))
}

fn csv_head() -> String {
    plain::row(&["at", "kind", "name", "user_id", "address", "count", "detail", "id", "seal"])
}

fn csv_row(entry: &Entry) -> String {
    plain::row(&[
        &timestamp(entry.at),
        &entry.kind,
        &entry.name,
        entry.user_id.as_ref().map_or("", Id::as_str),
        &entry.address,
        &entry.count.to_string(),
        &entry.detail,
        entry.id.as_str(),
        &entry.seal.map(|seal| seal.to_string()).unwrap_or_default(),
    ])
}
