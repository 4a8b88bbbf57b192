//! Whether the clock can be believed. A clock that jumps would spend the steps of an hour that has not come yet, and who
//! signed in meanwhile would be kept out until it has; one that jumps back would let old codes be right once more.
//!
//! The clock is compared with one that only counts, from when the program started on. While the two disagree no code is
//! judged, and nothing is swept away as over. A time that holds for five minutes is believed, since clocks are also set right.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Moment;

/// Milliseconds beyond which it is a jump. A clock that is set right slowly moves by a few in a minute.
const JUMP: i64 = 15_000;
/// Milliseconds for which another time has to hold.
const HOLDS: i64 = 5 * 60_000;

/// What is known of the clock, shared by all clones.
#[derive(Clone, Debug)]
pub(crate) struct Steadiness(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    /// How far the clock is ahead of the one that counts. Followed while it moves slowly.
    ahead: i64,
    /// How far it is ahead since it jumped, and when that was first seen by the one that counts.
    jumped: Option<(i64, i64)>,
}

impl Steadiness {
    /// What the clock says now is believed.
    pub(crate) fn new(now: Moment) -> Steadiness {
        Steadiness(Arc::new(Mutex::new(Known { ahead: ahead(now), jumped: None })))
    }

    /// By how many milliseconds the clock has jumped; `None` while it is to be believed.
    pub(crate) fn jump(&self, now: Moment) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).jump(now)
    }
}

impl Known {
    fn jump(&mut self, now: Moment) -> Option<i64> {
        let ahead = ahead(now);
        if (ahead - self.ahead).abs() <= JUMP {
            (self.ahead, self.jumped) = (ahead, None);
            return None;
        }
        match self.jumped {
            Some((since_jump, seen)) if (ahead - since_jump).abs() <= JUMP => {
                if now.counted - seen >= HOLDS {
                    (self.ahead, self.jumped) = (ahead, None);
                    return None;
                }
            }
            _ => self.jumped = Some((ahead, now.counted)),
        }
        Some(ahead - self.ahead)
    }
}

fn ahead(now: Moment) -> i64 {
    now.shown.millis().saturating_sub(now.counted)
}

#[cfg(test)]
mod tests {
    use store::Time;

    use super::*;

    const START: i64 = 1_795_529_132_000;
    const HOUR: i64 = 3_600_000;

    /// So long after the start, with a clock that is so far off.
    fn at(counted: i64, off: i64) -> Moment {
        Moment { shown: Time::from_millis(START + counted + off), counted }
    }

    #[test]
    fn a_clock_that_jumps_is_not_believed_until_it_is_back_or_has_held_for_five_minutes() {
        for off in [HOUR, -HOUR, JUMP + 1, -JUMP - 1] {
            let clock = Steadiness::new(at(0, 0));
            assert_eq!(clock.jump(at(10_000, 0)), None);
            assert_eq!(clock.jump(at(20_000, off)), Some(off));
            assert_eq!(clock.jump(at(80_000, off)), Some(off));
            assert_eq!(clock.jump(at(80_001, 0)), None, "it is back");
            assert_eq!(clock.jump(at(100_000, off)), Some(off));
            assert_eq!(clock.jump(at(100_000 + HOLDS - 1, off)), Some(off));
            assert_eq!(clock.jump(at(100_000 + HOLDS, off)), None, "it was set");
            assert_eq!(clock.jump(at(100_001 + HOLDS, 0)), Some(-off), "and that time would be the jump now");
        }
    }

    #[test]
    fn a_clock_that_goes_on_jumping_is_never_believed() {
        let clock = Steadiness::new(at(0, 0));
        for minute in 1..100 {
            assert!(clock.jump(at(minute * 60_000, minute * HOUR)).is_some());
        }
    }

    #[test]
    fn a_clock_that_is_set_right_slowly_is_followed() {
        let clock = Steadiness::new(at(0, 0));
        // Five seconds a minute is the fastest that time daemons do it.
        for minute in 1..1000 {
            assert_eq!(clock.jump(at(minute * 60_000, minute * 5_000)), None);
        }
    }
}
