//! The access rules that the docs show: each is read as the program reads it, and none opens anything to somebody who has just
//! registered, unless it says so.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::path::Path;

use auth::access::{Person, Policy, Rule, Target, Verdict, decide};
use auth::{Level, Time};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
}

/// The rules in the text of a settings file, each with the lines that it takes up.
fn rules(text: &str) -> Vec<(Rule, String)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("latchkey.toml");
    std::fs::write(&file, text).unwrap();
    let (config, _) =
        auth::config::load(Some(&file), &[]).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    let lines = text.split("[[access.rules]]").skip(1).map(str::to_owned);
    assert_eq!(config.access_rules.len(), lines.clone().count());
    config.access_rules.into_iter().zip(lines).collect()
}

/// Every rule that operators are shown.
fn shown() -> Vec<(Rule, String)> {
    let pages = ["docs/access.md", "docs/applications.md", "docs/tokens.md"].map(read);
    let blocks = pages.iter().flat_map(|page| page.split("```toml\n").skip(1));
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let example: String = read("latchkey.example.toml")
        .lines()
        .skip_while(|line| *line != "#[[access.rules]]")
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{}\n", &line[1..]))
        .collect();
    assert!(!example.is_empty(), "latchkey.example.toml shows a rule");
    let mut shown: Vec<_> = blocks.flat_map(rules).collect();
    assert!(shown.len() >= 14, "the pages show rules");
    shown.extend(rules(&example));
    shown
}

/// What the rule alone decides for whatever it is for.
fn verdict(rule: &Rule, person: Option<&Person<'_>>) -> Verdict {
    let draft = rule.draft();
    let host = draft.hosts[0].replace("*.", "below.");
    let path = draft.paths.first().map_or("/", String::as_str).replace("/*", "/x");
    let method = draft.methods.first().map_or("GET", String::as_str);
    let address = draft.networks.first().map(|network| network.split('/').next().unwrap().parse().unwrap());
    let target = Target::of_url(method, &format!("https://{host}{path}"), address).unwrap();
    decide(std::slice::from_ref(rule), &target, person, Time::from_millis(0)).verdict
}

#[test]
fn a_stranger_who_registered_on_an_open_server_opens_nothing() {
    let stranger = Person {
        name: "stranger",
        groups: &[],
        level: Level::Full,
        proved_at: Time::from_millis(0),
        by_token: false,
    };
    let (mut any, mut closed) = (0, 0);
    for (rule, lines) in shown() {
        let said_to_all = lines.contains("any = true  # everybody who has an account");
        match (rule.policy(), verdict(&rule, Some(&stranger))) {
            // Whoever has no account comes through here too.
            (Policy::Bypass, found) => {
                assert_eq!((found, verdict(&rule, None)), (Verdict::Allow, Verdict::Allow))
            }
            (_, Verdict::Allow) => {
                assert!(
                    rule.draft().any && said_to_all,
                    "a stranger comes through, and that is not said:\n{lines}"
                );
                any += 1;
            }
            (_, found) => {
                assert_eq!(
                    (found, rule.draft().any, said_to_all),
                    (Verdict::Refuse, false, false),
                    "{lines}"
                );
                closed += 1;
            }
        }
    }
    assert!(any >= 1 && closed >= 5, "{any} with the word, {closed} without it");
}

#[test]
fn whoever_a_rule_names_comes_through_by_it() {
    let mut named = 0;
    for (rule, lines) in shown() {
        let draft = rule.draft();
        let person = Person {
            name: draft.users.first().map_or("somebody", String::as_str),
            groups: &draft.groups,
            level: Level::Full,
            proved_at: Time::from_millis(0),
            by_token: false,
        };
        if rule.policy().level().is_some() {
            assert_eq!(verdict(&rule, Some(&person)), Verdict::Allow, "{lines}");
            assert_eq!(verdict(&rule, None), Verdict::SignIn, "{lines}");
            named += 1;
        }
    }
    assert!(named >= 5);
}

#[test]
fn every_command_on_the_page_is_one() {
    // A backslash at its end goes on with a line.
    let page = read("docs/access.md").replace("\\\n", "");
    let blocks = page.split("```\n").filter(|block| block.starts_with("latchkey access"));
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        // Without a house there is nothing to do; but what cannot be meant ends with 2.
        let dir = tempfile::tempdir().unwrap();
        let line = command.replacen("latchkey", env!("CARGO_BIN_EXE_latchkey"), 1);
        let ended =
            std::process::Command::new("sh").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() != Some(2) && said.contains("there is no Latchkey"), "{command}: {said}");
    }
}
