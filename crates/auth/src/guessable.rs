//! What anybody would try first: common passwords, names with a number behind them, repeats, sequences, dates.
//!
//! The whole password is compared, in lower case, as it is and with the usual digits and signs read as letters; never a part
//! of it, so a long phrase may have any word in it. The list is in `data/`, where a text says where it comes from.

use sha2::{Digest, Sha256};

use crate::error::Rule;

/// The list as `cargo xtask passwords` writes it: see [`List`].
const COMMON: List<'static> = List(include_bytes!("../data/common-passwords.bin"));
/// Bits of a hash that the list keeps of each password beyond telling them apart: a password that is not in it is taken for
/// one that is once in 2^17.
const BITS: u32 = 17;
/// Entries of a block.
const BLOCK: usize = 512;
/// Letters a word needs before it counts as somebody's.
const WORD: usize = 4;
/// What may stand around a word without making it another.
const ATTACHED: usize = 4;
/// How much of the end is taken off to see a word that is somebody's or the site's.
const MOST_ATTACHED: usize = 12;
/// The longest piece that repeats. A sentence said twice is another matter.
const PIECE: usize = 12;
/// What keys are beside each other.
const KEYBOARDS: [&str; 18] = [
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1234567890",
    "!@#$%^&*()",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "1qay",
    "0okm",
    "9ijn",
];

/// Why a password is among the first that anybody would try, if it is. `name` is whose it will be; `site` are words that
/// everybody thinks of here.
pub(crate) fn why(password: &str, name: &str, site: &[String]) -> Option<Rule> {
    let lower = password.to_lowercase();
    if is_made_of(&lower, &words_of(&name.to_lowercase())) {
        return Some(Rule::PasswordOfName);
    }
    let site: Vec<String> = site.iter().flat_map(|word| words_of(&word.to_lowercase())).collect();
    if is_made_of(&lower, &site) {
        return Some(Rule::PasswordOfSite);
    }
    if is_repeat(&lower) {
        return Some(Rule::PasswordRepeats);
    }
    if is_sequence(&lower) {
        return Some(Rule::PasswordSequence);
    }
    if is_date(&lower) {
        return Some(Rule::PasswordDate);
    }
    spellings(&lower).iter().any(|spelling| COMMON.has(spelling)).then_some(Rule::PasswordCommon)
}

/// A name and its longer parts: of `ada.lovelace` also `lovelace`.
fn words_of(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= WORD);
    let bare = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let all = [name.to_owned(), bare].into_iter().chain(parts.map(str::to_owned));
    all.filter(|word| word.chars().count() >= 3).collect()
}

/// Whether a password is nothing but one of the words, once or more, forward or backward, with digits and signs around it.
fn is_made_of(lower: &str, words: &[String]) -> bool {
    let spelled = spelled(lower);
    words.iter().any(|word| {
        let backward: String = word.chars().rev().collect();
        let forms = [word.clone(), backward, letters_of(word, 'i'), letters_of(word, 'l')];
        spelled.iter().any(|password| {
            forms.iter().any(|form| {
                let rest = password.replace(form.as_str(), "");
                rest.len() < password.len() && !rest.chars().any(char::is_alphabetic)
            })
        })
    })
}

/// A password as it is, and read as letters: all of it, and without some of the digits and signs at its end, since nobody
/// knows which of them stand for letters.
fn spelled(lower: &str) -> Vec<String> {
    let mut all = vec![lower.to_owned()];
    let mut rest = lower;
    for _ in 0..=MOST_ATTACHED {
        all.extend([letters_of(rest, 'i'), letters_of(rest, 'l')]);
        let Some(last) = rest.chars().next_back().filter(|c| !c.is_alphabetic()) else { break };
        rest = &rest[..rest.len() - last.len_utf8()];
    }
    all
}

/// The same with the digits and signs read as the letters that they stand for.
fn letters_of(text: &str, one: char) -> String {
    text.chars()
        .map(|c| match c {
            '@' | '4' => 'a',
            '8' => 'b',
            '(' => 'c',
            '3' => 'e',
            '6' | '9' => 'g',
            '1' => one,
            '0' => 'o',
            '$' | '5' => 's',
            '7' | '+' => 't',
            '2' => 'z',
            other => other,
        })
        .collect()
}

