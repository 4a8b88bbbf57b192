//! `cargo xtask attack`: the hostile suite, which is the crate `attack`, against a release binary or against an installation on
//! this machine. Here is only what it needs: its tools, the binary, a PostgreSQL.

use std::process::ExitStatus;

use anyhow::{Context, Result, bail};

use crate::postgres::{self, Cluster};
use crate::tools;
use crate::workspace::{cargo, run as start, target};

/// Tries everything, or the rows that are named. What followed `attack` goes to the suite.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let outside = words.iter().any(|word| word == "--url");
    tools::ensure(&tools::ATTACK)?;
    let mut attack = cargo();
    attack.args(["run", "--locked", "--quiet", "-p", "attack", "--"]).args(words);
    if outside {
        return judged(attack.status().context("starting the suite")?);
    }
    tools::ensure(&[tools::POSTGRES])?;
    start(cargo().args(["build", "--locked", "--release", "-p", "latchkey"]))?;
    attack.arg("--program").arg(target()?.join("release/latchkey"));
    // Whoever has a PostgreSQL for tests running lends it; else there is one as long as this lasts.
    let (lent, cluster) = match given() {
        Some(url) => (url, None),
        None => {
            let cluster = Cluster::start()?;
            (cluster.url(), Some(cluster))
        }
    };
    attack.args(["--postgres", &lent]);
    let ended = attack.status().context("starting the suite");
    drop(cluster);
    judged(ended?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the tests' PostgreSQL is, is said in the environment and nowhere else"
)]
pub(crate) fn given() -> Option<String> {
    std::env::var(postgres::VARIABLE).ok().filter(|url| !url.is_empty())
}

fn judged(status: ExitStatus) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        Some(1) => bail!("a row is broken; the table says which"),
        _ => bail!("the suite could not be run ({status})"),
    }
}
