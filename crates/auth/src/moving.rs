//! Moving a house from one database to another, as it is: nobody is signed out, and what was spent stays spent. That the old one is
//! left is what makes it no new epoch; how rows get there is in `store/moving.rs`, and why in `docs/adr/0019`.

use store::moving::{Move, Sum};
use zeroize::Zeroizing;

use crate::audit::{Happened, Scribe, Whom};
use crate::config::without_secrets;
use crate::master_key::MasterKey;
use crate::meters::Meters;
use crate::vault::{self, Vault};
use crate::{Clock, Config, Error, Random, Result, Visit};

/// A move that was prepared, and nothing written yet.
pub struct Moving {
    moving: Move,
    vault: Vault,
    clock: Clock,
    random: Random,
    from: String,
    to: String,
}

/// What there is to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Rows of all tables.
    pub rows: u64,
    /// Those that an earlier run has moved, which was broken off.
    pub moved: Option<u64>,
}

/// What was moved, and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Rows of all tables.
    pub rows: u64,
    /// Those of them that are people.
    pub people: u64,
    /// Tables that have rows.
    pub tables: usize,
}

impl Moving {
    /// Opens both places, which are said as the setting `database` says one, or as `file:PATH` when a password in it shall not be seen
    /// among the processes. Refuses a master key that is not the house's.
    ///
    /// # Panics
    /// Within an asynchronous task.
    pub fn open(config: &Config, from: &str, to: &str) -> Result<Moving> {
        Moving::open_with(config, (from, to), (Clock::System, Random::Os))
    }

    /// The same with another clock and other chance, for tests.
    pub fn open_with(
        config: &Config,
        (from, to): (&str, &str),
        (clock, random): (Clock, Random),
    ) -> Result<Moving> {
        let (from, to) = (place(from)?, place(to)?);
        let shown = (without_secrets(&from), without_secrets(&to));
        let mut moving =
            Move::open((&from, &to), (&shown.0, &shown.1), clock.now()).map_err(crate::refused)?;
        let master = MasterKey::new(config.master_key.clone(), &config.data_dir).find()?;
        let vault = vault::unseal(&moving.keys()?, &master, random.clone())?;
        Ok(Moving { moving, vault, clock, random, from: shown.0, to: shown.1 })
    }

    /// Where everything goes, without what nobody shall read.
    pub fn shown(&self) -> (&str, &str) {
        (&self.from, &self.to)
    }

    /// What there is to be moved.
    pub fn load(&mut self) -> Result<Load> {
        let (rows, moved) = self.moving.rows()?;
        Ok(Load { rows, moved })
    }

    /// Copies what is not there yet. `progress` is told how many rows are; an error of its own breaks off, and may be gone on with.
    pub fn copy(&mut self, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let mut broken_off = None;
        let copied = self.moving.copy(&mut |rows| {
            progress(rows).map_err(|error| {
                broken_off = Some(error);
                store::Error::Overloaded
            })
        });
        broken_off.map_or(copied.map_err(crate::refused), Err)
    }

    /// Compares everything, and makes the new place the house. `progress` is told how many rows were compared.
    pub fn finish(&mut self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Moved> {
        let scribe =
            Scribe::new((&self.random, &self.vault, &Meters::default()), &Visit::default(), self.clock.now());
        let detail = [("from", self.from.as_str()), ("to", self.to.as_str())];
        let whom = Whom { id: None, name: "" };
        let sums = self.moving.finish(progress, |tx| scribe.record(tx, Happened::Moved, whom, &detail));
        let sums: Vec<Sum> = sums.map_err(crate::refused_within)?;
        let people = sums.iter().find(|sum| sum.table == "users").map_or(0, |sum| sum.rows);
        Ok(Moved {
            rows: sums.iter().map(|sum| sum.rows).sum(),
            people,
            tables: sums.iter().filter(|sum| sum.rows > 0).count(),
        })
    }
}

/// A place as it was said, or as a file says it.
fn place(said: &str) -> Result<Zeroizing<String>> {
    let url = match said.strip_prefix("file:") {
        None => Zeroizing::new(said.to_owned()),
        Some(path) => {
            let text = std::fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|e| Error::Refused(format!("cannot read {path}: {e}")))?;
            Zeroizing::new(text.trim().to_owned())
        }
    };
    store::secrecy(&url).map_err(|error| match error {
        store::Error::Refused(why) => Error::Refused(format!("{}: {why}", without_secrets(&url))),
        other => other.into(),
    })?;
    Ok(url)
}
