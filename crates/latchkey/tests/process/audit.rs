//! The audit log of a running server: it is sealed while it runs, and the command line tells what was done to it by hand.

use std::process::Output;
use std::time::Duration;

use store::{Db, Kind, Sql, Time};

use crate::person::Person;
use crate::server::{Place, Server};

/// Does something to the database behind everybody's back, and answers what it returns.
fn by_hand(place: &Place, statement: &str) -> String {
    let file = format!("sqlite:{}", place.data().join("latchkey.db").display());
    let (url, sql) = (place.url().unwrap_or(file), Sql::new(String::leak(statement.to_owned())));
    let done = async {
        let db = Db::open(&url, Time::from_millis(0)).await.unwrap();
        db.write(move |tx| tx.one(sql, &[], |row| row.text(0))).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(done).unwrap().unwrap_or_default()
}

fn text(output: &Output) -> (i32, String, String) {
    let of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), of(&output.stdout), of(&output.stderr))
}

/// Waits until the server has sealed everything.
fn until_sealed(place: &Place) {
    for _ in 0..100 {
        if by_hand(place, "SELECT CAST(count(*) AS TEXT) FROM events WHERE seal IS NULL AND gather IS NULL")
            == "0"
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("it was never sealed");
}

#[test]
fn the_log_is_sealed_within_seconds_and_the_command_line_names_what_was_done_to_it() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        let mut ada = Person::new("ada");
        ada.registers(&mut server.browser());
        until_sealed(&place);
        let (code, said, _) = text(&place.run(&["audit", "verify"]));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("All is as it was written."), "{said}");
        let head =
            said.lines().find_map(|line| line.strip_prefix("The end, to be noted elsewhere: ")).unwrap();
        let (code, said, _) = text(&place.run(&["audit", "verify", "--expect", head]));
        assert_eq!(code, 0, "{said}");

        let user = "FROM events WHERE kind = 'user.created'";
        let id = by_hand(&place, &format!("SELECT id {user}"));
        by_hand(
            &place,
            "UPDATE events SET name = '=cmd|x', detail = '{\"x\":1}' WHERE kind = 'user.created'",
        );
        let (code, said, problem) = text(&place.run(&["audit", "verify"]));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&format!("event {id} of seal ")) && said.contains(" was changed\n"), "{said}");
        assert!(problem.contains("not as it was written: 1 finding"), "{problem}");

        // Nothing in a list is obeyed by a terminal, and nothing in a table by a spreadsheet.
        let (_, csv, _) = text(&place.run(&["audit", "export", "--csv"]));
        assert!(csv.starts_with("at,kind,name,user_id,address,count,detail,id,seal\r\n"), "{csv}");
        assert!(csv.contains(",user.created,\"'=cmd|x\","), "{csv}");
        by_hand(&place, "UPDATE events SET name = 'a\u{1b}[2J' WHERE kind = 'user.created'");
        for arguments in [&["audit", "list"][..], &["audit", "export", "--csv"], &["audit", "export"]] {
            let (code, said, _) = text(&place.run(arguments));
            assert_eq!(code, 0);
            assert!(said.contains("user.created") && !said.contains('\u{1b}'), "{said:?}");
        }

        by_hand(&place, &format!("DELETE {user}"));
        let (code, json, _) = text(&place.run(&["audit", "verify", "--json"]));
        assert_eq!(code, 1, "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["findings"][0]["what"], "event_removed");
        assert_eq!(json["findings"][0]["event"], id);
        assert_eq!(json["summary"]["whole"], false);

        // The newest seals are cut off with their events: what was noted tells, and so does the server.
        by_hand(&place, "DELETE FROM events");
        by_hand(&place, "DELETE FROM seals");
        let (code, said, _) = text(&place.run(&["audit", "verify", "--expect", head]));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("the end was cut off"), "{said}");
        ada.signs_in(&mut server.browser());
        server.until_logged("the end of the audit log was cut off");
        server.stop();
    }
}

#[test]
fn what_is_asked_of_the_log_in_other_words_is_refused() {
    let place = Place::new(Kind::Sqlite);
    assert_eq!(text(&place.run(&["setup-link"])).0, 0);
    for (arguments, says) in [
        (&["audit", "list", "--since", "yesterday"][..], "is no time"),
        (&["audit", "export", "--until", "24"][..], "is no time"),
        (&["audit", "export", "--csv", "--jsonl"][..], "cannot be used with"),
        (&["audit", "verify", "--expect", "12"][..], "write the head as"),
    ] {
        let (code, _, problem) = text(&place.run(arguments));
        assert_eq!(code, 2, "{arguments:?}: {problem}");
        assert!(problem.contains(says), "{problem}");
    }
    let (code, _, problem) = text(&place.run(&["audit", "list", "--limit", "10001"]));
    assert!(code == 4 && problem.contains("audit export"), "{problem}");
    let (code, said, _) = text(&place.run(&["audit", "verify"]));
    assert_eq!(code, 0);
    // It opened no server, so nobody has sealed it.
    assert!(said.contains("1 event is not sealed yet"), "{said}");
    let (_, said, _) = text(&place.run(&["audit", "list", "--kind", "sign_in"]));
    assert_eq!(said, "Nothing of that kind has happened.\n");
}
