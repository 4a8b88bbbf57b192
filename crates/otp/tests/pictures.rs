//! QR codes, read by two decoders that others wrote: rqrr and zbarimg.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod common;

use common::Chance;
use otp::{Account, Algorithm, Digits, Drawing, Key, Kind, Qr, Secret};
use std::path::{Path, PathBuf};
use std::process::Command;

const NAMES: &[&str] = &[
    "ada",
    "Acme",
    "x",
    "Acme & Söhne GmbH",
    "R+D 100% (test)",
    "ada+work@example.org",
    "grace.hopper@navy.example.com",
    "The Very Long Department of Redundancy Department, Building 7",
    "a very long account name that someone typed because nothing kept them from typing it, all of it",
    "Ærøskøbing Rådhus",
    "Пример",
    "日本語のサービス",
    "مثال",
    "🔑🚪 door",
    "👩‍👩‍👧‍👦",
    "spaces   inside",
    "%41%zz%",
    "a=b&c=d;e",
    "q?u#e/s\\t|i\"o'n",
    "~tilde_under-score.dot",
    "<script>alert(1)</script>",
    "ZERO\u{200b}WIDTH",
    "é (e\u{301})",
];

/// Three hundred accounts of every shape, the same on each run.
fn accounts() -> Vec<Account> {
    let mut chance = Chance::seeded(18004);
    let any = |chance: &mut Chance, round: usize| {
        let length = *chance.pick(&[10, 16, 20, 20, 20, 32, 64]);
        let secret = Secret::from_bytes(&chance.bytes(length)).unwrap();
        let digits = Digits::new(*chance.pick(&[6, 6, 7, 8])).unwrap();
        let key = Key::new(secret).with_algorithm(*chance.pick(&Algorithm::ALL)).with_digits(digits);
        let key = key.with_period(*chance.pick(&[30, 30, 60, 45, 86_400])).unwrap();
        // A counter's link has no period, so that only the default can be read back.
        let (key, kind) = match chance.below(6) {
            0 => (key.with_period(30).unwrap(), Kind::Hotp { counter: chance.next() }),
            _ => (key, Kind::Totp),
        };
        let issuer = if round % 25 == 24 { "" } else { NAMES[round % NAMES.len()] };
        Account { issuer: issuer.into(), name: (*chance.pick(NAMES)).into(), key, kind }
    };
    (0..300).map(|round| any(&mut chance, round)).collect()
}

/// A picture as rows of light (255) and dark (0).
struct Picture {
    side: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG, insisting on one bit of gray.
    fn of_png(file: &[u8]) -> Picture {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buffer).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::One));
        assert_eq!(info.width, info.height);
        let side = info.width as usize;
        let light = |x: usize, y: usize| buffer[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0;
        Picture::drawn(side, 1, light)
    }

    /// `scale` pixels for each of `side` modules a row.
    fn drawn(side: usize, scale: usize, light: impl Fn(usize, usize) -> bool) -> Picture {
        let (modules, side) = (side, side * scale);
        let gray = |at: usize| if light(at % side / scale, at / side / scale) { 255 } else { 0 };
        assert_eq!(modules * scale, side);
        Picture { side, pixels: (0..side * side).map(gray).collect() }
    }

    /// As a file, to show it to somebody else.
    fn save(&self, path: &Path) {
        let side = u32::try_from(self.side).unwrap();
        let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&self.pixels).unwrap();
    }

    /// What rqrr reads in it: exactly one symbol, at level M or better.
    fn read(&self) -> String {
        let gray = |x, y| self.pixels[y * self.side + x];
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.side, self.side, gray);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "symbols that rqrr finds");
        let (meta, text) = grids[0].decode().unwrap();
        // The standard numbers the levels M 0, L 1, H 2, Q 3.
        assert_ne!(meta.ecc_level, 1, "level L is too weak");
        text
    }
}

/// What zbarimg reads in these files, one symbol each.
fn zbarimg(files: &[PathBuf]) -> Vec<String> {
    let output = Command::new("zbarimg")
        .args(["--raw", "--quiet", "--nodbus", "-Sdisable", "-Sqrcode.enable"])
        .args(files)
        .output()
        .expect("zbarimg does not run; `cargo xtask test` installs it, or install the package `zbar-tools`");
    assert!(output.status.success(), "zbarimg: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn three_hundred_links_are_read_back_from_their_pictures_by_two_decoders() {
    let accounts = accounts();
    assert_eq!(accounts.len(), 300);
    // Side by side, because rqrr needs most of the time. A failure in any part fails the test.
    std::thread::scope(|scope| {
        for part in accounts.chunks(75) {
            scope.spawn(|| read_by_both(part));
        }
    });
}

fn read_by_both(accounts: &[Account]) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (round, account) in accounts.iter().enumerate() {
        let uri = account.to_uri();
        assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()), "{}", *uri);
        // Pages draw eight pixels a module. Most pictures here are smaller, which is faster and harder.
        let scale = if round % 10 == 0 { 8 } else { 3 + round as u32 % 3 };
        let png = Qr::encode(&uri).unwrap().png(scale);
        assert_eq!(Picture::of_png(&png).read(), *uri, "rqrr, {account:?}");
        let file = folder.path().join(format!("{round:03}.png"));
        std::fs::write(&file, png).unwrap();
        files.push(file);
    }

    let texts = zbarimg(&files);
    assert_eq!(texts.len(), accounts.len(), "symbols that zbarimg finds");
    for (text, account) in texts.iter().zip(accounts) {
        assert_eq!(text, account.to_uri().as_str(), "zbarimg, {account:?}");
        assert_eq!(Account::parse(text).as_ref(), Ok(account));
    }
}

