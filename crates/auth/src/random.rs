//! Chance: the system's, or a seeded one for tests. Tokens, ids, and words that a person can type.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::{BASE32HEX_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use store::{Id, Time};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Where chance comes from.
#[derive(Clone)]
pub enum Random {
    /// The operating system.
    Os,
    /// A sequence that depends on nothing but its seed: for tests only.
    Seeded(Arc<Mutex<Sequence>>),
}

/// The state of a seeded sequence.
pub struct Sequence {
    seed: u64,
    drawn: u64,
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Random::Os => "Random::Os",
            Random::Seeded(_) => "Random::Seeded",
        })
    }
}

impl Random {
    /// The sequence that begins with this seed.
    pub fn seeded(seed: u64) -> Random {
        Random::Seeded(Arc::new(Mutex::new(Sequence { seed, drawn: 0 })))
    }

    /// Fills `bytes` with chance.
    ///
    /// # Panics
    /// When the operating system has none to give: nothing that follows could be trusted.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Random::Os => {
                #[expect(clippy::disallowed_methods, reason = "this is the place that draws chance")]
                getrandom::fill(bytes).expect("the operating system gives chance");
            }
            Random::Seeded(sequence) => {
                let mut sequence = sequence.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(32) {
                    sequence.drawn += 1;
                    let block =
                        Sha256::digest([sequence.seed.to_be_bytes(), sequence.drawn.to_be_bytes()].concat());
                    chunk.copy_from_slice(&block[..chunk.len()]);
                }
            }
        }
    }

    /// `N` bytes of chance, wiped when dropped.
    pub fn bytes<const N: usize>(&self) -> Zeroizing<[u8; N]> {
        let mut bytes = Zeroizing::new([0; N]);
        self.fill(&mut *bytes);
        bytes
    }

    /// A token for a cookie: 256 bits.
    pub fn token(&self) -> Token {
        let mut token = Token { bytes: [0; Token::DATED], length: Token::PLAIN };
        self.fill(&mut token.bytes[..Token::PLAIN]);
        token
    }

    /// The same with 48 bits of time before it, for what lives long: what is kept of such tokens lies in the database in the order in
    /// which they were made, so that those of now share a page.
    pub fn dated_token(&self, now: Time) -> Token {
        let mut token = Token { bytes: [0; Token::DATED], length: Token::DATED };
        token.bytes[..Token::DATE].copy_from_slice(&now.millis().to_be_bytes()[2..]);
        self.fill(&mut token.bytes[Token::DATE..]);
        token
    }

    /// An id: 48 bits of time, then 80 of chance, in letters that sort as they were born.
    pub fn id(&self, now: Time) -> Id {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&now.millis().to_be_bytes()[2..]);
        self.fill(&mut bytes[6..]);
        Id::new(BASE32HEX_NOPAD.encode(&bytes).to_lowercase())
    }

    /// The least id that anything born then can have.
    pub(crate) fn first_id(born: Time) -> Id {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&born.millis().max(0).to_be_bytes()[2..]);
        Id::new(BASE32HEX_NOPAD.encode(&bytes).to_lowercase())
    }

    /// Words of a recovery code: 80 bits, `abcd-efgh-jkmn-pqrs`.
    pub fn recovery_code(&self) -> Words {
        Words(crockford(&*self.bytes::<10>()))
    }

    /// The name of a node, as leases have it: 64 bits.
    pub(crate) fn holder(&self) -> String {
        HEXLOWER.encode(&*self.bytes::<8>())
    }

    /// Words of a one-time link: 160 bits.
    pub fn link(&self) -> Words {
        Words(crockford(&*self.bytes::<20>()))
    }
}

/// A secret that a cookie carries. Only its keyed MAC is kept.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token {
    bytes: [u8; Token::DATED],
    /// How many of them count.
    length: usize,
}

impl Token {
    /// Bytes of chance.
    const PLAIN: usize = 32;
    /// Bytes of a date.
    const DATE: usize = 6;
    /// Bytes of chance, with a date before them.
    const DATED: usize = Token::DATE + Token::PLAIN;

