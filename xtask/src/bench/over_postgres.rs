//! Signing in by code over PostgreSQL on the same machine, beside pgbench with the statements that a sign-in is made of, over as many
//! connections as Latchkey writes with. Each has a database of its own in one cluster, which syncs to disk.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use super::ask::{Asking, alike, form, wait_for_new_codes};
use super::figures::Report;
use super::people::{self, People, said};
use super::server::{Server, free_port};
use super::sign_in::note;
use crate::postgres::Cluster;
use crate::tools;
use crate::workspace::{capture, root, run, timed};

const WHAT: &str = "sign-in by code over PostgreSQL, 32 at once";
const LATCHKEY: &str = "Latchkey";
const PGBENCH: &str = "pgbench, the same statements";
/// Connections that the store writes with.
const WRITERS: &str = "8";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    tools::ensure(&[tools::POSTGRES])?;
    let programs = tools::server().context("no PostgreSQL server was found")?;
    let cluster = Cluster::start()?;
    let url = cluster.url();
    let psql = |url: &str, lines: &[&str]| {
        let mut psql = Command::new(programs.join("psql"));
        psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", url]);
        psql.args(lines.iter().flat_map(|line| ["--command", line]));
        run(&mut psql)
    };
    // The cluster of the tests is in a hurry, and keeps nothing.
    let durable =
        ["ALTER SYSTEM SET fsync = on", "ALTER SYSTEM SET full_page_writes = on", "SELECT pg_reload_conf()"];
    psql(&url, &durable)?;
    let count = if bench.quick { 10_000 } else { 100_000 };
    let mut servers = Vec::new();
    for name in ["latchkey", "pgbench"] {
        psql(&url, &[&format!("CREATE DATABASE {name}")])?;
        servers.push(fill(
            bench,
            report,
            (&url.replacen("/postgres?", &format!("/{name}?"), 1), name, count),
        )?);
    }
    // Only the rows of the second are used.
    drop(servers.pop());
    let server = servers.pop().context("nothing was started")?;
    let pgbench_url = url.replacen("/postgres?", "/pgbench?", 1);
    psql(&pgbench_url, &["VACUUM ANALYZE"])?;
    psql(&url.replacen("/postgres?", "/latchkey?", 1), &["VACUUM ANALYZE"])?;
    for round in 0..bench.rounds() {
        wait_for_new_codes();
        let asking = Asking {
            port: server.port,
            at_once: 32,
            seconds: 4.0,
            at_most: Some(count),
            from: 0,
            people: alike(count),
            keeps_cookies: false,
            first: Vec::new(),
            steps: vec![form(server.port, "/login", "username={name}&otp={code}", 303)],
        };
        note(report, (WHAT, LATCHKEY), &asking.ask(bench)?);
        let mut pgbench = Command::new(programs.join("pgbench"));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--client", WRITERS, "--jobs=1", "--time=4"]);
        pgbench.arg(format!("--define=people={count}"));
        pgbench.arg("--file").arg(root().join("bench/postgres/sign-in.sql")).arg(&pgbench_url);
        report.note((WHAT, PGBENCH, "/s"), transactions(&capture(&mut pgbench)?)?);
        println!("   round {} of {}", round + 1, bench.rounds());
    }
    report.judge(
        "sign-in by code over PostgreSQL, beside pgbench",
        (WHAT, LATCHKEY, "/s"),
        (WHAT, PGBENCH, "/s"),
        (0.6, false),
    );
    Ok(())
}

/// Brings people into a database, and starts a server over it.
fn fill(bench: &Bench, report: &mut Report, (url, name, count): (&str, &str, u64)) -> Result<Server> {
    let place = bench.place.join(format!("over-postgres-{name}"));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    let (settings, links, port) = (place.join("latchkey.toml"), place.join("links"), free_port()?);
    people::write_settings(
        &settings,
        &place.join("data"),
        (port, "code"),
        (&format!("database = \"{url}\""), ""),
    )?;
    fs::write(&links, people::links(count))?;
    let latchkey = || {
        let mut command = Command::new(bench.program("latchkey"));
        command.env_clear().arg("--config").arg(&settings);
        command
    };
    let (imported, took) = timed(|| run(latchkey().args(["import", "otpauth"]).arg(&links).arg("--apply")));
    imported?;
    let of = format!("{}, PostgreSQL", said(count));
    report.note((People::BROUGHT_IN, &of, " s"), took.as_secs_f64());
    Server::start(&mut latchkey(), port, &place.join("log"))
}

/// Transactions a second, as pgbench says them. One that failed is not counted by it, and here fails all.
fn transactions(printed: &str) -> Result<f64> {
    let line = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name));
    let failed =
        line("number of failed transactions: ").unwrap_or("0 ").split(' ').next().unwrap_or_default();
    anyhow::ensure!(failed == "0", "{failed} transactions of pgbench failed");
    let tps = line("tps = ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    tps.with_context(|| format!("pgbench gave no figure: {printed}"))
}

#[cfg(test)]
mod tests {
    use super::transactions;

    #[test]
    fn a_figure_of_pgbench_is_read_and_a_failed_transaction_fails_all() {
        let printed = |failed: u32| {
            format!(
                "number of transactions actually processed: 700\nnumber of failed transactions: {failed} (0.000%)\n\
                 tps = 1234.5 (without initial connection time)\n"
            )
        };
        assert_eq!(transactions(&printed(0)).unwrap(), 1234.5);
        assert!(transactions(&printed(3)).is_err() && transactions("").is_err());
    }
}
