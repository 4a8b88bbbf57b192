//! Many at once, released together: of everything that can be had once, one gets it.

use std::sync::Arc;

use store::Kind;
use tokio::sync::Barrier;

use crate::world::{Browser, PASSWORD, Person, Seen, World};

const AT_ONCE: usize = 64;

/// Sends one request from every browser at the same moment.
async fn released<F>(browsers: Vec<Browser>, request: impl Fn(Browser) -> F) -> Vec<Seen>
where
    F: Future<Output = Seen> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(browsers.len()));
    let sent: Vec<_> = browsers
        .into_iter()
        .map(|browser| {
            let (barrier, request) = (barrier.clone(), request(browser));
            tokio::spawn(async move {
                barrier.wait().await;
                request.await
            })
        })
        .collect();
    let mut seen = Vec::new();
    for answer in sent {
        seen.push(answer.await.unwrap());
    }
    seen
}

fn count(seen: &[Seen], status: u16) -> usize {
    seen.iter().filter(|seen| seen.status.as_u16() == status).count()
}

/// So many browsers that have given ada's password, half of them at each node.
async fn past_the_password(ada: &Person, other: &World) -> Vec<Browser> {
    let mut browsers = Vec::new();
    for n in 0..AT_ONCE {
        let browser = ada.half_signed_in().await;
        browsers.push(if n % 2 == 0 { browser } else { browser.at(other) });
    }
    browsers
}

async fn one_code_one_session(kind: Kind, rounds: usize) {
    let world = World::on(kind).await;
    let other = world.another_node().await;
    let ada = world.person("ada").enrolled().await;
    for round in 0..rounds {
        let browsers = past_the_password(&ada, &other).await;
        let code = ada.code();
        let seen = released(browsers.clone(), |browser| {
            let code = code.clone();
            async move { browser.give_code(&code).await }
        })
        .await;
        assert_eq!((count(&seen, 303), count(&seen, 422)), (1, AT_ONCE - 1), "round {round}");
        let mut signed_in = 0;
        for browser in browsers {
            signed_in += usize::from(browser.get("/").await.status == 200);
        }
        assert_eq!(signed_in, 1, "round {round}");
        world.wait(30);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_sign_ins_with_one_code_one_succeeds_on_sqlite() {
    one_code_one_session(Kind::Sqlite, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_sign_ins_with_one_code_one_succeeds_on_postgresql() {
    one_code_one_session(Kind::Postgres, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_register_one_name_at_once_one_gets_it() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        for round in 0..10 {
            let name = format!("Ada{round}");
            let browsers =
                (0..8).map(|n| if n % 2 == 0 { world.browser() } else { other.browser() }).collect();
            let seen = released(browsers, |browser| {
                let name = name.clone();
                async move { browser.post("/register", &[("username", &name), ("password", PASSWORD)]).await }
            })
            .await;
            assert_eq!((count(&seen, 303), count(&seen, 422)), (1, 7), "round {round}");
        }
    })
    .await;
}
