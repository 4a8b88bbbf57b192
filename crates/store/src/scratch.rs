//! Databases that vanish: for tests here and in the crates above.
//!
//! SQLite in a directory of its own, PostgreSQL as a database of its own in the cluster that `cargo xtask test` starts.

use tempfile::TempDir;

use crate::link::Link;
use crate::{Db, Kind, Time, tls};

/// Names the PostgreSQL cluster that tests may make databases in.
pub const CLUSTER: &str = "LATCHKEY_TEST_POSTGRES";

/// A database that is removed when this is dropped.
pub struct Scratch {
    url: String,
    /// The cluster's URL and the name of our database in it.
    cluster: Option<(String, String)>,
    dir: TempDir,
}

impl Scratch {
    /// One of each kind.
    pub fn both() -> [Scratch; 2] {
        [Scratch::new(Kind::Sqlite), Scratch::new(Kind::Postgres)]
    }

    /// A fresh, empty database.
    ///
    /// # Panics
    /// When PostgreSQL is asked for and no cluster is named: a missing tool is a failure, never a skip.
    pub fn new(kind: Kind) -> Scratch {
        let dir = tempfile::Builder::new().prefix("latchkey-").tempdir().expect("a directory for a test");
        match kind {
            Kind::Sqlite => {
                let url = format!("sqlite:{}", dir.path().join("latchkey.db").display());
                Scratch { url, cluster: None, dir }
            }
            Kind::Postgres => Scratch::in_cluster(dir, "LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'UTF8'"),
        }
    }

    /// A PostgreSQL database made with other options, to see it refused.
    pub fn in_cluster(dir: TempDir, options: &str) -> Scratch {
        #[expect(clippy::disallowed_methods, reason = "only tests know this variable, and only here")]
        let cluster = std::env::var(CLUSTER);
        let cluster = cluster.unwrap_or_else(|_| panic!("{CLUSTER} is not set: run `cargo xtask test`"));
        let name =
            dir.path().file_name().expect("named").to_string_lossy().to_lowercase().replace(['-', '.'], "_");
        admin(&cluster, format!("CREATE DATABASE {name} TEMPLATE template0 {options}"));
        let (before, after) =
            cluster.split_once("/postgres?").expect("the cluster's URL names the database postgres");
        Scratch { url: format!("{before}/{name}?{after}"), cluster: Some((cluster, name)), dir }
    }

    /// Where it is, as the `database` setting says it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A directory that vanishes with the database; SQLite's file is in it.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Fills it from a dump: statements, one after another.
    ///
    /// # Panics
    /// When the engine refuses one.
    pub fn restore(&self, dump: &str) {
        match &self.cluster {
            Some(_) => admin(&self.url, dump.to_owned()),
            None => {
                let file = rusqlite::Connection::open(self.dir.path().join("latchkey.db"));
                file.and_then(|file| file.execute_batch(dump)).expect("the dump is restored");
            }
        }
    }

    /// Opens it, with its schema.
    pub async fn open(&self) -> Db {
        Db::open(&self.url, Time::from_millis(0)).await.expect("a scratch database opens")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some((cluster, name)) = self.cluster.take() {
            admin(&cluster, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// On a thread of its own: the client brings its own runtime, and one cannot start within another.
fn admin(cluster: &str, statement: String) {
    let server = tls::server(cluster).expect("the cluster's URL");
    let run = move || Link::open(&server).and_then(|mut link| link.control(&statement));
    let ran = std::thread::spawn(run).join();
    if !std::thread::panicking() {
        ran.expect("the statement's thread").expect("the test cluster takes statements");
    }
}
