//! A database as it would be with the newest schema: everything happens in one transaction that is never committed.
//!
//! One thread owns the only connection. What is asked runs in its turn, in a savepoint each, and sees what was written before. When the
//! last handle goes, all of it is undone; when the process dies, the engine sees to that.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::end::End;
use crate::job::{Queued, Ran};
use crate::{Conn, Error, Kind, Result, Time, Tx, dump, migrate};

const QUEUE: usize = 64;

pub(crate) struct Rehearsal {
    pub(crate) kind: Kind,
    jobs: Option<Sender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Rehearsal {
    /// Answers when the schema is there, also how many rows there are.
    pub(crate) async fn open(url: &str, (from, now): (i64, Time)) -> Result<(Rehearsal, u64)> {
        let kind = Kind::of(url)?;
        let (jobs, queue) = bounded(QUEUE);
        let (begun, ready) = oneshot::channel();
        let url = url.to_owned();
        let work = move || match begin(&url, (from, now)) {
            Ok((end, rows)) => {
                let _ = begun.send(Ok(rows));
                play(end, &queue);
            }
            Err(error) => {
                let _ = begun.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name("db-rehearsal".to_owned()).spawn(work);
        let thread = thread.map_err(Error::broken)?;
        let rows = ready.await.unwrap_or_else(|_| Err(Error::broken("the rehearsal panicked")))?;
        Ok((Rehearsal { kind, jobs: Some(jobs), thread: Some(thread) }, rows))
    }

    pub(crate) fn queue(&self) -> &Sender<Queued> {
        self.jobs.as_ref().expect("the queue goes when the database is dropped, and then nobody can ask")
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.jobs = None;
        // A job may have held the last handle: a thread cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|it| it.thread().id() != std::thread::current().id())
        {
            let _ = thread.join();
        }
    }
}

/// Opens the transaction and makes the schema, in the steps in which it will be made.
fn begin(url: &str, (from, now): (i64, Time)) -> Result<(End, u64)> {
    let mut end = End::open(url)?;
    let begin = match end {
        End::Lite(_) => "BEGIN IMMEDIATE",
        // Others wait for whatever is changed here. They are kept waiting no longer than for what they do themselves.
        End::Pg(_) => "BEGIN; SET LOCAL statement_timeout = 0",
    };
    let mut tx = Tx::new(end.conn());
    tx.control(begin)?;
    // Counting takes long where there is much, and so comes before anybody has to wait for a table that changes.
    let before = count(&mut tx, from)?;
    for first in [true, false] {
        migrate::begin(&mut tx, first)?;
    }
    while migrate::step(&mut tx, now)? {}
    // What tables there were in times of old nobody knows any more.
    let rows = if from < dump::OLDEST { count(&mut tx, migrate::NEWEST)? } else { before };
    Ok((end, rows))
}

fn count(conn: &mut Conn<'_>, schema: i64) -> Result<u64> {
    dump::tables(schema).try_fold(0, |sum, table| Ok(sum + table.count(conn)?))
}

fn play(mut end: End, queue: &Receiver<Queued>) {
    for mut job in queue {
        if job.is_stale() {
            continue;
        }
        let ended = in_turn(&mut end, &mut job);
        job.answer(ended);
    }
    let _ = end.conn().control("ROLLBACK");
}

fn in_turn(end: &mut End, job: &mut Queued) -> Result<()> {
    end.conn().control("SAVEPOINT job")?;
    let ran = job.run(&mut Tx::new(end.conn()));
    let settled = end.conn().settle();
    if let End::Lite(conn) = end
        && conn.is_autocommit()
    {
        return Err(Error::broken("the engine ended the transaction"));
    }
    let mut conn = end.conn();
    if ran != Ran::Keep || settled.is_err() {
        conn.control("ROLLBACK TO job")?;
    }
    conn.control("RELEASE job")?;
    settled?;
    if ran == Ran::Again { Err(Error::Busy) } else { Ok(()) }
}
