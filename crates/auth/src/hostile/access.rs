//! What is asked of the doors of programs: whoever asks has written most of it.

use std::fmt::Write;

use serde_json::json;

use crate::Time;
use crate::access::{Draft, Rule, Target, Verdict, decide};

/// The lines of `input`: method, scheme, host, and path with query. What is read has one spelling, which is read as itself, and
/// no other spelling of it is decided more mildly.
pub fn access_target(input: &[u8]) {
    let Some(text) = super::text(input) else { return };
    let mut lines = text.split('\n');
    let [method, proto, host, uri] = [(); 4].map(|()| lines.next().unwrap_or(""));
    let _ = Target::of_url(method, uri, None);
    let target = match Target::of_parts(method, proto, host, uri, None) {
        Ok(target) => target,
        Err(unclear) => return assert!(!unclear.why.is_empty() && unclear.to_string().is_ascii()),
    };
    let (origin, own) = (target.origin(), target.host());
    assert!(origin.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()), "{origin}");
    assert!(!own.is_empty() && !own.ends_with('.') && !own.contains(['@', '/', '*', '%']), "{own}");
    assert!(target.is_https() || own.contains("localhost") || own.starts_with("127.") || own == "[::1]");
    assert!(target.url().bytes().all(|b| b.is_ascii_graphic()), "{}", target.url());
    assert!(target.url().starts_with(&format!("{origin}/")));
    assert_eq!(Target::of_url(method, &target.url(), None).as_ref(), Ok(&target));

    let plain = target.canonical_path();
    assert!(plain.starts_with('/') && !plain.contains("//") && !plain.contains(['\\', ';', '\0']), "{plain}");
    assert!(!plain.split('/').any(|part| part == "." || part == ".."), "{plain}");
    let again = encoded(plain);
    if again.len() > 8192 {
        return;
    }
    let again = Target::of_parts(method, proto, host, &again, None).expect("it was read once");
    assert_eq!(again.canonical_path(), plain);
    for rules in houses(own) {
        let verdict = |target: &Target| decide(&rules, target, None, Time::from_millis(0)).verdict;
        assert!(verdict(&target) >= verdict(&again), "{plain} is decided more strictly than {uri}");
    }
}

/// The one way to write a path so that it is read as this one.
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// Rules that tell paths apart: a door in a wall, a wall around a door, and a wall alone.
fn houses(host: &str) -> [Vec<Rule>; 3] {
    let rule = |path: &str, policy: &str| {
        let any = policy.ends_with("factor");
        let draft = Draft::of_json(json!({ "hosts": [host], "paths": [path], "policy": policy, "any": any }));
        draft.expect("it is an object of the right keys").check(None).expect("the host was read once")
    };
    [
        vec![rule("/api/*", "bypass"), rule("/*", "two_factor")],
        vec![rule("/admin/*", "deny"), rule("/api/*", "two_factor"), rule("/*", "bypass")],
        vec![rule("/api", "one_factor")],
    ]
}

/// A rule says of itself what is read as the same rule.
pub(super) fn must_be_sound(rule: &Rule) {
    let draft = rule.draft();
    assert!(!draft.hosts.is_empty());
    let again = Draft::of_json(draft.json()).and_then(|draft| {
        draft.check(rule.place().cloned()).map_err(|flaw| format!("{}: {}", flaw.key, flaw.text))
    });
    assert_eq!(again.as_ref(), Ok(rule));
    let named = draft.any || !draft.users.is_empty() || !draft.groups.is_empty();
    assert_eq!(named, rule.policy().level().is_some(), "whom a rule lets in is written");
    let stranger =
        Target::of_parts("GET", "https", "stranger.invalid", "/", None).expect("it is a plain address");
    if !draft.hosts.iter().any(|host| host.starts_with("*.") || host == "stranger.invalid") {
        let decision = decide(std::slice::from_ref(rule), &stranger, None, Time::from_millis(0));
        assert_eq!(decision.verdict, Verdict::Refuse);
    }
}
