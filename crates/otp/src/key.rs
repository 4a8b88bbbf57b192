//! A key: a secret and how codes are made from it. The making is in `hotp.rs` and `totp.rs`.

use crate::{Digits, Secret};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What every authenticator app can do.
    Sha1,
    /// RFC 6238. Some apps silently compute SHA-1 instead.
    Sha256,
    /// RFC 6238. Fewer apps still.
    Sha512,
}

/// The name of an algorithm that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm must be SHA1, SHA256 or SHA512")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

    /// The name as apps expect it: upper case, no hyphen.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Case, hyphens and underscores do not matter, nor does a leading `Hmac`: other programs write all of
    /// these.
    fn from_str(text: &str) -> Result<Algorithm, UnknownAlgorithm> {
        let bare: String = text.chars().filter(|symbol| !matches!(symbol, '-' | '_')).take(16).collect();
        let bare = bare.to_ascii_uppercase();
        let name = bare.strip_prefix("HMAC").unwrap_or(&bare);
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}

/// A secret and the parameters that an authenticator uses with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    secret: Secret,
    algorithm: Algorithm,
    digits: Digits,
    period: u32,
}

impl Key {
    /// The periods that are taken, in seconds: up to a day.
    pub const PERIODS: RangeInclusive<u32> = 1..=86_400;
    /// The period that every app knows, in seconds.
    pub const PERIOD: u32 = 30;

    /// SHA-1, six digits, 30 seconds: the only parameters that every authenticator app obeys.
    pub fn new(secret: Secret) -> Key {
        Key { secret, algorithm: Algorithm::Sha1, digits: Digits::SIX, period: Self::PERIOD }
    }

    /// The same with another hash.
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Key {
        Key { algorithm, ..self }
    }

    /// The same with longer or shorter codes.
    #[must_use]
    pub fn with_digits(self, digits: Digits) -> Key {
        Key { digits, ..self }
    }

    /// The same with steps of this many seconds; `None` unless they are in [`Key::PERIODS`].
    #[must_use]
    pub fn with_period(self, seconds: u32) -> Option<Key> {
        Self::PERIODS.contains(&seconds).then_some(Key { period: seconds, ..self })
    }

    /// The shared bytes.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The hash under the HMAC.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many digits its codes have.
    pub fn digits(&self) -> Digits {
        self.digits
    }

    /// Seconds that a step lasts. A counter-based key has one too, and never uses it.
    pub fn period(&self) -> u32 {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_read_as_other_programs_write_them() {
        for text in ["SHA1", "sha1", "sha-1", "SHA-1", "Sha_1", "HmacSHA1", "hmac-sha-1"] {
            assert_eq!(text.parse(), Ok(Algorithm::Sha1), "{text}");
        }
        for text in ["sha256", "SHA-256", "HmacSHA256"] {
            assert_eq!(text.parse(), Ok(Algorithm::Sha256), "{text}");
        }
        assert_eq!("sha-512".parse(), Ok(Algorithm::Sha512));
        for text in
            ["", "-", "MD5", "SHA", "SHA2", "SHA11", "SHA384", "SHA3-256", "ＳＨＡ1", &"-SHA1".repeat(99)]
        {
            assert_eq!(text.parse::<Algorithm>(), Err(UnknownAlgorithm), "{text}");
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn a_period_of_nothing_or_of_more_than_a_day_is_refused() {
        let key = Key::new(Secret::from_bytes(&[7; 20]).unwrap());
        for seconds in [0, 86_401, u32::MAX] {
            assert_eq!(key.clone().with_period(seconds), None);
        }
        for seconds in [1, 30, 45, 86_400] {
            assert_eq!(key.clone().with_period(seconds).unwrap().period(), seconds);
        }
    }

    #[test]
    fn a_printed_key_shows_no_secret() {
        let printed = format!("{:?}", Key::new(Secret::from_bytes(b"12345678901234567890").unwrap()));
        assert_eq!(printed, "Key { secret: Secret(...), algorithm: Sha1, digits: Digits(6), period: 30 }");
    }
}
