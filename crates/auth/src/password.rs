//! Passwords: the rules, and what a hash of them is, by Argon2id (RFC 9106). On which threads is in `hasher.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::error::Rule;
use crate::guessable;
use crate::pepper::Peppers;

/// What a stored hash may cost at most: more than any setting asks for.
const MOST_MEMORY_KIB: u32 = 1 << 18;
const MOST_PASSES: u32 = 16;

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

    /// Whether somebody called `name` may choose this password: 8 to 256 characters, no rules of composition, none of the
    /// first that anybody would try. `site` holds words that everybody thinks of here.
    pub(crate) fn check(&self, name: &str, site: &[String]) -> Result<(), Rule> {
        match self.0.chars().count() {
            0 => return Err(Rule::PasswordMissing),
            1..8 => return Err(Rule::PasswordShort),
            257.. => return Err(Rule::PasswordLong),
            _ => {}
        }
        guessable::why(&self.0, name, site).map_or(Ok(()), Err)
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
    /// The parameters of a new hash, with the pepper that they name.
    fn params(self, keyid: &[u8]) -> Params {
        let mut params = ParamsBuilder::new();
        params.m_cost(self.memory_kib).t_cost(self.passes).p_cost(1).output_len(32);
        if !keyid.is_empty() {
            params.keyid(KeyId::new(keyid).expect("a pepper has a short number"));
        }
        params.build().expect("a cost is checked when it is set")
    }
}

/// What came of comparing a password with a stored hash.
#[derive(Default)]
pub(crate) struct Verified {
    /// The password is right.
    pub right: bool,
    /// The same password at today's cost and with today's pepper, where the stored hash has others.
    pub upgrade: Option<String>,
    /// The stored hash is none that we could have written, and was not computed.
    pub tampered: bool,
}

/// Where one password after another is hashed, and the memory for it: allocated at the first one and kept.
pub(crate) struct Bench {
    cost: Cost,
    peppers: Peppers,
    memory: Vec<Block>,
    done: Arc<AtomicU64>,
}

impl Bench {
    /// A bench that counts in `done` how many times Argon2 has run.
    pub(crate) fn new(cost: Cost, peppers: Peppers, done: Arc<AtomicU64>) -> Bench {
        Bench { cost, peppers, memory: Vec::new(), done }
    }

    fn hash(
        &mut self,
        params: Params,
        pepper: &[u8],
        (password, salt): (&Password, &[u8]),
    ) -> Option<Zeroizing<[u8; 32]>> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut hash = Zeroizing::new([0; 32]);
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
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

    /// The PHC string of a new password.
    pub(crate) fn phc(&mut self, password: &Password, salt: &[u8; 16]) -> Option<String> {
        let (keyid, pepper) = self.peppers.active()?;
        let params = self.cost.params(&keyid);
        let hash = self.hash(params.clone(), &**pepper, (password, salt))?;
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(Output::new(&*hash).ok()?),
        };
        Some(phc.to_string())
    }

    /// Compares with a stored hash. Without one it costs the same, and is never right.
    pub(crate) fn verify(
        &mut self,
        password: &Password,
        stored: Option<&str>,
        fresh_salt: &[u8; 16],
    ) -> Verified {
        match stored.and_then(|stored| self.compare(password, stored)) {
            Some((true, params)) => {
                let keyid = self.peppers.active().map(|(keyid, _)| keyid).unwrap_or_default();
                let today = self.cost.params(&keyid);
                let is_todays = (params.m_cost(), params.t_cost(), params.keyid())
                    == (today.m_cost(), today.t_cost(), today.keyid());
                let upgrade = if is_todays { None } else { self.phc(password, fresh_salt) };
                Verified { right: true, upgrade, tampered: false }
            }
            Some((false, _)) => Verified::default(),
            // Nobody, somebody without a password, or a row that is none of ours: the same work, and never right.
            None => {
                let pepper = self.peppers.active().map(|(_, pepper)| pepper).unwrap_or_default();
                let _ = self.hash(self.cost.params(&[]), &**pepper, (password, fresh_salt));
                Verified { tampered: stored.is_some(), ..Verified::default() }
            }
        }
    }

    /// Compares, or answers `None` for what we cannot have written.
    fn compare(&mut self, password: &Password, stored: &str) -> Option<(bool, Params)> {
        let (phc, params) = stored_hash(stored)?;
        let salt: &[u8] = phc.salt.as_ref()?.as_ref();
        let kept = phc.hash.as_ref().map(Output::as_bytes)?;
        if !(16..=64).contains(&salt.len()) || kept.len() != 32 {
            return None;
        }
        let pepper = self.peppers.of(&params)?;
        let hash = self.hash(params.clone(), &**pepper, (password, salt))?;
        Some((kept.ct_eq(&*hash).into(), params))
    }
}

