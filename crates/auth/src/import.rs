//! Taking people along from another program: each goes on with the entry that is on their phone already.
//!
//! A file is read and judged as a whole first ([`Plan`]); `import/tutorial.rs` and `import/otpauth.rs` know the formats. Then
//! [`preview`] says what would happen, and [`apply`] does it. Both say the same of the same file and house, and a second
//! [`apply`] changes nothing.

mod gather;
mod otpauth;
mod tutorial;

use std::sync::Arc;
use std::time::Duration;

use otp::Key;
use otp::totp::Step;
use store::authenticators::Authenticator;
use store::users::NewUser;
use store::{Conn, Id, Time, Tx, authenticators, users};

use crate::audit::{Happened, Scribe, Whom};
use crate::name::Name;
use crate::vault::Vault;
use crate::{App, Result, Role, Visit, authenticator, limits};

pub use gather::Plan;
pub use otpauth::{LONGEST, otpauth};
pub use tutorial::{ISSUER, tutorial};

/// How many people share a transaction.
const BATCH: usize = 1000;
/// An import gives way to those who sign in, and waits longer than they would.
const PATIENCE: Duration = Duration::from_secs(60);
/// Keys with fewer bytes are called weak: RFC 4226, requirement R6.
const STRONG: usize = 16;
/// Steps before now whose codes are good for nothing any more: the window is one step to either side.
const SPENT: i64 = 2;

/// Somebody as a file has them.
struct Incoming {
    name: Name,
    disabled: bool,
    entries: Vec<Entry>,
}

/// An authenticator of theirs.
struct Entry {
    row: u64,
    label: String,
    key: Key,
}

/// A row that is not taken along, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which: the `id` in the tutorial's table, or the line of a text.
    pub row: u64,
    /// The name as it stands there, as far as it can be shown.
    pub name: String,
    /// Why, for a person.
    pub reason: String,
}

/// Somebody whose key is shorter than it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    /// Which row.
    pub row: u64,
    /// Whose.
    pub name: String,
    /// How many bits it has.
    pub bits: usize,
}

/// What was done, or would be.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// People who are new here.
    pub people: u64,
    /// Their authenticators.
    pub authenticators: u64,
    /// People who are here already, with the same key.
    pub there: u64,
    /// Rows that stay behind.
    pub refused: Vec<Refusal>,
    /// New people's keys that are too short to be called strong.
    pub weak: Vec<Weak>,
    /// What else there is to say about the file.
    pub notes: Vec<String>,
}

/// Until when, at most, people who have no password may choose one by a code alone.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// From the import on.
    pub days: u16,
}

impl Default for Grace {
    fn default() -> Self {
        Grace { days: 30 }
    }
}

impl Grace {
    /// This is the one place that turns it into an instant. With no day at all there is none.
    fn until(self, now: Time) -> Option<Time> {
        (self.days > 0).then(|| now.plus_seconds(i64::from(self.days) * 24 * 60 * 60))
    }
}

/// Is told how many people are done.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// Says what [`apply`] would do, and does nothing. Without a house everybody is new.
pub async fn preview(app: Option<&App>, plan: Plan, progress: Progress<'_>) -> Result<Report> {
    run(plan, progress, async |people| {
        let Some(app) = app else {
            return Ok(people.iter().map(|person| vec![Fate::New; person.entries.len()]).collect());
        };
        let (vault, now) = (app.vault.clone(), app.clock.now());
        let look = move |conn: &mut Conn<'_>| {
            let fate = |person: &Incoming| {
                Ok(here(conn, &vault, person, now)?.unwrap_or_else(|| vec![Fate::New; person.entries.len()]))
            };
            people.iter().map(fate).collect()
        };
        app.db.with_deadline(PATIENCE).scan(look).await
    })
    .await
}

/// Takes the people along, a thousand in a transaction. They get the role `user`, no password and no recovery codes.
///
/// Who is here already with the same key is left as they are; who is here with another key is somebody else, and refused.
pub async fn apply(app: &App, plan: Plan, grace: Grace, progress: Progress<'_>) -> Result<Report> {
    let source = plan.source;
    run(plan, progress, async |people| {
        let now = app.clock.now();
        let ids = people.iter().map(|person| Ids {
            user: app.random.id(now),
            authenticators: person.entries.iter().map(|_| app.random.id(now)).collect(),
        });
        let ids: Vec<Ids> = ids.collect();
        let door = Door {
            vault: app.vault.clone(),
            scribe: app.scribe(&Visit::default(), now),
            source,
            password_due: grace.until(now),
            now,
        };
        let take = move |tx: &mut Tx<'_>| {
            people.iter().zip(&ids).map(|(person, ids)| door.admit(tx, person, ids)).collect()
        };
        app.db.with_deadline(PATIENCE).write(take).await
    })
    .await
}

/// What becomes of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    New,
    There,
    /// The name is here, and this is none of its keys.
    Stranger,
}

