//! An empty house on either engine, and people who move in.

use std::path::Path;

use auth::enroll::Confirmed;
use auth::import::{self, Grace, Plan};
use auth::register::{self, NewUser};
use auth::{App, Clock, Config, Password, Random, Time, Token, Visit, enroll, users};
use otp::{Code, Key, Secret, totp};
use store::scratch::Scratch;
use store::{Db, Kind, Sql};

/// When it all happens, in Unix seconds.
pub(crate) const NOW: i64 = 1_790_000_010;
/// What everybody whom [`House::imports`] takes along has on the phone.
pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// A house, and its database seen from outside.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) db: Db,
    scratch: Scratch,
}

/// One on each engine.
pub(crate) async fn on_both() -> Vec<House> {
    let mut houses = Vec::new();
    for scratch in Scratch::both() {
        houses.push(House::on(scratch).await);
    }
    houses
}

impl House {
    /// One on SQLite alone.
    pub(crate) async fn on_sqlite() -> House {
        House::on(Scratch::new(Kind::Sqlite)).await
    }

    async fn on(scratch: Scratch) -> House {
        let config = Config {
            data_dir: scratch.dir().to_owned(),
            database: scratch.url().to_owned().into(),
            ..Config::default()
        };
        let clock = Clock::frozen(Time::from_millis(NOW * 1000));
        let app = App::open_with(config, clock, Random::seeded(1)).await.unwrap();
        let db = Db::open(scratch.url(), Time::from_millis(0)).await.unwrap();
        House { app, db, scratch }
    }

    /// The same house, opened by another process, as it were, on the same clock.
    pub(crate) async fn another_node(&self) -> App {
        self.node_with(|_| ()).await
    }

    /// The same, with other settings.
    pub(crate) async fn node_with(&self, change: impl FnOnce(&mut Config)) -> App {
        let mut config = Config {
            data_dir: self.scratch.dir().to_owned(),
            database: self.scratch.url().to_owned().into(),
            ..Config::default()
        };
        change(&mut config);
        App::open_with(config, self.app.clock.clone(), Random::Os).await.unwrap()
    }

    /// Nobody has it open any more.
    pub(crate) fn closes(self) -> (Scratch, Config, Clock) {
        let House { app, db: _, scratch } = self;
        (scratch, (*app.config).clone(), app.clock.clone())
    }

    pub(crate) fn url(&self) -> &str {
        self.scratch.url()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.scratch.dir()
    }

    /// Somebody registers and confirms a first code; they are signed in then.
    pub(crate) async fn registers(&self, name: &str) -> Token {
        self.registers_with_key(name).await.0
    }

    /// The same, with what is on their phone.
    pub(crate) async fn registers_with_key(&self, name: &str) -> (Token, Key) {
        let password = Password::new("engine of analysis".to_owned());
        let new =
            NewUser { username: name.to_owned(), password: Some(password), link: None, next: String::new() };
        let token = register::reserve(&self.app, new, None, Visit::default()).await.unwrap();
        let plain = enroll::pending(&self.app, &token).await.unwrap().key_plain;
        let key = Key::new(Secret::from_base32(&plain).unwrap());
        let code = totp::code(&key, self.app.clock.now().seconds()).reveal();
        match enroll::confirm(&self.app, &token, (&code, ""), &Visit::default()).await.unwrap() {
            Confirmed::SignedIn(started) => (started.token, key),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn imports(&self, name: &str) {
        self.import_all(&[name.to_owned()]).await;
    }

    pub(crate) async fn import_all(&self, names: &[String]) {
        let links =
            names.iter().map(|name| format!("otpauth://totp/Acme:{name}?secret={SECRET}&issuer=Acme\n"));
        self.import_links(&links.collect::<String>()).await;
    }

    pub(crate) async fn import_links(&self, links: &str) {
        let plan: Plan = import::otpauth(links.as_bytes()).unwrap();
        import::apply(&self.app, plan, Grace::default(), &mut |_| {}).await.unwrap();
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let text: &'static str = format!("SELECT count(*) FROM {table}").leak();
        let count = self.db.scan(move |conn| conn.one(Sql::new(text), &[], |row| row.int(0))).await;
        count.unwrap().unwrap()
    }

    /// How often something is in the audit log.
    pub(crate) async fn happened(&self, kind: &'static str) -> i64 {
        self.db.scan(move |conn| store::events::count_of_kind(conn, kind)).await.unwrap()
    }

    pub(crate) async fn id_of(&self, name: &str) -> String {
        users::show(&self.app, name).await.unwrap().person.id.to_string()
    }
}

/// What a phone with this secret shows, so many seconds from now.
pub(crate) fn code(secret: &str, offset: i64) -> String {
    let code: Code = totp::code(&Key::new(Secret::from_base32(secret).unwrap()), NOW + offset);
    code.reveal().to_string()
}
