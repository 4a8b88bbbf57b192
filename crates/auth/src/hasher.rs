//! Argon2 on threads of its own, so that nothing else ever waits behind a hash; and who is in line for them.
//!
//! Each thread keeps the memory it hashes in. Whoever wants to hash gets a slot first and is charged for the try after: a queue that is
//! full costs nobody a try. There is a slot for each thread and one more for every four, so that no thread waits until the next one is
//! charged. Sign-ins go before registrations, and everything else that the process has to do before both.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;
use tokio::time::Instant;

use store::{Counter, Histogram, Spread};

use crate::password::{Bench, Cost, Password, Verified};
use crate::pepper::Peppers;
use crate::random::Random;
use crate::{Error, Result};

/// Sign-ins that may wait for a slot, and registrations.
const SIGN_INS: usize = 64;
const REGISTRATIONS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(3);

/// How far the threads stand back, as `nice` counts: whoever needs a core for some microseconds gets it at once, instead of after
/// the milliseconds that a hash may have it for. What nobody else wants is theirs.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Bounds of how long a hash takes, in microseconds.
const DURATIONS: &[i64] = &[5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000];

/// Who is in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Goes first.
    SignIn,
    /// Gets a slot when no sign-in waits.
    Registration,
}

#[derive(Default)]
struct Line {
    free: usize,
    sign_ins: VecDeque<oneshot::Sender<Slot>>,
    registrations: VecDeque<oneshot::Sender<Slot>>,
}

/// The threads that hash. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hasher {
    line: Arc<Mutex<Line>>,
    jobs: Sender<Job>,
    cost: Cost,
    done: Arc<AtomicU64>,
    slots: usize,
    durations: Arc<Histogram>,
    /// Who was turned away: sign-ins, and registrations.
    refused: [Counter; 2],
}

