//! `latchkey import …`: people of another program, with the entries that are on their phones already.
//!
//! Without `--apply` it only looks, and makes nothing, not even a data directory.

use std::io::Read;
use std::path::{Path, PathBuf};

use auth::import::{self, Grace, Plan, Report};
use auth::{App, Found};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{columns, count, print, print_json};

/// Refused rows that are listed on standard output. All of them go into `--json` and `--errors`.
const LISTED: usize = 50;

/// What can be read.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// People of the Flask and pyotp tutorial: its users.db
    Tutorial {
        /// The SQLite file; newer versions of the tutorial's libraries keep it in `instance/`
        file: PathBuf,
        /// The issuer that their apps show
        #[arg(long, value_name = "NAME", default_value = import::ISSUER)]
        issuer: String,
        #[command(flatten)]
        how: How,
    },
    /// A list of otpauth:// links, one a line, or a CSV with the columns username and otpauth_uri
    Otpauth {
        /// The file; - reads standard input
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

/// What to do with it.
#[derive(Args)]
pub(crate) struct How {
    /// Do it. Without this nothing is written, and it only says what would be done
    #[arg(long)]
    apply: bool,
    /// Days in which they may choose a password by a code alone; 0 for none
    #[arg(long, value_name = "DAYS", default_value_t = Grace::default().days)]
    grace: u16,
    /// Write every refused row, with its reason, into a CSV
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Reads the file, and looks or does.
pub(crate) fn run(flags: &Flags, import: Import) -> Result<()> {
    let (plan, how) = match import {
        Import::Tutorial { file, issuer, how } => (import::tutorial(&file, &issuer)?, how),
        Import::Otpauth { file, how } => (import::otpauth(&read(&file)?)?, how),
    };
    let rows = plan.rows();
    let report = judge(flags, plan, &how)?;
    if let Some(file) = &how.errors {
        std::fs::write(file, report.refused_as_csv())
            .map_err(|e| Trouble::failed(format!("cannot write {}: {e}", file.display())))?;
    }
    if how.json {
        print_json(&shape(&report, rows, how.apply));
    } else {
        print(&told(&report, rows, &how));
    }
    match report.refused.len() {
        0 => Ok(()),
        refused => {
            let (rows, were) =
                (count(refused as i64, "row", "rows"), if refused == 1 { "was" } else { "were" });
            Err(Trouble::failed(format!("{rows} {were} refused")))
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Trouble::failed(format!("cannot read {}: {e}", file.display()));
    let source: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(file).map_err(failed)?),
    };
    let (mut bytes, most) = (Vec::new(), import::LONGEST as u64 + 1);
    source.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn judge(flags: &Flags, plan: Plan, how: &How) -> Result<Report> {
    let mut progress = Progress::start(if how.apply { "Importing" } else { "Looking" }, Some(plan.people()));
    let mut say = |done| progress.at(done);
    if how.apply {
        let grace = Grace { days: how.grace };
        return flags.with_new_or_existing(async |app| import::apply(app, plan, grace, &mut say).await);
    }
    match App::find(&flags.load()?.config)? {
        Found::Nothing => flags.without(async || import::preview(None, plan, &mut say).await),
        Found::Ready => flags.with_existing(async |app| import::preview(Some(app), plan, &mut say).await),
        Found::Older => Err(Trouble::failed(
            "the database is of an older version, and looking would bring it up to date. Start the server once, or use --apply",
        )),
    }
}

/// What programs read. These keys stay.
fn shape(report: &Report, rows: u64, applied: bool) -> serde_json::Value {
    let refused = report.refused.iter();
    let weak = report.weak.iter();
    json!({
        "applied": applied,
        "rows": rows,
        "people": report.people,
        "authenticators": report.authenticators,
        "there_already": report.there,
        "refused": refused.map(|r| json!({ "row": r.row, "name": r.name, "reason": r.reason })).collect::<Vec<_>>(),
        "weak": weak.map(|w| json!({ "row": w.row, "name": w.name, "bits": w.bits })).collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

fn told(report: &Report, rows: u64, how: &How) -> String {
    let number = |n: u64| n.to_string();
    let people = if how.apply { "People imported" } else { "People to import" };
    let mut text = columns(
        "",
        &[
            ["Rows".to_owned(), number(rows)],
            [people.to_owned(), number(report.people)],
            ["Their authenticators".to_owned(), number(report.authenticators)],
            ["There already".to_owned(), number(report.there)],
            ["Rows refused".to_owned(), number(report.refused.len() as u64)],
        ],
    );
    for note in &report.notes {
        text += &format!("\nNote: {note}.\n");
    }
    if let Some(weakest) = report.weak.iter().map(|weak| weak.bits).min() {
        let keys = count(report.weak.len() as i64, "key is", "keys are");
        text += &format!(
            "\nWeak: {keys} shorter than 128 bits (the shortest has {weakest}). They work; a new authenticator has 160.\n"
        );
    }
    if !report.refused.is_empty() {
        let listed = report.refused.iter().take(LISTED);
        let rows: Vec<_> =
            listed.map(|r| [format!("row {}", r.row), r.name.clone(), r.reason.clone()]).collect();
        text += &format!("\nRefused:\n{}", columns("  ", &rows));
        if report.refused.len() > LISTED {
            let more = report.refused.len() - LISTED;
            text += &format!("  and {more} more: --errors FILE.csv has all of them\n");
        }
    }
    if how.apply && report.people > 0 {
        text += "\nThey go on with the entry that is on their phones. None has a password or recovery codes yet.\n";
    } else if !how.apply {
        text += "\nNothing was written. The same with --apply does it.\n";
    }
    text
}
