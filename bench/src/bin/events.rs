//! An audit log to measure with: `events DIRECTORY fill COUNT` makes a place there in which so much has happened, five hundred days ago, and
//! seals it; `events DIRECTORY retire` removes what is old, as a server does every hour. Both print the memory that they took at the most,
//! in KiB.

use auth::audit::seal::Sealer;
use auth::{App, Clock, Cost, Random, groups};
use bench::Failure;
use tokio::task::JoinSet;

/// Those who do something at once: they share what a commit costs.
const AT_ONCE: usize = 256;
const DAYS: i64 = 500 * 24 * 60 * 60 * 1000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [directory, "fill", count] => fill(directory, count.parse()?).await?,
        [directory, "retire"] => retire(directory).await?,
        _ => return Err("say where and what: events DIRECTORY fill COUNT, or events DIRECTORY retire".into()),
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("the system does not say the memory")?;
    println!("{}", most.trim().trim_end_matches(" kB"));
    Ok(())
}

/// A group is added and removed over and over: two events, and nothing stays of it.
async fn fill(directory: &str, count: usize) -> Result<(), Failure> {
    let config = bench::house(directory, Cost::default());
    // A clock that goes: what is written of one moment lies anywhere among the rest of it.
    let app = App::open_with(config, Clock::Off(-DAYS), Random::Os).await?;
    let mut doing = JoinSet::new();
    for number in 0..AT_ONCE {
        let app = app.clone();
        doing.spawn(async move {
            let name = format!("group{number}");
            for _ in 0..count / AT_ONCE / 2 {
                groups::add(&app, &name).await?;
                groups::remove(&app, &name).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = doing.join_next().await {
        done??;
    }
    let mut sealer = Sealer::new(&app);
    sealer.seal().await?;
    Ok(sealer.release().await?)
}

async fn retire(directory: &str) -> Result<(), Failure> {
    let config = bench::house(directory, Cost::default());
    let app = App::open_with(config, Clock::System, Random::Os).await?;
    let mut sealer = Sealer::new(&app);
    sealer.remove_old().await?;
    Ok(sealer.release().await?)
}
