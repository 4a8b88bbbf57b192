//! Embeds what stands in `assets/` under names that hold a hash of the content, for `src/assets.rs`.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that is served, with its type. A file that is missing stops the build.
const SERVED: [(&str, &str); 3] = [
    ("app.css", "text/css; charset=utf-8"),
    ("app.js", "text/javascript; charset=utf-8"),
    ("favicon.svg", "image/svg+xml"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets");
    // Askama and `include_str!` watch the templates and the words themselves.

    let mut code = String::from("pub(crate) const ASSETS: &[Asset] = &[\n");
    for (name, content_type) in SERVED {
        let file = folder.join(name);
        let path = hashed_path(name, &fs::read(&file)?);
        writeln!(
            code,
            "    Asset {{ name: {name:?}, path: {path:?}, content_type: {content_type:?}, \
             body: include_bytes!({file:?}) }},"
        )?;
    }
    code.push_str("];\n");
    fs::write(out_dir()?.join("assets.rs"), code)?;
    Ok(())
}

/// `/assets/app.0123456789abcdef.css` for `app.css`.
fn hashed_path(name: &str, body: &[u8]) -> String {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    format!("/assets/{stem}.{:016x}.{extension}", fnv(body))
}

/// FNV-1a. It tells versions of our own files apart, nothing more, so it need not resist anybody.
fn fnv(body: &[u8]) -> u64 {
    body.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder in no other way")]
fn out_dir() -> Result<PathBuf, Box<dyn Error>> {
    Ok(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?.into())
}
