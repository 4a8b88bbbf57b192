//! Which of the eight masks a symbol gets: the one that the penalty rules of ISO/IEC 18004, 7.8.3 choose. The library goes by the same
//! rules, module by module; here a line is a number, so that all eight are judged in the time of one.

use qrcodegen::{Mask, QrCode, QrCodeEcc, QrSegment, Version};

use super::TooLong;

/// The most modules on a side that fit into a number: version 11, which holds 251 bytes at level M. Above that the library chooses.
const MOST: usize = 61;
/// Where each mask turns modules over: the bit of a column is set. Rows repeat after twelve.
const MASKS: [[u64; 12]; 8] = masks();

/// Encodes at level M, or better where that makes the symbol no larger, with the mask that the rules choose.
pub(super) fn encode(segments: &[QrSegment]) -> Result<QrCode, TooLong> {
    let with = |mask: Option<u8>| {
        let (smallest, largest, mask) = (Version::MIN, Version::MAX, mask.map(Mask::new));
        QrCode::encode_segments_advanced(segments, QrCodeEcc::Medium, smallest, largest, mask, true)
            .map_err(|_| TooLong)
    };
    let first = with(Some(0))?;
    match Symbol::of(&first).map(|symbol| symbol.best()) {
        None => with(None),
        Some(0) => Ok(first),
        Some(mask) => with(Some(mask)),
    }
}

/// The modules of a symbol without a mask; the lowest bit is the leftmost module.
struct Symbol {
    size: usize,
    rows: [u64; MOST],
    /// Where the data are: what a mask may turn over.
    data: [u64; MOST],
    level: QrCodeEcc,
}

impl Symbol {
    /// Of one that has mask 0. `None`: it is too large.
    fn of(code: &QrCode) -> Option<Symbol> {
        let size = code.size().cast_unsigned() as usize;
        let level = code.error_correction_level();
        let mut symbol = Symbol { size, rows: [0; MOST], data: [0; MOST], level };
        if size > MOST {
            return None;
        }
        symbol.data[..size].copy_from_slice(&data_area(size)[..size]);
        for y in 0..size {
            let module = |x: usize| u64::from(code.get_module(x as i32, y as i32)) << x;
            let row = (0..size).fold(0, |row, x| row | module(x));
            symbol.rows[y] = row ^ (MASKS[0][y % 12] & symbol.data[y]);
        }
        Some(symbol)
    }

    /// The first of the masks with the least penalty.
    fn best(&self) -> u8 {
        (0..8).min_by_key(|mask| penalty(&self.masked(*mask), self.size)).unwrap_or(0)
    }

    fn masked(&self, mask: u8) -> [u64; 64] {
        let mut rows = [0; 64];
        for y in 0..self.size {
            rows[y] = self.rows[y] ^ (MASKS[usize::from(mask)][y % 12] & self.data[y]);
        }
        self.draw_format(&mut rows, mask);
        rows
    }

    /// The level and the mask, twice, with their check bits (7.9).
    fn draw_format(&self, rows: &mut [u64; 64], mask: u8) {
        let level: u32 = match self.level {
            QrCodeEcc::Low => 1,
            QrCodeEcc::Medium => 0,
            QrCodeEcc::Quartile => 3,
            QrCodeEcc::High => 2,
        };
        let word = level << 3 | u32::from(mask);
        let check = (0..10).fold(word, |check, _| (check << 1) ^ ((check >> 9) * 0x537));
        let bits = (word << 10 | check) ^ 0x5412;
        let mut set = |x: usize, y: usize, bit: usize| {
            rows[y] = rows[y] & !(1 << x) | u64::from(bits >> bit & 1) << x;
        };
        for bit in 0..15 {
            match bit {
                0..6 => set(8, bit, bit),
                6 | 7 => set(8, bit + 1, bit),
                8 => set(7, 8, bit),
                _ => set(14 - bit, 8, bit),
            }
            match bit {
                0..8 => set(self.size - 1 - bit, 8, bit),
                _ => set(8, self.size - 15 + bit, bit),
            }
        }
    }
}

