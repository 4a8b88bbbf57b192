//! Who may know whom: the five crates in a line. The reason is in `docs/adr/0001-five-crates-in-a-line.md`.

use crate::read;

const CRATES: [&str; 5] = ["otp", "store", "auth", "web", "latchkey"];

/// What a manifest lists for the crate itself and for its build script. What only its tests use is not in the line.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut listing = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let kind =
                section.rsplit_once("dependencies").map(|(before, name)| (before, name.strip_prefix('.')));
            listing = matches!(kind, Some((before, None)) if !before.ends_with("dev-") && section.ends_with("dependencies"));
            // `[dependencies.name]` is a dependency by its heading.
            if let Some((before, Some(name))) = kind
                && !before.ends_with("dev-")
            {
                found.push(name.to_owned());
            }
        } else if listing && let Some((key, _)) = line.split_once('=') {
            let name = key.trim().trim_end_matches(".workspace").trim_matches('"');
            found.push(name.to_owned());
        }
    }
    found.retain(|name| !name.starts_with('#'));
    found.sort();
    found
}

fn of(package: &str) -> Vec<String> {
    dependencies(&read(&format!("crates/{package}/Cargo.toml")))
}

fn lists(package: &str, dependency: &str) -> bool {
    of(package).iter().any(|name| name == dependency)
}

#[test]
fn the_crates_stand_in_a_line() {
    let line = CRATES.map(|package| {
        let ours: Vec<String> =
            of(package).into_iter().filter(|name| CRATES.contains(&name.as_str())).collect();
        format!("{package}: {}", ours.join(" ")).trim_end().to_owned()
    });
    let expected = ["otp:", "store:", "auth: otp store", "web: auth", "latchkey: auth web"];
    assert_eq!(
        line, expected,
        "a new arrow between our crates is a decision: write an ADR, then change this line"
    );
}

#[test]
fn there_are_five_crates_and_no_more() {
    let root = crate::root().join("crates");
    let mut found: Vec<String> = root
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.retain(|name| root.join(name).join("Cargo.toml").is_file());
    found.sort();
    let mut expected = CRATES.map(String::from);
    expected.sort();
    assert_eq!(
        found, expected,
        "a sixth crate must be testable without any of the others; write an ADR, then list it here"
    );
}

#[test]
fn only_store_knows_a_database_driver() {
    for driver in ["rusqlite", "postgres", "tokio-postgres", "libsqlite3-sys"] {
        for package in ["otp", "auth", "web", "latchkey"] {
            assert!(!lists(package, driver), "{package} lists {driver}; ask `store` for a function instead");
        }
    }
    assert!(
        lists("store", "rusqlite") && lists("store", "tokio-postgres"),
        "tidy no longer sees the drivers of `store`"
    );
}

#[test]
fn only_web_knows_http() {
    for library in ["axum", "axum-core", "hyper", "hyper-util", "tower-http", "http"] {
        for package in ["otp", "store", "auth", "latchkey"] {
            assert!(
                !lists(package, library),
                "{package} lists {library}; what speaks HTTP belongs into `web`"
            );
        }
    }
    assert!(lists("web", "axum"), "tidy no longer sees the dependencies of `web`");
}

#[test]
fn web_cannot_reach_past_auth() {
    for hidden in ["store", "otp"] {
        assert!(!lists("web", hidden), "web lists {hidden}; ask `auth`, which knows the rules");
    }
}

#[test]
fn what_is_for_tests_is_not_in_the_program() {
    for package in CRATES {
        let manifest = read(&format!("crates/{package}/Cargo.toml"));
        for section in manifest.split("\n[").filter(|section| !section.starts_with("dev-dependencies")) {
            // The one line that says what the feature is made of is allowed; no other section asks for it.
            let asks = section.lines().filter(|line| line.contains("scratch"));
            let asks: Vec<&str> = asks.filter(|line| !line.starts_with("scratch = ")).collect();
            assert!(asks.is_empty(), "{package}: {asks:?} builds what is for tests into the program");
        }
    }
    let shared = read("Cargo.toml");
    assert!(!shared.contains("scratch"), "a shared dependency has the feature in every program");
    // With the older resolver, what tests ask for would be asked for by everybody.
    assert!(shared.contains("resolver = \"3\""));
}

#[test]
fn nothing_imports_xtask_and_xtask_imports_nothing_of_ours() {
    for package in CRATES {
        assert!(!lists(package, "xtask"), "{package} lists xtask, which is for developers only");
    }
    let ours =
        dependencies(&read("xtask/Cargo.toml")).into_iter().find(|name| CRATES.contains(&name.as_str()));
    assert_eq!(ours, None, "xtask must build while our crates do not");
}

#[test]
fn the_attacker_knows_nothing_of_ours_and_nothing_that_is_shipped_knows_the_attacker() {
    for package in CRATES {
        assert!(!lists(package, "attack"), "{package} lists attack, which only tests may use");
    }
    let ours =
        dependencies(&read("attack/Cargo.toml")).into_iter().find(|name| CRATES.contains(&name.as_str()));
    assert_eq!(ours, None, "what attacks us must not believe what we believe");
}

#[test]
fn the_reader_of_manifests_sees_every_way_to_write_a_dependency() {
    let manifest = "
        [package]
        name = \"x\"
        [dependencies]
        a.workspace = true
        b = { version = \"1\" }
        # c = \"1\"
        [dependencies.d]
        version = \"1\"
        [target.'cfg(unix)'.dependencies]
        e = \"1\"
        [build-dependencies]
        f = \"1\"
        [dev-dependencies]
        g = \"1\"
        [dev-dependencies.h]
        version = \"1\"
        [lints]
        workspace = true
    ";
    assert_eq!(dependencies(manifest), ["a", "b", "d", "e", "f"]);
}
