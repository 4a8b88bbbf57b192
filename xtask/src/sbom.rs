//! `cargo xtask sbom`: what the program is made of, as programs read it: CycloneDX 1.6 in JSON, in `target/sbom`. The same commit
//! gives the same bytes. The licenses as people read them are in `notices.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::workspace::{capture, cargo, metadata, root, target};

/// The program, as the first line of its tree names it.
const PROGRAM: &str = "latchkey";

/// A crate as `name version`.
type Crate = String;

/// Writes it to `target/sbom/latchkey.cdx.json`.
pub(crate) fn run() -> Result<()> {
    let file = target()?.join("sbom").join("latchkey.cdx.json");
    let count = write(&file)?;
    println!("{}: {count} components", file.display());
    Ok(())
}

/// Writes it to `file`, and answers how many components it names.
pub(crate) fn write(file: &Path) -> Result<usize> {
    let lockfile = fs::read_to_string(root().join("Cargo.lock")).context("reading Cargo.lock")?;
    // Macros run while building and are not in the program, nor is what only a build script needs.
    let tree = ["tree", "--locked", "-p", PROGRAM, "-e", "normal,no-proc-macro", "--prefix", "depth"];
    let tree = capture(cargo().args(tree).args(["--format", "{p}"]))?;
    let bom = bom(&graph(&tree)?, &metadata()?, &checksums(&lockfile)?, made_at()?)?;
    let wrong = problems(&bom);
    if !wrong.is_empty() {
        bail!("what was made is no CycloneDX:\n  {}", wrong.join("\n  "));
    }
    let directory = file.parent().context("the file lies nowhere")?;
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let text = serde_json::to_string_pretty(&bom)? + "\n";
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(bom["components"].as_array().map_or(0, Vec::len))
}

/// When it was made, if somebody says so. Else nothing: the same commit shall give the same bytes.
fn made_at() -> Result<Option<String>> {
    #[expect(clippy::disallowed_methods, reason = "the variable by which builders say what time it is")]
    let Ok(seconds) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let date = format!("@{seconds}");
    let text = capture(Command::new("date").args(["--utc", "--date", &date, "+%Y-%m-%dT%H:%M:%SZ"]))?;
    Ok(Some(text.trim().to_owned()))
}

/// Who is made of whom, from the lines of `cargo tree --prefix depth`. A crate is spread out only the first time it comes.
fn graph(tree: &str) -> Result<BTreeMap<Crate, BTreeSet<Crate>>> {
    let mut graph: BTreeMap<Crate, BTreeSet<Crate>> = BTreeMap::new();
    let mut above: Vec<Crate> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let name = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let depth: usize =
            line[..line.len() - name.len()].parse().with_context(|| format!("no depth: {line}"))?;
        let mut words = name.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            bail!("no name and version: {line}")
        };
        let found = format!("{name} {}", version.trim_start_matches('v'));
        above.truncate(depth);
        if let Some(parent) = above.last() {
            graph.entry(parent.clone()).or_default().insert(found.clone());
        }
        graph.entry(found.clone()).or_default();
        above.push(found);
    }
    Ok(graph)
}

/// The SHA-256 of each crate's archive, as the lockfile has it.
fn checksums(lockfile: &str) -> Result<BTreeMap<Crate, String>> {
    let lockfile: toml::Table = lockfile.parse().context("reading Cargo.lock")?;
    let packages =
        lockfile.get("package").and_then(toml::Value::as_array).context("Cargo.lock lists no packages")?;
    let text =
        |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(String::from);
    let sum = |package: &toml::Value| {
        let name = format!("{} {}", text(package, "name")?, text(package, "version")?);
        Some((name, text(package, "checksum")?))
    };
    Ok(packages.iter().filter_map(sum).collect())
}

/// How a crate is referred to. One of ours is no crate of the registry, even where that has one of the same name.
fn reference(name: &str, version: &str, is_ours: bool) -> String {
    if is_ours {
        format!("{PROGRAM}:{name}@{version}")
    } else {
        format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
    }
}

