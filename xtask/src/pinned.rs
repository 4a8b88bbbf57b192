//! Tools that cargo builds, each in the one version that is known here, into the target directory. What the system has is in
//! `tools.rs`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::workspace::{cargo, run, target};

/// A program from the registry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pinned {
    name: &'static str,
    version: &'static str,
    /// Whether to build what is on by default.
    default_features: bool,
}

/// Makes the package for Debian.
pub(crate) const CARGO_DEB: Pinned = Pinned { name: "cargo-deb", version: "3.8.0", default_features: true };

/// Makes the book. By default it would bring a web server and a file watcher.
pub(crate) const MDBOOK: Pinned = Pinned { name: "mdbook", version: "0.5.4", default_features: false };

impl Pinned {
    /// Where the program is, after building it the first time.
    pub(crate) fn ensure(self) -> Result<PathBuf> {
        let tools = target()?.join("tools");
        let program = tools.join("bin").join(self.name);
        let installed = fs::read_to_string(tools.join(".crates.toml")).unwrap_or_default();
        if program.is_file() && self.is_in(&installed) {
            return Ok(program);
        }
        println!("building {} {}", self.name, self.version);
        let mut install = cargo();
        // It runs for a second, so optimizing would take longer than it saves.
        install.args(["install", "--quiet", "--debug", "--locked", "--force", "--version", self.version]);
        if !self.default_features {
            install.arg("--no-default-features");
        }
        install.arg("--root").arg(&tools).arg(self.name).stdin(Stdio::null());
        run(&mut install).with_context(|| format!("the registry has to be reached for {}", self.name))?;
        Ok(program)
    }

    /// Whether cargo's list of what it has installed holds this version.
    fn is_in(self, installed: &str) -> bool {
        installed.contains(&format!("\"{} {} (", self.name, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::CARGO_DEB;

    #[test]
    fn another_version_is_not_the_one_we_know() {
        let list = |version: &str| format!("[v1]\n\"cargo-deb {version} (registry+x)\" = [\"cargo-deb\"]\n");
        assert!(CARGO_DEB.is_in(&list(CARGO_DEB.version)));
        assert!(
            !CARGO_DEB.is_in(&list("3.8.01")) && !CARGO_DEB.is_in(&list("2.0.0")) && !CARGO_DEB.is_in("")
        );
    }
}