/// Everything but finders, timing, alignment, format and version (6.3).
fn data_area(size: usize) -> [u64; MOST] {
    let version = (size - 17) / 4;
    let mut area = [0; MOST];
    let whole = (1 << size) - 1;
    area[..size].fill(whole);
    let mut take = |x: usize, y: usize, (width, height): (usize, usize)| {
        for row in &mut area[y..y + height] {
            *row &= !(((1 << width) - 1) << x);
        }
    };
    take(0, 0, (9, 9));
    take(size - 8, 0, (8, 9));
    take(0, size - 8, (9, 8));
    take(0, 6, (size, 1));
    take(6, 0, (1, size));
    if version >= 7 {
        take(size - 11, 0, (3, 6));
        take(0, size - 11, (6, 3));
    }
    // Up to version 11 there are three lines of these patterns at most: the first, the last, and one in the middle of them.
    let (first, last) = (6, size - 7);
    let centers: &[usize] = match version {
        1 => &[],
        2..7 => &[first, last],
        _ => &[first, usize::midpoint(first, last), last],
    };
    for &x in centers {
        for &y in centers {
            if ![(first, first), (first, last), (last, first)].contains(&(x, y)) {
                take(x - 2, y - 2, (5, 5));
            }
        }
    }
    area
}

const fn masks() -> [[u64; 12]; 8] {
    let mut masks = [[0; 12]; 8];
    let mut at = 0;
    while at < 8 * 12 * 64 {
        let (mask, y, x) = (at / (12 * 64), at / 64 % 12, at % 64);
        let turns = match mask {
            0 => (x + y) % 2,
            1 => y % 2,
            2 => x % 3,
            3 => (x + y) % 3,
            4 => (x / 3 + y / 2) % 2,
            5 => x * y % 2 + x * y % 3,
            6 => (x * y % 2 + x * y % 3) % 2,
            _ => ((x + y) % 2 + x * y % 3) % 2,
        };
        if turns == 0 {
            masks[mask][y] |= 1 << x;
        }
        at += 1;
    }
    masks
}

/// What the rules count against a symbol: long runs, squares, what looks like a finder, and too much of one color.
fn penalty(rows: &[u64; 64], size: usize) -> u32 {
    let columns = turned(rows);
    let whole = (1 << size) - 1;
    let lines = rows[..size].iter().chain(&columns[..size]);
    let in_lines: u32 =
        lines.map(|line| long_runs(*line) + long_runs(!line & whole) + 40 * finders(*line, size)).sum();
    let squares: u32 = rows[..size].windows(2).map(|two| squares(two[0], two[1], whole >> 1)).sum();
    let dark: u32 = rows[..size].iter().map(|row| row.count_ones()).sum();
    let total = (size * size) as u32;
    // Steps of five in a hundred away from one half, the first of which is free.
    let steps = (dark * 20).abs_diff(total * 10).div_ceil(total) - 1;
    in_lines + 3 * squares + 10 * steps
}

/// Rows made columns: halves of squares are exchanged, then quarters, and so on.
fn turned(rows: &[u64; 64]) -> [u64; 64] {
    let mut lines = *rows;
    let (mut width, mut low) = (32, u64::MAX >> 32);
    while width > 0 {
        for upper in (0..64).filter(|line| line & width == 0) {
            let exchanged = (lines[upper] >> width ^ lines[upper + width]) & low;
            lines[upper] ^= exchanged << width;
            lines[upper + width] ^= exchanged;
        }
        width /= 2;
        low ^= low << width;
    }
    lines
}

/// Three for five of one color in a row, and one for each more.
fn long_runs(line: u64) -> u32 {
    let two = line & line >> 1;
    let five = two & two >> 2 & line >> 4;
    let begins = five & !(five << 1);
    five.count_ones() + 2 * begins.count_ones()
}

/// Squares of two by two that are of one color.
fn squares(row: u64, next: u64, places: u64) -> u32 {
    (!(row ^ next) & !(row ^ row >> 1) & !(next ^ next >> 1) & places).count_ones()
}

/// How often dark and light are as in a finder, 1 : 1 : 3 : 1 : 1, with four of light before or after. Around the symbol is light.
fn finders(line: u64, size: usize) -> u32 {
    let two = line & line >> 1;
    let six = two & two >> 2 & two >> 4;
    // A larger one has at least six of dark in the middle, which is rare.
    let largest = if six == 0 { 1 } else { size / 7 };
    (1..=largest).map(|scale| finders_of(line, scale)).sum()
}

