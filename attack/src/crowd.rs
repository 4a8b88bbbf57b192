//! Many at once.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use anyhow::{Context, Result};

/// Runs `work` in so many threads, which begin together once all have called the barrier. Answers what each came to.
pub(crate) fn together<T: Send>(
    many: usize,
    work: impl Fn(usize, &Barrier) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let barrier = Barrier::new(many);
    let (barrier, work) = (&barrier, &work);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..many)
            .map(|n| {
                // Whoever fails before the barrier would leave the others standing there, so each waits there exactly once.
                thread::Builder::new().stack_size(512 * 1024).spawn_scoped(scope, move || work(n, barrier))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread.context("starting a thread")?.join().ok().context("a thread has panicked")?
            })
            .collect()
    })
}

/// How often each of them came.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally(pub(crate) BTreeMap<u16, u64>);

impl Tally {
    pub(crate) fn add(&mut self, status: u16) {
        *self.0.entry(status).or_default() += 1;
    }

    pub(crate) fn of(&self, status: u16) -> u64 {
        self.0.get(&status).copied().unwrap_or(0)
    }

    pub(crate) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn sum(tallies: impl IntoIterator<Item = Tally>) -> Tally {
        let mut sum = Tally::default();
        for (status, count) in tallies.into_iter().flat_map(|tally| tally.0) {
            *sum.0.entry(status).or_default() += count;
        }
        sum
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        f.write_str(&words.join(", "))
    }
}
