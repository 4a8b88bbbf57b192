//! Passwords: the rules, and Argon2id (RFC 9106) on threads of its own, so that nothing else ever waits behind a hash.
//!
//! There are as many slots as threads, and each thread keeps the memory it hashes in. Whoever wants to hash gets a slot
//! first and is charged for the try after: a queue that is full costs nobody a try. Sign-ins go before registrations.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use crossbeam_channel::{Receiver, Sender, bounded};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::error::Rule;
use crate::random::Random;
use crate::{Error, Result};

/// Sign-ins that may wait for a slot, and registrations.
const SIGN_INS: usize = 64;
const REGISTRATIONS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(3);

/// A password as it was typed. Prints dots; wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// A password as it was typed, in Unicode's form NFC: the same key gives the same password on every keyboard.
    pub fn new(typed: String) -> Password {
        let typed = Zeroizing::new(typed);
        // A megabyte of combining marks is not worth normalizing: it is too long in any case.
        if typed.len() > 4096 { Password(typed) } else { Password(Zeroizing::new(typed.nfc().collect())) }
    }

    /// Whether somebody may choose this password: 8 to 256 characters, no rules of composition, none of the first that
    /// anybody would try. `about` holds words that do not make it better, such as the username.
    pub fn check(&self, about: &[&str]) -> Result<(), Rule> {
        match self.0.chars().count() {
            0 => return Err(Rule::PasswordMissing),
            1..8 => return Err(Rule::PasswordShort),
            257.. => return Err(Rule::PasswordLong),
            _ => {}
        }
        // What it costs to judge a password grows faster than its length.
        let start: Zeroizing<String> = Zeroizing::new(self.0.chars().take(100).collect());
        let guesses = zxcvbn::zxcvbn(&start, about).guesses();
        if guesses < 1_000_000 { Err(Rule::PasswordCommon) } else { Ok(()) }
    }

    /// What is hashed.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory. At least 19,456 in production.
    pub memory_kib: u32,
    /// Passes over it. At least 2.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Cost { memory_kib: 19_456, passes: 2 }
    }
}

impl Cost {
    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, Some(32)).expect("a cost is checked when it is set")
    }
}

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

/// What came of comparing a password with a stored hash.
#[derive(Default)]
pub(crate) struct Verified {
    /// The password is right.
    pub right: bool,
    /// The same password at today's cost, where the stored hash has another.
    pub upgrade: Option<String>,
}

impl Hasher {
    /// Starts `threads` threads.
    pub(crate) fn new(threads: usize, cost: Cost, pepper: Zeroizing<[u8; 32]>) -> Result<Hasher> {
        let (jobs, queue) = bounded(threads);
        for n in 0..threads {
            let (queue, pepper) = (queue.clone(), pepper.clone());
            let builder = std::thread::Builder::new().name(format!("hash-{n}"));
            builder
                .spawn(move || Bench { cost, pepper, memory: Vec::new() }.work(&queue))
                .map_err(Error::broken)?;
        }
        let line = Arc::new(Mutex::new(Line { free: threads, ..Line::default() }));
        Ok(Hasher { line, jobs, cost })
    }

