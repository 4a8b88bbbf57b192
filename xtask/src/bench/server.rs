//! A server that is measured, with all the processes it is made of.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Running. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts it, with what it says in a file, and waits until it takes connections.
    pub(crate) fn start(command: &mut Command, port: u16, log: &Path) -> Result<Server> {
        let mut server = Server::spawn(command, port, log)?;
        for _ in 0..6000 {
            if server.is_open()? {
                return Ok(server);
            }
            sleep(Duration::from_millis(10));
        }
        bail!("a server takes no connection; {} may say why", log.display())
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn spawn(command: &mut Command, port: u16, log: &Path) -> Result<Server> {
        let file = File::create(log).with_context(|| format!("making {}", log.display()))?;
        // A group of its own, so that all its processes are found by it.
        command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Server { child, port })
    }

    fn is_open(&mut self) -> Result<bool> {
        if let Some(status) = self.child.try_wait()? {
            bail!("a server has ended ({status}); its log in target/bench says why");
        }
        Ok(TcpStream::connect(("127.0.0.1", self.port)).is_ok())
    }

    /// Waits for its first answer, which has to be a success. It is asked as often as can be, since what counts is when it comes.
    pub(crate) fn first_answer(&mut self, request: &str) -> Result<()> {
        for _ in 0..100_000 {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
                ensure!(self.child.try_wait()?.is_none(), "a server has ended before it answered");
                sleep(Duration::from_micros(200));
                continue;
            };
            stream.write_all(request.as_bytes())?;
            let mut line = [0; 12];
            stream.read_exact(&mut line)?;
            ensure!(line.ends_with(b" 200"), "the first answer was {}", String::from_utf8_lossy(&line));
            return Ok(());
        }
        bail!("a server does not answer")
    }

    /// What is resident of all its processes, in MiB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let mut kib = 0;
        for entry in fs::read_dir("/proc")?.flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if group_of(&stat) != Some(self.child.id()) {
                continue;
            }
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            kib += resident(&status).unwrap_or(0);
        }
        if kib == 0 {
            bail!("a server has ended");
        }
        Ok(kib as f64 / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let kill =
            |signal: &str| Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
        let _ = kill("-TERM");
        for _ in 0..500 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        // Whatever is left of it, also when its first process is gone.
        let _ = kill("-KILL");
        let _ = self.child.wait();
    }
}

/// The process group in `/proc/PID/stat`. The name before it may hold anything, parentheses too.
fn group_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// KiB that are resident, of `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A port that nobody has.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no port is free")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_process_is_read() {
        assert_eq!(group_of("42 (a) b (c) S 1 41 40 0 -1"), Some(41));
        assert_eq!(group_of("42"), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t   15028 kB\n"), Some(15028));
    }

    #[test]
    fn a_server_that_ends_at_once_is_no_server() {
        let log = std::env::temp_dir().join(format!("latchkey-xtask-server-{}", std::process::id()));
        let started = Server::start(&mut Command::new("false"), 1, &log);
        let _ = fs::remove_file(&log);
        assert!(started.is_err());
    }
}
