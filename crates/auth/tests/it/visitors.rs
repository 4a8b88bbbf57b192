//! Who is let in at other programs: what ends or changes that counts at the next check on the node that did it, and a moment later on
//! any other: a millisecond with SQLite, less than a second with PostgreSQL. What was read is remembered while the database is the
//! same, as far as that is known, so every change is tried where nothing notices changes, too.

use std::sync::Arc;
use std::time::Duration;

use auth::access::{Draft, Rule, Target, Verdict, book};
use auth::app_session::{self, Glance};
use auth::{App, Clock, Config, Password, Random, Role, Time, Token, Visit, account, groups, session, users};
use store::{Db, Kind, Sql};

use crate::house::{House, NOW, on_both};

const ORIGIN: &str = "https://app.example.org";
const HOUR: i64 = 60 * 60;

/// Somebody who is signed in at the program.
struct Visitor {
    session: Token,
    there: Token,
}

fn rule(change: impl FnOnce(&mut Draft)) -> Rule {
    let mut draft = Draft {
        hosts: vec!["app.example.org".to_owned()],
        policy: "two_factor".to_owned(),
        ..Draft::default()
    };
    change(&mut draft);
    draft.check(None).unwrap()
}

/// Somebody of the family, which is let in.
async fn ada(house: &House) -> Visitor {
    let session = house.registers("ada").await;
    groups::add(&house.app, "family").await.unwrap();
    groups::add(&house.app, "banned").await.unwrap();
    groups::join(&house.app, "family", &["ada".to_owned()]).await.unwrap();
    let banned = |draft: &mut Draft| {
        draft.policy = "deny".to_owned();
        draft.paths = vec!["/banned".to_owned()];
    };
    book::add(&house.app, rule(banned), None).await.unwrap();
    book::add(&house.app, rule(|draft| draft.groups = vec!["family".to_owned()]), None).await.unwrap();
    let there = enters(&house.app, &session).await;
    Visitor { session, there }
}

async fn enters(app: &App, session: &Token) -> Token {
    let session = session::find(app, session).await.unwrap().unwrap();
    let nonce = app_session::nonce(app);
    let mark = app_session::mark(app, &nonce);
    let ticket = app_session::issue(app, &session, (ORIGIN, &mark)).await.unwrap();
    app_session::redeem(app, &ticket, (ORIGIN, &nonce)).await.unwrap().token
}

/// What a proxy would be told, and who it is.
async fn asks(app: &App, token: &Token, path: &str) -> (Verdict, Option<String>) {
    let (glance, target) = (Glance::take(app), format!("{ORIGIN}{path}"));
    let target = Target::of_url("GET", &target, None).unwrap();
    let visitor = app_session::find(app, token, &target.origin(), glance).await.unwrap();
    let decision = app_session::judge(app, &target, visitor.as_deref(), glance).await.unwrap();
    (decision.verdict, visitor.map(|visitor| visitor.name.clone()))
}

