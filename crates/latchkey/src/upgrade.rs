//! `latchkey upgrade`: what the next start would do with an older database, tried or done.

use auth::upgrade::{self, Report};
use auth::{App, Found};
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{columns, print, print_json};

/// Tries it, or does it. Where there is nothing to do, that is said.
pub(crate) fn run(flags: &Flags, dry_run: bool, json: bool) -> Result<()> {
    let config = flags.load()?.config;
    if App::find(&config)? == Found::Nothing {
        return Err(Trouble::not_found(format!("there is no Latchkey at {} yet", config.database_shown())));
    }
    let report = flags.without(async || match dry_run {
        true => upgrade::rehearse(&config).await,
        false => upgrade::run(&config).await,
    })?;
    match (&report, json) {
        (report, true) => print_json(&shape(report.as_ref(), !dry_run)),
        (Some(report), false) => print(&told(report, dry_run)),
        (None, false) => print("There is nothing to do: the database is up to date with this version.\n"),
    }
    Ok(())
}

/// What programs read. These keys stay.
fn shape(report: Option<&Report>, is_done: bool) -> Value {
    let Some(report) = report else { return json!({ "upgraded": false, "needed": false }) };
    json!({
        "upgraded": is_done,
        "needed": true,
        "from": report.from,
        "to": report.to,
        "rows": report.rows,
        "rehearsed_in_ms": report.rehearsed_in,
        "others_go_on": report.others_go_on,
        "kept": report.kept.as_ref().map(|path| path.to_string_lossy()),
    })
}

fn others(report: &Report) -> &'static str {
    match report.others_go_on {
        true => "may go on: replace them one by one",
        false => "of the version from before answer 503 from then on, until they are replaced",
    }
}

fn told(report: &Report, dry_run: bool) -> String {
    let kept = report.kept.as_ref().map(|path| path.display().to_string());
    let mut text = columns(
        "",
        &[
            ["Schema".to_owned(), format!("{} → {}", report.from, report.to)],
            ["Rows".to_owned(), report.rows.to_string()],
            [
                "Tried".to_owned(),
                "a made-up person registered, set up an authenticator and signed in, and the code was good once".to_owned(),
            ],
            ["That took".to_owned(), format!("{} ms, while others who work there wait", report.rehearsed_in)],
            ["Other servers".to_owned(), others(report).to_owned()],
        ],
    );
    text += "\n";
    text += &match (dry_run, kept) {
        (true, Some(kept)) => {
            format!("Nothing was changed. The next start does it, and keeps what was before as {kept}\n")
        }
        (true, None) => {
            "Nothing was changed. The next start does it, and keeps nothing of before: run pg_dump first.\n"
                .to_owned()
        }
        (false, Some(kept)) => format!("The database is up to date. What was before is kept as {kept}\n"),
        (false, None) => "The database is up to date. Nothing is kept of before.\n".to_owned(),
    };
    text
}
