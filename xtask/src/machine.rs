//! A clean Debian 12 that boots, or a container: a system and a network of its own with nothing behind it, gone when it is
//! dropped. What is done on it is in `install.rs` and `image.rs`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::workspace::{capture, run, target, timed};

/// What Debian 12 is called by those who make it.
const RELEASE: &str = "bookworm";

/// What a Debian without a desktop has, beside what it cannot be without.
const INCLUDED: &str = "systemd-sysv,dbus,ca-certificates";

/// Packages that installing Latchkey behind Caddy or nginx asks for. They lie in apt's cache, since the machine reaches nothing.
const CACHED: [&str; 5] = ["caddy", "nginx", "openssl", "adduser", "libgcc-s1"];

/// Raise it when the system is made in another way, so that an old one is not used again.
const RECIPE: &str = "3";

/// A running machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The program that keeps it; when that is killed, everything on the machine is.
    keeper: Child,
    /// Its first process, as this system numbers it.
    first: u32,
    root: PathBuf,
}

impl Machine {
    /// Copies the clean system, boots it, and waits until it says that it runs.
    pub(crate) fn boot() -> Result<Machine> {
        Machine::start(
            &system()?,
            &["--boot"],
            "systemctl is-system-running || true",
            &["running", "degraded"],
        )
    }

    /// Copies the system of a container, and runs what `words` say in it until a port is open: read-only but for `volume`,
    /// as `user`, and without any privilege.
    pub(crate) fn contain(system: &Path, user: &str, volume: &str, words: &[&str]) -> Result<Machine> {
        // An engine gives a new volume what the image has in its place.
        let (kept, user) = (place()?.join("volume"), format!("--user={user}"));
        remove(&kept)?;
        run(Command::new("cp").arg("-a").arg(system.join(volume.trim_start_matches('/'))).arg(&kept))?;
        let bind = format!("--bind={}:{volume}", kept.display());
        let chdir = format!("--chdir={volume}");
        let mut all = vec!["--as-pid2", "--read-only", &bind, &chdir, &user];
        all.extend(["--drop-capability=all", "--no-new-privileges=yes", "--link-journal=no"]);
        all.extend(words);
        Machine::start(system, &all, "exec 3<> /dev/tcp/127.0.0.1/8080 && echo open", &["open"])
    }

    /// Starts a copy of `system`, and waits until `question` prints one of the `answers`.
    fn start(system: &Path, words: &[&str], question: &str, answers: &[&str]) -> Result<Machine> {
        let root = place()?.join("machine");
        remove(&root)?;
        run(Command::new("cp").arg("-a").arg(system).arg(&root))?;
        let log = root.with_file_name("machine.log");
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        // One at a time on a host: they would share a control group. And never longer than we live ourselves.
        let mut keeper = Command::new("flock");
        keeper.args(["--no-fork", "/run/lock/latchkey-machine", "setpriv", "--pdeathsig", "KILL"]);
        // By itself systemd-nspawn leaves the machine running when it is killed. As the first process of a namespace it cannot.
        keeper.args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        keeper.args(["systemd-nspawn", "--quiet", "--machine=clean", "--private-network", "--register=no"]);
        keeper.args(["--keep-unit", "--console=pipe", "--resolv-conf=off", "--timezone=off", "--directory"]);
        keeper.arg(&root).args(words).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let keeper = keeper.spawn().context("starting systemd-nspawn")?;
        let mut machine = Machine { keeper, first: 0, root };
        machine.wait(question, answers).with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("a machine could not be started with systemd-nspawn; it said: {}", said.trim())
        })?;
        Ok(machine)
    }

    fn wait(&mut self, question: &str, answers: &[&str]) -> Result<()> {
        for _ in 0..600 {
            sleep(Duration::from_millis(200));
            if let Some(status) = self.keeper.try_wait()? {
                bail!("it has ended ({status})");
            }
            let Some(first) = child_of(self.keeper.id()).and_then(child_of) else { continue };
            self.first = first;
            let answer = self.inside(question).output().context("asking the machine")?;
            if answers.contains(&String::from_utf8_lossy(&answer.stdout).trim()) {
                return Ok(());
            }
        }
        bail!("after two minutes it has still not started")
    }

    /// A line for a shell, to be run on the machine by root, at home.
    fn inside(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--target"]).arg(self.first.to_string());
        command.args(["--wdns=/", "--", "env", "--ignore-environment", "HOME=/root", "LC_ALL=C.UTF-8"]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["bash", "-euo", "pipefail", "-c", &format!("cd\n{line}")]).stdin(Stdio::null());
        command
    }

    /// Runs a line on the machine, and answers what it printed. A failure shows all that it said, and what the machine logged.
    pub(crate) fn run(&self, line: &str) -> Result<String> {
        said(&mut self.inside(line), line).map_err(|error| {
            let log = self.inside("journalctl --no-pager --lines 30").output();
            let log = log.map(|output| output.stdout).unwrap_or_default();
            error.context(format!("the machine has logged:\n{}", String::from_utf8_lossy(&log)))
        })
    }

    /// Runs a line here, with the programs of this system, on the machine's network: what somebody sees who has only its
    /// address.
    pub(crate) fn outside(&self, line: &str, variables: &[(&str, &str)]) -> Result<String> {
        let mut command = Command::new("nsenter");
        command.arg("--net").arg("--target").arg(self.first.to_string());
        command.args(["--", "bash", "-euo", "pipefail", "-c", line]).stdin(Stdio::null());
        said(command.envs(variables.iter().copied()), line)
    }

    /// Where a file of the machine is here.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The kernel ends the namespace with its first process, and so everything on the machine; the keeper then ends by
        // itself. Should that process not be found, it is told to die with the keeper.
        let gone = child_of(self.keeper.id()).is_some_and(|first| {
            let kill = Command::new("kill").args(["-KILL", &first.to_string()]).status();
            kill.is_ok_and(|status| status.success())
        });
        if !gone {
            let _ = self.keeper.kill();
        }
        let _ = self.keeper.wait();
        // The kernel may need a moment to let go of the last of them.
        for _ in 0..50 {
            let volume = self.root.with_file_name("volume");
            if remove(&self.root).is_ok() && remove(&volume).is_ok() {
                break;
            }
            sleep(Duration::from_millis(100));
        }
    }
}

