//! Paths. A proxy, Latchkey and the program behind them each read a path in their own way: one decodes `%2f`, one drops
//! `;parameters`, one takes `//` for `/`. So a path is read in every way that is known, and the strictest answer counts.
//! What no browser sends, such as `..` or a path encoded twice, is not read at all.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Bytes that a path may have. Servers take no longer ones.
const LONGEST: usize = 8192;
/// Bytes of a path in a rule.
const LONGEST_PATTERN: usize = 256;
/// What ends a pattern for everything below a directory.
const BELOW: &str = "/*";
/// How a slash is written that is none to those who split before they decode.
const KEPT_SLASH: &str = "%2f";

/// How somebody decodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decoding {
    /// Everything, then split.
    Whole,
    /// Split, then everything.
    Parts,
    /// Nothing.
    Nothing,
}

/// A path as it was sent, and the ways in which it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    raw: String,
    /// None where the only one is the path as it was sent, which is so most of the time.
    readings: Vec<String>,
    /// The same.
    folded: Vec<String>,
}

impl Path {
    /// Reads a path, without its query, in every way. Refuses what no browser sends.
    pub(crate) fn parse(raw: &str) -> Result<Path, &'static str> {
        if !raw.starts_with('/') {
            return Err("it does not begin with a slash");
        }
        if raw.len() > LONGEST {
            return Err("it is longer than 8192 bytes");
        }
        if raw.bytes().any(|b| !b.is_ascii_graphic() || b"\\#?".contains(&b)) {
            return Err("it has a character that browsers encode, or never send");
        }
        if is_plain(raw) { Ok(Path::plain(raw)) } else { Path::in_every_way(raw) }
    }

    /// A path that everybody reads in the same way.
    fn plain(raw: &str) -> Path {
        let folded = if is_folded(raw) { Vec::new() } else { vec![fold(raw)] };
        Path { raw: raw.to_owned(), readings: Vec::new(), folded }
    }

    fn in_every_way(raw: &str) -> Result<Path, &'static str> {
        refuse_what_is_read_twice(&decoded(raw, Decoding::Whole)?)?;
        let (mut readings, mut folded) = (Vec::new(), Vec::new());
        for decoding in [Decoding::Whole, Decoding::Parts, Decoding::Nothing] {
            let text = decoded(raw, decoding)?;
            pieces(&text).for_each(|piece| read(piece, &mut readings));
        }
        readings.iter().for_each(|text| keep(&mut folded, &fold(text)));
        let dotted = |text: &String| text.split('/').any(is_dots);
        if readings.iter().any(dotted) || folded_with_dots(&readings) {
            return Err("a part of it is made of dots alone");
        }
        for texts in [&mut readings, &mut folded] {
            if *texts == [raw] {
                texts.clear();
            }
        }
        Ok(Path { raw: raw.to_owned(), readings, folded })
    }

    /// As it was sent.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// In its one spelling: decoded once, without parameters and double slashes.
    pub(crate) fn canonical(&self) -> &str {
        &self.each(&self.readings)[0]
    }

    /// Every way to read it, the canonical one first.
    pub(crate) fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        self.each(&self.readings).iter().map(|text| Reading { text, folded: false })
    }

    /// The same, by those to whom upper and lower case are one.
    pub(crate) fn folded(&self) -> impl Iterator<Item = Reading<'_>> {
        self.each(&self.folded).iter().map(|text| Reading { text, folded: true })
    }

    fn each<'a>(&'a self, texts: &'a [String]) -> &'a [String] {
        if texts.is_empty() { std::slice::from_ref(&self.raw) } else { texts }
    }
}

/// Whether there is nothing in a path that anybody could read in another way. Most paths are so, and are read in a tenth of the time.
fn is_plain(raw: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_~.".contains(&b);
    raw.bytes().all(plain) && !raw.contains("//") && !raw.split('/').any(is_dots)
}

/// One way to read a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) text: &'a str,
    pub(crate) folded: bool,
}

/// Notes a path that is decoded, with and without its parameters and its double slashes.
fn read(text: &str, readings: &mut Vec<String>) {
    for text in [without_parameters(text), Cow::Borrowed(text)] {
        keep(readings, &merge(&text));
        keep(readings, &text);
    }
}

fn keep(texts: &mut Vec<String>, text: &str) {
    if !texts.iter().any(|kept| kept == text) {
        texts.push(text.to_owned());
    }
}

/// The path; what is left of it for those who take `//` for the beginning of a host; and both for those who look for a query or
/// a fragment once more when it is decoded.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let behind_host = text.strip_prefix("//").map(|rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let starts = std::iter::once(text).chain(behind_host);
    starts.flat_map(|text| std::iter::once(text).chain(text.find(['?', '#']).map(|at| &text[..at])))
}

