//! The command line, as transcripts: what you type, what you see. Each file in `transcripts/` is one, run in a directory of
//! its own with an empty environment; those in `transcripts/both/` run on SQLite and on PostgreSQL.
//!
//! `$ ` is typed, and what follows is seen; `! ` before a line: on standard error; `? 3`: the exit code, 0 where nothing is
//! said; `[..]`: anything; `< FILE` and `> FILE` as in a shell. `@ ada` is somebody who registers and confirms; `@ a.toml` a file, with `| ` before its lines.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auth::register::{self, NewUser};
use auth::{App, Config, Password, Visit, enroll};
use store::Kind;
use store::scratch::Scratch;

const PROGRAM: &str = env!("CARGO_BIN_EXE_latchkey");

#[test]
fn what_you_type_and_what_you_see() {
    play(&transcripts(""), None);
}

#[test]
fn people_on_sqlite() {
    play(&transcripts("both"), None);
}

#[test]
fn people_on_postgresql() {
    play(&transcripts("both"), Some(Kind::Postgres));
}

#[test]
fn a_transcript_that_is_wrong_is_noticed() {
    for (written, seen) in [("a [..] c", "a b d"), ("a", "a b"), ("[..]b", "a"), ("a[..]a", "a"), ("", "x")] {
        assert!(!matches(written, seen), "{written:?} and {seen:?}");
    }
    for (written, seen) in [("a [..] c", "a b c"), ("[..]", ""), ("[..]b[..]", "abc"), ("a", "a")] {
        assert!(matches(written, seen), "{written:?} and {seen:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), database: None };
    for wrong in ["$ latchkey --version\nlatchkey 99\n", "$ latchkey --version\nlatchkey [..]\n? 1\n"] {
        assert!(place.difference(wrong).is_some(), "{wrong}");
    }
    assert_eq!(place.difference("$ latchkey --version\nlatchkey [..]\n"), None);
}

fn transcripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "trycmd"));
    files.sort();
    assert!(!files.is_empty(), "there are no transcripts");
    files
}

/// Plays every transcript, and fails with all that differs.
#[track_caller]
fn play(files: &[PathBuf], kind: Option<Kind>) {
    let mut wrong = String::new();
    for file in files {
        let scratch = kind.map(Scratch::new);
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir: dir.path(), database: scratch.as_ref().map(Scratch::url) };
        if let Some(difference) = place.difference(&std::fs::read_to_string(file).unwrap()) {
            let name = file.file_name().unwrap().to_string_lossy();
            write!(wrong, "\n\n{name}, {kind:?}:\n{difference}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where a transcript is played.
struct Place<'a> {
    dir: &'a Path,
    database: Option<&'a str>,
}

impl Place<'_> {
    /// The first step whose outcome is not as written, or `None`.
    fn difference(&self, transcript: &str) -> Option<String> {
        let starts = |line: &&str| ["$ ", "@ ", "# "].iter().any(|mark| line.starts_with(mark));
        let mut lines = transcript.lines().peekable();
        while let Some(step) = lines.next() {
            let below: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| !starts(line))).collect();
            match step.split_at(2.min(step.len())) {
                ("$ ", command) => {
                    let seen = self.run(command);
                    let written = below.join("\n");
                    let (written, seen) = (written.trim_end(), seen.trim_end());
                    let same = written.lines().count() == seen.lines().count()
                        && written.lines().zip(seen.lines()).all(|(written, seen)| matches(written, seen));
                    if !same {
                        return Some(format!(
                            "$ {command}\n--- written ---\n{written}\n--- seen ---\n{seen}"
                        ));
                    }
                }
                ("@ ", file) if file.contains('.') => {
                    let text: Vec<&str> = below.iter().filter_map(|line| line.strip_prefix('|')).collect();
                    let text: Vec<&str> =
                        text.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
                    std::fs::write(self.dir.join(file), text.join("\n") + "\n").unwrap();
                }
                ("@ ", name) => self.register(name),
                _ => {}
            }
        }
        None
    }

    /// Runs a command, and answers what a terminal and `echo $?` would show, standard output first.
    fn run(&self, line: &str) -> String {
        let mut words = words(line);
        let variables: HashMap<String, String> =
            std::iter::from_fn(|| words.first()?.contains('=').then(|| words.remove(0)))
                .map(|word| word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap())
                .collect();
        let mut file_after = |mark: &str| {
            let at = words.iter().position(|word| word == mark)?;
            words.remove(at);
            Some(self.dir.join(words.remove(at)))
        };
        let (input, output) = (file_after("<"), file_after(">"));
        let redirected = output.is_some();
        let program = if words[0] == "latchkey" { PROGRAM } else { &words[0] };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(self.dir).env_clear().env("PATH", "/usr/bin:/bin");
        if let Some(database) = self.database {
            command.env("LATCHKEY_DATABASE", database);
        }
        if let Some(file) = input {
            command.stdin(std::fs::File::open(file).unwrap());
        }
        if let Some(file) = output {
            command.stdout(std::fs::File::create(file).unwrap());
        }
        let child = command.envs(variables).stderr(Stdio::piped());
        let output =
            if redirected { child.spawn().unwrap().wait_with_output() } else { child.output() }.unwrap();
        let mut seen = String::from_utf8(output.stdout).unwrap();
        for line in String::from_utf8(output.stderr).unwrap().lines() {
            writeln!(seen, "{}", format!("! {line}").trim_end()).unwrap();
        }
        match output.status.code().unwrap() {
            0 => {}
            code => writeln!(seen, "? {code}").unwrap(),
        }
        seen
    }

    /// Somebody registers and confirms their first code, with a phone that is not ours.
    fn register(&self, name: &str) {
        let mut config = Config::default();
        config.data_dir = self.dir.join("latchkey-data");
        config.database = match self.database {
            Some(url) => url.to_owned().into(),
            None => format!("sqlite:{}", config.data_dir.join("latchkey.db").display()).into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::open(config).await.unwrap();
            let password = Password::new("engine of analysis".to_owned());
            let new = NewUser {
                username: name.to_owned(),
                password: Some(password),
                link: None,
                next: String::new(),
            };
            let token = register::reserve(&app, new, None, Visit::default()).await.unwrap();
            let key = enroll::pending(&app, &token).await.unwrap().key_plain;
            let key = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap();
            let phone = totp_rs::Builder::new().with_secret(key).with_account_name(name).build().unwrap();
            let now = u64::try_from(app.clock.now().seconds()).unwrap();
            let code = phone.generate(now).to_string();
            enroll::confirm(&app, &token, (&code, ""), &Visit::default()).await.unwrap();
        });
    }
}

/// The words of a command; quotation marks keep spaces together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// Whether a line is as written, where `[..]` stands for anything.
fn matches(written: &str, seen: &str) -> bool {
    let Some((before, after)) = written.split_once("[..]") else { return written == seen };
    let Some(rest) = seen.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}
