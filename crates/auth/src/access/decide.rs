//! The decision: who may come through, by the first rule that fits. Pure: the same of the same rules, target, person and time.

use store::Time;

use super::path::Reading;
use super::person::{Needed, Person, Verdict};
use super::rule::{Fit, Policy, Rule};
use super::target::Target;

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is decided.
    pub verdict: Verdict,
    /// Which rule did, by its place in the list; `None` where none fits.
    pub rule: Option<usize>,
    /// What has to be proven, where somebody has to be signed in.
    pub needed: Option<Needed>,
    /// Refused because the path can be read in several ways, and is open to everybody in some of them only.
    pub ambiguous: bool,
    /// Whether the rule that decides takes tokens of whom it lets in.
    pub takes_tokens: bool,
}

impl Decision {
    const REFUSED: Decision = Decision {
        verdict: Verdict::Refuse,
        rule: None,
        needed: None,
        ambiguous: false,
        takes_tokens: false,
    };

    /// The stricter of two, and what meets both.
    fn stricter(self, other: Decision) -> Decision {
        let needed = Needed::both(self.needed, other.needed);
        let rank = |decision: &Decision| (decision.verdict, decision.needed.map(|needed| needed.level));
        let strict = if rank(&other) > rank(&self) { other } else { self };
        Decision { needed: needed.filter(|_| strict.verdict != Verdict::Refuse), ..strict }
    }
}

/// Decides. The first rule decides whose host, path, method and network fit, unless it names people and the person is none of
/// them; when there is none, nobody comes through.
///
/// A path that can be read in several ways gets the strictest decision of them all. Where it is open to everybody in some of
/// them only, it is refused.
pub fn decide(rules: &[Rule], target: &Target, person: Option<&Person<'_>>, now: Time) -> Decision {
    let asked = Asked { rules, target, person, now };
    let (mut open, mut closed, mut strictest) = (false, false, None::<Decision>);
    for (reading, decision) in asked.every_reading() {
        // Whether case counts says nothing of what was meant.
        if !reading.folded {
            *(if asked.is_open(&decision) { &mut open } else { &mut closed }) = true;
        }
        strictest = Some(strictest.map_or(decision, |strictest| strictest.stricter(decision)));
    }
    let decision = strictest.unwrap_or(Decision::REFUSED);
    if open && closed {
        Decision { ambiguous: true, rule: decision.rule, ..Decision::REFUSED }
    } else {
        decision
    }
}

/// Whether any rule names the host that is asked for, whatever it says of it.
pub fn knows(rules: &[Rule], target: &Target) -> bool {
    rules.iter().any(|rule| rule.names(target))
}

/// Who asks for what, and the rules.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) rules: &'a [Rule],
    pub(super) target: &'a Target,
    pub(super) person: Option<&'a Person<'a>>,
    pub(super) now: Time,
}

impl<'a> Asked<'a> {
    /// Each way to read the path, the canonical one first, and what it would be by itself.
    pub(super) fn every_reading(self) -> impl Iterator<Item = (Reading<'a>, Decision)> {
        let path = &self.target.path;
        path.readings().chain(path.folded()).map(move |reading| (reading, self.walk(reading)))
    }

    /// Goes through the rules for one way to read the path.
    fn walk(self, reading: Reading<'_>) -> Decision {
        let mut perhaps = None::<Decision>;
        for (number, rule) in self.rules.iter().enumerate() {
            let fit = rule.fit(self.target, reading);
            if !fit.is_possible() {
                continue;
            }
            let Some((verdict, needed)) = rule.says(self.person, self.now) else { continue };
            let takes_tokens = rule.takes_tokens();
            let decision =
                Decision { verdict, rule: Some(number), needed, takes_tokens, ..Decision::REFUSED };
            let decision = perhaps.map_or(decision, |perhaps| perhaps.stricter(decision));
            if fit == Fit::Fits {
                return decision;
            }
            perhaps = Some(decision);
        }
        perhaps.map_or(Decision::REFUSED, |perhaps| perhaps.stricter(Decision::REFUSED))
    }

    fn is_open(&self, decision: &Decision) -> bool {
        let by = decision.rule.and_then(|number| self.rules.get(number));
        decision.verdict == Verdict::Allow && by.is_some_and(|rule| rule.policy() == Policy::Bypass)
    }
}
