//! The hostile suite: what a stranger tries against a Latchkey on this machine, and what came of it. `cargo xtask attack` runs
//! it against a release binary or an installation; its fast part is one of the tests of `latchkey`.
//!
//! It knows nothing of our code: it has a browser, a phone, the tools that attackers have, and reads the counters as an operator
//! would. Each row has a control: what the same harness finds once the defense is taken away. A control that finds nothing
//! breaks its row. Each row is a file in `rows`.

mod browser;
mod clock;
mod crowd;
mod database;
mod person;
mod python;
mod report;
mod rows;
mod server;
mod site;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use crate::browser::Browser;
use crate::database::Database;
use crate::person::Person;
use crate::rows::{ROWS, Row};
use crate::server::{Place, Server};
use crate::site::Site;

pub use crate::report::{Finding, Verdict};

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As much as a test may take.
    Suite,
    /// A few minutes.
    Quick,
    /// All of it: 25 minutes at most.
    Full,
}

/// What to attack, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much of it.
    pub size: Size,
    /// The program to start servers of our own with; not needed for a running installation.
    pub program: Option<PathBuf>,
    /// A PostgreSQL in which databases may be made, for the rows that need two instances.
    pub postgres: Option<String>,
    /// A running installation instead: `http://127.0.0.1:PORT`.
    pub url: Option<String>,
    /// What it is called in `Host`, where that is another name.
    pub host: Option<String>,
    /// Its database, for the counters.
    pub database: Option<String>,
    /// Only these rows; all when empty.
    pub rows: Vec<String>,
    /// Where the findings go as JSON.
    pub json: Option<PathBuf>,
}

/// Seconds after which no further row is begun in a full run, so that it ends within 25 minutes.
const LAST_START: u64 = 21 * 60;

/// The names of all rows.
pub fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).collect()
}

