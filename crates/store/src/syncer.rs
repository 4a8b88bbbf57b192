//! Brings what the writer of SQLite has committed to the disk, and answers then. Meanwhile the writer goes on with those who came next, so
//! that work and waiting for the disk take place at the same time.
//!
//! SQLite itself does not wait for the disk at a commit of this writer (`synchronous=NORMAL`). After a crash such a commit is there as a
//! whole or not at all, and nobody has heard of it before it is there for good.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::job::Queued;
use crate::tally::Counters;
use crate::{Error, Result};

/// Why nothing is written any more, once that is so.
pub(crate) type Dead = Arc<OnceLock<Error>>;

/// Jobs that were committed together, and are answered once that is on the disk.
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Queued>,
    /// When the commit began.
    pub(crate) began: Instant,
}

/// Waits for the disk.
pub(crate) struct Syncer {
    log: PathBuf,
    /// Opened at the first commit: the log stays the same file while anybody has the database open.
    disk: OnceLock<File>,
    /// Batches that were handed over and are not answered.
    waiting: AtomicUsize,
    dead: Dead,
    counters: Arc<Counters>,
}

impl Syncer {
    /// Of the database with that log.
    pub(crate) fn new(log: PathBuf, dead: Dead, counters: Arc<Counters>) -> Syncer {
        Syncer { log, disk: OnceLock::new(), waiting: AtomicUsize::new(0), dead, counters }
    }

    /// Whether nobody waits for the disk here.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// A batch is about to be handed over.
    pub(crate) fn awaits_one_more(&self) {
        self.waiting.fetch_add(1, Ordering::Release);
    }

    /// Answers batches as they come. Those that came while the disk was waited for share the next wait.
    pub(crate) fn work(&self, batches: &Receiver<Batch>) {
        while let Ok(first) = batches.recv() {
            let all: Vec<Batch> = std::iter::once(first).chain(batches.try_iter()).collect();
            let count = all.len();
            self.settle(all);
            self.waiting.fetch_sub(count, Ordering::Release);
        }
    }

    /// Waits for the disk, and answers.
    pub(crate) fn settle(&self, batches: Vec<Batch>) {
        let synced = self.sync();
        batches.into_iter().for_each(|batch| self.answer(batch, &synced));
    }

    /// Answers a batch of which it is known what became of it.
    pub(crate) fn answer(&self, Batch { jobs, began }: Batch, ended: &Result<()>) {
        match ended {
            Ok(()) => self.counters.committed(jobs.len(), began.elapsed()),
            Err(_) => self.counters.commit_failed(),
        }
        jobs.into_iter().for_each(|job| job.answer(ended.clone()));
    }

    fn sync(&self) -> Result<()> {
        // After one that failed, another one may say that all is well: nobody knows what is on the disk.
        if let Some(error) = self.dead.get() {
            return Err(error.clone());
        }
        self.disk().and_then(File::sync_data).map_err(|failed| {
            let why = Error::gone(format!("writing failed, and nothing more is written: {failed}"));
            let _ = self.dead.set(why.clone());
            why
        })
    }

    fn disk(&self) -> io::Result<&File> {
        if self.disk.get().is_none() {
            let _ = self.disk.set(File::open(&self.log)?);
        }
        self.disk.get().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc::channel;
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::Duration;

    use rusqlite::Connection;
    use tokio::sync::oneshot::Receiver;

    use super::*;
    use crate::job::{self, Shape, deadline, monotonic};
    use crate::sql::Engine;
    use crate::sqlite::Sqlite;
    use crate::{Conn, Error, Sql, Tx};

    const WAIT: Duration = Duration::from_secs(60);

    fn write(closure: impl Fn(&mut Tx<'_>) + Send + 'static) -> (Queued, Receiver<Queued>) {
        let closure = move |tx: &mut Tx<'_>| {
            closure(tx);
            Ok::<(), Error>(())
        };
        job::job((Shape::Write, deadline(WAIT)), &Arc::default(), closure)
    }

    #[expect(clippy::boxed_local, reason = "it comes so")]
    fn is_well(mut job: Queued) -> bool {
        job.take_answer::<(), Error>().is_ok()
    }

    /// A batch of one that has run, and where it comes back to.
    fn batch() -> (Batch, Receiver<Queued>) {
        let memory = Connection::open_in_memory().unwrap();
        let (mut job, back) = write(|_| {});
        job.run(&mut Tx::new(Conn::new(Engine::Lite(&memory))));
        (Batch { jobs: vec![job], began: monotonic() }, back)
    }

    /// Does something when the answer comes, where it comes from.
    struct Ear<F>(F);

    impl<F: Fn() + Send + Sync + 'static> Wake for Ear<F> {
        fn wake(self: Arc<Self>) {
            self.0();
        }
    }

