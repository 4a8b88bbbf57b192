//! One-time passwords: the mathematics of Latchkey, and nothing else.
//!
//! A secret is shared between a server and an authenticator app. **RFC 4226** (HOTP) turns it and a counter
//! into a code: HMAC over the counter as eight bytes, four of the digest's bytes chosen by its last four
//! bits, the top bit dropped, the rest modulo a power of ten ([`hotp`]). **RFC 6238** (TOTP) takes the time
//! as the counter: the number of periods since 1970, called the *step* ([`totp`]). A code may be used once,
//! so [`totp::verify`] answers with the step, for the caller to write down and refuse the next time.
//!
//! | what | where |
//! |---|---|
//! | the shared bytes, base32 in and out | [`Secret`] |
//! | the secret with its algorithm, digits and period | [`Key`], [`Algorithm`], [`Digits`] |
//! | what a person typed | [`Code`] |
//! | `otpauth://` written for apps, and read back | [`uri`] |
//! | that URI as a picture | [`qr`] |
//!
//! This crate never asks for the time and never draws chance: both are arguments. Secrets and codes are wiped
//! when they are dropped, are compared in constant time, and print dots.
//!
//! ```
//! use otp::{Account, Code, Key, Kind, Qr, Secret, totp};
//!
//! let secret = Secret::from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")?;
//! let key = Key::new(secret);
//!
//! // What the server shows when someone enrolls …
//! let account = Account { issuer: "Example".into(), name: "ada".into(), key: key.clone(), kind: Kind::Totp };
//! let picture = Qr::encode(&account.to_uri())?.png(8);
//! assert!(picture.starts_with(b"\x89PNG"));
//!
//! // … and how it judges the code that comes back, at 59 seconds past midnight in 1970.
//! let code = Code::parse("287 082")?;
//! let step = totp::verify(&key, &code, 59, 1).expect("the code is right");
//! assert_eq!(step, totp::Step::at(59, key.period()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod key;
mod secret;

#[cfg(any(test, feature = "fuzzing"))]
pub mod hostile;
pub mod hotp;
pub mod qr;
pub mod totp;
pub mod uri;

pub use code::{Code, CodeError, Digits};
pub use key::{Algorithm, Key, UnknownAlgorithm};
pub use qr::{Drawing, Qr, TooLong};
pub use secret::{Secret, SecretError};
pub use uri::{Account, Kind, UriError};
