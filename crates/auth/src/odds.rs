//! What somebody has who guesses as fast as the budgets allow: how many guesses, and how likely one of them is right. Follows
//! from the settings and from `auth/limits.rs`; `latchkey doctor` prints it, and docs/codes.md states it.

use crate::config::{Config, Factors};
use crate::limits::{FORGOTTEN_AFTER, IN_A_ROW, Kind};

/// Steps at which a code is taken: the present one and one on either side.
const WINDOW: f64 = 3.0;
/// Codes that there are. Authenticators with eight digits do better.
const CODES: f64 = 1e6;
/// Recovery codes somebody has, and how many there could be.
const RECOVERY_CODES: f64 = 10.0;
const RECOVERY_WORDS: f64 = (1_u128 << 80) as f64;

/// What is guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The code, by somebody who knows the password already.
    CodeAfterPassword,
    /// The code where a name and a code are enough, by somebody who knows the name.
    CodeAlone,
    /// A recovery code, by somebody who may give one.
    Recovery,
}

/// So many guesses, and how likely one of them is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guesses {
    /// How many at most.
    pub count: i64,
    /// At most so likely, between 0 and 1.
    pub chance: f64,
}

/// The odds of somebody who guesses at one authenticator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    /// In the first day.
    pub first_day: Guesses,
    /// In each day after it.
    pub later_day: Guesses,
    /// Until a hundred in a row close it; `None` where that many do not.
    pub run: Option<Guesses>,
}

impl Target {
    /// The weakest way in that the settings leave to somebody who has all but a code.
    pub fn of(config: &Config) -> Target {
        match config.factors {
            Factors::PasswordAndCode => Target::CodeAfterPassword,
            Factors::Code => Target::CodeAlone,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Target::CodeAfterPassword => Kind::Code,
            Target::CodeAlone => Kind::CodeAlone,
            Target::Recovery => Kind::Recovery,
        }
    }

    /// How likely one guess is right.
    fn chance(self) -> f64 {
        match self {
            Target::CodeAfterPassword | Target::CodeAlone => WINDOW / CODES,
            Target::Recovery => RECOVERY_CODES / RECOVERY_WORDS,
        }
    }

    /// The odds against one authenticator, or one person's recovery codes.
    pub fn odds(self) -> Odds {
        let [first, second] = guesses_of_two_days(self.kind());
        let closes = (self != Target::Recovery).then(|| self.guesses(IN_A_ROW));
        Odds { first_day: self.guesses(first), later_day: self.guesses(second), run: closes }
    }

    fn guesses(self, count: i64) -> Guesses {
        // No two guesses can be right for the same reason, so the chances add up.
        Guesses { count, chance: (self.chance() * count as f64).min(1.0) }
    }
}

impl Guesses {
    /// How likely it is that one of `many` authenticators is hit, when all are guessed at so often.
    pub fn at_any_of(self, many: i64) -> f64 {
        -f64::exp_m1(f64::ln_1p(-self.chance) * many as f64)
    }
}

