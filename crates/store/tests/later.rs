//! Statements that nobody waits for, on both engines: what fails of them fails whoever asked for it.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::scratch::Scratch;
use store::{Conn, Db, Error, Kind, Result, Sql, Time, Tx};

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
async fn in_a_rehearsal_it_fails_that_job_and_the_next_one_goes_on() {
    for scratch in Scratch::both() {
        drop(scratch.open().await);
        let (db, _) = Db::rehearsing(scratch.url(), (Db::SCHEMA, Time::from_millis(0))).await.unwrap();
        db.write(|tx| tx.execute(MAKE, &[]).and_then(|_| insert(tx, 1))).await.unwrap();
        let failed = db.write(|tx| {
            tx.execute_later(INSERT, &[2.into()])?;
            let _ = tx.execute_later(INSERT, &[1.into()]);
            Ok::<_, Error>(())
        });
        assert!(matches!(failed.await, Err(Error::Taken)));
        db.write(|tx| tx.execute_later(INSERT, &[3.into()])).await.unwrap();
        assert_eq!(db.scan(count).await.unwrap(), 2);
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

/// Carries what is said to PostgreSQL and back, and counts how often the client speaks after it has heard something.
struct Relay {
    address: SocketAddr,
    turns: Arc<AtomicUsize>,
}

impl Relay {
    /// Before the database of `scratch`. What the server says arrives in pieces of so many bytes.
    fn before(scratch: &Scratch, piece: usize) -> Relay {
        let (_, place) = scratch.url().split_once('?').unwrap();
        let value = |key: &str| {
            let value = place.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
            value.unwrap().replace("%2F", "/")
        };
        let socket = format!("{}/.s.PGSQL.{}", value("host"), value("port"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay { address: listener.local_addr().unwrap(), turns: Arc::default() };
        let turns = relay.turns.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
                client.set_nodelay(true).unwrap();
                let heard = Arc::new(Mutex::new(false));
                let (from, to, turns, then) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), turns.clone(), heard.clone());
                std::thread::spawn(move || {
                    carry((from, to), WHOLE, || {
                        let mut heard = then.lock().unwrap();
                        turns.fetch_add(usize::from(*heard), Ordering::SeqCst);
                        *heard = false;
                    });
                });
                std::thread::spawn(move || carry((server, client), piece, || *heard.lock().unwrap() = true));
            }
        });
        relay
    }

    async fn open(&self, scratch: &Scratch) -> Db {
        let (name, _) = scratch.url().split_once('?').unwrap();
        let name = name.rsplit('/').next().unwrap();
        let url = format!("postgres://postgres@{}/{name}?sslmode=disable", self.address);
        Db::open(&url, Time::from_millis(0)).await.unwrap()
    }
}

const WHOLE: usize = 1 << 16;

/// Up to the end of one of them, which ends both.
fn carry((mut from, mut to): (impl Read, impl Write), piece: usize, each: impl Fn()) {
    let mut bytes = vec![0; WHOLE];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        each();
        for piece in bytes[..count].chunks(piece) {
            if to.write_all(piece).is_err() {
                return;
            }
            if piece.len() < count {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_waits_for_costs_no_round_trip() {
    let scratch = Scratch::new(Kind::Postgres);
    notes(&scratch).await;
    let relay = Relay::before(&scratch, WHOLE);
    let db = relay.open(&scratch).await;
    let mut least = [usize::MAX; 2];
    for round in 0..60_i64 {
        // The first times a connection prepares its statements.
        let waits = round % 2 == 0;
        let before = relay.turns.load(Ordering::SeqCst);
        let wrote = db.write(move |tx| {
            let put = |tx: &mut Tx<'_>, number: i64| {
                let values = [number.into(), "x".into()];
                if waits { tx.execute(PUT, &values).map(drop) } else { tx.execute_later(PUT, &values) }
            };
            insert(tx, 1000 + round)?;
            put(tx, 1)?;
            put(tx, 2)?;
            tx.savepoint(|tx| put(tx, 3).and_then(|()| put(tx, 4)))??;
            put(tx, 5)
        });
        wrote.await.unwrap();
        let turns = relay.turns.load(Ordering::SeqCst) - before;
        let least = &mut least[usize::from(!waits)];
        *least = turns.min(*least);
    }
    // BEGIN, the insert, all up to the end of the savepoint, and the rest with COMMIT; the same with each waited for.
    assert_eq!(least, [8, 4]);
}

/// A network may cut an answer anywhere. What was sent without waiting is heard to its end then, too, while the next is waited for.
#[tokio::test]
async fn answers_that_arrive_in_pieces_are_all_heard() {
    let scratch = Scratch::new(Kind::Postgres);
    notes(&scratch).await;
    let db = Relay::before(&scratch, 5).open(&scratch).await.hurried();
    // A thread that hears nothing is not waited for in the end.
    std::mem::forget(db.clone());
    for round in 0..10_i64 {
        let wrote = db.write(move |tx| {
            for number in 0..3 {
                tx.execute_later(PUT, &[number.into(), "x".into()])?;
            }
            insert(tx, 1000 + round)
        });
        assert_eq!(wrote.await.unwrap(), 1);
        let failed = db.write(|tx| {
            let _ = tx.execute_later(INSERT, &[1.into()]);
            tx.execute_later(PUT, &[2.into(), "y".into()])
        });
        assert!(matches!(failed.await, Err(Error::Taken)));
    }
    const OF_ROUNDS: Sql = Sql::new("SELECT count(*) FROM notes WHERE text = 'x'");
    let rows = db.read(|conn| conn.one(OF_ROUNDS, &[], |row| row.int(0))).await.unwrap();
    assert_eq!(rows, Some(13));
}
