//! Bringing a database to the schema of this program: rehearsed first, in a transaction that is never committed and in which a made-up
//! person signs in; then something is kept of before; and then it is done. What fails before that has changed nothing. Why it is done so:
//! `docs/adr/0021`.

use std::fs;
use std::io::BufWriter;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE32HEX_NOPAD;
use otp::{Key, Secret, totp};
use store::{Db, Time, dump, keys, registrations};

use crate::backup::{self, Source};
use crate::config::{Factors, Registration};
use crate::enroll::{self, Confirmed};
use crate::kept::Kept;
use crate::login::{self, Credentials};
use crate::register::{self, NewUser};
use crate::{App, Clock, Config, Cost, Error, Password, Random, Result, Visit, session};

/// Beside the copy of a file there has to be room for what is written while it is changed.
const ROOM: u64 = 16 << 20;
/// How often, and after which pauses, it is tried again where another node is at the same.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// Seconds from one code to the next.
const PERIOD: i64 = 30;

/// What an upgrade does, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The schema that is there.
    pub from: i64,
    /// The one that this program works with.
    pub to: i64,
    /// Rows of all tables.
    pub rows: u64,
    /// How long the rehearsal took, in milliseconds: for so long others wait who work there.
    pub rehearsed_in: i64,
    /// Whether servers of before may go on meanwhile and afterward. Else they refuse everything from then on.
    pub others_go_on: bool,
    /// What is kept of before; `None` where this program cannot write any.
    pub kept: Option<PathBuf>,
}

/// Rehearses what the next start would do, and changes nothing. `None`: there is nothing to do.
pub async fn rehearse(config: &Config) -> Result<Option<Report>> {
    let Some(from) = older(config)? else { return Ok(None) };
    report_of(config, &Clock::System, from).await
}

/// Does it. `None`: there was nothing to do.
pub async fn run(config: &Config) -> Result<Option<Report>> {
    let clock = Clock::System;
    let Some(prepared) = prepare(config, &clock).await? else { return Ok(None) };
    let db = Db::open(&config.database, clock.now()).await.map_err(crate::refused)?;
    drop(db);
    Ok(Some(prepared.report))
}

/// The schema, where it is an older one. Nothing is no older one.
fn older(config: &Config) -> Result<Option<i64>> {
    Ok(Db::schema(&config.database).map_err(crate::refused)?.filter(|schema| *schema < Db::SCHEMA))
}

/// Everything is ready for it, and nobody else of this machine does it meanwhile.
pub(crate) struct Prepared {
    report: Report,
    _kept: Option<Kept>,
}

/// Rehearses, and keeps what was before. `None`: there is nothing to do.
pub(crate) async fn prepare(config: &Config, clock: &Clock) -> Result<Option<Prepared>> {
    let Some(from) = older(config)? else { return Ok(None) };
    let kept = keepsake(config, from)?.map(|path| begin(&path).map_err(|e| unkept(&path, &e)));
    let kept = kept.transpose()?;
    // Whoever made it meanwhile has done everything.
    let Some(from) = older(config)? else { return Ok(None) };
    if let (Some(kept), Some(file)) = (&kept, config.database.strip_prefix("sqlite:")) {
        refuse_full(Path::new(file), kept.path())?;
    }
    let Some(report) = report_of(config, clock, from).await? else { return Ok(None) };
    match &kept {
        Some(kept) => keep(config, clock, kept).await?,
        None => tracing::warn!(
            "nothing is kept of what was before schema {}: this version writes backups from schema {} on. Where that matters, stop \
             here, and run pg_dump first",
            Db::SCHEMA,
            dump::OLDEST
        ),
    }
    tracing::info!(
        from,
        to = Db::SCHEMA,
        kept = report.kept.as_ref().map(|path| path.display().to_string()),
        "the database is brought up to date"
    );
    Ok(Some(Prepared { report, _kept: kept }))
}

/// What will be kept, and where.
fn keepsake(config: &Config, from: i64) -> Result<Option<PathBuf>> {
    if let Some(file) = config.database.strip_prefix("sqlite:") {
        return Ok(Some(format!("{file}.before-schema-{}", Db::SCHEMA).into()));
    }
    if from < dump::OLDEST {
        return Ok(None);
    }
    Ok(Some(config.data_dir.join("backups").join(format!("before-schema-{}.backup", Db::SCHEMA))))
}

fn begin(path: &Path) -> std::io::Result<Kept> {
    if let Some(around) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(around)?;
    }
    Kept::begin(path)
}

