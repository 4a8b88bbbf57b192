//! Backups, and houses that are brought back: all of it, or nothing; and nothing in a file tells what is in it.

use std::path::PathBuf;

use auth::backup::{self, Source};
use auth::restore::{ENDED, Restore};
use auth::{App, Config, Random, audit, groups, inspect, users};
use store::dump;
use store::scratch::Scratch;
use store::{Db, Kind};

use crate::house::{House, SECRET, on_both};

fn config_of(scratch: &Scratch) -> Config {
    Config {
        data_dir: scratch.dir().to_owned(),
        database: scratch.url().to_owned().into(),
        ..Config::default()
    }
}

async fn backed_up(house: &House) -> PathBuf {
    let file = house.dir().join("one.backup");
    let clock = house.app.clock.clone();
    let source = Source::open_with(&house.app.config, clock, Random::Os).await.unwrap();
    let out = Box::new(std::fs::File::create(&file).unwrap());
    let written = backup::write(&source, out, Box::new(|_| {})).await.unwrap();
    assert_eq!(written.bytes, std::fs::metadata(&file).unwrap().len());
    file
}

/// A place with the key of that house, and nothing else.
fn with_key_of(house: &House, kind: Kind) -> Scratch {
    let scratch = Scratch::new(kind);
    std::fs::copy(house.dir().join("master.key"), scratch.dir().join("master.key")).unwrap();
    scratch
}

fn restore(house: &House, file: &std::path::Path, scratch: &Scratch) -> Restore {
    let seams = (house.app.clock.clone(), Random::Os);
    Restore::new_with(&config_of(scratch), file, seams).unwrap()
}

async fn with_people(house: &House) {
    house.registers("Ada").await;
    house.imports("bob").await;
    users::disable(&house.app, "bob").await.unwrap();
    groups::add(&house.app, "family").await.unwrap();
    groups::join(&house.app, "family", &["ada".to_owned()]).await.unwrap();
}

/// How many rows each table has.
async fn counts(url: &str) -> Vec<(&'static str, usize)> {
    let db = Db::open(url, store::Time::from_millis(0)).await.unwrap();
    db.scan(|conn| {
        let mut counts = Vec::new();
        for table in dump::tables(Db::SCHEMA) {
            let (mut rows, mut page) = (0, table.page(conn, None)?);
            while let Some(last) = page.last() {
                rows += page.len();
                page = table.page(conn, Some(last))?;
            }
            counts.push((table.name, rows));
        }
        Ok::<_, store::Error>(counts)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_lasts_comes_back_on_either_engine_and_what_ended_does_not() {
    for house in on_both().await {
        with_people(&house).await;
        audit::seal::Sealer::new(&house.app).seal().await.unwrap();
        let file = backed_up(&house).await;
        let before = counts(house.url()).await;
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let scratch = with_key_of(&house, kind);
            let restore = restore(&house, &file, &scratch);
            let contents = restore.look(&mut |_| {}).unwrap();
            assert_eq!((contents.people, contents.sessions, contents.with_recovery_codes), (2, 1, 1));
            restore.run(&contents, Box::new(|_| {})).await.unwrap();
            for ((table, had), (same, has)) in before.iter().zip(counts(scratch.url()).await) {
                assert_eq!(*table, same);
                let expected = match *table {
                    ended if ENDED.contains(&ended) => 0,
                    // That it was restored is one more.
                    "events" => had + 1,
                    _ => *had,
                };
                assert_eq!(has, expected, "{table}");
            }
            let config = config_of(&scratch);
            let found = Box::new(|what: &inspect::Finding| panic!("{what:?}"));
            let whole = inspect::run(&config, found, Box::new(|_| {})).await.unwrap();
            assert_eq!(whole.findings, 0);
            let app = App::open_existing(config_of(&scratch)).await.unwrap();
            assert!(users::show(&app, "bob").await.unwrap().person.disabled);
            // The log goes on where the backup ended.
            audit::seal::Sealer::new(&app).seal().await.unwrap();
            let listener = audit::verify::Listener {
                found: Box::new(|what: &audit::finding::Finding| panic!("{what}")),
                looked: Box::new(|_| {}),
            };
            let report = audit::verify::run(&app, None, listener).await.unwrap();
            assert_eq!((report.findings, report.unsealed), (0, 0));
        }
    }
}

#[tokio::test]
async fn no_secret_and_no_name_stands_in_a_backup() {
    let house = House::on_sqlite().await;
    with_people(&house).await;
    let bytes = std::fs::read(backed_up(&house).await).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let key = std::fs::read_to_string(house.dir().join("master.key")).unwrap();
    for hidden in ["ada", "family", "argon2", &SECRET.to_lowercase(), &key.trim().to_lowercase(), "users"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    // The control: the database itself has the names in it.
    let raw = std::fs::read(house.dir().join("latchkey.db-wal")).unwrap();
    assert!(String::from_utf8_lossy(&raw).to_lowercase().contains("argon2"));
}

#[tokio::test]
async fn a_backup_that_was_changed_makes_nothing() {
    let house = House::on_sqlite().await;
    with_people(&house).await;
    let file = backed_up(&house).await;
    let whole = std::fs::read(&file).unwrap();
    for place in [0, 30, 200, 400, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let scratch = with_key_of(&house, Kind::Sqlite);
        assert!(restore(&house, &file, &scratch).look(&mut |_| {}).is_err(), "{place}");
        assert_eq!(std::fs::read_dir(scratch.dir()).unwrap().count(), 1, "the key alone is there");
    }
}

#[tokio::test]
async fn a_backup_that_is_exchanged_between_looking_and_restoring_leaves_nothing() {
    let house = House::on_sqlite().await;
    with_people(&house).await;
    let file = backed_up(&house).await;
    for scratch in [with_key_of(&house, Kind::Sqlite), with_key_of(&house, Kind::Postgres)] {
        let restore = restore(&house, &file, &scratch);
        let contents = restore.look(&mut |_| {}).unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        let refused = restore.run(&contents, Box::new(|_| {})).await.unwrap_err();
        assert!(refused.to_string().contains("cut off"), "{refused}");
        assert!(Db::is_empty(scratch.url()).unwrap());
        std::fs::write(&file, &whole).unwrap();
        restore.run(&contents, Box::new(|_| {})).await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_opens_with_its_master_key_alone_and_is_made_with_none_but_the_databases() {
    let house = House::on_sqlite().await;
    let file = backed_up(&house).await;
    let other = Scratch::new(Kind::Sqlite);
    let refused = Restore::new(&config_of(&other), &file).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("no key is here") && refused.contains("chmod 600"), "{refused}");
    const OTHER: &str = "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=";
    let empty = with_key_of(&house, Kind::Sqlite);
    std::fs::write(empty.dir().join("master.key"), OTHER).unwrap();
    let refused = restore(&house, &file, &empty).look(&mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("master key that is here is not the one"), "{refused}");
    std::fs::write(house.dir().join("master.key"), OTHER).unwrap();
    let refused = Source::open(&house.app.config).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("not the one this database was made with"), "{refused}");
}
