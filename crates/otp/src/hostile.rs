//! What must hold whatever is read: one function for each parser of this crate. The fuzzers in `fuzz/` call them for as long as one
//! likes, the tests below for a moment. No program has them: they are there for tests and under the feature `fuzzing`.

#[cfg(test)]
#[path = "../../../fuzz/short_run.rs"]
mod short_run;

use crate::{Account, Code, Key, Kind, Secret};

/// More than any of these parsers reads.
const BEYOND: usize = 4096;

/// A setup link: what is read can be written and is then read as the same, and what is written is ours to the last letter.
pub fn uri(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(account) = Account::parse(text) else { return };
    assert!(text.len() <= BEYOND);
    assert!(!account.name.trim().is_empty() && !account.name.contains(char::is_control));
    assert!(!account.issuer.contains(char::is_control));
    assert!(Key::PERIODS.contains(&account.key.period()));
    let written = account.to_uri();
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{}", *written);
    assert!(account.apple_uri().ends_with(&*written));
    // Names in another script become three times as long, or more.
    if written.len() > BEYOND {
        return;
    }
    let again = Account::parse(&written).expect("what was written can be read");
    assert_eq!(again.kind, account.kind);
    assert_eq!(again.key.secret(), account.key.secret());
    if account.kind == Kind::Totp {
        assert_eq!(again.key, account.key);
    }
    assert_eq!(*again.to_uri(), *written, "a second time, it is written as the first time");
}

/// A secret in base32: what is read has its bounds, and is the same when it is written and read again.
pub fn secret(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(secret) = Secret::from_base32(text) else { return };
    assert!((Secret::SHORTEST..=Secret::LONGEST).contains(&secret.as_bytes().len()));
    for again in [secret.to_base32(), secret.grouped()] {
        assert!(Secret::from_base32(&again) == Ok(secret.clone()), "{text:?}");
    }
    assert!(!format!("{secret:?}").contains(&**secret.to_base32()));
}

/// A code as it was typed: six to eight ASCII digits, those that stand there and no others.
pub fn code(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let digits: String = text.chars().filter(|symbol| !matches!(symbol, ' ' | '-')).collect();
    let Ok(code) = Code::parse(text) else {
        let is_one = (6..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!is_one || text.len() > 64, "{text:?} is a code");
        return;
    };
    assert_eq!(*code.reveal(), digits);
    assert!((6..=8).contains(&code.digits().count()));
    assert!(Code::parse(&code.reveal()) == Ok(code));
}

#[cfg(test)]
mod tests {
    use super::short_run::tried;

    #[test]
    fn setup_links_keep_their_promises_whatever_is_sent() {
        tried("otp_uri", 20_000, super::uri);
    }

    #[test]
    fn secrets_keep_their_promises_whatever_is_typed() {
        tried("otp_secret", 20_000, super::secret);
    }

    #[test]
    fn codes_keep_their_promises_whatever_is_typed() {
        tried("otp_code", 20_000, super::code);
    }
}
