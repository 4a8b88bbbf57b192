//! A setup code as a picture: the matrix with the mask that the standard picks, and the PNG. On one core, beside what Python draws.

use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use super::figures::Report;
use super::tutorial;
use crate::workspace::{capture, root};

const WHAT: &str = "a setup code as PNG";
const OURS: &str = "the crate otp";
const THEIRS: &str = "Python's qrcode";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let python = tutorial::python()?;
    for _ in 0..bench.many_rounds() {
        let seconds = bench.seconds().to_string();
        let ours = capture(Command::new(bench.program("qr")).arg(&seconds))?;
        report.note((WHAT, OURS, "/s"), number(&ours)?);
        let theirs = capture(Command::new(&python).arg(root().join("bench/tutorial/qr.py")).arg(&seconds))?;
        report.note((WHAT, THEIRS, "/s"), number(&theirs)?);
    }
    report.judge(
        "a setup code as PNG, beside Python's qrcode",
        (WHAT, OURS, "/s"),
        (WHAT, THEIRS, "/s"),
        (40.0, false),
    );
    Ok(())
}

/// The one figure that a program has printed.
pub(crate) fn number(printed: &str) -> Result<f64> {
    printed.trim().parse().with_context(|| format!("this is no figure: {printed}"))
}
