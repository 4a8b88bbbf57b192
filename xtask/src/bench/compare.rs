//! `cargo xtask bench compare A.json B.json`: whether two runs say the same. Ratios do on one machine, lone figures need not.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::figures::short;

/// How far two runs may lie apart.
const APART: f64 = 0.15;

/// One goal in both runs.
struct Pair {
    what: String,
    first: f64,
    second: f64,
    /// Whether it is a ratio.
    is_ratio: bool,
}

impl Pair {
    fn apart(&self) -> f64 {
        (self.second / self.first - 1.0).abs()
    }

    fn agrees(&self) -> bool {
        self.apart() <= APART
    }
}

pub(crate) fn run(words: &[String]) -> Result<()> {
    let [first, second] = words else { bail!("say which two: `cargo xtask bench compare A.json B.json`") };
    let pairs = pairs(&read(first)?, &read(second)?)?;
    println!("{:<78}{:>10}{:>10}{:>9}", "", "first", "second", "apart");
    for pair in &pairs {
        let note = match (pair.agrees(), pair.is_ratio) {
            (true, _) => "",
            (false, true) => "  TOO FAR",
            (false, false) => "  no ratio, so it need not agree",
        };
        let (first, second) = (short(pair.first), short(pair.second));
        println!("{:<78}{first:>10}{second:>10}{:>7.0} %{note}", pair.what, pair.apart() * 100.0);
    }
    let far = pairs.iter().filter(|pair| pair.is_ratio && !pair.agrees()).count();
    let ratios = pairs.iter().filter(|pair| pair.is_ratio).count();
    match far {
        0 => {
            println!("\nall {ratios} ratios agree within {:.0} %", APART * 100.0);
            Ok(())
        }
        far => bail!("{far} of {ratios} ratios lie more than {:.0} % apart", APART * 100.0),
    }
}

fn read(file: &str) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{file} is not what `cargo xtask bench --json` writes"))
}

/// What both have. One that only one of them has is an error: two different runs cannot be compared.
fn pairs(first: &Value, second: &Value) -> Result<Vec<Pair>> {
    let goals = |report: &Value| report["goals"].as_array().cloned().context("there are no goals in it");
    let (first, second) = (goals(first)?, goals(second)?);
    if first.len() != second.len() {
        bail!("one has {} goals, and the other {}: they are of different runs", first.len(), second.len());
    }
    let pair = |goal: &Value| {
        let what = goal["what"].as_str().context("a goal has no name")?;
        let other = second.iter().find(|other| other["what"] == goal["what"]);
        let other = other.with_context(|| format!("only one has `{what}`"))?;
        let value = |goal: &Value| goal["value"].as_f64().with_context(|| format!("`{what}` has no value"));
        let is_ratio = goal["unit"].as_str().is_some_and(str::is_empty);
        Ok(Pair { what: what.to_owned(), first: value(goal)?, second: value(other)?, is_ratio })
    };
    first.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(goals: &[(&str, f64, &str)]) -> Value {
        let goals =
            goals.iter().map(|(what, value, unit)| json!({ "what": what, "value": value, "unit": unit }));
        json!({ "goals": goals.collect::<Vec<_>>() })
    }

    #[test]
    fn two_runs_agree_when_no_ratio_lies_far_from_its_other() {
        let first = report(&[("a", 1.0, ""), ("b", 0.6, ""), ("c", 10.0, "ms")]);
        let second = report(&[("c", 20.0, "ms"), ("a", 1.14, ""), ("b", 0.7, "")]);
        let agree: Vec<_> = pairs(&first, &second).unwrap().iter().map(Pair::agrees).collect();
        assert_eq!(agree, [true, false, false]);
    }

    #[test]
    fn different_runs_are_not_compared() {
        let all = report(&[("a", 1.0, ""), ("b", 1.0, "")]);
        for other in [report(&[("a", 1.0, "")]), report(&[("a", 1.0, ""), ("x", 1.0, "")]), json!({})] {
            assert!(pairs(&all, &other).is_err());
        }
    }
}
