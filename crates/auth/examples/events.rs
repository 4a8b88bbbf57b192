//! Fills an empty place with events and measures what is done to them: `events DIRECTORY DATABASE COUNT`. The events lie in the
//! last 800 days; they are sealed, verified, listed, and those older than `audit_keep` removed.

use std::error::Error;
use std::time::Duration;

use auth::audit::read::{self, Filter};
use auth::audit::seal::Sealer;
use auth::audit::verify::{self, Listener};
use auth::{App, Clock, Config, Id, Random, Role, Time, setup};
use store::events::{self, Event};
use store::{Db, Sql};

/// When it is: 2026-11-24.
const NOW: Time = Time::from_millis(1_795_478_400_000);
const SPAN: i64 = 800 * 24 * 60 * 60 * 1000;
/// Events in one transaction.
const AT_ONCE: i64 = 10_000;
const PEOPLE: i64 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, database, number] = words.as_slice() else {
        return Err("say where and how many: events DIRECTORY DATABASE COUNT".into());
    };
    let number: i64 = number.parse()?;
    let config =
        Config { data_dir: directory.into(), database: database.clone().into(), ..Config::default() };
    let app = App::open_with(config, Clock::frozen(NOW), Random::Os).await?;
    let db = Db::open(database, NOW).await?.with_deadline(Duration::from_secs(60));

    let mut watch = Watch::start();
    for from in (0..number).step_by(AT_ONCE as usize) {
        db.write(move |tx| (from..(from + AT_ONCE).min(number)).try_for_each(|n| fill(tx, n, number)))
            .await?;
    }
    watch.lap("written", number);
    println!("  {} bytes each, with their indexes", size(&db, directory).await? / number.max(1));

    let mut sealer = Sealer::new(&app);
    watch.lap("sealed, as events from before there were seals", sealer.seal().await? as i64);
    println!("  {} bytes each, with their indexes and seals", size(&db, directory).await? / number.max(1));
    let few = (number / 100).min(20_000);
    for n in 0..few {
        setup::user_link(&app, &format!("somebody{}", n % PEOPLE), Role::User).await?;
    }
    watch.lap("written one by one", few);
    watch.lap("sealed", sealer.seal().await? as i64);

    verify_all(&app, &mut watch).await?;
    let listed = read::newest(&app, &Filter::default(), 100, &mut |_| {}).await?;
    watch.lap("listed, the newest", listed.len() as i64);
    let rare = Filter { kind: Some("user.removed".into()), ..Filter::default() };
    let found = read::newest(&app, &rare, 100, &mut |_| {}).await?;
    watch.lap("looked through for a kind that is rare", number);
    println!("  {} found", found.len());
    let mut written = 0;
    read::each(&app, &Filter::default(), &mut |entries| {
        written += entries.len() as i64;
        Ok(())
    })
    .await?;
    watch.lap("read for an export", written);

    watch.lap("removed, since they were old", sealer.remove_old().await?);
    sealer.seal().await?;
    verify_all(&app, &mut watch).await?;
    Ok(())
}

/// An event as a busy place has them: a sign-in, as a rule.
fn fill(tx: &mut store::Tx<'_>, n: i64, of: i64) -> store::Result<()> {
    let at = NOW.millis() - SPAN + (SPAN as i128 * i128::from(n) / i128::from(of)) as i64;
    let person = n * 7919 % PEOPLE;
    let kind = match n % 1_000_003 {
        1 => "user.removed",
        other if other % 2 == 0 => "sign_in.password_right",
        _ => "sign_in.completed",
    };
    let event = Event {
        id: Id::new(format!("0{at:013}{n:012}")),
        at: Time::from_millis(at),
        kind: kind.to_owned(),
        user_id: Some(Id::new(format!("person{person:020}"))),
        name: format!("person{person}"),
        address: format!("203.0.{}.{}", person / 250, person % 250),
        detail: "{}".to_owned(),
        gather: None,
        count: 1,
        mac: String::new(),
        seal: None,
    };
    events::record(tx, &event).map(|_| ())
}

async fn verify_all(app: &App, watch: &mut Watch) -> Result<(), Box<dyn Error>> {
    let listener = Listener { found: Box::new(|found| println!("  {found}")), looked: Box::new(|_| {}) };
    let report = verify::run(app, None, listener).await?;
    watch.lap("verified", i64::try_from(report.events)?);
    println!("  {} seals, {} findings", report.seals, report.findings);
    Ok(())
}

/// Bytes that the database takes.
async fn size(db: &Db, directory: &str) -> Result<i64, Box<dyn Error>> {
    if db.kind() == store::Kind::Sqlite {
        let mut bytes = 0;
        for file in std::fs::read_dir(directory)? {
            bytes += i64::try_from(file?.metadata()?.len())?;
        }
        return Ok(bytes);
    }
    const SIZE: Sql = Sql::new("SELECT CAST(pg_database_size(current_database()) AS BIGINT)");
    Ok(db.scan(|conn| conn.one(SIZE, &[], |row| row.int(0))).await?.unwrap_or(0))
}

/// How long things take, and the most memory that was ever used.
struct Watch(Time);

impl Watch {
    fn start() -> Watch {
        Watch(Clock::System.now())
    }

    fn lap(&mut self, what: &str, events: i64) {
        let now = Clock::System.now();
        let seconds = (now.millis_since(self.0).max(1)) as f64 / 1000.0;
        self.0 = now;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
        let each = events as f64 / seconds;
        println!("{events} events {what} in {seconds:.2} s, {each:.0} a second; peak memory {peak}");
    }
}
