//! A text as a QR code: PNG for pages, SVG for print, blocks for a terminal. What the text says is in
//! `uri.rs`.
//!
//! Always black on white, with the four light modules on each side that ISO/IEC 18004 asks for: phones fail
//! on inverted and on borderless codes.

mod mask;

use qrcodegen::{QrCode, QrSegment};
use std::fmt::Write;

/// Light modules on each side of the symbol.
const QUIET: u32 = 4;

/// A QR code, not yet a picture.
pub struct Qr(QrCode);

/// How a code is drawn with letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Half blocks with colors of their own: right in every terminal.
    Colored,
    /// Half blocks without colors: right where light letters stand on a dark ground.
    Blocks,
    /// `#` and spaces: the same, where nothing but ASCII gets through.
    Ascii,
}

/// A text that no QR code can hold: more than 2,331 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct TooLong;

impl Qr {
    /// The most pixels a module gets in [`Qr::png`].
    pub const LARGEST_SCALE: u32 = 64;

    /// Encodes at level M, or better where that makes the symbol no larger, with the mask that the standard's
    /// penalty rules choose.
    ///
    /// M because screens are clean: a higher level only makes the modules smaller.
    pub fn encode(text: &str) -> Result<Qr, TooLong> {
        mask::encode(&QrSegment::make_segments(text)).map(Qr)
    }

    /// Modules on a side, the quiet zone included. A page that shows the PNG at a whole multiple of this
    /// stays sharp.
    pub fn side(&self) -> u32 {
        self.0.size().cast_unsigned() + 2 * QUIET
    }

    /// Whether the module is dark. The quiet zone and whatever lies beyond it are light.
    fn dark(&self, x: u32, y: u32) -> bool {
        let inside = |at: u32| at.wrapping_sub(QUIET).cast_signed();
        // The library answers false outside of the symbol.
        self.0.get_module(inside(x), inside(y))
    }

    /// A PNG with one bit a pixel and `scale` pixels a module, from 1 to
    /// [`LARGEST_SCALE`](Self::LARGEST_SCALE).
    pub fn png(&self, scale: u32) -> Vec<u8> {
        let scale = scale.clamp(1, Self::LARGEST_SCALE);
        let side = self.side() * scale;
        let mut pixels = Vec::with_capacity((side.div_ceil(8) * side) as usize);
        for y in 0..self.side() {
            let mut line = vec![0xff_u8; side.div_ceil(8) as usize];
            for x in (0..self.side()).filter(|x| self.dark(*x, y)).flat_map(|x| x * scale..(x + 1) * scale) {
                line[(x / 8) as usize] &= !(0x80 >> (x % 8));
            }
            for _ in 0..scale {
                pixels.extend_from_slice(&line);
            }
        }

        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        // A line that is as the one above it becomes zeros, which the fastest way packs well: two kilobytes in a thirtieth of the
        // time that one would take.
        encoder.set_filter(png::Filter::Up);
        encoder.set_compression(png::Compression::Fast);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .expect("a picture of the right size can be written to memory");
        file
    }

    /// An SVG that scales to any size: one white square, and one path that draws each run of dark modules.
    pub fn svg(&self) -> String {
        let side = self.side();
        let mut path = String::new();
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|&x| self.dark(x, y)).count() as u32;
                if run > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
             <path fill=\"#000\" d=\"{path}\"/></svg>\n"
        )
    }

    /// Half blocks, two modules a character, in black on white whatever colors the terminal has.
    pub fn terminal(&self) -> String {
        self.drawn(Drawing::Colored, false)
    }

    /// Half blocks without colors, for terminals with light letters on a dark ground: the letters draw what
    /// is light.
    pub fn terminal_plain(&self) -> String {
        self.drawn(Drawing::Blocks, false)
    }

    /// The code as text. `inverted` exchanges light and dark: without colors that is what a dark-on-light
    /// terminal, or paper, needs.
    pub fn drawn(&self, drawing: Drawing, inverted: bool) -> String {
        // Black and white of the 256-color cube: themes change the sixteen named colors, and 47 is often
        // gray.
        const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
        const WHITE_ON_BLACK: &str = "\x1b[38;5;231;48;5;16m";
        const RESET: &str = "\x1b[0m";
        let draws = |upper: bool, lower: bool| match (upper, lower) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        match drawing {
            Drawing::Colored => {
                let colors = if inverted { WHITE_ON_BLACK } else { BLACK_ON_WHITE };
                self.blocks(colors, RESET, draws)
            }
            Drawing::Blocks if inverted => self.blocks("", "", draws),
            Drawing::Blocks => self.blocks("", "", |upper, lower| draws(!upper, !lower)),
            Drawing::Ascii => self.ascii(inverted),
        }
    }

    /// Two letters a module, since letters are about twice as high as they are wide.
    fn ascii(&self, inverted: bool) -> String {
        let mut text = String::new();
        for y in 0..self.side() {
            text.extend((0..self.side()).map(|x| if self.dark(x, y) == inverted { "##" } else { "  " }));
            text.push('\n');
        }
        text
    }

    /// Two rows of modules a line. The side is odd, so the last line ends in a row that is light.
    fn blocks(&self, before: &str, after: &str, glyph: impl Fn(bool, bool) -> char) -> String {
        let mut text = String::new();
        for y in (0..self.side()).step_by(2) {
            text.push_str(before);
            text.extend((0..self.side()).map(|x| glyph(self.dark(x, y), self.dark(x, y + 1))));
            text.push_str(after);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_zone_is_four_modules_on_every_side() {
        let qr = Qr::encode("otpauth://totp/Example:ada?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let last = qr.side() - 1;
        for across in 0..=last {
            for edge in (0..4).chain(last - 3..=last) {
                assert!(!qr.dark(across, edge) && !qr.dark(edge, across));
            }
        }
        // The finder patterns begin right behind it.
        assert!(qr.dark(4, 4) && qr.dark(last - 4, 4) && qr.dark(4, last - 4));
    }

    #[test]
    fn the_longest_text_is_as_long_as_the_error_says() {
        assert!(Qr::encode(&"a".repeat(2_331)).is_ok());
        assert_eq!(Qr::encode(&"a".repeat(2_332)).err(), Some(TooLong));
    }

    #[test]
    fn a_scale_of_nothing_and_one_beyond_measure_still_give_a_picture() {
        let qr = Qr::encode("a").unwrap();
        assert_eq!(qr.png(0), qr.png(1));
        assert_eq!(qr.png(u32::MAX), qr.png(Qr::LARGEST_SCALE));
    }

    #[test]
    fn every_line_of_the_terminal_sets_and_resets_its_colors() {
        let text = Qr::encode("a").unwrap().terminal();
        assert_eq!(text.lines().count(), 15);
        for line in text.lines() {
            assert!(line.starts_with("\x1b[38;5;16;48;5;231m") && line.ends_with("\x1b[0m"));
        }
    }
}