/// In which ways a password can be read: as it is, as letters, and both without the few digits and signs around it.
fn spellings(lower: &str) -> Vec<String> {
    let stem = lower.trim_matches(|c: char| !c.is_alphabetic());
    let attached = lower.chars().count() - stem.chars().count();
    let stem = Some(stem).filter(|stem| (1..=ATTACHED).contains(&attached) && stem.chars().count() >= WORD);
    let read = |text: &str| [text.to_owned(), letters_of(text, 'i'), letters_of(text, 'l')];
    let mut all: Vec<String> = read(lower).into_iter().chain(stem.into_iter().flat_map(read)).collect();
    all.sort();
    all.dedup();
    all
}

/// Whether it is one piece over and over, or two characters in any order.
fn is_repeat(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let repeats = |length: usize| chars.iter().zip(&chars[length..]).all(|(one, other)| one == other);
    let mut kinds = chars.clone();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() <= 2 || (1..=PIECE.min(chars.len() / 2)).any(repeats)
}

/// Whether it is two or three runs up or down the alphabet, the digits, or a row of keys. A longer one may have more.
fn is_sequence(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let (mut runs, mut at) = (0, 0);
    while at < chars.len() {
        runs += 1;
        at += run(&chars[at..]);
    }
    runs <= (chars.len() / 4).max(2)
}

