//! `cargo xtask bench`: what Latchkey does in a second, beside what others do and beside what cannot be had cheaper on the same machine
//! in the same minutes. Everybody is asked the same in turn; a goal is a ratio of two turns one after the other, since a machine's
//! speed drifts. Each operation has a file of its own below.

mod ask;
mod audit;
mod chart;
mod check;
mod compare;
mod contenders;
mod figures;
mod host;
mod load;
mod over_postgres;
mod password;
mod people;
mod pictures;
mod privacyidea;
mod program;
mod register;
mod search;
mod server;
mod sessions;
mod sign_in;
mod start;
mod tutorial;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::tools;
use crate::workspace::{target, timed};
use figures::Report;
use host::Host;
use program::Built;

/// Something that is measured: its name, and how.
struct Operation {
    name: &'static str,
    when: When,
    measure: fn(&Bench, &mut Report) -> Result<()>,
}

/// When something is measured that was not named. What was named always is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// It takes too long for trying.
    NotQuick,
    Never,
}

/// All of them, in their order: what writes comes after what only reads.
const OPERATIONS: [Operation; 12] = [
    operation("check", check::measure),
    operation("sessions", sessions::measure),
    operation("sign-in", sign_in::measure),
    operation("register", register::measure),
    operation("password", password::measure),
    operation("postgres", over_postgres::measure),
    operation("search", search::measure),
    Operation { name: "audit", when: When::NotQuick, measure: audit::measure },
    operation("qr", pictures::measure),
    operation("start", start::measure),
    operation("size", program::measure_size),
    Operation { name: "build", when: When::Never, measure: program::measure_build },
];

const fn operation(name: &'static str, measure: fn(&Bench, &mut Report) -> Result<()>) -> Operation {
    Operation { name, when: When::Always, measure }
}

/// What was asked for.
struct Asked {
    quick: bool,
    users: Vec<u64>,
    only: Vec<String>,
    file: Option<PathBuf>,
}

/// What every operation needs.
struct Bench {
    quick: bool,
    /// How many people, from few to many.
    users: Vec<u64>,
    /// Where everything lies that is made for measuring.
    place: PathBuf,
    built: Built,
}

impl Bench {
    /// How often each is measured in turn.
    fn rounds(&self) -> usize {
        if self.quick { 2 } else { 7 }
    }

    /// The same of what is far from one turn to the next.
    fn many_rounds(&self) -> usize {
        2 * self.rounds() + 1
    }

    /// For how many seconds each time.
    fn seconds(&self) -> f64 {
        if self.quick { 1.0 } else { 3.0 }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.built.program(name)
    }
}

/// Reads what followed `bench`, and does it.
pub(crate) fn run(words: &[String]) -> Result<()> {
    match words.first().map(String::as_str) {
        Some("check") => check::run(&words[1..]),
        Some("compare") => compare::run(&words[1..]),
        _ => all(&parse(words)?),
    }
}

fn all(asked: &Asked) -> Result<()> {
    tools::ensure(&tools::BENCH)?;
    let built = Built::now()?;
    let place = target()?.join("bench");
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    let bench = Bench { quick: asked.quick, users: asked.users.clone(), built, place };
    let mut report = Report::new(Host::look(&bench)?);
    let mut failed = Vec::new();
    for operation in chosen(asked) {
        println!("── {}", operation.name);
        let (measured, took) = timed(|| (operation.measure)(&bench, &mut report));
        // An hour of others is not lost with it, but it fails the whole.
        if let Err(error) = measured {
            println!("   `{}` could not be measured: {error:#}", operation.name);
            failed.push(operation.name);
        }
        println!("   {}: {:.0} s", operation.name, took.as_secs_f64());
        keep(&bench, asked, &report)?;
    }
    report.print();
    println!("\n{} has report.json, report.md and chart.svg", bench.place.display());
    if failed.is_empty() { Ok(()) } else { bail!("not everything could be measured: {}", failed.join(", ")) }
}

/// Writes down what is known so far.
fn keep(bench: &Bench, asked: &Asked, report: &Report) -> Result<()> {
    let write = |file: &Path, text: String| {
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    };
    let json = report.json().to_string();
    if let Some(file) = &asked.file {
        write(file, json.clone())?;
    }
    write(&bench.place.join("report.json"), json)?;
    write(&bench.place.join("report.md"), report.markdown())?;
    chart::draw(report, &bench.place.join("chart.svg"))
}

fn chosen(asked: &Asked) -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| match asked.only.is_empty() {
        true => operation.when == When::Always || (operation.when == When::NotQuick && !asked.quick),
        false => asked.only.iter().any(|only| only == operation.name),
    })
}

fn parse(words: &[String]) -> Result<Asked> {
    let mut asked = Asked { quick: false, users: Vec::new(), only: Vec::new(), file: None };
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--quick" => asked.quick = true,
            "--json" => asked.file = Some(rest.next().context("--json needs the name of a file")?.into()),
            "--users" => {
                let list = rest.next().context("--users needs numbers: --users 1000,100000")?;
                let numbers =
                    list.split(',').map(|number| number.parse::<u64>().context("--users needs numbers"));
                asked.users = numbers.collect::<Result<_>>()?;
            }
            "--only" => {
                while let Some(name) = rest.next_if(|word| !word.starts_with("--")) {
                    asked.only.push(name.clone());
                }
            }
            other => bail!(
                "{other} is not known here; there are `check`, `compare A.json B.json`, --quick, --users, --only and --json FILE"
            ),
        }
    }
    let names = OPERATIONS.map(|operation| operation.name);
    if let Some(unknown) = asked.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("there is no operation `{unknown}`; there are {}", names.join(", "));
    }
    if asked.users.is_empty() {
        asked.users = if asked.quick { vec![1000, 100_000] } else { vec![1000, 100_000, 1_000_000] };
    }
    asked.users.sort_unstable();
    asked.users.dedup();
    if asked.users.first().is_some_and(|fewest| *fewest < 1000) {
        bail!("fewer than 1000 people are too few to measure with");
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked> {
        parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_asked_for_is_understood_and_anything_else_refused() {
        let asked = parsed("--only check qr --quick --users 100000,1000 --json a.json").unwrap();
        assert_eq!(chosen(&asked).map(|operation| operation.name).collect::<Vec<_>>(), ["check", "qr"]);
        assert!(asked.quick && asked.users == [1000, 100_000] && asked.file.is_some());
        assert_eq!(parsed("").unwrap().users.last(), Some(&1_000_000));
        assert_eq!(chosen(&parsed("").unwrap()).count(), OPERATIONS.len() - 1);
        assert_eq!(chosen(&parsed("--quick").unwrap()).count(), OPERATIONS.len() - 2);
        assert_eq!(chosen(&parsed("--only build").unwrap()).count(), 1, "a cold build has to be asked for");
        for wrong in ["login", "--json", "--users", "--users many", "--users 10", "--only logins", "--fast"] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
