//! What happens every minute, and which node does it.

use auth::{chores, session};

use crate::house::on_both;

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
