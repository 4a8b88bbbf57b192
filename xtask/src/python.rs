//! Programs that come as packages for Python, each in the one version that is known here, in an environment of their own in
//! `target/tools`. What cargo builds is in `pinned.rs`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace::{run, target};

/// An environment, and what is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Environment {
    name: &'static str,
    packages: &'static [&'static str],
}

/// What tutorials teach to sign in by code with.
pub(crate) const TUTORIAL: Environment = Environment {
    name: "bench-tutorial",
    packages: &[
        "Flask==3.1.3",
        "Werkzeug==3.1.9",
        "Flask-SQLAlchemy==3.1.1",
        "SQLAlchemy==2.1.9",
        "pyotp==2.12.0",
        "qrcode==8.2",
        "pillow==13.0.0",
        "gunicorn==27.0.1",
    ],
};

/// The server that is asked by others whether a code is right. Half a gigabyte.
pub(crate) const PRIVACYIDEA: Environment =
    Environment { name: "bench-privacyidea", packages: &["privacyIDEA==3.14", "gunicorn==27.0.1"] };

impl Environment {
    /// The directory of its programs, made where it is missing or holds other versions.
    pub(crate) fn ensure(self) -> Result<PathBuf> {
        let home = target()?.join("tools").join(self.name);
        let (sign, wanted) = (home.join("packages.txt"), self.packages.join("\n"));
        if fs::read_to_string(&sign).is_ok_and(|installed| installed == wanted) {
            return Ok(home.join("bin"));
        }
        println!("installing {}", self.packages.join(" "));
        let _ = fs::remove_dir_all(&home);
        run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        let mut pip = Command::new(home.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
        run(pip.stdin(Stdio::null())).with_context(|| format!("pip has no {}", self.packages.join(", ")))?;
        fs::write(&sign, wanted).with_context(|| format!("writing {}", sign.display()))?;
        Ok(home.join("bin"))
    }
}

#[cfg(test)]
mod tests {
    use super::{PRIVACYIDEA, TUTORIAL};

    #[test]
    fn every_package_has_one_version() {
        let mut packages = TUTORIAL.packages.iter().chain(PRIVACYIDEA.packages);
        assert!(
            packages.all(|package| package.split_once("==").is_some_and(|(_, version)| !version.is_empty()))
        );
    }
}
