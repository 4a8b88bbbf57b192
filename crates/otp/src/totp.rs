//! RFC 6238: the clock as the counter. What is done with the counter is in `hotp.rs`.

use crate::hotp::Keyed;
use crate::{Code, Key};
use subtle::{Choice, ConditionallySelectable};

/// The most steps that [`verify`] and [`search`] look to either side, whatever they are told: a day at 30
/// seconds. It bounds the work when a setting is absurd.
pub const FARTHEST: i64 = 2_880;

/// The number of periods since 1970 at some moment: what a code belongs to, and what is spent when it is
/// used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(i64);

impl Step {
    /// The step of a moment. Before 1970 steps are negative; a period of 0 counts as 1.
    pub fn at(unix_seconds: i64, period: u32) -> Step {
        Step(unix_seconds.div_euclid(i64::from(period.max(1))))
    }

    /// Its number, to be stored and compared.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The counter for RFC 4226: negative steps in two's complement, which no app computes, but nothing
    /// panics.
    fn counter(self) -> u64 {
        self.0.cast_unsigned()
    }

    fn plus(self, steps: i64) -> Step {
        Step(self.0.saturating_add(steps))
    }
}

/// The code that an authenticator with a right clock shows at this moment.
pub fn code(key: &Key, unix_seconds: i64) -> Code {
    Keyed::new(key).code(Step::at(unix_seconds, key.period()).counter())
}

/// The step `code` belongs to, if it lies within `drift` steps of now.
///
/// Returns the step, not `true`, so that the caller can refuse it a second time (RFC 6238, section 5.2). If
/// two fit, the newest is meant, so that nothing older can be used after it. Every step of the window is
/// computed, whichever fits, so the time taken tells nothing. A code with more or fewer digits than the key's
/// never fits. A negative drift counts as 0.
pub fn verify(key: &Key, code: &Code, unix_seconds: i64, drift: i64) -> Option<Step> {
    let (keyed, now) = (Keyed::new(key), Step::at(unix_seconds, key.period()));
    let drift = drift.clamp(0, FARTHEST);
    let (mut found, mut step) = (Choice::from(0), 0);
    for candidate in now.plus(-drift).0..=now.plus(drift).0 {
        let fits = keyed.fits(Step(candidate).counter(), code);
        step.conditional_assign(&candidate, fits);
        found |= fits;
    }
    bool::from(found).then_some(Step(step))
}

/// The step `code` belongs to, if it is one of those that lie `offsets` steps from now: negative in the past.
///
/// For a phone whose clock is known to be off (RFC 6238, section 6). Like [`verify`] it computes every step, and of two
/// that fit means the newest. An offset farther away than [`FARTHEST`] counts as that far.
pub fn verify_at(key: &Key, code: &Code, unix_seconds: i64, offsets: &[i64]) -> Option<Step> {
    let (keyed, now) = (Keyed::new(key), Step::at(unix_seconds, key.period()));
    let (mut found, mut step) = (Choice::from(0), i64::MIN);
    for offset in offsets {
        let candidate = now.plus((*offset).clamp(-FARTHEST, FARTHEST)).0;
        let fits = keyed.fits(Step(candidate).counter(), code) & Choice::from(u8::from(candidate > step));
        step.conditional_assign(&candidate, fits);
        found |= fits;
    }
    bool::from(found).then_some(Step(step))
}

/// The step of the second of two codes in a row, if there is one within `farthest` steps of now: what two codes prove
/// about a clock that one cannot (RFC 4226, section 7.4).
///
/// A pair of six digits each fits by chance with a probability of (2 × `farthest` + 1) in 10¹².
pub fn resync(key: &Key, (first, second): (&Code, &Code), unix_seconds: i64, farthest: i64) -> Option<Step> {
    let (keyed, now) = (Keyed::new(key), Step::at(unix_seconds, key.period()));
    let farthest = farthest.clamp(0, FARTHEST);
    let (mut found, mut step) = (Choice::from(0), 0);
    for candidate in now.plus(-farthest).0..=now.plus(farthest).0 {
        let before = Step(candidate).plus(-1);
        let fits = keyed.fits(before.counter(), first) & keyed.fits(Step(candidate).counter(), second);
        step.conditional_assign(&candidate, fits);
        found |= fits;
    }
    bool::from(found).then_some(Step(step))
}

