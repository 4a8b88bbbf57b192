//! The dependency policy of `deny.toml`, judged from what cargo knows, without the network. `cargo deny check` reads the same file
//! and knows more (advisories); SECURITY.md says how to run it. License expressions are read in `license.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{license, none, read, root};

/// Crates that may be built into the program. More than this, and the build is no longer a coffee.
const MOST_CRATES: usize = 250;

/// What they are counted for: other platforms add crates that nobody here builds.
const COUNTED_FOR: &str = "x86_64-unknown-linux-gnu";

/// The index that cargo itself defaults to; every other registry and every git source is refused.
const DEFAULT_REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// Sources of randomness, hashes and ciphers that have to be there, or the policy no longer sees what it judges.
const EXPECTED: [&str; 3] = ["rustls", "aws-lc-rs", "argon2"];

/// The lists in `deny.toml` that are enforced here.
#[derive(Debug)]
struct Policy {
    licenses: Vec<String>,
    banned: Vec<Ban>,
    /// Names that may be there in several versions, since others ask for them.
    repeated: BTreeSet<String>,
}

#[derive(Debug)]
struct Ban {
    name: String,
    /// The version from which on it is good; `None` when no version is.
    floor: Option<Version>,
}

type Version = (u64, u64, u64);

/// One package of the lockfile.
#[derive(Debug, Clone)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    /// Whether any platform builds it for anything, tests included.
    reached: bool,
}

impl Policy {
    fn parse(text: &str) -> Result<Policy, String> {
        let table: toml::Table = text.parse().map_err(|error| format!("it is no TOML: {error}"))?;
        let list = |section: &str, key: &str| {
            let list =
                table.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_array);
            list.ok_or(format!("[{section}] has no list `{key}`"))
        };
        let word = |value: &toml::Value| value.as_str().map(String::from);
        let licenses: Option<_> = list("licenses", "allow")?.iter().map(word).collect();
        let banned: Result<_, String> = list("bans", "deny")?.iter().map(Ban::read).collect();
        let repeated: Option<_> =
            list("bans", "skip")?.iter().map(|skip| skip.get("name").and_then(word)).collect();
        Ok(Policy {
            licenses: licenses.ok_or("[licenses] allow holds something else than names")?,
            banned: banned?,
            repeated: repeated.ok_or("[bans] skip holds an entry without a name")?,
        })
    }
}

impl Ban {
    fn read(entry: &toml::Value) -> Result<Ban, String> {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
        let name = text("name").ok_or("[bans] deny holds an entry without a name")?;
        text("reason").ok_or(format!("the ban of {name} says no reason"))?;
        let floor =
            match text("version") {
                None => None,
                Some(below) => {
                    let floor = below.strip_prefix('<').and_then(version);
                    Some(floor.ok_or(format!(
                        "the ban of {name}: write its version as <1.2.3, and not `{below}`"
                    ))?)
                }
            };
        Ok(Ban { name: name.to_owned(), floor })
    }

    /// Whether it is meant. What is banned whole may be in the lockfile, where cargo also keeps what a crate would only pass a feature
    /// on to if somebody else brought it.
    fn hits(&self, package: &Package) -> bool {
        self.name == package.name
            && match self.floor {
                None => package.reached,
                // A version that cannot be read is not known to be good.
                Some(floor) => version(&package.version).is_none_or(|version| version < floor),
            }
    }
}

/// The three numbers of a version; of `1.2.3-rc.1` those before, so that it counts as the version that it precedes.
fn version(text: &str) -> Option<Version> {
    let plain = text.split(['-', '+']).next().unwrap_or(text);
    let numbers: Option<Vec<u64>> = plain.split('.').map(|number| number.parse().ok()).collect();
    match numbers?.as_slice() {
        [major, minor, patch] => Some((*major, *minor, *patch)),
        _ => None,
    }
}

/// The packages that `cargo metadata` lists. `reached` holds those that are built, as `name version`.
fn packages(metadata: &Value, reached: &BTreeSet<String>) -> Vec<Package> {
    let text = |value: &Value| value.as_str().map(String::from);
    let package = |package: &Value| {
        let (name, version) = (text(&package["name"])?, text(&package["version"])?);
        let reached = reached.contains(&format!("{name} {version}"));
        Some(Package {
            license: text(&package["license"]),
            source: text(&package["source"]),
            name,
            version,
            reached,
        })
    };
    let list = metadata["packages"].as_array().expect("cargo metadata lists packages");
    list.iter().map(|found| package(found).expect("a package has a name and a version")).collect()
}

