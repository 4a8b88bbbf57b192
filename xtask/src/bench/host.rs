//! The machine that was measured on, as far as it decides the figures.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Bench;
use super::load::median;
use crate::workspace::timed;

/// How often the disk is asked to keep a page.
const WRITES: usize = 2000;
const PAGE: usize = 4096;

/// What it is.
#[derive(Default)]
pub(crate) struct Host {
    processor: String,
    cores: usize,
    kernel: String,
    /// Bytes.
    memory: u64,
    /// How long `fdatasync` takes of a page that was written over, in milliseconds.
    sync: f64,
}

impl Host {
    pub(crate) fn look(bench: &Bench) -> Result<Host> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal")
            .split(' ')
            .next()
            .and_then(|kib| kib.parse::<u64>().ok());
        Ok(Host {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory: memory.unwrap_or_default() * 1024,
            sync: sync(bench)?,
        })
    }

    /// In a line.
    pub(crate) fn said(&self) -> String {
        format!(
            "{} cores of {}, {:.0} GiB, Linux {}; the disk keeps {:.0} pages a second (fdatasync {:.3} ms)",
            self.cores,
            self.processor,
            self.memory as f64 / f64::from(1 << 30),
            self.kernel,
            1000.0 / self.sync,
            self.sync
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "processor": self.processor, "cores": self.cores, "kernel": self.kernel,
            "memory_bytes": self.memory, "fdatasync_ms": self.sync,
        })
    }
}

/// How long the disk takes to keep a page, in milliseconds, the middle of many.
pub(crate) fn sync(bench: &Bench) -> Result<f64> {
    let path = bench.place.join("page");
    let failed = || format!("writing {}", path.display());
    let file = File::create(&path).with_context(failed)?;
    let write = |filling: u8| -> Result<()> {
        file.write_all_at(&[filling; PAGE], 0).with_context(failed)?;
        file.sync_data().with_context(failed)
    };
    write(0)?;
    let mut took = Vec::with_capacity(WRITES);
    for number in 0..WRITES {
        let (written, time) = timed(|| write((number % 251) as u8));
        written?;
        took.push(time.as_secs_f64() * 1000.0);
    }
    fs::remove_file(&path).with_context(failed)?;
    Ok(median(took.into_iter()))
}
