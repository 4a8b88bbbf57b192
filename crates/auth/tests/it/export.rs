//! What can be taken away: everything, in one state, and secrets only when they are asked for.

use std::io::Write;
use std::sync::{Arc, Mutex};

use auth::trial::{self, Verdict};
use auth::{App, Error, export, groups, import, users};
use serde_json::Value;

use crate::house::{House, SECRET, code, on_both};

/// Takes what is written, as far as it has room.
#[derive(Clone)]
struct Paper {
    text: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.text.lock().unwrap();
        if text.len() + bytes.len() > self.room {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn written(app: &App, secrets: bool, room: usize) -> (Result<export::Summary, Error>, String) {
    let paper = Paper { text: Arc::default(), room };
    let summary = export::run(app, secrets, Box::new(paper.clone()), Box::new(|_| {})).await;
    let text = String::from_utf8(paper.text.lock().unwrap().clone()).unwrap();
    (summary, text)
}

async fn lines(app: &App, secrets: bool) -> Vec<Value> {
    let (summary, text) = written(app, secrets, usize::MAX).await;
    summary.unwrap();
    assert!(text.ends_with('\n') && text.lines().all(|line| line.starts_with("{\"type\":\"")), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

async fn with_people(house: &House) {
    house.registers("Ada").await;
    house.imports("bob").await;
    users::disable(&house.app, "bob").await.unwrap();
}

#[tokio::test]
async fn everything_is_there_and_no_secret() {
    for house in on_both().await {
        with_people(&house).await;
        let lines = lines(&house.app, false).await;
        let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        let expected = [
            "export",
            "settings",
            "person",
            "authenticator",
            "person",
            "authenticator",
            "session",
            "event",
            "event",
            "event",
            "event",
            "end",
        ];
        assert_eq!(kinds, expected);
        assert_eq!(lines[0]["secrets"], false);
        let people = of_type(&lines, "person");
        assert_eq!(
            (&people[0]["name"], &people[0]["recovery_codes"], &people[0]["has_password"]),
            (&"Ada".into(), &10.into(), &true.into())
        );
        assert_eq!(
            (&people[1]["name"], &people[1]["disabled"], &people[1]["has_password"]),
            (&"bob".into(), &true.into(), &false.into())
        );
        assert_eq!(of_type(&lines, "authenticator")[1]["label"], "Acme: bob");
        // The clock stands still here, so they have no order among themselves.
        let mut events: Vec<String> = of_type(&lines, "event")
            .iter()
            .map(|event| format!("{} {}", event["kind"], event["detail"]))
            .collect();
        events.sort();
        assert_eq!(
            events,
            [
                "\"registration.started\" {}",
                "\"user.created\" {\"role\":\"user\"}",
                "\"user.disabled\" {}",
                "\"user.imported\" {\"authenticators\":\"1\",\"from\":\"otpauth\"}",
            ]
        );
        assert_eq!((&lines[11]["people"], &lines[11]["events"]), (&2.into(), &4.into()));
        let text = written(&house.app, false, usize::MAX).await.1;
        for secret in [SECRET, "argon2", "otpauth:", "secret="] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn groups_come_before_their_people_and_empty_ones_too() {
    for house in on_both().await {
        with_people(&house).await;
        for name in ["Family", "friends", "nobody"] {
            groups::add(&house.app, name).await.unwrap();
        }
        groups::join(&house.app, "family", &["ada".to_owned(), "bob".to_owned()]).await.unwrap();
        groups::join(&house.app, "friends", &["ada".to_owned()]).await.unwrap();
        let lines = lines(&house.app, false).await;
        let kinds: Vec<&str> = lines.iter().take(6).map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["export", "settings", "group", "group", "group", "person"]);
        let listed = of_type(&lines, "group");
        let listed: Vec<_> = listed.iter().map(|group| (&group["name"], &group["members"])).collect();
        let (family, friends, nobody) = ("Family".into(), "friends".into(), "nobody".into());
        assert_eq!(listed, [(&family, &2.into()), (&friends, &1.into()), (&nobody, &0.into())]);
        let people = of_type(&lines, "person");
        assert_eq!(people[0]["groups"], Value::Array(vec![family.clone(), friends]));
        assert_eq!(people[1]["groups"], Value::Array(vec![family]));
        assert_eq!(lines.last().unwrap()["groups"], 3);
    }
}

#[tokio::test]
async fn with_secrets_another_house_can_take_everybody_along() {
    let [here, there] = <[House; 2]>::try_from(on_both().await).ok().unwrap();
    with_people(&here).await;
    let lines = lines(&here.app, true).await;
    assert_eq!(lines[0]["secrets"], true);
    let links = of_type(&lines, "authenticator");
    let links: Vec<&str> = links.iter().map(|line| line["otpauth_uri"].as_str().unwrap()).collect();
    let plan = import::otpauth(links.join("\n").as_bytes()).unwrap();
    let report = import::apply(&there.app, plan, import::Grace::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.people, report.refused.len()), (2, 0));
    let trial = trial::code(&there.app, "bob", &code(SECRET, 0)).await.unwrap();
    assert_eq!(trial.verdict, Some((Verdict::Good, "Acme: bob".to_owned())));
    assert_eq!(users::show(&there.app, "ada").await.unwrap().authenticators, ["Latchkey: Ada"]);
}

#[tokio::test]
async fn many_people_come_once_each_in_several_pieces() {
    for house in on_both().await {
        let names: Vec<String> = (0..2_001).map(|number| format!("User{number:04}")).collect();
        house.import_all(&names).await;
        let lines = lines(&house.app, false).await;
        let found: Vec<&str> =
            of_type(&lines, "person").iter().map(|line| line["name"].as_str().unwrap()).collect();
        assert_eq!(found, names);
        assert_eq!((of_type(&lines, "authenticator").len(), of_type(&lines, "event").len()), (2_001, 2_001));
    }
}

#[tokio::test]
async fn an_export_that_cannot_be_written_has_no_end_and_says_so() {
    for house in on_both().await {
        with_people(&house).await;
        let (summary, text) = written(&house.app, false, 600).await;
        let error = summary.unwrap_err().to_string();
        assert!(error.contains("not complete"), "{error}");
        assert!(!text.contains("\"type\":\"end\""));
        // The house is none the worse for it.
        assert_eq!(lines(&house.app, false).await.last().unwrap()["type"], "end");
    }
}
