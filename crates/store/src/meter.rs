//! What counting is done with: numbers that only grow, and how values are spread. Nothing depends on the order in which they grow,
//! so they are as cheap as counting can be. What is counted is up to whoever owns them; nothing here is global.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows. Clones are the same number.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it is now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts values by how large they are.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [i64],
    /// One for each bound, and one for what is beyond the last.
    counts: Vec<AtomicU64>,
    sum: AtomicI64,
}

impl Histogram {
    /// One that counts what is at most each of these, from the smallest on.
    pub fn new(bounds: &'static [i64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Histogram { bounds, counts, sum: AtomicI64::default() }
    }

    /// Counts a value.
    pub fn observe(&self, value: i64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts how long something took, in microseconds.
    pub fn took(&self, time: Duration) {
        self.observe(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    }

    /// What was counted so far.
    pub fn spread(&self) -> Spread {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Spread { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// How values were spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The bounds, from the smallest on.
    pub bounds: &'static [i64],
    /// How many values were at most each bound and above the one before; at last how many were above all.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_at_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[-1, 0, 10]);
        for value in [-7, -1, 0, 1, 10, 11, 1000] {
            histogram.observe(value);
        }
        let Spread { counts, sum, .. } = histogram.spread();
        assert_eq!((counts, sum), (vec![2, 1, 2, 2], 1014));
    }
}
