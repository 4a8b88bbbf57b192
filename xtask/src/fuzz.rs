//! `cargo xtask fuzz`: the fuzzers, one after the other. What they assert is in `hostile.rs` of each crate, and a short run of it is
//! in the suite. Wants another compiler than the rest, and says so.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{root, run as start, target};

/// Seconds for each, unless somebody says otherwise.
const SECONDS: u64 = 60;

/// What no form of ours exceeds. Longer inputs are slower, and find nothing else.
const LONGEST: &str = "-max_len=4096";

/// An input that takes longer than this is a finding.
const SLOW: &str = "-timeout=5";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// None for all.
    target: Option<String>,
    seconds: u64,
}

/// Runs the target that is named, or all of them.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let asked = Asked::parse(words)?;
    let all = targets(&root().join("fuzz/fuzz_targets"))?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| asked.target.as_ref().is_none_or(|wanted| wanted == *name)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    has_tools()?;
    // What is fuzzed is what is shipped.
    fs::copy(root().join("Cargo.lock"), root().join("fuzz/Cargo.lock")).context("copying the lockfile")?;
    let place = target()?.join("fuzz");
    start(fuzz("build", &place).args(asked.target.iter()))?;
    let mut found = Vec::new();
    for name in chosen {
        let (executions, is_fine) = one(name, asked.seconds, &place)?;
        println!(
            "{name:24} {executions:>12} executions  {}",
            if is_fine { "nothing found" } else { "FOUND SOMETHING" }
        );
        if !is_fine {
            found.push(name.as_str());
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!(
        "{} found something. The inputs are in {}: mend the parser, and put each input into fuzz/seeds of its target (as .hex, where \
         it is no text)",
        found.join(", "),
        place.join("artifacts").display()
    )
}

impl Asked {
    fn parse(words: &[String]) -> Result<Asked> {
        let mut asked = Asked { target: None, seconds: SECONDS };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--seconds" {
                let seconds =
                    words.next().and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
                asked.seconds = seconds.context("--seconds wants a number")?;
            } else if word.starts_with('-') || asked.target.replace(word.clone()).is_some() {
                bail!("`{word}` is too much: cargo xtask fuzz [TARGET] [--seconds N]");
            }
        }
        Ok(asked)
    }
}

fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut names: Vec<String> = files
        .flatten()
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Says what to install, since both are large and few people need them.
fn has_tools() -> Result<()> {
    let answers = |words: &[&str]| {
        let tried = Command::new("cargo")
            .current_dir(root())
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    if !answers(&["+nightly", "--version"]) {
        bail!("the fuzzers want the nightly compiler: rustup toolchain install nightly --profile minimal");
    }
    if !answers(&["+nightly", "fuzz", "--version"]) {
        bail!("the fuzzers want cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    Ok(())
}

/// `cargo fuzz`, without the sanitizer for addresses: our crates have no unsafe code, and it would halve the executions.
fn fuzz(verb: &str, place: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(root())
        .args(["+nightly", "fuzz", verb, "--sanitizer", "none", "--target-dir"])
        .arg(place);
    command
}

/// Runs one target. Answers how many inputs it tried, and whether all of them were fine.
fn one(name: &str, seconds: u64, place: &Path) -> Result<(String, bool)> {
    let corpus = place.join("corpus").join(name);
    plant(&root().join("fuzz/seeds").join(name), &corpus)?;
    let artifacts = place.join("artifacts").join(name);
    fs::create_dir_all(&artifacts)?;
    let mut command = fuzz("run", place);
    command.arg(name).arg(&corpus).args(["--", LONGEST, SLOW, "-print_final_stats=1", "-verbosity=1"]);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    let mut child = command.stderr(Stdio::piped()).spawn().context("starting cargo fuzz")?;
    let mut executions = "?".to_owned();
    let said = child.stderr.take().context("cargo fuzz has no stderr")?;
    for line in BufReader::new(said).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
            executions = number.trim().to_owned();
        } else if line.contains("panicked") || line.contains("ERROR") || line.contains("Test unit written") {
            println!("{name}: {line}");
        }
    }
    Ok((executions, child.wait()?.success()))
}

/// Puts the seeds where the fuzzer keeps what it finds, as the bytes that they stand for.
fn plant(seeds: &Path, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus)?;
    for file in fs::read_dir(seeds).with_context(|| format!("{} holds the seeds", seeds.display()))? {
        let file: PathBuf = file?.path();
        let bytes = fs::read(&file)?;
        let bytes =
            if file.extension().is_some_and(|ending| ending == "hex") { from_hex(&bytes) } else { bytes };
        fs::write(corpus.join(file.file_name().unwrap_or_default()), bytes)?;
    }
    Ok(())
}

fn from_hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u32> = text.iter().filter_map(|byte| char::from(*byte).to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| ((pair[0] << 4) | pair[1]) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Asked> {
        Asked::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_target_and_a_time_can_be_named() {
        assert_eq!(asked(&[]).unwrap(), Asked { target: None, seconds: SECONDS });
        let expected = Asked { target: Some("otp_uri".to_owned()), seconds: 5 };
        assert_eq!(asked(&["--seconds", "5", "otp_uri"]).unwrap(), expected);
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["a", "b"], &["--all"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_is_built_has_seeds_and_calls_the_property_of_its_name() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        let names = targets(&root().join("fuzz/fuzz_targets")).unwrap();
        assert!(names.len() >= 25, "{names:?}");
        for name in &names {
            assert!(
                manifest.contains(&format!("name = \"{name}\"")),
                "fuzz/Cargo.toml does not build {name}"
            );
            let (package, property) = name.split_once('_').unwrap();
            let text =
                fs::read_to_string(root().join("fuzz/fuzz_targets").join(format!("{name}.rs"))).unwrap();
            assert!(
                text.contains(&format!("{package}::hostile::{property}(input)")),
                "{name} calls something else"
            );
            assert!(
                fs::read_dir(root().join("fuzz/seeds").join(name)).unwrap().next().is_some(),
                "{name} has no seed"
            );
        }
        assert_eq!(
            fs::read_dir(root().join("fuzz/seeds")).unwrap().count(),
            names.len(),
            "seeds without a target"
        );
    }

    #[test]
    fn hexadecimal_digits_are_bytes_however_they_are_broken_into_lines() {
        assert_eq!(from_hex(b"00ff\n7A"), [0, 255, 0x7A]);
    }
}