/// How long the run is that begins here; one that is shorter than three counts as a character.
fn run(chars: &[char]) -> usize {
    let steps = |up: bool| {
        let follows = |pair: &&[char]| {
            let (low, high) = if up { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            u32::from(low) + 1 == u32::from(high)
        };
        1 + chars.windows(2).take_while(follows).count()
    };
    let same = 1 + chars.windows(2).take_while(|pair| pair[0] == pair[1]).count();
    let keys = |row: &str, backward: bool| {
        let row: Vec<char> = if backward { row.chars().rev().collect() } else { row.chars().collect() };
        let start = row.iter().position(|key| *key == chars[0]);
        start.map_or(0, |start| row[start..].iter().zip(chars).take_while(|(key, c)| key == c).count())
    };
    let keys = KEYBOARDS.iter().map(|row| keys(row, false).max(keys(row, true)));
    let longest = keys.chain([steps(true), steps(false), same]).max().unwrap_or(1);
    if longest < 3 { 1 } else { longest }
}

/// Whether it is a day of a year that people were born in or live in, in any order, with separators or without.
fn is_date(lower: &str) -> bool {
    let digits: Vec<u8> = lower.bytes().filter(u8::is_ascii_digit).collect();
    let rest = lower.bytes().filter(|b| !b.is_ascii_digit());
    if digits.len() != 8 || !rest.clone().all(|b| b". -/_".contains(&b)) || rest.count() > 3 {
        return false;
    }
    let number = |range: std::ops::Range<usize>| {
        digits[range].iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let is_day = |a: u32, b: u32| (1..=31).contains(&a.max(b)) && (1..=12).contains(&a.min(b));
    let is_year = |year: u32| (1900..2100).contains(&year);
    (is_year(number(0..4)) && is_day(number(4..6), number(6..8)))
        || (is_year(number(4..8)) && is_day(number(0..2), number(2..4)))
}

/// A sorted set of hashes, in blocks: the number of entries and of blocks (4 bytes each), for each block the hash before its
/// first entry (8 bytes) and where it begins (4 bytes), then the blocks. An entry is its distance to the one before it, as a
/// Rice code: how many times 2^17 in ones, a zero, and the rest in 17 bits.
struct List<'a>(&'a [u8]);

impl List<'_> {
    fn number(&self, at: usize, length: usize) -> u64 {
        self.0[at..at + length].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    fn entries(&self) -> u64 {
        self.number(0, 4)
    }

    fn blocks(&self) -> usize {
        self.number(4, 4) as usize
    }

    /// The hash before the first entry of a block.
    fn base(&self, block: usize) -> u64 {
        self.number(8 + 12 * block, 8)
    }

    fn has(&self, password: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(password.as_bytes()).into();
        let hash = hash[..8].iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        let range = u128::from(self.entries()) << BITS;
        let wanted = u64::try_from((hash * range) >> 64).unwrap_or(u64::MAX);
        let (mut first, mut end) = (0, self.blocks());
        while first < end {
            let middle = first.midpoint(end);
            if self.base(middle) < wanted { first = middle + 1 } else { end = middle }
        }
        first.checked_sub(1).is_some_and(|block| self.block_has(block, wanted))
    }

    fn block_has(&self, block: usize, wanted: u64) -> bool {
        let left = self.entries() as usize - block * BLOCK;
        let mut at = 8 * self.number(16 + 12 * block, 4) as usize;
        let bit = |at: usize| u64::from((self.0[at / 8] >> (7 - at % 8)) & 1);
        let mut value = self.base(block);
        for _ in 0..left.min(BLOCK) {
            let mut ones = 0;
            while bit(at) == 1 {
                (ones, at) = (ones + 1, at + 1);
            }
            at += 1;
            let rest = (at..at + BITS as usize).fold(0, |number, at| (number << 1) | bit(at));
            at += BITS as usize;
            value += (ones << BITS) + rest;
            if value >= wanted {
                return value == wanted;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(password: &str) -> Option<Rule> {
        why(password, "Ada.Lovelace", &["Latchkey".into(), "Acme Corp".into(), "login.example.org".into()])
    }

    #[test]
    fn the_list_is_as_long_as_it_says_and_sorted() {
        assert!(COMMON.entries() >= 100_000, "{}", COMMON.entries());
        assert!(COMMON.0.len() <= 400_000, "{} bytes", COMMON.0.len());
        let bases: Vec<u64> = (0..COMMON.blocks()).map(|block| COMMON.base(block)).collect();
        assert!(bases.is_sorted() && bases.len() == (COMMON.entries() as usize).div_ceil(BLOCK));
    }

    #[test]
    fn the_first_three_thousand_are_all_refused() {
        let first = include_str!("../data/first-3000.txt");
        assert_eq!(first.lines().count(), 3000);
        for password in first.lines() {
            let short = password.chars().count() < 8;
            assert!(short || of(password).is_some(), "{password}");
            // Shorter ones are refused for that. Written often enough they are no better.
            let often = password.repeat(8_usize.div_ceil(password.len()).max(2));
            assert!(password.len() > PIECE || of(&often).is_some(), "{often}");
        }
    }

    #[test]
    fn a_password_that_is_not_in_the_list_is_hardly_ever_taken_for_one_that_is() {
        let taken = (0..50_000).filter(|n| COMMON.has(&format!("no such thing {n}"))).count();
        // 50,000 / 2^17 is less than one half.
        assert!(taken <= 6, "{taken}");
    }

    #[test]
    fn each_refusal_has_its_reason() {
        for (password, rule) in [
            ("password", Rule::PasswordCommon),
            ("iloveyou", Rule::PasswordCommon),
            ("P@ssw0rd", Rule::PasswordCommon),
            ("P@ssw0rd2024", Rule::PasswordCommon),
            ("!!monkey77", Rule::PasswordCommon),
            ("ada.lovelace", Rule::PasswordOfName),
            ("lovelace1815", Rule::PasswordOfName),
            ("L0v3l@c3!!", Rule::PasswordOfName),
            ("ecalevol", Rule::PasswordOfName),
            ("latchkey1", Rule::PasswordOfSite),
            ("Acme Corp 2026", Rule::PasswordOfSite),
            ("login.example.org", Rule::PasswordOfSite),
            ("example!2026", Rule::PasswordOfSite),
            ("aaaaaaaaaaaaaaaa", Rule::PasswordRepeats),
            ("xyqpxyqpxyqp", Rule::PasswordRepeats),
            ("0110100110010110", Rule::PasswordRepeats),
            ("12345678", Rule::PasswordSequence),
            ("abcdefgh", Rule::PasswordSequence),
            ("87654321", Rule::PasswordSequence),
            ("qwertzuiop", Rule::PasswordSequence),
            ("1qaz2wsx", Rule::PasswordSequence),
            ("abcd1234", Rule::PasswordSequence),
            ("31.12.1984", Rule::PasswordDate),
            ("19841231", Rule::PasswordDate),
        ] {
            assert_eq!(of(password), Some(rule), "{password}");
        }
    }

    #[test]
    fn what_nobody_would_try_first_is_taken() {
        for password in [
            "correct horse",
            "xk7!pqw2",
            "ein Satz mit Leerzeichen",
            "🦀🦉🐙🦊🐝🐢🦖🐳",
            "ada likes the engine",
            "our latchkey is under the mat",
            "password of the lake",
            "8427105936",
            "three blind mice in 1984",
        ] {
            assert_eq!(of(password), None, "{password}");
        }
    }
}
