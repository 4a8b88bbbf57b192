//! A PostgreSQL of a test's own, which it may stop and start again.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Where Debian keeps the servers, a directory for each version.
const SERVERS: &str = "/usr/lib/postgresql";

/// A running server. Dropping it ends it and removes its files, also in a test that fails.
pub(crate) struct Cluster {
    keeper: Child,
    /// The keeper ends the server when this closes.
    leash: Option<ChildStdin>,
    directory: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Cluster {
        let programs = programs();
        let mut command = as_its_user(Command::new("sh"));
        // The same script as for the whole suite.
        command.args(["-c", include_str!("../../../../xtask/src/cluster.sh"), "cluster"]).arg(&programs);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let leash = keeper.stdin.take();
        let mut directory = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut directory).unwrap();
        let cluster = Cluster { keeper, leash, directory: PathBuf::from(directory.trim_end()), programs };
        assert!(cluster.directory.is_dir(), "PostgreSQL does not start; what it said is above");
        cluster
    }

    /// The URL of its one database.
    pub(crate) fn url(&self) -> String {
        let directory = self.directory.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@/postgres?host={directory}&port=5432")
    }

    /// Stops it as a crash would: nobody is waited for, and nobody hears why.
    pub(crate) fn crash(&self) {
        self.control(&["--mode=immediate", "stop"]);
    }

    /// Starts it again, on the same data.
    pub(crate) fn start_again(&self) {
        let log = format!("--log={}", self.directory.join("server.log").display());
        self.control(&["--wait", "--timeout=60", &log, "start"]);
    }

    /// Every process of it: the first, and the one that each connection has.
    pub(crate) fn processes(&self) -> Vec<String> {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        let first = file.lines().next().unwrap().to_owned();
        let of_it = format!("PPid:\t{first}\n");
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter(|entry| {
            let status = std::fs::read_to_string(entry.path().join("status"));
            status.is_ok_and(|status| status.contains(&of_it))
        });
        let children: Vec<String> = all.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        [vec![first], children].concat()
    }

    fn control(&self, words: &[&str]) {
        let mut command = as_its_user(Command::new(self.programs.join("pg_ctl")));
        command.arg("--silent").arg("--pgdata").arg(self.directory.join("data")).args(words);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "pg_ctl {words:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.keeper.wait();
    }
}

/// The directory of `initdb` and `pg_ctl`, of the newest version.
pub(crate) fn programs() -> PathBuf {
    let versions = std::fs::read_dir(SERVERS).into_iter().flatten().flatten();
    let numbers = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found = numbers.map(|version| (version, Path::new(SERVERS).join(version.to_string()).join("bin")));
    let found = found.filter(|(_, programs)| programs.join("initdb").is_file()).max();
    found.expect("no PostgreSQL server is here; `cargo xtask test` installs it").1
}

/// It refuses to run as root.
pub(crate) fn as_its_user(mut command: Command) -> Command {
    command.current_dir("/");
    if rustix::process::geteuid().is_root() {
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let line = users.lines().find(|line| line.starts_with("postgres:")).expect("a user postgres");
        let fields: Vec<&str> = line.split(':').collect();
        command.uid(fields[2].parse().unwrap()).gid(fields[3].parse().unwrap());
    }
    command
}
