//! The OpenAPI document that is served, written anew from the routes and from what stands at their handlers. The test that writes
//! it, and holds it against them ever after, is in `crates/web/src/api/described.rs`; `cargo xtask accept` has it write, too.

use anyhow::{Result, bail};

use crate::workspace::{capture, cargo};

/// The test that writes it.
const TEST: &str = "api::described::the_document_that_is_served_is_what_the_routes_say";

/// `cargo xtask openapi`
pub(crate) fn run(words: &[String]) -> Result<()> {
    if !words.is_empty() {
        bail!("openapi takes no more words, and {} was said", words.join(" "));
    }
    test("always")?;
    // Once more, with the new one built in.
    test("no")?;
    println!(
        "openapi: read what has changed before you commit it: git diff -- crates/web/src/api/openapi.json"
    );
    Ok(())
}

fn test(update: &str) -> Result<()> {
    let test = ["test", "--locked", "--quiet", "-p", "web", "--lib", "--", "--exact", TEST];
    let said = capture(cargo().args(test).env("INSTA_UPDATE", update))?;
    // Cargo is content when there is no test of that name.
    if !said.contains("1 passed") {
        bail!(
            "web has no test `{TEST}` any more; name in xtask/src/openapi.rs the one that writes the document"
        );
    }
    Ok(())
}
