//! Whether anything was ended or taken from anybody in a SQLite database, without asking SQLite: the head of the index of its write-ahead
//! log is another one after every commit, whichever connection of whichever process made it. Reading it takes one call of the system,
//! and no lock of the file.
//!
//! The index is the file whose name ends in `-shm`. All who have the database open hold it in memory, where it is written before a
//! `COMMIT` is answered, and go by its head to tell which commits there are. So while the head is the same, a read would find the same.
//! Of the commits of our own writer it is known what they do: one that revokes nothing leaves the state as it was. Every other one makes
//! it another one.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::job::monotonic;
use crate::{Error, Result, State};

/// Bytes of the head. It stands there twice.
const HEAD: usize = 48;
/// The version of the format, which stands first. No other one was ever made.
const VERSION: u32 = 3_007_000;
/// Where the number stands that every commit raises by one.
const CHANGES: usize = 8;

type Head = [u8; HEAD];

/// How long a look is good for. A commit of this process ends that at once, and one of another process counts a tenth of a
/// millisecond after its answer at the latest.
const GOOD_FOR: Duration = Duration::from_micros(100);

/// The index of one database that is open.
pub(crate) struct WalIndex {
    path: PathBuf,
    /// How many commits this process has made.
    commits: AtomicU64,
    /// How many pages were in the log after the last of them.
    pages: AtomicI64,
    looks: Mutex<Looks>,
}

#[derive(Default)]
struct Looks {
    file: Opened,
    /// The head after the last commit that is known.
    known: Option<Head>,
    /// Another one after every commit that has revoked something, or may have.
    revocations: u64,
    /// Our writer has the database for itself: whoever else commits, does so before or after.
    writing: bool,
    /// What it is about to commit revokes something.
    revoking: bool,
    last: Option<Look>,
}

/// The file. It is opened when somebody first looks, and never closed: whoever closes a file gives up every lock that the process has
/// on it, and SQLite has some on this one.
#[derive(Default)]
enum Opened {
    #[default]
    NotYet,
    Yes(ManuallyDrop<File>),
    /// It is not there, or not what SQLite goes by.
    Never,
}

/// What was found, when, and after how many commits of ours.
struct Look {
    state: State,
    at: Instant,
    commits: u64,
}