fn decoded(raw: &str, decoding: Decoding) -> Result<String, &'static str> {
    if decoding == Decoding::Nothing {
        return Ok(raw.to_owned());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Err("a percent sign stands without its two digits");
        };
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some((high, low)) = digit(*high).zip(digit(*low)) else {
            return Err("a percent sign stands without its two digits");
        };
        match (high << 4) | low {
            b'/' if decoding == Decoding::Parts => bytes.extend_from_slice(KEPT_SLASH.as_bytes()),
            byte => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 when it is decoded")
}

/// Refuses what somebody would decode a second time, or take for a separator that it is not.
fn refuse_what_is_read_twice(decoded: &str) -> Result<(), &'static str> {
    if decoded.contains(char::is_control) {
        return Err("it has a control character");
    }
    if decoded.contains('\\') {
        return Err("it has a backslash, which some programs read as a slash");
    }
    for (at, _) in decoded.match_indices('%') {
        let after = &decoded.as_bytes()[at + 1..];
        let digits = after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit);
        if digits || after.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'u')) {
            return Err("it is encoded twice");
        }
    }
    let separates = |c: char| std::iter::once(c).nfkc().any(|c| "/\\%;".contains(c));
    if decoded.chars().any(|c| !c.is_ascii() && separates(c)) {
        return Err("it has a letter that some programs read as a separator");
    }
    Ok(())
}

fn without_parameters(path: &str) -> Cow<'_, str> {
    if !path.contains(';') {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split('/').map(|part| part.split(';').next().unwrap_or(part)).collect();
    Cow::Owned(parts.join("/"))
}

fn merge(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut merged = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    Cow::Owned(merged)
}

/// The path to those who tell neither case nor width apart, and drop dots and spaces at the end of a name.
fn fold(path: &str) -> String {
    let lower = lower(path);
    let parts: Vec<&str> = lower.split('/').map(|part| part.trim_end_matches(['.', ' '])).collect();
    parts.join("/")
}

/// Whether folding leaves a plain path as it is.
fn is_folded(plain: &str) -> bool {
    !plain.bytes().any(|b| b.is_ascii_uppercase()) && !plain.ends_with('.') && !plain.contains("./")
}

fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // By way of upper case, since some letters meet there only.
    text.nfkc().collect::<String>().to_uppercase().to_lowercase()
}

fn folded_with_dots(readings: &[String]) -> bool {
    readings.iter().any(|text| text.split('/').any(|part| !part.is_ascii() && is_dots(&lower(part))))
}

/// `.` and `..`, and what others make of `...` and `. .`.
fn is_dots(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b == b'.' || b == b' ')
}

/// Paths that a rule is for: one, or a directory with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    /// Without the slash at its end; of `/` nothing is left.
    path: String,
    folded: String,
    below: bool,
}

