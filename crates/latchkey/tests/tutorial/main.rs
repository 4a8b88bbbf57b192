//! People of the tutorial: its own libraries make `users.db`, in old and in current versions, and everybody in it goes on
//! with the code that pyotp computes.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::path::Path;
use std::process::Command;

use auth::config::Factors;
use auth::login::{self, Entered, NameAndCode};
use auth::trial::{self, Verdict};
use auth::{App, Config, Password, Visit};
use store::Kind;
use store::scratch::Scratch;

#[path = "../python/mod.rs"]
mod python;

use python::python;

const PROGRAM: &str = env!("CARGO_BIN_EXE_latchkey");
const PEOPLE: usize = 1000;
const PIECE: usize = 250;

/// What `pip install Flask pyotp qrcode[pil] flask_sqlalchemy` gave when the tutorial's calls were new, and what it gives now.
/// Pictures are not needed. The old pyotp chose secrets of 16 letters, today's are 32.
const OLD: &[&str] =
    &["Flask==2.0.3", "Werkzeug==2.0.3", "Flask-SQLAlchemy==2.5.1", "SQLAlchemy==1.4.54", "pyotp==2.3.0"];
const CURRENT: &[&str] =
    &["Flask==3.1.3", "Werkzeug==3.1.9", "Flask-SQLAlchemy==3.1.1", "SQLAlchemy==2.1.9", "pyotp==2.12.0"];

fn said(stdout: &[u8], stderr: &[u8]) -> String {
    format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

/// Runs the tutorial's application where it stands in `dir`.
fn tutorial(python: &Path, dir: &Path, arguments: &[&str]) -> String {
    let ran = Command::new(python).arg("app.py").args(arguments).current_dir(dir).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran.stdout, &ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Runs `latchkey` in `dir`, and answers its standard output.
fn latchkey(dir: &Path, database: &str, arguments: &[&str]) -> String {
    let ran = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("LATCHKEY_DATABASE", database)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", said(&ran.stdout, &ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Some versions of the tutorial's libraries.
struct Version {
    name: &'static str,
    libraries: &'static [&'static str],
    /// Where they keep the database.
    file: &'static str,
    /// How many of a thousand keys are shorter than 128 bits.
    weak: usize,
}

fn a_thousand_people_go_on(version: &Version, kind: Kind) {
    let python = python(version.name, version.libraries).join("python");
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tutorial/app.py");
    std::fs::copy(source, dir.path().join("app.py")).unwrap();
    tutorial(&python, dir.path(), &["make", &PEOPLE.to_string()]);

    let scratch = Scratch::new(kind);
    let import = ["import", "tutorial", version.file, "--json"];
    let looked = latchkey(dir.path(), scratch.url(), &import);
    assert!(looked.contains("\"people\": 1000") && looked.contains("\"applied\": false"), "{looked}");
    assert!(!dir.path().join("latchkey-data").exists(), "looking makes nothing");
    let applied = latchkey(dir.path(), scratch.url(), &[&import[..], &["--apply"]].concat());
    assert!(applied.contains("\"people\": 1000") && applied.contains("\"refused\": []"), "{applied}");
    assert_eq!(applied.matches("\"bits\": 80").count(), version.weak);
    let again = latchkey(dir.path(), scratch.url(), &[&import[..], &["--apply"]].concat());
    assert!(again.contains("\"there_already\": 1000") && again.contains("\"people\": 0"), "{again}");

    let config = |factors| Config {
        data_dir: dir.path().join("latchkey-data"),
        database: scratch.url().to_owned().into(),
        factors,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signed_in = runtime.block_on(async {
        let by_code = App::open_existing(config(Factors::Code)).await.unwrap();
        let by_both = App::open_existing(config(Factors::PasswordAndCode)).await.unwrap();
        let mut signed_in = 0;
        // In pieces, so that no code waits for long.
        for piece in 0..PEOPLE / PIECE {
            let codes = tutorial(&python, dir.path(), &["codes"]);
            for line in codes.lines().skip(piece * PIECE).take(PIECE) {
                let (name, code) = line.split_once(' ').unwrap();
                let trial = trial::code(&by_code, name, code).await.unwrap();
                assert_eq!(trial.verdict, Some((Verdict::Good, format!("YourApp: {name}"))), "{name}");
                // Where a password is wanted, it is chosen with this code; elsewhere the code is enough.
                let chooses = signed_in % 100 == 0;
                let app = if chooses { &by_both } else { &by_code };
                signs_in(app, name, code, chooses).await;
                signed_in += 1;
            }
        }
        signed_in
    });
    assert_eq!(signed_in, PEOPLE);
}

/// Gives name and code, and chooses a password where one is wanted.
async fn signs_in(app: &App, name: &str, code: &str, chooses: bool) {
    let typed =
        NameAndCode { username: name.to_owned(), code: code.to_owned(), keep: false, next: String::new() };
    match login::by_code(app, typed, &Visit::default()).await.unwrap() {
        Entered::SignedIn(_) => assert!(!chooses, "{name}"),
        Entered::OwesPassword(token) => {
            assert!(chooses, "{name}");
            let password = Password::new("engine of analysis".to_owned());
            login::complete_with_password(app, &token, password, &Visit::default()).await.unwrap();
        }
    }
}

#[test]
fn people_of_the_old_tutorial_go_on_with_the_entry_on_their_phone() {
    let old = Version { name: "tutorial-old", libraries: OLD, file: "users.db", weak: PEOPLE };
    a_thousand_people_go_on(&old, Kind::Sqlite);
}

#[test]
fn people_of_the_current_tutorial_go_on_with_the_entry_on_their_phone() {
    let current =
        Version { name: "tutorial-current", libraries: CURRENT, file: "instance/users.db", weak: 0 };
    a_thousand_people_go_on(&current, Kind::Postgres);
}
