//! The book of access rules: what a command makes holds on every node at once, none of two changes is lost, and whatever was
//! changed by hand lets nobody in.

use std::collections::BTreeSet;

use auth::access::{self, Draft, Rule, Target, Verdict, book, decide, explain};
use auth::{App, Config, Error, users};
use store::Sql;

use crate::house::{House, on_both};

fn rule(host: &str) -> Rule {
    let draft = Draft {
        hosts: vec![host.to_owned()],
        policy: "two_factor".to_owned(),
        users: vec!["ada".to_owned()],
        ..Draft::default()
    };
    draft.check(None).unwrap()
}

/// The first host of every rule, in their order.
async fn hosts(app: &App) -> Vec<String> {
    let rules = access::rules(app).await.unwrap();
    rules.iter().map(|rule| rule.draft().hosts[0].clone()).collect()
}

/// A node whose settings have two rules.
async fn with_settings(house: &House) -> App {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[[access.rules]]\nhosts = ['one']\npolicy = 'deny'\n[[access.rules]]\nhosts = ['two']\npolicy = 'bypass'\n";
    std::fs::write(file.path(), text).unwrap();
    let (settings, _) = auth::config::load(Some(file.path()), &[]).unwrap();
    house.node_with(|config: &mut Config| config.access_rules = settings.access_rules).await
}

#[tokio::test]
async fn a_rule_that_was_made_or_removed_holds_on_every_node_at_the_next_look() {
    for house in on_both().await {
        let other = house.another_node().await;
        assert_eq!(hosts(&other).await, [""; 0]);
        for (number, host) in [(1, "a"), (2, "b"), (3, "c")] {
            assert_eq!(book::add(&house.app, rule(host), None).await.unwrap().number, number);
            assert_eq!(hosts(&other).await.last().unwrap(), host);
        }
        assert_eq!(book::add(&other, rule("x"), Some(2)).await.unwrap().number, 2);
        assert_eq!(hosts(&house.app).await, ["a", "x", "b", "c"]);
        let removed = book::remove(&house.app, 1).await.unwrap();
        assert_eq!((removed.number, removed.rule), (1, rule("a")));
        assert_eq!(hosts(&other).await, ["x", "b", "c"]);
        for _ in 0..3 {
            book::remove(&other, 1).await.unwrap();
        }
        assert_eq!(hosts(&house.app).await, [""; 0]);
        assert_eq!(
            (house.happened("access.rule_added").await, house.happened("access.rule_removed").await),
            (4, 4)
        );
    }
}

#[tokio::test]
async fn looking_again_is_one_point_read() {
    for house in on_both().await {
        book::add(&house.app, rule("a"), None).await.unwrap();
        access::rules(&house.app).await.unwrap();
        let before = house.app.tally();
        for _ in 0..10 {
            access::rules(&house.app).await.unwrap();
        }
        let after = house.app.tally();
        assert_eq!(after.statements - before.statements, 10);
        assert_eq!(after.commits, before.commits);
    }
}

#[tokio::test]
async fn of_many_who_add_at_once_none_is_lost() {
    for house in on_both().await {
        let other = house.another_node().await;
        let adders = (0..24).map(|number| {
            let app = if number % 2 == 0 { house.app.clone() } else { other.clone() };
            tokio::spawn(async move { book::add(&app, rule(&format!("host-{number}")), None).await })
        });
        let mut numbers = BTreeSet::new();
        for adder in adders.collect::<Vec<_>>() {
            numbers.insert(adder.await.unwrap().unwrap().number);
        }
        assert_eq!(numbers, (1..=24).collect());
        let (ours, theirs) = (hosts(&house.app).await, hosts(&other).await);
        assert_eq!(ours, theirs);
        let expected: BTreeSet<String> = (0..24).map(|number| format!("host-{number}")).collect();
        assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(house.happened("access.rule_added").await, 24);
    }
}

#[tokio::test]
async fn rules_of_the_settings_come_first_and_are_not_for_commands() {
    for house in on_both().await {
        let app = with_settings(&house).await;
        assert_eq!(book::add(&app, rule("three"), None).await.unwrap().number, 3);
        assert_eq!(book::add(&app, rule("between"), Some(3)).await.unwrap().number, 3);
        assert_eq!(hosts(&app).await, ["one", "two", "between", "three"]);
        for (number, line) in [(1, "line 1"), (2, "line 4")] {
            for refused in [book::remove(&app, number).await, book::add(&app, rule("x"), Some(number)).await]
            {
                let Err(Error::Refused(why)) = refused else { panic!("{refused:?}") };
                assert!(why.contains(line) && why.contains("restart"), "{why}");
            }
        }
        for number in [0, 5, usize::MAX] {
            assert!(matches!(book::remove(&app, number).await, Err(Error::NotFound(_))), "{number}");
            assert!(
                matches!(book::add(&app, rule("x"), Some(number)).await, Err(Error::NotFound(_))),
                "{number}"
            );
        }
        assert_eq!(hosts(&house.app).await, ["between", "three"], "another node has settings of its own");
    }
}

