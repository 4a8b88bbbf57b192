//! `cargo xtask dist`: what people install, in `target/dist`: the small program, its manual and completions, and the package
//! for Debian. What is in the package is listed in `crates/latchkey/Cargo.toml`; `install.rs` tries it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{capture, cargo, metadata, root, run as start, target};
use crate::{elf, notices, pinned, sbom, tools};

/// Bytes that the program may have.
const MOST_BYTES: usize = 15_000_000;

/// The glibc of Debian 12, the oldest system that the program has to run on.
const NEWEST_GLIBC: elf::Version = (2, 36);

/// Who answers for the package. Nobody reads mail there: SECURITY.md says how to reach the maintainers.
const MAINTAINER: &str = "Latchkey authors <latchkey@localhost.localdomain>";

/// Builds all of it, says what came out, and answers where the package is.
pub(crate) fn run() -> Result<PathBuf> {
    tools::ensure(&tools::DIST)?;
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", "dist", "-p", "latchkey"]);
    start(build.env("CARGO_ENCODED_RUSTFLAGS", flags(root(), &metadata()?)))?;
    let place = target()?.join("dist");
    let program = place.join("latchkey");
    let bytes = fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
    let about = judge(&bytes)?;
    refuse_test_hooks(&bytes)?;
    papers(&place, &program)?;
    let components = sbom::write(&place.join("latchkey.cdx.json"))?;
    let package = package(&place)?;

    println!("\nin {}:", place.display());
    println!("  latchkey   {about}");
    println!("  man/       {} pages", fs::read_dir(place.join("man"))?.count());
    println!("  completions/   bash, zsh, fish");
    println!("  latchkey.cdx.json   {components} components");
    let bytes = fs::metadata(&package)?.len();
    println!("  {}   {}", package.file_name().unwrap_or_default().display(), megabytes(bytes));
    Ok(package)
}

/// Flags for the compiler that keep the names of this machine's directories out of the program, where panics tell them.
fn flags(root: &Path, metadata: &serde_json::Value) -> String {
    let sources = metadata["packages"].as_array().into_iter().flatten();
    let sources = sources.filter_map(|package| package["manifest_path"].as_str()?.split_once("/registry/"));
    let home = sources.map(|(home, _)| format!("--remap-path-prefix={home}=cargo")).next();
    let ours = format!("--remap-path-prefix={}=latchkey", root.display());
    home.into_iter().chain([ours]).collect::<Vec<_>>().join("\x1f")
}

/// Whether the program is as small and runs on as old a system as we say.
fn judge(program: &[u8]) -> Result<String> {
    let size = megabytes(program.len().try_into()?);
    if program.len() > MOST_BYTES {
        bail!("the program has {size}, {MOST_BYTES} bytes is the limit: what has been added?");
    }
    if elf::is_static(program)? {
        return Ok(format!("{size}, static"));
    }
    let Some(needed) = elf::glibc(program) else {
        bail!("the program needs a loader and no glibc; is this built for Linux with glibc?");
    };
    let (major, minor) = needed;
    if needed > NEWEST_GLIBC {
        bail!(
            "the program needs glibc {major}.{minor}, newer than that of Debian 12: build it on an older system"
        );
    }
    // A static glibc could not look up host names in all the ways that a system may be set up for.
    Ok(format!("{size}, dynamic, for glibc {major}.{minor} and newer"))
}

/// What stands in a program only when something for tests is built in: the variables that they are told by, and routes that
/// no house has.
const FOR_TESTS: [&str; 4] = ["LATCHKEY_TEST_", "/__debug", "/__test", "/test/"];

/// Refuses a program with anything for tests in it.
fn refuse_test_hooks(program: &[u8]) -> Result<()> {
    for words in FOR_TESTS {
        if program.windows(words.len()).any(|piece| piece == words.as_bytes()) {
            bail!("`{words}` is in the program: something for tests is built in");
        }
    }
    Ok(())
}

