//! What the engines promise, on both: nothing half done, nothing answered before its commit, nobody harmed by a neighbor.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use store::scratch::Scratch;
use store::{Conn, Db, Error, Kind, Result, Sql, Time, Tx};

const MAKE: Sql = Sql::new("CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)");
const INSERT: Sql = Sql::new("INSERT INTO notes (id, text) VALUES ($1, 'x')");
const PUT: Sql = Sql::new(
    "INSERT INTO notes (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = excluded.text",
);
const COUNT: Sql = Sql::new("SELECT count(*) FROM notes");
const BROKEN: Sql = Sql::new("SELECT nothing FROM nowhere");

async fn notes(scratch: &Scratch) -> Db {
    let db = scratch.open().await;
    db.write(|tx| tx.execute(MAKE, &[])).await.unwrap();
    db
}

fn insert(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    tx.execute(INSERT, &[id.into()])
}

fn count(conn: &mut Conn<'_>) -> Result<i64> {
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap())
}

/// Keeps whoever runs it busy.
fn slow(millis: u64) -> Result<()> {
    std::thread::sleep(Duration::from_millis(millis));
    Ok(())
}

#[tokio::test]
async fn what_was_answered_can_be_read_by_everyone() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        for id in 0..20 {
            db.write(move |tx| insert(tx, id)).await.unwrap();
            assert_eq!(db.read(count).await.unwrap(), id + 1);
            assert_eq!(db.scan(count).await.unwrap(), id + 1);
        }
    }
}

#[tokio::test]
async fn a_dropped_request_leaves_nothing_half_done() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        for id in 0..40 {
            let write = db.write(move |tx| {
                insert(tx, id * 2)?;
                std::thread::sleep(Duration::from_millis(2));
                insert(tx, id * 2 + 1)
            });
            // Dropped before, while or after it runs.
            let _ = tokio::time::timeout(Duration::from_micros(id as u64 * 100), write).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let rows = db.scan(count).await.unwrap();
        assert_eq!(rows % 2, 0, "half of a transaction was kept");
    }
}

#[tokio::test]
async fn a_panicking_job_harms_no_other() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let writes: Vec<_> = (0..50)
            .map(|id| {
                let db = db.clone();
                tokio::spawn(async move {
                    db.write(move |tx| {
                        insert(tx, id)?;
                        assert!(id % 5 != 0, "every fifth panics after it wrote");
                        Ok::<_, Error>(())
                    })
                    .await
                })
            })
            .collect();
        let mut failed = 0;
        for write in writes {
            failed += usize::from(write.await.unwrap().is_err());
        }
        assert_eq!((failed, db.read(count).await.unwrap()), (10, 40));
    }
}

#[tokio::test]
async fn a_failed_statement_fails_its_job_whatever_the_job_makes_of_it() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let swallowed = db
            .write(|tx| {
                insert(tx, 1)?;
                let _ = insert(tx, 1);
                Ok::<_, Error>("fine")
            })
            .await;
        assert!(matches!(swallowed, Err(Error::Taken)), "{swallowed:?}");
        let looked = db.scan(|conn| Ok::<_, Error>(conn.one(BROKEN, &[], |row| row.int(0)).ok())).await;
        assert!(matches!(looked, Err(Error::Broken(_))), "{looked:?}");
        let looked = db.read(|conn| Ok::<_, Error>(conn.one(BROKEN, &[], |row| row.int(0)).ok())).await;
        assert!(matches!(looked, Err(Error::Broken(_))), "{looked:?}");
        assert_eq!(db.read(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_failed_savepoint_undoes_itself_and_keeps_what_went_before() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        for how in ["error", "duplicate", "swallowed", "panic"] {
            let base = db.read(count).await.unwrap() * 10;
            let inner = db
                .write(move |tx| {
                    insert(tx, base)?;
                    let inner = tx.savepoint(|tx| {
                        insert(tx, base + 1)?;
                        match how {
                            "error" => return Err(Error::Overloaded),
                            "duplicate" => insert(tx, base)?,
                            "swallowed" => insert(tx, base).unwrap_or(7),
                            _ => panic!("in the savepoint"),
                        };
                        Ok(())
                    })?;
                    assert!(inner.is_err(), "{how}");
                    let kept = tx.savepoint(|tx| insert(tx, base + 2))?;
                    Ok::<_, Error>(kept.is_ok())
                })
                .await;
            assert!(inner.unwrap(), "{how}");
            let ids = db.scan(|conn| {
                const IDS: Sql = Sql::new("SELECT id FROM notes ORDER BY id");
                conn.all(IDS, &[], |row| row.int(0))
            });
            let ids = ids.await.unwrap();
            assert_eq!(ids[ids.len() - 2..], [base, base + 2], "{how}");
        }
    }
}

