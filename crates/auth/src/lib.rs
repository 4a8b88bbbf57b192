//! The rules of Latchkey: what people may do, and what it takes. Knows nothing of HTTP, HTML or SQL.
//!
//! [`App`] holds what every use-case needs. A use-case is a function in the module named after what people do:
//! [`register`], [`enroll`], [`login`], [`recovery`], [`link`], [`session`], [`account`]; [`setup`], [`users`], [`groups`],
//! [`access`] and [`api_token`] are for those who run the place; [`app_session`] and [`verify`] for other programs. It reads the
//! clock once, decides, and writes everything, the event included, in one transaction.

mod acting;
mod authenticator;
mod broom;
mod clock;
mod code;
mod drift;
mod enrollment;
mod error;
mod guessable;
mod hasher;
mod kept;
mod level;
mod limits;
mod master_key;
mod meters;
mod name;
mod password;
mod pepper;
mod random;
mod readiness;
mod role;
mod seen;
mod steadiness;
mod vault;
mod visit;

pub mod access;
pub mod account;
pub mod api_token;
pub mod app_session;
pub mod audit;
pub mod backup;
pub mod chores;
pub mod config;
pub mod enroll;
pub mod export;
pub mod groups;
#[cfg(any(test, feature = "fuzzing"))]
pub mod hostile;
pub mod import;
pub mod inspect;
pub mod keys;
pub mod link;
pub mod login;
pub mod moving;
pub mod odds;
pub mod plain;
pub mod recovery;
pub mod register;
pub mod restore;
pub mod session;
pub mod setup;
pub mod trial;
pub mod upgrade;
pub mod users;
pub mod verify;

use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use store::Db;

pub use acting::{Acting, By};
pub use clock::{Clock, date, date_and_time, moment, time_of_day, timestamp};
pub use config::Config;
pub use error::{Error, Hint, Result, Rule};
pub use level::{Level, note_policy};
pub use meters::{Counts, LogEnd, Readings};
pub use otp::{Drawing, Qr};
pub use password::{Cost, Password};
pub use random::{Random, Token, Words};
pub use readiness::Unready;
pub use role::Role;
pub use store::{Activity, Counter, Histogram, Id, Kind as DatabaseKind, Lane, Spread, Tally, Time};
pub use visit::{Visit, browser_and_system};

use access::Book;
use app_session::Remembered;
use audit::{Scribe, Whom};
use broom::Broom;
use error::Tampered;
use hasher::Hasher;
use limits::{Crowd, Rested};
use master_key::MasterKey;
use meters::Meters;
use readiness::Stopping;
use seen::Seen;
use steadiness::Steadiness;
use vault::Vault;

/// What every use-case needs: cheap handles, cloned freely.
#[derive(Clone, Debug)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// What time it is.
    pub clock: Clock,
    random: Random,
    db: Db,
    vault: Vault,
    hasher: Hasher,
    rested: Rested,
    steadiness: Steadiness,
    crowd: Crowd,
    broom: Broom,
    book: Book,
    remembered: Remembered,
    seen: Seen,
    meters: Meters,
    stopping: Stopping,
    opened_at: Time,
}

/// Refuses a master key that is none, or that others may read or change, if there is one yet. Makes nothing.
pub fn check_master_key(config: &Config) -> Result<()> {
    MasterKey::new(config.master_key.clone(), &config.data_dir).check()
}

/// What [`App::find`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No database of ours.
    Nothing,
    /// A database that the next start brings up to date.
    Older,
    /// A database that this program works with, unless opening it says otherwise.
    Ready,
}

/// Opening says why a database cannot be used; later such an answer would be our mistake.
fn refused(error: store::Error) -> Error {
    match error {
        store::Error::Refused(why) => Error::Refused(why.to_string()),
        other => other.into(),
    }
}

/// The same for what was said in a transaction.
fn refused_within(error: Error) -> Error {
    match error {
        Error::Broken(why) => match why.downcast::<store::Error>() {
            Ok(error) => refused(error),
            Err(why) => Error::Broken(why),
        },
        other => other,
    }
}

/// How long whoever looks after a server waits for the database.
const SOON: Duration = Duration::from_secs(2);

impl App {
    /// Opens the database and the key ring. Makes the data directory, the database and the master key where there are
    /// none; refuses to start, and writes nothing, with a key that is not the database's.
    pub async fn open(config: Config) -> Result<App> {
        App::open_with(config, Clock::System, Random::Os).await
    }

    /// Opens what is there already, and makes nothing: for commands that make no sense without it, so that a directory
    /// mistyped is an error and not a new house.
    pub async fn open_existing(config: Config) -> Result<App> {
        if App::find(&config)? == Found::Nothing {
            return Err(Error::Refused(format!(
                "there is no Latchkey at {} yet. Start one with `latchkey`, or say where it is with --data-dir or --database",
                config.database_shown()
            )));
        }
        App::open_here(config, Clock::System, Random::Os).await
    }

