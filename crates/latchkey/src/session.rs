//! `latchkey session …`: who is signed in, and with what browser; and the end of that, which holds at the next request.

use auth::session::{self, Open};
use auth::{browser_and_system, date_and_time, timestamp};
use serde_json::{Value, json};

use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{List, Table, count, print, print_json};

/// Lists the sessions of one person, or of everybody, a thousand at a time.
pub(crate) fn list(flags: &Flags, name: Option<&str>, json: bool) -> Result<()> {
    let mut table = Table::new(["NAME", "BROWSER", "ADDRESS", "SINCE", "LAST SEEN", "ID"]);
    let mut list = List::default();
    let mut write = |sessions: &[Open]| match json {
        true => print(&list.values(sessions.iter().map(shape))),
        false => print(&table.rows(sessions.iter().map(row).collect())),
    };
    flags.with_existing(async |app| {
        if let Some(name) = name {
            write(&session::of_user(app, name).await?);
            return Ok(());
        }
        let mut last = None;
        loop {
            let sessions = session::page(app, last.as_ref()).await?;
            write(&sessions);
            match sessions.into_iter().last() {
                Some(session) => last = Some(session),
                None => return Ok(()),
            }
        }
    })?;
    match json {
        true => print(list.end()),
        false if table.is_empty() => print("Nobody is signed in.\n"),
        false => {}
    }
    Ok(())
}

/// Ends one session.
pub(crate) fn end(flags: &Flags, id: &str, json: bool) -> Result<()> {
    let ended = flags.with_existing(async |app| session::end_one(app, id).await)?;
    match json {
        true => print_json(&json!({ "name": ended.name, "id": ended.id.as_str(), "ended": 1 })),
        false => print(&format!("{} is signed out of {}.\n", ended.name, browser(&ended.agent))),
    }
    Ok(())
}

/// Ends all sessions of somebody.
pub(crate) fn end_all(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let ended = flags.with_existing(async |app| session::end_all(app, name).await)?;
    if json {
        print_json(&json!({ "name": name, "ended": ended }));
        return Ok(());
    }
    let sessions = count(i64::try_from(ended).unwrap_or(i64::MAX), "session", "sessions");
    print(&format!(
        "{name} is signed out everywhere: {sessions}. Sign-ins that were on their way are void.\n"
    ));
    Ok(())
}

/// What programs read. These keys stay.
fn shape(open: &Open) -> Value {
    json!({
        "id": open.id.as_str(),
        "name": open.name,
        "browser": browser(&open.agent),
        "agent": open.agent,
        "address": open.address,
        "keep": open.keep,
        "created_at": timestamp(open.created_at),
        "seen_at": timestamp(open.seen_at),
    })
}

fn row(open: &Open) -> [String; 6] {
    [
        open.name.clone(),
        browser(&open.agent),
        open.address.clone(),
        date_and_time(open.created_at),
        date_and_time(open.seen_at),
        open.id.to_string(),
    ]
}

fn browser(agent: &str) -> String {
    match browser_and_system(agent) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "another program".to_owned(),
    }
}
