//! Bringing a backup back: into a place where nothing is, whole or not at all, and as a new epoch.
//!
//! A backup is the past. What was spent, ended or revoked since then would be good again, so nothing comes back that opens anything by
//! itself: no session, no link, no token, no recovery code; and every code up to now counts as spent. See `docs/adr/0018`.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use store::dump::{Cell, Table};
use store::{Db, Time, Tx, dump, keys};
use zeroize::Zeroizing;

use crate::audit::{Happened, Scribe, Whom};
use crate::backup::parcel::{Head, Unwrapper};
use crate::backup::rows::{self, Sum};
use crate::drift::Drift;
use crate::master_key::{Key, MasterKey};
use crate::meters::Meters;
use crate::vault::{self, Vault};
use crate::{Clock, Config, Error, Random, Result, Visit, timestamp};

/// Tables whose rows do not come back. Those of people who are signed in, or on their way; what a browser or a program shows; links;
/// recovery codes, of which nobody knows any more which were used; who does which chore, and how often anything was revoked.
pub const ENDED: [&str; 14] = [
    "registrations",
    "enrollments",
    "recovery_codes",
    "recovery_sheets",
    "logins",
    "sessions",
    "devices",
    "setup_links",
    "user_links",
    "tickets",
    "app_sessions",
    "api_tokens",
    "leases",
    "revocations",
];
/// Names of tokens that are kept to be listed.
const LISTED: usize = 100;

/// What is in a backup, and what of it does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What its beginning says.
    pub head: Head,
    /// Rows of all tables.
    pub rows: u64,
    /// Those of them that are people.
    pub people: u64,
    /// People who had recovery codes.
    pub with_recovery_codes: u64,
    /// Sessions there were.
    pub sessions: u64,
    /// Browsers that were known.
    pub known_browsers: u64,
    /// Tokens of programs, by name: the first hundred.
    pub programs: Vec<String>,
    /// Tokens of programs and of people.
    pub tokens: u64,
    /// Links that were good, for new people and for those who had lost something.
    pub links: u64,
}

impl Contents {
    fn new(head: Head) -> Contents {
        Contents {
            head,
            rows: 0,
            people: 0,
            with_recovery_codes: 0,
            sessions: 0,
            known_browsers: 0,
            programs: Vec::new(),
            tokens: 0,
            links: 0,
        }
    }

    /// Counts a row of those that people will miss.
    fn count(&mut self, table: &Table, row: &[Cell], last_user: &mut String) {
        let text = |column: &str| table.place(column).and_then(|place| row[place].text());
        match table.name {
            "sessions" => self.sessions += 1,
            "devices" => self.known_browsers += 1,
            "setup_links" | "user_links" => self.links += 1,
            "recovery_codes" if text("user_id") != Some(last_user) => {
                // In the order of people, so each is counted once.
                text("user_id").unwrap_or_default().clone_into(last_user);
                self.with_recovery_codes += 1;
            }
            "api_tokens" => {
                self.tokens += 1;
                if text("user_id").is_none() && self.programs.len() < LISTED {
                    self.programs.push(text("name").unwrap_or_default().to_owned());
                }
            }
            _ => {}
        }
    }
}

/// A backup, where it is to go, and what is needed for that.
#[derive(Clone)]
pub struct Restore {
    file: PathBuf,
    database: Zeroizing<String>,
    shown: String,
    data_dir: PathBuf,
    master: Arc<Key>,
    clock: Clock,
    random: Random,
}

impl Restore {
    /// Finds the key, and nothing else yet.
    pub fn new(config: &Config, file: &Path) -> Result<Restore> {
        Restore::new_with(config, file, (Clock::System, Random::Os))
    }

    /// The same with another clock and other chance, for tests.
    pub fn new_with(config: &Config, file: &Path, (clock, random): (Clock, Random)) -> Result<Restore> {
        let master = MasterKey::new(config.master_key.clone(), &config.data_dir).find_for_backup()?;
        Ok(Restore {
            file: file.to_owned(),
            database: config.database.clone(),
            shown: config.database_shown(),
            data_dir: config.data_dir.clone(),
            master: Arc::new(master),
            clock,
            random,
        })
    }

    /// Reads the whole backup and says what is in it, if it is as it was written. Makes nothing.
    pub fn look(&self, progress: &mut dyn FnMut(u64)) -> Result<Contents> {
        let mut unwrapper = self.open()?;
        let mut contents = Contents::new(unwrapper.head.clone());
        let (mut last_user, mut done) = (String::new(), 0);
        let sum = rows::read(&mut unwrapper, &mut |table, row| {
            contents.count(table, &row, &mut last_user);
            done += 1;
            progress(done);
            Ok(())
        })?;
        (contents.rows, contents.people) = (sum.rows, sum.people);
        Ok(contents)
    }

