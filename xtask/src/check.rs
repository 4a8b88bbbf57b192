//! `cargo xtask check`: everything that can be said about the code without a server. Tests are in `test.rs`.

use anyhow::{Context, Result, bail};

use crate::workspace::{cargo, run as start, timed};
use crate::{docs, instructions};

/// A step: its name, and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// The cheap ones first, so that a wrong comma is not found behind a long build.
const STEPS: [Step; 6] = [
    ("format", || start(cargo().args(["fmt", "--all", "--check"]))),
    ("clippy", || {
        let lint =
            ["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
        start(cargo().args(lint))
    }),
    ("house rules", || {
        // The dependency policy is judged for all platforms, and nothing is built for most of them here.
        start(cargo().args(["fetch", "--locked"]))?;
        start(cargo().args(["test", "--locked", "--quiet", "-p", "latchkey", "--test", "tidy"]))
    }),
    ("documentation", || {
        // Private items too: most of this code is private, and its links rot like any others.
        let doc =
            ["doc", "--locked", "--workspace", "--all-features", "--no-deps", "--document-private-items"];
        start(cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("book", docs::run),
    ("instructions", instructions::check),
];

/// Runs the steps, or only the one that is named, and stops at the first that fails.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let only = words.join(" ");
    let chosen: Vec<&Step> = STEPS.iter().filter(|(name, _)| only.is_empty() || *name == only).collect();
    if chosen.is_empty() {
        let names = STEPS.map(|(name, _)| name).join(", ");
        bail!("check has no step `{only}`; it has {names}");
    }
    for (number, (name, step)) in chosen.iter().enumerate() {
        println!("── {}/{} {name}", number + 1, chosen.len());
        let (done, took) = timed(step);
        done.with_context(|| format!("check stopped at `{name}`; `cargo xtask check {name}` runs it alone"))?;
        println!("   {name}: fine, {:.1} s", took.as_secs_f64());
    }
    println!("\ncheck: fine");
    Ok(())
}
