//! The next release, as far as anybody can know it: this tree under a higher version, with one migration more, on which this release may
//! stay. It is built beside this one, so that servers can be replaced one by one, there and back, while people sign in (REL-14).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{cargo, root, run, target};

/// Names the program to the tests.
pub(crate) const VARIABLE: &str = "LATCHKEY_TEST_NEXT_PROGRAM";

/// The row of the faults that wants it.
pub(crate) const ROW: &str = "REL-14";
/// The tests that want it, in the binary that tests processes.
pub(crate) const TESTS: [&str; 2] = [
    "rolling::behind_nginx_no_request_fails_while_the_next_release_takes_the_place_of_this_one",
    "rolling::behind_haproxy_no_request_fails_while_the_next_release_takes_the_place_of_this_one",
];

/// Where its changes are, and where they go.
const THIS: &str = "xtask/src/next.rs";
const MANIFEST: &str = "Cargo.toml";
const MIGRATIONS: &str = "crates/store/src/migrate.rs";

/// Builds it after this release, which is where it was afterward; and answers where the program of the next one is.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    let this = || run(cargo().args(["build", "--locked", "--profile", profile, "-p", "latchkey"]));
    this()?;
    let target = target()?;
    let place = target.join("next");
    let tree = place.join("tree");
    copy(&target, &tree)?;
    change(&tree, MANIFEST, raise)?;
    change(&tree, MIGRATIONS, add)?;
    // What others have written is there and built. Our own has another version in the tree, and so is kept apart in the same place.
    let mut build = cargo();
    build.args(["build", "--offline", "--profile", profile, "-p", "latchkey", "--manifest-path"]);
    run(build.arg(tree.join(MANIFEST)).arg("--target-dir").arg(&target))?;
    let directory = if profile == "dev" { "debug" } else { profile };
    let (built, program) = (target.join(directory).join("latchkey"), place.join(directory));
    let draft = place.join("draft");
    fs::copy(&built, &draft).with_context(|| format!("copying {}", built.display()))?;
    fs::rename(&draft, &program).with_context(|| format!("keeping {}", program.display()))?;
    // It has the name of this one, and is to make way for it.
    this()?;
    Ok(program)
}

/// The tree with the times of its files, by which cargo knows what has changed.
fn copy(target: &Path, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("removing {}", tree.display()))?;
    }
    fs::create_dir_all(tree).with_context(|| format!("making {}", tree.display()))?;
    for entry in fs::read_dir(root()).context("reading the checkout")? {
        let path = entry.context("reading the checkout")?.path();
        // The fuzzers have a lockfile, and may have a target directory, of their own.
        if path != target && !path.ends_with("fuzz") && !path.ends_with(".git") {
            run(Command::new("cp").arg("-a").arg(&path).arg(tree))?;
        }
    }
    Ok(())
}

/// Changes a file of the tree, and dates it by what it is made of.
fn change(tree: &Path, name: &str, how: impl Fn(&str) -> Option<String>) -> Result<()> {
    let path = tree.join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
    let text = how(&text).with_context(|| format!("{name} looks otherwise than {THIS} takes for granted"))?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    let modified = |name: &str| fs::metadata(root().join(name)).and_then(|metadata| metadata.modified());
    let dated = modified(name).and_then(|time| {
        let latest = time.max(modified(THIS)?);
        fs::File::options().write(true).open(&path)?.set_modified(latest)
    });
    dated.with_context(|| format!("dating {}", path.display()))
}

/// The manifest of the workspace with the next minor version.
fn raise(manifest: &str) -> Option<String> {
    let (before, rest) = manifest.split_once("[workspace.package]\nversion = \"")?;
    let (version, after) = rest.split_once('"')?;
    let mut numbers = version.split('.').map(str::parse::<u64>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(format!("{before}[workspace.package]\nversion = \"{major}.{}.0\"{after}", minor + 1))
}

/// The migrations with one more: a table, a column and an index of which this release knows nothing, and which it need not know.
fn add(migrations: &str) -> Option<String> {
    let (list, after) = migrations.split_once("\n];\n")?;
    let (_, last) = list.rsplit_once("version: ")?;
    let last: i64 = last.split_once(',')?.0.parse().ok()?;
    let migration = format!(
        r#"
    Migration {{
        version: {},
        name: "next",
        text: "CREATE TABLE nexts (id TEXT NOT NULL PRIMARY KEY);
               ALTER TABLE users ADD COLUMN next TEXT NOT NULL DEFAULT '';
               CREATE INDEX users_by_next ON users (next);",
        min_compatible: {last},
    }},"#,
        last + 1
    );
    Some(format!("{list}{migration}\n];\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_release_has_a_higher_version_and_one_migration_more() {
        let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
        let (manifest, migrations) = (read(MANIFEST), read(MIGRATIONS));
        let (raised, added) = (raise(&manifest).unwrap(), add(&migrations).unwrap());
        let count = |text: &str| text.matches("    Migration {\n").count();
        assert_eq!(count(&added), count(&migrations) + 1);
        let newest = format!("version: {},\n        name: \"next\"", count(&migrations) + 1);
        assert!(added.contains(&newest), "{newest}");
        assert!(added.contains(&format!("min_compatible: {},\n    }},\n];", count(&migrations))));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(&manifest), lines(&raised));
        let changed: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
        assert!(
            matches!(changed[..], [(one, other)] if one.starts_with("version = ") && other.ends_with(".0\""))
        );
    }

    #[test]
    fn what_looks_otherwise_is_not_changed_by_guess() {
        assert_eq!(
            raise("[workspace.package]\nversion = \"1.2.3\"\n").unwrap(),
            "[workspace.package]\nversion = \"1.3.0\"\n"
        );
        assert_eq!(raise("[workspace.package]\nedition = \"2024\"\nversion = \"1.2.3\"\n"), None);
        assert_eq!(raise("[workspace.package]\nversion = \"one\"\n"), None);
        assert_eq!(add("const MIGRATIONS: &[Migration] = &[];\n"), None);
    }
}
