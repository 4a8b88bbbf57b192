//! A Python with libraries, or programs that come as its packages, kept in `target/tools` from one run to the next.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of its programs, made where it is missing.
pub(crate) fn python(name: &str, packages: &[&str]) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let (home, wanted) = (tools.join(name), packages.join("\n"));
    let (programs, done) = (home.join("bin"), home.join("packages.txt"));
    fs::create_dir_all(&tools).unwrap();
    // Another test, or another run of them, may be at it, too.
    let lock = File::create(tools.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return programs;
    }
    let _ = fs::remove_dir_all(&home);
    run(Command::new("python3").args(["-m", "venv"]).arg(&home), "python3 -m venv (Debian: python3-venv)");
    run(Command::new(programs.join("python")).args(["-m", "pip", "install", "-q"]).args(packages), "pip");
    fs::write(done, wanted).unwrap();
    programs
}

fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|why| panic!("{what}: {why}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{what}: {said}");
}
