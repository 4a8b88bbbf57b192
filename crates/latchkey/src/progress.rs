//! How far long work has come, on standard error: a line that is drawn again on a terminal, a line every five seconds
//! anywhere else. What is short says nothing.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::stopwatch::Stopwatch;

const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Work that is under way. Dropping it clears the line.
pub(crate) struct Progress {
    doing: &'static str,
    of: Option<u64>,
    since: Stopwatch,
    terminal: bool,
    /// When the next line is due.
    next: Duration,
    drawn: bool,
}

impl Progress {
    /// Starts counting; `of` is where it ends, where that is known.
    pub(crate) fn start(doing: &'static str, of: Option<u64>) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let next = if terminal { ON_A_TERMINAL } else { ELSEWHERE };
        Progress { doing, of, since: Stopwatch::start(), terminal, next, drawn: false }
    }

    /// So many are done.
    pub(crate) fn at(&mut self, done: u64) {
        let took = self.since.took();
        if took < self.next {
            return;
        }
        self.next = took + if self.terminal { ON_A_TERMINAL } else { ELSEWHERE };
        let line = line(self.doing, done, self.of, took);
        let mut out = std::io::stderr().lock();
        // Nobody is told off for closing standard error.
        let _ = if self.terminal { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
        let _ = out.flush();
        self.drawn = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn && self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// `Importing 412 345 / 1 000 000  41 %  83 000/s  7 s left`.
fn line(doing: &str, done: u64, of: Option<u64>, took: Duration) -> String {
    let each = done as f64 / took.as_secs_f64().max(0.001);
    let speed = format!("{}/s", grouped(each as u64));
    match of {
        Some(of) if of > 0 => {
            let left = (of.saturating_sub(done) as f64 / each.max(0.001)).ceil();
            let (done, percent) = (grouped(done), done.saturating_mul(100) / of);
            format!("{doing} {done} / {}  {percent} %  {speed}  {left} s left", grouped(of))
        }
        _ => format!("{doing} {}  {speed}", grouped(done)),
    }
}

/// In groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let five = Duration::from_secs(5);
        assert_eq!(
            line("Importing", 412_345, Some(1_000_000), five),
            "Importing 412 345 / 1 000 000  41 %  82 469/s  8 s left"
        );
        assert_eq!(line("Exporting", 999, None, Duration::from_secs(1)), "Exporting 999  999/s");
        assert_eq!(line("Looking", 0, Some(0), Duration::ZERO), "Looking 0  0/s");
    }
}