/// What is wrong with these packages, one sentence each.
fn judge(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in packages {
        let Package { name, version, license, source, .. } = package;
        for Ban { floor, .. } in policy.banned.iter().filter(|ban| ban.hits(package)) {
            breaches.push(match floor {
                None => format!("{name} is banned; `cargo tree -i {name}` says who brings it"),
                Some((major, minor, patch)) => {
                    format!("{name} {version} is known to be broken, {major}.{minor}.{patch} is the first good one")
                }
            });
        }
        // What has no source is ours, and lies in this checkout.
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
    breaches.extend(repeated(policy, packages));
    breaches
}

/// Names in several versions that nobody has looked at, and those on the list that are there only once.
fn repeated(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.reached) {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let new =
        versions.iter().filter(|(name, _)| !policy.repeated.contains(**name)).map(|(name, versions)| {
            format!(
                "{name} is there as {}: bring one of them away, or say in [bans] skip why not",
                versions.join(" and ")
            )
        });
    let stale = policy.repeated.iter().filter(|name| !versions.contains_key(name.as_str()));
    new.chain(stale.map(|name| format!("{name} is there once: take it out of [bans] skip"))).collect()
}

/// What cargo prints, without asking the network.
fn cargo(words: &[&str]) -> Option<String> {
    let output =
        Command::new(env!("CARGO")).current_dir(root()).args(words).args(["--locked", "--offline"]).output();
    let output = output.expect("cargo can be started, since it has built this");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("cargo prints text"))
}

/// The same, of all platforms where their crates have been fetched, and else of those that this machine needed so far.
fn of_all_platforms(words: &[&str], all: &[&str], here: &[&str]) -> String {
    cargo(&[words, all].concat())
        .or_else(|| cargo(&[words, here].concat()))
        .expect("the lockfile is up to date, and its crates have been fetched")
}

/// `name version` of every line of a tree.
fn named(tree: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('v')))
    };
    tree.lines().filter_map(name).collect()
}

/// Everything in the lockfile, and whether it is built.
fn locked() -> Vec<Package> {
    let tree = ["tree", "--workspace", "--all-features", "-e", "all", "--prefix", "none", "--format", "{p}"];
    let reached = named(&of_all_platforms(&tree, &["--target", "all"], &[]));
    let metadata = ["metadata", "--format-version", "1", "--all-features"];
    let metadata = of_all_platforms(&metadata, &[], &["--filter-platform", COUNTED_FOR]);
    packages(&serde_json::from_str(&metadata).expect("cargo metadata prints JSON"), &reached)
}

#[test]
fn every_dependency_keeps_the_policy() {
    let policy = Policy::parse(&read("deny.toml")).unwrap_or_else(|why| panic!("deny.toml: {why}"));
    let packages = locked();
    for name in EXPECTED {
        assert!(
            packages.iter().any(|package| package.name == name && package.reached),
            "tidy no longer sees {name}"
        );
    }
    none(
        &judge(&policy, &packages),
        "The dependency policy is deny.toml: keep it, or change it and say why in the commit.",
    );
}

