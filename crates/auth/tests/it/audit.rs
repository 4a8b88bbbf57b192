//! The sealed log: whatever is done to it by hand is named, and nothing else is.

use std::sync::{Arc, Mutex};

use auth::audit::finding::{Finding, What};
use auth::audit::read::{self, Filter};
use auth::audit::seal::{Head, Sealer};
use auth::audit::verify::{self, Listener, Report};
use auth::{App, Id, Role, setup};
use store::Sql;

use crate::house::{House, on_both};

const DAY: i64 = 24 * 60 * 60;

async fn verified(app: &App, expect: Option<Head>) -> (Report, Vec<Finding>) {
    let findings = Arc::new(Mutex::new(Vec::new()));
    let found = findings.clone();
    let listener = Listener {
        found: Box::new(move |finding| found.lock().unwrap().push(finding.clone())),
        looked: Box::new(|_| {}),
    };
    let report = verify::run(app, expect, listener).await.unwrap();
    let findings = findings.lock().unwrap().clone();
    assert_eq!(report.findings, findings.len() as u64);
    (report, findings)
}

/// Nothing is wrong.
#[track_caller]
fn whole((report, findings): (Report, Vec<Finding>)) -> Report {
    assert_eq!(findings, []);
    report
}

impl House {
    /// So many events, one a second, in seals of ten.
    async fn happens(&self, number: usize) -> Head {
        let mut sealer = Sealer::new(&self.app);
        for n in 0..number {
            setup::user_link(&self.app, &format!("person{n}"), Role::User).await.unwrap();
            self.app.clock.advance(1);
            if n % 10 == 9 {
                sealer.seal().await.unwrap();
            }
        }
        sealer.seal().await.unwrap();
        sealer.release().await.unwrap();
        sealer.head().expect("there is a seal").clone()
    }

    async fn change(&self, statement: &str) -> u64 {
        let sql = Sql::new(String::leak(statement.to_owned()));
        self.db.write(move |tx| tx.execute(sql, &[])).await.unwrap()
    }

    async fn texts(&self, statement: &str) -> Vec<String> {
        let sql = Sql::new(String::leak(statement.to_owned()));
        self.db.scan(move |conn| conn.all(sql, &[], |row| row.text(0))).await.unwrap()
    }

    /// The ids of a seal's events.
    async fn ids(&self, seal: i64) -> Vec<String> {
        self.texts(&format!("SELECT id FROM events WHERE seal = {seal} ORDER BY id")).await
    }

