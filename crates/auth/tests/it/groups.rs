//! Groups of people: who may be in which, what is written down of it, and that it holds at once and on every node.

use std::sync::Arc;

use auth::groups::{self, Change};
use auth::{App, Error, Id, Result, users};
use serde_json::Value;
use store::Sql;
use store::groups::NewGroup;
use tokio::sync::Barrier;

use crate::house::{House, on_both};

const AT_ONCE: usize = 64;

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn join(app: &App, group: &str, names: &[&str]) -> Result<Change> {
    groups::join(app, group, &people(names)).await
}

async fn leave(app: &App, group: &str, names: &[&str]) -> Result<Change> {
    groups::leave(app, group, &people(names)).await
}

fn change(group: &str, changed: &[&str], unchanged: &[&str]) -> Change {
    Change { group: group.to_owned(), changed: people(changed), unchanged: people(unchanged) }
}

impl House {
    async fn groups_of(&self, name: &str) -> Vec<String> {
        groups::of_user(&self.app, &Id::new(self.id_of(name).await)).await.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        groups::page(&self.app, "").await.unwrap().into_iter().map(|group| group.name).collect()
    }

    async fn members(&self, group: &str) -> Vec<String> {
        let group = groups::show(&self.app, group).await.unwrap();
        let members = groups::members(&self.app, &group, "").await.unwrap();
        assert_eq!(group.members, i64::try_from(members.len()).unwrap());
        members.into_iter().map(|member| member.name).collect()
    }

    /// Makes so many groups past the rules, called `filler0` and so on, and puts somebody into each.
    async fn fill(&self, count: usize, user: Option<Id>) {
        let now = self.app.clock.now();
        let filled = self.db.write(move |tx| {
            for number in 0..count {
                let (id, name) = (Id::new(format!("filler {number}")), format!("filler{number}"));
                let new = NewGroup { id: &id, name: &name, name_key: &name };
                assert!(store::groups::insert(tx, &new, now)?);
                if let Some(user) = &user {
                    assert!(store::groups::add_member(tx, &id, user, now)?);
                }
            }
            Ok::<_, store::Error>(())
        });
        filled.await.unwrap();
    }

    /// Of each event of groups its kind, to whom it happened, and the rest, in no order but that of their text.
    async fn events(&self) -> Vec<String> {
        const EVENTS: Sql = Sql::new(
            "SELECT kind, name, coalesce(user_id, '-'), detail FROM events WHERE kind LIKE 'group.%'",
        );
        let rows = self.db.scan(|conn| {
            conn.all(EVENTS, &[], |row| Ok([row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?]))
        });
        let mut events = Vec::new();
        for [kind, name, id, detail] in rows.await.unwrap() {
            let whose = if name.is_empty() { "-".to_owned() } else { self.id_of(&name).await };
            assert_eq!(id, whose, "{kind}");
            events.push(format!("{kind} {name} {}", serde_json::from_str::<Value>(&detail).unwrap()));
        }
        events.sort();
        events
    }

    /// Both nodes of the house so often, by turns.
    async fn nodes(&self) -> Vec<App> {
        let other = self.another_node().await;
        (0..AT_ONCE).map(|n| if n % 2 == 0 { self.app.clone() } else { other.clone() }).collect()
    }
}