#[tokio::test]
async fn there_is_an_end_to_the_rules() {
    for house in on_both().await {
        let one = rule("a").draft().json().to_string();
        let many = format!("[{}]", vec![one; 500].join(","));
        write(&house, &many, 7).await;
        assert_eq!(access::rules(&house.app).await.unwrap().len(), 500);
        let refused = book::add(&house.app, rule("b"), None).await;
        assert!(matches!(refused, Err(Error::Refused(why)) if why.contains("500 rules")));
        book::remove(&house.app, 500).await.unwrap();
        assert_eq!(book::add(&house.app, rule("b"), None).await.unwrap().number, 500);
    }
}

/// Writes into the database by hand.
async fn write(house: &House, rules: &str, revision: i64) {
    const WRITE: Sql = Sql::new(
        "INSERT INTO rule_books (slot, revision, rules, changed_at) VALUES ('access', $1, $2, 0)
         ON CONFLICT (slot) DO UPDATE SET revision = $1, rules = $2",
    );
    let rules = rules.to_owned();
    let written = house.db.write(move |tx| tx.execute(WRITE, &[revision.into(), rules.as_str().into()]));
    assert_eq!(written.await.unwrap(), 1);
}

#[tokio::test]
async fn what_does_not_read_as_rules_lets_nobody_in_and_is_not_written_over() {
    for house in on_both().await {
        for (revision, damaged) in [
            "",
            "{}",
            "[1]",
            r#"[{"hosts":["a"],"policy":"open"}]"#,
            r#"[{"hosts":["a"],"policy":"one_factor"}]"#,
            r#"[{"hosts":["a"],"policy":"bypass","sometimes":true}]"#,
            r#"[{"hosts":["a"],"policy":"deny"},]"#,
        ]
        .iter()
        .enumerate()
        {
            write(&house, damaged, i64::try_from(revision).unwrap() + 1).await;
            for broken in [
                access::rules(&house.app).await.map(|rules| rules.len()),
                book::add(&house.app, rule("b"), None).await.map(|added| added.number),
                book::remove(&house.app, 1).await.map(|removed| removed.number),
            ] {
                assert!(matches!(broken, Err(Error::Broken(_))), "{damaged}: {broken:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_book_from_a_backup_is_not_taken_for_the_one_that_is_known() {
    for house in on_both().await {
        book::add(&house.app, rule("a"), None).await.unwrap();
        assert_eq!(hosts(&house.app).await, ["a"]);
        // It goes back to before the rule was made, and another one is made instead, by a node that knows nothing of the first.
        let revision = house.db.read(store::rule_books::revision).await.unwrap().unwrap();
        write(&house, "[]", revision - 1).await;
        let other = house.another_node().await;
        house.app.clock.advance(1);
        book::add(&other, rule("b"), None).await.unwrap();
        assert_eq!(hosts(&house.app).await, ["b"]);
    }
}

#[tokio::test]
async fn somebody_is_explained_with_their_groups_and_what_they_can_prove() {
    for house in on_both().await {
        house.registers("Ada").await;
        house.imports("bob").await;
        let ada = house.id_of("ada").await;
        let group = |name: &str| {
            format!(
                "INSERT INTO groups (id, name, name_key, created_at) VALUES ('{name}', '{name}', lower('{name}'), 0)"
            )
        };
        let member = |name: &str| {
            format!("INSERT INTO members (group_id, user_id, joined_at) VALUES ('{name}', '{ada}', 0)")
        };
        for text in [group("Family"), group("Admins"), group("Others"), member("Family"), member("Admins")] {
            let text: &'static str = text.leak();
            house.db.write(move |tx| tx.execute(Sql::new(text), &[])).await.unwrap();
        }
        let standing = explain::standing(&house.app, "ada").await.unwrap();
        assert_eq!((standing.name.as_str(), standing.disabled), ("Ada", false));
        assert_eq!(standing.groups, ["Admins", "Family"]);
        assert_eq!(standing.level, auth::Level::Full);
        let standing = explain::standing(&house.app, "bob").await.unwrap();
        assert_eq!((standing.groups.len(), standing.level), (0, auth::Level::Code));
        users::disable(&house.app, "bob").await.unwrap();
        assert!(explain::standing(&house.app, "bob").await.unwrap().disabled);
        assert!(matches!(explain::standing(&house.app, "carol").await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn without_rules_nobody_comes_through() {
    for house in on_both().await {
        let rules = access::rules(&house.app).await.unwrap();
        let target = Target::of_url("GET", "https://app.example.org/", None).unwrap();
        assert_eq!(decide(&rules, &target, None, house.app.clock.now()).verdict, Verdict::Refuse);
    }
}
