//! Tools that come as packages of Python, kept in `target/tools` from one run to the next.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The directory of its programs, made where it is missing.
pub(crate) fn programs_of(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let (home, wanted) = (tools.join(name), packages.join("\n"));
    let (programs, done) = (home.join("bin"), home.join("packages.txt"));
    fs::create_dir_all(&tools).context("making target/tools")?;
    // A test, or another run of this, may be at it, too.
    let lock = File::create(tools.join(format!("{name}.lock"))).context("making a lock")?;
    lock.lock().context("taking the lock")?;
    if fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return Ok(programs);
    }
    let _ = fs::remove_dir_all(&home);
    run(Command::new("python3").args(["-m", "venv"]).arg(&home), "python3 -m venv (Debian: python3-venv)")?;
    run(Command::new(programs.join("python")).args(["-m", "pip", "install", "-q"]).args(packages), "pip")?;
    fs::write(done, wanted).context("noting what is there")?;
    Ok(programs)
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command.output().with_context(|| what.to_owned())?;
    if !output.status.success() {
        bail!("{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