#[tokio::test]
async fn a_failed_commit_answers_every_job_of_its_batch() {
    const PARENT: Sql = Sql::new("CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY)");
    const CHILD: Sql = Sql::new(
        "CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    const ORPHAN: Sql = Sql::new("INSERT INTO children (parent) VALUES (1)");
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        db.write(|tx| tx.execute(PARENT, &[]).and(tx.execute(CHILD, &[]))).await.unwrap();
        // While the first job sleeps, the others queue, and share the next commit.
        let first = tokio::spawn({
            let db = db.clone();
            async move { db.write(|_| slow(200)).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let jobs: Vec<_> = (0..5)
            .map(|id| {
                let db = db.clone();
                tokio::spawn(async move {
                    db.write(move |tx| match id {
                        2 => tx.execute(ORPHAN, &[]),
                        // An answer of its own that the failed commit must overrule.
                        4 => Err(Error::Taken),
                        _ => insert(tx, id),
                    })
                    .await
                })
            })
            .collect();
        first.await.unwrap().unwrap();
        let mut broken = 0;
        for job in jobs {
            broken += usize::from(matches!(job.await.unwrap(), Err(Error::Broken(_))));
        }
        let rows = db.read(count).await.unwrap();
        match db.kind() {
            Kind::Sqlite => assert_eq!((broken, rows), (5, 0), "one batch, one answer"),
            Kind::Postgres => assert_eq!((broken, rows), (1, 3), "a batch of its own for each"),
        }
        db.write(|tx| insert(tx, 77)).await.expect("the writer goes on");
    }
}

/// On a thread of its own, since the client brings its own runtime.
fn on_postgres(scratch: &Scratch, text: &'static str) {
    let config: postgres::Config = scratch.url().parse().unwrap();
    std::thread::spawn(move || config.connect(postgres::NoTls).unwrap().batch_execute(text).unwrap())
        .join()
        .unwrap();
}

#[tokio::test]
async fn what_postgresql_cannot_serialize_is_run_again() {
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
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let inserted = db.write(move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        // A savepoint must not absorb it, or the rest of the job would go on in a state that never was.
        tx.savepoint(|tx| insert(tx, 1))?
    });
    assert_eq!(inserted.await.unwrap(), 1);
    assert_eq!((runs.load(Ordering::SeqCst), db.read(count).await.unwrap()), (3, 1));
}

#[tokio::test]
async fn what_postgresql_cannot_serialize_at_commit_is_run_again_too() {
    let scratch = Scratch::new(Kind::Postgres);
    let db = notes(&scratch).await;
    on_postgres(
        &scratch,
        "CREATE SEQUENCE stumbles;
         CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
             IF nextval('stumbles') <= 2 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;
             RETURN NEW;
         END $f$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION stumble();",
    );
    assert_eq!(db.write(|tx| insert(tx, 1)).await.unwrap(), 1);
    assert_eq!(db.read(count).await.unwrap(), 1);
    on_postgres(
        &scratch,
        "CREATE OR REPLACE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
        RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $f$;",
    );
    let endless = db.write(|tx| insert(tx, 2)).await;
    assert!(matches!(endless, Err(Error::Busy)), "the number of runs is bounded: {endless:?}");
}

#[tokio::test]
async fn a_lost_connection_is_replaced_and_the_job_that_never_ran_is_run() {
    let scratch = Scratch::new(Kind::Postgres);
    let db = notes(&scratch).await;
    for id in 0..12 {
        db.write(move |tx| insert(tx, id)).await.unwrap();
        on_postgres(
            &scratch,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'latchkey' AND datname = current_database()",
        );
        assert_eq!(db.read(count).await.unwrap(), id + 1);
    }
}

#[tokio::test]
async fn a_job_past_its_deadline_never_runs() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        // Enough to keep every thread that writes busy.
        let sleepers: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.write(|_| slow(400)).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let hasty = db.with_deadline(Duration::from_millis(100));
        let late = hasty
            .write(move |tx| {
                flag.store(true, Ordering::SeqCst);
                insert(tx, 1)
            })
            .await;
        for sleeper in sleepers {
            sleeper.await.unwrap().unwrap();
        }
        assert!(matches!(late, Err(Error::Overloaded)), "{late:?}");
        assert_eq!((ran.load(Ordering::SeqCst), db.read(count).await.unwrap()), (false, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_for_what_somebody_else_keeps_may_come_again() {
    const CHANGE: Sql = Sql::new("UPDATE notes SET text = 'y' WHERE id = $1");
    let scratch = Scratch::new(Kind::Postgres);
    let db = notes(&scratch).await;
    db.write(|tx| insert(tx, 1)).await.unwrap();
    let keeper = db.clone();
    let keeps = tokio::spawn(async move {
        keeper
            .write(|tx| {
                tx.execute(CHANGE, &[1.into()])?;
                slow(4000)
            })
            .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let late = db.write(|tx| tx.execute(CHANGE, &[1.into()])).await;
    assert!(matches!(late, Err(Error::Overloaded)), "{late:?}");
    keeps.await.unwrap().unwrap();
    assert_eq!(db.write(|tx| tx.execute(CHANGE, &[1.into()])).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_a_hurry_does_not_wait_for_an_engine_that_hangs() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let hurried = db.hurried().with_deadline(Duration::from_millis(200));
        let hangs = hurried.write(|tx| {
            slow(1500)?;
            insert(tx, 1)
        });
        let answered = tokio::time::timeout(Duration::from_millis(1000), hangs).await;
        assert!(matches!(answered, Ok(Err(Error::Gone(_)))), "{answered:?}");
        // It was begun, so it is done: nobody knew. Whoever is not in a hurry waits for it.
        let done = db.write(|tx| {
            slow(600)?;
            insert(tx, 2)
        });
        assert_eq!(done.await.unwrap(), 1);
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert_eq!(db.read(count).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_point_read_is_one_statement() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let twice = db.read(|conn| count(conn).and_then(|_| count(conn))).await;
        assert!(twice.unwrap_err().to_string().contains("use scan"));
        db.scan(|conn| count(conn).and_then(|_| count(conn))).await.unwrap();
    }
}

#[tokio::test]
async fn who_only_looks_cannot_change() {
    const SNEAK: Sql = Sql::new("INSERT INTO notes (id, text) VALUES (1, 'x') RETURNING id");
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        assert!(db.read(|conn| conn.one(SNEAK, &[], |row| row.int(0))).await.is_err());
        assert!(db.scan(|conn| conn.one(SNEAK, &[], |row| row.int(0))).await.is_err());
        assert_eq!(db.read(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn who_may_not_work_on_a_newer_schema_does_nothing_more_there_once_that_is_seen() {
    const NEXT: Sql = Sql::new(
        "INSERT INTO migrations (version, name, checksum, min_compatible, applied_at) VALUES ($1, 'next', 'x', $2, 0)",
    );
    let next =
        |version: i64, oldest: i64| move |tx: &mut Tx<'_>| tx.execute(NEXT, &[version.into(), oldest.into()]);
    for scratch in Scratch::both() {
        let (db, newer) = (notes(&scratch).await, scratch.open().await);
        newer.write(next(Db::SCHEMA + 1, Db::SCHEMA)).await.unwrap();
        db.health().await.expect("on this one it may");
        newer.write(next(Db::SCHEMA + 2, Db::SCHEMA + 2)).await.unwrap();
        assert!(db.read(count).await.is_ok() && !db.is_shut_out(), "nobody has looked yet");
        let seen = db.health().await.unwrap_err().to_string();
        assert!(seen.contains("start the newer Latchkey"), "{seen}");
        let clone = db.clone();
        for refused in [
            clone.write(|tx| insert(tx, 1).map(drop)).await,
            clone.read(|conn| count(conn).map(drop)).await,
            clone.check(|conn| count(conn).map(drop)).await,
            clone.scan(|conn| count(conn).map(drop)).await,
            clone.health().await,
        ] {
            assert!(matches!(refused, Err(Error::Gone(_))), "{refused:?}");
        }
        assert!(clone.state().is_none(), "nor may it go by what it remembers");
        assert_eq!(newer.read(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_database_that_does_not_order_by_bytes_is_refused() {
    let options = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C' ENCODING 'UTF8'";
    let dir = tempfile::Builder::new().prefix("latchkey-").tempdir().unwrap();
    let scratch = Scratch::in_cluster(dir, options);
    let refused = Db::open(scratch.url(), store::Time::from_millis(0)).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
    assert!(refused.to_string().contains("CREATE DATABASE latchkey TEMPLATE template0"), "{refused}");
}

#[tokio::test]
async fn many_nodes_may_start_on_an_empty_database_at_once() {
    for scratch in Scratch::both() {
        let opened: Vec<_> = (0..6)
            .map(|_| {
                let url = scratch.url().to_owned();
                tokio::spawn(async move { Db::open(&url, store::Time::from_millis(0)).await.map(|_| ()) })
            })
            .collect();
        for open in opened {
            open.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_full_queue_is_an_answer() {
    let scratch = Scratch::new(Kind::Sqlite);
    let db = notes(&scratch).await;
    let sleeper = tokio::spawn({
        let db = db.clone();
        async move { db.write(|_| slow(500)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let jobs: Vec<_> = (0..6000)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.write(|_| Ok::<_, Error>(())).await })
        })
        .collect();
    let mut refused = 0;
    for job in jobs {
        refused += usize::from(matches!(job.await.unwrap(), Err(Error::Overloaded)));
    }
    sleeper.await.unwrap().unwrap();
    assert_eq!(refused, 6000 - 4096);
}

#[tokio::test]
async fn looking_at_a_schema_makes_nothing() {
    for scratch in Scratch::both() {
        assert_eq!(Db::schema(scratch.url()).unwrap(), None);
        assert_eq!(Db::schema(scratch.url()).unwrap(), None, "looking has made something");
        assert_eq!(std::fs::read_dir(scratch.dir()).unwrap().count(), 0, "looking has made a file");
        let db = scratch.open().await;
        assert_eq!(Db::schema(scratch.url()).unwrap(), Some(Db::SCHEMA));
        drop(db);
        assert_eq!(Db::schema(scratch.url()).unwrap(), Some(Db::SCHEMA));
    }
}

#[test]
fn a_postgresql_that_is_away_is_said_to_be_away_once() {
    let said = Db::schema("postgres://nobody@127.0.0.1:1/nothing").unwrap_err().to_string();
    assert_eq!(said.matches("the database is away").count(), 1, "{said}");
    assert!(said.contains("refused"), "{said}");
}

#[tokio::test]
async fn a_sqlite_that_was_closed_is_one_file() {
    let scratch = Scratch::new(Kind::Sqlite);
    let db = notes(&scratch).await;
    db.write(|tx| insert(tx, 1)).await.unwrap();
    // A reader of each kind, which may not be the last to go.
    assert_eq!(db.read(count).await.unwrap() + db.scan(count).await.unwrap(), 2);
    drop(db);
    let files: Vec<_> =
        std::fs::read_dir(scratch.dir()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["latchkey.db"], "whoever copies this file copies everything");
}

#[tokio::test]
async fn what_was_done_is_counted() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let before = db.tally();
        db.write(|tx| insert(tx, 1).and_then(|_| insert(tx, 2))).await.unwrap();
        db.clone().read(count).await.unwrap();
        db.scan(|conn| count(conn).and_then(|_| count(conn))).await.unwrap();
        let refused: Result<u64> = db.write(|tx| insert(tx, 3).and_then(|_| insert(tx, 3))).await;
        assert!(refused.is_err());
        let done = db.tally() - before;
        let counted = (done.statements, done.commits, done.undone, done.reads);
        assert_eq!(counted, (7, 1, 1, 2), "{:?}", db.kind());
    }
}

#[tokio::test]
async fn jobs_that_share_a_commit_are_counted_one_by_one() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let before = db.tally();
        let all: Vec<_> = (0..50)
            .map(|id| {
                let db = db.clone();
                tokio::spawn(async move { db.write(move |tx| insert(tx, id)).await })
            })
            .collect();
        for one in all {
            one.await.unwrap().unwrap();
        }
        assert_eq!((db.tally() - before).commits, 50, "{:?}", db.kind());
    }
}

#[tokio::test]
async fn the_files_of_a_new_database_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latchkey.db");
    let db = Db::open(&format!("sqlite:{}", path.display()), Time::from_millis(0)).await.unwrap();
    db.write(|tx| tx.execute(MAKE, &[])).await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn the_log_of_sqlite_stays_short_however_much_is_written() {
    let scratch = Scratch::new(Kind::Sqlite);
    let db = notes(&scratch).await;
    let log = std::fs::read_dir(scratch.dir()).unwrap().find_map(|file| {
        let path = file.unwrap().path();
        path.to_string_lossy().ends_with("-wal").then_some(path)
    });
    let log = log.expect("there is a log");
    let mut longest = 0;
    for round in 0..10_i64 {
        // Eight transactions of four megabytes, one right behind the other: nobody finds a moment between them.
        let many: Vec<_> = (0..8)
            .map(|part| {
                let (db, text) = (db.clone(), format!("{round}{part}").repeat(1 << 18));
                tokio::spawn(async move {
                    let put = move |tx: &mut Tx<'_>, id: i64| {
                        tx.execute(PUT, &[id.into(), text.as_str().into()]).map(|_| ())
                    };
                    db.write(move |tx| (0..8).try_for_each(|id| put(tx, id))).await
                })
            })
            .collect();
        for one in many {
            one.await.unwrap().unwrap();
            longest = longest.max(std::fs::metadata(&log).unwrap().len());
        }
    }
    println!("the log was never longer than {} MB", longest >> 20);
    assert!(longest < 200 << 20, "{} MB", longest >> 20);
}

/// Less than it takes until the writer stops for the log in any case, and several times as much as the log may have before.
#[tokio::test]
async fn beside_those_who_write_all_the_time_the_log_of_sqlite_begins_anew() {
    let scratch = Scratch::new(Kind::Sqlite);
    let db = notes(&scratch).await;
    let (mut written, mut longest) = (0, 0);
    for round in 0..1400_i64 {
        // Twenty pages, somewhere among two thousand.
        let text = round.to_string().repeat(78_000 / round.to_string().len());
        written += text.len() as u64;
        db.write(move |tx| tx.execute(PUT, &[(round * 37 % 101).into(), text.as_str().into()]))
            .await
            .unwrap();
        longest = longest.max(std::fs::metadata(scratch.dir().join("latchkey.db-wal")).unwrap().len());
    }
    println!("{} MB were written, and the log was never longer than {} MB", written >> 20, longest >> 20);
    assert!(longest * 2 < written, "{} MB of {}", longest >> 20, written >> 20);
}
