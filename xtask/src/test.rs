//! `cargo xtask test`: everything the tests need, then every test, then one line that sums them up. Accepting snapshots
//! is in `accept.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::postgres::{self, Cluster};
use crate::workspace::{cargo, run as start, target, timed};
use crate::{axe, install, next, patience, tools};

/// For so long no test may end. The longest takes a few minutes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Which tests were asked for. Empty means every one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// For cargo: `-p`, `--test`, each with its value.
    cargo: Vec<String>,
    /// For the test binaries: names to look for, then what stood behind `--`.
    harness: Vec<String>,
}

/// Tests counted over all binaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// The names of those that failed: a long run has scrolled them away by its end.
    names: Vec<String>,
    /// The names of those that have run for a minute and not ended.
    slow: Vec<String>,
}

/// Runs the selected tests. Fails when one fails, and when none ran.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    run_with(selection, &[])?;
    // Last, since it takes long and needs root. Whoever names tests wants those.
    if *selection == Selection::default() { install::run() } else { Ok(()) }
}

/// The same, with more in the environment.
pub(crate) fn run_with(selection: &Selection, environment: &[(&str, &str)]) -> Result<()> {
    tools::ensure(&tools::ALL)?;
    let axe = axe::ensure()?;
    let next = if selection.needs_next() { next::build("dev")? } else { PathBuf::new() };
    if selection.needs_program() {
        start(cargo().args(["build", "--locked", "-p", "latchkey"]))?;
    }
    let program = target()?.join("debug/latchkey");

    // First by itself: while something compiles no test ends, and that is no reason for impatience.
    start(selection.tests().arg("--no-run"))?;
    let cluster = Cluster::start()?;
    let mut tests = selection.tests();
    tests.arg("--no-fail-fast").arg("--").args(&selection.harness);
    tests.env(postgres::VARIABLE, cluster.url());
    tests.env("LATCHKEY_TEST_AXE", axe).env("LATCHKEY_TEST_PROGRAM", program).env(next::VARIABLE, next);
    tests.envs(environment.iter().copied());
    let (outcome, took) = timed(|| stream(&mut tests));
    drop(cluster);
    let (tally, succeeded) = outcome?;

    println!("\ntests took {:.0} s", took.as_secs_f64());
    for name in &tally.names {
        println!("failed: {name}");
    }
    println!("{}", tally.line());
    let Some(succeeded) = succeeded else {
        bail!(
            "no test ended for {} minutes, and so all were ended; {}",
            PATIENCE.as_secs() / 60,
            tally.hang()
        );
    };
    match (succeeded, tally.passed + tally.failed) {
        (true, 0) => bail!("no test ran; does a test have that name?"),
        (true, _) if tally.failed == 0 => Ok(()),
        (_, 0) => bail!("the tests could not be run"),
        _ => bail!("tests failed"),
    }
}

/// Passes on what the tests print while they print it, and counts. Also says whether cargo was content, or `None` when the tests hung.
fn stream(tests: &mut Command) -> Result<(Tally, Option<bool>)> {
    let mut tally = Tally::default();
    let ended = patience::read(tests, PATIENCE, |line| {
        println!("{line}");
        tally.count(line);
    })?;
    Ok((tally, ended.map(|status| status.success())))
}

impl Selection {
    /// `cargo test` of these, up to where more options may follow.
    fn tests(&self) -> Command {
        let mut tests = cargo();
        tests.args(["test", "--locked", "--all-features"]);
        if !self.cargo.iter().any(|word| word == "-p") {
            tests.arg("--workspace");
        }
        tests.args(&self.cargo);
        tests
    }

    /// Whether these tests start the program as people do: the browser's and the transcripts do.
    fn needs_program(&self) -> bool {
        let mut packages = self.cargo.chunks(2).filter(|pair| pair[0] == "-p").peekable();
        packages.peek().is_none() || packages.any(|pair| ["web", "latchkey"].contains(&pair[1].as_str()))
    }

    /// Whether a test that starts the next release, too, is among them.
    fn needs_next(&self) -> bool {
        let is_of = |option: &str, name: &str| {
            let mut of = self.cargo.chunks(2).filter(|pair| pair[0] == option).peekable();
            of.peek().is_none() || of.any(|pair| pair[1] == name)
        };
        let mut filters = self.harness.iter().filter(|word| !word.starts_with('-')).peekable();
        let is_named = filters.peek().is_none()
            || filters.any(|filter| next::TESTS.iter().any(|name| name.contains(filter.as_str())));
        is_of("-p", "latchkey") && is_of("--test", "process") && is_named
    }