/// A stored hash and its cost. `None` for what we cannot have written, or what would cost too much: the cost comes from the
/// row, and a row that was changed must not take the machine.
pub(crate) fn stored_hash(text: &str) -> Option<(PasswordHash, Params)> {
    // What we write has about a hundred bytes.
    let phc = PasswordHash::new(text).ok().filter(|_| text.len() <= 256)?;
    let params = Params::try_from(&phc).ok()?;
    let is_ours = phc.algorithm == ARGON2ID_IDENT && phc.version == Some(Version::V0x13.into());
    let is_bounded = params.m_cost() <= MOST_MEMORY_KIB
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() == 1
        && params.data().is_empty();
    (is_ours && is_bounded).then_some((phc, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::{Hasher, Lane};
    use crate::random::Random;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn hasher(threads: usize, cost: Cost) -> Hasher {
        Hasher::new(threads, cost, peppers(&[("pepper-1", 7)])).unwrap()
    }

    /// Peppers of one byte each; the last is active.
    fn peppers(all: &[(&str, u8)]) -> Peppers {
        let peppers = Peppers::default();
        all.iter().for_each(|(id, byte)| peppers.add(id, Zeroizing::new([*byte; 32]), true));
        peppers
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
            assert_eq!(password(good).check("ada", &["Latchkey".into()]), Ok(()), "{good}");
        }
        let long = "long enough ".repeat(30);
        let bad = [
            ("", Rule::PasswordMissing),
            ("xk7!pqw", Rule::PasswordShort),
            (&long, Rule::PasswordLong),
            ("password", Rule::PasswordCommon),
            ("P@ssw0rd", Rule::PasswordCommon),
            ("12345678", Rule::PasswordSequence),
            ("qwertzuiop", Rule::PasswordSequence),
            ("lovelace", Rule::PasswordOfName),
            ("latchkey1", Rule::PasswordOfSite),
            ("aaaaaaaaaaaaaaaa", Rule::PasswordRepeats),
        ];
        for (bad, rule) in bad {
            assert_eq!(password(bad).check("lovelace", &["Latchkey".into()]), Err(rule), "{bad}");
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
    async fn a_row_that_we_cannot_have_written_is_refused_rather_than_computed() {
        let hasher = hasher(1, CHEAP);
        let verify = async |stored: String| {
            let slot = hasher.slot(Lane::SignIn).await.unwrap();
            slot.verify(password("right"), Some(stored), &Random::Os).await.unwrap()
        };
        let slot = hasher.slot(Lane::SignIn).await.unwrap();
        let good = slot.hash(password("right"), &Random::Os).await.unwrap();
        let seen = verify(good.clone()).await;
        assert!(seen.right && !seen.tampered);
        let (head, hash) = good.rsplit_once('$').unwrap();
        let (front, salt) = head.rsplit_once('$').unwrap();
        let long = "A".repeat(86);
        for bad in [
            good.replace("m=64", "m=4194304"),
            good.replace("t=1", "t=4000000000"),
            good.replace("p=1", "p=4"),
            good.replace("p=1", "p=1,keyid=OQ"),
            good.replace("p=1", "p=1,keyid=Ly4u"),
            good.replace("p=1", "p=1,data=AAAA"),
            good.replace("$v=19", ""),
            good.replace("$v=19", "$v=16"),
            good.replace("argon2id", "argon2d"),
            format!("{front}$c2FsdA${hash}"),
            format!("{front}${salt}$AAAAAAAAAAAAAAAA"),
            format!("{front}${salt}${long}"),
            format!("{front}${salt}"),
            String::new(),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
        ] {
            let seen = verify(bad.clone()).await;
            assert!(!seen.right && seen.tampered && seen.upgrade.is_none(), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_old_pepper_still_verifies_and_its_hash_moves_to_the_newest() {
        let hash = async |hasher: &Hasher| {
            let slot = hasher.slot(Lane::SignIn).await.unwrap();
            slot.hash(password("right"), &Random::Os).await.unwrap()
        };
        let verify = async |hasher: &Hasher, typed: &str, stored: &str| {
            let slot = hasher.slot(Lane::SignIn).await.unwrap();
            slot.verify(password(typed), Some(stored.to_owned()), &Random::Os).await.unwrap()
        };
        let first = hasher(1, CHEAP);
        let old = hash(&first).await;
        assert!(!old.contains("keyid"), "{old}");
        assert_eq!(Peppers::id_of(&old).as_deref(), Some("pepper-1"));

        let both = Hasher::new(1, CHEAP, peppers(&[("pepper-1", 7), ("pepper-2", 8)])).unwrap();
        assert!(verify(&both, "wrong", &old).await.upgrade.is_none());
        let new = verify(&both, "right", &old).await.upgrade.expect("a hash with the new pepper");
        assert_eq!(Peppers::id_of(&new).as_deref(), Some("pepper-2"), "{new}");
        let again = verify(&both, "right", &new).await;
        assert!(again.right && again.upgrade.is_none());
        // The pepper matters, and who does not have it says so.
        let other = Hasher::new(1, CHEAP, peppers(&[("pepper-1", 7), ("pepper-2", 9)])).unwrap();
        assert!(!verify(&other, "right", &new).await.right);
        assert!(verify(&first, "right", &new).await.tampered);
    }
}
