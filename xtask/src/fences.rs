//! The commands in the pages for operators: a fenced block with `<!-- run: NAME -->` on the line before it is run by a test, as
//! it stands there.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::root;

/// The lines of the blocks of a page that carry this name.
pub(crate) fn marked(page: &str, name: &str) -> Result<String> {
    let text = read(page)?;
    let blocks = blocks(&text, name);
    if blocks.is_empty() {
        bail!("{page} has no block of commands marked `<!-- run: {name} -->`");
    }
    Ok(blocks.concat())
}

/// The first block below a heading of a page.
pub(crate) fn under(page: &str, heading: &str) -> Result<String> {
    let text = read(page)?;
    let section = text.split(&format!("\n## {heading}\n")).nth(1);
    let block = section.and_then(|text| text.split("```sh\n").nth(1)?.split("```").next());
    Ok(block.with_context(|| format!("{page} has no commands under `{heading}`"))?.to_owned())
}

fn read(page: &str) -> Result<String> {
    fs::read_to_string(root().join(page)).with_context(|| format!("reading {page}"))
}

fn blocks(text: &str, name: &str) -> Vec<String> {
    let mark = format!("<!-- run: {name} -->\n```");
    // What follows the fence on its line is the language.
    let blocks = text.split(&mark).skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("```").next());
    blocks.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn only_blocks_with_the_name_are_found() {
        let text = "\n<!-- run: a -->\n```sh\none\ntwo\n```\n```sh\nother\n```\n<!-- run: b -->\n```sh\nb\n```\n<!-- run: a -->\n```sh\nthree\n```\n";
        assert_eq!(blocks(text, "a"), ["one\ntwo\n", "three\n"]);
        assert_eq!(blocks(text, "c"), Vec::<String>::new());
    }
}