#[test]
fn the_program_is_made_of_no_more_crates_than_one_can_look_through() {
    let tree = ["tree", "-p", "latchkey", "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
    let built = named(&of_all_platforms(&tree, &["--target", COUNTED_FOR], &[])).len();
    assert!(
        (50..=MOST_CRATES).contains(&built),
        "{built} crates are built into latchkey; {MOST_CRATES} is the most"
    );
}

#[test]
fn the_program_has_nothing_that_is_there_for_tests_and_fuzzers() {
    let features = |edges: &str| {
        let tree =
            cargo(&["tree", "-p", "latchkey", "-e", edges, "--prefix", "none"]).expect("cargo shows a tree");
        let for_tests =
            |line: &&str| line.contains(" feature \"scratch\"") || line.contains(" feature \"fuzzing\"");
        tree.lines().filter(for_tests).map(String::from).collect::<Vec<_>>()
    };
    none(
        &features("normal,build,features"),
        "Such a feature belongs into [dev-dependencies], or into fuzz/Cargo.toml.",
    );
    assert!(!features("normal,dev,features").is_empty(), "tidy no longer sees the features of the tests");
}

/// What `cargo metadata` would say of one package, judged under a small policy.
fn verdict(package: Value) -> String {
    let policy = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [
            { name = "openssl", reason = "one TLS library is enough" },
            { name = "jsonwebtoken", version = "<10.3.0", reason = "skips what has the wrong type" },
        ]
        skip = []
    "#;
    let reached = BTreeSet::from([format!("{} 1.0.0", package["name"].as_str().unwrap_or_default())]);
    let packages = packages(&serde_json::json!({ "packages": [package] }), &reached);
    judge(&Policy::parse(policy).expect("it is a policy"), &packages).join("; ")
}

fn forged(name: &str, version: &str) -> Value {
    serde_json::json!({ "name": name, "version": version, "license": "MIT", "source": DEFAULT_REGISTRY })
}

#[test]
fn a_package_that_keeps_the_policy_passes() {
    assert_eq!(verdict(forged("good", "1.0.0")), "");
    assert_eq!(
        verdict(serde_json::json!({ "name": "ours", "version": "1.0.0", "license": "MIT OR GPL-3.0-only" })),
        ""
    );
}

#[test]
fn a_banned_name_is_refused_where_it_is_built() {
    assert!(verdict(forged("openssl", "1.0.0")).contains("is banned"));
    assert_eq!(verdict(forged("openssl", "2.0.0")), "", "it is locked and not built");
    assert_eq!(verdict(forged("openssl-probe", "1.0.0")), "");
}

#[test]
fn a_version_below_its_floor_is_refused_wherever_it_is() {
    for broken in ["10.2.9", "9.3.1", "10.2.0+build", "10.3", "x"] {
        assert!(verdict(forged("jsonwebtoken", broken)).contains("10.3.0 is the first good one"), "{broken}");
    }
    for good in ["10.3.0", "10.10.0", "11.0.0", "10.3.0+build"] {
        assert_eq!(verdict(forged("jsonwebtoken", good)), "", "{good}");
    }
}

#[test]
fn a_git_source_and_another_registry_are_refused() {
    for source in
        ["git+https://example.org/a", "registry+https://example.org/index", "sparse+https://example.org/"]
    {
        let mut package = forged("stray", "1.0.0");
        package["source"] = source.into();
        assert!(verdict(package).contains("not from the default registry"), "{source}");
    }
}

#[test]
fn a_license_that_is_not_allowed_or_not_named_is_refused() {
    for (license, said) in
        [(Value::from("GPL-3.0-only"), "does not allow"), (Value::Null, "names no license")]
    {
        let mut package = forged("other", "1.0.0");
        package["license"] = license;
        assert!(verdict(package).contains(said), "{said}");
    }
}

#[test]
fn two_versions_of_one_crate_are_looked_at_once_and_no_longer_than_they_are_there() {
    let policy = |skip: &str| {
        let text = format!("[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = []\nskip = [{skip}]\n");
        Policy::parse(&text).unwrap()
    };
    let twice = serde_json::json!({ "packages": [forged("syn", "1.0.0"), forged("syn", "2.0.0")] });
    let reached = |versions: &[&str]| versions.iter().map(|version| format!("syn {version}")).collect();
    let both = packages(&twice, &reached(&["1.0.0", "2.0.0"]));
    assert_eq!(
        judge(&policy(""), &both),
        ["syn is there as 1.0.0 and 2.0.0: bring one of them away, or say in [bans] skip why not"]
    );
    assert!(judge(&policy("{ name = \"syn\" }"), &both).is_empty());
    let one = packages(&twice, &reached(&["2.0.0"]));
    assert_eq!(judge(&policy("{ name = \"syn\" }"), &one), ["syn is there once: take it out of [bans] skip"]);
}

#[test]
fn a_policy_that_cannot_be_read_is_an_error() {
    for broken in [
        "[licenses]\nallow = [\"MIT\"]",
        "[bans]\ndeny = []\nskip = []\n[licenses]\nallow = [1]",
        "[bans]\ndeny = [{ name = \"x\" }]\nskip = []\n[licenses]\nallow = []",
        "[bans]\ndeny = [{ name = \"x\", version = \">1\", reason = \"y\" }]\nskip = []\n[licenses]\nallow = []",
    ] {
        assert!(Policy::parse(broken).is_err(), "{broken}");
    }
}
