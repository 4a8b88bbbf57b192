//! `latchkey config …`: whether the settings are right, and which there are. Their meaning lives in `auth`.

use auth::config::{Place, SETTINGS};
use serde_json::{Value, json};

use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{columns, count, how_many_are_set, print, print_json};

/// Says which settings are set, and where. A wrong one is an error that names its place.
pub(crate) fn check(flags: &Flags, json: bool) -> Result<()> {
    let settings = flags.load()?;
    if json {
        // A wrong one has ended this already, with its place on standard error and exit code 2.
        print_json(&json!({ "right": true, "set": settings.places.len() }));
        return Ok(());
    }
    let set = SETTINGS.iter().filter_map(|setting| {
        let place = settings.places.get(setting.key)?;
        Some([setting.key.to_owned(), setting.text(&settings.config), place.to_string()])
    });
    let set: Vec<_> = set.collect();
    print(&format!("The settings are right: {}.\n{}", how_many_are_set(set.len()), columns("  ", &set)));
    if let rules @ 1.. = settings.config.access_rules.len() {
        let rules = count(i64::try_from(rules).unwrap_or(i64::MAX), "access rule", "access rules");
        print(&format!("Beside them, {rules}: latchkey access list\n"));
    }
    Ok(())
}

/// Shows every setting: what it is, and where that was said. Secrets are dots.
pub(crate) fn show(flags: &Flags, json: bool) -> Result<()> {
    let settings = flags.load()?;
    let all = SETTINGS.iter().map(|setting| {
        let place = settings.places.get(setting.key).unwrap_or(&Place::Default);
        (setting.key, setting.text(&settings.config), place)
    });
    if json {
        let shape = |(key, text, place): (&str, String, &Place)| {
            json!({
                "key": key,
                "value": Some(text).filter(|text| !text.is_empty()),
                "source": source(place),
                "place": Some(place).filter(|place| **place != Place::Default).map(ToString::to_string),
            })
        };
        print_json(&all.map(shape).collect::<Value>());
        return Ok(());
    }
    let row = |(key, text, place): (&str, String, &Place)| {
        [key.to_owned(), if text.is_empty() { "none".to_owned() } else { text }, place.to_string()]
    };
    print(&columns("", &all.map(row).collect::<Vec<_>>()));
    Ok(())
}

fn source(place: &Place) -> &'static str {
    match place {
        Place::File(..) => "file",
        Place::Credential(_) => "credential",
        Place::Environment(_) => "variable",
        Place::Flag(_) => "flag",
        Place::Default => "default",
    }
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
