//! `cargo xtask passwords`: the list of common passwords that is built into the program, made from lists that others have
//! published. `crates/auth/data/README.md` says which; `crates/auth/src/guessable.rs` reads what this writes.

use std::collections::{HashMap, HashSet};
use std::fs;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::workspace::root;

/// Bits of a hash beyond telling the entries apart. The reader knows it, too.
const BITS: u32 = 17;
/// Entries of a block.
const BLOCK: usize = 512;
/// Shorter passwords are refused for that. Of these only words are kept: what stands in `monkey77`.
const SHORTEST: usize = 8;
/// Entries in all: what fits into 400,000 bytes.
const MOST: usize = 168_000;
/// Words that a long password is taken apart into: the first of the ranked list.
const WORDS: usize = 10_000;

/// Reads the lists and writes `common-passwords.bin` and `first-3000.txt`.
///
/// `FIRST` is in the order of how common they are. What is in the other lists of before `--long` is taken, too. Those after
/// it have no order and millions of lines: of them come those that a guesser would come to first, since they are two or three
/// of the most common words.
pub(crate) fn run(files: &[String]) -> Result<()> {
    let mut groups = files.split(|word| word == "--long");
    let (Some([first, more @ ..]), Some(long)) = (groups.next(), groups.next()) else {
        bail!("cargo xtask passwords FIRST [MORE…] --long LIST…");
    };
    let first = read(first)?;
    let mut chosen: HashSet<String> = HashSet::new();
    for list in std::iter::once(Ok(first.clone())).chain(more.iter().map(|file| read(file))) {
        chosen.extend(list?.into_iter().filter(|password| password.chars().count() >= SHORTEST));
    }
    let whole = chosen.len();
    let words = first.iter().filter(|word| (4..SHORTEST).contains(&word.len()) && is_word(word));
    chosen.extend(words.cloned());
    let short = chosen.len() - whole;

    let ranks = ranks(&first);
    let mut guessed = Vec::new();
    for file in long {
        for password in read(file)? {
            if password.len() >= SHORTEST && !chosen.contains(&password) {
                guessed.extend(cost(&password, &ranks).map(|cost| (cost, password)));
            }
        }
    }
    guessed.sort();
    guessed.dedup();
    let room = MOST.saturating_sub(chosen.len());
    chosen.extend(guessed.into_iter().take(room).map(|(_, password)| password));

    let data = root().join("crates/auth/data");
    fs::create_dir_all(&data)?;
    let bytes = pack(&chosen);
    fs::write(data.join("common-passwords.bin"), &bytes)?;
    fs::write(data.join("first-3000.txt"), first[..3000.min(first.len())].join("\n") + "\n")?;
    println!("{} entries in {} bytes", chosen.len(), bytes.len());
    println!(
        "{whole} of the lists with {SHORTEST} characters or more, {short} shorter words, the rest of the long lists"
    );
    Ok(())
}

/// A list as JSON or as lines, in Unicode's form NFC and in lower case, each once and in its order.
fn read(file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let list: Vec<String> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text).with_context(|| format!("reading {file}"))?,
        false => text.lines().map(str::to_owned).collect(),
    };
    let mut seen = HashSet::new();
    let list = list.into_iter().map(|password| password.nfc().collect::<String>().to_lowercase());
    Ok(list.filter(|password| !password.is_empty() && seen.insert(password.clone())).collect())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase())
}

fn ranks(first: &[String]) -> HashMap<&str, f64> {
    let words = first.iter().filter(|word| word.len() >= 3 && is_word(word)).take(WORDS);
    words.enumerate().map(|(rank, word)| (word.as_str(), (rank as f64 + 2.0).log2())).collect()
}

/// How many guesses, in bits, until somebody comes to this who puts two or three words together; in hundredths, to be sorted.
fn cost(password: &str, ranks: &HashMap<&str, f64>) -> Option<u64> {
    if !is_word(password) {
        return None;
    }
    let two = |text: &str| {
        let cuts = (3..text.len().saturating_sub(2)).filter_map(|at| {
            let (left, right) = text.split_at(at);
            Some(ranks.get(left)? + ranks.get(right)?)
        });
        cuts.min_by(f64::total_cmp)
    };
    let three = (3..password.len().saturating_sub(5)).filter_map(|at| {
        let (left, right) = password.split_at(at);
        Some(ranks.get(left)? + two(right)?)
    });
    let best = two(password).into_iter().chain(three).min_by(f64::total_cmp)?;
    Some((best * 100.0) as u64)
}

/// The list as `guessable.rs` describes it.
fn pack(passwords: &HashSet<String>) -> Vec<u8> {
    let range = (passwords.len() as u128) << BITS;
    let mut hashes: Vec<u64> = passwords.iter().map(|password| hash(password, range)).collect();
    hashes.sort_unstable();
    let mut index = Vec::new();
    let mut body = Vec::new();
    let starts = 8 + 12 * hashes.len().div_ceil(BLOCK);
    let mut before = 0_u64;
    for block in hashes.chunks(BLOCK) {
        // The reader looks for the last block whose base is less than what it wants.
        let base = if index.is_empty() { 0 } else { before };
        index.extend(base.to_be_bytes());
        index.extend(u32::try_from(starts + body.len()).unwrap_or(u32::MAX).to_be_bytes());
        let mut bits = Vec::new();
        let mut value = base;
        for hash in block {
            let gap = hash - value;
            bits.extend(std::iter::repeat_n(true, usize::try_from(gap >> BITS).unwrap_or(usize::MAX)));
            bits.push(false);
            bits.extend((0..BITS).rev().map(|bit| (gap >> bit) & 1 == 1));
            value = *hash;
        }
        before = value;
        body.extend(bits.chunks(8).map(|eight| {
            eight.iter().enumerate().fold(0_u8, |byte, (at, bit)| byte | (u8::from(*bit) << (7 - at)))
        }));
    }
    let counts =
        [hashes.len(), hashes.len().div_ceil(BLOCK)].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let counts = counts.iter().flat_map(|count| count.to_be_bytes());
    counts.chain(index).chain(body).collect()
}

fn hash(password: &str, range: u128) -> u64 {
    let hash: [u8; 32] = Sha256::digest(password.as_bytes()).into();
    let hash = hash[..8].iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    u64::try_from((hash * range) >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_two_common_words_costs_less_than_what_is_three_and_nothing_else_counts() {
        let first = ["love", "you", "monkey", "dragon"].map(str::to_owned);
        let ranks = ranks(&first);
        let (two, three) = (cost("monkeydragon", &ranks), cost("loveyoudragon", &ranks));
        assert!(two.is_some() && two < three, "{two:?} {three:?}");
        assert_eq!((cost("monkeyturnip", &ranks), cost("monkey77", &ranks)), (None, None));
    }

    #[test]
    fn a_packed_list_says_how_many_there_are() {
        let passwords = (0..1000).map(|n| format!("password {n}")).collect();
        let bytes = pack(&passwords);
        assert_eq!(bytes[..8], [0, 0, 3, 232, 0, 0, 0, 2]);
        assert!(bytes.len() < 2500, "{}", bytes.len());
    }
}