/// Tries everything that was asked for, prints the table, and answers it.
pub fn run(options: &Options) -> Result<Vec<Finding>> {
    if let Some(unknown) = options.rows.iter().find(|row| !names().contains(&row.as_str())) {
        bail!("there is no row `{unknown}`; there are {}", names().join(", "));
    }
    let ground = Ground::new(options)?;
    let chosen: Vec<&Row> = ROWS
        .iter()
        .filter(|row| options.rows.is_empty() || options.rows.iter().any(|name| name == row.name))
        .collect();
    let began = clock::now();
    // What lasts ten minutes lasts them side by side: each has a server of its own, and none of them measures time.
    let (long, short): (Vec<&Row>, Vec<&Row>) = chosen.into_iter().partition(|row| row.lasting);
    let mut findings: Vec<Finding> = std::thread::scope(|scope| {
        let threads: Vec<_> = long.iter().map(|row| scope.spawn(|| ground.try_row(row))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    for row in short {
        if began.elapsed().as_secs() > LAST_START {
            findings.push(Finding::error(row.name, &anyhow::anyhow!("the time was over before it began")));
            continue;
        }
        findings.extend(ground.try_row(row));
    }
    // A row that says nothing at all has panicked.
    for row in
        ROWS.iter().filter(|row| options.rows.is_empty() || options.rows.iter().any(|name| name == row.name))
    {
        if !findings.iter().any(|finding| finding.row == row.name) {
            findings.push(Finding::error(row.name, &anyhow::anyhow!("it has panicked")));
        }
    }
    let order = |finding: &Finding| ROWS.iter().position(|row| row.name == finding.row);
    findings.sort_by_key(order);
    let seconds = began.elapsed().as_secs();
    println!("\n{}\n{seconds} s", report::table(&findings));
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(&findings, seconds))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(findings)
}

/// Where the attack takes place.
struct Ground {
    size: Size,
    program: Option<PathBuf>,
    postgres: Option<String>,
    /// The installation, if it is one.
    outside: Option<(Site, Option<Database>)>,
    addresses: AtomicU32,
}

impl Ground {
    fn new(options: &Options) -> Result<Ground> {
        let outside = match &options.url {
            None => None,
            Some(url) => {
                let site = Site::parse(url, options.host.as_deref())?;
                let live = Browser::new(&site).get("/livez").context("asking /livez")?;
                // Whoever redirects is not what listens there, and where that leads is not ours to attack.
                if live.status != 200 {
                    bail!("{url}/livez answers {} {}: that is no Latchkey", live.status, live.location());
                }
                let database = options.database.as_deref().map(Database::parse).transpose()?;
                Some((site, database))
            }
        };
        if outside.is_none() && options.program.is_none() {
            bail!("say what to attack");
        }
        Ok(Ground {
            size: options.size,
            program: options.program.clone(),
            postgres: options.postgres.clone(),
            outside,
            addresses: AtomicU32::new(0),
        })
    }

    fn try_row(&self, row: &Row) -> Vec<Finding> {
        println!("… {}: {}", row.name, row.tried);
        let began = clock::now();
        let found = match (&self.outside, row.outside) {
            (Some(_), false) => {
                let why = "it needs a server that it may stop, weaken or look into; run it without --url";
                Ok(vec![Finding::untried(row.name, row.tried, why)])
            }
            _ => (row.run)(self),
        };
        let found = found.unwrap_or_else(|error| match error.downcast_ref::<Closed>() {
            Some(closed) => vec![Finding::untried(row.name, row.tried, &closed.to_string())],
            None => vec![Finding::error(row.name, &error)],
        });
        for finding in &found {
            println!("  {}: {} ({:.0?})", row.name, finding.result, began.elapsed());
        }
        found
    }

    /// The number for this size.
    fn pick<T>(&self, suite: T, quick: T, full: T) -> T {
        match self.size {
            Size::Suite => suite,
            Size::Quick => quick,
            Size::Full => full,
        }
    }

    /// A place of our own on SQLite.
    fn place(&self) -> Result<Place> {
        Place::new(self.program.as_deref().context("there is no program to start")?)
    }

    /// A place of our own on PostgreSQL.
    fn place_on_postgres(&self) -> Result<Place> {
        let url = self.postgres.as_deref().context("there is no PostgreSQL")?;
        Place::on_postgres(self.program.as_deref().context("there is no program to start")?, url)
    }

    /// The installation, or a server of our own that believes what we say of addresses.
    fn arena(&self) -> Result<Arena> {
        if let Some((site, database)) = &self.outside {
            return Ok(Arena { site: site.clone(), database: database.clone(), own: None });
        }
        let mut place = self.place()?;
        place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
        let server = place.start()?;
        let (site, database) = (server.site.clone(), Some(place.database()?));
        Ok(Arena { site, database, own: Some((server, place)) })
    }

    /// An address that nobody had before, as a proxy would say it.
    fn address(&self) -> String {
        let n = self.addresses.fetch_add(1, Ordering::Relaxed);
        let [_, b, c, d] = n.to_be_bytes();
        format!("100.{}.{c}.{d}", 64 + b % 64)
    }

    /// A browser at an address of its own.
    fn browser(&self, site: &Site) -> Browser {
        Browser::from(site, self.address())
    }

    /// A name that nobody had before, also not in an earlier run.
    fn name(&self, word: &str) -> String {
        let n = self.addresses.fetch_add(1, Ordering::Relaxed);
        format!("{word}.{:x}.{n:x}", clock::unix_seconds() & 0xff_ffff)
    }

    /// Somebody who has registered, and the browser in which they did.
    fn registered(&self, site: &Site) -> Result<(Person, Browser)> {
        let mut browser = self.browser(site);
        if self.outside.is_some() && browser.get("/register")?.status != 200 {
            return Err(Closed.into());
        }
        let mut person = Person::new(&self.name("person"));
        person.registers(&mut browser)?;
        Ok((person, browser))
    }
}

/// What a row attacks: an installation, or a server of our own, which ends with it.
struct Arena {
    site: Site,
    database: Option<Database>,
    own: Option<(Server, Place)>,
}

/// Nobody can register.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("registration is closed, so there is nobody of ours to attack")
    }
}

impl std::error::Error for Closed {}