    /// Reads what followed `cargo xtask test`.
    pub(crate) fn parse(words: &[String]) -> Result<Selection> {
        let mut selection = Selection::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--" => selection.harness.extend(words.by_ref().cloned()),
                "-p" | "--package" | "--test" => {
                    let value = words.next().with_context(|| format!("{word} needs a name"))?;
                    let option = if word == "--package" { "-p" } else { word };
                    selection.cargo.extend([option.to_owned(), value.clone()]);
                }
                option if option.starts_with('-') => {
                    bail!("{option} is not known here; put it behind `--` if the test binary knows it");
                }
                filter => selection.harness.push(filter.to_owned()),
            }
        }
        Ok(selection)
    }
}

impl Tally {
    /// Adds a binary's closing line, and remembers the name in the own line of a test that failed or is slow.
    fn count(&mut self, line: &str) {
        if let Some(own) = line.strip_prefix("test ") {
            if let Some(name) = own.strip_suffix(" has been running for over 60 seconds") {
                self.slow.push(name.to_owned());
            }
            if let Some((name, outcome)) = own.rsplit_once(" ... ") {
                self.slow.retain(|slow| slow != name);
                if outcome == "FAILED" {
                    self.names.push(name.to_owned());
                }
            }
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.ignored += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// Who had not ended, when nobody did any more.
    fn hang(&self) -> String {
        match self.slow.as_slice() {
            [] => "which of them hung is not known".to_owned(),
            slow => format!("these had not: {}", slow.join(", ")),
        }
    }

    fn line(&self) -> String {
        let ignored = if self.ignored > 0 { format!(", {} skipped", self.ignored) } else { String::new() };
        format!("{} passed, {} failed{ignored}", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Selection, Tally};

    fn parse(line: &str) -> anyhow::Result<Selection> {
        Selection::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn filters_go_to_the_binaries_and_packages_to_cargo() {
        let selection = parse("-p otp --test vectors a_code b_code -- --nocapture").unwrap();
        assert_eq!(selection.cargo, ["-p", "otp", "--test", "vectors"]);
        assert_eq!(selection.harness, ["a_code", "b_code", "--nocapture"]);
        assert_eq!(parse("--package otp").unwrap(), parse("-p otp").unwrap());
        assert_eq!(parse("").unwrap(), Selection::default());
    }

    #[test]
    fn the_program_is_built_for_the_crates_whose_tests_start_it() {
        assert!(parse("").unwrap().needs_program());
        assert!(parse("--test tidy").unwrap().needs_program());
        assert!(parse("-p otp -p web").unwrap().needs_program());
        assert!(!parse("-p otp -p store --test web").unwrap().needs_program());
    }

    #[test]
    fn the_next_release_is_built_for_the_tests_that_start_it() {
        for wanted in
            ["", "-p latchkey", "-p latchkey --test process", "rolling", "x next_release", "-- --nocapture"]
        {
            assert!(parse(wanted).unwrap().needs_next(), "{wanted}");
        }
        for not in ["-p web", "--test tidy", "kill_9", "-p otp rolling"] {
            assert!(!parse(not).unwrap().needs_next(), "{not}");
        }
    }

    #[test]
    fn an_unknown_option_is_refused_rather_than_ignored() {
        assert!(parse("--relase").is_err());
        assert!(parse("-p").is_err());
    }

    #[test]
    fn the_tally_sums_over_all_binaries() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.12s",
            "test a_test_of_the_test_result: 5 passed ... ok",
            "test a_code_works_once ... FAILED",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.count(line);
        }
        assert_eq!(
            tally,
            Tally { passed: 15, failed: 2, names: vec!["a_code_works_once".to_owned()], ..Tally::default() }
        );
        assert_eq!(tally.line(), "15 passed, 2 failed");
    }

    #[test]
    fn who_hangs_is_named() {
        let mut tally = Tally::default();
        assert_eq!(tally.hang(), "which of them hung is not known");
        for line in [
            "test races::a_code has been running for over 60 seconds",
            "test races::a_link has been running for over 60 seconds",
            "test races::a_name has been running for over 60 seconds",
            "test races::a_name_and_a_code ... ok",
            "test races::a_link ... ok",
            "test races::a_code ... ignored, by hand",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.hang(), "these had not: races::a_name");
    }

    #[test]
    fn an_ignored_test_is_said() {
        let mut tally = Tally::default();
        tally.count(
            "test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!(tally.line(), "1 passed, 0 failed, 2 skipped");
    }
}
