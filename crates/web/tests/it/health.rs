//! `/livez` and `/readyz`: what a supervisor is told.

use store::Kind;

use crate::world::World;

#[tokio::test]
async fn a_node_is_live_and_ready_under_any_host_name() {
    let world = World::on(Kind::Sqlite).await;
    for host in ["localhost:8080", "10.1.2.3", "evil.example"] {
        let probe = world.browser().with("host", host);
        for path in ["/livez", "/readyz"] {
            let seen = probe.get(path).await;
            assert_eq!((seen.status.as_u16(), seen.text.as_str()), (200, "ok\n"), "{host}{path}");
        }
    }
}

#[tokio::test]
async fn a_node_whose_clock_is_not_the_databases_is_not_ready_and_says_so() {
    let world = World::on(Kind::Postgres).await;
    let theirs = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)";
    world.wait(world.records().await.number(theirs).await - world.clock.now().seconds());
    world.browser().get("/readyz").await.is(200);
    for off in [-60, 120] {
        world.wait(off);
        let seen = world.browser().get("/readyz").await;
        seen.is(503).says("this machine's clock and the database's are").says("ms apart");
        world.browser().get("/livez").await.is(200);
    }
}

#[tokio::test]
async fn a_program_is_told_the_reason_in_a_word_that_stays() {
    let world = World::on(Kind::Sqlite).await;
    let asks = async || {
        let seen = world.browser().with("accept", "application/json").get("/readyz").await;
        let body: serde_json::Value = serde_json::from_str(&seen.text).unwrap();
        (seen.status.as_u16(), body)
    };
    assert_eq!(asks().await, (200, serde_json::json!({ "ready": true })));
    world.clock.set(3600);
    let (status, body) = asks().await;
    assert_eq!((status, &body["ready"], &body["reason"]), (503, &false.into(), &"clock_jumped".into()));
    assert!(body["detail"].as_str().unwrap().contains("has jumped by 3600 seconds"), "{body}");
    world.app.begin_to_stop();
    let (status, body) = asks().await;
    assert_eq!((status, &body["reason"]), (503, &"stopping".into()));
    world.browser().get("/readyz").await.is(503).says("this server is stopping");
    // What is asked all the same is answered.
    world.browser().get("/livez").await.is(200);
    world.browser().get("/login").await.is(200);
}
