//! `cargo xtask bench check`: what asking Latchkey costs, beside what cannot be had cheaper on the same machine in the same minutes.
//! A check of a session is held against axum that does nothing, and a file of nginx that has asked against one that has not.
//! What they are and how they are started is in `contenders.rs`, what asks them in `load.rs`.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Bench;
use super::contenders::{Contender, Field};
use super::figures::Report;
use super::load::{self, Run};
use crate::tools;

/// What an agreement says, and whether it is kept.
struct Bar {
    what: &'static str,
    ratio: f64,
    limit: f64,
    /// Whether less is better.
    at_most: bool,
}

/// How often each is measured in turn, and for how many seconds. Short turns, since a machine's speed drifts.
struct Turns {
    rounds: usize,
    seconds: u32,
}

/// What it is called among other operations.
const WHAT: &str = "session check, a core each, 32 at once";

/// Reads what followed `bench check`, measures, and fails when a bar is not met.
pub(super) fn run(words: &[String]) -> Result<()> {
    let (turns, file) = parse(words)?;
    tools::ensure(&tools::BENCH)?;
    let mut field = Field::open()?;
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); Contender::ALL.len()];
    // Whoever is asked for the first time connects, prepares and fills what it keeps.
    for contender in Contender::ALL {
        field.measure(contender, 1)?;
    }
    for round in 0..turns.rounds {
        for (contender, runs) in Contender::ALL.into_iter().zip(&mut runs) {
            runs.push(field.measure(contender, turns.seconds)?);
        }
        let last = runs.iter().filter_map(|runs| runs.last()).map(|run| format!("{:.0}", run.a_second));
        println!("{:>4} of {}: {} a second", round + 1, turns.rounds, last.collect::<Vec<_>>().join(", "));
    }
    drop(field);
    let bars = bars(&runs);
    print(&runs, &bars);
    if let Some(file) = file {
        fs::write(&file, json(&runs, &bars).to_string()).with_context(|| format!("writing {file}"))?;
    }
    match bars.iter().filter(|bar| !bar.is_met()).count() {
        0 => Ok(()),
        missed => bail!("{missed} of {} bars are not met", bars.len()),
    }
}

/// The same as one operation of many.
pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut field = Field::open()?;
    for contender in Contender::ALL {
        field.measure(contender, 1)?;
    }
    for round in 0..if bench.quick { 5 } else { 15 } {
        for contender in Contender::ALL {
            let run = field.measure(contender, if bench.quick { 1 } else { 2 })?;
            report.note((WHAT, contender.name(), "/s"), run.a_second);
            report.note((WHAT, contender.name(), " ms (p99)"), run.p99 / 1000.0);
        }
        println!("   round {}", round + 1);
    }
    let key = |contender: Contender| (WHAT, contender.name(), "/s");
    use Contender::{Asked, Check, File, Hello};
    report.judge("session check, beside bare axum", key(Check), key(Hello), (0.7, false));
    report.judge(
        "session check behind nginx, beside nginx that does not ask",
        key(Asked),
        key(File),
        (0.5, false),
    );
    Ok(())
}

fn parse(words: &[String]) -> Result<(Turns, Option<String>)> {
    let (mut turns, mut file) = (Turns { rounds: 15, seconds: 2 }, None);
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--quick" => turns = Turns { rounds: 5, seconds: 1 },
            "--json" => file = Some(rest.next().context("--json needs the name of a file")?.clone()),
            other => bail!("{other} is not known here; there are --quick and --json FILE"),
        }
    }
    Ok((turns, file))
}

impl Bar {
    fn is_met(&self) -> bool {
        if self.at_most { self.ratio <= self.limit } else { self.ratio >= self.limit }
    }
}

/// Each ratio is one of two that were measured one after the other; of these the median counts.
fn bars(runs: &[Vec<Run>]) -> Vec<Bar> {
    let ratio = |of: Contender, to: Contender, figure: fn(&Run) -> f64| {
        let pairs = runs[of as usize].iter().zip(&runs[to as usize]);
        load::median(pairs.map(|(of, to)| figure(of) / figure(to)))
    };
    use Contender::{Asked, Check, File, Hello};
    vec![
        Bar {
            what: "a check beside bare axum, requests a second",
            ratio: ratio(Check, Hello, |run| run.a_second),
            limit: 0.7,
            at_most: false,
        },
        Bar {
            what: "a check beside bare axum, 99th percentile",
            ratio: ratio(Check, Hello, |run| run.p99),
            limit: 2.0,
            at_most: true,
        },
        Bar {
            what: "nginx that asks beside nginx that does not, requests a second",
            ratio: ratio(Asked, File, |run| run.a_second),
            limit: 0.5,
            at_most: false,
        },
    ]
}

fn print(runs: &[Vec<Run>], bars: &[Bar]) {
    println!("\n{:<34}{:>12}{:>22}{:>12}", "", "requests/s", "lowest to highest", "p99");
    for (contender, runs) in Contender::ALL.into_iter().zip(runs) {
        let each = || runs.iter().map(|run| run.a_second);
        let (lowest, highest) = (each().fold(f64::INFINITY, f64::min), each().fold(0.0, f64::max));
        let (median, p99) = (load::median(each()), load::median(runs.iter().map(|run| run.p99)));
        let spread = format!("{lowest:.0} to {highest:.0}");
        println!(
            "{:<34}{median:>12.0}{spread:>22}{:>12}",
            contender.name(),
            format!("{:.2} ms", p99 / 1000.0)
        );
    }
    println!();
    for bar in bars {
        let (than, met) =
            (if bar.at_most { "at most" } else { "at least" }, if bar.is_met() { "met" } else { "NOT MET" });
        println!("{:<64}{:>6.3}   {than} {}: {met}", bar.what, bar.ratio, bar.limit);
    }
}

fn json(runs: &[Vec<Run>], bars: &[Bar]) -> serde_json::Value {
    let contender = |(contender, runs): (Contender, &Vec<Run>)| {
        let of = |figure: fn(&Run) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
        json!({
            "name": contender.name(),
            "requests_per_second": of(|run| run.a_second),
            "p99_microseconds": of(|run| run.p99),
        })
    };
    let bar = |bar: &Bar| json!({ "what": bar.what, "ratio": bar.ratio, "limit": bar.limit, "at_most": bar.at_most, "met": bar.is_met() });
    json!({
        "contenders": Contender::ALL.into_iter().zip(runs).map(contender).collect::<Vec<_>>(),
        "bars": bars.iter().map(bar).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse(&words("--quick --json figures.json")).is_ok() && parse(&[]).is_ok());
        for wrong in ["login", "--fast", "--json"] {
            assert!(parse(&words(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_ratio_is_the_median_of_those_in_each_round() {
        let figures = |all: [f64; 3]| all.map(|a_second| Run { a_second, p99: 10.0 }).to_vec();
        // The second round was slow for everybody, and in the third somebody had bad luck.
        let runs =
            [figures([100.0, 10.0, 100.0]), figures([75.0, 7.5, 20.0]), figures([9.0; 3]), figures([3.6; 3])];
        let bars = bars(&runs);
        assert_eq!(
            bars.iter().map(|bar| (bar.ratio * 100.0).round()).collect::<Vec<_>>(),
            [75.0, 100.0, 40.0]
        );
        assert_eq!(bars.iter().map(Bar::is_met).collect::<Vec<_>>(), [true, true, false]);
    }
}
