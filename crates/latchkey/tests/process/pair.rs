//! Two PostgreSQL of a test's own: one that is written to, and one that has everything that was committed, and may follow it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::cluster::{as_its_user, programs};

/// Keeps a directory, and ends what runs in it when its input ends.
const KEEPER: &str = r#"set -eu
bin=$1
cd /
umask 077
place=$(mktemp -d -t latchkey-pair.XXXXXX)
stop() {
    for name in a b; do "$bin/pg_ctl" --silent --pgdata="$place/$name" --mode=immediate stop >/dev/null 2>&1 || true; done
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
echo "$place"
cat >/dev/null"#;

/// What both have in their settings. Every process ends with the test, so nothing has to reach a disk.
const SETTINGS: &str = "listen_addresses = ''
max_connections = 100
fsync = off
full_page_writes = off
wal_level = replica
max_wal_senders = 4
hot_standby = on
wal_keep_size = '256MB'
timezone = 'UTC'
log_timezone = 'UTC'
";

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    A,
    B,
}

use Name::{A, B};

/// Dropping it ends both, also in a test that fails.
pub(crate) struct Pair {
    keeper: Child,
    leash: Option<ChildStdin>,
    directory: PathBuf,
    programs: PathBuf,
    first: Name,
}

impl Pair {
    pub(crate) fn start() -> Pair {
        let programs = programs();
        let mut command = as_its_user(Command::new("sh"));
        command.args(["-c", KEEPER, "pair"]).arg(&programs);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let leash = keeper.stdin.take();
        let mut directory = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut directory).unwrap();
        let pair = Pair { keeper, leash, directory: PathBuf::from(directory.trim_end()), programs, first: A };
        assert!(pair.directory.is_dir(), "no directory was made");
        let data = pair.data(A);
        let words = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        pair.run("initdb", &[&["--pgdata", &data][..], &words].concat());
        let settings = format!("{SETTINGS}unix_socket_directories = '{}'\n", pair.directory.display());
        let file = pair.directory.join("a/postgresql.conf");
        let all = std::fs::read_to_string(&file).unwrap() + &settings;
        std::fs::write(&file, all).unwrap();
        pair.starts(A);
        pair.has_a_standby_again();
        pair
    }

    /// The URL of the one database of both: whichever can be written to.
    pub(crate) fn url(&self) -> String {
        let directory = self.directory.to_str().unwrap().replace('/', "%2F");
        format!(
            "postgres://postgres@/postgres?host={directory}&host={directory}&port={},{}",
            port(A),
            port(B)
        )
    }

    /// The one that is written to is gone, at once, and the other is told to follow it.
    pub(crate) fn loses_its_first_and_promotes_the_other(&mut self) {
        let (lost, next) = (self.first, other(self.first));
        self.run("pg_ctl", &["--silent", "--pgdata", &self.data(lost), "--mode=immediate", "stop"]);
        self.run("pg_ctl", &["--silent", "--pgdata", &self.data(next), "--wait", "promote"]);
        // Until it has a standby of its own it would wait for one at each commit.
        self.first = next;
        self.is_followed_by("");
    }

    /// The one that is not written to is made anew, and nothing is committed from then on that it does not have.
    pub(crate) fn has_a_standby_again(&self) {
        let name = other(self.first);
        let data = self.data(name);
        self.run("rm", &["-rf", "--", &data]);
        let (host, port) = (self.directory.to_str().unwrap(), port(self.first));
        let from = ["--host", host, "--port", port, "--username", "postgres", "--pgdata", &data];
        let how = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"];
        self.run("pg_basebackup", &[&from[..], &how].concat());
        self.starts(name);
        self.is_followed_by("*");
        let there = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            self.asked("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"
        });
        assert!(there, "the standby does not follow");
    }

    fn is_followed_by(&self, whom: &str) {
        self.asked(&format!("ALTER SYSTEM SET synchronous_standby_names = '{whom}'"));
        self.asked("SELECT pg_reload_conf()");
    }

    /// What the one that is written to answers.
    fn asked(&self, sql: &str) -> String {
        let (host, port) = (self.directory.to_str().unwrap(), port(self.first));
        let words =
            ["--host", host, "--port", port, "--username", "postgres", "-XAtq", "-c", sql, "postgres"];
        let answer = as_its_user(Command::new("psql")).args(words).stdin(Stdio::null()).output().unwrap();
        assert!(answer.status.success(), "{sql}: {answer:?}");
        String::from_utf8(answer.stdout).unwrap().trim().to_owned()
    }

    fn starts(&self, name: Name) {
        let log = format!("--log={}", self.directory.join("log").display());
        let options = format!("-p {}", port(name));
        self.run(
            "pg_ctl",
            &["--silent", "--pgdata", &self.data(name), "--wait", &log, "--options", &options, "start"],
        );
    }

    fn data(&self, name: Name) -> String {
        let name = if name == A { "a" } else { "b" };
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, words: &[&str]) {
        let ours = self.programs.join(program);
        let program = if ours.is_file() { ours } else { PathBuf::from(program) };
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.directory.join("said"));
        let mut command = as_its_user(Command::new(&program));
        command.args(words).stdin(Stdio::null()).stdout(log.as_ref().unwrap().try_clone().unwrap());
        let status = command.stderr(log.unwrap()).status().unwrap();
        let said = || std::fs::read_to_string(self.directory.join("said")).unwrap();
        assert!(status.success(), "{} {words:?}: {}", program.display(), said());
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.keeper.wait();
    }
}

fn other(name: Name) -> Name {
    if name == A { B } else { A }
}

fn port(name: Name) -> &'static str {
    if name == A { "5433" } else { "5434" }
}