/// Keeps it: a copy of SQLite's file, or a backup as `latchkey backup` writes it.
async fn keep(config: &Config, clock: &Clock, kept: &Kept) -> Result<()> {
    let failed = |e: std::io::Error| unkept(kept.path(), &e);
    if let Some(file) = config.database.strip_prefix("sqlite:") {
        Db::copy_file(&config.database, kept.draft()).map_err(crate::refused)?;
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        return kept.take((&format!("{name}.before-schema-"), "")).map_err(failed);
    }
    let source = Source::open_with(config, clock.clone(), Random::Os).await?;
    let out = BufWriter::with_capacity(256 << 10, kept.file().map_err(failed)?);
    backup::write(&source, Box::new(out), Box::new(|_| {})).await?;
    kept.take(("before-schema-", ".backup")).map_err(failed)
}

fn unkept(path: &Path, error: &std::io::Error) -> Error {
    Error::Refused(format!(
        "what was before the upgrade cannot be kept as {}: {error}. Nothing was changed",
        path.display()
    ))
}

/// Refuses to begin what would fill the disk.
fn refuse_full(file: &Path, kept: &Path) -> Result<()> {
    let around = kept.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let length = fs::metadata(file).map_or(0, |file| file.len());
    let needed = length.saturating_mul(2).saturating_add(ROOM);
    let free = rustix::fs::statvfs(around).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    match free {
        Ok(free) if free < needed => Err(Error::Refused(format!(
            "the upgrade needs {} MiB in {}, and {} are free: a copy of the database is kept, and as much is written at most. Make \
             room, and start again. Nothing was changed",
            needed >> 20,
            around.display(),
            free >> 20
        ))),
        _ => Ok(()),
    }
}

async fn report_of(config: &Config, clock: &Clock, from: i64) -> Result<Option<Report>> {
    let began = clock.moment().counted;
    let mut rehearsed = rehearse_with(config, (clock, from)).await;
    for _ in 0..TRIES {
        // Another node is at the same, and was first with this table or that row. It may have done everything soon.
        if !matches!(rehearsed, Err(Error::Taken | Error::Busy)) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        if older(config)?.is_none() {
            return Ok(None);
        }
        rehearsed = rehearse_with(config, (clock, from)).await;
    }
    let rows = rehearsed.map_err(|error| explained(error, from))?;
    let rehearsed_in = clock.moment().counted - began;
    let (others_go_on, kept) = (Db::lets_stay(from), keepsake(config, from)?);
    Ok(Some(Report { from, to: Db::SCHEMA, rows, rehearsed_in, others_go_on, kept }))
}

/// What went wrong while nothing was committed.
fn explained(error: Error, from: i64) -> Error {
    match error {
        // It says itself what to do.
        Error::Refused(_) | Error::Away(_) => error,
        other => Error::Refused(format!(
            "the database cannot be brought from schema {from} to {}: {}. Nothing was changed: the version from before starts on it as \
             it did",
            Db::SCHEMA,
            match &other {
                Error::Broken(why) => format!("{why:#}"),
                other => other.to_string(),
            }
        )),
    }
}

/// Makes the schema and tries it, and undoes everything. How many rows there are.
async fn rehearse_with(config: &Config, (clock, from): (&Clock, i64)) -> Result<u64> {
    let now = clock.now();
    let (db, rows) = Db::rehearsing(&config.database, (from, now)).await.map_err(|error| match error {
        store::Error::Taken => Error::Taken,
        other => crate::refused(other),
    })?;
    // A house in which nobody ever was has no key yet, and gets none by a rehearsal.
    if db.scan(keys::all).await?.is_empty() {
        return Ok(rows);
    }
    // Others wait meanwhile, and nobody will ever guess at this password: its hash may be cheap.
    let password_cost = Cost { memory_kib: 64, passes: 1 };
    let (registration, factors) = (Registration::Open, Factors::PasswordAndCode);
    let config = Config { registration, factors, password_cost, ..config.clone() };
    let app = App::open_keys(db, config, (Clock::frozen(now), Random::Os), 1).await?;
    sign_in(&app).await?;
    Ok(rows)
}

