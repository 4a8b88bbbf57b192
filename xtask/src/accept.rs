//! `cargo xtask accept`: the snapshots become what the program says now. Reading the diff is the developer's part.

use anyhow::Result;

use crate::test::{self, Selection};

/// Runs the selected tests once to rewrite the snapshots, and once more to see that they hold.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    // Changed snapshots may fail the first run; the second one is the verdict.
    let first = test::run_with(selection, &[("INSTA_UPDATE", "always"), ("INSTA_FORCE_PASS", "1")]);
    if let Err(error) = first {
        println!("\naccept: {error:#}; running once more with the new snapshots");
    }
    let second = test::run_with(selection, &[("INSTA_UPDATE", "no")]);
    println!("\naccept: read what changed before you commit it: git diff -- '*.snap'");
    println!(
        "accept: snapshots that stand inside a test are changed by hand, or with `cargo insta review` (cargo-insta)"
    );
    second
}