/// Asks every node at the same moment.
async fn released<T, F>(nodes: Vec<App>, ask: impl Fn(usize, App) -> F) -> Vec<Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(nodes.len()));
    let asked: Vec<_> = nodes
        .into_iter()
        .enumerate()
        .map(|(n, app)| {
            let (barrier, asked) = (barrier.clone(), ask(n, app));
            tokio::spawn(async move {
                barrier.wait().await;
                asked.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn whoever_is_new_belongs_to_no_group() {
    for house in on_both().await {
        groups::add(&house.app, "family").await.unwrap();
        house.registers("ada").await;
        house.imports("bob").await;
        for name in ["ada", "bob"] {
            assert!(house.groups_of(name).await.is_empty());
            assert!(users::show(&house.app, name).await.unwrap().groups.is_empty());
        }
        assert_eq!(house.count("members").await, 0);
    }
}

#[tokio::test]
async fn a_name_is_kept_as_typed_and_taken_in_any_spelling() {
    for house in on_both().await {
        let made = groups::add(&house.app, " Family.and_Friends-2 ").await.unwrap();
        assert_eq!((made.name.as_str(), made.members), ("Family.and_Friends-2", 0));
        let again = groups::add(&house.app, "FAMILY.AND_FRIENDS-2").await;
        assert!(matches!(again, Err(Error::Taken)), "{again:?}");
        let shown = groups::show(&house.app, "family.AND_friends-2").await.unwrap();
        assert_eq!((shown.id, shown.name), (made.id, "Family.and_Friends-2".to_owned()));
        assert_eq!((house.count("groups").await, house.happened("group.created").await), (1, 1));
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_with_the_rule_by_every_command() {
    for house in on_both().await {
        house.imports("ada").await;
        for bad in
            ["a,b", "a b", "a@b", "a+b", "a\nb", "a\0b", "fämily", "a;b", "a\u{200b}b", &"x".repeat(65)]
        {
            let refused = [
                groups::add(&house.app, bad).await.map(|_| ()),
                groups::remove(&house.app, bad).await,
                groups::show(&house.app, bad).await.map(|_| ()),
                join(&house.app, bad, &["ada"]).await.map(|_| ()),
                leave(&house.app, bad, &["ada"]).await.map(|_| ()),
            ];
            for refused in refused {
                let said = refused.unwrap_err().to_string();
                assert_eq!(said, "the name of a group has 1 to 64 of the letters a to z, digits, and . _ -");
            }
        }
        let missing = groups::add(&house.app, "  ").await.unwrap_err().to_string();
        assert_eq!(missing, "enter the name of a group");
        assert_eq!(house.count("groups").await, 0);
        assert!(house.events().await.is_empty());
    }
}

#[tokio::test]
async fn joining_and_leaving_twice_changes_nothing_and_writes_nothing_down() {
    for house in on_both().await {
        house.import_all(&people(&["Ada", "bob"])).await;
        groups::add(&house.app, "Family").await.unwrap();
        assert_eq!(join(&house.app, "family", &["ADA"]).await.unwrap(), change("Family", &["Ada"], &[]));
        assert_eq!(
            join(&house.app, "FAMILY", &["ada", "bob", "Bob"]).await.unwrap(),
            change("Family", &["bob"], &["Ada", "bob"])
        );
        assert_eq!(house.members("family").await, ["Ada", "bob"]);
        assert_eq!(house.happened("group.joined").await, 2);

        assert_eq!(leave(&house.app, "family", &["ada"]).await.unwrap(), change("Family", &["Ada"], &[]));
        assert_eq!(leave(&house.app, "family", &["ada"]).await.unwrap(), change("Family", &[], &["Ada"]));
        assert_eq!(house.members("family").await, ["bob"]);
        assert_eq!(house.happened("group.left").await, 1);
    }
}

#[tokio::test]
async fn what_happens_to_a_group_is_written_down_and_to_whom() {
    for house in on_both().await {
        house.import_all(&people(&["Ada", "bob"])).await;
        groups::add(&house.app, "Family").await.unwrap();
        join(&house.app, "family", &["ada", "bob"]).await.unwrap();
        leave(&house.app, "family", &["bob"]).await.unwrap();
        groups::remove(&house.app, "FAMILY").await.unwrap();
        assert_eq!(
            house.events().await,
            [
                "group.created  {\"group\":\"Family\"}",
                "group.joined Ada {\"group\":\"Family\"}",
                "group.joined bob {\"group\":\"Family\"}",
                "group.left bob {\"group\":\"Family\"}",
                "group.removed  {\"group\":\"Family\",\"members\":\"1\"}",
            ]
        );
    }
}

#[tokio::test]
async fn all_join_or_nobody_does() {
    for house in on_both().await {
        house.import_all(&people(&["ada", "bob"])).await;
        groups::add(&house.app, "family").await.unwrap();
        let refused = join(&house.app, "family", &["ada", "carol", "bob"]).await;
        assert!(matches!(&refused, Err(Error::NotFound(why)) if why.contains("carol")), "{refused:?}");
        let refused = join(&house.app, "family", &["ada", "b ob"]).await;
        assert!(matches!(refused, Err(Error::Rules(_))), "{refused:?}");
        let refused = join(&house.app, "friends", &["ada"]).await;
        assert!(matches!(&refused, Err(Error::NotFound(why)) if why.contains("friends")), "{refused:?}");
        assert_eq!((house.count("members").await, house.happened("group.joined").await), (0, 0));

        join(&house.app, "family", &["ada", "bob"]).await.unwrap();
        let refused = leave(&house.app, "family", &["ada", "carol"]).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
        assert_eq!(house.members("family").await, ["ada", "bob"]);
        assert_eq!(house.happened("group.left").await, 0);
    }
}

#[tokio::test]
async fn whoever_is_removed_leaves_their_groups_and_the_next_of_that_name_is_in_none() {
    for house in on_both().await {
        house.import_all(&people(&["ada", "bob"])).await;
        groups::add(&house.app, "family").await.unwrap();
        join(&house.app, "family", &["ada", "bob"]).await.unwrap();
        users::remove(&house.app, "ada").await.unwrap();
        assert_eq!(house.members("family").await, ["bob"]);
        house.imports("ada").await;
        assert!(house.groups_of("ada").await.is_empty());
    }
}

#[tokio::test]
async fn a_group_that_is_removed_takes_nobody_along_and_the_next_of_that_name_is_empty() {
    for house in on_both().await {
        house.import_all(&people(&["ada", "bob"])).await;
        for name in ["family", "friends"] {
            groups::add(&house.app, name).await.unwrap();
            join(&house.app, name, &["ada", "bob"]).await.unwrap();
        }
        groups::remove(&house.app, "Family").await.unwrap();
        assert_eq!(house.count("users").await, 2);
        assert_eq!(house.count("members").await, 2);
        assert_eq!(house.groups_of("ada").await, ["friends"]);
        let again = groups::remove(&house.app, "family").await;
        assert!(matches!(again, Err(Error::NotFound(_))), "{again:?}");

        groups::add(&house.app, "family").await.unwrap();
        assert!(house.members("family").await.is_empty());
        assert_eq!(house.groups_of("ada").await, ["friends"]);
    }
}

#[tokio::test]
async fn groups_are_in_the_order_of_their_names_whatever_their_case() {
    for house in on_both().await {
        house.imports("ada").await;
        for name in ["beta", "Gamma", "alpha", "Delta", "-"] {
            groups::add(&house.app, name).await.unwrap();
            join(&house.app, name, &["ada"]).await.unwrap();
        }
        let expected = ["-", "alpha", "beta", "Delta", "Gamma"];
        assert_eq!(house.names().await, expected);
        assert_eq!(house.groups_of("ada").await, expected);
        assert_eq!(users::show(&house.app, "ada").await.unwrap().groups, expected);
        let rest = groups::page(&house.app, "BETA").await.unwrap();
        assert_eq!(rest.iter().map(|group| &*group.name).collect::<Vec<_>>(), ["Delta", "Gamma"]);
        assert!(rest.iter().all(|group| group.members == 1));
    }
}

#[tokio::test]
async fn a_thousand_people_join_at_once_and_are_listed_once_each_in_pieces() {
    for house in on_both().await {
        let names: Vec<String> = (0..1_001).map(|number| format!("User{number:04}")).collect();
        house.import_all(&names).await;
        groups::add(&house.app, "all").await.unwrap();
        let refused = groups::join(&house.app, "all", &names).await;
        assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("1001")), "{refused:?}");
        assert_eq!(house.count("members").await, 0);

        let joined = groups::join(&house.app, "all", &names[..1000]).await.unwrap();
        assert_eq!(joined.changed, names[..1000]);
        groups::join(&house.app, "all", &names[1000..]).await.unwrap();
        let group = groups::show(&house.app, "all").await.unwrap();
        assert_eq!(group.members, 1_001);
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = groups::members(&house.app, &group, &after).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 1000);
            after.clone_from(&last.name);
            found.extend(page.into_iter().map(|member| member.name));
        }
        assert_eq!(found, names);
    }
}

#[tokio::test]
async fn there_are_a_thousand_groups_and_no_more() {
    for house in on_both().await {
        house.fill(999, None).await;
        groups::add(&house.app, "last").await.unwrap();
        let refused = groups::add(&house.app, "one-more").await;
        assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("1000 groups")), "{refused:?}");
        // A name that is taken is that first of all.
        let taken = groups::add(&house.app, "LAST").await;
        assert!(matches!(taken, Err(Error::Taken)), "{taken:?}");
        assert_eq!((house.count("groups").await, house.happened("group.created").await), (1000, 1));
        groups::remove(&house.app, "filler7").await.unwrap();
        groups::add(&house.app, "one-more").await.unwrap();
    }
}

