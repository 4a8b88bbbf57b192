//! People with a password and an authenticator each, to measure with: `people DIRECTORY COUNT` brings so many into the place there,
//! their passwords hashed as everybody's are, and prints a line for each: the name and what is in the authenticator.

use auth::{App, Clock, Cost, Random};
use bench::Failure;
use tokio::task::JoinSet;

/// Those who register at once: hashing takes all cores.
const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, count] = words.as_slice() else {
        return Err("say where and how many: people DIRECTORY COUNT".into());
    };
    let (count, config) = (count.parse::<usize>()?, bench::house(directory, Cost::default()));
    let app = App::open_with(config, Clock::System, Random::Os).await?;
    let mut registering = JoinSet::new();
    for number in 0..count {
        if number >= AT_ONCE {
            print(registering.join_next().await)?;
        }
        let app = app.clone();
        registering.spawn(async move {
            let name = format!("member{number}");
            let (_, secret) = bench::register(&app, &name).await?;
            Ok::<_, Failure>(format!("{name} {secret}"))
        });
    }
    while let Some(done) = registering.join_next().await {
        print(Some(done))?;
    }
    Ok(())
}

fn print(done: Option<Result<Result<String, Failure>, tokio::task::JoinError>>) -> Result<(), Failure> {
    if let Some(done) = done {
        println!("{}", done??);
    }
    Ok(())
}
