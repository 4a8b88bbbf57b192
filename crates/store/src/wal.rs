//! Keeps SQLite's write-ahead log short. Beside the writer, its pages are copied back into the database; only when hardly any are left
//! does the writer stop for the rest, and then the log begins anew in its own place. So nobody waits for more than a few pages, and a
//! commit writes over what is there, which a disk does faster than to let a file grow.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;

use crate::wal_index::WalIndex;

/// Pages that are copied back at a time, beside the writer. They lie anywhere in the database, so bringing them to the disk takes many times
/// as long as a commit, and commits wait behind them: few at a time keep that short.
const COPIED_AT_ONCE: i64 = 500;
/// With so many pages the log begins anew, once so few of them are not copied back.
const BEGINS_ANEW: i64 = 4000;
const FEW: i64 = 150;
/// How often the writer is followed until so few are left; each time there are less, unless the disk is slower than the writer.
const CHASES: usize = 12;
/// With so many pages the writer stops in any case, and with each so many more if somebody looks at the old ones so long.
const MOST: i64 = 32_000;
/// How often it waits then for whoever is copying already, and how long each time.
const WAITS: u32 = 400;
const WAIT: Duration = Duration::from_millis(5);
/// What SQLite answers meanwhile instead of a number of pages.
const SOMEBODY_COPIES: i64 = -1;
/// Between one time and the next.
const PAUSE: Duration = Duration::from_millis(20);

/// The log of a database that is open.
pub(crate) struct Log {
    index: Arc<WalIndex>,
    /// Hardly any of its pages are not copied back.
    nearly_copied: AtomicBool,
    /// At which length the writer stops next.
    most: AtomicI64,
}

impl Log {
    pub(crate) fn new(index: Arc<WalIndex>) -> Log {
        Log { index, nearly_copied: AtomicBool::new(false), most: AtomicI64::new(MOST) }
    }

    /// Copies pages back whenever there are enough, by a connection of its own, until it is told to stop.
    pub(crate) fn copy_beside_writer(
        &self,
        database: &Path,
        connect: impl Fn() -> Option<Connection>,
        written: &Receiver<()>,
        stopped: &Receiver<()>,
    ) {
        let (mut conn, mut disk, mut copied) = (None, None, 0);
        while written.recv().is_ok() {
            let pages = self.index.pages();
            // It has begun anew when it has less.
            let left = if pages < copied { pages } else { pages - copied };
            if left >= COPIED_AT_ONCE {
                // What fails is tried again after the next commit.
                if conn.is_none() {
                    conn = connect();
                }
                // Never closed: whoever closes a file gives up every lock that the process has on it.
                if disk.is_none() {
                    disk = File::open(database).map(ManuallyDrop::new).ok();
                }
                let follow = |conn| self.follow_writer(conn, disk.as_deref());
                copied = conn.as_ref().and_then(follow).unwrap_or(copied);
            }
            // Not at every commit: to wake a thread costs the writer more than to copy a page.
            if stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// How many pages are copied back in the end; `None` when it failed.
    fn follow_writer(&self, conn: &Connection, disk: Option<&File>) -> Option<i64> {
        let mut copied = None;
        for _ in 0..CHASES {
            let now = checkpoint(conn)?;
            copied = Some(now);
            // SQLite sees to that only when it has copied the last page, and then the writer would wait for all of them. What fails
            // here fails there.
            let _ = disk.map(File::sync_data);
            if self.index.pages() < BEGINS_ANEW {
                break;
            }
            if self.index.pages() - now <= FEW {
                self.nearly_copied.store(true, Ordering::Relaxed);
                break;
            }
        }
        copied
    }

    /// Whether the writer should stop now.
    pub(crate) fn wants_the_rest(&self) -> bool {
        self.nearly_copied.swap(false, Ordering::Relaxed)
            || self.index.pages() >= self.most.load(Ordering::Relaxed)
    }

    /// Copies back what is left, by the connection of the writer, as far as those who look let it. When all is copied, what is
    /// written next begins the log anew.
    pub(crate) fn copy_the_rest(&self, conn: &Connection) {
        let mut copied = checkpoint(conn);
        for _ in 0..WAITS {
            // Two cannot copy at once, and whoever copies beside the writer may be in the middle of it.
            if copied != Some(SOMEBODY_COPIES) || self.index.pages() < MOST {
                break;
            }
            std::thread::sleep(WAIT);
            copied = checkpoint(conn);
        }
        let pages = self.index.pages();
        let most = if pages < MOST || copied == Some(pages) { MOST } else { pages + MOST };
        self.most.store(most, Ordering::Relaxed);
    }
}

/// How many pages of the log are copied back now; `None` when it failed.
fn checkpoint(conn: &Connection) -> Option<i64> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2)).ok()
}
