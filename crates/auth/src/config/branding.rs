//! `[branding]`: an accent color that can be read in light and in dark, and where people find help.

use std::fmt;
use std::str::FromStr;

/// What letters need against what is behind them. WCAG 2.2, criterion 1.4.3.
const READABLE: f64 = 4.5;
/// The dark scheme's own color is well above that, and so is one that is made for it.
const READABLE_IN_DARK: f64 = 7.0;

/// The pages' own colors that an accent stands on: paper in light, a card in dark.
const PAPER: Color = Color([0xFA, 0xF8, 0xF3]);
const DARK_CARD: Color = Color([0x1E, 0x1C, 0x18]);
const WHITE: Color = Color([0xFF, 0xFF, 0xFF]);
const BLACK: Color = Color([0, 0, 0]);

/// A color on a screen, as `#RRGGBB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// How bright it is, from 0 to 1. WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// How well one is told from the other, from 1 to 21. WCAG 2.2, "contrast ratio".
    fn contrast(self, other: Color) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The same with so many hundredths of another in it.
    fn mixed(self, other: Color, hundredths: u16) -> Color {
        let part = |a: u8, b: u8| {
            let sum = u16::from(a) * (100 - hundredths) + u16::from(b) * hundredths;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Color(std::array::from_fn(|i| part(self.0[i], other.0[i])))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}

/// The color of the main button, of links and of the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    light: Color,
}

impl Accent {
    /// In light, as it was set.
    pub fn light(self) -> Color {
        self.light
    }

    /// In light, under a pointer.
    pub fn light_deep(self) -> Color {
        self.light.mixed(BLACK, 20)
    }

    /// In dark: as much white in it as makes it readable there.
    pub fn dark(self) -> Color {
        let lighter = (0..=100).step_by(5).map(|hundredths| self.light.mixed(WHITE, hundredths));
        lighter.into_iter().find(|color| color.contrast(DARK_CARD) >= READABLE_IN_DARK).unwrap_or(WHITE)
    }

    /// In dark, under a pointer.
    pub fn dark_deep(self) -> Color {
        self.dark().mixed(WHITE, 25)
    }
}

impl FromStr for Accent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "write a color such as #7A5410: # and six digits from 0 to F";
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(wrong)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong.into());
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).map_err(|_| wrong)?.to_be_bytes();
        let light = Color([red, green, blue]);
        // Links stand on paper, and the button's white letters on the accent: paper is a little darker than white.
        let ratio = light.contrast(PAPER);
        if ratio < READABLE {
            return Err(format!(
                "{light} has a contrast of {:.2} : 1 with the paper of the pages, and {READABLE} : 1 is the least that people can \
                 read: take a darker one. The one for dark pages is made from it",
                (ratio * 100.0).floor() / 100.0
            ));
        }
        Ok(Accent { light })
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.light.fmt(f)
    }
}

/// Where people find help: an address to follow, or words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    text: String,
}

impl Help {
    /// What a link leads to; `None` for words.
    pub fn address(&self) -> Option<&str> {
        let known = ["mailto:", "https://", "tel:"].iter().any(|scheme| self.text.starts_with(scheme));
        known.then_some(&*self.text)
    }

    /// What people read.
    pub fn shown(&self) -> &str {
        let shown = ["mailto:", "https://", "tel:"].iter().find_map(|scheme| self.text.strip_prefix(scheme));
        let shown = shown.map(|rest| rest.split('?').next().unwrap_or(rest).trim_end_matches('/'));
        shown.unwrap_or(&self.text)
    }
}

impl FromStr for Help {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !(1..=200).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err("write one line of at most 200 characters".into());
        }
        let help = Help { text: text.to_owned() };
        let scheme = text.split_once(':').filter(|(scheme, rest)| {
            scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) && !rest.starts_with(' ')
        });
        match (scheme, help.address()) {
            (Some(_), None) => {
                Err("write an address that begins with mailto:, https:// or tel:, or plain words".into())
            }
            (_, Some(address)) if address.contains(char::is_whitespace) || help.shown().is_empty() => {
                Err("an address has no spaces and is not empty: write %20, or plain words without a scheme"
                    .into())
            }
            _ => Ok(help),
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_what_the_standard_says() {
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 0.001);
        // Known from other calculators: 4.54 and 4.48.
        let gray = |part| Color([part; 3]).contrast(WHITE);
        assert!((gray(0x76) - 4.54).abs() < 0.01 && (gray(0x77) - 4.48).abs() < 0.01);
    }

    #[test]
    fn an_accent_that_cannot_be_read_is_refused_with_its_ratio() {
        let said = "#E3B458".parse::<Accent>().unwrap_err();
        assert!(said.contains("#E3B458 has a contrast of 1.8") && said.contains("4.5 : 1"), "{said}");
        for wrong in ["7A5410", "#7A541", "#7A54100", "#7A541G", "brass", "", "#+12345"] {
            assert!(wrong.parse::<Accent>().is_err(), "{wrong}");
        }
        assert_eq!("#7a5410".parse::<Accent>().unwrap().to_string(), "#7A5410");
    }

    #[test]
    fn whatever_can_be_read_in_light_can_be_read_in_dark() {
        let dark_letters = Color([0x1A, 0x14, 0x08]);
        let mut taken = 0;
        for number in (0..0x100_0000_u32).step_by(4099) {
            let Ok(accent) = format!("#{number:06X}").parse::<Accent>() else { continue };
            taken += 1;
            assert!(accent.light().contrast(WHITE) >= 4.5 && accent.light_deep().contrast(WHITE) >= 4.5);
            for color in [accent.dark(), accent.dark_deep()] {
                assert!(
                    color.contrast(DARK_CARD) >= 4.5 && color.contrast(dark_letters) >= 4.5,
                    "{accent}: {color}"
                );
            }
        }
        assert!(taken > 500, "only {taken}");
    }

    #[test]
    fn help_is_an_address_to_follow_or_words() {
        let help = |text: &str| text.parse::<Help>().unwrap();
        for (text, shown) in [
            ("mailto:help@example.org?subject=Sign%20in", "help@example.org"),
            ("https://example.org/help/", "example.org/help"),
            ("tel:+4930123456", "+4930123456"),
        ] {
            assert_eq!((help(text).address(), help(text).shown()), (Some(text), shown));
        }
        for words in ["Ask Ada, room 7", "Phone: 030 123456", "ask <ada>"] {
            assert_eq!((help(words).address(), help(words).shown()), (None, words));
        }
        for wrong in ["javascript:alert(1)", "http://example.org", "mailto:", "mailto:a b", "", "a\nb"] {
            assert!(wrong.parse::<Help>().is_err(), "{wrong}");
        }
    }
}