/// What goes on at the threads that hash.
#[derive(Clone, Debug)]
pub struct Hashing {
    /// A slot for each thread that hashes, and one more for every four.
    pub slots: usize,
    /// Slots that are taken.
    pub taken: usize,
    /// Who waits for a slot.
    pub waiting: [(&'static str, usize); 2],
    /// Who was turned away, since too many waited or for too long.
    pub refused: [(&'static str, u64); 2],
    /// How long hashes took, in microseconds.
    pub durations: Spread,
}

impl Lane {
    fn text(self) -> &'static str {
        match self {
            Lane::SignIn => "sign_in",
            Lane::Registration => "registration",
        }
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// The right to one hash. Goes back when dropped.
pub(crate) struct Slot(Option<Hasher>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(hasher) = self.0.take() {
            hasher.pass_on();
        }
    }
}

struct Job {
    slot: Slot,
    work: Work,
}

enum Work {
    Hash { password: Password, salt: [u8; 16], reply: oneshot::Sender<Option<String>> },
    Verify { password: Password, stored: Option<String>, salt: [u8; 16], reply: oneshot::Sender<Verified> },
}

impl Hasher {
    /// Starts `threads` threads.
    pub(crate) fn new(threads: usize, cost: Cost, peppers: Peppers) -> Result<Hasher> {
        let slots = threads + threads.div_ceil(4);
        let (jobs, queue) = bounded(slots);
        let done = Arc::<AtomicU64>::default();
        let durations = Arc::new(Histogram::new(DURATIONS));
        for n in 0..threads {
            let (queue, peppers, done) = (queue.clone(), peppers.clone(), done.clone());
            let durations = durations.clone();
            let builder = std::thread::Builder::new().name(format!("hash-{n}"));
            let bench = Bench::new(cost, peppers, done);
            builder.spawn(move || work(bench, &queue, &durations)).map_err(Error::broken)?;
        }
        let line = Arc::new(Mutex::new(Line { free: slots, ..Line::default() }));
        Ok(Hasher { line, jobs, cost, done, slots, durations, refused: Default::default() })
    }

    /// How many times Argon2 has run.
    pub(crate) fn hashes(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// What goes on.
    pub(crate) fn hashing(&self) -> Hashing {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let [sign_in, registration] = [Lane::SignIn, Lane::Registration].map(Lane::text);
        Hashing {
            slots: self.slots,
            taken: self.slots.saturating_sub(line.free),
            waiting: [(sign_in, line.sign_ins.len()), (registration, line.registrations.len())],
            refused: [(sign_in, self.refused[0].value()), (registration, self.refused[1].value())],
            durations: self.durations.spread(),
        }
    }

    /// A slot, after at most three seconds; `Busy` when too many wait already.
    pub(crate) async fn slot(&self, lane: Lane) -> Result<Slot> {
        let slot = self.wait(lane).await;
        slot.inspect_err(|_| self.refused[lane as usize].add(1))
    }

    async fn wait(&self, lane: Lane) -> Result<Slot> {
        let waiting = {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            if line.free > 0 {
                line.free -= 1;
                return Ok(Slot(Some(self.clone())));
            }
            let (waiting, most) = match lane {
                Lane::SignIn => (&mut line.sign_ins, SIGN_INS),
                Lane::Registration => (&mut line.registrations, REGISTRATIONS),
            };
            waiting.retain(|gone| !gone.is_closed());
            if waiting.len() >= most {
                return Err(Error::Busy);
            }
            let (ours, theirs) = oneshot::channel();
            waiting.push_back(ours);
            theirs
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(Error::Busy),
        }
    }

    /// Gives a slot that has become free to the next in line.
    fn pass_on(self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(next) = line.sign_ins.pop_front().or_else(|| line.registrations.pop_front()) else {
                line.free += 1;
                return;
            };
            // Somebody who has gone in the meantime is passed over; their slot must not come back to us by its drop.
            if let Err(mut refused) = next.send(Slot(Some(self.clone()))) {
                refused.0 = None;
                continue;
            }
            return;
        }
    }
}

impl Slot {
    /// The PHC string of a new password.
    pub(crate) async fn hash(self, password: Password, random: &Random) -> Result<String> {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Hash { password, salt: *random.bytes(), reply })?;
        answer
            .await
            .ok()
            .flatten()
            .ok_or_else(|| Error::Broken(anyhow::anyhow!("a password could not be hashed")))
    }

    /// Compares with a stored hash. Without one it costs the same, and is never right.
    pub(crate) async fn verify(
        self,
        password: Password,
        stored: Option<String>,
        random: &Random,
    ) -> Result<Verified> {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Verify { password, stored, salt: *random.bytes(), reply })?;
        answer.await.map_err(|_| Error::Broken(anyhow::anyhow!("a password could not be compared")))
    }

    fn submit(self, work: Work) -> Result<()> {
        let jobs = self.0.as_ref().expect("a slot is whole until it is dropped").jobs.clone();
        // There are never more slots than places in the queue.
        jobs.try_send(Job { slot: self, work }).map_err(|_| Error::Busy)
    }
}

/// What one thread does.
fn work(mut bench: Bench, jobs: &Receiver<Job>, durations: &Histogram) {
    // On Linux that is the calling thread, elsewhere it would be the process. Whoever stands back further already stays there.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::getpriority_process(None)
        .and_then(|here| rustix::process::setpriority_process(None, here.max(NICE)));
    for Job { slot, work } in jobs {
        let began = Instant::now();
        match work {
            Work::Hash { password, salt, reply } => {
                let hash = bench.phc(&password, &salt);
                durations.took(began.elapsed());
                let _ = reply.send(hash);
            }
            Work::Verify { password, stored, salt, reply } => {
                let verified = bench.verify(&password, stored.as_deref(), &salt);
                durations.took(began.elapsed());
                let _ = reply.send(verified);
            }
        }
        drop(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far a thread stands back, by its name: the nineteenth field of what the system says of it.
    #[cfg(target_os = "linux")]
    fn nice_of(thread: &str) -> Vec<i32> {
        let said = std::fs::read_dir("/proc/self/task").unwrap();
        let said = said.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let theirs = said.filter(|stat| stat.contains(&format!("({thread})")));
        theirs
            .map(|stat| stat.rsplit(") ").next().unwrap().split(' ').nth(16).unwrap().parse().unwrap())
            .collect()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn threads_that_hash_stand_back_behind_those_that_answer() {
        let here = rustix::process::getpriority_process(None).unwrap();
        let hasher = Hasher::new(2, Cost::default(), Peppers::default()).unwrap();
        // Whoever has hashed has begun, and the other thread begins as soon.
        let slot = hasher.slot(Lane::SignIn).await.unwrap();
        slot.verify(Password::new("x".to_owned()), None, &Random::seeded(1)).await.unwrap();
        assert!(nice_of("hash-0").contains(&NICE.max(here)) || nice_of("hash-1").contains(&NICE.max(here)));
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), here, "only those threads");
    }

    #[tokio::test]
    async fn sign_ins_go_before_registrations_and_a_full_line_is_an_answer() {
        let hasher = Hasher::new(1, Cost::default(), Peppers::default()).unwrap();
        let held = [hasher.slot(Lane::SignIn).await.unwrap(), hasher.slot(Lane::SignIn).await.unwrap()];
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |lane: Lane| {
            let (hasher, order) = (hasher.clone(), order.clone());
            tokio::spawn(async move {
                let slot = hasher.slot(lane).await?;
                order.lock().unwrap().push(lane);
                drop(slot);
                Ok::<_, Error>(())
            })
        };
        let registrations: Vec<_> = (0..REGISTRATIONS + 2).map(|_| wait(Lane::Registration)).collect();
        tokio::task::yield_now().await;
        let sign_ins: Vec<_> = (0..SIGN_INS + 3).map(|_| wait(Lane::SignIn)).collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
        let mut busy = (0, 0);
        for waiter in registrations {
            busy.0 += usize::from(waiter.await.unwrap().is_err());
        }
        for waiter in sign_ins {
            busy.1 += usize::from(waiter.await.unwrap().is_err());
        }
        assert_eq!(busy, (2, 3));
        let order = order.lock().unwrap();
        assert!(order[..SIGN_INS].iter().all(|lane| *lane == Lane::SignIn), "{order:?}");
    }
}
