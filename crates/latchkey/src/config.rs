//! `latchkey config …`: whether the settings are right, and which there are. Their meaning lives in `auth`.

use auth::config::SETTINGS;
use serde_json::{Value, json};

use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{columns, how_many_are_set, print, print_json};

/// Says which settings are set, and where. A wrong one is an error that names its place.
pub(crate) fn check(flags: &Flags) -> Result<()> {
    let settings = flags.load()?;
    let set = SETTINGS.iter().filter_map(|setting| {
        let place = settings.places.get(setting.key)?;
        Some([setting.key.to_owned(), setting.text(&settings.config), place.to_string()])
    });
    let set: Vec<_> = set.collect();
    print(&format!("The settings are right: {}.\n{}", how_many_are_set(set.len()), columns("  ", &set)));
    Ok(())
}

/// Lists every setting.
pub(crate) fn settings(json: bool) -> Result<()> {
    if json {
        let shape = |setting: &auth::config::Setting| {
            json!({
                "key": setting.key,
                "variable": setting.variable(),
                "default": Some(setting.default_text()).filter(|text| !text.is_empty()),
                "meaning": setting.meaning,
            })
        };
        print_json(&SETTINGS.iter().map(shape).collect::<Value>());
        return Ok(());
    }
    let mut text = String::new();
    for setting in SETTINGS {
        let default = match setting.default_text() {
            default if default.is_empty() => "none".to_owned(),
            default => default,
        };
        text.push_str(&format!(
            "{}\n    {}\n    default {default} · variable {}\n",
            setting.key,
            setting.meaning,
            setting.variable()
        ));
    }
    print(&text);
    Ok(())
}
