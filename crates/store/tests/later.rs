//! Statements that nobody waits for, on both engines: what fails of them fails whoever asked for it.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use store::scratch::Scratch;
use store::{Conn, Db, Error, Result, Sql, Tx};

const MAKE: Sql = Sql::new("CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)");
const INSERT: Sql = Sql::new("INSERT INTO notes (id, text) VALUES ($1, 'x')");
const PUT: Sql = Sql::new(
    "INSERT INTO notes (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = excluded.text",
);
const COUNT: Sql = Sql::new("SELECT count(*) FROM notes");

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

#[tokio::test]
async fn what_was_sent_without_waiting_fails_the_job_and_nothing_of_it_stays() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        for then in ["nothing", "a look", "a write", "an error"] {
            let failed = db.write(move |tx| {
                insert(tx, 1)?;
                let _ = tx.execute_later(INSERT, &[1.into()]);
                match then {
                    "a look" => drop(count(tx)),
                    "a write" => drop(insert(tx, 2)),
                    "an error" => return Err(Error::Overloaded),
                    _ => {}
                }
                Ok(())
            });
            match failed.await {
                Err(Error::Overloaded) if then == "an error" => {}
                Err(Error::Taken) if then != "an error" => {}
                other => panic!("{then}: {other:?}"),
            }
            assert_eq!(db.read(count).await.unwrap(), 0, "{then}");
        }
    }
}

#[tokio::test]
async fn what_was_sent_without_waiting_within_a_savepoint_fails_that_alone() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let inner = db.write(|tx| {
            tx.execute_later(INSERT, &[1.into()])?;
            let inner = tx.savepoint(|tx| {
                tx.execute_later(INSERT, &[2.into()])?;
                let _ = tx.execute_later(INSERT, &[1.into()]);
                Ok::<_, Error>(())
            })?;
            tx.execute_later(INSERT, &[3.into()])?;
            Ok::<_, Error>(inner)
        });
        assert!(matches!(inner.await, Ok(Err(Error::Taken))));
        const SUM: Sql = Sql::new("SELECT CAST(sum(id) AS BIGINT) FROM notes");
        assert_eq!(db.read(|conn| conn.one(SUM, &[], |row| row.int(0))).await.unwrap(), Some(4));
    }
}

#[tokio::test]
async fn thousands_that_are_not_waited_for_are_done_in_their_order() {
    for scratch in Scratch::both() {
        let db = notes(&scratch).await;
        let wrote = db.write(|tx| {
            for number in 0..3000_i64 {
                tx.execute_later(PUT, &[(number % 7).into(), number.to_string().as_str().into()])?;
            }
            Ok::<_, Error>(())
        });
        wrote.await.unwrap();
        const LAST: Sql = Sql::new("SELECT id, text FROM notes ORDER BY id");
        let rows = db.scan(|conn| conn.all(LAST, &[], |row| Ok((row.int(0)?, row.text(1)?)))).await.unwrap();
        let last = |id: i64| (0..3000).rev().find(|number| number % 7 == id).unwrap().to_string();
        assert_eq!(rows, (0..7).map(|id| (id, last(id))).collect::<Vec<_>>());
    }
}