    /// A slot, after at most three seconds; `Busy` when too many wait already.
    pub(crate) async fn slot(&self, lane: Lane) -> Result<Slot> {
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

/// One thread, and the memory it hashes in: allocated at the first password and kept.
struct Bench {
    cost: Cost,
    pepper: Zeroizing<[u8; 32]>,
    memory: Vec<Block>,
}

impl Bench {
    fn work(mut self, jobs: &Receiver<Job>) {
        for Job { slot, work } in jobs {
            match work {
                Work::Hash { password, salt, reply } => {
                    let _ = reply.send(self.phc(&password, &salt));
                }
                Work::Verify { password, stored, salt, reply } => {
                    let _ = reply.send(self.verify(&password, stored.as_deref(), &salt));
                }
            }
            drop(slot);
        }
    }

    fn hash(&mut self, params: Params, password: &Password, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        let mut hash = Zeroizing::new([0; 32]);
        Argon2::new_with_secret(&*self.pepper, Algorithm::Argon2id, Version::V0x13, params)
            .and_then(|argon2| {
                argon2.hash_password_into_with_memory(
                    password.0.as_bytes(),
                    salt,
                    &mut *hash,
                    &mut self.memory[..],
                )
            })
            .ok()?;
        Some(hash)
    }

    fn phc(&mut self, password: &Password, salt: &[u8; 16]) -> Option<String> {
        let params = self.cost.params();
        let hash = self.hash(params.clone(), password, salt)?;
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(Output::new(&*hash).ok()?),
        };
        Some(phc.to_string())
    }

    fn verify(&mut self, password: &Password, stored: Option<&str>, fresh_salt: &[u8; 16]) -> Verified {
        match stored.and_then(|stored| self.compare(password, stored)) {
            Some((true, params)) => {
                let changed = (params.m_cost(), params.t_cost()) != (self.cost.memory_kib, self.cost.passes);
                let upgrade = if changed { self.phc(password, fresh_salt) } else { None };
                Verified { right: true, upgrade }
            }
            Some((false, _)) => Verified::default(),
            // Nobody, or somebody without a password: the same work, and never right.
            None => {
                let _ = self.hash(self.cost.params(), password, fresh_salt);
                Verified::default()
            }
        }
    }

    fn compare(&mut self, password: &Password, stored: &str) -> Option<(bool, Params)> {
        let (phc, params) = stored_hash(stored)?;
        let salt: &[u8] = phc.salt.as_ref()?.as_ref();
        let hash = self.hash(params.clone(), password, salt)?;
        let right = phc.hash.as_ref()?.as_bytes().ct_eq(&*hash).into();
        Some((right, params))
    }
}

/// A stored hash and its cost. `None` for what we have not written, or what would cost too much.
pub(crate) fn stored_hash(text: &str) -> Option<(PasswordHash, Params)> {
    let phc = PasswordHash::new(text).ok()?;
    let params = Params::try_from(&phc).ok()?;
    // The cost comes from the row, and a row that was changed must not take the machine.
    let bearable = params.m_cost() <= 1 << 18 && params.t_cost() <= 16 && params.p_cost() == 1;
    bearable.then_some((phc, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn hasher(threads: usize, cost: Cost) -> Hasher {
        Hasher::new(threads, cost, Zeroizing::new([7; 32])).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn passwords_have_8_to_256_characters_and_are_not_the_first_that_anybody_would_try() {
        // As many characters as may be, two bytes each, and nothing that repeats.
        let longest: String = (0..256).map(|n| char::from(0xc0 + (n * n * 7 + n * 3) as u8 % 64)).collect();
        let good = ["correct horse", "xk7!pqw2", "ein Satz mit Leerzeichen", "🦀🦉🐙🦊🐝🐢🦖🐳", &longest];
        for good in good {
            assert_eq!(password(good).check(&["ada", "Latchkey"]), Ok(()), "{good}");
        }
        let long = "long enough ".repeat(30);
        let bad = [
            ("", Rule::PasswordMissing),
            ("xk7!pqw", Rule::PasswordShort),
            (&long, Rule::PasswordLong),
            ("password", Rule::PasswordCommon),
            ("P@ssw0rd", Rule::PasswordCommon),
            ("12345678", Rule::PasswordCommon),
            ("qwertzuiop", Rule::PasswordCommon),
            ("lovelace", Rule::PasswordCommon),
            ("latchkey1", Rule::PasswordCommon),
            ("aaaaaaaaaaaaaaaa", Rule::PasswordCommon),
        ];
        for (bad, rule) in bad {
            assert_eq!(password(bad).check(&["lovelace", "Latchkey"]), Err(rule), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_same_key_gives_the_same_password_on_every_keyboard() {
        let hasher = hasher(1, CHEAP);
        let stored =
            hasher.slot(Lane::SignIn).await.unwrap().hash(password("schön!!!"), &Random::Os).await.unwrap();
        let typed = password("scho\u{308}n!!!");
        let verified =
            hasher.slot(Lane::SignIn).await.unwrap().verify(typed, Some(stored), &Random::Os).await.unwrap();
        assert!(verified.right);
    }

    #[tokio::test]
    async fn another_implementation_agrees_and_the_pepper_matters() {
        use argon2::PasswordVerifier;
        let stored = hasher(1, CHEAP).slot(Lane::SignIn).await.unwrap().hash(password("right"), &Random::Os);
        let stored = stored.await.unwrap();
        let check = |pepper: &[u8], typed: &[u8]| {
            let params = Params::new(64, 1, 1, None).unwrap();
            let library =
                Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).unwrap();
            library.verify_password(typed, stored.as_str()).is_ok()
        };
        assert!(check(&[7; 32], b"right"));
        assert!(!check(&[7; 32], b"wrong"));
        assert!(!check(&[8; 32], b"right"));
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_upgraded_when_the_password_is_right() {
        let old = hasher(1, CHEAP)
            .slot(Lane::SignIn)
            .await
            .unwrap()
            .hash(password("right"), &Random::Os)
            .await
            .unwrap();
        let dearer = hasher(1, Cost { memory_kib: 128, passes: 2 });
        let verify = |typed, stored: &str| {
            let (dearer, stored) = (dearer.clone(), stored.to_owned());
            async move {
                let slot = dearer.slot(Lane::SignIn).await.unwrap();
                slot.verify(password(typed), Some(stored), &Random::Os).await.unwrap()
            }
        };
        assert!(verify("wrong", &old).await.upgrade.is_none());
        let new = verify("right", &old).await.upgrade.expect("a new hash");
        assert!(new.contains("m=128,t=2"), "{new}");
        let again = verify("right", &new).await;
        assert!(again.right && again.upgrade.is_none());
    }

    #[tokio::test]
    async fn a_row_that_asks_for_gigabytes_is_refused_rather_than_computed() {
        let hasher = hasher(1, CHEAP);
        let salt = "c2FsdHNhbHRzYWx0c2FsdA";
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let stored = format!("$argon2id$v=19$m=4194304,t=2,p=1${salt}${hash}");
        let verified =
            hasher.slot(Lane::SignIn).await.unwrap().verify(password("x"), Some(stored), &Random::Os).await;
        assert!(!verified.unwrap().right);
    }

    #[tokio::test]
    async fn sign_ins_go_before_registrations_and_a_full_line_is_an_answer() {
        let hasher = hasher(1, CHEAP);
        let held = hasher.slot(Lane::SignIn).await.unwrap();
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
