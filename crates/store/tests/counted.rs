//! What is counted of jobs: what was committed, once, before its answer leaves; and how the database does.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store::scratch::Scratch;
use store::{Counter, Db, Error, Kind, Result, Sql, Tx};

const MAKE: Sql = Sql::new("CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY)");
const INSERT: Sql = Sql::new("INSERT INTO notes (id) VALUES ($1)");

async fn notes(scratch: &Scratch) -> Db {
    let db = scratch.open().await;
    db.write(|tx| tx.execute(MAKE, &[])).await.unwrap();
    db
}

fn insert(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    tx.execute(INSERT, &[id.into()])
}

#[tokio::test]
async fn what_happens_in_a_transaction_counts_when_it_is_committed_and_not_when_it_is_undone() {
    for scratch in Scratch::both() {
        let (db, [kept, inner, undone]) = (notes(&scratch).await, [(); 3].map(|()| Counter::default()));
        let counters = (kept.clone(), inner.clone());
        db.write(move |tx| {
            tx.count(&counters.0, 2);
            let gone: Result<()> = tx.savepoint(|tx| {
                tx.count(&counters.1, 1);
                Err(Error::Taken)
            })?;
            assert!(gone.is_err());
            tx.savepoint(|tx| {
                tx.count(&counters.0, 3);
                Ok::<_, Error>(())
            })??;
            insert(tx, 1)
        })
        .await
        .unwrap();
        let counter = undone.clone();
        let refused = db.write(move |tx| {
            tx.count(&counter, 1);
            insert(tx, 1)
        });
        assert!(refused.await.is_err());
        let counter = undone.clone();
        let panicked = db.write(move |tx| -> Result<()> {
            tx.count(&counter, 1);
            panic!("on purpose")
        });
        assert!(panicked.await.is_err());
        let counted = [kept, inner, undone].map(|counter| counter.value());
        assert_eq!(counted, [5, 0, 0], "{:?}", db.kind());
    }
}

/// On a thread of its own, since the client brings its own runtime.
fn on_postgres(scratch: &Scratch, text: &'static str) {
    let config: postgres::Config = scratch.url().parse().unwrap();
    let run = move || config.connect(postgres::NoTls).unwrap().batch_execute(text).unwrap();
    std::thread::spawn(run).join().unwrap();
}

#[tokio::test]
async fn what_ran_again_is_counted_once() {
    let scratch = Scratch::new(Kind::Postgres);
    let db = notes(&scratch).await;
    on_postgres(
        &scratch,
        "CREATE SEQUENCE stumbles;
         CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
             IF nextval('stumbles') <= 2 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;
             RETURN NEW;
         END $f$;
         CREATE TRIGGER now BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION stumble();",
    );
    let (runs, counter) = (Arc::new(AtomicUsize::new(0)), Counter::default());
    let of_job = (runs.clone(), counter.clone());
    db.write(move |tx| {
        of_job.0.fetch_add(1, Ordering::SeqCst);
        tx.count(&of_job.1, 1);
        insert(tx, 1)
    })
    .await
    .unwrap();
    assert_eq!((runs.load(Ordering::SeqCst), counter.value()), (3, 1));
}

#[tokio::test]
async fn commits_are_counted_with_what_shares_them_and_what_waits_is_seen() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let before = db.activity();
        let sleeper = tokio::spawn({
            let db = db.clone();
            async move {
                db.write(|_| {
                    std::thread::sleep(Duration::from_millis(300));
                    Ok::<_, Error>(())
                })
                .await
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let jobs: Vec<_> = (0..40)
            .map(|id| {
                let db = db.clone();
                tokio::spawn(async move { db.write(move |tx| insert(tx, id)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let lanes = db.activity().lanes;
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        sleeper.await.unwrap().unwrap();
        let after = db.activity();
        assert_eq!(after.batches.sum - before.batches.sum, 41, "{:?}", db.kind());
        let commits = |activity: &store::Activity| activity.commits.counts.iter().sum::<u64>();
        let made = commits(&after) - commits(&before);
        let names: Vec<&str> = lanes.iter().map(|lane| lane.name).collect();
        match db.kind() {
            Kind::Sqlite => {
                // The first one ran alone, and the others waited together.
                assert!(made <= 6, "{made} commits");
                assert_eq!((names, lanes[0].connections), (vec!["write", "scan"], None));
            }
            Kind::Postgres => {
                assert_eq!(made, 41);
                assert_eq!(names, ["write", "read", "check"]);
                assert!(after.lanes[0].connections.is_some_and(|open| (1..=8).contains(&open)));
            }
        }
        assert_eq!((after.failed, after.refused), (0, 0));
        assert!(db.takes_writes().is_ok());
    }
}

#[tokio::test]
async fn a_job_that_never_ran_is_counted_as_refused_and_a_commit_that_failed_as_failed() {
    const PARENT: Sql = Sql::new("CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY)");
    const CHILD: Sql = Sql::new(
        "CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    const ORPHAN: Sql = Sql::new("INSERT INTO children (parent) VALUES (1)");
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        db.write(|tx| tx.execute(PARENT, &[]).and(tx.execute(CHILD, &[]))).await.unwrap();
        let counter = Counter::default();
        let of_job = counter.clone();
        let failed = db.write(move |tx| {
            tx.count(&of_job, 1);
            tx.execute(ORPHAN, &[])
        });
        assert!(failed.await.is_err());
        assert_eq!((db.activity().failed, counter.value()), (1, 0), "{:?}", db.kind());
        assert_eq!(db.takes_writes().is_err(), db.kind() == Kind::Sqlite);
        db.write(|tx| insert(tx, 1)).await.unwrap();
        assert!(db.takes_writes().is_ok(), "what was written since was kept");

        let late = db.with_deadline(Duration::ZERO).write(|tx| insert(tx, 2)).await;
        assert!(matches!(late, Err(Error::Overloaded)));
        assert_eq!(db.activity().refused, 1, "{:?}", db.kind());
    }
}
