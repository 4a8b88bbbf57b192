//! `latchkey key …`: the keys that seal secrets, and the peppers of passwords. Works while servers run.

use auth::keys::{self, Listed};
use auth::{date_and_time, timestamp};
use serde_json::{Value, json};

use crate::exit::Result;
use crate::progress::Progress;
use crate::settings::Flags;
use crate::terminal::{Table, count, print, print_json};

/// Lists them, and how many rows need each.
pub(crate) fn list(flags: &Flags, json: bool) -> Result<()> {
    let listed = flags.with_existing(async |app| keys::list(app).await)?;
    if json {
        print_json(&listed.iter().map(shape).collect());
        return Ok(());
    }
    let mut table = Table::new(["KEY", "PURPOSE", "MADE", "STATE", "NEEDED BY"]);
    print(&table.rows(listed.iter().map(row).collect()));
    Ok(())
}

fn row(key: &Listed) -> [String; 5] {
    let needed = match (key.purpose.as_str(), key.rows) {
        ("seal", Some(rows)) => count(rows, "secret", "secrets"),
        ("pepper", Some(rows)) => count(rows, "password", "passwords"),
        _ => "everything".to_owned(),
    };
    let state = if key.active { "active" } else { "old" };
    [key.id.clone(), key.purpose.clone(), date_and_time(key.created_at), state.to_owned(), needed]
}

fn shape(key: &Listed) -> Value {
    json!({
        "id": key.id,
        "purpose": key.purpose,
        "created_at": timestamp(key.created_at),
        "active": key.active,
        "rows": key.rows,
    })
}

/// Makes a new sealing key, seals everything again with it, and removes the old one.
pub(crate) fn rotate(flags: &Flags, json: bool) -> Result<()> {
    let mut progress = Progress::start("Sealing again", None);
    let rotated = flags.with_existing(async |app| keys::rotate(app, &mut |rows| progress.at(rows)).await)?;
    drop(progress);
    if json {
        print_json(&json!({
            "active": rotated.active,
            "resumed": rotated.resumed,
            "rows": rotated.rows,
            "removed": rotated.removed,
        }));
        return Ok(());
    }
    if rotated.resumed {
        print("A change that was interrupted is completed.\n");
    }
    let rows = i64::try_from(rotated.rows).unwrap_or(i64::MAX);
    print(&format!(
        "{} seals now; {} sealed again. Removed, since nothing needs it any more: {}.\n",
        rotated.active,
        count(rows, "secret was", "secrets were"),
        rotated.removed.join(", ")
    ));
    Ok(())
}

/// Makes a new pepper.
pub(crate) fn rotate_pepper(flags: &Flags, json: bool) -> Result<()> {
    let id = flags.with_existing(async |app| keys::rotate_pepper(app).await)?;
    match json {
        true => print_json(&json!({ "active": id })),
        false => print(&format!(
            "{id} is the pepper of new password hashes, and of everybody's who signs in from now on. The old one stays for the \
             others. Servers that run already take it up when they are restarted, or meet it.\n"
        )),
    }
    Ok(())
}

/// Removes a key that nothing needs.
pub(crate) fn remove(flags: &Flags, id: &str, json: bool) -> Result<()> {
    flags.with_existing(async |app| keys::remove(app, id).await)?;
    match json {
        true => print_json(&json!({ "removed": id })),
        false => print(&format!("{id} is gone.\n")),
    }
    Ok(())
}
