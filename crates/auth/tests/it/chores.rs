//! What happens every minute, and which node does it.

use auth::{Time, chores, session};
use store::{Sql, Tx};

use crate::house::{House, NOW, on_both};

#[tokio::test]
async fn of_many_nodes_one_does_what_is_there_for_all_and_another_follows_when_it_is_gone() {
    for house in on_both().await {
        let mut nodes = vec![house.app.clone()];
        for _ in 0..3 {
            nodes.push(house.another_node().await);
        }
        let minute = async |nodes: &[auth::App]| {
            let turns = nodes.iter().enumerate().map(|(number, app)| {
                let app = app.clone();
                tokio::spawn(async move { chores::turn(&app, &format!("node {number}")).await.unwrap() })
            });
            let mut done = 0;
            for turn in turns.collect::<Vec<_>>() {
                done += u32::from(turn.await.unwrap());
            }
            done
        };
        for _ in 0..5 {
            assert_eq!(minute(&nodes).await, 1);
            house.app.clock.advance(60);
        }
        // Whichever it was: without it the others go on.
        for gone in 0..nodes.len() {
            let mut left = nodes.clone();
            left.remove(gone);
            assert_eq!(minute(&left).await, 1);
            house.app.clock.advance(60);
        }
        // Within the minute it is its own to do again, and nobody else's.
        assert!(chores::turn(&nodes[2], "node 2").await.unwrap());
        assert!(chores::turn(&nodes[2], "node 2").await.unwrap());
        assert!(!chores::turn(&nodes[1], "node 1").await.unwrap());
    }
}

#[tokio::test]
async fn that_people_were_seen_is_written_down_by_each_node_whoever_does_the_rest() {
    for house in on_both().await {
        let other = house.another_node().await;
        let sessions = [house.registers("ada").await, house.registers("bob").await];
        house.app.clock.advance(120);
        assert!(chores::turn(&house.app, "node 0").await.unwrap());
        // The first is written at once, and the second waits for others.
        for token in &sessions {
            session::find(&other, token).await.unwrap().unwrap();
        }
        assert!(!chores::turn(&other, "node 1").await.unwrap());
        house.app.clock.advance(29 * 60);
        for token in &sessions {
            assert!(session::find(&house.app, token).await.unwrap().is_some(), "seen 29 minutes ago");
        }
    }
}

/// Runs a statement over and over, with another number and time each, in one transaction.
async fn insert(house: &House, sql: Sql, many: i64, at: impl Fn(i64) -> i64 + Send + Sync + 'static) {
    let insert = move |tx: &mut Tx<'_>| {
        (0..many).try_for_each(|n| {
            let id = format!("{n:06}");
            let values = [(&id).into(), Time::from_millis(at(n)).into()];
            tx.execute(sql, &values).map(|_| ())
        })
    };
    house.db.write(insert).await.unwrap();
}

async fn rows(house: &House, count: Sql) -> i64 {
    house.db.read(move |conn| conn.one(count, &[], |row| row.int(0))).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_over_goes_a_piece_at_a_time_and_what_is_not_stays() {
    const TRIED: Sql = Sql::new(
        "INSERT INTO attempts (kind, name_mac, failures, free_at, tried_at, of_user) VALUES ('code', $1, 1, 0, $2, TRUE)",
    );
    const TRIES: Sql = Sql::new("SELECT count(*) FROM attempts");
    const OPENED: Sql = Sql::new(
        "INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, idle_at, expires_at)
         SELECT $1, $1, id, 0, FALSE, 0, 0, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM users",
    );
    const SESSIONS: Sql = Sql::new("SELECT count(*) FROM sessions");
    const KNOWN: Sql = Sql::new(
        "INSERT INTO devices (id, user_id, token_mac, address, agent, created_at, seen_at, expires_at)
         SELECT $1, id, $1, '', '', 0, 0, CAST($2 AS BIGINT) FROM users",
    );
    const DEVICES: Sql = Sql::new("SELECT count(*) FROM devices");
    const NOW_MILLIS: i64 = NOW * 1000;
    const DAY: i64 = 24 * 60 * 60 * 1000;
    for house in on_both().await {
        house.registers("ada").await;
        // Every third is not over yet. Twenty thousand are looked through in a minute.
        let third = |n: i64| if n % 3 == 0 { NOW_MILLIS } else { NOW_MILLIS - 2 * DAY };
        insert(&house, TRIED, 21_000, third).await;
        insert(&house, OPENED, 2100, |n| NOW_MILLIS + if n % 3 == 0 { DAY } else { -1 }).await;
        insert(&house, KNOWN, 2100, |n| NOW_MILLIS + if n % 3 == 0 { DAY } else { -1 }).await;
        assert!(chores::turn(&house.app, "node 0").await.unwrap());
        assert_eq!(rows(&house, SESSIONS).await, 1 + 700);
        assert_eq!(rows(&house, DEVICES).await, 1 + 700);
        assert_eq!(rows(&house, TRIES).await, 20_000 / 3 + 1 + 1000);
        house.app.clock.advance(60);
        assert!(chores::turn(&house.app, "node 0").await.unwrap());
        assert_eq!(rows(&house, TRIES).await, 7000);
        // From there on it begins anew.
        house.app.clock.advance(25 * 60 * 60);
        assert!(chores::turn(&house.app, "node 0").await.unwrap());
        assert_eq!(rows(&house, TRIES).await, 0);
        chores::once(&house.app).await.unwrap();
        assert_eq!((rows(&house, SESSIONS).await, rows(&house, DEVICES).await), (0, 1));
    }
}
