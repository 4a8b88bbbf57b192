//! The short run of the fuzzers: each property is tried with its seeds and with some thousands of inputs made from them, the
//! same ones every time. The crates take this file into their tests; `cargo xtask fuzz` runs the long way, and `LATCHKEY_TEST_TIMES=100` a
//! longer one without another compiler.

use std::fs;
use std::path::Path;

/// What has broken parsers elsewhere.
const TOKENS: [&[u8]; 72] = [
    b"\0",
    b"\t",
    b"\n",
    b"\r\n",
    b" ",
    b"  ",
    b"\"",
    b"'",
    b"\\",
    b"/",
    b"//",
    b"/\\",
    b"..",
    b".",
    b":",
    b"::",
    b"@",
    b"[",
    b"]",
    b"{",
    b"}",
    b"(",
    b")",
    b"<",
    b">",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"</",
    b"/>",
    b"&",
    b"&#x3c;",
    b"=",
    b"==",
    b"?",
    b"#",
    b"%",
    b"%00",
    b"%0a",
    b"%25",
    b"%2f",
    b"%3A",
    b"%ff",
    b"+",
    b"-",
    b"_",
    b",",
    b";",
    b"|",
    b"*",
    b"$",
    b"0",
    b"00000000",
    b"-1",
    b"1e9",
    b"NaN",
    b"inf",
    b"q=0",
    b"4294967296",
    b"18446744073709551616",
    b"99999999999999999999",
    b"127.0.0.1",
    b"::1",
    b"::ffff:10.0.0.1",
    b"localhost",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"otpauth://",
    b"javascript:",
    b"url(",
    b"_file",
];

/// Letters that change their length, their case or their place when somebody touches them.
const LETTERS: [char; 20] = [
    '\u{301}',
    '\u{344}',
    '\u{1e9b}',
    '\u{130}',
    '\u{131}',
    '\u{17f}',
    '\u{df}',
    '\u{212a}',
    '\u{fb03}',
    '\u{fdfa}',
    '\u{ff11}',
    '\u{661}',
    '\u{a0}',
    '\u{85}',
    '\u{200b}',
    '\u{202e}',
    '\u{feff}',
    '\u{2028}',
    '\u{e9}',
    '\u{1f511}',
];

/// A sequence that depends on nothing but its seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `most`, which is not zero.
    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }
}

/// Says which input it was when the property fails.
struct Blame<'a> {
    target: &'a str,
    input: &'a [u8],
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: the input was b\"{}\"", self.target, self.input.escape_ascii());
        }
    }
}

/// Tries a property with every seed of `target`, and with `inputs` more that are made from them.
pub(crate) fn tried(target: &str, inputs: usize, property: fn(&[u8])) {
    let mut seeds = seeds(target);
    let judge = |input: &[u8]| {
        let _blame = Blame { target, input };
        property(input);
    };
    judge(b"");
    seeds.iter().for_each(|seed| judge(seed));
    seeds.push(Vec::new());
    let mut dice = Dice(target.bytes().fold(7, |sum, byte| sum.rotate_left(5) ^ u64::from(byte)));
    for _ in 0..inputs * times() {
        let mut input = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            change(&mut input, &seeds, &mut dice);
        }
        judge(&input);
    }
}

/// How many times as many inputs as the suite tries.
fn times() -> usize {
    #[expect(clippy::disallowed_methods, reason = "only tests know this variable, and only here")]
    let times = std::env::var("LATCHKEY_TEST_TIMES");
    times.ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// The seeds of a target. What is no text is kept as one: as hexadecimal digits, in a file that ends in `.hex`.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{} holds the seeds: {error}", folder.display()))
        .map(|file| file.expect("a folder can be listed").path())
        .collect();
    // The file system has an order of its own.
    files.sort();
    assert!(!files.is_empty(), "{} holds no seed", folder.display());
    files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).expect("a seed can be read");
            if file.extension().is_some_and(|ending| ending == "hex") { from_hex(&bytes) } else { bytes }
        })
        .collect()
}

fn from_hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        text.iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect()
}

/// One change of the kinds that fuzzers make.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let end = at + dice.below((input.len() - at).min(24) + 1);
    let mut letter = [0; 4];
    match dice.below(10) {
        0 | 1 => drop(input.splice(at..at, TOKENS[dice.below(TOKENS.len())].iter().copied())),
        2 => drop(input.splice(at..end, TOKENS[dice.below(TOKENS.len())].iter().copied())),
        3 => {
            let letter = LETTERS[dice.below(LETTERS.len())].encode_utf8(&mut letter);
            drop(input.splice(at..at, letter.bytes()));
        }
        4 => drop(input.drain(at..end)),
        5 if at < input.len() => input[at] ^= 1 << dice.below(8),
        6 if at < input.len() => input[at] = dice.next() as u8,
        7 => {
            let twice = input[at..end].to_vec();
            drop(input.splice(at..at, twice));
        }
        8 => {
            let other = &seeds[dice.below(seeds.len())];
            input.truncate(at);
            input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        // Rarely: much more than anybody expects.
        9 if dice.below(16) == 0 => {
            let token = TOKENS[dice.below(TOKENS.len())].repeat(dice.below(3000));
            drop(input.splice(at..at, token));
        }
        _ => input.push(b' ' + dice.below(95) as u8),
    }
}
