//! The shared secret: bytes, base32 in and out. What is computed with it is in `hotp.rs`.

use data_encoding::BASE32_NOPAD;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The bytes that a server and an authenticator app share.
///
/// Wiped when dropped, compared in constant time, and never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text or some bytes are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing but spaces.
    #[error("the key is empty: copy the letters and digits that stand beside the QR code")]
    Empty,
    /// Something that is not in the alphabet, and which place among the characters it has, from 1.
    #[error(
        "{symbol:?} at place {place} cannot be part of a key: it has only the letters A to Z and the digits 2 to 7"
    )]
    Symbol {
        /// The character.
        symbol: char,
        /// Its place in what was typed, counted from 1.
        place: usize,
    },
    /// No number of bytes has this many characters.
    #[error("the key seems to be cut off: copy all of it")]
    Incomplete,
    /// Fewer than [`Secret::SHORTEST`] bytes.
    #[error("the key is too short: it needs at least 16 letters and digits")]
    TooShort,
    /// More than [`Secret::LONGEST`] bytes.
    #[error("the key is too long: it may have at most 103 letters and digits")]
    TooLong,
}

impl Secret {
    /// How many bytes a new secret has: what RFC 4226 (requirement R6) recommends.
    pub const LENGTH: usize = 20;
    /// The fewest bytes that are read: below the RFC's 16, since many tokens in use have ten.
    pub const SHORTEST: usize = 10;
    /// The most bytes that are read: the block of SHA-1 and SHA-256; nothing longer adds strength.
    pub const LONGEST: usize = 64;

    /// Longer texts are refused before they are looked at. Leaves room for a space after every character.
    const LONGEST_TEXT: usize = 1024;

    /// Takes the bytes themselves, [`SHORTEST`](Self::SHORTEST) to [`LONGEST`](Self::LONGEST) of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Secret, SecretError> {
        match bytes.len() {
            0 => Err(SecretError::Empty),
            n if n < Self::SHORTEST => Err(SecretError::TooShort),
            n if n > Self::LONGEST => Err(SecretError::TooLong),
            _ => Ok(Secret(Zeroizing::new(bytes.to_vec()))),
        }
    }

    /// Reads base32 (RFC 4648) the way people paste it.
    ///
    /// Case does not matter; spaces, line breaks, hyphens and `=` are dropped; the digits that base32 lacks
    /// are taken for the letters they resemble (0 is O, 1 is L, 8 is B). Bits that fill no byte are ignored,
    /// as apps do.
    pub fn from_base32(text: &str) -> Result<Secret, SecretError> {
        if text.len() > Self::LONGEST_TEXT {
            return Err(SecretError::TooLong);
        }
        // Room for every byte from the start: growing would leave copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::LONGEST));
        let (mut bits, mut pending) = (0_u32, 0_u32);
        for (index, symbol) in text.chars().enumerate() {
            if is_filler(symbol) {
                continue;
            }
            let five = value(symbol).ok_or(SecretError::Symbol { symbol, place: index + 1 })?;
            bits = (bits << 5) | five;
            pending += 5;
            if pending >= 8 {
                pending -= 8;
                if bytes.len() == Self::LONGEST {
                    return Err(SecretError::TooLong);
                }
                bytes.push((bits >> pending) as u8);
                bits &= (1 << pending) - 1;
            }
        }
        // A last character that adds no byte means that another should follow.
        if pending >= 5 {
            return Err(SecretError::Incomplete);
        }
        Secret::from_bytes(&bytes)
    }

    /// The bytes, to seal them or to compute with them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base32 in upper case without `=`: iOS refuses a QR code that has padding.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// Base32 in groups of four with single spaces, for people who type it.
    pub fn grouped(&self) -> Zeroizing<String> {
        let plain = self.to_base32();
        let mut grouped = Zeroizing::new(String::with_capacity(plain.len() + plain.len() / 4));
        for (index, symbol) in plain.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(symbol);
        }
        grouped
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// What people and programs put between the characters, also the invisible ones that come along from web
/// pages.
fn is_filler(symbol: char) -> bool {
    symbol.is_whitespace()
        || matches!(symbol, '-' | '=' | '\u{2010}'..='\u{2015}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
}

/// The five bits that a character stands for.
fn value(symbol: char) -> Option<u32> {
    match symbol.to_ascii_uppercase() {
        '0' => value('O'),
        '1' => value('L'),
        '8' => value('B'),
        letter @ 'A'..='Z' => Some(u32::from(letter) - u32::from('A')),
        digit @ '2'..='7' => Some(u32::from(digit) - u32::from('2') + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_agrees_with_the_library_for_every_length() {
        let bytes: Vec<u8> = (0..64_u32).map(|n| (n * 167 + 13) as u8).collect();
        for length in Secret::SHORTEST..=Secret::LONGEST {
            let text = BASE32_NOPAD.encode(&bytes[..length]);
            let secret = Secret::from_base32(&text).unwrap();
            assert_eq!(secret.as_bytes(), &bytes[..length]);
            assert_eq!(*secret.to_base32(), text);
            assert_eq!(Secret::from_base32(&secret.grouped()), Ok(secret));
        }
    }

    #[test]
    fn the_error_texts_name_the_true_limits() {
        let characters = |bytes: usize| (bytes * 8).div_ceil(5);
        let said =
            |error: SecretError, bytes| error.to_string().contains(&format!(" {} ", characters(bytes)));
        assert!(said(SecretError::TooShort, Secret::SHORTEST));
        assert!(said(SecretError::TooLong, Secret::LONGEST));
    }
}
