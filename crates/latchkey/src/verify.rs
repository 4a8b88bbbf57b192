//! `latchkey verify`: is everything whole: file, tables, keys, sealed secrets, audit log. Reads only, also beside a running server.

use auth::inspect::{self, Finding, Report};
use auth::plain;
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{Findings, count, print};

/// Looks at everything, and names what is wrong.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<()> {
    let config = flags.load()?.config;
    let findings = json.then(Findings::begin);
    let found: Box<dyn FnMut(&Finding) + Send> = match findings.clone() {
        Some(findings) => Box::new(move |finding| findings.print(shape(finding))),
        None => Box::new(|finding| {
            print(&format!("{}: {}\n", finding.what, plain::line(&finding.text)));
            if !finding.remedy.is_empty() {
                print(&format!("  → {}\n", finding.remedy));
            }
        }),
    };
    let mut progress = Progress::start("Looking at rows", None);
    let looked = Box::new(move |rows| progress.at(rows));
    let report = flags.without(async || inspect::run(&config, found, looked).await);
    if let Some(findings) = findings {
        findings.end(report.as_ref().ok().map(summary));
    } else if let Ok(report) = &report
        && report.findings == 0
    {
        print(&told(report));
    }
    let report = report?;
    match report.findings {
        0 => Ok(()),
        findings => Err(Trouble::failed(format!(
            "not everything is whole: {}",
            count(i64::try_from(findings).unwrap_or(i64::MAX), "finding", "findings")
        ))),
    }
}

fn told(report: &Report) -> String {
    let of = |number: u64, one, many| count(i64::try_from(number).unwrap_or(i64::MAX), one, many);
    format!(
        "{} looked at: the file, the tables and the keys are whole, and so {} and {}.\n",
        of(report.rows, "row was", "rows were"),
        of(report.secrets, "sealed secret", "sealed secrets"),
        of(report.events, "sealed event", "sealed events"),
    )
}

/// What programs read. These keys stay.
fn shape(finding: &Finding) -> Value {
    json!({ "what": finding.what, "text": finding.text, "remedy": finding.remedy })
}

fn summary(report: &Report) -> Value {
    json!({
        "whole": report.findings == 0,
        "findings": report.findings,
        "rows": report.rows,
        "secrets": report.secrets,
        "events": report.events,
    })
}
