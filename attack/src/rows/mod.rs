//! What is tried. Each file makes one row, or several that need the same things.

mod alike;
mod api;
mod clocks;
mod guessing;
mod hashing;
mod hostile;
mod killed;
mod race;
mod redirects;
mod secrets;
mod slow;
mod strangers;
mod tool;
mod victim;

use anyhow::Result;

use crate::{Finding, Ground};

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is tried, in a few words.
    pub(crate) tried: &'static str,
    /// Whether it can be tried against an installation that runs.
    pub(crate) outside: bool,
    /// Whether it lasts ten minutes in full.
    pub(crate) lasting: bool,
    pub(crate) run: fn(&Ground) -> Result<Vec<Finding>>,
}

/// All of them, in the order of the table.
pub(crate) const ROWS: [Row; 14] = [
    row("guessing", "wrong codes, all at once", true, guessing::run),
    Row { lasting: true, ..row("victim", "a flood of guesses at one name", false, victim::run) },
    row("race", "one code, many sign-ins at once", false, race::run),
    row("killed", "kill -9 right after an answer", false, killed::run),
    Row { lasting: true, ..row("strangers", "a flood of strangers", false, strangers::run) },
    row("hashing", "sign-ins that are all to be hashed", false, hashing::run),
    row("slow", "connections that take their time", false, slow::run),
    row("tool", "ffuf with a list of passwords, and of codes", true, tool::run),
    row("clocks", "a server with another clock", false, clocks::run),
    row("alike", "names that exist beside names that do not", true, alike::run),
    row("redirects", "addresses elsewhere to return to", true, redirects::run),
    row("hostile", "floods of headers, cookies, parameters, bytes", false, hostile::run),
    row("secrets", "a search for secrets in all that is written", false, secrets::run),
    Row { lasting: true, ..row("api", "requests made from the API's document", false, api::run) },
];

const fn row(
    name: &'static str,
    tried: &'static str,
    outside: bool,
    run: fn(&Ground) -> Result<Vec<Finding>>,
) -> Row {
    Row { name, tried, outside, lasting: false, run }
}