    /// What is where the settings say, without making or changing anything.
    pub fn find(config: &Config) -> Result<Found> {
        Ok(match Db::schema(&config.database).map_err(refused)? {
            None => Found::Nothing,
            Some(version) if version < Db::SCHEMA => Found::Older,
            Some(_) => Found::Ready,
        })
    }

    /// The same as [`App::open`] with another clock and other chance, for tests.
    pub async fn open_with(config: Config, clock: Clock, random: Random) -> Result<App> {
        let dir = &config.data_dir;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| {
            Error::Refused(format!(
                "cannot make the data directory {}: {e}. Another one: --data-dir",
                dir.display()
            ))
        })?;
        App::open_here(config, clock, random).await
    }

    async fn open_here(config: Config, clock: Clock, random: Random) -> Result<App> {
        // Held until the schema is there, so that of several that start at once one does it.
        let _upgrade = upgrade::prepare(&config, &clock).await?;
        let db = Db::open_looked_at(&config.database, clock.now()).await.map_err(refused)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        App::open_keys(db, config, (clock, random), threads).await
    }

    /// Opens over a database that is open already, and hashes on so many threads: a simulation brings both.
    #[cfg(feature = "simulation")]
    pub async fn open_over(db: Db, config: Config, seams: (Clock, Random), threads: usize) -> Result<App> {
        App::open_keys(db, config, seams, threads).await
    }

    /// Opens the key ring of a database that is open already.
    async fn open_keys(
        db: Db,
        config: Config,
        (clock, random): (Clock, Random),
        threads: usize,
    ) -> Result<App> {
        let (now, steadiness) = (clock.now(), Steadiness::new(clock.moment()));
        let master = MasterKey::new(config.master_key.clone(), &config.data_dir);
        let vault = Vault::open(&db, master, random.clone(), now).await?;
        let hasher = Hasher::new(threads, config.password_cost, vault.peppers().clone())?;
        let (config, rested, crowd) = (Arc::new(config), Rested::default(), Crowd::default());
        let (book, remembered, seen) = (Book::default(), Remembered::new(), Seen::default());
        let app = App {
            config,
            clock,
            random,
            db,
            vault,
            hasher,
            rested,
            crowd,
            broom: Broom::default(),
            steadiness,
            book,
            remembered,
            seen,
            meters: Meters::default(),
            stopping: Stopping::default(),
            opened_at: now,
        };
        keys::refuse_missing(&app).await?;
        Ok(app)
    }

    /// What the database was asked to do since it was opened.
    pub fn tally(&self) -> Tally {
        self.db.tally()
    }

    /// How many times Argon2 has run since then.
    pub fn hashes(&self) -> u64 {
        self.hasher.hashes()
    }

    /// Which database this is.
    pub fn database_kind(&self) -> DatabaseKind {
        self.db.kind()
    }

    /// A short name for one request, to find it in the log.
    pub fn request_id(&self) -> String {
        data_encoding::BASE32HEX_NOPAD.encode(&*self.random.bytes::<5>()).to_lowercase()
    }

    /// Under what the browser may be known.
    fn device_mac(&self, visit: &Visit) -> Option<String> {
        visit.device.as_ref().map(|token| self.vault.token_mac(vault::Purpose::Device, token))
    }

    /// Passes an answer on, and notes it when something sealed did not open.
    async fn watch<T>(&self, answer: Result<T>, whom: Whom<'_>) -> Result<T> {
        if let Err(error) = &answer {
            self.note_tampering(error, whom).await;
        }
        answer
    }

    /// Notes that something sealed did not open, in a transaction of its own: the one that met it is undone.
    async fn note_tampering(&self, error: &Error, whom: Whom<'_>) {
        let Some(what) = error.tampered().map(str::to_owned) else { return };
        let (scribe, id) = (self.scribe(&Visit::default(), self.clock.now()), whom.id.cloned());
        let name = whom.name.to_owned();
        let noted = self.db.write(move |tx| {
            let whom = Whom { id: id.as_ref(), name: &name };
            scribe.note_tampering(tx, &Error::broken(Tampered { what: what.clone() }), whom)
        });
        if let Err(error) = noted.await {
            tracing::error!("that could not be noted in the audit log: {error}");
        }
    }

    /// Whether somebody called `name` may choose this password here.
    fn check_password(&self, password: &Password, name: &str) -> Result<(), Rule> {
        let host = self.config.public_url.host();
        password.check(name, &[self.config.issuer.clone(), host.to_owned(), "latchkey".to_owned()])
    }

    fn scribe(&self, visit: &Visit, now: Time) -> Scribe {
        Scribe::new((&self.random, &self.vault, &self.meters), visit, now)
    }
}