fn bom(
    graph: &BTreeMap<Crate, BTreeSet<Crate>>,
    metadata: &Value,
    checksums: &BTreeMap<Crate, String>,
    made_at: Option<String>,
) -> Result<Value> {
    let mut components = BTreeMap::new();
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let text = |key: &str| package[key].as_str().with_context(|| format!("a package has no {key}"));
        let (name, version) = (text("name")?, text("version")?);
        let found = format!("{name} {version}");
        if !graph.contains_key(&found) {
            continue;
        }
        let is_ours = package["source"].is_null();
        let reference = reference(name, version, is_ours);
        // Old manifests write `MIT/Apache-2.0`, which always meant a choice.
        let license = text("license")?.replace('/', " OR ");
        let license = license.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut component = json!({
            "type": if name == PROGRAM { "application" } else { "library" },
            "bom-ref": reference,
            "name": name,
            "version": version,
            "licenses": [{ "expression": license }],
        });
        if !is_ours {
            let sum =
                checksums.get(&found).with_context(|| format!("Cargo.lock has no checksum of {found}"))?;
            component["purl"] = reference.into();
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        components.insert(found, component);
    }
    let reference = |name: &Crate| {
        components
            .get(name)
            .map(|component| component["bom-ref"].clone())
            .with_context(|| format!("{name} is in no package"))
    };
    let mut dependencies = Vec::new();
    for (name, needs) in graph {
        let needs = needs.iter().map(reference).collect::<Result<Vec<_>>>()?;
        dependencies.push(json!({ "ref": reference(name)?, "dependsOn": needs }));
    }
    let program = components.keys().find(|name| name.split(' ').next() == Some(PROGRAM)).cloned();
    let program =
        program.and_then(|program| components.remove(&program)).context("the program is not in its tree")?;
    let mut bom = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": program },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies,
    });
    if let Some(made_at) = made_at {
        bom["metadata"]["timestamp"] = made_at.into();
    }
    bom["serialNumber"] = serial(&bom.to_string()).into();
    Ok(bom)
}

