//! A code: what a person typed, parsed once, compared in constant time. How one is computed is in `hotp.rs`.

use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// How many digits a code has: six, seven or eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digits(u8);

impl Digits {
    /// What every authenticator app can show.
    pub const SIX: Digits = Digits(6);
    /// The longest that RFC 4226 computes with.
    pub const EIGHT: Digits = Digits(8);

    /// `None` unless `count` is 6, 7 or 8.
    pub fn new(count: u8) -> Option<Digits> {
        matches!(count, 6..=8).then_some(Digits(count))
    }

    /// The number of digits.
    pub fn count(self) -> u32 {
        u32::from(self.0)
    }
}

/// Six to eight digits. Leading zeros count: `000123` and `00000123` differ.
///
/// Wiped when dropped, compared in constant time, and printed only through [`Code::reveal`].
#[derive(Clone)]
pub struct Code {
    value: u32,
    digits: Digits,
}

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing but spaces and hyphens.
    #[error("the code is missing: type the digits that your authenticator app shows")]
    Empty,
    /// Anything but the digits 0 to 9, spaces and hyphens. The digits of other scripts are refused too.
    #[error("a code has only the digits 0 to 9")]
    NotDigits,
    /// Too few digits, too many, or a text that is much too long to be a code.
    #[error("a code has six digits, on some devices seven or eight")]
    Length,
}

impl Code {
    /// Longer texts are refused before they are looked at.
    const LONGEST_TEXT: usize = 64;

    /// Reads a code as people type it: spaces and hyphens are dropped, and six to eight digits must be left.
    pub fn parse(text: &str) -> Result<Code, CodeError> {
        if text.len() > Self::LONGEST_TEXT {
            return Err(CodeError::Length);
        }
        let (mut value, mut count) = (0_u32, 0_u8);
        for byte in text.bytes() {
            match byte {
                b' ' | b'-' => {}
                b'0'..=b'9' => {
                    // Wraps in texts of more than nine digits, which the length refuses below.
                    value = value.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
                    count += 1;
                }
                _ => return Err(CodeError::NotDigits),
            }
        }
        if count == 0 {
            return Err(CodeError::Empty);
        }
        let digits = Digits::new(count).ok_or(CodeError::Length)?;
        Ok(Code { value, digits })
    }

    /// The code with these last digits of `number`.
    pub(crate) fn of(number: u32, digits: Digits) -> Code {
        Code { value: number % 10_u32.pow(digits.count()), digits }
    }

    /// How many digits it has.
    pub fn digits(&self) -> Digits {
        self.digits
    }

    /// The digits, with leading zeros: for whoever plays the authenticator.
    pub fn reveal(&self) -> Zeroizing<String> {
        let width = self.digits.count() as usize;
        Zeroizing::new(format!("{:0width$}", self.value))
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Code) -> Choice {
        self.value.ct_eq(&other.value) & self.digits.0.ct_eq(&other.digits.0)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Code {}

impl Drop for Code {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_kept() {
        for text in ["000000", "000123", "0000123", "00000123", "99999999"] {
            assert_eq!(*Code::parse(text).unwrap().reveal(), text);
        }
    }

    #[test]
    fn codes_of_different_length_differ() {
        assert_ne!(Code::parse("000123"), Code::parse("0000123"));
        assert_eq!(Code::parse("000123"), Code::parse("000 123"));
    }

    #[test]
    fn sixty_four_digits_are_too_many_and_do_not_overflow() {
        assert_eq!(Code::parse(&"9".repeat(64)), Err(CodeError::Length));
    }
}
