//! What was measured, and what it is held against: a table for people, JSON for programs.

use serde_json::{Value, json};

use super::host::Host;
use super::load::median;

/// Everything that came of a run.
pub(crate) struct Report {
    host: Host,
    pub(crate) series: Vec<Series>,
    pub(crate) goals: Vec<Goal>,
}

/// One figure, as often as it was measured.
pub(crate) struct Series {
    /// What was done.
    pub(crate) what: String,
    /// By whom.
    pub(crate) who: String,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<f64>,
}

/// What was promised of a figure, or of the ratio of two.
pub(crate) struct Goal {
    pub(crate) what: String,
    /// What came out, as often as it was measured.
    pub(crate) values: Vec<f64>,
    pub(crate) limit: f64,
    /// Whether less is better.
    pub(crate) at_most: bool,
    /// Empty where it is a ratio.
    pub(crate) unit: &'static str,
}

impl Series {
    pub(crate) fn median(&self) -> f64 {
        median(self.values.iter().copied())
    }
}

impl Goal {
    /// The middle of what came out.
    pub(crate) fn value(&self) -> f64 {
        median(self.values.iter().copied())
    }

    pub(crate) fn is_met(&self) -> bool {
        if self.at_most { self.value() <= self.limit } else { self.value() >= self.limit }
    }

    /// For a table: `at least 0.7`.
    pub(crate) fn than(&self) -> String {
        format!("{} {}{}", if self.at_most { "at most" } else { "at least" }, self.limit, self.unit)
    }
}

/// Which series: what, who, and in which unit.
pub(crate) type Key<'a> = (&'a str, &'a str, &'static str);

impl Report {
    pub(crate) fn new(host: Host) -> Report {
        Report { host, series: Vec::new(), goals: Vec::new() }
    }

    /// Notes what one turn came to.
    pub(crate) fn note(&mut self, (what, who, unit): Key<'_>, value: f64) {
        let is_it = |series: &&mut Series| series.what == what && series.who == who && series.unit == unit;
        match self.series.iter_mut().find(is_it) {
            Some(series) => series.values.push(value),
            None => {
                let (what, who) = (what.to_owned(), who.to_owned());
                self.series.push(Series { what, who, unit, values: vec![value] });
            }
        }
    }

    fn values(&self, (what, who, unit): Key<'_>) -> Vec<f64> {
        let found =
            self.series.iter().find(|series| series.what == what && series.who == who && series.unit == unit);
        found.map(|series| series.values.clone()).unwrap_or_default()
    }

    /// Holds one figure against another of the same round: each ratio is one of two turns one after the other.
    pub(crate) fn judge(&mut self, what: &str, of: Key<'_>, to: Key<'_>, (limit, at_most): (f64, bool)) {
        let pairs = self.values(of).into_iter().zip(self.values(to));
        let values: Vec<f64> = pairs.map(|(of, to)| of / to).collect();
        self.judge_values(what, values, (limit, at_most, ""));
    }

    /// Holds a figure against a number.
    pub(crate) fn judge_alone(&mut self, what: &str, of: Key<'_>, (limit, at_most): (f64, bool)) {
        let (values, unit) = (self.values(of), of.2);
        self.judge_values(what, values, (limit, at_most, unit));
    }

    /// What was not measured in this run is not judged.
    fn judge_values(
        &mut self,
        what: &str,
        values: Vec<f64>,
        (limit, at_most, unit): (f64, bool, &'static str),
    ) {
        if !values.is_empty() {
            self.goals.push(Goal { what: what.to_owned(), values, limit, at_most, unit });
        }
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n", self.host.said());
        println!("{:<44}{:<34}{:>14}   {:<26}", "", "", "median", "lowest to highest");
        for series in &self.series {
            let (lowest, highest) = ends(&series.values);
            let spread = format!("{} to {}", short(lowest), short(highest));
            let median = format!("{}{}", short(series.median()), series.unit);
            println!("{:<44}{:<34}{median:>14}   {spread:<26}", series.what, series.who);
        }
        println!("\n{:<78}{:>10}   {:<20}{:<16}", "", "median", "lowest to highest", "goal");
        for goal in &self.goals {
            let (lowest, highest) = ends(&goal.values);
            let spread = format!("{} to {}", short(lowest), short(highest));
            let met = if goal.is_met() { "met" } else { "NOT MET" };
            let value = format!("{}{}", short(goal.value()), goal.unit);
            println!("{:<78}{value:>10}   {spread:<20}{:<16} {met}", goal.what, goal.than());
        }
        let met = self.goals.iter().filter(|goal| goal.is_met()).count();
        println!("\n{met} of {} goals are met", self.goals.len());
    }

    /// The goals for the docs, with the machine above.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "{}.\n\n| | median | lowest to highest | goal | |\n|---|---|---|---|---|\n",
            self.host.said()
        );
        for goal in &self.goals {
            let (lowest, highest) = ends(&goal.values);
            let (value, met) = (short(goal.value()), if goal.is_met() { "met" } else { "**not met**" });
            let spread = format!("{} to {}", short(lowest), short(highest));
            text +=
                &format!("| {} | {value}{} | {spread} | {} | {met} |\n", goal.what, goal.unit, goal.than());
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let series = |series: &Series| {
            json!({
                "what": series.what, "who": series.who, "unit": series.unit.trim(),
                "median": series.median(), "values": series.values,
            })
        };
        let goal = |goal: &Goal| {
            json!({
                "what": goal.what, "value": goal.value(), "values": goal.values, "unit": goal.unit.trim(),
                "limit": goal.limit, "at_most": goal.at_most, "met": goal.is_met(),
            })
        };
        json!({
            "machine": self.host.json(),
            "figures": self.series.iter().map(series).collect::<Vec<_>>(),
            "goals": self.goals.iter().map(goal).collect::<Vec<_>>(),
        })
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    let fold = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
    (fold(f64::min), fold(f64::max))
}

/// As many digits as say something.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_those_in_each_round() {
        let mut report = Report::new(Host::default());
        let (ours, theirs) = (("sign-in", "Latchkey", "/s"), ("sign-in", "bare", "/s"));
        // The second round was slow for everybody, and in the third somebody had bad luck.
        for (a, b) in [(60.0, 100.0), (6.0, 10.0), (20.0, 100.0)] {
            report.note(ours, a);
            report.note(theirs, b);
        }
        report.judge("beside bare", ours, theirs, (0.5, false));
        report.judge("beside nobody", ours, ("sign-in", "nobody", "/s"), (0.5, false));
        report.judge_alone("alone", ours, (10.0, true));
        let judged: Vec<_> = report.goals.iter().map(|goal| (goal.value(), goal.is_met())).collect();
        assert_eq!(judged, [(0.6, true), (20.0, false)], "and what was not measured is not judged");
        assert_eq!(report.goals[0].than(), "at least 0.5");
        assert_eq!(report.json()["goals"][1]["met"], false);
        assert!(
            report.markdown().contains("| beside bare | 0.60 | 0.20 to 0.60 | at least 0.5 | met |\n"),
            "{}",
            report.markdown()
        );
    }

    #[test]
    fn figures_have_as_many_digits_as_say_something() {
        assert_eq!([12_345.6, 45.67, 0.614].map(short), ["12346", "45.7", "0.61"]);
    }
}