fn finders_of(line: u64, scale: usize) -> u32 {
    // The bit of a place says it of the modules from there on, so many as the scale is.
    let all = (1..scale).fold(line, |all, by| all & line >> by);
    let any = (1..scale).fold(line, |any, by| any | line >> by);
    let dark = |at: usize| if at * scale < 64 { all >> (at * scale) } else { 0 };
    let some = |at: usize| if at * scale < 64 { any >> (at * scale) } else { 0 };
    let mut core = dark(0) & !some(1) & dark(2) & dark(3) & dark(4) & !some(5) & dark(6) & !some(7);
    // And of those before it.
    let before = (1..=scale).fold(0, |any, by| any | line << by);
    core &= !before;
    if core == 0 {
        return 0;
    }
    let further = (scale + 1..=4 * scale).fold(0, |any, by| any | line << by);
    (core & !further).count_ones() + (core & !some(8) & !some(9) & !some(10)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's own choice, which goes by the rules module by module.
    fn of_the_library(segments: &[QrSegment], level: QrCodeEcc) -> QrCode {
        QrCode::encode_segments_advanced(segments, level, Version::MIN, Version::MAX, None, true).unwrap()
    }

    /// Texts of many lengths, letter by letter by chance.
    fn texts() -> impl Iterator<Item = String> {
        let mut state = 1_u64;
        let mut letter = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + (state >> 33) as u8 % 95)
        };
        (0..3000).map(move |number| (0..number % 280).map(|_| letter()).collect())
    }

    #[test]
    fn the_mask_is_the_one_that_the_library_would_choose() {
        let mut sizes = std::collections::BTreeSet::new();
        let mut masks = [0; 8];
        for text in texts() {
            let segments = QrSegment::make_segments(&text);
            let (ours, theirs) = (encode(&segments).unwrap(), of_the_library(&segments, QrCodeEcc::Medium));
            assert!(ours == theirs, "{text:?}");
            sizes.insert(ours.size());
            masks[usize::from(ours.mask().value())] += 1;
        }
        assert!(sizes.len() >= 11 && masks.iter().all(|count| *count > 100), "{sizes:?} {masks:?}");
    }

    #[test]
    fn a_symbol_is_the_same_with_every_mask_at_every_level() {
        for level in [QrCodeEcc::Low, QrCodeEcc::Medium, QrCodeEcc::Quartile, QrCodeEcc::High] {
            for version in 1..=11 {
                let version = Version::new(version);
                let segments = QrSegment::make_segments("LATCHKEY");
                let with = |mask| {
                    QrCode::encode_segments_advanced(
                        &segments,
                        level,
                        version,
                        version,
                        Some(Mask::new(mask)),
                        false,
                    )
                };
                let Ok(first) = with(0) else { continue };
                let symbol = Symbol::of(&first).unwrap();
                for mask in 0..8 {
                    let (rows, theirs) = (symbol.masked(mask), with(mask).unwrap());
                    for (x, y) in (0..theirs.size()).flat_map(|y| (0..theirs.size()).map(move |x| (x, y))) {
                        let ours = rows[y as usize] >> x & 1 == 1;
                        assert_eq!(ours, theirs.get_module(x, y), "{} {mask} {x} {y}", version.value());
                    }
                }
            }
        }
    }

    /// A line from its left edge: `#` is dark.
    fn line(text: &str) -> u64 {
        text.bytes().rev().fold(0, |line, module| line << 1 | u64::from(module == b'#'))
    }

    #[test]
    fn a_finder_counts_at_every_scale_and_on_each_side() {
        for (text, count) in [
            ("#.###.#", 2),
            ("#.###.#..#", 1),
            ("#..#.###.#..#", 0),
            ("#....#.###.#..#", 1),
            ("#..#.###.#....#", 1),
            ("#....#.###.#....#", 2),
            ("#.####.#", 0),
            ("#.##.#", 0),
            ("##..######..##", 2),
            (".....##..######..##", 2),
            ("#.......##..######..##", 1),
            ("#........##..######..##........#", 2),
            ("##..######..##......#", 1),
            ("###...#########...###", 2),
            ("##..######...##", 0),
        ] {
            assert_eq!(finders(line(text), 61), count, "{text}");
        }
    }
}