    /// A token as a cookie carries it; `None` for anything that we cannot have written.
    pub fn parse(text: &str) -> Option<Token> {
        let length = BASE64URL_NOPAD.decode_len(text.len()).ok();
        // The length has to be right before anything is written.
        let length = length.filter(|length| [Token::PLAIN, Token::DATED].contains(length))?;
        let mut token = Token { bytes: [0; Token::DATED], length };
        BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut token.bytes[..length]).ok()?;
        Some(token)
    }

    /// The text for the cookie: 43 letters of base64url, or 51 with a date.
    pub fn reveal(&self) -> String {
        BASE64URL_NOPAD.encode(self.bytes())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// When it was made, where it says so, in letters that sort as such times.
    pub(crate) fn date(&self) -> String {
        let is_dated = self.length == Token::DATED;
        let date = if is_dated { &self.bytes[..Token::DATE] } else { &[] };
        BASE32HEX_NOPAD.encode(date).to_lowercase()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A secret that a person copies or types: Crockford's letters, without their hyphens.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Words(String);

impl Words {
    /// What was typed, however it was typed: case, spaces and hyphens do not matter, `o` is 0, `i` and `l` are 1. `None`
    /// when something else is in it, or more than 64 letters.
    pub fn parse(typed: &str) -> Option<Words> {
        if typed.len() > 256 {
            return None;
        }
        let mut letters = String::new();
        for c in typed.chars().filter(|c| !matches!(c, ' ' | '-' | '\t' | '\r' | '\n')) {
            letters.push(match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                c if CROCKFORD.contains(c) => c,
                _ => return None,
            });
        }
        (1..=64).contains(&letters.len()).then_some(Words(letters))
    }

    /// In groups of four, as it is shown.
    pub fn reveal(&self) -> String {
        let mut grouped = String::with_capacity(self.0.len() * 5 / 4);
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push('-');
            }
            grouped.push(letter);
        }
        grouped
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(…)")
    }
}

const CROCKFORD: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// Five bits a letter; the length is a multiple of five bytes.
fn crockford(bytes: &[u8]) -> String {
    let standard = "0123456789abcdefghijklmnopqrstuv";
    BASE32HEX_NOPAD
        .encode(bytes)
        .to_lowercase()
        .chars()
        .map(|c| standard.find(c).map_or(c, |at| char::from(CROCKFORD.as_bytes()[at])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_they_were_born() {
        let chance = Random::Os;
        let ids: Vec<Id> = (0..200).map(|n| chance.id(Time::from_millis(1_700_000_000_000 + n))).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].as_str().len(), 26);
    }

    #[test]
    fn recovery_codes_are_read_however_they_are_typed() {
        let code = Random::seeded(1).recovery_code();
        let shown = code.reveal();
        assert_eq!(shown.len(), 19);
        assert!(shown.chars().all(|c| c == '-' || CROCKFORD.contains(c)), "{shown}");
        let typed =
            format!("  {} ", shown.to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l"));
        assert_eq!(Words::parse(&typed), Some(code));
        for wrong in ["", "abcd-efgh-jkmn-pqr!", "abcü", &"a".repeat(65), &" ".repeat(1000)] {
            assert_eq!(Words::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_are_read_strictly() {
        for (token, letters) in [(Random::Os.token(), 43), (Random::Os.dated_token(Time::from_millis(1)), 51)]
        {
            let text = token.reveal();
            assert_eq!(text.len(), letters);
            assert_eq!(Token::parse(&text), Some(token.clone()));
            for wrong in
                ["", "abc", &format!("{text}="), &format!(" {text}"), &text[1..], &format!("{text}A")]
            {
                assert!(Token::parse(wrong).is_none(), "{wrong}");
            }
            assert_eq!(format!("{token:?}"), "Token(…)");
        }
    }

    #[test]
    fn the_dates_of_tokens_sort_as_they_were_made_and_a_token_without_one_has_none() {
        let at = |millis| Random::Os.dated_token(Time::from_millis(millis));
        let dates: Vec<String> = [0, 1, 255, 256, 1_795_900_000_000].map(|millis| at(millis).date()).to_vec();
        assert!(dates.is_sorted() && dates.iter().all(|date| date.len() == 10), "{dates:?}");
        assert_ne!(at(1), at(1), "the rest is chance");
        assert_eq!(Random::Os.token().date(), "");
    }
}
