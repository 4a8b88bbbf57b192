//! How many instructions the paths take that every request takes, counted by callgrind: a figure that a busy machine does not change.
//! What they were is in `bench/instructions.txt`; the paths are in `bench/src/bin/paths.rs`.
//!
//! They are counted in a build that is not optimized, since that is there already when everything else has been checked: the figures are
//! good to be compared with themselves, and say nothing of how long anything takes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;
use crate::workspace::{capture, cargo, root, run as start, target};

/// How far a count may lie from what it was, either way: less is accepted too, or the next one could take it back unseen.
const APART: f64 = 0.02;

/// How often a path is taken: once so often, and once more often. The difference is that of the path alone.
fn counts(name: &str) -> (u64, u64) {
    match name {
        "qr" => (1, 2),
        "totp" => (100, 600),
        _ => (20, 70),
    }
}

/// What a path took.
type Taken = BTreeMap<String, u64>;

/// `cargo xtask instructions [--accept]`
pub(crate) fn run(words: &[String]) -> Result<()> {
    match words {
        [] => check(),
        [word] if word == "--accept" => accept(),
        other => bail!("{} is not known here; there is --accept", other.join(" ")),
    }
}

/// Counts, and fails when a path takes more or less than it did.
pub(crate) fn check() -> Result<()> {
    let file = file();
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let (was, is) = (read(&text)?, count()?);
    let changed = changed(&was, &is);
    for (name, is) in &is {
        println!("   {name:<10}{is:>12} instructions");
    }
    if changed.is_empty() {
        return Ok(());
    }
    bail!("{}.\nIf that is as it should be: cargo xtask instructions --accept", changed.join(";\n"))
}

fn accept() -> Result<()> {
    let file = file();
    fs::write(&file, written(&count()?)).with_context(|| format!("writing {}", file.display()))?;
    println!("{} is written; read what has changed in it", file.display());
    Ok(())
}

fn file() -> PathBuf {
    root().join("bench/instructions.txt")
}

fn count() -> Result<Taken> {
    tools::ensure(&tools::COUNT)?;
    start(cargo().args(["build", "--locked", "--quiet", "-p", "bench", "--bin", "paths"]))?;
    let program = target()?.join("debug/paths");
    let names = capture(&mut Command::new(&program))?;
    let taken = names.lines().map(|name| {
        let (few, many) = counts(name);
        let more = counted(&program, name, many)?.saturating_sub(counted(&program, name, few)?);
        Ok((name.to_owned(), more / (many - few)))
    });
    taken.collect()
}

/// Instructions of the whole program, which takes a path so often.
fn counted(program: &Path, name: &str, times: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).arg(name);
    let output =
        valgrind.arg(times.to_string()).stdin(Stdio::null()).output().context("starting valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("the path `{name}` could not be taken ({}):\n{said}", output.status);
    }
    collected(&said).with_context(|| format!("valgrind has counted nothing:\n{said}"))
}

fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok()
}

/// What is not as it was, in words.
fn changed(was: &Taken, is: &Taken) -> Vec<String> {
    let mut all = Vec::new();
    for (name, is) in is {
        let Some(was) = was.get(name) else {
            all.push(format!("`{name}` has never been counted"));
            continue;
        };
        let apart = *is as f64 / *was as f64 - 1.0;
        if apart.abs() > APART {
            all.push(format!("`{name}` takes {is} instructions, and took {was} ({:+.1} %)", apart * 100.0));
        }
    }
    let gone = was.keys().filter(|name| !is.contains_key(*name));
    all.extend(gone.map(|name| format!("there is no path `{name}` any more")));
    all
}

fn read(text: &str) -> Result<Taken> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.trim().parse().ok()?))
    };
    lines.map(|line| pair(line).with_context(|| format!("`{line}` is no path and its count"))).collect()
}

fn written(taken: &Taken) -> String {
    let mut text = String::from(
        "# Instructions that a path takes, in a build that is not optimized: cargo xtask instructions --accept\n",
    );
    for (name, count) in taken {
        let _ = writeln!(text, "{name} {count}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pairs: &[(&str, u64)]) -> Taken {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn what_was_written_is_read_and_anything_else_refused() {
        let all = taken(&[("qr", 47_000_000), ("sign-in", 2_290_000)]);
        assert_eq!(read(&written(&all)).unwrap(), all);
        assert!(read("qr\n").is_err() && read("qr many\n").is_err());
    }

    #[test]
    fn two_in_a_hundred_are_noise_and_more_is_a_change_either_way() {
        let was = taken(&[("a", 1000), ("b", 1000), ("c", 1000), ("gone", 1)]);
        let changed = changed(&was, &taken(&[("a", 1019), ("b", 1021), ("c", 979), ("new", 1)]));
        assert_eq!(changed.len(), 4, "{changed:?}");
        assert!(changed[0].contains("+2.1 %") && changed[1].contains("-2.1 %"), "{changed:?}");
    }

    #[test]
    fn the_count_of_valgrind_is_found() {
        assert_eq!(collected("==1== Events    : Ir\n==1== Collected : 31371605\n"), Some(31_371_605));
        assert_eq!(collected("==1== Process terminating\n"), None);
    }
}
