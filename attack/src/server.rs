//! A Latchkey of our own to attack: a directory with an empty environment, a database on either engine, and processes.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::clock;
use crate::database::Database;
use crate::site::Site;

/// A place to run it in. Its database goes with it.
#[derive(Debug)]
pub(crate) struct Place {
    dir: TempDir,
    program: PathBuf,
    variables: Vec<(String, String)>,
    cluster: Option<Cluster>,
}

/// A database of our own among others, dropped at the end.
#[derive(Debug)]
struct Cluster {
    url: String,
    name: String,
}

impl Place {
    /// On SQLite.
    pub(crate) fn new(program: &Path) -> Result<Place> {
        let dir =
            tempfile::Builder::new().prefix("latchkey-attack-").tempdir().context("making a directory")?;
        let mut place = Place { dir, program: program.to_owned(), variables: Vec::new(), cluster: None };
        place.set("LATCHKEY_LISTEN", "127.0.0.1:0");
        Ok(place)
    }

    /// On PostgreSQL, in a database of its own beside the one that the URL names.
    pub(crate) fn on_postgres(program: &Path, url: &str) -> Result<Place> {
        let mut place = Place::new(program)?;
        let unique = place.dir.path().file_name().map(|name| name.to_string_lossy().to_lowercase());
        let name = unique.unwrap_or_default().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'UTF8'"
        );
        Database::Postgres(url.to_owned()).ask(&create).context("making a database")?;
        let cluster = Cluster { url: url.to_owned(), name };
        place.set("LATCHKEY_DATABASE", &cluster.ours()?);
        place.cluster = Some(cluster);
        Ok(place)
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The database, for whoever looks at it from outside.
    pub(crate) fn database(&self) -> Result<Database> {
        match &self.cluster {
            Some(cluster) => Ok(Database::Postgres(cluster.ours()?)),
            None => Ok(Database::Sqlite(self.data().join("latchkey.db"))),
        }
    }

    /// Where the database and the key are.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("latchkey-data")
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn latchkey(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Starts a server.
    pub(crate) fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }

    /// Starts a server with more in its environment.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Result<Server> {
        let log = |name: &str| self.dir.path().join(name);
        let number = fs::read_dir(self.dir.path())?.count();
        let (said, logged) = (log(&format!("{number}.said")), log(&format!("{number}.log")));
        let child = self
            .latchkey(&[])
            .envs(variables.iter().copied())
            .stdout(File::create(&said)?)
            .stderr(File::create(&logged)?)
            .spawn()
            .context("starting latchkey")?;
        let site = Site::local(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut server = Server { child, site, logged };
        for _ in 0..30_000 {
            let text = fs::read_to_string(&said)?;
            if let Some((line, _)) = text.split_once('\n')
                && let Some((_, address)) = line.rsplit_once("listening on ")
            {
                server.site = Site::local(address.parse().context("where it listens")?);
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("latchkey did not start ({status}): {}", server.log());
            }
            clock::pause(2);
        }
        bail!("latchkey did not start within a minute")
    }

    /// Everything that was written down here, by file: database, logs, what was said.
    pub(crate) fn written(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut written = Vec::new();
        for dir in [self.dir.path().to_owned(), self.data()] {
            for entry in fs::read_dir(&dir)? {
                let path = entry?.path();
                // The key is a secret, and is where secrets are kept.
                if path.is_file() && path.file_name().is_some_and(|name| name != "master.key") {
                    written.push((path.display().to_string(), fs::read(&path)?));
                }
            }
        }
        Ok(written)
    }
}

impl Cluster {
    fn ours(&self) -> Result<String> {
        let (scheme, rest) = self.url.split_once("://").context("a URL of PostgreSQL")?;
        let (authority, path) = rest.split_once('/').context("a URL of PostgreSQL with a database")?;
        let query = path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        Ok(format!("{scheme}://{authority}/{}{query}", self.name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        if let Err(error) = Database::Postgres(self.url.clone()).ask(&drop) {
            eprintln!("attack: the database {} is still there: {error:#}", self.name);
        }
    }
}

/// A server that answers. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) site: Site,
    logged: PathBuf,
}

impl Server {
    /// `kill -9`, and its end.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill -9")?;
        self.child.wait().context("waiting for its end")?;
        Ok(())
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-s", "TERM", &id]).status().context("kill -TERM")?;
        self.child.wait().context("waiting for its end")?;
        Ok(())
    }

    /// Bytes that are resident, and the most that ever were.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        memory_of(self.child.id())
    }

    /// From now on the most is counted anew. Where that is not allowed, the most ever is what is judged.
    pub(crate) fn forget_peak(&self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.logged).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `VmRSS` and `VmHWM` of a process, in bytes.
pub(crate) fn memory_of(process: u32) -> Result<(u64, u64)> {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).context("reading the memory of a process")?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
        number.and_then(|number| number.parse::<u64>().ok()).map(|kib| kib * 1024)
    };
    Ok((of("VmRSS").context("no VmRSS")?, of("VmHWM").context("no VmHWM")?))
}