    /// Changes something by hand, looks what is found, and puts everything back.
    async fn found_after(
        &self,
        statements: &[&str],
    ) -> Vec<(What, Option<String>, Option<i64>, Option<i64>)> {
        for table in ["events", "seals", "seals_removed"] {
            self.change(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        for statement in statements {
            assert_ne!(self.change(statement).await, 0, "{statement}");
        }
        let (_, findings) = verified(&self.app, None).await;
        for table in ["events", "seals", "seals_removed"] {
            self.change(&format!("DELETE FROM {table}")).await;
            self.change(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
            self.change(&format!("DROP TABLE kept_{table}")).await;
        }
        whole(verified(&self.app, None).await);
        let id = |event: Id| event.to_string();
        findings.into_iter().map(|found| (found.what, found.event.map(id), found.seal, found.to)).collect()
    }
}

#[tokio::test]
async fn whatever_is_done_to_an_event_by_hand_is_named() {
    for house in on_both().await {
        house.happens(35).await;
        let report = whole(verified(&house.app, None).await);
        assert_eq!((report.seals, report.events, report.unsealed), (4, 35, 0));
        let two = house.ids(2).await;
        let (first, middle, last) = (two[0].as_str(), two[4].as_str(), two[9].as_str());
        let event = |what, id: &str, seal| (what, Some(id.to_owned()), Some(seal), None);

        for id in [first, middle, last] {
            let found = house.found_after(&[&format!("DELETE FROM events WHERE id = '{id}'")]).await;
            assert_eq!(found, [event(What::EventRemoved, id, 2)]);
            for change in [
                "at = at + 1",
                "kind = 'user.enabled'",
                "user_id = 'somebody'",
                "name = name || 'x'",
                "address = '203.0.113.9'",
                "detail = '{}'",
                "count = count + 1",
                "mac = 'AAAAAAAAAAAAAAAAAAAAAA'",
            ] {
                let statement = format!("UPDATE events SET {change} WHERE id = '{id}'");
                assert_eq!(
                    house.found_after(&[&statement]).await,
                    [event(What::EventChanged, id, 2)],
                    "{change}"
                );
            }
        }
        let range = format!("DELETE FROM events WHERE id > '{first}' AND id < '{middle}'");
        assert_eq!(house.found_after(&[&range]).await.len(), 3);

        // Two that changed places, in their contents or in their ids.
        let names = format!(
            "UPDATE events SET name = CASE name WHEN 'person10' THEN 'person14' ELSE 'person10' END WHERE id IN ('{first}', '{middle}')"
        );
        let swapped = house.found_after(&[&names]).await;
        assert_eq!(swapped, [event(What::EventChanged, first, 2), event(What::EventChanged, middle, 2)]);
        let [a, b, c] = [(first, "x"), (middle, first), ("x", middle)]
            .map(|(from, to)| format!("UPDATE events SET id = '{to}' WHERE id = '{from}'"));
        let swapped = house.found_after(&[&a, &b, &c]).await;
        assert_eq!(swapped, [event(What::EventChanged, first, 2), event(What::EventChanged, middle, 2)]);
        let renamed = house.found_after(&[&a]).await;
        assert_eq!(renamed, [event(What::EventRemoved, first, 2), event(What::EventAdded, "x", 2)]);

        // One that was put in, sealed or not.
        let copy = |seal: &str| {
            format!(
                "INSERT INTO events (id, at, kind, name, address, detail, mac, seal)
                 SELECT '{first}0', at, kind, name, address, detail, mac, {seal} FROM events WHERE id = '{first}'"
            )
        };
        let forged = format!("{first}0");
        assert_eq!(house.found_after(&[&copy("2")]).await, [event(What::EventAdded, &forged, 2)]);
        assert_eq!(house.found_after(&[&copy("9")]).await, [event(What::EventAdded, &forged, 9)]);
        assert_eq!(house.found_after(&[&copy("0")]).await, [event(What::EventAdded, &forged, 0)]);
        let unsealed = (What::EventForeign, Some(forged.clone()), None, None);
        assert_eq!(house.found_after(&[&copy("NULL")]).await, [unsealed]);

        // One that is in another seal, or in none.
        let moved = house.found_after(&[&format!("UPDATE events SET seal = 3 WHERE id = '{first}'")]).await;
        let there = (What::EventMoved, Some(first.to_owned()), Some(2), Some(3));
        assert_eq!(moved, [there, event(What::EventMisplaced, first, 3)]);
        let freed =
            house.found_after(&[&format!("UPDATE events SET seal = NULL WHERE id = '{first}'")]).await;
        assert_eq!(freed, [event(What::EventMoved, first, 2)]);
    }
}

#[tokio::test]
async fn whatever_is_done_to_a_seal_by_hand_is_named() {
    for house in on_both().await {
        house.happens(35).await;
        let three = house.ids(3).await;
        let seals = |what, first, last| (what, None, Some(first), Some(last));
        for change in [
            "kind = 'adopted'",
            "at = at + 1",
            "newest = newest - 1",
            "count = count - 1",
            "listed = '[]'",
            "previous = mac",
            "mac = previous",
        ] {
            let found = house.found_after(&[&format!("UPDATE seals SET {change} WHERE number = 3")]).await;
            assert_eq!(found, [seals(What::SealChanged, 3, 3)], "{change}");
        }
        // Without its events, and with them.
        let found = house.found_after(&["DELETE FROM seals WHERE number = 3"]).await;
        assert_eq!(found[0], seals(What::SealsRemoved, 3, 3));
        let strays: Vec<_> = found[1..].iter().map(|found| found.1.clone().unwrap()).collect();
        assert_eq!(strays, three);
        let both = ["DELETE FROM seals WHERE number IN (2, 3)", "DELETE FROM events WHERE seal IN (2, 3)"];
        assert_eq!(house.found_after(&both).await, [seals(What::SealsRemoved, 2, 3)]);
        // From the beginning on, as if it had been old.
        let beginning = ["DELETE FROM seals WHERE number = 1", "DELETE FROM events WHERE seal = 1"];
        assert_eq!(house.found_after(&beginning).await, [seals(What::SealsRemoved, 1, 1)]);
        let excuse =
            "INSERT INTO seals_removed SELECT 'audit', 1, mac, 10, at, at, mac FROM seals WHERE number = 1";
        let found = house.found_after(&[excuse, beginning[0], beginning[1]]).await;
        assert_eq!(found, [(What::RecordChanged, None, None, None), seals(What::SealsRemoved, 1, 1)]);
        let stray = "INSERT INTO seals SELECT -number, kind, at, newest, count, listed, previous, mac FROM seals WHERE number = 2";
        assert_eq!(house.found_after(&[stray]).await, [seals(What::SealAdded, -2, -2)]);
    }
}

#[tokio::test]
async fn the_end_can_be_noted_elsewhere_and_is_missed_when_it_is_cut_off() {
    for house in on_both().await {
        let noted = house.happens(30).await;
        house.happens(10).await;
        whole(verified(&house.app, Some(noted.clone())).await);
        house.change("DELETE FROM seals WHERE number > 2").await;
        house.change("DELETE FROM events WHERE seal > 2").await;
        // Nothing in the database tells that there was more.
        whole(verified(&house.app, None).await);
        let lost = async |noted: &Head| {
            let (_, findings) = verified(&house.app, Some(noted.clone())).await;
            findings.iter().map(|found| (found.what, found.seal)).collect::<Vec<_>>()
        };
        assert_eq!(lost(&noted).await, [(What::HeadLost, Some(3))]);
        // Nor can the end be made anew.
        house.happens(30).await;
        whole(verified(&house.app, None).await);
        assert_eq!(lost(&noted).await, [(What::HeadLost, Some(3))]);
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_is_named_for_ever() {
    for house in on_both().await {
        house.happens(10).await;
        let forged = "INSERT INTO events (id, at, kind, name, address, detail) VALUES ('forged', 1, 'user.created', 'eve', '', '{}')";
        house.change(forged).await;
        house.happens(10).await;
        let (report, findings) = verified(&house.app, None).await;
        assert_eq!((report.unsealed, report.adopted), (0, 0));
        let found: Vec<_> = findings.iter().map(|found| (found.what, found.event.as_ref())).collect();
        assert_eq!(found, [(What::EventForeign, Some(&Id::new("forged")))]);
        // It is in a seal as it was found, and so it stays.
        house.change("DELETE FROM events WHERE id = 'forged'").await;
        let (_, findings) = verified(&house.app, None).await;
        assert_eq!(findings[0].what, What::EventRemoved);
    }
}

#[tokio::test]
async fn what_was_there_before_there_were_seals_is_taken_once() {
    for house in on_both().await {
        for n in 0..1203 {
            let text = format!(
                "INSERT INTO events (id, at, kind, name, address, detail, gather) VALUES ('0{n:04}', {n}, 'k', '', '', '{{}}', 'g {n}')"
            );
            let sql = Sql::new(text.leak());
            house.db.write(move |tx| tx.execute(sql, &[])).await.unwrap();
        }
        let report = whole(verified(&house.app, None).await);
        assert_eq!((report.seals, report.unsealed), (0, 1203));
        house.happens(10).await;
        let report = whole(verified(&house.app, None).await);
        assert_eq!((report.seals, report.events, report.adopted, report.unsealed), (4, 1213, 1203, 0));
        house.change("UPDATE events SET detail = '[]' WHERE id = '00700'").await;
        assert_eq!(verified(&house.app, None).await.1[0].what, What::EventChanged);
        house.change("UPDATE events SET detail = '{}' WHERE id = '00700'").await;
        whole(verified(&house.app, None).await);
    }
}

#[tokio::test]
async fn two_nodes_seal_every_event_once_and_one_follows_the_other() {
    for house in on_both().await {
        let other = house.another_node().await;
        let writer = {
            let app = house.app.clone();
            tokio::spawn(async move {
                for n in 0..300 {
                    setup::user_link(&app, &format!("person{n}"), Role::User).await.unwrap();
                }
            })
        };
        let sealers = [house.app.clone(), other.clone()].map(|app| {
            tokio::spawn(async move {
                let (mut sealer, mut sealed) = (Sealer::new(&app), 0);
                for _ in 0..60 {
                    sealed += sealer.seal().await.unwrap();
                    sealer.release().await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                sealed
            })
        });
        writer.await.unwrap();
        let mut sealed = 0;
        for sealer in sealers {
            sealed += sealer.await.unwrap();
        }
        sealed += Sealer::new(&other).seal().await.unwrap();
        assert_eq!(sealed, 300, "sealed twice, or not at all");
        assert_eq!(whole(verified(&house.app, None).await).events, 300);

        // One dies with the lease in its hand: the other waits for its end, and then goes on.
        house.app.clock.advance(60);
        setup::user_link(&house.app, "ada", Role::User).await.unwrap();
        let mut dead = Sealer::new(&house.app);
        assert_eq!(dead.seal().await.unwrap(), 1);
        setup::user_link(&house.app, "bob", Role::User).await.unwrap();
        let mut next = Sealer::new(&other);
        assert_eq!(next.seal().await.unwrap(), 0);
        house.app.clock.advance(20);
        assert_eq!(next.seal().await.unwrap(), 1);
        // It was not dead after all.
        setup::user_link(&house.app, "carol", Role::User).await.unwrap();
        assert_eq!(dead.seal().await.unwrap(), 0);
        assert_eq!(next.seal().await.unwrap(), 1);
        assert_eq!(whole(verified(&house.app, None).await).events, 303);
    }
}

#[tokio::test]
async fn what_is_old_goes_by_rule_and_the_rest_can_be_verified() {
    for house in on_both().await {
        let noted = house.happens(30).await;
        house.app.clock.advance(200 * DAY);
        house.happens(30).await;
        let mut sealer = Sealer::new(&house.app);
        assert_eq!(sealer.remove_old().await.unwrap(), 0);
        house.app.clock.advance(201 * DAY);
        assert_eq!(sealer.remove_old().await.unwrap(), 30);
        sealer.seal().await.unwrap();
        let report = whole(verified(&house.app, Some(noted.clone())).await);
        let gone = report.removed.unwrap();
        assert_eq!((gone.through, gone.events, report.events), (3, 30, 30));
        assert_eq!(
            house.texts("SELECT CAST(count AS TEXT) FROM events WHERE kind = 'audit.removed'").await,
            ["30"]
        );
        assert_eq!(sealer.remove_old().await.unwrap(), 0);

        // A rule does not excuse more than it removed.
        let next = ["DELETE FROM seals WHERE number = 4", "DELETE FROM events WHERE seal = 4"];
        let removed = (What::SealsRemoved, None, Some(4), Some(4));
        assert_eq!(house.found_after(&next).await, std::slice::from_ref(&removed));
        let stretch = "UPDATE seals_removed SET through = 4, last = (SELECT mac FROM seals WHERE number = 4)";
        let found = house.found_after(&[stretch, next[0], next[1]]).await;
        assert_eq!(found[0].0, What::RecordChanged);
        let wrong = Head { number: 3, mac: "x".into() };
        assert_eq!(verified(&house.app, Some(wrong)).await.1[0].what, What::HeadLost);

        // What is left is old one day, too; the newest seal stays.
        house.app.clock.advance(500 * DAY);
        sealer.seal().await.unwrap();
        assert_eq!(sealer.remove_old().await.unwrap(), 30);
        sealer.seal().await.unwrap();
        whole(verified(&house.app, Some(noted)).await);
    }
}

#[tokio::test]
async fn a_date_that_was_forged_lets_nothing_be_removed() {
    for house in on_both().await {
        house.happens(30).await;
        house.change("UPDATE seals SET newest = 0 WHERE number = 1").await;
        let mut sealer = Sealer::new(&house.app);
        assert_eq!(sealer.remove_old().await.unwrap(), 0);
        house.app.clock.advance(500 * DAY);
        assert_eq!(sealer.remove_old().await.unwrap(), 0, "it is evidence");
        let (_, findings) = verified(&house.app, None).await;
        assert_eq!(
            findings.iter().map(|found| (found.what, found.seal)).collect::<Vec<_>>(),
            [(What::SealChanged, Some(1))]
        );
    }
}

#[tokio::test]
async fn the_log_is_listed_by_time_name_and_kind() {
    for house in on_both().await {
        house.happens(2500).await;
        house.app.clock.advance(3600);
        house.registers("Ada").await;
        let names = async |filter: &Filter, most| {
            let found = read::newest(&house.app, filter, most, &mut |_| {}).await.unwrap();
            found.into_iter().map(|entry| format!("{} {}", entry.kind, entry.name)).collect::<Vec<_>>()
        };
        let all = Filter::default();
        // What happens in one millisecond has no order.
        let mut newest = names(&all, 3).await;
        newest[1..].sort();
        assert_eq!(newest, ["link.made person2499", "registration.started Ada", "user.created Ada"]);
        assert_eq!(names(&all, 10_000).await.len(), 2502);
        let since = Filter { since: Some(house.app.clock.now().plus_seconds(-60)), ..all.clone() };
        assert_eq!(names(&since, 10_000).await.len(), 2);
        let until = Filter { until: Some(house.app.clock.now().plus_seconds(-60)), ..all.clone() };
        assert_eq!(names(&until, 1).await, newest[..1]);
        let kind = |kind: &str| Filter { kind: Some(kind.to_owned()), ..all.clone() };
        assert_eq!(names(&kind("user"), 10).await, ["user.created Ada"]);
        assert_eq!(names(&kind("use"), 10).await, [""; 0]);
        assert_eq!(names(&kind("link.made"), 1).await, ["link.made person2499"]);
        let user = |name: &str| Filter { user: Some(name.to_owned()), ..all.clone() };
        assert_eq!(names(&user("ada"), 10).await, ["user.created Ada"]);
        assert_eq!(names(&user("person7"), 10).await, ["link.made person7"]);
        let mut written = Vec::new();
        read::each(&house.app, &all, &mut |entries| {
            written.extend(entries.into_iter().map(|entry| entry.id));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(written.len(), 2502);
        assert!(written.is_sorted());
        assert!(read::newest(&house.app, &all, 10_001, &mut |_| {}).await.is_err());
    }
}
