//! A Python with libraries, or programs that come as its packages, kept in `target/tools` from one run to the next.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of its programs, made where it is missing.
pub(crate) fn python(name: &str, packages: &[&str]) -> PathBuf {
    let home = kept(name, packages, |home| {
        run(Command::new("python3").args(["-m", "venv"]).arg(home), "python3 -m venv (Debian: python3-venv)");
        let mut pip = Command::new(home.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "-q"]).args(packages), "pip");
    });
    home.join("bin")
}

/// A directory with these packages in it. `make` makes it where it is missing or has others.
pub(crate) fn kept(name: &str, packages: &[&str], make: impl FnOnce(&Path)) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let (home, wanted) = (tools.join(name), packages.join("\n"));
    let done = home.join("packages.txt");
    fs::create_dir_all(&tools).unwrap();
    // Another test, or another run of them, may be at it, too.
    let lock = File::create(tools.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        let _ = fs::remove_dir_all(&home);
        make(&home);
        fs::write(done, wanted).unwrap();
    }
    home
}

pub(crate) fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|why| panic!("{what}: {why}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{what}: {said}");
}
