//! RFC 4226: the code for a counter. `totp.rs` takes the counter from the clock.

use crate::{Algorithm, Code, Digits, Key};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The code for this counter.
pub fn code(key: &Key, counter: u64) -> Code {
    Keyed::new(key).code(counter)
}

/// The counter `code` belongs to, among `from` and the `ahead` counters after it.
///
/// Returns the counter, not `true`, so that the caller can go on behind it and refuse the code a second time.
/// If two fit, the lower one is meant: the device is more likely to be close. Every counter is computed,
/// whichever fits, so the time taken tells nothing; keep `ahead` small (RFC 4226, section 7.4).
pub fn verify(key: &Key, code: &Code, from: u64, ahead: u32) -> Option<u64> {
    let keyed = Keyed::new(key);
    let last = from.saturating_add(u64::from(ahead));
    let (mut found, mut counter) = (Choice::from(0), 0);
    for candidate in (from..=last).rev() {
        let fits = keyed.fits(candidate, code);
        counter.conditional_assign(&candidate, fits);
        found |= fits;
    }
    bool::from(found).then_some(counter)
}

/// A key with its HMAC begun: each counter then costs two rounds of the hash instead of four.
pub(crate) struct Keyed {
    mac: Begun,
    digits: Digits,
}

enum Begun {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Keyed {
    pub(crate) fn new(key: &Key) -> Keyed {
        let secret = key.secret().as_bytes();
        let mac = match key.algorithm() {
            Algorithm::Sha1 => Begun::Sha1(begin(secret)),
            Algorithm::Sha256 => Begun::Sha256(begin(secret)),
            Algorithm::Sha512 => Begun::Sha512(begin(secret)),
        };
        Keyed { mac, digits: key.digits() }
    }

    pub(crate) fn code(&self, counter: u64) -> Code {
        let number = match &self.mac {
            Begun::Sha1(mac) => truncated(mac.clone(), counter),
            Begun::Sha256(mac) => truncated(mac.clone(), counter),
            Begun::Sha512(mac) => truncated(mac.clone(), counter),
        };
        Code::of(number, self.digits)
    }

    /// Whether this counter's code is `code`, without a branch on the answer.
    pub(crate) fn fits(&self, counter: u64, code: &Code) -> Choice {
        self.code(counter).ct_eq(code)
    }
}

fn begin<M: Mac + KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length")
}

/// Finishes the HMAC over a counter and truncates it: RFC 4226, section 5.3.
fn truncated(mut mac: impl Mac, counter: u64) -> u32 {
    mac.update(&counter.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 15);
    let four = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    u32::from_be_bytes(four) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn key() -> Key {
        Key::new(Secret::from_bytes(b"12345678901234567890").unwrap())
    }

    #[test]
    fn verify_looks_ahead_as_far_as_told_and_never_back() {
        let (key, device) = (key(), 100);
        let code = code(&key, device);
        assert_eq!(verify(&key, &code, 100, 0), Some(100));
        assert_eq!(verify(&key, &code, 90, 10), Some(100));
        assert_eq!(verify(&key, &code, 90, 9), None);
        assert_eq!(verify(&key, &code, 101, 10), None);
    }

    #[test]
    fn the_last_counter_is_reached_without_overflow() {
        let key = key();
        let code = code(&key, u64::MAX);
        assert_eq!(verify(&key, &code, u64::MAX - 3, 10), Some(u64::MAX));
    }

    #[test]
    fn of_two_counters_with_the_same_code_the_lower_is_meant() {
        let key = key();
        // The first pair of equal codes is found by search: among 3,000 six-digit codes several pairs are
        // expected.
        let codes: Vec<_> = (0..3_000).map(|counter| code(&key, counter).reveal()).collect();
        let (low, high) = (0..codes.len())
            .find_map(|low| {
                (low + 1..codes.len()).find(|&high| codes[low] == codes[high]).map(|high| (low, high))
            })
            .unwrap();
        let (low, high) = (low as u64, high as u64);
        assert_eq!(verify(&key, &code(&key, high), low, (high - low) as u32), Some(low));
        assert_eq!(verify(&key, &code(&key, low), low + 1, (high - low) as u32), Some(high));
    }
}
