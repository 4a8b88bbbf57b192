//! Files of other people: what is imported, and the picture that is shown to everybody.

use std::path::PathBuf;

use crate::config::Picture;
use crate::config::logo::judge;
use crate::import;

/// A list of setup links, or a CSV with them.
pub fn import_otpauth(input: &[u8]) {
    if let Ok(plan) = import::otpauth(input) {
        plan.must_be_sound();
    }
}

/// A database of the tutorial. It is read where it lies, so it has to lie somewhere.
pub fn import_sqlite(input: &[u8]) {
    let file = Draft(std::env::temp_dir().join(format!("latchkey-hostile-{}.db", std::process::id())));
    std::fs::write(&file.0, input).expect("the directory for temporary files can be written to");
    if let Ok(plan) = import::tutorial(&file.0, import::ISSUER) {
        plan.must_be_sound();
    }
    assert_eq!(std::fs::read(&file.0).ok().as_deref(), Some(input), "it was written to");
}

/// A file that goes when it is done with, also by a panic.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a picture that is shown on every page must not hold, however it is written.
const ACTIVE: [&str; 16] = [
    "<script",
    "<foreignobject",
    "<iframe",
    "<embed",
    "<object",
    "<image",
    "<animate",
    "<set",
    "<style",
    "<a ",
    "<a>",
    "<!doctype",
    "<!entity",
    "<![cdata[",
    "<?xml-stylesheet",
    "<handler",
];

/// A logo: what passes is a picture within its bounds, and nothing in it runs, moves or comes from elsewhere.
pub fn logo(input: &[u8]) {
    match judge(input) {
        Ok(Picture::Png) => {
            let side =
                |at: usize| u32::from_be_bytes(input[at..at + 4].try_into().expect("it has four bytes"));
            assert!((1..=4096).contains(&side(16)) && (1..=4096).contains(&side(20)));
        }
        Ok(Picture::Svg) => {
            let text = std::str::from_utf8(input).expect("an SVG is text").to_ascii_lowercase();
            let declared = text.trim_start_matches('\u{feff}').trim_start().strip_prefix("<?xml ");
            let declared =
                declared.and_then(|rest| rest.split_once("?>")).map_or("", |(declared, _)| declared);
            assert!(!declared.contains("encoding") || declared.contains("utf-8"), "{text}");
            let text = without_comments(&text);
            for active in ACTIVE {
                assert!(!text.contains(active), "{active} in {text}");
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

fn without_comments(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        plain.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    plain + rest
}