/// A made-up person registers, sets up an authenticator, signs in with a code that is good once, and signs out.
async fn sign_in(app: &App) -> Result<()> {
    // Of those who register just now nobody is in the way.
    let at_the_end = Time::from_millis(i64::MAX);
    app.db.write(move |tx| registrations::sweep(tx, at_the_end)).await?;
    let chance = || BASE32HEX_NOPAD.encode(&*app.random.bytes::<15>()).to_lowercase();
    let (name, secret, visit) = (format!("trial-{}", chance()), chance(), Visit::default());
    let typed = || Credentials {
        username: name.clone(),
        password: Password::new(secret.clone()),
        keep: false,
        next: String::new(),
    };
    let new = NewUser {
        username: name.clone(),
        password: Some(Password::new(secret.clone())),
        link: None,
        next: String::new(),
    };
    let enrolling = could(register::reserve(app, new, None, visit.clone()).await, "register")?;
    let plain = could(enroll::pending(app, &enrolling).await, "see the QR code")?.key_plain;
    let key = Key::new(Secret::from_base32(&plain).map_err(Error::broken)?);
    let code = || totp::code(&key, app.clock.now().seconds()).reveal();
    let confirmed = enroll::confirm(app, &enrolling, (&code(), ""), &visit).await;
    let Confirmed::SignedIn(first) = could(confirmed, "confirm a first code")? else {
        return Err(could_not("be signed in by a first code"));
    };
    could(session::end(app, &first.token, &visit).await, "sign out")?;

    app.clock.advance(PERIOD);
    let login = could(login::begin(app, typed(), &visit).await, "sign in with the password")?;
    let started = could(login::complete(app, &login, (&code(), ""), &visit).await, "sign in with a code")?;
    let found = could(session::find(app, &started.token).await, "be known by the session")?;
    if found.is_none_or(|session| session.name != name) {
        return Err(could_not("be known by the session"));
    }
    let login = could(login::begin(app, typed(), &visit).await, "sign in once more")?;
    match login::complete(app, &login, (&code(), ""), &visit).await {
        Err(Error::WrongCode(_)) => {}
        Err(other) => return Err(because("be refused with a used code", &other)),
        Ok(_) => return Err(could_not("be refused with a used code")),
    }
    could(session::end(app, &started.token, &visit).await, "sign out")?;
    match could(session::find(app, &started.token).await, "be unknown afterward")? {
        None => Ok(()),
        Some(_) => Err(could_not("be unknown after signing out")),
    }
}

fn could<T>(answer: Result<T>, what: &str) -> Result<T> {
    answer.map_err(|error| because(what, &error))
}

fn because(what: &str, error: &Error) -> Error {
    let why = match error {
        Error::Broken(why) => format!("{why:#}"),
        other => other.to_string(),
    };
    Error::broken(anyhow::anyhow!("a made-up person could not {what} there: {why}"))
}

fn could_not(what: &str) -> Error {
    Error::broken(anyhow::anyhow!("a made-up person could not {what} there"))
}

#[cfg(test)]
mod tests {
    use store::Kind;
    use store::scratch::Scratch;

    use super::*;
    use crate::restore::Restore;

    #[tokio::test]
    async fn on_postgresql_a_backup_is_kept_that_can_be_restored() {
        let scratch = Scratch::new(Kind::Postgres);
        let config = Config {
            data_dir: scratch.dir().to_owned(),
            database: scratch.url().to_owned().into(),
            ..Config::default()
        };
        drop(App::open(config.clone()).await.unwrap());
        let path = keepsake(&config, dump::OLDEST).unwrap().unwrap();
        assert!(path.starts_with(scratch.dir().join("backups")), "{}", path.display());
        let kept = begin(&path).unwrap();
        keep(&config, &Clock::System, &kept).await.unwrap();
        drop(kept);
        let contents = Restore::new(&config, &path).unwrap().look(&mut |_| {}).unwrap();
        assert_eq!(contents.head.schema, Db::SCHEMA);
        assert!(contents.rows > 0);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(keepsake(&config, dump::OLDEST - 1).unwrap(), None, "no backup can be made of that");
    }

    #[test]
    fn a_disk_that_has_no_room_is_named_before_anything_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("latchkey.db");
        // As long as no disk is, and all of it a hole.
        fs::File::create(&file).unwrap().set_len(1 << 42).unwrap();
        let refused = refuse_full(&file, &dir.path().join("kept")).unwrap_err().to_string();
        assert!(refused.contains("Make room") && refused.contains("Nothing was changed"), "{refused}");
        fs::File::create(&file).unwrap().set_len(1 << 10).unwrap();
        refuse_full(&file, &dir.path().join("kept")).unwrap();
    }
}
