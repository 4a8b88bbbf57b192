//! The licenses of what is built into the program, as its package has to show them. Whether they are allowed is judged in
//! `tidy/supply.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::{capture, cargo, metadata, root};

/// What license files begin with, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// One text: every crate with its license, then each license text once, with the crates that carry it.
pub(crate) fn text() -> Result<String> {
    let packages = metadata()?;
    let packages = packages["packages"].as_array().context("cargo metadata lists no packages")?;
    let built = built()?;
    let mut text = String::from("What is built into Latchkey, and under which license.\n\n");
    let mut carried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages {
        let word = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", word("name"), word("version"));
        // What has no source is ours.
        if package["source"].is_null() || !built.contains(&name) {
            continue;
        }
        text += &format!("  {name}: {}\n", word("license"));
        let manifest = Path::new(word("manifest_path"));
        for file in license_files(manifest.parent().context("a manifest lies nowhere")?)? {
            let license = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            let license = String::from_utf8_lossy(&license).replace('\r', "");
            carried.entry(license.trim_end().to_owned()).or_default().insert(name.clone());
        }
    }
    // What is built in and is no crate.
    let list = root().join("crates/auth/data/LICENSE");
    let license = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    text += "  the list of common passwords: MIT\n";
    carried
        .entry(license.trim_end().to_owned())
        .or_default()
        .insert("the list of common passwords".to_owned());
    for (license, crates) in carried {
        let crates: Vec<String> = crates.into_iter().collect();
        text += &format!("\n{}\n{}\n\n{license}\n", "-".repeat(80), crates.join(", "));
    }
    Ok(text)
}

/// `name version` of every crate that ends up in the program.
fn built() -> Result<BTreeSet<String>> {
    let tree = ["tree", "--locked", "-p", "latchkey", "-e", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = capture(cargo().args(tree))?;
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('v')))
    };
    Ok(tree.lines().filter_map(name).collect())
}

fn license_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        NAMES.iter().any(|known| name.starts_with(known))
    });
    files.sort();
    Ok(files)
}
