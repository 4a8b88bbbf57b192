//! A running Latchkey, and the place where it runs.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use store::Kind;
use store::scratch::Scratch;
use tempfile::TempDir;

use crate::browser::Browser;

/// The program: the one that was built with the tests, or the one that `LATCHKEY_TEST_PROGRAM` names.
pub(crate) fn program() -> String {
    said("LATCHKEY_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_latchkey").to_owned())
}

/// How many rounds there are: as many as `LATCHKEY_TEST_ROUNDS` says, or as fit into the time of a suite.
pub(crate) fn rounds(usual: usize) -> usize {
    said("LATCHKEY_TEST_ROUNDS").map_or(usual, |said| said.parse().expect("LATCHKEY_TEST_ROUNDS is a number"))
}

/// How much of it there is: what fits into the time of a suite, into some minutes, or all, as `LATCHKEY_TEST_FAULTS` says.
pub(crate) fn extent<T>(suite: T, quick: T, full: T) -> T {
    match said("LATCHKEY_TEST_FAULTS").as_deref() {
        None => suite,
        Some("quick") => quick,
        Some("full") => full,
        Some(other) => panic!("LATCHKEY_TEST_FAULTS is quick or full, not {other:?}"),
    }
}

/// Says what was done and what was seen, for `cargo xtask faults`, which reads these lines.
pub(crate) fn report(row: &str, done: &str, seen: &str) {
    println!("{}", serde_json::json!({ "row": row, "done": done, "seen": seen }));
}

/// What the environment says of how tests are to run.
pub(crate) fn said(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "only tests know these variables")]
    std::env::var(name).ok()
}

/// A directory of its own with an empty environment, and a database on either engine.
pub(crate) struct Place {
    dir: TempDir,
    scratch: Option<Scratch>,
    variables: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new(kind: Kind) -> Place {
        let scratch = (kind == Kind::Postgres).then(|| Scratch::new(kind));
        let mut place = Place { dir: tempfile::tempdir().unwrap(), scratch, variables: Vec::new() };
        place.set("LATCHKEY_LISTEN", "127.0.0.1:0");
        if let Some(url) = place.url() {
            place.set("LATCHKEY_DATABASE", &url);
        }
        place
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where the database and the key are.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("latchkey-data")
    }

    /// The database's URL, where it is not SQLite.
    pub(crate) fn url(&self) -> Option<String> {
        self.scratch.as_ref().map(|scratch| scratch.url().to_owned())
    }

    /// The program, not started yet.
    pub(crate) fn latchkey(&self, arguments: &[&str]) -> Command {
        self.command(&program(), arguments)
    }

    /// Another program, in the same place.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Runs it to its end, which has to come by itself: after three minutes it is killed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let program = program();
        let bounded = [&["--signal=KILL", "180", program.as_str()], arguments].concat();
        self.command("timeout", &bounded).output().unwrap()
    }
}

/// A server that answers. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    said: Option<JoinHandle<String>>,
    logged: Option<JoinHandle<String>>,
    log: Arc<(Mutex<String>, Condvar)>,
}

impl Server {
    /// Starts one, and waits until it says where it listens.
    pub(crate) fn start(place: &Place) -> Server {
        Server::start_as(place.latchkey(&[]))
    }

    /// Starts one in this way. Where it listens on a socket in the file system, its address means nothing.
    pub(crate) fn start_as(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (first, line): (_, Receiver<String>) = channel();
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_line(&mut text).unwrap();
            let _ = first.send(text.clone());
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let log = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let lines = log.clone();
        let logged = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).unwrap() > 0 {
                lines.0.lock().unwrap().push_str(&std::mem::take(&mut line));
                lines.1.notify_all();
            }
            lines.0.lock().unwrap().clone()
        });
        let line = line.recv_timeout(Duration::from_secs(60)).expect("it says something");
        let Some((_, address)) = line.trim_end().rsplit_once("listening on ") else {
            let _ = child.kill();
            panic!("it says where it listens: {line:?}, {}", logged.join().unwrap());
        };
        let address = if address.starts_with("unix:") { "0.0.0.0:0" } else { address };
        let address = address.parse().unwrap();
        Server { child, address, said: Some(said), logged: Some(logged), log }
    }

    /// Waits until it has logged this.
    pub(crate) fn until_logged(&self, text: &str) {
        let (log, more) = &*self.log;
        let long = Duration::from_secs(60);
        let missing = |log: &mut String| !log.contains(text);
        let (log, waited) = more.wait_timeout_while(log.lock().unwrap(), long, missing).unwrap();
        assert!(!waited.timed_out(), "it never logged {text:?}: {log}");
    }

    /// The lines so far that say what was broken.
    pub(crate) fn errors(&self) -> String {
        let log = self.log.0.lock().unwrap();
        let broken = log.lines().filter(|line| line.contains("\"level\":\"ERROR\""));
        broken.collect::<Vec<_>>().join("\n")
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success(), "kill -s {name} {pid}");
    }

    /// Waits for its end, and answers how it ended, what it said and what it logged.
    pub(crate) fn ended(mut self) -> (ExitStatus, String, String) {
        let looks = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(5));
            self.child.try_wait().unwrap()
        });
        let status = looks.take(24_000).find_map(|ended| ended);
        let status = status
            .unwrap_or_else(|| panic!("after two minutes it is still there: {}", self.log.0.lock().unwrap()));
        (status, self.said.take().unwrap().join().unwrap(), self.logged.take().unwrap().join().unwrap())
    }

    /// Stops it in order, and answers what it said and logged.
    pub(crate) fn stop(self) -> (String, String) {
        self.signal("TERM");
        let (status, said, logged) = self.ended();
        assert_eq!(status.code(), Some(0), "{logged}");
        (said, logged)
    }

    /// `kill -9`: it learns nothing of it.
    pub(crate) fn kill(self) {
        // Dropping does it.
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