impl WalIndex {
    pub(crate) fn of(database: &Path) -> WalIndex {
        let mut path = database.as_os_str().to_owned();
        path.push("-shm");
        WalIndex {
            path: path.into(),
            commits: AtomicU64::new(0),
            pages: AtomicI64::new(0),
            looks: Mutex::default(),
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many pages the log had after the last commit of this process.
    pub(crate) fn pages(&self) -> i64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// How many commits of this process have changed something.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Whether anything was revoked, now, or up to a tenth of a millisecond ago if nobody here has committed since. `None` where it
    /// cannot be told, and while somebody is writing the head.
    pub(crate) fn state(&self) -> Option<State> {
        // Both before the look: what happens during it counts as later.
        let (at, commits) = (monotonic(), self.commits.load(Ordering::Acquire));
        let mut looks = self.looks();
        let good = |look: &&Look| look.commits == commits && at.duration_since(look.at) < GOOD_FOR;
        if let Some(look) = looks.last.as_ref().filter(good) {
            return Some(look.state);
        }
        if matches!(looks.file, Opened::NotYet) {
            looks.file = open(&self.path);
        }
        let state = looks.look();
        looks.last = state.map(|state| Look { state, at, commits });
        state
    }

    /// Our writer has the database for itself from now on.
    pub(crate) fn begin(&self) {
        self.looks().writing = true;
    }

    /// What it commits next revokes something, or does not.
    pub(crate) fn will_revoke(&self, revokes: bool) {
        self.looks().revoking = revokes;
    }

    /// Others may commit again. Where ours failed, nobody knows what became of it.
    pub(crate) fn end(&self, committed: bool) {
        let mut looks = self.looks();
        looks.writing = false;
        if !committed {
            looks.revocations += 1;
            looks.last = None;
        }
    }
}

impl Looks {
    fn look(&mut self) -> Option<State> {
        let head = self.file.look()?;
        if self.known != Some(head) {
            // A commit of ours that nobody has told of yet, or one of somebody else right behind it.
            if self.writing {
                return None;
            }
            (self.known, self.revocations) = (Some(head), self.revocations + 1);
        }
        Some(State::of(self.revocations))
    }

    /// Our writer has committed.
    fn committed(&mut self) {
        let now = self.file.look();
        let number = |head: Head| head[CHANGES..].first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
        let next = self.known.and_then(number).map(|changes| changes.wrapping_add(1));
        // Any other number: somebody else has committed, too.
        let is_ours_alone = next.is_some() && now.and_then(number) == next;
        if !is_ours_alone || self.revoking {
            self.revocations += 1;
        }
        self.known = now;
    }
}

fn open(path: &Path) -> Opened {
    // On other systems a file need not hold what is in memory.
    let file = File::open(path).ok().filter(|_| cfg!(target_os = "linux"));
    file.map_or(Opened::Never, |file| Opened::Yes(ManuallyDrop::new(file)))
}

impl Opened {
    fn look(&self) -> Option<Head> {
        let Opened::Yes(file) = self else { return None };
        let mut both = [0; 2 * HEAD];
        file.read_exact_at(&mut both, 0).ok()?;
        read(&both)
    }
}

/// Holds an index against the commits of a connection: where one of them does not show, it is not the index of that database, or the
/// file is not what is in memory, and nobody goes by it any more.
pub(crate) fn judge_at_each_commit(writer: &mut Connection, index: &Arc<WalIndex>) -> Result<()> {
    let (index, mut last) = (index.clone(), None);
    let judge = move |_: &mut Wal, pages| {
        index.pages.store(i64::from(pages), Ordering::Relaxed);
        index.commits.fetch_add(1, Ordering::Release);
        let mut looks = index.looks();
        let now = looks.file.look();
        if now.is_some() && now == last {
            *looks = Looks { file: Opened::Never, ..Looks::default() };
        }
        last = now;
        looks.committed();
        Ok(())
    };
    // Not called for a commit that leaves every page as it was: it does not show either, and need not.
    writer.wal_hook(Some(judge)).map_err(Error::broken)
}

fn read(both: &[u8; 2 * HEAD]) -> Option<Head> {
    // Whoever commits writes one after the other.
    let (head, same) = both.split_first_chunk::<HEAD>()?;
    let version = head.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
    (head == same && version == Some(VERSION)).then_some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database with a row, its connection, and its index.
    fn opened(dir: &Path, name: &str) -> (Connection, WalIndex) {
        let path = dir.join(name);
        let conn = Connection::open(&path).unwrap();
        conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(())).unwrap();
        conn.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1);").unwrap();
        (conn, WalIndex::of(&path))
    }

