//! axe-core, the accessibility checker that the browser tests load into each page. Other tools: `tools.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{capture, run, target, which};

/// The version that the pages are judged by. Raise it together with the checksum.
const VERSION: &str = "4.14.1";

/// SHA-256 of `axe.min.js` of that version: the file runs in a browser on this machine, so it is not taken on trust.
const SHA_256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// Where the checker's file is, once it has been fetched.
fn place() -> Result<PathBuf> {
    Ok(target()?.join("tools/node_modules/axe-core/axe.min.js"))
}

/// Whether the file is there and is the one we know.
fn is_there() -> Result<bool> {
    let file = place()?;
    Ok(file.is_file() && checksum(&file)? == SHA_256)
}

/// The checker's file, fetched into the target directory the first time. Needs npm for that.
pub(crate) fn ensure() -> Result<PathBuf> {
    let file = place()?;
    if is_there()? {
        return Ok(file);
    }
    println!("fetching axe-core {VERSION}");
    let tools = target()?.join("tools");
    fs::create_dir_all(&tools).with_context(|| format!("making {}", tools.display()))?;
    let quiet = ["--no-save", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    npm.args(["install", "--prefix"]).arg(&tools).args(quiet).arg(format!("axe-core@{VERSION}"));
    run(npm.stdin(Stdio::null()))?;
    let found = checksum(&file)?;
    if found != SHA_256 {
        bail!("{} is not the axe-core {VERSION} we know: its SHA-256 is {found}", file.display());
    }
    Ok(file)
}

fn checksum(file: &Path) -> Result<String> {
    let mut command = match which("sha256sum") {
        Some(program) => Command::new(program),
        None => {
            let mut perl = Command::new("shasum");
            perl.args(["-a", "256"]);
            perl
        }
    };
    let line = capture(command.arg(file))?;
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}