#[tokio::test]
async fn one_person_belongs_to_a_hundred_groups_and_no_more() {
    for house in on_both().await {
        house.import_all(&people(&["ada", "bob"])).await;
        house.fill(99, Some(Id::new(house.id_of("ada").await))).await;
        for name in ["last", "one-more"] {
            groups::add(&house.app, name).await.unwrap();
        }
        join(&house.app, "last", &["ada"]).await.unwrap();
        // Bob could, but all join or nobody does.
        let refused = join(&house.app, "one-more", &["bob", "ada"]).await;
        assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("100 groups")), "{refused:?}");
        assert_eq!((house.groups_of("ada").await.len(), house.groups_of("bob").await.len()), (100, 0));
        assert_eq!(join(&house.app, "last", &["ada"]).await.unwrap(), change("last", &[], &["ada"]));
        leave(&house.app, "filler7", &["ada"]).await.unwrap();
        join(&house.app, "one-more", &["bob", "ada"]).await.unwrap();
        assert_eq!((house.groups_of("ada").await.len(), house.groups_of("bob").await.len()), (100, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_add_the_same_group_one_makes_it() {
    for house in on_both().await {
        let answers = released(house.nodes().await, |n, app| async move {
            groups::add(&app, if n % 3 == 0 { "Family" } else { "family" }).await
        })
        .await;
        let made = answers.iter().filter(|answer| answer.is_ok()).count();
        let taken = answers.iter().filter(|answer| matches!(answer, Err(Error::Taken))).count();
        assert_eq!((made, taken), (1, AT_ONCE - 1));
        assert_eq!((house.count("groups").await, house.happened("group.created").await), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_put_the_same_person_into_a_group_one_does() {
    for house in on_both().await {
        house.imports("ada").await;
        groups::add(&house.app, "family").await.unwrap();
        let answers = released(house.nodes().await, |_, app| async move {
            join(&app, "family", &["ada"]).await.map(|change| change.changed.len())
        })
        .await;
        let changed: usize = answers.into_iter().map(Result::unwrap).sum();
        assert_eq!((changed, house.happened("group.joined").await), (1, 1));
        assert_eq!(house.members("family").await, ["ada"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_hold_when_64_reach_for_the_last_place() {
    for house in on_both().await {
        house.imports("ada").await;
        house.fill(99, Some(Id::new(house.id_of("ada").await))).await;
        for n in 0..AT_ONCE {
            groups::add(&house.app, &format!("group{n}")).await.unwrap();
        }
        let answers = released(house.nodes().await, |n, app| async move {
            join(&app, &format!("group{n}"), &["ada"]).await
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(house.groups_of("ada").await.len(), 100);
    }
    for house in on_both().await {
        house.fill(999, None).await;
        let answers = released(house.nodes().await, |n, app| async move {
            let name = format!("group{n}");
            groups::add(&app, &name).await
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(house.count("groups").await, 1000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_while_they_join_is_in_nothing_and_nothing_breaks() {
    for house in on_both().await {
        let other = house.another_node().await;
        groups::add(&house.app, "family").await.unwrap();
        for round in 0..20 {
            house.imports("ada").await;
            let answers = released(vec![house.app.clone(), other.clone()], |n, app| async move {
                match n {
                    0 => join(&app, "family", &["ada"]).await.map(|_| ()),
                    _ => users::remove(&app, "ada").await,
                }
            })
            .await;
            assert!(matches!(answers[0], Ok(()) | Err(Error::NotFound(_))), "{round}: {:?}", answers[0]);
            assert!(answers[1].is_ok(), "{round}: {:?}", answers[1]);
            assert_eq!(house.count("members").await, 0, "{round}");
        }
    }
}

#[tokio::test]
async fn a_hundred_times_what_one_node_changes_the_next_read_of_the_other_sees() {
    for house in on_both().await {
        let other = house.another_node().await;
        house.imports("ada").await;
        groups::add(&house.app, "family").await.unwrap();
        let ada = Id::new(house.id_of("ada").await);
        for round in 0..100 {
            join(&house.app, "family", &["ada"]).await.unwrap();
            assert_eq!(groups::of_user(&other, &ada).await.unwrap(), ["family"], "{round}");
            match round % 10 {
                9 => {
                    groups::remove(&house.app, "family").await.unwrap();
                    assert!(groups::of_user(&other, &ada).await.unwrap().is_empty(), "{round}");
                    groups::add(&house.app, "family").await.unwrap();
                }
                _ => {
                    leave(&house.app, "family", &["ada"]).await.unwrap();
                    assert!(groups::of_user(&other, &ada).await.unwrap().is_empty(), "{round}");
                }
            }
        }
    }
}