/// How many steps away from now the nearest moment is at which `code` would have been right: negative in the
/// past.
///
/// It never lets anyone in: it explains a refused code ("your phone is 90 seconds slow"). Looks `past` steps
/// back and `future` steps ahead, each up to [`FARTHEST`]; what lies in the future is a code that will still
/// be good, so ask for it only on behalf of someone who may know. Of two equally near, the past one is named.
pub fn search(key: &Key, code: &Code, unix_seconds: i64, past: i64, future: i64) -> Option<i64> {
    let (keyed, now) = (Keyed::new(key), Step::at(unix_seconds, key.period()));
    let (past, future) = (past.clamp(0, FARTHEST), future.clamp(0, FARTHEST));
    let (mut found, mut offset) = (Choice::from(0), 0);
    // From the farthest to the nearest, so that the last one to fit is the nearest.
    for distance in (0..=past.max(future)).rev() {
        let sides = [(distance, future), (-distance, past)];
        for (candidate, _) in sides.into_iter().filter(|(_, limit)| distance <= *limit) {
            let fits = keyed.fits(now.plus(candidate).counter(), code);
            offset.conditional_assign(&candidate, fits);
            found |= fits;
        }
    }
    bool::from(found).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digits, Secret};

    const NOW: i64 = 1_750_000_000;

    fn key() -> Key {
        Key::new(Secret::from_bytes(b"12345678901234567890").unwrap())
    }

    #[test]
    fn a_code_fits_exactly_within_the_drift_and_names_its_step() {
        let key = key();
        for offset in -4..=4_i64 {
            let code = code(&key, NOW + offset * 30);
            let expected = (offset.abs() <= 1).then_some(Step::at(NOW + offset * 30, 30));
            assert_eq!(verify(&key, &code, NOW, 1), expected, "{offset} steps away");
        }
        assert_eq!(verify(&key, &code(&key, NOW - 30), NOW, 0), None);
        assert_eq!(verify(&key, &code(&key, NOW - 30), NOW, -5), None);
        assert_eq!(verify(&key, &code(&key, NOW), NOW, -5), Some(Step::at(NOW, 30)));
    }

    #[test]
    fn a_code_fits_at_the_offsets_that_are_asked_for_and_at_no_other() {
        let key = key();
        for offset in -5..=5_i64 {
            let code = code(&key, NOW + offset * 30);
            let expected = [-4, -3, 0].contains(&offset).then_some(Step::at(NOW + offset * 30, 30));
            assert_eq!(verify_at(&key, &code, NOW, &[-3, -4, 0]), expected, "{offset} steps away");
        }
        assert_eq!(verify_at(&key, &code(&key, NOW), NOW, &[]), None);
    }

    #[test]
    fn two_codes_in_a_row_find_a_clock_and_any_other_two_do_not() {
        let (key, at) = (key(), |offset: i64| code(&key(), NOW + offset * 30));
        for offset in -22..=22_i64 {
            let found = resync(&key, (&at(offset - 1), &at(offset)), NOW, 20);
            let expected = (offset.abs() <= 20).then_some(Step::at(NOW + offset * 30, 30));
            assert_eq!(found, expected, "{offset} steps away");
        }
        for (first, second) in [(0, 0), (1, 0), (0, 2), (-3, -1)] {
            assert_eq!(resync(&key, (&at(first), &at(second)), NOW, 20), None, "{first}, {second}");
        }
    }

    #[test]
    fn steps_count_whole_periods_on_both_sides_of_1970() {
        assert_eq!([-31, -30, -1, 0, 29, 30].map(|at| Step::at(at, 30).number()), [-2, -1, -1, 0, 0, 1]);
        assert_eq!(Step::at(7, 0), Step::at(7, 1));
        assert!(Step::at(29, 30) < Step::at(30, 30));
    }

    #[test]
    fn of_two_steps_with_the_same_code_verify_names_the_newest_and_search_the_nearest() {
        let key = key();
        let codes: Vec<_> = (0..3_000).map(|step| code(&key, step * 30).reveal()).collect();
        let (old, new) = (0..codes.len())
            .find_map(|old| {
                (old + 1..codes.len()).find(|&new| codes[old] == codes[new]).map(|new| (old, new))
            })
            .unwrap();
        let (old, new) = (old as i64, new as i64);
        let code = code(&key, old * 30);
        let reach = new - old + 1;
        assert_eq!(verify(&key, &code, old * 30, reach), Some(Step(new)));
        assert_eq!(search(&key, &code, (old + 1) * 30, reach, reach), Some(-1));
        assert_eq!(search(&key, &code, (new - 1) * 30, reach, reach), Some(1));
        assert_eq!(search(&key, &code, (new - 1) * 30, reach, 0), Some(old - new + 1));
    }

    #[test]
    fn of_two_equally_near_search_names_the_past_one() {
        let key = key();
        let codes: Vec<_> = (0..4_000).map(|step| code(&key, step * 30).reveal()).collect();
        let (old, new) = (0..codes.len())
            .find_map(|old| {
                (old + 2..codes.len()).step_by(2).find(|&new| codes[old] == codes[new]).map(|new| (old, new))
            })
            .unwrap();
        let (reach, middle) = ((new - old) as i64 / 2, (old + new) as i64 / 2);
        assert_eq!(search(&key, &code(&key, old as i64 * 30), middle * 30, reach, reach), Some(-reach));
    }

    #[test]
    fn search_looks_as_far_as_told_on_each_side() {
        let key = key();
        for offset in [-10_i64, -3, 0, 3, 10] {
            let code = code(&key, NOW + offset * 30);
            assert_eq!(search(&key, &code, NOW, 10, 10), Some(offset));
            assert_eq!(search(&key, &code, NOW, 10, 2), (offset <= 2).then_some(offset));
            assert_eq!(search(&key, &code, NOW, 2, 10), (offset >= -2).then_some(offset));
        }
    }

    #[test]
    fn codes_with_another_number_of_digits_never_fit() {
        let key = key();
        let eight = key.clone().with_digits(Digits::EIGHT);
        assert_eq!(verify(&key, &code(&eight, NOW), NOW, 1), None);
        assert_eq!(search(&key, &code(&eight, NOW), NOW, 9, 9), None);
        // Even a code that has the same value with more zeros before it.
        let padded = Code::parse(&format!("0{}", *code(&key, NOW).reveal())).unwrap();
        assert_eq!(verify(&key, &padded, NOW, 1), None);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let key = key().with_period(1).unwrap();
        for at in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            let code = code(&key, at);
            assert_eq!(verify(&key, &code, at, 1), Some(Step(at)));
            assert_eq!(search(&key, &code, at, 1, 1), Some(0));
            assert!(verify(&key, &code, at, i64::MAX).is_some());
            assert!(search(&key, &code, at, i64::MAX, i64::MIN).is_some());
        }
    }
}
