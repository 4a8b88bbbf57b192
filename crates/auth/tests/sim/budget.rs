//! How often somebody may guess, computed from the rules alone: four wrong ones rest nothing, the fifth thirty seconds, then
//! it doubles to an hour; of codes without a password the third rests a minute.

use std::collections::BTreeMap;

use crate::model::Verdict;

/// Acts overlap by so much at most, and the clocks of two nodes differ by less: an order that is closer says nothing.
const BLUR: i64 = 15_000;

/// Wrong ones since the last that was forgiven, by kind and name.
#[derive(Default)]
pub(crate) struct Budgets {
    kept: BTreeMap<(&'static str, String), Budget>,
    /// How many passwords are being compared now. They were charged before a sign-in that forgives everything now, and what
    /// they are given back is then another's: each is worth one guess to whoever guesses.
    pub(crate) comparing: usize,
}

#[derive(Default)]
struct Budget {
    /// When they were judged, in Unix milliseconds.
    wrong: Vec<i64>,
    /// Those that need not be charged.
    allowed: usize,
}

impl Budgets {
    /// A wrong one was judged.
    pub(crate) fn wrong(&mut self, kind: &'static str, name: &str, at: i64) -> Verdict {
        let Budget { wrong, allowed } = self.kept.entry((kind, name.to_lowercase())).or_default();
        let (from, first) = if kind == "code_alone" { (3, 60_000) } else { (5, 30_000_i64) };
        if let (Some(last), Some(doubled)) = (wrong.last(), wrong.len().checked_sub(from + *allowed)) {
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
            let allowed = if *kind == "password" { self.comparing } else { 0 };
            self.kept.insert((*kind, name.to_lowercase()), Budget { wrong: Vec::new(), allowed });
        }
    }

    /// How many of a kind have to be charged, whosever they are.
    pub(crate) fn charged(&self, kind: &str) -> usize {
        let of_kind = self.kept.iter().filter(|((of, _), _)| *of == kind);
        of_kind.map(|(_, budget)| budget.wrong.len().saturating_sub(budget.allowed)).sum()
    }
}
