//! `cargo xtask faults`: what breaks, done to the release program at full count, with a table of what was seen. Each row is one or
//! more tests of the suite, which does the same in small. What only a long run shows is in `soak.rs`.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::postgres::{self, Cluster};
use crate::workspace::{capture, cargo, run as start, target, timed};
use crate::{attack, next, tools};

/// What is done to it. The tests are named as they are in their binary.
struct Row {
    id: &'static str,
    what: &'static str,
    how: How,
}

enum How {
    /// Tests whose own lines say what was done and seen, at least one each.
    Told(&'static [(Binary, &'static str)]),
    /// Tests that hold or fail, and count nothing.
    Held(&'static [(Binary, &'static str)]),
    /// Why there is nothing to do.
    Not(&'static str),
}

/// Where a test is: the name of a test binary, after that of its crate where several have one of that name; or of a library with
/// tests of its own.
type Binary = &'static str;

const PROCESS: Binary = "process";
const SITE: Binary = "web/it";
const ENGINE: Binary = "engine";
const STORE: Binary = "store";
const WEB: Binary = "web";

use How::{Held, Not, Told};

const ROWS: [Row; 23] = [
    Row {
        id: "wire",
        what: "PostgreSQL's wire: 40001, answers cut after COMMIT, pauses, resets",
        how: Told(&[
            (
                PROCESS,
                "storm::in_a_storm_no_code_is_spent_twice_and_nothing_that_was_answered_is_lost_by_code",
            ),
            (
                PROCESS,
                "storm::in_a_storm_no_code_is_spent_twice_and_nothing_that_was_answered_is_lost_by_password_and_code",
            ),
            (PROCESS, "storm::a_program_that_does_again_what_it_did_not_hear_of_does_it_twice"),
        ]),
    },
    Row {
        id: "one-code",
        what: "one code at two servers at once",
        how: Told(&[(PROCESS, "nodes::of_64_who_sign_in_with_one_code_at_two_servers_one_gets_in")]),
    },
    Row {
        id: "revocation",
        what: "what one server ends, at the other",
        how: Told(&[(PROCESS, "nodes::what_ends_at_one_server_is_over_at_the_other_within_a_second")]),
    },
    Row {
        id: "REL-1",
        what: "kill -9",
        how: Told(&[
            (PROCESS, "killed::after_kill_9_what_was_answered_is_true_and_what_was_spent_is_spent_on_sqlite"),
            (
                PROCESS,
                "killed::after_kill_9_what_was_answered_is_true_and_what_was_spent_is_spent_on_postgresql",
            ),
        ]),
    },
    Row {
        id: "REL-2",
        what: "power loss: fsync before the answer, and one that fails",
        how: Told(&[
            (PROCESS, "disks::an_answer_leaves_after_what_it_says_is_on_the_disk"),
            (PROCESS, "disks::after_an_error_of_the_disk_nothing_more_is_written_until_a_restart"),
        ]),
    },
    Row {
        id: "REL-3",
        what: "PostgreSQL crashes",
        how: Told(&[(
            PROCESS,
            "databases::nothing_that_was_answered_is_lost_when_postgresql_stops_as_by_a_crash",
        )]),
    },
    Row {
        id: "failover",
        what: "a standby takes over",
        how: Told(&[(PROCESS, "databases::nothing_that_was_answered_is_lost_when_a_standby_takes_over")]),
    },
    Row {
        id: "REL-4",
        what: "PostgreSQL hangs",
        how: Told(&[(PROCESS, "databases::a_postgresql_that_hangs_keeps_nobody_waiting")]),
    },
    Row {
        id: "REL-5",
        what: "the disk is full",
        how: Told(&[(PROCESS, "disks::a_full_disk_signs_nobody_in_whose_sign_in_is_not_kept_and_heals")]),
    },
    Row {
        id: "REL-6",
        what: "the disk may not be written to",
        how: Told(&[(
            PROCESS,
            "disks::a_file_system_that_may_not_be_written_to_signs_nobody_in_and_keeps_who_is",
        )]),
    },
    Row {
        id: "REL-7",
        what: "a damaged database",
        how: Told(&[
            (
                PROCESS,
                "damage::a_server_starts_with_no_damaged_database_and_makes_no_new_one_and_verify_names_it",
            ),
            (
                PROCESS,
                "damage::a_damaged_index_is_found_beside_those_who_sign_in_and_nothing_more_is_written",
            ),
        ]),
    },
    Row {
        id: "REL-8",
        what: "SQLite is busy, and two servers share its file",
        how: Told(&[
            (PROCESS, "disks::who_holds_the_file_for_three_seconds_or_reads_it_for_ten_is_waited_for"),
            (PROCESS, "sharing::two_servers_share_one_database"),
        ]),
    },
    Row {
        id: "REL-9",
        what: "upgrade from a release, and one that is broken off",
        how: Held(&[
            (SITE, "frozen::people_of_every_version_sign_in_with_what_they_have"),
            (
                STORE,
                "migrate::tests::a_migration_that_fails_leaves_nothing_behind_where_it_is_one_transaction",
            ),
            (STORE, "migrate::tests::a_migration_in_steps_goes_on_where_it_was_wherever_it_was_broken_off"),
        ]),
    },
    Row {
        id: "REL-10",
        what: "downgrade: a newer schema",
        how: Held(&[
            (STORE, "migrate::tests::a_newer_schema_is_refused_unless_it_says_that_this_program_may_stay"),
            (
                PROCESS,
                "damage::a_server_starts_with_no_damaged_database_and_makes_no_new_one_and_verify_names_it",
            ),
        ]),
    },
    Row {
        id: "REL-11",
        what: "backup under load",
        how: Told(&[
            (
                PROCESS,
                "backups::twenty_backups_beside_a_hundred_sign_ins_a_second_are_each_one_state_on_sqlite",
            ),
            (PROCESS, "backups::backups_beside_a_hundred_sign_ins_a_second_are_each_one_state_on_postgresql"),
        ]),
    },
    Row { id: "REL-12", what: "restore opens nothing again", how: Held(&[(SITE, "epoch::")]) },
    Row {
        id: "REL-13",
        what: "restarts behind a proxy under load",
        how: Told(&[
            (PROCESS, "rolling::behind_nginx_no_request_fails_while_servers_are_started_anew"),
            (PROCESS, "rolling::behind_haproxy_no_request_fails_while_servers_are_started_anew"),
        ]),
    },
    Row {
        id: "REL-14",
        what: "rolling upgrade",
        how: Told(&[(PROCESS, next::TESTS[0]), (PROCESS, next::TESTS[1])]),
    },
    Row {
        id: "REL-15",
        what: "clocks that differ",
        how: Told(&[(
            PROCESS,
            "apart::between_clocks_that_differ_a_code_is_good_once_and_too_far_apart_nobody_is_signed_in",
        )]),
    },
    Row {
        id: "REL-16",
        what: "two hours at half load",
        how: Not("`cargo xtask soak` does that, and takes two hours"),
    },
    Row {
        id: "REL-17",
        what: "three times the load",
        how: Told(&[(PROCESS, "overload::under_three_times_the_load_most_of_what_can_be_done_is_done")]),
    },
    Row {
        id: "REL-19",
        what: "a server is paused",
        how: Told(&[(
            PROCESS,
            "apart::a_server_that_was_paused_knows_what_was_done_meanwhile_and_does_nothing_twice",
        )]),
    },
    Row {
        id: "REL-20",
        what: "a handler panics",
        how: Held(&[
            (WEB, "layers::tests::ten_panics_in_handlers_are_ten_apologies_and_harm_nobody_else"),
            (ENGINE, "a_panicking_job_harms_no_other"),
        ]),
    },
];

