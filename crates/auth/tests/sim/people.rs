//! Whom a simulation begins with: a house made by the real engine once, of which every seed gets a copy.

use std::path::PathBuf;

use auth::enroll::Confirmed;
use auth::login::Credentials;
use auth::register::NewUser;
use auth::{
    App, Clock, Config, Cost, Password, Random, Time, Token, Visit, enroll, login, recovery, register,
    session,
};
use otp::{Key, Secret, totp};
use tempfile::TempDir;

/// When it begins, in Unix seconds.
pub(crate) const BEGINS: i64 = 1_790_000_010;
/// Who lives in the house.
pub(crate) const RESIDENTS: [&str; 2] = ["ada", "bob"];

/// Somebody who lives here: what they hold when it begins.
#[derive(Clone)]
pub(crate) struct Resident {
    pub(crate) name: &'static str,
    pub(crate) password: String,
    pub(crate) key: Key,
    pub(crate) spent: i64,
    pub(crate) codes: Vec<String>,
    pub(crate) session: Token,
    pub(crate) login: Token,
}

/// The house as it is copied.
pub(crate) struct Template {
    pub(crate) residents: Vec<Resident>,
    pub(crate) database: Vec<u8>,
    _dir: TempDir,
}

/// A directory in memory, where there is one: a simulated crash is one of the process, so nothing needs a disk.
pub(crate) fn directory() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let builder = tempfile::Builder::new().prefix("latchkey-sim-").to_owned();
    if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.expect("a directory")
}

/// The settings of a node: the cheapest hash there is.
pub(crate) fn config(dir: &std::path::Path, factors: &str) -> Config {
    let mut config = Config {
        data_dir: dir.to_owned(),
        database: format!("sqlite:{}", dir.join("latchkey.db").display()).into(),
        master_key: Some("EsIqVyx6R+2+tTQMD1JBwdLp/yxuhwqhrm00Tg1NUmY=".to_owned().into()),
        password_cost: Cost { memory_kib: 8, passes: 1 },
        ..Config::default()
    };
    config.set("login.factors", factors).unwrap();
    config
}

impl Template {
    pub(crate) async fn new() -> Template {
        let dir = directory();
        let clock = Clock::frozen(Time::from_millis((BEGINS - 60) * 1000));
        let app =
            App::open_with(config(dir.path(), "password+code"), clock, Random::seeded(0)).await.unwrap();
        let mut residents = Vec::new();
        for name in RESIDENTS {
            residents.push(resident(&app, name).await);
        }
        drop(app);
        let database = std::fs::read(dir.path().join("latchkey.db")).unwrap();
        Template { residents, database, _dir: dir }
    }
}

async fn resident(app: &App, name: &'static str) -> Resident {
    let password = format!("engine of analysis {name}");
    let typed = || Password::new(password.clone());
    let visit = Visit::default();
    let new = NewUser { username: name.into(), password: Some(typed()), link: None, next: String::new() };
    let token = register::reserve(app, new, None, visit.clone()).await.unwrap();
    let plain = enroll::pending(app, &token).await.unwrap().key_plain;
    let key = Key::new(Secret::from_base32(&plain).unwrap());
    let now = app.clock.now().seconds();
    let code = totp::code(&key, now).reveal();
    let Confirmed::SignedIn(started) = enroll::confirm(app, &token, (&code, ""), &visit).await.unwrap()
    else {
        panic!("somebody new is signed in");
    };
    let here = session::find(app, &started.token).await.unwrap().unwrap();
    let codes = recovery::sheet(app, &here).await.unwrap().unwrap().codes;
    let typed = Credentials { username: name.into(), password: typed(), keep: false, next: String::new() };
    let login = login::begin(app, typed, &visit).await.unwrap();
    Resident { name, password, key, spent: now.div_euclid(30), codes, session: started.token, login }
}
