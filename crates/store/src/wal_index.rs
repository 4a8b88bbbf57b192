//! What a SQLite database holds now, without asking SQLite: the head of the index of its write-ahead log is another one after every
//! commit, whichever connection of whichever process made it. Reading it takes one call of the system, and no lock of the file.
//!
//! The index is the file whose name ends in `-shm`. All who have the database open hold it in memory, where it is written before a
//! `COMMIT` is answered, and go by its head to tell which commits there are. So while the head is the same, a read would find the same.

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
const HEAD: usize = State::HEAD;
/// The version of the format, which stands first. No other one was ever made.
const VERSION: u32 = 3_007_000;

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

    /// What the database holds, or held a tenth of a millisecond ago if nobody here has changed it since. `None` where it cannot be
    /// told, and while somebody is writing the head.
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
        looks.last = looks.file.look().map(|state| Look { state, at, commits });
        looks.last.as_ref().map(|look| look.state)
    }
}

fn open(path: &Path) -> Opened {
    // On other systems a file need not hold what is in memory.
    let file = File::open(path).ok().filter(|_| cfg!(target_os = "linux"));
    file.map_or(Opened::Never, |file| Opened::Yes(ManuallyDrop::new(file)))
}

impl Opened {
    fn look(&self) -> Option<State> {
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
            *looks = Looks { file: Opened::Never, last: None };
        }
        last = now;
        Ok(())
    };
    // Not called for a commit that leaves every page as it was: it does not show either, and need not.
    writer.wal_hook(Some(judge)).map_err(Error::broken)
}

fn read(both: &[u8; 2 * HEAD]) -> Option<State> {
    // Whoever commits writes one after the other.
    let (head, same) = both.split_first_chunk::<HEAD>()?;
    let version = head.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
    (head == same && version == Some(VERSION)).then(|| State::of_head(*head))
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
        let mut last = index.state().unwrap();
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

    #[test]
    fn a_look_is_good_for_a_moment_and_only_while_nothing_is_committed_here() {
        let dir = tempfile::tempdir().unwrap();
        let (mut conn, index) = opened(dir.path(), "one.db");
        let index = Arc::new(index);
        judge_at_each_commit(&mut conn, &index).unwrap();
        let other = Connection::open(dir.path().join("one.db")).unwrap();
        let mut reused = 0;
        for _ in 0..200 {
            let before = index.state().unwrap();
            reused += u32::from(index.state() == Some(before));
            conn.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            let after = index.state().unwrap();
            assert_ne!(after, before, "of a commit here the next one hears at once");
            other.execute_batch("UPDATE t SET n = 1 - n").unwrap();
            std::thread::sleep(GOOD_FOR);
            assert_ne!(index.state(), Some(after), "and of another one a moment later");
        }
        assert_eq!(reused, 200);
        // What is remembered is what is told, whatever the file holds.
        let held = State::of_head([7; HEAD]);
        let look = Look { state: held, at: monotonic() + Duration::from_secs(60), commits: 200 };
        index.looks().last = Some(look);
        assert_eq!(index.state(), Some(held));
        index.commits.fetch_add(1, Ordering::Release);
        assert_ne!(index.state(), Some(held));
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
        assert!(told.is_some() && read(&both) == told);
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