    /// Refuses a place where anything is.
    pub fn refuse_taken(&self) -> Result<()> {
        if Db::is_empty(&self.database).map_err(crate::refused)? {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "there is a database at {} already, and nothing is ever restored over one. Stop its servers and put it aside, or name \
             another place with --database or --data-dir",
            self.shown
        )))
    }

    /// Makes the database. `contents` is what [`Restore::look`] has found; `progress` is told how many rows were written.
    pub async fn run(&self, contents: &Contents, progress: Box<dyn FnMut(u64) + Send>) -> Result<()> {
        self.refuse_taken()?;
        // The database of a house whose key is a setting may be in a directory that is not there yet.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir).map_err(|e| {
            Error::Refused(format!("cannot make the data directory {}: {e}", self.data_dir.display()))
        })?;
        let (this, seen, progress) = (self.clone(), contents.clone(), Mutex::new(progress));
        let schema = contents.head.schema;
        let filled = Db::found(&self.database, (schema, self.clock.now()), move |tx| {
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            this.fill(tx, &seen, &mut *progress)
        });
        filled.await.map_err(crate::refused_within)
    }

    fn open(&self) -> Result<Unwrapper> {
        let shown = self.file.display();
        let file = File::open(&self.file)
            .map_err(|e| Error::Refused(format!("cannot open the backup {shown}: {e}")))?;
        let unwrapper = Unwrapper::new(
            Box::new(BufReader::with_capacity(64 << 10, file)),
            &vault::backup_key(&self.master),
        )?;
        let Head { schema, program, .. } = &unwrapper.head;
        if *schema > Db::SCHEMA || *schema < dump::OLDEST {
            return Err(Error::Refused(format!(
                "this backup has schema {schema}, and this program knows {} to {}: restore it with Latchkey {}",
                dump::OLDEST,
                Db::SCHEMA,
                crate::plain::line(program)
            )));
        }
        Ok(unwrapper)
    }

    /// Writes what comes back, in the caller's transaction.
    fn fill(&self, tx: &mut Tx<'_>, seen: &Contents, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let mut unwrapper = self.open()?;
        if unwrapper.head != seen.head {
            return Err(Error::Refused("the backup was exchanged while it was read".to_owned()));
        }
        let mut done = 0;
        let sum = rows::read(&mut unwrapper, &mut |table, row| {
            done += 1;
            progress(done);
            if ENDED.contains(&table.name) {
                return Ok(());
            }
            Ok(table.insert(tx, &in_new_epoch(table, row, self.clock.now()))?)
        })?;
        if sum != (Sum { rows: seen.rows, people: seen.people }) {
            return Err(Error::Refused("the backup was exchanged while it was read".to_owned()));
        }
        let vault = vault::unseal(&keys::all(tx)?, &self.master, self.random.clone())?;
        self.record(tx, &vault, &seen.head)
    }

    fn record(&self, tx: &mut Tx<'_>, vault: &Vault, head: &Head) -> Result<()> {
        let scribe =
            Scribe::new((&self.random, vault, &Meters::default()), &Visit::default(), self.clock.now());
        let at = timestamp(head.at);
        let detail = [("backup_of", at.as_str()), ("from", head.engine.as_str())];
        scribe.record(tx, Happened::Restored, Whom { id: None, name: "" }, &detail)
    }
}

/// A row as it comes back: what was true in the epoch before is true no more.
fn in_new_epoch(table: &Table, mut row: Vec<Cell>, now: Time) -> Vec<Cell> {
    let place = |column: &str| table.place(column);
    match table.name {
        "users" => {
            if let Some(epoch) = place("epoch").and_then(|at| row.get_mut(at))
                && let Some(number) = epoch.int()
            {
                *epoch = Cell::Int(number.saturating_add(1));
            }
        }
        "authenticators" => {
            let int = |column: &str| place(column).and_then(|at| row[at].int());
            let spent = spent(int("last_step"), int("period"), int("drift"), now);
            if let Some(at) = place("last_step") {
                row[at] = Cell::Int(spent);
            }
        }
        _ => {}
    }
    row
}

/// The last step that can have been spent until now: somebody may have done so since the backup.
fn spent(last: Option<i64>, period: Option<i64>, drift: Option<i64>, now: Time) -> i64 {
    let steps = drift.unwrap_or_default();
    let newest = Drift { steps, votes: 0 }.window().into_iter().max().unwrap_or_default();
    let present = now.seconds().div_euclid(period.unwrap_or(30).max(1));
    last.unwrap_or(-1).max(present.saturating_add(newest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_is_good_now_is_spent_whatever_the_clock_of_the_phone() {
        let now = Time::from_millis(3_000_000);
        for (last, drift, spent_now) in
            [(5, 0, 101), (5, 1, 102), (5, -1, 100), (5, 9, 109), (5, -9, 100), (500, 0, 500)]
        {
            assert_eq!(spent(Some(last), Some(30), Some(drift), now), spent_now, "{last} {drift}");
            let window = Drift { steps: drift, votes: 0 }.window();
            assert!(window.iter().all(|offset| 100 + offset <= spent_now));
        }
        assert_eq!(spent(Some(5), Some(60), Some(0), now), 51);
        assert_eq!(spent(Some(5), Some(0), Some(0), now), 3001, "no period is no reason to fall over");
    }
}
