//! Databases of other programs: the tutorial's is read whatever its version, and files made to hurt are refused.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use store::foreign;

/// What SQLAlchemy makes of the tutorial's class.
const TABLE: &str = "CREATE TABLE user (
	id INTEGER NOT NULL,
	username VARCHAR(80) NOT NULL,
	otp_secret VARCHAR(16) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (username)
);";

struct File {
    dir: tempfile::TempDir,
}

impl File {
    fn made_by(statements: &str) -> File {
        let file = File { dir: tempfile::tempdir().unwrap() };
        let conn = Connection::open(file.path()).unwrap();
        conn.execute_batch(statements).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        // A name that means something in a URI.
        self.dir.path().join("users 100%?mode=rw#.db")
    }

    fn rows(&self) -> Result<Vec<(u64, String, String)>, String> {
        rows(&self.path())
    }
}

fn rows(path: &Path) -> Result<Vec<(u64, String, String)>, String> {
    let mut found = Vec::new();
    let read = foreign::tutorial(path, &mut |row| {
        let text = |value: Option<&str>| value.unwrap_or("no text").to_owned();
        found.push((row.id, text(row.username), text(row.otp_secret)));
    });
    read.map(|()| found).map_err(|e| e.to_string())
}

#[test]
fn the_tutorials_people_are_read_and_nothing_is_made_beside_the_file() {
    let file = File::made_by(&format!(
        "{TABLE} INSERT INTO user VALUES (7, 'ada', 'GEZDGNBVGY3TQOJQ'), (9, 'bob', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP');"
    ));
    let before = std::fs::read(file.path()).unwrap();
    let expected = [(7, "ada", "GEZDGNBVGY3TQOJQ"), (9, "bob", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")];
    let expected = expected.map(|(id, name, secret)| (id, name.to_owned(), secret.to_owned()));
    assert_eq!(file.rows().unwrap(), expected);
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
    assert_eq!(file.dir.path().read_dir().unwrap().count(), 1);
}

#[test]
fn other_columns_other_types_and_no_id_are_tolerated() {
    let file = File::made_by(
        "CREATE TABLE User (email TEXT, otp_secret, Username TEXT, admin BOOLEAN);
         INSERT INTO User VALUES ('a@example.org', 'GEZDGNBVGY3TQOJQ', 'ada', 1), (NULL, NULL, x'ff', 0), (NULL, 5, 'bob', 0);",
    );
    let read = file.rows().unwrap();
    assert_eq!(read[0], (1, "ada".to_owned(), "GEZDGNBVGY3TQOJQ".to_owned()));
    assert_eq!(read[1], (2, "no text".to_owned(), "no text".to_owned()));
    assert_eq!(read[2], (3, "bob".to_owned(), "no text".to_owned()));
}

#[test]
fn what_is_not_the_tutorials_says_what_is_missing() {
    for (made, said) in [
        ("CREATE TABLE person (username, otp_secret);", "has no table `user`"),
        ("CREATE TABLE user (username);", "without the column `otp_secret`"),
        ("CREATE TABLE user (name, otp_secret);", "without the column `username`"),
    ] {
        let error = File::made_by(made).rows().unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("users.csv");
    std::fs::write(&text, "username,otp_secret\n").unwrap();
    std::fs::write(dir.path().join("empty.db"), "").unwrap();
    assert!(rows(&text).unwrap_err().contains("is no SQLite database"));
    assert!(rows(&dir.path().join("empty.db")).unwrap_err().contains("is no SQLite database"));
    assert!(rows(&dir.path().join("nowhere.db")).unwrap_err().contains("cannot open"));
    assert!(rows(dir.path()).unwrap_err().contains("is no file"));
}

#[test]
fn code_in_the_file_does_not_run() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i";
    for made in [
        format!("CREATE VIEW user AS {endless} AS id, 'ada' AS username, 'GEZDGNBVGY3TQOJQ' AS otp_secret FROM n;"),
        "CREATE TABLE user (id, username TEXT AS (hex(zeroblob(99))), otp_secret TEXT); INSERT INTO user VALUES (1, 'x');"
            .to_owned(),
        "CREATE VIRTUAL TABLE user USING dbstat;".to_owned(),
        // As a program that has this module makes it: ours has not.
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'user', 'user', 0,
            'CREATE VIRTUAL TABLE user USING fts5(username, otp_secret)');"
            .to_owned(),
    ] {
        assert!(File::made_by(&made).rows().is_err(), "{made}");
    }
    let large = File::made_by(&format!("{TABLE} INSERT INTO user VALUES (1, 'ada', hex(zeroblob(700000)));"));
    assert!(large.rows().is_err());
}

#[test]
fn a_file_that_is_being_written_is_refused_with_what_to_do() {
    let file =
        File::made_by(&format!("PRAGMA journal_mode=WAL; {TABLE} INSERT INTO user VALUES (1, 'ada', 'x');"));
    assert!(file.rows().is_ok(), "closing it in order leaves no log");
    let conn = Connection::open(file.path()).unwrap();
    conn.execute_batch("INSERT INTO user VALUES (2, 'bob', 'x')").unwrap();
    let error = file.rows().unwrap_err();
    assert!(error.contains("-wal") && error.contains("Stop it"), "{error}");
    drop(conn);
    assert_eq!(file.rows().unwrap().len(), 2);
}

#[test]
fn a_damaged_file_ends_in_an_error_or_in_rows_and_never_in_a_panic() {
    let many: String =
        (0..400).map(|n| format!("INSERT INTO user VALUES ({n}, 'user{n}', 'GEZDGNBVGY3TQOJQ');")).collect();
    let file = File::made_by(&format!("{TABLE} BEGIN; {many} COMMIT;"));
    let whole = std::fs::read(file.path()).unwrap();
    let mut state = 1_u64;
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = 16 + (state >> 33) as usize % (bytes.len() - 16);
            bytes[place] = (state >> 24) as u8;
        }
        bytes.truncate(bytes.len() - (state >> 40) as usize % 600);
        std::fs::write(file.path(), &bytes).unwrap();
        let _ = file.rows();
    }
}