    /// From here on `ear` hears when the answer comes.
    fn listen(back: &mut Receiver<Queued>, ear: impl Fn() + Send + Sync + 'static) {
        let ear = Waker::from(Arc::new(Ear(ear)));
        assert!(matches!(pin!(back).poll(&mut Context::from_waker(&ear)), Poll::Pending));
    }

    /// Eight who write together are answered by whoever waits for the disk, and as that ends.
    #[test]
    fn who_writes_beside_others_is_answered_by_whoever_waits_for_the_disk() {
        for well in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("l.db");
            Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
            let sqlite = Sqlite::open(&path, Arc::default()).unwrap();
            let ((begins, begun), (go, wait), (tell, told)) = (channel(), channel(), channel());
            let wait = std::sync::Mutex::new(wait);
            let (looks, _back) = write(move |_| {
                begins.send(()).unwrap();
                wait.lock().unwrap().recv().unwrap();
            });
            sqlite.queue(Shape::Write).send(looks).unwrap();
            begun.recv().unwrap();
            if !well {
                // Nobody can say then that it is on the disk.
                std::fs::remove_file(dir.path().join("l.db-wal")).unwrap();
            }
            let writes = |tx: &mut Tx<'_>| {
                const WRITE: Sql = Sql::new("INSERT INTO t (n) VALUES (1)");
                assert_eq!(tx.execute(WRITE, &[]).unwrap(), 1);
            };
            let mut backs = Vec::new();
            for _ in 0..8 {
                let (job, mut back) = write(writes);
                let tell = tell.clone();
                listen(&mut back, move || {
                    let _ = tell.send(std::thread::current().name().map(str::to_owned));
                });
                backs.push(back);
                sqlite.queue(Shape::Write).send(job).unwrap();
            }
            go.send(()).unwrap();
            let threads: Vec<_> = backs.iter().map(|_| told.recv_timeout(WAIT).unwrap()).collect();
            assert_eq!(threads, vec![Some("db-sync".to_owned()); 8]);
            let answers: Vec<_> = backs.iter_mut().map(|back| is_well(back.try_recv().unwrap())).collect();
            assert_eq!(answers, [well; 8]);
        }
    }

    #[test]
    fn once_the_disk_has_failed_nobody_hears_that_all_is_well() {
        let dir = tempfile::tempdir().unwrap();
        let (dead, counters) = (Arc::default(), Arc::<Counters>::default());
        let log = dir.path().join("l.db-wal");
        let syncer = Syncer::new(log.clone(), Arc::clone(&dead), counters.clone());
        let answers = |syncer: &Syncer, batches: usize| {
            let (batches, backs): (Vec<_>, Vec<_>) = (0..batches).map(|_| batch()).unzip();
            syncer.settle(batches);
            backs.into_iter().map(|mut back| is_well(back.try_recv().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(answers(&syncer, 1), [false], "there is no log");
        std::fs::write(&log, "").unwrap();
        assert_eq!(answers(&syncer, 2), [false, false], "now there is one, and it may lack something");
        assert!(dead.get().is_some() && counters.has_failed());
        let another = Syncer::new(log, Arc::default(), counters.clone());
        assert_eq!(answers(&another, 2), [true, true]);
        assert!(!counters.has_failed());
    }

    #[test]
    fn batches_are_answered_in_their_order_and_then_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("l.db-wal"), "").unwrap();
        let syncer = Syncer::new(dir.path().join("l.db-wal"), Arc::default(), Arc::default());
        let (to_sync, batches) = crossbeam_channel::bounded(8);
        let ((tell, told), mut backs) = (channel(), Vec::new());
        for number in 0..8 {
            syncer.awaits_one_more();
            let (batch, mut back) = batch();
            let tell = tell.clone();
            listen(&mut back, move || tell.send(number).unwrap());
            to_sync.send(batch).unwrap();
            backs.push(back);
        }
        drop(to_sync);
        assert!(!syncer.is_idle());
        syncer.work(&batches);
        assert!(syncer.is_idle());
        assert_eq!(told.try_iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
        assert!(backs.into_iter().all(|mut back| is_well(back.try_recv().unwrap())));
    }
}