/// The same, of somebody who is remembered there.
async fn verdict(app: &App, visitor: &Visitor) -> Verdict {
    let hits = async || app.readings().await.recall.hits;
    for _ in 0..1000 {
        let before = hits().await;
        let (verdict, who) = asks(app, &visitor.there, "/").await;
        if hits().await > before || who.is_none() {
            return verdict;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody is remembered");
}

/// How long a node may take to hear of what another one has done.
fn moment(app: &App) -> Duration {
    match app.database_kind() {
        Kind::Sqlite => Duration::from_millis(1),
        Kind::Postgres => Duration::from_secs(1),
    }
}

/// Waits until the verdict is another one, or a moment has passed, and answers what it is then.
async fn verdict_in_a_moment(app: &App, visitor: &Visitor, before: Verdict) -> Verdict {
    let moment = tokio::time::sleep(moment(app));
    tokio::pin!(moment);
    loop {
        let verdict = asks(app, &visitor.there, "/").await.0;
        if verdict != before || moment.is_elapsed() {
            return verdict;
        }
        tokio::select! {
            () = &mut moment => {}
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

async fn a_moment_passes(app: &App) {
    tokio::time::sleep(moment(app)).await;
}

/// What may happen while somebody is inside.
#[derive(Clone, Copy, Debug)]
enum Change {
    SignOut,
    EndOne,
    EndAll,
    Disable,
    Remove,
    AnotherRole,
    NewPassword,
    LeaveGroup,
    RemoveGroup,
    AddRule,
    RemoveRule,
    LowerLevel,
    OlderProof,
    AnotherEpoch,
    Shorten,
    TakeAway,
}

use Change::*;

const ALL: [Change; 16] = [
    SignOut,
    EndOne,
    EndAll,
    Disable,
    Remove,
    AnotherRole,
    NewPassword,
    LeaveGroup,
    RemoveGroup,
    AddRule,
    RemoveRule,
    LowerLevel,
    OlderProof,
    AnotherEpoch,
    Shorten,
    TakeAway,
];

impl Change {
    /// Whether it is made beside both nodes.
    fn is_by_hand(self) -> bool {
        matches!(self, LowerLevel | OlderProof | AnotherEpoch | Shorten | TakeAway)
    }

    async fn happens(self, app: &App, outside: &Db, visitor: &Visitor) {
        let here = || async { session::find(app, &visitor.session).await.unwrap().unwrap() };
        let people = ["ada".to_owned()];
        match self {
            SignOut => session::end(app, &visitor.session, &Visit::default()).await.unwrap(),
            EndOne => drop(session::end_one(app, here().await.id.as_str()).await.unwrap()),
            EndAll => assert_eq!(session::end_all(app, "ada").await.unwrap(), 1),
            Disable => users::disable(app, "ada").await.unwrap(),
            Remove => users::remove(app, "ada").await.unwrap(),
            AnotherRole => users::set_role(app, "ada", Role::Admin).await.unwrap(),
            NewPassword => {
                let password = Password::new("difference of engines".to_owned());
                account::change_password(app, &here().await, password, &Visit::default()).await.unwrap();
                // The session in which it is changed goes on; another one there is over.
                session::end(app, &visitor.session, &Visit::default()).await.unwrap();
            }
            LeaveGroup => drop(groups::leave(app, "family", &people).await.unwrap()),
            RemoveGroup => groups::remove(app, "family").await.unwrap(),
            AddRule => {
                let deny = rule(|draft| draft.policy = "deny".to_owned());
                drop(book::add(app, deny, Some(1)).await.unwrap());
            }
            RemoveRule => drop(book::remove(app, 2).await.unwrap()),
            LowerLevel => by_hand(outside, "UPDATE sessions SET level = 1").await,
            OlderProof => by_hand(outside, "UPDATE sessions SET proved_at = 0, level = 1").await,
            AnotherEpoch => by_hand(outside, "UPDATE users SET epoch = epoch + 1").await,
            Shorten => by_hand(outside, "UPDATE sessions SET expires_at = 1").await,
            TakeAway => by_hand(outside, "DELETE FROM app_sessions").await,
        }
    }
}

/// Whatever the program in front has, another process may change the database beside it.
async fn by_hand(db: &Db, text: &'static str) {
    let changed = db.write(move |tx| tx.execute(Sql::new(text), &[])).await.unwrap();
    assert!(changed > 0, "{text}");
}

#[tokio::test]
async fn whatever_changes_counts_at_the_next_check_on_the_node_that_did_it_and_a_moment_later_on_the_other() {
    for (number, change) in ALL.into_iter().enumerate() {
        // On PostgreSQL, which takes longer, from one of them.
        let mut houses = on_both().await;
        houses.push(House::on_sqlite().await);
        for (house, by_other) in houses.iter().zip([true, number % 2 == 0, false]) {
            let (other, visitor) = (house.another_node().await, ada(house).await);
            for app in [&house.app, &other] {
                assert_eq!(verdict(app, &visitor).await, Verdict::Allow, "{change:?}");
            }
            let (there, elsewhere) = if by_other { (&other, &house.app) } else { (&house.app, &other) };
            change.happens(there, &house.db, &visitor).await;
            if !change.is_by_hand() {
                assert_ne!(asks(there, &visitor.there, "/").await.0, Verdict::Allow, "{change:?}");
            }
            for app in [there, elsewhere] {
                let verdict = verdict_in_a_moment(app, &visitor, Verdict::Allow).await;
                assert_ne!(verdict, Verdict::Allow, "{change:?}");
            }
        }
    }
}

/// The control: each of these would be missed by a node that did not look whether the database has changed.
#[tokio::test]
async fn without_a_look_at_the_database_none_of_it_would_be_noticed() {
    for (number, change) in ALL.into_iter().enumerate() {
        for house in on_both().await.into_iter().take(1 + (number + 1) % 2) {
            let visitor = ada(&house).await;
            let blind = blind(&house).await;
            assert_eq!(verdict(&blind, &visitor).await, Verdict::Allow, "{change:?}");
            change.happens(&house.app, &house.db, &visitor).await;
            a_moment_passes(&blind).await;
            assert_eq!(asks(&blind, &visitor.there, "/").await.0, Verdict::Allow, "{change:?}");
            assert_ne!(asks(&house.app, &visitor.there, "/").await.0, Verdict::Allow, "{change:?}");
        }
    }
}

/// A node that takes the database for what it was when it began.
async fn blind(house: &House) -> App {
    let (url, config) = (house.url(), Config { data_dir: house.dir().to_owned(), ..Config::default() });
    let db = Db::open(url, Time::from_millis(NOW * 1000)).await.unwrap();
    while db.state().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let db = db.blind();
    App::open_over(db, config, (house.app.clock.clone(), Random::Os), 1).await.unwrap()
}

#[tokio::test]
async fn what_is_given_counts_as_soon_as_what_is_taken() {
    for house in on_both().await {
        let (other, visitor) = (house.another_node().await, ada(&house).await);
        let people = ["ada".to_owned()];
        groups::leave(&house.app, "family", &people).await.unwrap();
        assert_eq!(verdict_in_a_moment(&other, &visitor, Verdict::Allow).await, Verdict::Refuse);
        groups::join(&house.app, "family", &people).await.unwrap();
        assert_eq!(asks_again(&other, &visitor).await, Verdict::Allow);
        // A rule that asks for a proof of the last minutes, and the proof.
        let fresh = |draft: &mut Draft| {
            (draft.max_age, draft.any) = (Some("15m".to_owned()), true);
        };
        book::add(&house.app, rule(fresh), Some(1)).await.unwrap();
        a_moment_passes(&other).await;
        assert_eq!(verdict(&other, &visitor).await, Verdict::Allow);
        house.app.clock.advance(20 * 60);
        assert_eq!(verdict(&other, &visitor).await, Verdict::Prove);
        let now = house.app.clock.now().millis();
        let text: &'static str = format!("UPDATE sessions SET proved_at = {now}").leak();
        by_hand(&house.db, text).await;
        assert_eq!(asks_again(&other, &visitor).await, Verdict::Allow);
    }
}

/// Asks as a proxy's question is answered: whoever is not let in is looked at once more, by what the database holds.
async fn asks_again(app: &App, visitor: &Visitor) -> Verdict {
    if app.database_kind() == Kind::Sqlite {
        a_moment_passes(app).await;
    }
    let glance = Glance::take(app);
    let glance = glance.again().unwrap_or(glance);
    let target = Target::of_url("GET", ORIGIN, None).unwrap();
    let found = app_session::find(app, &visitor.there, &target.origin(), glance).await.unwrap();
    app_session::judge(app, &target, found.as_deref(), glance).await.unwrap().verdict
}

#[tokio::test]
async fn a_session_that_is_remembered_ends_when_nobody_was_seen_for_half_an_hour_and_after_twelve_hours() {
    for house in on_both().await {
        let (app, visitor) = (&house.app, ada(&house).await);
        assert_eq!(verdict(app, &visitor).await, Verdict::Allow);
        let Clock::Frozen { .. } = &app.clock else { panic!("the clock runs") };
        app.clock.advance(30 * 60);
        assert_eq!(asks(app, &visitor.there, "/").await, (Verdict::SignIn, None), "nobody was seen");
        // A clock that is set back is believed, as it is by the database.
        app.clock.set(-60);
        assert_eq!(verdict(app, &visitor).await, Verdict::Allow);
        let mut hours = 0;
        while verdict(app, &visitor).await == Verdict::Allow {
            hours += 1;
            for _ in 0..3 {
                app.clock.advance(20 * 60);
                if asks(app, &visitor.there, "/").await.1.is_some() {
                    it_is_written_that_they_are_there(&house).await;
                }
            }
        }
        assert_eq!(hours, 12);
        app.clock.advance(HOUR);
        assert_eq!(verdict(app, &visitor).await, Verdict::SignIn);
    }
}

/// Nobody who is checked waits for that.
async fn it_is_written_that_they_are_there(house: &House) {
    const SEEN: Sql = Sql::new("SELECT seen_at FROM sessions");
    let now = house.app.clock.now();
    for _ in 0..2000 {
        if house.db.read(|conn| conn.one(SEEN, &[], |row| row.time(0))).await.unwrap() == Some(now) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody has written that they are there");
}

/// What is written can be read a moment before it is on the disk, and is counted after that.
async fn commits(house: &House, at_least: u64) -> u64 {
    for _ in 0..2000 {
        if house.app.tally().commits >= at_least {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.app.tally().commits
}

#[tokio::test]
async fn that_somebody_is_there_is_written_once_a_minute_however_often_they_are_checked() {
    for house in on_both().await {
        let (app, visitor) = (&house.app, ada(&house).await);
        let before = app.tally().commits;
        app.clock.advance(61);
        assert_eq!(verdict(app, &visitor).await, Verdict::Allow);
        it_is_written_that_they_are_there(&house).await;
        assert_eq!(commits(&house, before + 1).await, before + 1);
        for _ in 0..4 {
            // Long enough for another write, and not for another read.
            app.clock.advance(12);
            assert_eq!(verdict(app, &visitor).await, Verdict::Allow);
        }
        app.clock.advance(12);
        assert_eq!(verdict(app, &visitor).await, Verdict::Allow);
        it_is_written_that_they_are_there(&house).await;
        assert_eq!(commits(&house, before + 2).await, before + 2);
    }
}

#[tokio::test]
async fn a_token_opens_its_own_host_alone_also_when_it_is_remembered() {
    for house in on_both().await {
        let visitor = ada(&house).await;
        assert_eq!(verdict(&house.app, &visitor).await, Verdict::Allow);
        let glance = Glance::take(&house.app);
        let at = async |origin| app_session::find(&house.app, &visitor.there, origin, glance).await.unwrap();
        assert!(at(ORIGIN).await.is_some());
        for other in
            ["https://app.example.org:8443", "http://app.example.org", "https://wiki.example.org", ""]
        {
            assert!(at(other).await.is_none(), "{other}");
        }
        assert!(at(ORIGIN).await.is_some());
    }
}

#[tokio::test]
async fn a_check_reads_nothing_while_nothing_changes() {
    for house in on_both().await {
        let visitor = ada(&house).await;
        assert_eq!(verdict(&house.app, &visitor).await, Verdict::Allow);
        let recall = house.app.readings().await.recall;
        let before = house.app.tally();
        for _ in 0..10 {
            assert_eq!(asks(&house.app, &visitor.there, "/").await.0, Verdict::Allow);
        }
        assert_eq!((house.app.tally() - before).reads, 0);
        let now = house.app.readings().await.recall;
        assert_eq!((now.hits - recall.hits, now.misses - recall.misses, now.kept), (10, 0, 1));
    }
}

/// What was changed by somebody who does not say so, with a client of the database, counts within half a minute.
#[tokio::test]
async fn what_nobody_has_told_is_found_after_half_a_minute() {
    for house in on_both().await {
        let visitor = ada(&house).await;
        assert_eq!(verdict(&house.app, &visitor).await, Verdict::Allow);
        let text = "UPDATE users SET disabled = TRUE";
        house.db.write(move |tx| tx.execute(Sql::new(text).revoking_nothing(), &[])).await.unwrap();
        let is_told = house.app.database_kind() == Kind::Sqlite;
        assert_eq!(asks(&house.app, &visitor.there, "/").await.0 == Verdict::Allow, !is_told);
        house.app.clock.advance(30);
        assert_eq!(asks(&house.app, &visitor.there, "/").await.0, Verdict::SignIn);
    }
}

/// A transaction that revokes something stays open, while a thousand others are committed that revoke something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revocation_that_commits_late_is_heard_nevertheless() {
    for house in on_both().await {
        let (other, visitor) = (house.another_node().await, ada(&house).await);
        assert_eq!(verdict(&other, &visitor).await, Verdict::Allow);
        let (until, waits) = std::sync::mpsc::channel::<()>();
        let waits = std::sync::Mutex::new(waits);
        let db = house.db.clone();
        let late = tokio::spawn(async move {
            let end = Sql::new("DELETE FROM sessions");
            db.write(move |tx| {
                let ended = tx.execute(end, &[])?;
                // Others are done meanwhile, where more than one can be.
                let _ = waits.lock().unwrap().recv_timeout(Duration::from_secs(4));
                Ok::<_, store::Error>(ended)
            })
            .await
        });
        let by_others = if house.app.database_kind() == Kind::Sqlite { 0 } else { 1000 };
        for _ in 0..by_others {
            let text = "UPDATE groups SET name = name WHERE name = 'banned'";
            house.db.write(move |tx| tx.execute(Sql::new(text), &[])).await.unwrap();
        }
        // The other one has heard of all of these by now.
        assert_eq!(verdict(&other, &visitor).await, Verdict::Allow);
        until.send(()).unwrap();
        assert_eq!(late.await.unwrap().unwrap(), 1);
        assert_eq!(verdict_in_a_moment(&other, &visitor, Verdict::Allow).await, Verdict::SignIn);
    }
}

/// Many at once, while somebody is put in and taken out again and again: whoever asks after an answer knows what it said, at once on
/// the node that gave it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_check_that_begins_after_a_change_was_answered_misses_it() {
    for house in on_both().await {
        let (other, visitor) = (house.another_node().await, Arc::new(ada(&house).await));
        let asking: Vec<_> = (0..3)
            .flat_map(|_| [house.app.clone(), other.clone()])
            .map(|app| {
                let visitor = visitor.clone();
                tokio::spawn(async move {
                    loop {
                        asks(&app, &visitor.there, "/").await;
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let people = ["ada".to_owned()];
        let rounds = if house.app.database_kind() == Kind::Sqlite { 100 } else { 10 };
        for round in 0..rounds {
            groups::leave(&house.app, "family", &people).await.unwrap();
            assert_eq!(asks(&house.app, &visitor.there, "/").await.0, Verdict::Refuse, "round {round}");
            let there = verdict_in_a_moment(&other, &visitor, Verdict::Allow).await;
            assert_eq!(there, Verdict::Refuse, "round {round}, the other");
            groups::join(&house.app, "family", &people).await.unwrap();
            for app in [&house.app, &other] {
                assert_eq!(asks_again(app, &visitor).await, Verdict::Allow, "round {round}");
            }
        }
        asking.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
