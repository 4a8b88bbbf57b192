//! The dependency policy of `deny.toml`, judged from what cargo knows. `cargo deny check` reads the same file and knows
//! more (advisories), but takes minutes to build; this runs in a second on any machine. Expressions: `license.rs`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::license;
use crate::workspace::{capture, cargo, metadata, root};

/// Crates that may be built into the program. More than this, and the build is no longer a coffee.
const MOST_CRATES: usize = 250;

/// What they are counted for: other platforms add crates that nobody here builds.
const COUNTED_FOR: &str = "x86_64-unknown-linux-gnu";

/// The index that cargo itself defaults to; every other registry and every git source is refused.
const DEFAULT_REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// The lists in `deny.toml` that are enforced here.
#[derive(Debug)]
struct Policy {
    licenses: Vec<String>,
    banned: Vec<String>,
}

/// One package of the lockfile.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// Judges the lockfile; every breach is named before it fails.
pub(crate) fn run() -> Result<()> {
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let policy = Policy::parse(&text).context("deny.toml")?;
    let packages = packages(&metadata()?)?;
    let built = built()?;

    let mut breaches = judge(&policy, &packages, &reached()?);
    if built > MOST_CRATES {
        breaches
            .push(format!("{built} crates are built into latchkey; {MOST_CRATES} is the most. What can go?"));
    }
    println!("   {built} crates in the program (at most {MOST_CRATES}), {} in the lockfile", packages.len());
    let twice = repeated(&packages);
    if !twice.is_empty() {
        println!("   in more than one version: {}", twice.join(", "));
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("the dependency policy (deny.toml) is broken:\n  {}", breaches.join("\n  "))
}

impl Policy {
    fn parse(text: &str) -> Result<Policy> {
        let table: toml::Table = text.parse()?;
        let list = |section: &str, key: &str| {
            let list =
                table.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_array);
            list.with_context(|| format!("[{section}] has no list `{key}`"))
        };
        let word = |value: &toml::Value| value.as_str().map(String::from);
        let licenses: Option<_> = list("licenses", "allow")?.iter().map(word).collect();
        let banned: Option<_> =
            list("bans", "deny")?.iter().map(|ban| ban.get("name").and_then(word)).collect();
        Ok(Policy {
            licenses: licenses.context("[licenses] allow holds something else than names")?,
            banned: banned.context("[bans] deny holds an entry without a name")?,
        })
    }
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let list = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let text = |value: &Value| value.as_str().map(String::from);
    list.iter()
        .map(|package| {
            Ok(Package {
                name: text(&package["name"]).context("a package has no name")?,
                version: text(&package["version"]).context("a package has no version")?,
                license: text(&package["license"]),
                source: text(&package["source"]),
            })
        })
        .collect()
}

/// The names of all packages that any platform builds for anything, tests included.
///
/// The lockfile holds more: cargo also locks what a crate would only pass a feature on to if somebody else brought it.
fn reached() -> Result<BTreeSet<String>> {
    let edges = ["tree", "--locked", "--workspace", "--all-features", "-e", "all", "--target", "all"];
    let tree = capture(cargo().args(edges).args(["--prefix", "none", "--format", "{p}"]))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect())
}

/// What is wrong with these packages, one sentence each. What is `banned` may be in the lockfile, but not reached.
fn judge(policy: &Policy, packages: &[Package], reached: &BTreeSet<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in packages {
        let Package { name, version, license, source } = package;
        if policy.banned.contains(name) && reached.contains(name) {
            breaches.push(format!("{name} is banned; `cargo tree -i {name}` says who brings it"));
        }
        if source.as_deref().is_some_and(|source| source != DEFAULT_REGISTRY) {
            breaches.push(format!("{name} {version} is not from the default registry"));
        }
        match license.as_deref().map(|license| license::satisfied(license, &policy.licenses)) {
            Some(Ok(true)) => {}
            Some(Ok(false)) => {
                let license = license.as_deref().unwrap_or_default();
                breaches.push(format!(
                    "{name} {version} is licensed `{license}`, which [licenses] does not allow"
                ));
            }
            Some(Err(error)) => breaches.push(format!("{name} {version}: {error}")),
            None => breaches.push(format!("{name} {version} names no license")),
        }
    }
    breaches
}

/// How many crates, ours included, are built for the program: its own and those of its build scripts.
fn built() -> Result<usize> {
    let edges = ["tree", "--locked", "-p", "latchkey", "-e", "normal,build", "--prefix", "none"];
    let tree = capture(cargo().args(edges).args(["--target", COUNTED_FOR, "--format", "{p}"]))?;
    let distinct: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim())
        .filter(|line| !line.is_empty())
        .collect();
    Ok(distinct.len())
}

fn repeated(packages: &[Package]) -> Vec<&str> {
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages {
        *versions.entry(&package.name).or_default() += 1;
    }
    versions.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{DEFAULT_REGISTRY, Package, Policy, judge};

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ name = "openssl", reason = "one TLS library is enough" }]
    "#;

    fn package(name: &str, license: &str, source: &str) -> Package {
        let full = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: full(license),
            source: full(source),
        }
    }

    fn breaches(package: Package) -> String {
        let reached = BTreeSet::from([package.name.clone()]);
        judge(&Policy::parse(POLICY).unwrap(), &[package], &reached).join("; ")
    }

    #[test]
    fn a_banned_name_that_nothing_builds_is_no_breach() {
        let locked = [package("openssl", "MIT", DEFAULT_REGISTRY)];
        assert!(judge(&Policy::parse(POLICY).unwrap(), &locked, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn a_package_that_keeps_the_policy_passes() {
        assert_eq!(breaches(package("good", "MIT OR Apache-2.0", DEFAULT_REGISTRY)), "");
        assert_eq!(breaches(package("ours", "MIT", "")), "");
    }

    #[test]
    fn a_banned_name_is_told_apart_from_a_longer_one() {
        assert!(breaches(package("openssl", "MIT", DEFAULT_REGISTRY)).contains("is banned"));
        assert_eq!(breaches(package("openssl-probe", "MIT", DEFAULT_REGISTRY)), "");
    }

    #[test]
    fn a_git_source_and_another_registry_are_refused() {
        for source in ["git+https://example.org/a", "registry+https://example.org/index"] {
            assert!(
                breaches(package("stray", "MIT", source)).contains("not from the default registry"),
                "{source}"
            );
        }
    }

    #[test]
    fn a_license_that_is_not_allowed_or_not_named_is_refused() {
        assert!(breaches(package("copyleft", "GPL-3.0-only", "")).contains("does not allow"));
        assert!(breaches(package("silent", "", "")).contains("names no license"));
    }

    #[test]
    fn a_policy_without_its_lists_is_an_error() {
        assert!(Policy::parse("[licenses]\nallow = [\"MIT\"]").is_err());
        assert!(Policy::parse("[bans]\ndeny = []\n[licenses]\nallow = [1]").is_err());
    }
}
