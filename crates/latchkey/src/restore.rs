//! `latchkey restore`: a backup into a place where nothing is, and what people will notice of it.

use std::path::Path;

use auth::restore::{Contents, Restore};
use auth::{date_and_time, plain, timestamp};
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{columns, count, print, print_json};

/// Reads the backup to its end, and then brings it back, unless it is only to be looked at.
pub(crate) fn run(flags: &Flags, file: &Path, (check, json): (bool, bool)) -> Result<()> {
    let config = flags.load()?.config;
    let restore = Restore::new(&config, file)?;
    if !check {
        restore.refuse_taken().map_err(Trouble::of_command)?;
    }
    let mut progress = Progress::start("Reading rows", None);
    let contents = restore.look(&mut |rows| progress.at(rows));
    drop(progress);
    // A backup that is not as it was written is a failure, and no conflict with what is there.
    let contents = contents?;
    if !check {
        let mut progress = Progress::start("Restoring rows", Some(contents.rows));
        let say = Box::new(move |rows| progress.at(rows));
        flags.without(async || restore.run(&contents, say).await)?;
    }
    match json {
        true => print_json(&shape(&contents, !check)),
        false => print(&told(&contents, (check, &config.database_shown()))),
    }
    Ok(())
}

/// What programs read. These keys stay.
fn shape(contents: &Contents, restored: bool) -> Value {
    json!({
        "restored": restored,
        "backup_of": timestamp(contents.head.at),
        "from": contents.head.engine,
        "program": contents.head.program,
        "schema": contents.head.schema,
        "rows": contents.rows,
        "people": contents.people,
        "ended": {
            "sessions": contents.sessions,
            "known_browsers": contents.known_browsers,
            "links": contents.links,
            "tokens": contents.tokens,
            "tokens_of_programs": contents.programs,
            "people_with_recovery_codes": contents.with_recovery_codes,
        },
    })
}

fn told(contents: &Contents, (check, place): (bool, &str)) -> String {
    let number = |n: u64| n.to_string();
    let head = &contents.head;
    let mut text = columns(
        "",
        &[
            ["Backup of".to_owned(), date_and_time(head.at)],
            [
                "Written by".to_owned(),
                format!("Latchkey {} on {}", plain::line(&head.program), plain::line(&head.engine)),
            ],
            ["People".to_owned(), number(contents.people)],
            ["Rows".to_owned(), number(contents.rows)],
        ],
    );
    if check {
        return text + "\nIt is whole, and the master key that is here opens it. Nothing was written.\n";
    }
    let some = |n: u64, one, many| count(i64::try_from(n).unwrap_or(i64::MAX), one, many);
    text +=
        &format!("\nRestored to {place}. It is the past, so what could have been used since then is void:\n");
    let sessions = some(contents.sessions, "session", "sessions");
    let browsers = some(contents.known_browsers, "known browser", "known browsers");
    text +=
        &format!("- {sessions} and {browsers}: everybody signs in again, with a code of the next minutes.\n");
    if contents.with_recovery_codes > 0 {
        let people = some(contents.with_recovery_codes, "person", "people");
        text += &format!(
            "- Recovery codes of {people}: they make new ones in their account. Who has no phone gets a link: latchkey user link NAME --for enroll\n"
        );
    }
    if contents.links > 0 {
        text += &format!("- {}: make new ones.\n", some(contents.links, "one-time link", "one-time links"));
    }
    if contents.tokens > 0 {
        text += &format!("- {}", some(contents.tokens, "token", "tokens"));
        text += &match contents.programs.as_slice() {
            [] => ".\n".to_owned(),
            names => {
                let names: Vec<String> = names.iter().map(|name| plain::line(name)).collect();
                format!(", these of programs among them: {}.\n", names.join(", "))
            }
        };
    }
    text + "What was changed since then is not in it: passwords and authenticators are the old ones, and who was locked out, removed, or \
            taken out of a group since then has to be so again.\n"
}
