//! Reads what a command prints while it prints it, and ends the command, with all that it started, once it has said nothing for too long.
//! So what hangs is a failure that names itself, rather than one that lasts until somebody looks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, Result};

/// Hands every line to `each` as it comes. Answers how the command ended, or `None` when it was ended because no line came for as long as
/// `patience`.
pub(crate) fn read(
    command: &mut Command,
    patience: Duration,
    mut each: impl FnMut(&str),
) -> Result<Option<ExitStatus>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let output = child.stdout.take().with_context(|| format!("{name} has no output"))?;
    let (tell, told) = channel();
    // Not waited for: what was ended may have left somebody behind who keeps the pipe open.
    thread::spawn(move || BufReader::new(output).split(b'\n').all(|line| tell.send(line).is_ok()));
    loop {
        match told.recv_timeout(patience) {
            Ok(line) => {
                let line = line.with_context(|| format!("reading what {name} prints"))?;
                each(&String::from_utf8_lossy(&line));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return child.wait().map(Some).with_context(|| format!("waiting for {name}"));
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Ok(None);
            }
        }
    }
}

/// Ends a process and all that it started. It shares our group, so that Ctrl-C reaches it, and so it cannot be ended by its group.
fn end(child: &mut Child) {
    let mut all = vec![child.id()];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        all.extend(started_by(parent));
        next += 1;
    }
    let _ =
        Command::new("kill").arg("-KILL").args(all.iter().map(u32::to_string)).stderr(Stdio::null()).status();
    let _ = child.wait();
}

/// Those whom a process started and who are still there.
fn started_by(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent_of(*number) == Some(parent)).collect()
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in brackets and may have anything in it; then come the state and the parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn shell(script: &str, patience: Duration) -> (Vec<String>, Option<ExitStatus>) {
        let mut lines = Vec::new();
        let ended =
            read(Command::new("sh").args(["-c", script]), patience, |line| lines.push(line.to_owned()));
        (lines, ended.unwrap())
    }

    #[test]
    fn every_line_is_handed_on_and_how_it_ended() {
        let (lines, ended) = shell("echo a; echo b; exit 3", LONG);
        assert_eq!(lines, ["a", "b"]);
        assert_eq!(ended.and_then(|status| status.code()), Some(3));
    }

    /// The grandchild has the pipe, too.
    #[test]
    fn whoever_says_nothing_for_too_long_is_ended_with_all_that_it_started() {
        let (lines, ended) = shell("sh -c 'echo $$; sleep 3600; :' & wait; :", Duration::from_secs(5));
        assert!(ended.is_none(), "it was to be ended");
        let number: u32 = lines[0].parse().unwrap();
        // It is told to go, and goes when the system comes to it.
        let gone = (0..6000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !runs(number)
        });
        assert!(gone, "{number} still runs");
    }

    fn runs(process: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }
}