/// What the threat model counts and this product does not have.
const NO_MAIL: (&str, &str) = ("REL-18", "Latchkey sends no mail");

/// What came of a row.
struct Finding {
    id: &'static str,
    what: &'static str,
    verdict: &'static str,
    /// What was done and what was seen, by those who did it.
    told: Vec<(String, String)>,
    seconds: u64,
}

const HELD: &str = "held";
const NOT_HELD: &str = "NOT HELD";
const NOT_APPLICABLE: &str = "not applicable";

/// Does everything, or the rows that are named, and prints the table. Fails when a row did not hold.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words)?;
    tools::ensure(&tools::ALL)?;
    let next =
        if options.wants(next::ROW) { next::build("release")?.into_os_string() } else { OsString::new() };
    start(cargo().args(["build", "--locked", "--release", "-p", "latchkey"]))?;
    let suite = Suite::build(&["--lib", "--test", PROCESS, "--test", "it", "--test", ENGINE])?;
    let program = target()?.join("release/latchkey");
    let (lent, cluster) = match attack::given() {
        Some(url) => (url, None),
        None => {
            let cluster = Cluster::start()?;
            (cluster.url(), Some(cluster))
        }
    };
    let size = if options.quick { "quick" } else { "full" };
    let variables = [
        ("LATCHKEY_TEST_PROGRAM", program.into_os_string()),
        (postgres::VARIABLE, lent.into()),
        (next::VARIABLE, next),
        ("LATCHKEY_TEST_FAULTS", size.into()),
    ];
    let mut findings = Vec::new();
    let (_, took) = timed(|| {
        for row in ROWS.iter().filter(|row| options.wants(row.id)) {
            println!("… {}: {}", row.id, row.what);
            let finding = row.finding(&suite, &variables);
            println!("{}", text(&finding));
            findings.push(finding);
        }
        Ok::<(), anyhow::Error>(())
    });
    drop(cluster);
    if options.wants(NO_MAIL.0) {
        let told = vec![(String::new(), NO_MAIL.1.to_owned())];
        findings.push(Finding { id: NO_MAIL.0, what: "mail", verdict: NOT_APPLICABLE, told, seconds: 0 });
    }
    println!("\n{}\n{} s", findings.iter().map(text).collect::<String>(), took.as_secs());
    if let Some(path) = &options.json {
        fs::write(path, to_json(&findings, took).to_string())
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let broken: Vec<&str> =
        findings.iter().filter(|finding| finding.verdict == NOT_HELD).map(|finding| finding.id).collect();
    if broken.is_empty() { Ok(()) } else { bail!("{} did not hold", broken.join(", ")) }
}