impl Paths {
    /// Reads `/health`, which is `/health/` too, or `/api/*`, which is `/api` and everything below.
    pub(crate) fn parse(text: &str) -> Result<Paths, &'static str> {
        if !text.starts_with('/') {
            return Err("a path begins with a slash");
        }
        let (below, path) = match text.strip_suffix(BELOW) {
            Some(path) => (true, path),
            None => (false, if text == "/" { "" } else { text }),
        };
        if path.contains('*') {
            return Err("a star stands only at the end, as in /api/*");
        }
        // What else may stand in an address is encoded by some browsers and not by others.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&()+,=:@".contains(&b);
        if !path.bytes().all(plain) {
            return Err(
                "a path has letters from a to z, digits and -._~!$&()+,=:@, and nothing that is encoded",
            );
        }
        if path.ends_with('/') {
            return Err("leave the slash at the end away, or write /* for everything below");
        }
        if path.contains("//") || path.split('/').any(|part| is_dots(part) || part.ends_with('.')) {
            return Err("write the path as it is, without // and without parts that end in a dot");
        }
        if path.len() > LONGEST_PATTERN {
            return Err("a path in a rule has at most 256 bytes");
        }
        Ok(Paths { path: path.to_owned(), folded: fold(path), below })
    }

    /// Whether a path is one of them, read in this way.
    pub(crate) fn contain(&self, reading: Reading<'_>) -> bool {
        let own = if reading.folded { &self.folded } else { &self.path };
        let rest = reading.text.strip_prefix(own.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest == "/" || (self.below && rest.starts_with('/')))
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.below, self.path.as_str()) {
            (true, path) => write!(f, "{path}{BELOW}"),
            (false, "") => f.write_str("/"),
            (false, path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(raw: &str) -> Vec<String> {
        let path = Path::parse(raw).unwrap();
        path.readings().map(|reading| reading.text.to_owned()).collect()
    }

    fn folded(raw: &str) -> Vec<String> {
        Path::parse(raw).unwrap().folded().map(|reading| reading.text.to_owned()).collect()
    }

    #[test]
    fn a_plain_path_is_read_in_one_way() {
        for plain in ["/", "/api", "/api/", "/a/b.c/d-e_f~g", "/@ada/+1:2,3=(4)!$&'*"] {
            assert_eq!(ways(plain), [plain]);
        }
        assert_eq!(folded("/Api/V1"), ["/api/v1"]);
    }

    #[test]
    fn what_is_read_in_one_way_is_what_would_be_read_in_every_way() {
        let (mut paths, mut plain) = (vec!["/".to_owned()], 0);
        for _ in 0..5 {
            let longer = paths.iter().flat_map(|path| "/aB.-~_%;".chars().map(move |c| format!("{path}{c}")));
            paths = longer.collect();
            for path in paths.iter().filter(|path| is_plain(path)) {
                assert_eq!(Path::in_every_way(path), Ok(Path::plain(path)), "{path}");
                plain += 1;
            }
        }
        assert!(plain > 10_000, "{plain}");
    }

    #[test]
    fn other_paths_are_read_in_every_way_the_canonical_one_first() {
        assert_eq!(ways("/%61pi"), ["/api", "/%61pi"]);
        assert_eq!(ways("/a%2Fb"), ["/a/b", "/a%2fb", "/a%2Fb"]);
        assert_eq!(ways("/a//b"), ["/a/b", "/a//b"]);
        assert_eq!(ways("/a;x=1/b;y"), ["/a/b", "/a;x=1/b;y"]);
        assert_eq!(ways("//a/b"), ["/a/b", "//a/b", "/b"]);
        assert_eq!(ways("//a"), ["/a", "//a", "/"]);
        assert_eq!(ways("/My%20File"), ["/My File", "/My%20File"]);
        assert_eq!(ways("/100%25"), ["/100%", "/100%25"]);
        assert_eq!(ways("/C%23/x"), ["/C#/x", "/C", "/C%23/x"]);
        assert_eq!(ways("/a/;x/b")[0], "/a/b");
        assert_eq!(folded("/ADM%C4%B1N.%20")[0], "/admin");
        assert_eq!(folded("/%EF%BD%81dmin")[0], "/admin");
    }

    #[test]
    fn what_no_browser_sends_is_not_read() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for raw in [
            "",
            "api",
            "http://app.example.org/api",
            "*",
            "/a b",
            "/a\tb",
            "/a\nb",
            "/a\0",
            "/ä",
            "/a\\b",
            "/a#b",
            "/a?b",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/a/...",
            "/%2e%2e/b",
            "/a/.%2E/b",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a/.;/b",
            "/a/..%3b/b",
            "/a%2f..%2fb",
            "/a/..%2fb",
            "/a/%2e%2e%2fb",
            "/a/..%20/b",
            "/a/%E2%80%A5/b",
            "/a/%E2%80%A4/b",
            "/a%",
            "/a%2",
            "/a%2g",
            "/a%u002f",
            "/a%252fb",
            "/a%25252fb",
            "/a%252e%252e/b",
            "/a%25u002fb",
            "/a%00",
            "/a%0a",
            "/a%0d%0ab",
            "/a%7f",
            "/a%c2%85b",
            "/a%5cb",
            "/a%5c..%5cb",
            "/a%ff",
            "/a%c0%afb",
            "/a%ed%a0%80",
            "/a%ef%bc%8fb",
            "/a%ef%bc%bcb",
            "/a%ef%bc%9bb",
            "/a%ef%bc%852f",
            &long,
        ] {
            assert!(Path::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_pattern_is_a_path_or_a_directory_with_all_below() {
        let contain = |pattern: &str, raw: &str| {
            let path = Path::parse(raw).unwrap();
            Paths::parse(pattern).unwrap().contain(path.readings().next().unwrap())
        };
        for (pattern, raw) in [
            ("/", "/"),
            ("/*", "/"),
            ("/*", "/a/b"),
            ("/health", "/health"),
            ("/health", "/health/"),
            ("/api/*", "/api"),
            ("/api/*", "/api/"),
            ("/api/*", "/api/v1/x"),
        ] {
            assert!(contain(pattern, raw), "{pattern} and {raw}");
        }
        for (pattern, raw) in [
            ("/", "/a"),
            ("/health", "/healthy"),
            ("/health", "/health/x"),
            ("/health", "/Health"),
            ("/api/*", "/apix"),
            ("/api/*", "/x/api"),
        ] {
            assert!(!contain(pattern, raw), "{pattern} and {raw}");
        }
    }

    #[test]
    fn a_pattern_is_written_in_one_way() {
        for text in ["/", "/*", "/api/*", "/health", "/.well-known/*", "/@ada/(1)"] {
            assert_eq!(Paths::parse(text).unwrap().to_string(), text);
        }
        for wrong in [
            "", "api", "*", "/a*", "/*/a", "/a/*/b", "/a/", "//", "/a//b", "//*", "/a/../b", "/./a", "/a.",
            "/a b", "/ä", "/%61", "/a;x", "/a?b", "/a#b", "/a\\b", "/a'b", "/**", "/a/**",
        ] {
            assert!(Paths::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Paths::parse(&format!("/{}", "a".repeat(255))).is_ok());
        assert!(Paths::parse(&format!("/{}", "a".repeat(256))).is_err());
    }
}
