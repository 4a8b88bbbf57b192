//! Leases, and marking events while others are still writing them, on both engines.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::events::{self, Event};
use store::leases::{self, Lease};
use store::scratch::Scratch;
use store::{Db, Id, Time};

const fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

async fn take(db: &Db, holder: &'static str, now: i64, until: i64) -> Option<Lease> {
    db.write(move |tx| leases::take(tx, "chore", holder, (at(now), at(until)))).await.unwrap()
}

async fn hold(db: &Db, lease: &Lease, until: i64) -> bool {
    let lease = lease.clone();
    db.write(move |tx| leases::hold(tx, &lease, at(until))).await.unwrap()
}

#[tokio::test]
async fn a_lease_has_one_holder_and_whoever_slept_through_its_end_has_lost_it() {
    for scratch in Scratch::both() {
        let db = scratch.open().await;
        let ours = take(&db, "ours", 0, 10).await.expect("it is free");
        assert_eq!(take(&db, "theirs", 9, 19).await, None);
        assert!(hold(&db, &ours, 20).await, "it is extended");
        assert_eq!(take(&db, "theirs", 19, 29).await, None);
        let theirs = take(&db, "theirs", 20, 30).await.expect("it is over");
        assert!(theirs.fence > ours.fence);
        assert!(!hold(&db, &ours, 40).await, "a node that slept");
        let old = ours.clone();
        db.write(move |tx| leases::release(tx, &old)).await.unwrap();
        assert_eq!(take(&db, "ours", 29, 39).await, None, "it gave back what it no longer had");
        let back = theirs.clone();
        db.write(move |tx| leases::release(tx, &back)).await.unwrap();
        assert!(take(&db, "ours", 21, 31).await.is_some_and(|lease| lease.fence > theirs.fence));
    }
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_gets_the_lease() {
    for scratch in Scratch::both() {
        let db = scratch.open().await;
        for round in 0..20 {
            let asked: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
                .map(|holder| {
                    let db = db.clone();
                    tokio::spawn(async move { take(&db, holder, round * 10, round * 10 + 10).await })
                })
                .into();
            let mut given = 0;
            for ask in asked {
                given += usize::from(ask.await.unwrap().is_some());
            }
            assert_eq!(given, 1);
        }
    }
}

fn failure(id: String, gather: String) -> Event {
    Event {
        id: Id::new(id),
        at: at(0),
        kind: "sign_in.code_wrong".into(),
        user_id: None,
        name: String::new(),
        address: String::new(),
        detail: "{}".into(),
        gather: Some(gather),
        count: 1,
        mac: "mac".into(),
        seal: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_is_sealed_never_counts_another_and_nothing_is_lost() {
    for scratch in Scratch::both() {
        let db = scratch.open().await;
        let writing = Arc::new(AtomicBool::new(true));
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let db = db.clone();
                tokio::spawn(async move {
                    for n in 0..150 {
                        // Four rows that everybody counts in.
                        let event = failure(format!("{writer}-{n:03}"), format!("{}", n % 4));
                        db.write(move |tx| events::record(tx, &event)).await.unwrap();
                    }
                })
            })
            .collect();
        let sealing = {
            let (db, writing) = (db.clone(), writing.clone());
            tokio::spawn(async move {
                let (mut counts, mut seal) = (HashMap::new(), 0);
                loop {
                    let last = !writing.load(Ordering::SeqCst);
                    seal += 1;
                    let marked = db.write(move |tx| events::seal(tx, seal, at(1))).await.unwrap();
                    for event in marked {
                        assert_eq!((event.seal, &event.gather), (Some(seal), &None));
                        assert_eq!(counts.insert(event.id, event.count), None, "marked twice");
                    }
                    if last {
                        return counts;
                    }
                }
            })
        };
        for writer in writers {
            writer.await.unwrap();
        }
        writing.store(false, Ordering::SeqCst);
        let counts = sealing.await.unwrap();
        assert!(counts.len() > 8, "they hardly met: {} rows", counts.len());
        assert_eq!(counts.values().sum::<i64>(), 900);
        let rows = db.scan(|conn| events::page(conn, &Id::new(""), 1000)).await.unwrap();
        assert_eq!(rows.len(), counts.len());
        for row in rows {
            assert_eq!(counts[&row.id], row.count, "it was counted in after it was sealed");
        }
    }
}

#[tokio::test]
async fn what_grows_is_not_sealed_and_what_commits_late_is_sealed_late() {
    for scratch in Scratch::both() {
        let db = scratch.open().await;
        let growing = failure("b".into(), "g".into());
        db.write(move |tx| events::record(tx, &growing)).await.unwrap();
        let seal = |number, before| {
            let db = db.clone();
            async move {
                let marked = db.write(move |tx| events::seal(tx, number, at(before))).await.unwrap();
                marked.into_iter().map(|event| event.id.to_string()).collect::<Vec<_>>()
            }
        };
        assert!(!db.read(|conn| events::has_unsealed(conn, at(0))).await.unwrap());
        assert_eq!(seal(1, 0).await, [""; 0]);
        assert!(db.read(|conn| events::has_unsealed(conn, at(1))).await.unwrap());
        assert_eq!(seal(1, 1).await, ["b"]);
        // Born before what is sealed, and there only now.
        let late = Event { gather: None, ..failure("a".into(), String::new()) };
        db.write(move |tx| events::record(tx, &late)).await.unwrap();
        assert_eq!(seal(2, 0).await, ["a"]);
        assert!(!db.read(|conn| events::has_unsealed(conn, at(1))).await.unwrap());
    }
}