    #[test]
    fn a_commit_shows_and_what_is_not_committed_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (conn, index) = opened(dir.path(), "one.db");
        let other = Connection::open(dir.path().join("one.db")).unwrap();
        let look = || index.looks().file.look();
        index.state().unwrap();
        let mut last = look().unwrap();
        for writer in [&conn, &other, &conn] {
            writer.execute_batch("BEGIN IMMEDIATE; UPDATE t SET n = n + 1;").unwrap();
            assert_eq!(look(), Some(last), "nothing is committed yet");
            writer.execute_batch("ROLLBACK").unwrap();
            assert_eq!(look(), Some(last), "and that was rolled back");
            writer.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            let now = look().unwrap();
            assert_ne!(now, last);
            last = now;
        }
        other.query_row("SELECT n FROM t", [], |_| Ok(())).unwrap();
        assert_eq!(look(), Some(last), "who reads changes nothing");
    }

    /// A transaction of our writer.
    fn write(conn: &Connection, index: &WalIndex, revokes: bool) {
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        index.begin();
        conn.execute_batch("UPDATE t SET n = 1 - n").unwrap();
        index.will_revoke(revokes);
        conn.execute_batch("COMMIT").unwrap();
        index.end(true);
    }

    #[test]
    fn only_a_commit_of_ours_that_revokes_nothing_leaves_the_state_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, index) = opened(dir.path(), "one.db");
        let index = Arc::new(index);
        judge_at_each_commit(&mut conn, &index).unwrap();
        let other = Connection::open(dir.path().join("one.db")).unwrap();
        let mut reused = 0;
        for _ in 0..200 {
            let before = index.state().unwrap();
            reused += u32::from(index.state() == Some(before));
            write(&conn, &index, false);
            assert_eq!(index.state(), Some(before), "nothing was revoked");
            write(&conn, &index, true);
            let after = index.state().unwrap();
            assert_ne!(after, before, "of a revocation here the next one hears at once");
            other.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            std::thread::sleep(GOOD_FOR);
            let later = index.state().unwrap();
            assert_ne!(later, after, "and of any commit of another one a moment later");
            // The other one is first, and nobody has looked in between.
            other.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            write(&conn, &index, false);
            assert_ne!(index.state().unwrap(), later);
        }
        assert_eq!(reused, 200);
    }

    #[test]
    fn what_is_remembered_of_a_look_is_what_is_told_until_we_commit() {
        let dir = tempfile::tempdir().unwrap();
        let (_conn, index) = opened(dir.path(), "one.db");
        let held = State::of(7);
        let look = Look { state: held, at: monotonic() + Duration::from_secs(60), commits: 0 };
        index.looks().last = Some(look);
        assert_eq!(index.state(), Some(held));
        index.commits.fetch_add(1, Ordering::Release);
        assert_ne!(index.state(), Some(held));
    }

    #[test]
    fn who_commits_right_behind_us_is_not_taken_for_us() {
        let dir = tempfile::tempdir().unwrap();
        for others in 0..3 {
            let (conn, index) = opened(dir.path(), &format!("{others}.db"));
            let other = Connection::open(dir.path().join(format!("{others}.db"))).unwrap();
            let before = index.state().unwrap();
            index.begin();
            // Nobody calls us at this commit, as if we were slow to hear of it.
            conn.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            for _ in 0..others {
                other.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            }
            std::thread::sleep(GOOD_FOR);
            assert_eq!(index.state(), None, "whose commit this is cannot be told yet");
            index.looks().committed();
            index.end(true);
            assert_eq!(index.state() == Some(before), others == 0, "{others}");
        }
    }

    #[test]
    fn after_a_commit_that_failed_nothing_is_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (_conn, index) = opened(dir.path(), "one.db");
        let before = index.state().unwrap();
        index.begin();
        index.end(false);
        assert!(index.state().is_some_and(|after| after != before));
    }

    #[test]
    fn what_is_being_written_or_is_of_another_format_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let (_conn, index) = opened(dir.path(), "one.db");
        let told = index.state();
        let mut both = [0; 2 * HEAD];
        let looks = index.looks();
        let Opened::Yes(file) = &looks.file else { panic!("it is open") };
        file.read_exact_at(&mut both, 0).unwrap();
        assert!(told.is_some() && read(&both).is_some() && read(&both) == looks.known);
        for byte in 0..both.len() {
            let mut torn = both;
            torn[byte] ^= 1;
            assert_eq!(read(&torn), None, "byte {byte}");
        }
        both[0] ^= 1;
        both[HEAD] ^= 1;
        assert_eq!(read(&both), None, "the version");
        assert_eq!(WalIndex::of(&dir.path().join("none.db")).state(), None);
    }

    #[test]
    fn an_index_that_does_not_show_a_commit_is_not_gone_by_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, index) = opened(dir.path(), "one.db");
        let (_other, of_another) = opened(dir.path(), "another.db");
        for (index, shows) in [(index, true), (of_another, false)] {
            let index = Arc::new(index);
            judge_at_each_commit(&mut conn, &index).unwrap();
            let mut told = Vec::new();
            for look in [false, true, true, true, true] {
                conn.execute_batch("UPDATE t SET n = 1 - n; UPDATE t SET n = n;").unwrap();
                told.push(look && index.state().is_some());
            }
            assert_eq!(told, [false, true, true, shows, shows]);
        }
    }
}
