//! Everything about people as JSON lines, one line a thing: for another program, or to have it. Written while it is read,
//! so it needs no more memory for a million people than for one.
//!
//! All of it is read in one transaction, so it is one state. The lines are described in `docs/export.md`.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use otp::{Account, Kind};
use serde_json::{Value, json};
use store::authenticators::Authenticator;
use store::{Conn, Id, authenticators, events, groups, recovery_codes, sessions, users};
use zeroize::Zeroizing;

use crate::audit::read::Entry;
use crate::authenticator::key_of;
use crate::clock::timestamp;
use crate::vault::Vault;
use crate::{App, Config, Error, Result};

/// Rows that are read at a time.
const PAGE: i64 = 1000;
/// The version of the lines: raised when one of them loses something or means something else.
const VERSION: i64 = 1;

/// How many lines there were of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Groups.
    pub groups: u64,
    /// People.
    pub people: u64,
    /// Authenticators.
    pub authenticators: u64,
    /// Sessions that are live.
    pub sessions: u64,
    /// Events of the audit log.
    pub events: u64,
}

/// Writes everything to `out`. With `secrets` each authenticator has its setup link, which is all that somebody needs to
/// make its codes. `progress` is told how many lines were written. An error leaves `out` without its last line, `end`.
pub async fn run(
    app: &App,
    secrets: bool,
    out: Box<dyn Write + Send>,
    progress: Box<dyn FnMut(u64) + Send>,
) -> Result<Summary> {
    let writer = Mutex::new(Writer { out, progress, lines: 0, summary: Summary::default() });
    let began = AtomicBool::new(false);
    let (config, vault, now) = (app.config.clone(), app.vault.clone(), app.clock.now());
    app.db
        .scan(move |conn| {
            // What was written cannot be taken back, so a second run would write it twice.
            if began.swap(true, Ordering::SeqCst) {
                return Err(Error::Busy);
            }
            let mut writer =
                writer.lock().map_err(|_| Error::broken(anyhow::anyhow!("an export panicked")))?;
            let head = json!({ "version": VERSION, "at": timestamp(now), "secrets": secrets });
            writer.line("export", head)?;
            writer.line("settings", settings(&config))?;
            all_groups(conn, &mut writer)?;
            people(conn, (&vault, now), secrets, &mut writer)?;
            live_sessions(conn, now, &mut writer)?;
            what_happened(conn, &mut writer)?;
            let Summary { groups, people, authenticators, sessions, events } = writer.summary;
            let counts = json!({
                "groups": groups,
                "people": people,
                "authenticators": authenticators,
                "sessions": sessions,
                "events": events,
            });
            writer.line("end", counts)?;
            writer.out.flush().map_err(unwritten)?;
            Ok(writer.summary.clone())
        })
        .await
}

struct Writer {
    out: Box<dyn Write + Send>,
    progress: Box<dyn FnMut(u64) + Send>,
    lines: u64,
    summary: Summary,
}

impl Writer {
    /// One line, its type first.
    fn line(&mut self, kind: &str, value: Value) -> Result<()> {
        let body = Zeroizing::new(value.to_string());
        let rest = body.strip_prefix('{').unwrap_or(&body);
        let line = Zeroizing::new(format!("{{\"type\":\"{kind}\",{rest}\n"));
        self.out.write_all(line.as_bytes()).map_err(unwritten)?;
        self.lines += 1;
        (self.progress)(self.lines);
        Ok(())
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Refused(format!("the export is not complete, since it could not be written: {error}"))
}

/// What another house would have to be set to for people to notice no difference. No secret is a setting of these.
fn settings(config: &Config) -> Value {
    json!({ "issuer": config.issuer, "public_url": config.public_url.origin() })
}

/// Before the people, so that whoever reads the lines knows a group before somebody belongs to it.
fn all_groups(conn: &mut Conn<'_>, writer: &mut Writer) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = groups::page(conn, &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.group.name.to_ascii_lowercase();
        for groups::Listed { group, members } in page {
            writer.summary.groups += 1;
            let line = json!({
                "id": group.id.as_str(),
                "name": group.name,
                "members": members,
                "created_at": timestamp(group.created_at),
            });
            writer.line("group", line)?;
        }
    }
}

fn people(
    conn: &mut Conn<'_>,
    (vault, now): (&Vault, store::Time),
    secrets: bool,
    writer: &mut Writer,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = users::page(conn, ("", &after), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.name.to_ascii_lowercase();
        for user in &page {
            writer.summary.people += 1;
            let person = json!({
                "id": user.id.as_str(),
                "name": user.name,
                "role": user.role,
                "disabled": user.disabled,
                "has_password": user.password.is_some(),
                "wrong_codes": user.wrong_codes,
                "recovery_codes": recovery_codes::count_of_user(conn, &user.id)?,
                "groups": groups::of_user(conn, &user.id)?,
                "created_at": timestamp(user.created_at),
                "signed_in_at": user.signed_in_at.map(timestamp),
            });
            writer.line("person", person)?;
            for row in authenticators::of_user(conn, &user.id, now)? {
                writer.summary.authenticators += 1;
                writer.line("authenticator", authenticator(conn, vault, (user, &row), secrets)?)?;
            }
        }
    }
}

fn authenticator(
    conn: &mut Conn<'_>,
    vault: &Vault,
    (user, row): (&users::User, &Authenticator),
    secrets: bool,
) -> Result<Value> {
    let mut line = json!({
        "id": row.id.as_str(),
        "user_id": user.id.as_str(),
        "name": user.name,
        "label": row.label,
        "called": row.name,
        "algorithm": row.algorithm,
        "digits": row.digits,
        "period": row.period,
        "last_step": row.last_step,
    });
    if secrets {
        // The label is what the app shows: `Issuer: name`. Whoever imports the link gets the person's name from it.
        let issuer = row.label.split_once(": ").map_or("", |(issuer, _)| issuer);
        let (issuer, name) = (issuer.to_owned(), user.name.clone());
        let account = Account { issuer, name, key: key_of(conn, vault, row)?, kind: Kind::Totp };
        line["otpauth_uri"] = account.to_uri().as_str().into();
    }
    Ok(line)
}

fn live_sessions(conn: &mut Conn<'_>, now: store::Time, writer: &mut Writer) -> Result<()> {
    let mut after = (String::new(), Id::new(""));
    loop {
        let page = sessions::page(conn, (&after.0, &after.1), PAGE, now)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.name.to_ascii_lowercase(), last.session.id.clone());
        for sessions::Open { name, session } in page {
            writer.summary.sessions += 1;
            let line = json!({
                "id": session.id.as_str(),
                "name": name,
                "address": session.address,
                "agent": session.agent,
                "keep": session.keep,
                "created_at": timestamp(session.created_at),
                "seen_at": timestamp(session.seen_at),
            });
            writer.line("session", line)?;
        }
    }
}

fn what_happened(conn: &mut Conn<'_>, writer: &mut Writer) -> Result<()> {
    let mut after = Id::new("");
    loop {
        let page = events::page(conn, &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.clone();
        for event in page {
            writer.summary.events += 1;
            writer.line("event", Entry::from(event).to_json())?;
        }
    }
}
