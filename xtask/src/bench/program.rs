//! How large the program is that people install, and how long it takes to build from nothing.

use std::fs;

use anyhow::{Context, Result};

use super::Bench;
use super::figures::Report;
use crate::workspace::{cargo, run, timed};

const PROGRAM: &str = "the program";
const SIZE: &str = "as installed, stripped";
const BUILD: &str = "built from nothing";

/// Of what `cargo xtask dist` has built last: making it anew takes many minutes.
pub(super) fn measure_size(bench: &Bench, report: &mut Report) -> Result<()> {
    let file = bench.built.with_file_name("dist").join("latchkey");
    match fs::metadata(&file) {
        Ok(known) => {
            report.note((PROGRAM, SIZE, " MB"), known.len() as f64 / 1e6);
            report.judge_alone("the program, stripped", (PROGRAM, SIZE, " MB"), (15.0, true));
        }
        Err(_) => println!("   there is no {}: `cargo xtask dist` makes it", file.display()),
    }
    Ok(())
}

/// With everything it needs, as `cargo build --release` builds it, in a directory of its own.
pub(super) fn measure_build(bench: &Bench, report: &mut Report) -> Result<()> {
    let place = bench.place.join("cold");
    let _ = fs::remove_dir_all(&place);
    let mut build = cargo();
    build.args(["build", "--locked", "--release", "--package", "latchkey"]).env("CARGO_TARGET_DIR", &place);
    let (built, took) = timed(|| run(&mut build));
    built?;
    fs::remove_dir_all(&place).with_context(|| format!("removing {}", place.display()))?;
    report.note((PROGRAM, BUILD, " s"), took.as_secs_f64());
    report.judge_alone("the program, built from nothing", (PROGRAM, BUILD, " s"), (240.0, true));
    Ok(())
}
