//! The programs that the tests run besides Rust. A missing one is installed where that is allowed, and a failure where
//! it is not, never a skipped test. What comes from npm is in `axe.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{capture, run, which};

/// Something the tests need on the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// What people call it.
    name: &'static str,
    /// The Debian package that has it.
    package: &'static str,
    /// How to see that it is there.
    sign: Sign,
}

#[derive(Debug, Clone, Copy)]
enum Sign {
    /// It can be started by its name.
    Program,
    /// initdb and its kin, which Debian keeps out of the search path.
    Server,
    /// At least one font: without any, a screenshot shows empty boxes.
    Font,
}

/// The database server.
pub(crate) const POSTGRES: Tool =
    Tool { name: "a PostgreSQL server", package: "postgresql", sign: Sign::Server };

/// Everything that the whole suite needs.
pub(crate) const ALL: [Tool; 21] = [
    POSTGRES,
    program("git", "git"),
    program("curl", "curl"),
    program("oathtool", "oathtool"),
    // The counters of the hostile suite.
    program("sqlite3", "sqlite3"),
    program("zbarimg", "zbar-tools"),
    // What looks at a server's writes and lets them fail, what turns its clock, and another client of PostgreSQL.
    program("strace", "strace"),
    program("faketime", "faketime"),
    program("psql", "postgresql-client"),
    // The cache before the site, and the proxies before programs.
    program("nginx", "nginx"),
    program("caddy", "caddy"),
    program("haproxy", "haproxy"),
    // What judges metrics and rules; Prometheus itself comes along.
    program("promtool", "prometheus"),
    // The tutorial whose people are imported, newer proxies, and applications behind them; they come into `target/tools`.
    program("python3", "python3-venv"),
    // axe-core, and an application.
    program("npm", "npm"),
    program("man", "man-db"),
    program("zsh", "zsh"),
    program("fish", "fish"),
    program("chromium", "chromium"),
    program("chromedriver", "chromium-driver"),
    Tool { name: "a font", package: "fonts-dejavu-core", sign: Sign::Font },
];

/// What the hostile suite attacks with, and reads the counters with. The tests need none of the first three.
pub(crate) const ATTACK: [Tool; 5] = [
    program("slowhttptest", "slowhttptest"),
    program("ffuf", "ffuf"),
    program("faketime", "faketime"),
    program("sqlite3", "sqlite3"),
    program("psql", "postgresql-client"),
];

/// What asks servers as fast as they answer, the proxy among them, and what holds each to its processor.
pub(crate) const BENCH: [Tool; 3] =
    [program("wrk", "wrk"), program("nginx", "nginx"), program("taskset", "util-linux")];

/// What counts instructions.
pub(crate) const COUNT: [Tool; 1] = [program("valgrind", "valgrind")];

/// What makes the package for Debian.
pub(crate) const DIST: [Tool; 3] =
    [program("git", "git"), program("gzip", "gzip"), program("dpkg-shlibdeps", "dpkg-dev")];

/// What tries that package.
pub(crate) const INSTALL: [Tool; 9] = [
    program("debootstrap", "debootstrap"),
    program("systemd-nspawn", "systemd-container"),
    program("systemd-analyze", "systemd"),
    program("nsenter", "util-linux"),
    program("lintian", "lintian"),
    program("buildah", "buildah"),
    program("docker-compose", "docker-compose"),
    program("curl", "curl"),
    program("oathtool", "oathtool"),
];

const fn program(name: &'static str, package: &'static str) -> Tool {
    Tool { name, package, sign: Sign::Program }
}

/// Makes sure that the tools are there: installs what is missing as root, or says what to install.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if which("apt-get").is_none() {
        bail!("the tests need {names}; on Debian the packages are called {}", packages.join(", "));
    }
    if !is_root()? {
        let packages = packages.join(" ");
        bail!(
            "the tests need {names}. To install:\n\n  sudo apt-get install --no-install-recommends {packages}\n"
        );
    }
    println!("installing what the tests need: {names}");
    run(apt().args(["update", "-q"]))?;
    run(apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(&packages))?;
    match self::missing(tools).as_slice() {
        [] => Ok(()),
        still => bail!(
            "installed, and still not there: {:?}",
            still.iter().map(|tool| tool.name).collect::<Vec<_>>()
        ),
    }
}

/// Whether we are root, who may install, and as whom PostgreSQL refuses to run.
pub(crate) fn is_root() -> Result<bool> {
    let id = capture(Command::new("id").arg("-u")).context("asking who we are")?;
    Ok(id.trim() == "0")
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    // The tests start what they need. What comes along with it is not started by being installed.
    command.env("SYSTEMD_OFFLINE", "1");
    command
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools.iter().copied().filter(|tool| !tool.is_there()).collect()
}

impl Tool {
    fn is_there(&self) -> bool {
        match self.sign {
            Sign::Program => which(self.name).is_some(),
            Sign::Server => server().is_some(),
            Sign::Font => FONTS.iter().any(|directory| holds_font(Path::new(directory))),
        }
    }
}

/// Where Debian keeps the database servers, a directory for each version.
const SERVERS: &str = "/usr/lib/postgresql";

/// Where systems keep their fonts.
const FONTS: [&str; 3] = ["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts"];

fn holds_font(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else { return false };
    entries
        .flatten()
        .map(|entry| entry.path())
        .any(|path| is_font(&path) || (path.is_dir() && holds_font(&path)))
}

fn is_font(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["ttf", "otf", "ttc"].iter().any(|font| ending.eq_ignore_ascii_case(font)))
}

/// The directory of `initdb` and `pg_ctl`: Debian's newest server, or whatever is in the search path.
pub(crate) fn server() -> Option<PathBuf> {
    let beside_initdb = || Some(which("initdb")?.canonicalize().ok()?.parent()?.to_owned());
    let found = versions_with(Path::new(SERVERS), "initdb").into_iter().next().or_else(beside_initdb)?;
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| found.join(program).is_file()).then_some(found)
}

/// The directories below `parent` that hold a `bin/PROGRAM`, as their `bin`, the highest version first.
fn versions_with(parent: &Path, program: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join(program).is_file())
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, bin)| bin).collect()
}

#[cfg(test)]
mod tests {
    use super::{ALL, ATTACK, Tool, missing, program, versions_with};
    use std::fs;

    #[test]
    fn a_program_that_nobody_has_is_missing_and_a_shell_is_not() {
        let tools = [program("sh", "dash"), program("latchkey-no-such-program", "nothing")];
        let names: Vec<&str> = missing(&tools).iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["latchkey-no-such-program"]);
    }

    #[test]
    fn every_tool_names_its_package() {
        assert!(
            ALL.iter()
                .chain(&ATTACK)
                .all(|Tool { name, package, .. }| !name.is_empty() && !package.is_empty())
        );
    }

    #[test]
    fn the_highest_version_comes_first_and_nine_is_lower_than_fifteen() {
        let parent = std::env::temp_dir().join(format!("latchkey-xtask-versions-{}", std::process::id()));
        for version in ["9", "15", "empty"] {
            fs::create_dir_all(parent.join(version).join("bin")).unwrap();
            fs::write(parent.join(version).join("bin/initdb"), "").unwrap();
        }
        let found = versions_with(&parent, "initdb");
        fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, [parent.join("15/bin"), parent.join("9/bin")]);
    }
}
