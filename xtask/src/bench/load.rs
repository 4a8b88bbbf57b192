//! Asks a server as fast as it answers, with wrk, and reads what came of it. One thread and 32 connections, each request by a
//! person drawn by chance.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::capture;

/// The requests: a file of tokens is read once, and each request is made of a token before the first is sent. The last line that
/// is printed is for us.
const SCRIPT: &str = r#"
local requests = {}
function init(args)
    local headers = {}
    for line in io.lines(args[2]) do
        local name, value = line:match("^([^:]+): (.*)$")
        headers[name] = value
    end
    for token in io.lines(args[1]) do
        headers["Cookie"] = "theme=dark; latchkey-app=" .. token
        requests[#requests + 1] = wrk.format("GET", args[3], headers)
    end
    math.randomseed(os.time())
end
function request()
    return requests[math.random(#requests)]
end
function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
    print(string.format("figures %d %d %d %d", summary.requests, summary.duration, latency:percentile(99), failed))
end
"#;

/// What came of asking for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    /// Requests a second.
    pub(crate) a_second: f64,
    /// Microseconds that 99 of 100 requests stayed below.
    pub(crate) p99: f64,
}

/// What is asked: an address, a path, and by whom.
pub(crate) struct Question<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    /// A file of tokens, and one of the headers that every request has.
    pub(crate) files: (&'a Path, &'a Path),
}

/// Asks for so many seconds, from one processor. An answer other than 200 is a failure of the whole.
pub(crate) fn ask(place: &Path, question: &Question<'_>, (seconds, processor): (u32, usize)) -> Result<Run> {
    let script = place.join("ask.lua");
    std::fs::write(&script, SCRIPT).with_context(|| format!("writing {}", script.display()))?;
    let mut wrk = Command::new("taskset");
    wrk.args(["--cpu-list", &processor.to_string(), "wrk", "--threads=1", "--connections=32"]);
    wrk.arg(format!("--duration={seconds}s")).arg("--script").arg(script);
    wrk.arg(format!("http://127.0.0.1:{}{}", question.port, question.path)).arg("--");
    wrk.arg(question.files.0).arg(question.files.1).arg(question.path);
    read(&capture(&mut wrk)?)
}

fn read(printed: &str) -> Result<Run> {
    let figures =
        printed.lines().find_map(|line| line.strip_prefix("figures ")).context("wrk gave no figures")?;
    let figures = figures.split(' ').map(|figure| figure.parse::<f64>().context("wrk gave other figures"));
    let [requests, microseconds, p99, failed] = figures.collect::<Result<Vec<_>>>()?[..] else {
        bail!("wrk gave other figures");
    };
    if failed > 0.0 || requests < 1.0 {
        bail!("{failed} of {requests} requests were answered by something else than 200, or not at all");
    }
    Ok(Run { a_second: requests / (microseconds / 1e6), p99 })
}

/// The middle one, or the mean of both.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let (below, above) = (figures.len().saturating_sub(1) / 2, figures.len() / 2);
    figures.get(below).zip(figures.get(above)).map_or(f64::NAN, |(below, above)| (below + above) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_a_request_that_failed_fails_all() {
        let run = read("Running 2s test\nfigures 100000 2000000 700 0\n").unwrap();
        assert_eq!(run, Run { a_second: 50_000.0, p99: 700.0 });
        for wrong in
            ["", "figures 1 2", "figures a b c d", "figures 100 1000000 7 1", "figures 0 1000000 0 0"]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([9.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 9.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }
}