/// A number that depends on nothing but what it numbers. RFC 9562, section 5.8.
fn serial(content: &str) -> String {
    let mut bytes: [u8; 16] = Sha256::digest(content)[..16].try_into().expect("a digest has 32 bytes");
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// What its readers would stumble over: the rules of the CycloneDX schema that concern what is written here.
fn problems(bom: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    expect(
        bom["bomFormat"] == "CycloneDX" && bom["specVersion"] == "1.6",
        "it does not say what it is".into(),
    );
    let serial =
        bom["serialNumber"].as_str().and_then(|serial| serial.strip_prefix("urn:uuid:")).unwrap_or_default();
    let groups: Vec<usize> = serial.split('-').map(str::len).collect();
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    expect(groups == [8, 4, 4, 4, 12] && is_hex(&serial.replace('-', "")), format!("`{serial}` is no UUID"));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let components: Vec<Value> =
        list(&bom["components"]).into_iter().chain([bom["metadata"]["component"].clone()]).collect();
    let mut known = BTreeSet::new();
    for component in &components {
        let reference = component["bom-ref"].as_str().unwrap_or_default();
        expect(
            !reference.is_empty() && known.insert(reference),
            format!("`{reference}` is there twice, or empty"),
        );
        let named = ["name", "version"]
            .iter()
            .all(|key| component[key].as_str().is_some_and(|text| !text.is_empty()));
        expect(named, format!("{reference} has no name or version"));
        let kind = component["type"].as_str().unwrap_or_default();
        expect(["application", "library"].contains(&kind), format!("{reference} is of no known type"));
        let licenses = list(&component["licenses"]);
        let spoken =
            licenses.len() == 1 && licenses[0]["expression"].as_str().is_some_and(|text| !text.is_empty());
        expect(spoken, format!("{reference} has no license"));
        if component["purl"].is_null() {
            expect(reference.starts_with("latchkey:"), format!("{reference} says not where it is from"));
        } else {
            let sums = list(&component["hashes"]);
            let summed = sums.iter().all(|sum| {
                let content = sum["content"].as_str().unwrap_or_default();
                sum["alg"] == "SHA-256" && content.len() == 64 && is_hex(content)
            });
            expect(summed && !sums.is_empty(), format!("{reference} has no SHA-256"));
        }
    }
    let mut spread = BTreeSet::new();
    for dependency in list(&bom["dependencies"]) {
        let reference = dependency["ref"].as_str().unwrap_or_default().to_owned();
        let needs: Vec<Value> = list(&dependency["dependsOn"]);
        let there = needs.iter().all(|need| need.as_str().is_some_and(|need| known.contains(need)));
        expect(
            there && known.contains(reference.as_str()),
            format!("{reference} depends on what is not there"),
        );
        let once: BTreeSet<&str> = needs.iter().filter_map(Value::as_str).collect();
        expect(
            once.len() == needs.len() && spread.insert(reference.clone()),
            format!("{reference} is listed twice"),
        );
    }
    expect(spread.len() == known.len(), "not every component says what it depends on".into());
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0latchkey v0.1.0 (/here)
1anyhow v1.0.0
1web v0.1.0 (/here)
2anyhow v1.0.0
2odd v1.0.0+x
3anyhow v1.0.0
1web v0.1.0 (/here) (*)
";

    fn package(name: &str, version: &str, source: Value) -> Value {
        json!({ "name": name, "version": version, "license": "MIT/Apache-2.0", "source": source })
    }

    fn small() -> Value {
        let metadata = json!({ "packages": [
            package("latchkey", "0.1.0", Value::Null),
            package("web", "0.1.0", Value::Null),
            package("anyhow", "1.0.0", "registry".into()),
            package("anyhow", "2.0.0", "registry".into()),
            package("odd", "1.0.0+x", "registry".into()),
        ]});
        let lock = |name: &str, version: &str| {
            let sum = "0a".repeat(32);
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nchecksum = \"{sum}\"\n")
        };
        let sums = lock("anyhow", "1.0.0") + &lock("odd", "1.0.0+x");
        bom(&graph(TREE).unwrap(), &metadata, &checksums(&sums).unwrap(), None).unwrap()
    }

    #[test]
    fn it_names_what_is_in_the_tree_and_who_is_made_of_whom() {
        let bom = small();
        assert_eq!(problems(&bom), Vec::<String>::new());
        let names: Vec<&str> =
            bom["components"].as_array().unwrap().iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(names, ["pkg:cargo/anyhow@1.0.0", "pkg:cargo/odd@1.0.0%2Bx", "latchkey:web@0.1.0"]);
        assert_eq!(bom["metadata"]["component"]["type"], "application");
        assert!(bom["metadata"]["timestamp"].is_null());
        assert_eq!(bom["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let of_web = bom["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["ref"] == "latchkey:web@0.1.0")
            .unwrap();
        assert_eq!(of_web["dependsOn"], json!(["pkg:cargo/anyhow@1.0.0", "pkg:cargo/odd@1.0.0%2Bx"]));
    }

    #[test]
    fn the_same_content_has_the_same_number_and_another_has_another() {
        assert_eq!(small(), small());
        assert_ne!(serial("a"), serial("b"));
    }

    #[test]
    fn what_its_readers_would_stumble_over_is_found() {
        type Break = fn(&mut Value);
        let breaks: [(&str, Break); 8] = [
            ("does not say what it is", |bom| bom["specVersion"] = "2".into()),
            ("is no UUID", |bom| bom["serialNumber"] = "urn:uuid:1".into()),
            ("is there twice", |bom| bom["components"][1] = bom["components"][0].clone()),
            ("has no name or version", |bom| bom["components"][0]["name"] = "".into()),
            ("has no license", |bom| bom["components"][0]["licenses"] = json!([])),
            ("has no SHA-256", |bom| bom["components"][0]["hashes"][0]["content"] = "xyz".into()),
            ("depends on what is not there", |bom| {
                bom["dependencies"][0]["dependsOn"] = json!(["pkg:cargo/x@1"])
            }),
            ("not every component", |bom| drop(bom["dependencies"].as_array_mut().unwrap().pop())),
        ];
        for (said, broken) in breaks {
            let mut bom = small();
            broken(&mut bom);
            assert!(
                problems(&bom).iter().any(|problem| problem.contains(said)),
                "{said}: {:?}",
                problems(&bom)
            );
        }
    }

    #[test]
    fn a_crate_without_a_checksum_is_refused() {
        let metadata = json!({ "packages": [package("latchkey", "0.1.0", "registry".into())] });
        assert!(bom(&graph("0latchkey v0.1.0").unwrap(), &metadata, &BTreeMap::new(), None).is_err());
    }
}