fn said(command: &mut Command, line: &str) -> Result<String> {
    let output = command.output().with_context(|| format!("starting nsenter for `{line}`"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{line}` failed ({}):\n{printed}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(printed)
}

/// A process whose parent is `parent`.
fn child_of(parent: u32) -> Option<u32> {
    let wanted = format!("PPid:\t{parent}");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        status.lines().any(|line| line == wanted).then_some(id)
    })
}

/// Removes a system, and no other file system that may be mounted in it.
pub(crate) fn remove(root: &Path) -> Result<()> {
    run(Command::new("rm").args(["-rf", "--one-file-system", "--"]).arg(root))
}

/// Where all of this lies.
pub(crate) fn place() -> Result<PathBuf> {
    let place = target()?.join("install");
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    Ok(place)
}

/// The clean system, made the first time and kept in the target directory.
pub(crate) fn system() -> Result<PathBuf> {
    let place = place()?;
    let (system, sign) = (place.join("debian-12"), place.join("debian-12.recipe"));
    if fs::read_to_string(&sign).is_ok_and(|recipe| recipe == RECIPE) {
        return Ok(system);
    }
    remove(&system)?;
    let mirror = mirror()?;
    println!("   making a clean Debian 12 from {mirror}");
    let (made, took) = timed(|| {
        let mut bootstrap = Command::new("debootstrap");
        bootstrap.args(["--force-check-gpg", "--variant=minbase", &format!("--include={INCLUDED}"), RELEASE]);
        capture(bootstrap.arg(&system).arg(&mirror))?;
        // The installer of Debian writes these two, and debootstrap does not.
        fs::write(system.join("etc/hostname"), "clean\n")?;
        fs::write(
            system.join("etc/hosts"),
            "127.0.0.1 localhost\n127.0.1.1 clean\n::1 localhost ip6-localhost\n",
        )?;
        let _ = fs::copy("/etc/resolv.conf", system.join("etc/resolv.conf"));
        let fetch = format!(
            "apt-get -q update && apt-get -q -y install --download-only {} && rm /etc/resolv.conf",
            CACHED.join(" ")
        );
        let mut chroot = Command::new("chroot");
        capture(chroot.arg(&system).args(["sh", "-c", &fetch]).env("DEBIAN_FRONTEND", "noninteractive"))
    });
    made?;
    fs::write(&sign, RECIPE).with_context(|| format!("writing {}", sign.display()))?;
    println!("   made in {:.0} s, and kept", took.as_secs_f64());
    Ok(system)
}

/// The mirror that apt uses here.
fn mirror() -> Result<String> {
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(ORIGIN) $(RELEASE) $(REPO_URI)", "Created-By: Packages"]);
    let targets = capture(&mut targets)?;
    let mirrors = targets.lines().filter_map(|line| line.strip_prefix("Debian ")?.split_once(' '));
    let mirror = mirrors.filter(|(release, _)| *release == RELEASE).map(|(_, mirror)| mirror).next();
    mirror.map(str::to_owned).with_context(|| format!("apt knows no mirror of Debian {RELEASE} here"))
}
