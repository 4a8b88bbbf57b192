//! `cargo xtask docs`: the pages for operators as a book, in `target/book`, with every link in it followed. The commands in the
//! pages are run by tests: `fences.rs`, and `crates/latchkey/tests/recipe.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::pinned;
use crate::workspace::{root, run as start, target};

/// Builds the book and follows its links.
pub(crate) fn run() -> Result<()> {
    let book = target()?.join("book");
    let mut build = Command::new(pinned::MDBOOK.ensure()?);
    build.arg("build").arg(root().join("docs")).arg("--dest-dir").arg(&book);
    // It tells of every step; what goes wrong is enough.
    start(build.env("MDBOOK_LOG", "warn"))?;

    let mut wrong = unlisted()?;
    let pages = pages(&book)?;
    for (page, text) in &pages {
        wrong.extend(broken(page, text, &pages, &book));
    }
    if !wrong.is_empty() {
        bail!("the book has loose ends:\n  {}", wrong.join("\n  "));
    }
    println!("   {} pages in {}, and every link in them leads somewhere", pages.len(), book.display());
    Ok(())
}

/// Pages that the table of contents forgets.
fn unlisted() -> Result<Vec<String>> {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let summary = fs::read_to_string(&summary).with_context(|| format!("reading {}", summary.display()))?;
    let pages =
        files(&docs)?.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "md"));
    let names = pages.filter_map(|file| Some(file.strip_prefix(&docs).ok()?.to_string_lossy().into_owned()));
    let lost = names.filter(|name| name != "SUMMARY.md" && !summary.contains(&format!("({name})")));
    Ok(lost.map(|name| format!("docs/SUMMARY.md does not list {name}")).collect())
}

/// Every page of the built book, by its path.
fn pages(book: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let html =
        files(book)?.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "html"));
    html.map(|file| {
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok((file, text))
    })
    .collect()
}

/// What `page` points to inside the book and is not there.
fn broken(page: &Path, text: &str, pages: &BTreeMap<PathBuf, String>, book: &Path) -> Vec<String> {
    let here = page.parent().unwrap_or(book);
    let name = page.strip_prefix(book).unwrap_or(page).display();
    let mut wrong = Vec::new();
    for link in links(text) {
        let (path, mark) = link.split_once('#').unwrap_or((link, ""));
        let file = if path.is_empty() { page.to_owned() } else { plain(&here.join(path)) };
        // `adr/` is what works both here and where the pages are read as they are.
        let file = if path.ends_with('/') { file.join("index.html") } else { file };
        if !file.starts_with(book) || !file.is_file() {
            wrong.push(format!("{name} points to {link}, which is not in the book"));
        } else if let Some(text) = pages.get(&file)
            && !mark.is_empty()
            && !text.contains(&format!("id=\"{mark}\""))
        {
            wrong.push(format!("{name} points to {link}, and that page has no such heading"));
        }
    }
    wrong
}

/// The addresses in a page that lead to another place in the same book.
fn links(text: &str) -> BTreeSet<&str> {
    let quoted = ["href=\"", "src=\""].into_iter().flat_map(|mark| text.split(mark).skip(1));
    let links = quoted.filter_map(|rest| rest.split('"').next());
    links.filter(|link| !link.is_empty() && !is_elsewhere(link)).collect()
}

/// Whether an address has a scheme.
fn is_elsewhere(link: &str) -> bool {
    let scheme = link.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.chars().all(|letter| letter.is_ascii_alphanumeric()))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{broken, is_elsewhere, links, pages, plain};
    use std::fs;
    use std::path::Path;

    #[test]
    fn a_page_or_a_heading_that_is_not_there_is_a_loose_end() {
        let book = std::env::temp_dir().join(format!("latchkey-xtask-book-{}", std::process::id()));
        fs::create_dir_all(book.join("adr")).unwrap();
        fs::write(book.join("run.html"), "<h2 id=\"logs\">Logs</h2>").unwrap();
        let page = "<a href=\"../run.html#logs\"></a><a href=\"../run.html#log\"></a><a href=\"gone.html\"></a>\
                    <a href=\"../../out.html\"></a><a href=\"#here\"></a><h1 id=\"here\"></h1>\
                    <a href=\"https://example.org/gone\"></a>";
        fs::write(book.join("adr/page.html"), page).unwrap();
        let pages = pages(&book).unwrap();
        let (file, text) = pages.first_key_value().unwrap();
        let wrong = broken(file, text, &pages, &book);
        fs::remove_dir_all(&book).unwrap();
        let found = |link: &str| wrong.iter().any(|line| line.contains(link));
        assert!(found("run.html#log,") && found("gone.html,") && found("out.html"), "{wrong:?}");
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }

    #[test]
    fn what_has_a_scheme_is_elsewhere() {
        assert!(is_elsewhere("https://example.org") && is_elsewhere("mailto:ada@example.org"));
        assert!(!is_elsewhere("run.html") && !is_elsewhere("#a:b"));
        assert_eq!(links("<a href=\"a.html\"><img src=\"b.png\"><a href=\"https://c\">").len(), 2);
        assert_eq!(plain(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }
}
