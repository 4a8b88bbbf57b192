//! An audit log of ten million events: verified, and then removed because it is old, in memory that does not grow with it.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::figures::Report;
use super::people::write_settings;
use super::pictures::number;
use crate::workspace::{capture, timed};

const MEMORY: &str = "memory at the most";
/// Few and many: what does not grow is the same for both. The few are enough to fill what is kept of the database in memory.
const FEW: u64 = 500_000;
const MANY: u64 = 10_000_000;
const QUICKLY: (u64, u64) = (100_000, 300_000);

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let (few, many) = if bench.quick { QUICKLY } else { (FEW, MANY) };
    for (count, size) in [(few, "few"), (many, "many")] {
        let place = bench.place.join("audit");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let (data, settings) = (place.join("data"), place.join("latchkey.toml"));
        write_settings(&settings, &data, (8080, "code"), ("", ""))?;
        println!("   {count} events happen");
        let events = |words: &[&str]| capture(Command::new(bench.program("events")).arg(&data).args(words));
        events(&["fill", &count.to_string()])?;
        let mut verify = Command::new(bench.program("latchkey"));
        verify.env_clear().arg("--config").arg(&settings).args(["audit", "verify", "--json"]);
        let (most, took) = timed(|| most_of(&mut verify));
        let who = format!("verifying {size} events");
        report.note((MEMORY, &who, " MiB"), most? as f64 / 1024.0);
        report.note(("audit log", &who, " events/s"), count as f64 / took.as_secs_f64());
        let (printed, took) = timed(|| events(&["retire"]));
        let who = format!("removing {size} events");
        report.note((MEMORY, &who, " MiB"), number(&printed?)? / 1024.0);
        report.note(("audit log", &who, " events/s"), count as f64 / took.as_secs_f64());
        fs::remove_dir_all(&place)?;
    }
    for what in ["verifying", "removing"] {
        let (few, many) = (format!("{what} few events"), format!("{what} many events"));
        let goal = format!("memory for {what} many events, beside few");
        report.judge(&goal, (MEMORY, &many, " MiB"), (MEMORY, &few, " MiB"), (1.5, true));
    }
    Ok(())
}

/// Runs a program to its end, and answers how much memory it took at the most, in KiB.
fn most_of(command: &mut Command) -> Result<u64> {
    let mut child = command.stdout(Stdio::null()).spawn().context("starting the program")?;
    let (file, mut most) = (format!("/proc/{}/status", child.id()), 0);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let status = fs::read_to_string(&file).unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        most = peak.unwrap_or(most);
        sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "the log is not as it was written ({status})");
    Ok(most)
}
