//! Signs in everybody who was brought in with one secret, and lets them go on to a program: `guests DIRECTORY COUNT SECRET ORIGIN` prints
//! the token of each at that origin. Nobody has to sign in again for a month.

use auth::config::Factors;
use auth::login::{self, Entered, NameAndCode};
use auth::{App, Clock, Config, Cost, Random, Visit};
use bench::Failure;
use tokio::task::JoinSet;

/// Those who sign in at once: they share what a commit costs.
const AT_ONCE: usize = 128;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, count, secret, origin] = words.as_slice() else {
        return Err("say where, how many, and at which host: guests DIRECTORY COUNT SECRET ORIGIN".into());
    };
    let count = count.parse::<usize>()?;
    let config = Config { factors: Factors::Code, ..bench::house(directory, Cost::default()) };
    let app = App::open_with(config, Clock::System, Random::Os).await?;
    let mut coming = JoinSet::new();
    for first in 0..AT_ONCE {
        let (app, secret, origin) = (app.clone(), secret.clone(), origin.clone());
        coming.spawn(async move {
            for number in (first..count).step_by(AT_ONCE) {
                println!("{}", enter(&app, number, (&secret, &origin)).await?);
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = coming.join_next().await {
        done??;
    }
    Ok(())
}

async fn enter(app: &App, number: usize, (secret, origin): (&str, &str)) -> Result<String, Failure> {
    let (username, code) = (format!("person{number}"), bench::code(app, secret)?);
    let typed = NameAndCode { username, code, keep: true, next: String::new() };
    let Entered::SignedIn(started) = login::by_code(app, typed, &Visit::default()).await? else {
        return Err("a password is owed".into());
    };
    Ok(bench::visit(app, &started.token, origin).await?.reveal().as_str().to_owned())
}