/// Goes through the plan batch by batch, and adds up what became of everybody.
async fn run(
    plan: Plan,
    progress: Progress<'_>,
    judge: impl AsyncFn(Arc<Vec<Incoming>>) -> Result<Vec<Vec<Fate>>>,
) -> Result<Report> {
    let mut report = Report { refused: plan.refused, notes: plan.notes, ..Report::default() };
    let (mut people, mut done) = (plan.people.into_iter(), 0);
    loop {
        let batch: Arc<Vec<Incoming>> = Arc::new(people.by_ref().take(BATCH).collect());
        if batch.is_empty() {
            break;
        }
        let fates = judge(batch.clone()).await?;
        batch.iter().zip(fates).for_each(|(person, fates)| report.add(person, &fates));
        done += batch.len() as u64;
        progress(done);
    }
    report.refused.sort_by_key(|refusal| refusal.row);
    Ok(report)
}

impl Report {
    /// The refused rows as a CSV: row, name, reason. A name that a spreadsheet would compute gets an apostrophe before it.
    pub fn refused_as_csv(&self) -> String {
        let mut text = String::from("row,name,reason\r\n");
        for Refusal { row, name, reason } in &self.refused {
            let computes = name.starts_with(['=', '+', '-', '@']);
            let guard = if computes { "'" } else { "" };
            let quoted = |cell: &str| cell.replace('"', "\"\"");
            text += &format!("{row},\"{guard}{}\",\"{}\"\r\n", quoted(name), quoted(reason));
        }
        text
    }

    fn add(&mut self, person: &Incoming, fates: &[Fate]) {
        self.people += u64::from(fates.contains(&Fate::New));
        self.there += u64::from(fates.contains(&Fate::There));
        for (entry, fate) in person.entries.iter().zip(fates) {
            let (row, name) = (entry.row, person.name.shown().to_owned());
            match fate {
                Fate::There => {}
                Fate::New => {
                    self.authenticators += 1;
                    let bytes = entry.key.secret().as_bytes().len();
                    if bytes < STRONG {
                        self.weak.push(Weak { row, name, bits: 8 * bytes });
                    }
                }
                Fate::Stranger => {
                    let reason = "the name is taken here, by somebody with another key".to_owned();
                    self.refused.push(Refusal { row, name, reason });
                }
            }
        }
    }
}

/// What becomes of somebody whose name is here; `None` when it is not.
fn here(conn: &mut Conn<'_>, vault: &Vault, person: &Incoming, now: Time) -> Result<Option<Vec<Fate>>> {
    let Some(user) = users::by_name(conn, person.name.key())? else { return Ok(None) };
    let theirs = authenticators::of_user(conn, &user.id, now)?;
    let theirs =
        theirs.iter().map(|row| authenticator::key_of(conn, vault, row)).collect::<Result<Vec<Key>>>()?;
    let fate = |entry: &Entry| if theirs.contains(&entry.key) { Fate::There } else { Fate::Stranger };
    Ok(Some(person.entries.iter().map(fate).collect()))
}

/// Ids are drawn before the transaction, which may run again.
struct Ids {
    user: Id,
    authenticators: Vec<Id>,
}

/// Lets people in.
struct Door {
    vault: Vault,
    scribe: Scribe,
    source: &'static str,
    password_due: Option<Time>,
    now: Time,
}

impl Door {
    fn admit(&self, tx: &mut Tx<'_>, person: &Incoming, ids: &Ids) -> Result<Vec<Fate>> {
        if let Some(fates) = here(tx, &self.vault, person, self.now)? {
            return Ok(fates);
        }
        let new = NewUser {
            id: &ids.user,
            name: person.name.shown(),
            name_key: person.name.key(),
            role: Role::User.text(),
            password: None,
            password_due: self.password_due,
            signed_in_at: None,
        };
        if !users::insert(tx, &new, self.now)? {
            // Somebody got the name since it was looked up.
            return Ok(vec![Fate::Stranger; person.entries.len()]);
        }
        // What was tried with the name while nobody had it.
        limits::open_door(tx, &self.vault, person.name.key())?;
        for (entry, id) in person.entries.iter().zip(&ids.authenticators) {
            self.enroll(tx, &ids.user, id, entry)?;
        }
        if person.disabled {
            users::disable(tx, &ids.user)?;
        }
        let whom = Whom { id: Some(&ids.user), name: person.name.shown() };
        let count = person.entries.len().to_string();
        let detail = [("from", self.source), ("authenticators", count.as_str())];
        self.scribe.record(tx, Happened::UserImported, whom, &detail)?;
        Ok(vec![Fate::New; person.entries.len()])
    }

    /// No code of the past is good: nobody knows which of them the other program has taken.
    fn enroll(&self, tx: &mut Tx<'_>, user_id: &Id, id: &Id, entry: &Entry) -> Result<()> {
        let place = authenticator::secret_of_authenticator(user_id, id);
        let key = &entry.key;
        let authenticator = Authenticator {
            id: id.clone(),
            user_id: user_id.clone(),
            name: String::new(),
            label: entry.label.clone(),
            secret: self.vault.seal(tx, place, key.secret().as_bytes())?,
            algorithm: key.algorithm().name().to_owned(),
            digits: key.digits().count().into(),
            period: key.period().into(),
            last_step: Step::at(self.now.seconds(), key.period()).number() - SPENT,
            drift: 0,
            drift_votes: 0,
        };
        Ok(authenticators::insert(tx, &authenticator, None, self.now)?)
    }
}