/// Writes what goes with the program: manual, completions, settings, licenses and changes.
fn papers(place: &Path, program: &Path) -> Result<()> {
    // Pages of commands that are gone must not be packaged.
    for old in ["man", "completions", "debian"] {
        let old = place.join(old);
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| format!("removing {}", old.display()))?;
        }
        fs::create_dir_all(&old)?;
    }
    let pages = place.join("debian/man1");
    for pages in [&place.join("man"), &pages] {
        start(Command::new(program).args(["man", "--dir"]).arg(pages))?;
    }
    start(Command::new("gzip").args(["-9", "--no-name", "--recursive"]).arg(pages))?;
    for (shell, file) in [("bash", "latchkey"), ("zsh", "_latchkey"), ("fish", "latchkey.fish")] {
        let text = capture(Command::new(program).args(["completion", shell]))?;
        fs::write(place.join("completions").join(file), text)?;
    }

    let debian = place.join("debian");
    fs::write(debian.join("latchkey.toml"), settings(&read("latchkey.example.toml")?)?)?;
    // The address is the name of the format. In two pieces, since no file here names the host of a registry.
    let format = concat!("https://www.debian", ".org/doc/packaging-manuals/copyright-format/1.0/");
    let copyright = format!("Format: {format}\n{}", read("packaging/debian/copyright")?);
    fs::write(debian.join("copyright"), copyright)?;
    fs::write(debian.join("third-party.txt"), notices::text()?)?;
    fs::write(debian.join("changelog"), read("CHANGELOG.md")?)?;
    for file in ["third-party.txt", "changelog"] {
        start(Command::new("gzip").args(["-9", "--no-name", "--force"]).arg(debian.join(file)))?;
    }
    let date =
        capture(Command::new("date").args(["--rfc-email", "--utc", "--date", &format!("@{}", changed()?)]))?;
    let version = env!("CARGO_PKG_VERSION");
    let changes = format!(
        "latchkey ({version}-1) unstable; urgency=medium\n\n  * Built from source; see changelog.gz for what has \
         changed.\n\n -- {MAINTAINER}  {date}"
    );
    fs::write(debian.join("changelog.Debian"), changes)?;
    Ok(())
}

/// The settings as the package installs them: every default, and the data where the system keeps such data.
fn settings(example: &str) -> Result<String> {
    let line = "\n#data_dir = \"./latchkey-data\"\n";
    if example.matches(line).count() != 1 {
        bail!("latchkey.example.toml no longer shows data_dir as `{}`", line.trim());
    }
    Ok(example.replace(line, "\ndata_dir = \"/var/lib/latchkey\"\n"))
}

/// Makes the package, the same bytes for the same commit.
fn package(place: &Path) -> Result<PathBuf> {
    let tool = pinned::CARGO_DEB.ensure()?;
    let package = place.join(format!("latchkey_{}-1_{}.deb", env!("CARGO_PKG_VERSION"), architecture()?));
    let mut make = Command::new(tool);
    make.current_dir(root()).args(["deb", "--quiet", "--locked", "--package", "latchkey"]);
    make.args(["--no-build", "--no-strip", "--profile", "dist", "--maintainer", MAINTAINER]);
    make.arg("--output").arg(&package).env("SOURCE_DATE_EPOCH", changed()?);
    start(&mut make)?;
    Ok(package)
}

/// What Debian calls this machine.
fn architecture() -> Result<String> {
    Ok(capture(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned())
}

/// When the latest commit was made, in seconds since 1970. It dates everything, so that two builds are equal.
fn changed() -> Result<String> {
    let log = capture(Command::new("git").current_dir(root()).args(["log", "-1", "--format=%ct"]))?;
    Ok(log.trim().to_owned())
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(root().join(file)).with_context(|| format!("reading {file}"))
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{MOST_BYTES, flags, judge, megabytes, read, refuse_test_hooks, settings};

    #[test]
    fn the_settings_of_the_package_are_the_example_with_another_place_for_data() {
        let example = read("latchkey.example.toml").unwrap();
        let ours = settings(&example).unwrap();
        let set: Vec<&str> = ours.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(set, ["data_dir = \"/var/lib/latchkey\""]);
        assert_eq!(ours.lines().count(), example.lines().count());
        assert!(settings("data_dir = 1").is_err());
    }

    #[test]
    fn a_program_that_has_grown_too_big_is_refused() {
        let mut program = std::fs::read("/bin/sh").unwrap();
        assert!(judge(&program).unwrap().contains("dynamic, for glibc 2."));
        program.extend(b"\0GLIBC_2.99\0");
        assert!(judge(&program).unwrap_err().to_string().contains("glibc 2.99"));
        program.resize(MOST_BYTES + 1, 0);
        assert!(judge(&program).unwrap_err().to_string().contains("15.0 MB"));
    }

    #[test]
    fn a_program_with_something_for_tests_in_it_is_refused() {
        assert!(refuse_test_hooks(b"an honest program").is_ok());
        let refused = refuse_test_hooks(b"an honest program\0LATCHKEY_TEST_POSTGRES\0").unwrap_err();
        assert!(refused.to_string().contains("for tests"), "{refused}");
    }

    #[test]
    fn the_directories_of_this_machine_are_renamed() {
        let metadata = serde_json::json!({"packages": [
            {"manifest_path": "/home/ada/latchkey/Cargo.toml"},
            {"manifest_path": "/home/ada/.cargo/registry/src/index/anyhow-1.0.0/Cargo.toml"},
        ]});
        assert_eq!(
            flags(Path::new("/home/ada/latchkey"), &metadata),
            "--remap-path-prefix=/home/ada/.cargo=cargo\x1f--remap-path-prefix=/home/ada/latchkey=latchkey"
        );
    }

    #[test]
    fn sizes_are_written_with_one_digit() {
        assert_eq!(megabytes(11_280_000), "11.2 MB");
    }
}
