//! Signs people in at the host of a program, to measure with: `visitors DIRECTORY COUNT ORIGIN` makes a place there, with so many
//! people in it who belong to two groups each, and prints the token of each of them at that origin.

use auth::{App, Clock, Cost, Random, groups};
use bench::Failure;

/// Groups that the people are spread over, each in two of them.
const GROUPS: usize = 10;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, count, origin] = words.as_slice() else {
        return Err("say where, how many, and at which host: visitors DIRECTORY COUNT ORIGIN".into());
    };
    // What a hash costs is not what is measured here.
    let config = bench::house(directory, Cost { memory_kib: 64, passes: 1 });
    let app = App::open_with(config, Clock::System, Random::Os).await?;
    let people: Vec<String> = (0..count.parse::<usize>()?).map(|number| format!("person{number}")).collect();
    for name in &people {
        let (session, _) = bench::register(&app, name).await?;
        println!("{}", bench::visit(&app, &session, origin).await?.reveal().as_str());
    }
    for group in 0..GROUPS {
        let name = format!("group{group}");
        let belongs = |number: usize| number % GROUPS == group || (number + 1) % GROUPS == group;
        let members = people.iter().enumerate().filter(|(number, _)| belongs(*number));
        let members: Vec<String> = members.map(|(_, name)| name.clone()).collect();
        groups::add(&app, &name).await?;
        groups::join(&app, &name, &members).await?;
    }
    Ok(())
}