/// What followed `cargo xtask faults`.
#[derive(Debug, Default)]
struct Options {
    rows: Vec<String>,
    quick: bool,
    json: Option<PathBuf>,
}

impl Options {
    fn parse(words: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = Some(words.next().context("--json needs a file")?.into()),
                option if option.starts_with('-') => bail!("{option} is not known here"),
                row if row == NO_MAIL.0 || ROWS.iter().any(|known| known.id == row) => {
                    options.rows.push(row.to_owned());
                }
                row => {
                    let known: Vec<&str> = ROWS.iter().map(|row| row.id).collect();
                    bail!("there is no row `{row}`; there are {}", known.join(", "))
                }
            }
        }
        Ok(options)
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}

impl Row {
    fn finding(&self, suite: &Suite, variables: &[(&str, OsString)]) -> Finding {
        let finding =
            |verdict, told, seconds| Finding { id: self.id, what: self.what, verdict, told, seconds };
        let (tests, must_tell) = match self.how {
            Told(tests) => (tests, true),
            Held(tests) => (tests, false),
            Not(why) => return finding(NOT_APPLICABLE, vec![(String::new(), why.to_owned())], 0),
        };
        let (done, took) = timed(|| -> Result<Vec<(String, String)>> {
            let mut told = Vec::new();
            for (binary, name) in tests {
                let said = suite.run(binary, name, variables)?;
                let lines = told_in(&said);
                if lines.is_empty() {
                    let count = passed(&said);
                    told.push((name.replace('_', " "), format!("{count} of {count} tests passed")));
                }
                told.extend(lines);
            }
            // A row that only says that it passed has counted nothing.
            if must_tell && told.iter().all(|(_, seen)| seen.ends_with("tests passed")) {
                bail!("its tests did not say what they counted");
            }
            Ok(told)
        });
        match done {
            Ok(told) => finding(HELD, told, took.as_secs()),
            Err(error) => finding(NOT_HELD, vec![(String::new(), format!("{error:#}"))], took.as_secs()),
        }
    }
}

/// The tests, built as the whole suite builds them. What was built at the start is what is run, whatever is changed meanwhile.
pub(crate) struct Suite {
    /// By name, and with the directory of its crate.
    binaries: Vec<(String, PathBuf, PathBuf)>,
}