/// A chance in words: `1 in 9,804`, or `26 in 100` when it is that likely.
pub fn in_words(chance: f64) -> String {
    if chance <= 0.0 {
        return "never".to_owned();
    }
    if chance > 0.05 {
        return format!("{:.0} in 100", 100.0 * chance);
    }
    let times = 1.0 / chance;
    if times >= 1e15 {
        return format!("less than 1 in 10^{}", times.log10().floor());
    }
    let digits = format!("{times:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("1 in {text}")
}

/// How many guesses fit into each of the first two days, when every one is made as soon as it may be.
fn guesses_of_two_days(kind: Kind) -> [i64; 2] {
    let schedule = kind.schedule();
    let (mut at, mut failures, mut days) = (0, 0, [0, 0]);
    while at < 2 * FORGOTTEN_AFTER {
        failures += 1;
        days[usize::from(at >= FORGOTTEN_AFTER)] += 1;
        let doublings = failures - schedule.rests_from;
        if doublings >= 0 {
            at += (schedule.first_rest << doublings.min(20)).min(schedule.longest_rest);
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn the_numbers_are_those_that_the_pages_for_operators_state() {
        let page = include_str!("../../../docs/codes.md");
        for target in [Target::CodeAfterPassword, Target::CodeAlone] {
            let odds = target.odds();
            let run = odds.run.expect("a hundred close it");
            let cells = [
                odds.first_day.count.to_string(),
                in_words(odds.first_day.chance),
                odds.later_day.count.to_string(),
                format!("{}, {}", run.count, in_words(run.chance)),
            ];
            let row = format!("| {} |", cells.join(" | "));
            assert!(page.contains(&row), "docs/codes.md does not state {row}");
        }
        for people in [10, 100, 1000, 10_000] {
            let any = |guesses: Guesses| in_words(guesses.at_any_of(people));
            let [alone, after] = [Target::CodeAlone.odds(), Target::CodeAfterPassword.odds()];
            let run = |odds: Odds| any(odds.run.expect("a hundred close it"));
            let cells = [any(after.first_day), run(after), any(alone.first_day), run(alone)].join(" | ");
            let row = format!("| {people} | {cells} |");
            assert!(page.contains(&row), "docs/codes.md does not state {row}");
        }
        let first = Target::Recovery.odds().first_day;
        let sentence = format!("{} guesses in the first day, {}", first.count, in_words(first.chance));
        assert!(page.contains(&sentence), "docs/codes.md does not state {sentence}");
    }

    #[test]
    fn the_schedule_allows_as_many_guesses_as_were_counted_by_hand() {
        // Five at once, then after 30, 90, 210, 450, 930, 1890, 3810 and 7410 seconds, then every hour.
        assert_eq!(guesses_of_two_days(Kind::Code), [34, 24]);
        // Three at once, then after 60, 180, 420, 900, 1860, 3780 and 7380 seconds, then every hour.
        assert_eq!(guesses_of_two_days(Kind::CodeAlone), [31, 24]);
    }

    #[test]
    fn chances_are_said_as_people_say_them() {
        let cases = [
            (0.2592, "26 in 100"),
            (0.05, "1 in 20"),
            (1.02e-4, "1 in 9,804"),
            (3e-7, "1 in 3,333,333"),
            (0.0, "never"),
        ];
        for (chance, words) in cases {
            assert_eq!(in_words(chance), words);
        }
        assert_eq!(in_words(2.8e-22), "less than 1 in 10^21");
    }

    #[test]
    fn of_many_random_guesses_as_many_are_right_as_is_stated() {
        // Every guess of a round is at a code of its own, as of a robot that does not repeat itself within a step. Codes are
        // few here, so that a run of chance shows what a million would take years to: 3 of 5,000 are right, and 34 are tried.
        let (space, tried, rounds) = (5_000_u64, 34_u64, 100_000_u64);
        let random = Random::seeded(20);
        let draw = || u64::from_le_bytes(*random.bytes::<8>()) % space;
        let hits = (0..rounds).filter(|_| {
            let right = [draw(), draw(), draw()];
            let first = draw();
            (0..tried).any(|n| right.contains(&((first + n * 7) % space)))
        });
        let (hits, chance) = (hits.count() as f64, WINDOW / space as f64 * tried as f64);
        let (expected, spread) = (chance * rounds as f64, (rounds as f64 * chance * (1.0 - chance)).sqrt());
        // Codes that coincide make it a little less likely, which is why it is a bound: 2 percent of it.
        assert!(
            (hits - expected).abs() < 3.0 * spread + 0.02 * expected,
            "{hits} of {rounds}, expected {expected:.0}"
        );
        let of_many = Guesses { count: 1, chance }.at_any_of(100);
        assert!((of_many - (1.0 - (1.0 - chance).powi(100))).abs() < 1e-12);
    }
}
