//! The repository tests itself: what is deliberately absent stays absent. Each rule is a test, and a failure says what to
//! do. The rules that the compiler and clippy can keep are in the manifests and in `clippy.toml`.

mod code;
mod graph;
mod license;
mod papers;
mod statements;
mod supply;
mod text;
mod threats;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the crate lies two levels below the root of the checkout")
}

/// Every file that is committed or would be, as paths from the root with `/` between.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files that tidy looks at; install git");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "git could not list the files of {}: {complaint}", root().display());
    let names =
        String::from_utf8(listed.stdout).expect("a file has a name that is not text; give it another");
    // A file that was removed and not committed yet is still listed.
    let mut files: Vec<String> =
        names.split_terminator('\0').filter(|name| root().join(name).is_file()).map(String::from).collect();
    files.sort();
    files.dedup();
    files
}

/// The files whose name ends in one of these endings, with what is in them.
fn texts(endings: &[&str]) -> Vec<(String, String)> {
    let ends = |file: &String| file.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
    files().into_iter().filter(ends).map(|file| (file.clone(), read(&file))).collect()
}

/// The text of a file that has to be there.
fn read(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file} has to be there, as text: {error}"))
}

/// Fails with what is wrong and what to do about it, unless nothing is wrong.
#[track_caller]
fn none(wrong: &[String], advice: &str) {
    assert!(wrong.is_empty(), "\n  {}\n{advice}\n", wrong.join("\n  "));
}
