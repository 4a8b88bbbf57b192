//! The clock of a phone: how far it is off, as its codes teach, and which three steps are accepted therefore.
//!
//! Whatever is learned, a code is compared with three steps and no more, so that nobody who guesses gains by it. RFC 6238,
//! section 6.

/// The farthest a clock may be off, in steps: ten minutes at thirty seconds. Beyond, it has to be set.
pub(crate) const FARTHEST: i64 = 20;
/// So many codes in a row that speak for another drift change it by a step.
const CONVINCED: i64 = 3;

/// What is known of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    /// How many steps it is ahead; negative when it is behind.
    pub(crate) steps: i64,
    /// Codes in a row that speak for more, or for less when negative.
    pub(crate) votes: i64,
}

impl Drift {
    /// A clock that two codes in a row have proved to be off by so many steps.
    pub(crate) fn proved(steps: i64) -> Drift {
        Drift { steps: steps.clamp(-FARTHEST, FARTHEST), votes: 0 }
    }

    /// The three steps that are accepted, counted from now.
    ///
    /// While the clock is right within a step, its own and one on either side. When it is off by more: its own, the one
    /// before, since a code is typed after it is shown, and the present one, since somebody may have set the clock.
    pub(crate) fn window(self) -> [i64; 3] {
        let steps = self.steps.clamp(-FARTHEST, FARTHEST);
        if self.is_far() { [steps - 1, steps, 0] } else { [steps - 1, steps, steps + 1] }
    }

    /// What a code that was accepted `offset` steps from now teaches.
    pub(crate) fn learn(self, offset: i64) -> Drift {
        if self.is_far() {
            return if offset == 0 { Drift::proved(0) } else { self };
        }
        let votes = match (offset - self.steps).signum() {
            0 => 0,
            sign if sign == self.votes.signum() => self.votes + sign,
            sign => sign,
        };
        if votes.abs() == CONVINCED {
            // Not beyond a step: that is within the window already, and a window of a clock that is far off has gaps.
            Drift::proved((self.steps + votes.signum()).clamp(-1, 1))
        } else {
            Drift { steps: self.steps, votes }
        }
    }

    /// The steps beside the window of a clock that is far off. A code of one of them is refused, and moves the window.
    pub(crate) fn beside(self) -> Option<[i64; 2]> {
        self.is_far().then_some([self.steps - 2, self.steps + 1])
    }

    /// What a code that was refused beside the window teaches: the next one fits. Since that one is compared with three
    /// steps, too, nobody who guesses gains by it.
    pub(crate) fn move_to(self, offset: i64) -> Drift {
        Drift::proved(self.steps + (offset - self.steps).signum())
    }

    /// Off by more than is forgiven anyway.
    fn is_far(self) -> bool {
        self.steps.abs() > 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const RIGHT: Drift = Drift { steps: 0, votes: 0 };

    /// What a clock that is `off` seconds ahead shows, `typing` seconds before the server looks.
    fn offset(now: i64, off: i64, typing: i64) -> i64 {
        (now - typing + off).div_euclid(30) - now.div_euclid(30)
    }

    #[test]
    fn no_drift_widens_the_window_beyond_three_steps() {
        for steps in -100..=100 {
            let mut window = Drift { steps, votes: 0 }.window().to_vec();
            window.sort_unstable();
            window.dedup();
            assert_eq!(window.len(), 3, "{steps}");
            assert!(window.iter().all(|step| step.abs() <= FARTHEST + 1), "{steps}");
        }
    }

    #[test]
    fn three_codes_in_a_row_move_the_window_by_a_step() {
        let mut drift = RIGHT;
        for _ in 0..3 {
            assert_eq!(drift.window(), [-1, 0, 1]);
            drift = drift.learn(1);
        }
        assert_eq!(drift.window(), [0, 1, 2]);
        // One that speaks against begins the count again.
        let mut drift = RIGHT;
        for offset in [1, 1, 0, 1, 1, -1, 1, 1] {
            drift = drift.learn(offset);
        }
        assert_eq!(drift.steps, 0);
    }

    #[test]
    fn a_clock_within_half_a_minute_never_has_to_wait() {
        for off in -29..=29 {
            let mut drift = RIGHT;
            for now in (0..40_000).step_by(97) {
                let offset = offset(now, off, 0);
                assert!(drift.window().contains(&offset), "{off} s off at {now}: {offset} with {drift:?}");
                drift = drift.learn(offset);
            }
        }
    }

    #[test]
    fn a_clock_that_is_ninety_seconds_off_signs_in_and_goes_on_when_it_is_set() {
        for off in [-90, 90] {
            let mut drift = Drift::proved(off / 30);
            for now in (0..40_000).step_by(97) {
                let offset = offset(now, off, now % 25);
                assert!(drift.window().contains(&offset), "{off} s off at {now}: {offset} with {drift:?}");
                drift = drift.learn(offset);
            }
            // Somebody sets it: the code it shows now is right at once, and so are those typed late afterwards.
            assert!(drift.window().contains(&0));
            drift = drift.learn(0);
            assert_eq!(drift.window(), [-1, 0, 1]);
        }
    }

    /// Signs in with what the clock shows; answers whether it was refused, and what is known afterwards.
    fn sign_in(drift: Drift, offset: i64) -> (bool, Drift) {
        if drift.window().contains(&offset) {
            return (false, drift.learn(offset));
        }
        let beside = drift.beside().is_some_and(|beside| beside.contains(&offset));
        (true, if beside { drift.move_to(offset) } else { drift })
    }

    #[test]
    fn a_clock_that_is_off_by_anything_is_refused_once_at_most() {
        for off in -599..=599_i64 {
            // What two codes in a row have shown, at whatever moment they were typed.
            for began in [0, 11, 29] {
                let (mut drift, mut refused) = (Drift::proved(offset(began, off, 0)), 0);
                for now in (0..40_000).step_by(97) {
                    let (no, learned) = sign_in(drift, offset(now, off, 0));
                    refused += i32::from(no);
                    drift = learned;
                }
                assert!(refused <= 1, "{off} s off: refused {refused} times, {drift:?}");
            }
        }
    }

    #[test]
    fn a_clock_that_goes_on_losing_time_is_followed() {
        let (mut drift, mut refused) = (Drift::proved(-3), 0);
        for day in 0..180 {
            // A second a day, and a sign-in each day.
            let now = day * 86_400 + day * 7 % 30;
            let (no, learned) = sign_in(drift, offset(now, -90 - day, 0));
            refused += i32::from(no);
            drift = learned;
        }
        assert!(refused <= 6, "{refused} times in six steps, {drift:?}");
    }

    #[test]
    fn whoever_guesses_gains_nothing_by_what_was_learned() {
        // Whoever tries every code once finds as many right ones as the window has different codes: three in a million, or
        // fewer where two steps have the same.
        for steps in [0, 1, -2, 3, -3, 20] {
            let drift = Drift { steps, votes: 0 };
            let mut fitting = 0;
            for round in 0..1000_u64 {
                let code_of = |step: i64| {
                    let mixed = step.cast_unsigned().wrapping_add(round << 32);
                    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % 1_000_000
                };
                fitting += drift.window().map(code_of).into_iter().collect::<BTreeSet<_>>().len();
            }
            assert!((2990..=3000).contains(&fitting), "{steps} steps: {fitting} of a thousand million");
        }
    }
}
