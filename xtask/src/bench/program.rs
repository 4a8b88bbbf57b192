//! How everything is built that runs while something is measured; how large the program is, and how long it takes to build from nothing.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Bench;
use super::figures::Report;
use crate::workspace::{cargo, run, target, timed};

const PROGRAM: &str = "the program";
const SIZE: &str = "as installed, stripped";
const BUILD: &str = "built from nothing";

/// What is compared with each other is built as people install it. Who asks, and who fills a place with people, is built faster.
const COMPARED: [&str; 5] = ["latchkey", "hello", "durable", "hash", "qr"];

/// Everything that runs while something is measured.
pub(super) struct Built {
    target: PathBuf,
}

impl Built {
    /// Builds what is not built.
    pub(super) fn now() -> Result<Built> {
        run(cargo().args(["build", "--locked", "--release", "-p", "bench"]))?;
        let mut compared = cargo();
        compared.args(["build", "--locked", "--profile", "dist", "-p", "latchkey", "-p", "bench"]);
        compared.args(COMPARED.iter().flat_map(|name| ["--bin", name]));
        run(&mut compared)?;
        Ok(Built { target: target()? })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.target.join(if COMPARED.contains(&name) { "dist" } else { "release" }).join(name)
    }
}

pub(super) fn measure_size(bench: &Bench, report: &mut Report) -> Result<()> {
    let file = bench.program("latchkey");
    let known = fs::metadata(&file).with_context(|| format!("looking at {}", file.display()))?;
    report.note((PROGRAM, SIZE, " MB"), known.len() as f64 / 1e6);
    report.judge_alone("the program, stripped", (PROGRAM, SIZE, " MB"), (15.0, true));
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