impl Suite {
    pub(crate) fn build(which: &[&str]) -> Result<Suite> {
        let mut build = cargo();
        build.args(["test", "--locked", "--workspace", "--all-features", "--no-run"]).args(which);
        let said = capture(build.arg("--message-format=json-render-diagnostics"))?;
        let artifacts = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let binaries = artifacts.filter_map(|artifact| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let manifest = PathBuf::from(text(&artifact["manifest_path"])?);
            Some((
                text(&artifact["target"]["name"])?,
                text(&artifact["executable"])?.into(),
                manifest.parent()?.to_owned(),
            ))
        });
        Ok(Suite { binaries: binaries.collect() })
    }

    /// Runs one test, or those whose names begin so, and answers what was printed. Fails where one fails, and where there is none.
    pub(crate) fn run(&self, binary: &str, name: &str, variables: &[(&str, OsString)]) -> Result<String> {
        let (of, name_of_it) = binary.rsplit_once('/').unwrap_or(("", binary));
        let is_it = |(known, _, directory): &&(String, PathBuf, PathBuf)| {
            known == name_of_it && (of.is_empty() || directory.ends_with(of))
        };
        let found = self.binaries.iter().find(is_it);
        let (_, program, directory) = found.with_context(|| format!("no test binary is called {binary}"))?;
        let mut tests = Command::new(program);
        tests.args(["--nocapture", "--test-threads=1", name]).current_dir(directory);
        if !name.ends_with("::") {
            tests.arg("--exact");
        }
        tests.envs(variables.iter().map(|(name, value)| (*name, value)));
        let output = tests.stdin(Stdio::null()).output().context("starting tests")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            let lines: Vec<&str> = why.lines().filter(|line| !line.trim_start().starts_with("at ")).collect();
            bail!("{name} failed: {}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
        if passed(&said) == 0 {
            bail!("no test is called {name}");
        }
        Ok(said)
    }
}

/// What tests said that they did and saw.
pub(crate) fn told_in(said: &str) -> Vec<(String, String)> {
    let begins = |line: &str| line.find("{\"done\"").map(|at| line[at..].to_owned());
    let values = said
        .lines()
        .filter_map(begins)
        .filter_map(|text| serde_json::Deserializer::from_str(&text).into_iter::<Value>().next()?.ok());
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    values.map(|value| (word(&value, "done"), word(&value, "seen"))).collect()
}

fn passed(said: &str) -> u64 {
    let results =
        said.lines().filter_map(|line| line.split_once("test result: ok. ")?.1.split_once(" passed"));
    results.filter_map(|(count, _)| count.parse::<u64>().ok()).sum()
}

fn text(finding: &Finding) -> String {
    let mut text = format!("{:<11} {:<15} {}", finding.id, finding.verdict, finding.what);
    if finding.seconds > 0 {
        let _ = write!(text, " ({} s)", finding.seconds);
    }
    text.push('\n');
    for (done, seen) in &finding.told {
        if !done.is_empty() {
            let _ = writeln!(text, "            done: {done}");
        }
        let _ = writeln!(text, "            seen: {seen}");
    }
    text
}

fn to_json(findings: &[Finding], took: Duration) -> Value {
    let rows: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let told: Vec<Value> =
                finding.told.iter().map(|(done, seen)| json!({ "done": done, "seen": seen })).collect();
            json!({ "row": finding.id, "what": finding.what, "verdict": finding.verdict, "told": told, "seconds": finding.seconds })
        })
        .collect();
    json!({ "rows": rows, "seconds": took.as_secs() })
}

#[cfg(test)]
mod tests {
    use super::{Options, ROWS, passed, told_in};

    fn parse(line: &str) -> anyhow::Result<Options> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn rows_are_chosen_by_name_and_an_unknown_one_is_refused() {
        let options = parse("REL-3 --quick wire --json x").unwrap();
        assert!(options.quick && options.wants("REL-3") && options.wants("wire") && !options.wants("REL-1"));
        assert!(parse("").unwrap().wants("REL-1"));
        assert!(parse("REL-99").is_err() && parse("--fast").is_err() && parse("--json").is_err());
    }

    #[test]
    fn every_fault_of_the_threat_model_has_a_row() {
        let known = |number: &u32| *number == 18 || ROWS.iter().any(|row| row.id == format!("REL-{number}"));
        assert!((1..=20).all(|number| known(&number)));
    }

    #[test]
    fn what_a_test_counted_is_found_also_behind_its_name() {
        let said = "test a ... {\"done\":\"x\",\"row\":\"REL-1\",\"seen\":\"y\"}\nok\nother\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored\ntest result: ok. 0 passed; 0 failed";
        assert_eq!(told_in(said), [("x".to_owned(), "y".to_owned())]);
        assert_eq!(passed(said), 2);
    }
}
