//! `cargo xtask`: what developers type, and what CI runs. Each command has a file of its own.

mod accept;
mod attack;
mod axe;
mod bench;
mod check;
mod dist;
mod docs;
mod elf;
mod faults;
mod fences;
mod fuzz;
mod image;
mod install;
mod instructions;
mod machine;
mod next;
mod notices;
mod openapi;
mod passwords;
mod patience;
mod pinned;
mod postgres;
mod python;
mod sbom;
mod soak;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// Shown by `cargo xtask` alone. Only what works is listed.
const USAGE: &str = "\
cargo xtask check [STEP]                  format, clippy, house rules, documentation, book: all that needs no server
cargo xtask test [-p CRATE] [FILTER…]     every test, on SQLite and PostgreSQL and in a real browser; installs what is missing
cargo xtask postgres -- COMMAND…          runs COMMAND beside a PostgreSQL of its own; LATCHKEY_TEST_POSTGRES names it
cargo xtask test-install                  the package on a clean Debian 12 that boots; `test` without a filter ends with it
cargo xtask attack [ROW…]                 the hostile suite against a release binary, in 25 minutes; ends with a table of what held
cargo xtask faults [ROW…]                 what breaks, done to a release binary, in three quarters of an hour; ends with a table of what held
cargo xtask soak [--hours H]              half of the load for two hours: memory, open files and the log of SQLite stay where they are
cargo xtask bench [--only OPERATION…]     what it does in a second, beside others and beside the limits; every goal beside its ratio
cargo xtask bench check                   what a check of a session costs, beside bare axum and bare nginx; two minutes, fails below the bar
cargo xtask bench compare A.json B.json   whether two runs say the same
cargo xtask instructions [--accept]       how many instructions the paths take that every request takes, held against what they took
cargo xtask openapi                       the OpenAPI document that is served, written anew from the routes and what stands at them
cargo xtask docs                          the pages for operators as a book, in target/book, with every link followed
cargo xtask dist                          what people install, in target/dist: the program, its manual, the package for Debian
cargo xtask passwords FIRST… --long LIST…   the list of common passwords, made again from the lists that crates/auth/data names
cargo xtask sbom                          what the program is made of, for programs: CycloneDX, in target/sbom
cargo xtask fuzz [TARGET] [--seconds N]   the fuzzers, each for a minute; wants the nightly compiler and cargo-fuzz
cargo xtask accept [-p CRATE] [FILTER…]   runs the tests and takes their snapshots as right; read the diff afterward

More for `attack`: --quick takes a few minutes; --url http://127.0.0.1:PORT attacks an installation on this machine, --host NAME
names it, --database URL has its counters; --json FILE writes the table for programs.

More for `faults`: the rows are REL-1 to REL-20, wire, one-code, revocation and failover; --quick takes a few minutes; --json FILE.

More for `soak`: --minutes N instead; --csv FILE and --json FILE write every sample and what came of them, --svg FILE a chart.

More for `bench`: --users 1000,1000000 says how many people; --json FILE writes every figure; --quick takes some minutes, and is for
trying. `bench check` has --quick and --json, too.

More for `test`: --test NAME picks one test binary; what follows `--` goes to it (`-- --nocapture`).";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let Some((command, rest)) = words.split_first() else {
        println!("{USAGE}");
        return Ok(());
    };
    match command.as_str() {
        "check" => check::run(rest),
        "test" => test::run(&test::Selection::parse(rest)?),
        "postgres" => postgres::run(rest),
        "test-install" => install::run(),
        "attack" => attack::run(rest),
        "faults" => faults::run(rest),
        "soak" => soak::run(rest),
        "bench" => bench::run(rest),
        "instructions" => instructions::run(rest),
        "openapi" => openapi::run(rest),
        "docs" => docs::run(),
        "sbom" => sbom::run(),
        "fuzz" => fuzz::run(rest),
        "dist" => dist::run().map(|_| ()),
        "passwords" => passwords::run(rest),
        "accept" => accept::run(&test::Selection::parse(rest)?),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no `{other}`; `cargo xtask` alone lists what there is"),
    }
}
