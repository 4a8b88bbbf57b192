//! One PostgreSQL cluster that lives as long as a command does, and `cargo xtask postgres`. The tests make databases of
//! their own in it. How it is started and always stopped is in `cluster.sh`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;
use crate::workspace::{self, root};

/// The environment variable that tells the tests where the cluster is.
pub(crate) const VARIABLE: &str = "LATCHKEY_TEST_POSTGRES";

/// A running server. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub(crate) struct Cluster {
    keeper: Child,
    /// The keeper stops the server when this closes, also when it is our death that closes it.
    leash: Option<ChildStdin>,
    directory: PathBuf,
}

/// `cargo xtask postgres -- COMMAND…`
pub(crate) fn run(words: &[String]) -> Result<()> {
    let words = words.strip_prefix(&["--".to_owned()]).unwrap_or(words);
    let Some((program, arguments)) = words.split_first() else {
        bail!("say what to run: cargo xtask postgres -- cargo test -p store");
    };
    tools::ensure(&[tools::POSTGRES])?;
    let cluster = Cluster::start()?;
    workspace::run(Command::new(program).args(arguments).current_dir(root()).env(VARIABLE, cluster.url()))
}

impl Cluster {
    /// Makes a cluster in a fresh temporary directory and waits until it answers.
    pub(crate) fn start() -> Result<Cluster> {
        let binaries = tools::server().context("no PostgreSQL server was found")?;
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("cluster.sh"), "cluster"]).arg(binaries);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A process group of its own, so that Ctrl-C reaches us and not the server: the keeper then stops it in order.
        command.process_group(0).current_dir("/");
        if tools::is_root()? {
            let (user, group) =
                postgres_user(&std::fs::read_to_string("/etc/passwd").context("reading the users")?)?;
            command.uid(user).gid(group);
        }
        let mut keeper = command.spawn().context("starting a shell for PostgreSQL")?;
        let leash = keeper.stdin.take();
        let output = keeper.stdout.take().context("the shell for PostgreSQL has no output")?;
        let mut directory = String::new();
        BufReader::new(output).read_line(&mut directory).context("waiting for PostgreSQL")?;
        // From here on, dropping cleans up; an empty line means that the keeper gave up and has said why.
        let cluster = Cluster { keeper, leash, directory: PathBuf::from(directory.trim_end()) };
        if cluster.directory.as_os_str().is_empty() {
            bail!("PostgreSQL did not start; what it said is above");
        }
        Ok(cluster)
    }

    /// The URL of its first database, for our programs and for `psql` alike.
    pub(crate) fn url(&self) -> String {
        url(&self.directory)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("xtask: PostgreSQL in {} may still be there: {error}", self.directory.display());
        }
    }
}

fn url(directory: &Path) -> String {
    let host: String = directory.to_string_lossy().bytes().map(in_query).collect();
    format!("postgres://postgres@/postgres?host={host}&port=5432")
}

/// A byte as it may stand in the query of a URL. RFC 3986, section 2.1.
fn in_query(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// The user and group that the server runs as when we are root, since it refuses to run as root itself.
fn postgres_user(passwd: &str) -> Result<(u32, u32)> {
    let line = passwd.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line.unwrap_or_default().split(':').collect();
    let (Some(user), Some(group)) = (fields.get(2), fields.get(3)) else {
        bail!("PostgreSQL does not run as root, and there is no user `postgres` to run it as");
    };
    Ok((user.parse().context("the user id of postgres")?, group.parse().context("the group id of postgres")?))
}

#[cfg(test)]
mod tests {
    use super::{postgres_user, url};
    use std::path::Path;

    #[test]
    fn the_url_escapes_the_socket_directory() {
        let url = url(Path::new("/tmp/a b/latchkey-postgres.Q1"));
        assert_eq!(url, "postgres://postgres@/postgres?host=%2Ftmp%2Fa%20b%2Flatchkey-postgres.Q1&port=5432");
    }

    #[test]
    fn the_server_runs_as_the_user_postgres() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgresql:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        assert_eq!(postgres_user(passwd).unwrap(), (101, 104));
        assert!(postgres_user("root:x:0:0:root:/root:/bin/bash\n").is_err());
    }
}
