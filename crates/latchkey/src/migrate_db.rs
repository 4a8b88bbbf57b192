//! `latchkey migrate-db`: everything from one database to another, and nobody notices.

use auth::moving::{Load, Moved, Moving};
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{count, print, print_json};

/// Moves everything, or goes on where a run before was broken off.
pub(crate) fn run(flags: &Flags, (from, to): (&str, &str), json: bool) -> Result<()> {
    let config = flags.load()?.config;
    let mut moving = Moving::open(&config, from, to).map_err(Trouble::of_command)?;
    let load = moving.load().map_err(Trouble::of_command)?;
    let mut progress = Progress::start("Moving rows", Some(load.rows));
    let copied = moving.copy(&mut |rows| {
        progress.at(rows);
        Ok(())
    });
    drop(progress);
    copied.map_err(Trouble::of_command)?;
    let mut progress = Progress::start("Comparing rows", Some(load.rows));
    let moved = moving.finish(&mut |rows| progress.at(rows));
    drop(progress);
    let moved = moved.map_err(Trouble::of_command)?;
    match json {
        true => print_json(&shape((&load, &moved), moving.shown())),
        false => print(&told((&load, &moved), moving.shown())),
    }
    Ok(())
}

/// What programs read. These keys stay.
fn shape((load, moved): (&Load, &Moved), (from, to): (&str, &str)) -> Value {
    json!({
        "from": from,
        "to": to,
        "rows": moved.rows,
        "people": moved.people,
        "went_on_after": load.moved,
    })
}

fn told((load, moved): (&Load, &Moved), (from, to): (&str, &str)) -> String {
    let number = |number: u64, one, many| count(i64::try_from(number).unwrap_or(i64::MAX), one, many);
    let mut text = String::new();
    if let Some(rows) = load.moved {
        text += &format!("A move that was broken off after {} went on there.\n", number(rows, "row", "rows"));
    }
    let (people, rows) = (number(moved.people, "person", "people"), number(moved.rows, "row", "rows"));
    let tables = number(moved.tables as u64, "table", "tables");
    text += &format!(
        "Moved: {people} and everything of theirs, {rows} of {tables}, the same in both, row by row.\n\
         From: {from}. It is as it was, and no server starts on it any more.\n\
         To:   {to}. Set `database` to this, keep the same master key, and start the server: nobody is signed out.\n"
    );
    text
}
