//! What is written about the settings says what the program does: the example file, the operator's page, the command.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::path::Path;
use std::process::Command;

use auth::config::{SETTINGS, Setting, load};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
}

/// The one setting that has no default to write down.
fn has_default(setting: &Setting) -> bool {
    setting.key != "master_key"
}

#[test]
fn the_example_file_sets_nothing_as_it_is() {
    let (_, places) = loaded(&read("latchkey.example.toml"));
    assert!(places.is_empty(), "{places:?}");
}

#[test]
fn the_example_file_without_its_comment_signs_names_every_setting_and_sets_its_default() {
    let example = read("latchkey.example.toml");
    let uncommented: Vec<&str> = example
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).unwrap_or(line)
        })
        .collect();
    let (config, places) = loaded(&uncommented.join("\n"));
    for setting in SETTINGS.iter().filter(|setting| has_default(setting)) {
        assert!(places.contains_key(setting.key), "latchkey.example.toml does not name {}", setting.key);
        assert_eq!(setting.text(&config), setting.default_text(), "{}", setting.key);
    }
    assert!(example.contains("# master_key_file = "));
    assert_eq!(config.access_rules.len(), 1, "the one example of a rule is read");
}

/// Reads it as the program would.
fn loaded(text: &str) -> (auth::Config, std::collections::BTreeMap<&'static str, auth::config::Place>) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("latchkey.toml");
    std::fs::write(&file, text).unwrap();
    load(Some(&file), &[]).unwrap()
}

#[test]
fn the_operators_page_has_a_row_for_every_setting_and_for_nothing_else() {
    let page = read("docs/configure.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.contains("| `LATCHKEY_")).collect();
    let expected: Vec<String> = SETTINGS.iter().map(row).collect();
    assert_eq!(rows, expected, "docs/configure.md should have these rows");
}

fn row(setting: &Setting) -> String {
    let default = match setting.default_text() {
        text if text.is_empty() => "none".to_owned(),
        text => format!("`{text}`"),
    };
    format!("| `{}` | `{}` | {default} | {} |", setting.key, setting.variable(), setting.meaning)
}

#[test]
fn every_setting_is_shown_to_programs_with_its_source_and_no_secret_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("latchkey.toml"), "issuer = \"Example\"\n").unwrap();
    std::fs::write(dir.path().join("latchkey.master_key"), "hunter2").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(["config", "show", "--json", "--data-dir", "/x"]).env_clear().current_dir(dir.path());
    command.env("LATCHKEY_LOG", "warn").env("CREDENTIALS_DIRECTORY", dir.path());
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!output.contains("hunter2"), "{output}");
    let shown: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), SETTINGS.len());
    let find = |key: &str| shown.as_array().unwrap().iter().find(|shape| shape["key"] == key).unwrap();
    let of = |key: &str| ["value", "source", "place"].map(|field| find(key)[field].as_str());
    assert_eq!(of("issuer"), [Some("Example"), Some("file"), Some("./latchkey.toml line 1")]);
    assert_eq!(of("master_key"), [Some("…"), Some("credential"), Some("credential latchkey.master_key")]);
    assert_eq!(of("log"), [Some("warn"), Some("variable"), Some("environment variable LATCHKEY_LOG")]);
    assert_eq!(of("data_dir"), [Some("/x"), Some("flag"), Some("flag --data-dir")]);
    assert_eq!(of("tls.key"), [None, Some("default"), None]);
}

#[test]
fn the_command_lists_every_setting_for_people_and_for_programs() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let output = command.args(arguments).env_clear().output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let (people, programs) = (run(&["config", "settings"]), run(&["config", "settings", "--json"]));
    let programs: serde_json::Value = serde_json::from_str(&programs).unwrap();
    let programs = programs.as_array().unwrap();
    assert_eq!(programs.len(), SETTINGS.len());
    for (setting, shape) in SETTINGS.iter().zip(programs) {
        let default = Some(setting.default_text()).filter(|_| !setting.default_text().is_empty());
        let shown = format!(
            "{}\n    {}\n    default {} · variable {}\n",
            setting.key,
            setting.meaning,
            default.as_deref().unwrap_or("none"),
            setting.variable()
        );
        assert!(people.contains(&shown), "{shown}\n{people}");
        assert_eq!(shape["key"], setting.key);
        assert_eq!(shape["variable"], setting.variable().as_str());
        assert_eq!(shape["default"].as_str(), default.as_deref());
        assert_eq!(shape["meaning"], setting.meaning);
    }
}
