//! Signs people in at the host of a program, to measure with: `visitors DIRECTORY COUNT ORIGIN` makes a place there, with so many
//! people in it who belong to two groups each, and prints the token of each of them at that origin.

use std::error::Error;

use auth::enroll::{self, Confirmed};
use auth::register::{self, NewUser};
use auth::{App, Clock, Config, Cost, Password, Random, Token, Visit, app_session, groups, session};
use otp::{Key, Secret, totp};

/// Groups that the people are spread over, each in two of them.
const GROUPS: usize = 10;
const PASSWORD: &str = "nine purple teapots";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, count, origin] = words.as_slice() else {
        return Err("say where, how many, and at which host: visitors DIRECTORY COUNT ORIGIN".into());
    };
    let config = Config {
        data_dir: directory.into(),
        database: format!("sqlite:{directory}/latchkey.db").into(),
        // What a hash costs is not what is measured here.
        password_cost: Cost { memory_kib: 64, passes: 1 },
        ..Config::default()
    };
    let app = App::open_with(config, Clock::System, Random::Os).await?;
    let people: Vec<String> = (0..count.parse::<usize>()?).map(|number| format!("person{number}")).collect();
    for name in &people {
        println!("{}", enter(&app, name, origin).await?.reveal().as_str());
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

/// Registers somebody, enrolls them, and takes a ticket to the origin.
async fn enter(app: &App, name: &str, origin: &str) -> Result<Token, Box<dyn Error>> {
    let new = NewUser {
        username: name.to_owned(),
        password: Some(Password::new(PASSWORD.to_owned())),
        link: None,
        next: String::new(),
    };
    let enrolling = register::reserve(app, new, None, Visit::default()).await?;
    let pending = enroll::pending(app, &enrolling).await?;
    let key = Key::new(Secret::from_base32(&pending.key_plain)?);
    let code = totp::code(&key, app.clock.now().millis() / 1000).reveal();
    let Confirmed::SignedIn(started) =
        enroll::confirm(app, &enrolling, (code.as_str(), ""), &Visit::default()).await?
    else {
        return Err("the first code did not sign in".into());
    };
    let session = session::find(app, &started.token).await?.ok_or("the session is over already")?;
    let nonce = app_session::nonce(app);
    let mark = app_session::mark(app, &nonce);
    let ticket = app_session::issue(app, &session, (origin, &mark)).await?;
    Ok(app_session::redeem(app, &ticket, (origin, &nonce)).await?.token)
}
