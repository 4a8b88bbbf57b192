//! Houses that are moved: with their own key only, and the audit log goes on and tells of it.

use auth::moving::Moving;
use auth::{App, Clock, Config, Error, Random, audit, users};
use store::scratch::Scratch;
use store::{Db, Kind};

use crate::house::{House, on_both};

const ANOTHER: &str = "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=";

/// What a command does, on a thread of its own. How many people there were.
fn moved(config: &Config, clock: &Clock, (from, to): (&str, &str)) -> auth::Result<u64> {
    let work = || {
        let mut moving = Moving::open_with(config, (from, to), (clock.clone(), Random::Os))?;
        assert_eq!(moving.load()?.moved, None);
        moving.copy(&mut |_| Ok(()))?;
        Ok(moving.finish(&mut |_| {})?.people)
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

fn elsewhere(house: &House) -> Scratch {
    Scratch::new(if house.url().starts_with("sqlite:") { Kind::Postgres } else { Kind::Sqlite })
}

#[tokio::test]
async fn the_log_of_a_house_that_was_moved_goes_on_and_tells_of_it() {
    for house in on_both().await {
        house.registers("Ada").await;
        house.imports("bob").await;
        audit::seal::Sealer::new(&house.app).seal().await.unwrap();
        let to = elsewhere(&house);
        let (from, config, clock) = house.closes();
        assert_eq!(moved(&config, &clock, (from.url(), to.url())).unwrap(), 2);
        let there = Config { database: to.url().to_owned().into(), ..config };
        // The lease of whoever sealed before came along, and is over by then.
        let later = Clock::frozen(clock.now().plus_seconds(600));
        let app = App::open_with(there, later, Random::Os).await.unwrap();
        assert_eq!(users::count(&app).await.unwrap().people, 2);
        audit::seal::Sealer::new(&app).seal().await.unwrap();
        let listener = audit::verify::Listener {
            found: Box::new(|what: &audit::finding::Finding| panic!("{what}")),
            looked: Box::new(|_| {}),
        };
        let report = audit::verify::run(&app, None, listener).await.unwrap();
        assert_eq!((report.findings, report.unsealed), (0, 0));
        let db = Db::open_as_it_is(to.url()).await.unwrap();
        let told = db.scan(|conn| store::events::count_of_kind(conn, "moved")).await.unwrap();
        assert_eq!(told, 1);
    }
}

#[tokio::test]
async fn whoever_has_another_master_key_moves_nothing() {
    for house in on_both().await {
        let to = elsewhere(&house);
        let (from, config, clock) = house.closes();
        let config = Config { master_key: Some(ANOTHER.to_owned().into()), ..config };
        let refused = moved(&config, &clock, (from.url(), to.url())).unwrap_err();
        assert!(refused.to_string().contains("not the one this database was made with"), "{refused}");
        assert!(Db::is_empty(to.url()).unwrap());
    }
}

#[tokio::test]
async fn a_place_may_stand_in_a_file_and_a_password_in_it_is_told_to_nobody() {
    let house = House::on_sqlite().await;
    let file = house.dir().join("place.txt");
    let (from, config, clock) = house.closes();
    let url = "postgres://latchkey:hunter2@127.0.0.1:1/latchkey";
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let said = format!("file:{}", file.display());
    for to in [url, said.as_str(), "postgres://latchkey:hunter2@db.example.org/x?sslmode=disable"] {
        let refused = moved(&config, &clock, (from.url(), to)).unwrap_err();
        assert!(matches!(refused, Error::Away(_) | Error::Refused(_)), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
    }
}
