//! What the programs here share that prepare people to measure with: nothing of it goes around the rules.

use std::error::Error;

use auth::enroll::{self, Confirmed};
use auth::register::{self, NewUser};
use auth::{App, Config, Cost, Password, Token, Visit, app_session, session};
use otp::{Key, Secret, totp};

/// What went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What everybody has for a password who has one.
pub const PASSWORD: &str = "nine purple teapots";

/// A house in that directory.
pub fn house(directory: &str, password_cost: Cost) -> Config {
    Config {
        data_dir: directory.into(),
        database: format!("sqlite:{directory}/latchkey.db").into(),
        password_cost,
        ..Config::default()
    }
}

/// Registers somebody, who is signed in then, and answers their session and what is in their authenticator.
pub async fn register(app: &App, name: &str) -> Result<(Token, String), Failure> {
    let new = NewUser {
        username: name.to_owned(),
        password: Some(Password::new(PASSWORD.to_owned())),
        link: None,
        next: String::new(),
    };
    let enrolling = register::reserve(app, new, None, Visit::default()).await?;
    let pending = enroll::pending(app, &enrolling).await?;
    let code = code(app, &pending.key_plain)?;
    let Confirmed::SignedIn(started) =
        enroll::confirm(app, &enrolling, (&code, ""), &Visit::default()).await?
    else {
        return Err("the first code did not sign in".into());
    };
    Ok((started.token, pending.key_plain.to_string()))
}

/// What an authenticator with this secret shows now.
pub fn code(app: &App, secret: &str) -> Result<String, Failure> {
    let key = Key::new(Secret::from_base32(secret)?);
    Ok(totp::code(&key, app.clock.now().millis() / 1000).reveal().as_str().to_owned())
}

/// Goes on to a program at that origin, and answers the token that the browser has there.
pub async fn visit(app: &App, session: &Token, origin: &str) -> Result<Token, Failure> {
    let session = session::find(app, session).await?.ok_or("the session is over already")?;
    let nonce = app_session::nonce(app);
    let mark = app_session::mark(app, &nonce);
    let ticket = app_session::issue(app, &session, (origin, &mark)).await?;
    Ok(app_session::redeem(app, &ticket, (origin, &nonce)).await?.token)
}