/// The modules that our SVG paints: a white square, then rectangles `M x y h width v1 h-width z`.
fn modules_of_svg(svg: &str) -> (usize, Vec<bool>) {
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
    let until = |text: &str, mark: &str| text.split_once(mark).unwrap().0.to_owned();
    let side: usize = until(&after(svg, "viewBox=\"0 0 "), " ").parse().unwrap();
    assert!(svg.contains(&format!("<path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>")));
    let path = until(&after(svg, "<path fill=\"#000\" d=\""), "\"");
    let mut light = vec![true; side * side];
    for run in path.split_terminator('z') {
        let (x, rest) = run.strip_prefix('M').unwrap().split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (width, rest) = rest.split_once("v1h-").unwrap();
        assert_eq!(width, rest, "a rectangle that closes");
        let (x, y, width): (usize, usize, usize) =
            (x.parse().unwrap(), y.parse().unwrap(), width.parse().unwrap());
        light[y * side + x..y * side + x + width].fill(false);
    }
    (side, light)
}

/// The modules that block letters show, where the letters draw either what is light or what is dark.
fn modules_of_blocks(text: &str, letters_are_light: bool) -> (usize, Vec<bool>) {
    let side = text.lines().next().unwrap().chars().count();
    let mut light = Vec::new();
    for half in text.lines().flat_map(|line| [(line, true), (line, false)]) {
        assert_eq!(half.0.chars().count(), side);
        light.extend(half.0.chars().map(|glyph| {
            let drawn = match glyph {
                '█' => true,
                '▀' => half.1,
                '▄' => !half.1,
                ' ' => false,
                other => panic!("{other:?} is no block"),
            };
            drawn == letters_are_light
        }));
    }
    assert_eq!(light.len(), side * (side + 1));
    assert!(light[side * side..].iter().all(|&light| light), "the row below the symbol is light");
    (side, light)
}

/// The modules that `#` and spaces show, two a module.
fn modules_of_ascii(text: &str, letters_are_light: bool) -> (usize, Vec<bool>) {
    let side = text.lines().count();
    let mut light = Vec::new();
    for line in text.lines() {
        assert_eq!(line.len(), 2 * side);
        light.extend(line.as_bytes().chunks(2).map(|pair| match pair {
            b"##" => letters_are_light,
            b"  " => !letters_are_light,
            other => panic!("{other:?} is no module"),
        }));
    }
    (side, light)
}

#[test]
fn svg_and_terminal_show_the_same_code_as_the_png() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut uris) = (Vec::new(), Vec::new());
    for account in accounts().iter().step_by(12) {
        let uri = account.to_uri();
        let qr = Qr::encode(&uri).unwrap();
        let bare = |text: String, colors: &str| {
            assert!(text.lines().all(|line| line.starts_with(colors) && line.ends_with("\x1b[0m")));
            text.replace(colors, "").replace("\x1b[0m", "")
        };
        let colored = bare(qr.drawn(Drawing::Colored, false), "\x1b[38;5;16;48;5;231m");
        let swapped = bare(qr.drawn(Drawing::Colored, true), "\x1b[38;5;231;48;5;16m");
        assert_eq!(bare(qr.terminal(), "\x1b[38;5;16;48;5;231m"), colored);
        assert_eq!(qr.terminal_plain(), qr.drawn(Drawing::Blocks, false));
        // Black letters on white draw what is dark, and so do white ones on black, where everything is inverted.
        let drawings = [
            modules_of_svg(&qr.svg()),
            modules_of_blocks(&colored, false),
            modules_of_blocks(&swapped, false),
            modules_of_blocks(&qr.drawn(Drawing::Blocks, false), true),
            modules_of_blocks(&qr.drawn(Drawing::Blocks, true), false),
            modules_of_ascii(&qr.drawn(Drawing::Ascii, false), true),
            modules_of_ascii(&qr.drawn(Drawing::Ascii, true), false),
        ];
        for (number, (side, light)) in drawings.into_iter().enumerate() {
            assert_eq!(side, qr.side() as usize);
            let picture = Picture::drawn(side, 4, |x, y| light[y * side + x]);
            assert_eq!(picture.read(), *uri);
            let file = folder.path().join(format!("{:03}-{number}.png", files.len()));
            picture.save(&file);
            files.push(file);
            uris.push(uri.to_string());
        }
    }
    assert_eq!(zbarimg(&files), uris);
}

#[test]
fn a_png_has_the_size_it_was_asked_for() {
    let qr =
        Qr::encode("otpauth://totp/Acme:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme").unwrap();
    // Version 5 has 37 modules a side; with the quiet zone 45.
    assert_eq!(qr.side(), 45);
    for scale in [1, 2, 5, 8] {
        assert_eq!(Picture::of_png(&qr.png(scale)).side as u32, 45 * scale);
    }
    let png = qr.png(8);
    assert!(png.len() < 2_000, "{} bytes", png.len());
}
