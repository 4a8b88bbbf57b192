//! How often somebody may guess, computed from the rules alone: four wrong ones rest nothing, the fifth thirty seconds, then
//! it doubles to an hour; of codes without a password the third rests a minute.

use std::collections::BTreeMap;

use crate::model::Verdict;

/// Acts overlap by so much at most, and the clocks of two nodes differ by less: an order that is closer says nothing.
const BLUR: i64 = 15_000;

/// When wrong ones were judged since the last that was forgiven, by kind and name, in Unix milliseconds.
#[derive(Default)]
pub(crate) struct Budgets(BTreeMap<(&'static str, String), Vec<i64>>);

impl Budgets {
    /// A wrong one was judged.
    pub(crate) fn wrong(&mut self, kind: &'static str, name: &str, at: i64) -> Verdict {
        let wrong = self.0.entry((kind, name.to_lowercase())).or_default();
        let (from, first) = if kind == "code_alone" { (3, 60_000) } else { (5, 30_000_i64) };
        if let (Some(last), Some(doubled)) = (wrong.last(), wrong.len().checked_sub(from)) {
            let rest = (first << doubled.min(20)).min(3_600_000);
            if at + BLUR < last + rest {
                let count = wrong.len();
                return Err(format!(
                    "the {kind} budget of {name} is exceeded: after {count} wrong ones the next was judged {} ms later",
                    at - last
                ));
            }
        }
        wrong.push(at);
        Ok(())
    }

    pub(crate) fn forgive(&mut self, kinds: &[&'static str], name: &str) {
        for kind in kinds {
            self.0.remove(&(*kind, name.to_lowercase()));
        }
    }

    /// How many of a kind have to be charged, whosever they are.
    pub(crate) fn charged(&self, kind: &str) -> usize {
        self.0.iter().filter(|((of, _), _)| *of == kind).map(|(_, wrong)| wrong.len()).sum()
    }
}
