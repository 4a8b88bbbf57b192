//! Other ways to write a path. Whatever a program may make of them, none is decided more mildly than what it would serve; and a
//! rule that compared the path as it is sent would open hundreds of doors, which shows that the spellings are worth trying.

use std::collections::BTreeSet;
use std::fmt::Write;

use store::Time;

use super::rows::{person, rules};
use super::{Decision, Rule, Target, Verdict, decide};
use crate::Level;

const NOW: Time = Time::from_millis(0);

/// What is protected in turn.
const PATHS: [&str; 12] = [
    "/admin",
    "/admin/users",
    "/api/v1/keys",
    "/a/b/c.txt",
    "/wp-admin/x.php",
    "/.git/config",
    "/metrics",
    "/a-b_c~d/e",
    "/x/y/z/w",
    "/Admin/Panel",
    "/@ada/profile",
    "/debug/pprof/heap",
];

/// What may stand in the place of a slash.
const SLASHES: [&str; 34] = [
    "//",
    "///",
    "/./",
    "/x/../",
    "/%2e/",
    "/%2E/",
    "/x/%2e%2e/",
    "/x/.%2e/",
    "/x/%2e./",
    "/x/..;/",
    "/x/..;a=1/",
    "/;/",
    "/;a=1/",
    "/;a=1;b=2/",
    "%2f",
    "%2F",
    "/%2f",
    "%2f/",
    "%252f",
    "%25252f",
    "\\",
    "%5c",
    "%5C",
    "/\\",
    "\\/",
    "/%5c",
    "/x%2f../",
    "/x/..%2f",
    "/x%2f..%2f",
    "%ef%bc%8f",
    "%c0%af",
    "%e0%80%af",
    "/%00/",
    "/%20/",
];

/// What may follow.
const ENDS: [&str; 40] = [
    "/",
    "//",
    "/.",
    "/./",
    "/..",
    "/x/..",
    "/x/../",
    ";",
    ";x",
    ";x=1",
    ";jsessionid=0",
    "/;",
    "/;x",
    "%3b",
    "%3bx",
    "%3B",
    "/%3bx",
    "?",
    "?x",
    "?/public",
    "%3f",
    "%3fx",
    "%3Fx",
    "#",
    "#x",
    "%23",
    "%23x",
    "%00",
    "%00.css",
    "%0a",
    "%0d%0a",
    "%09",
    "%20",
    "%20%20",
    ".",
    "..",
    "%2e",
    "%2f",
    "%2f%2f",
    "%5c",
];

/// What may stand before.
const STARTS: [&str; 22] = [
    "/.",
    "/./.",
    "/x/..",
    "/public/..",
    "/public/%2e%2e",
    "/public/..;",
    "/public/..;x=1",
    "/public%2f..",
    "/public/..%2f",
    "/;",
    "/;x",
    "/;x=1",
    "//public",
    "///public",
    "//public/..",
    "/%2fpublic",
    "/%2f",
    "/%5c",
    "\\",
    "https://app.example.org",
    "//app.example.org",
    "app.example.org",
];

/// Every other way to write a path that is tried.
fn spellings(path: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    for slash in SLASHES {
        all.insert(path.replace('/', slash));
        all.extend(slashes.iter().map(|at| format!("{}{slash}{}", &path[..*at], &path[at + 1..])));
    }
    all.extend(ENDS.iter().map(|end| format!("{path}{end}")));
    all.extend(STARTS.iter().map(|start| format!("{start}{path}")));
    for start in STARTS {
        all.extend(ENDS.iter().map(|end| format!("{start}{path}{end}")));
    }
    let (mut lower, mut upper, mut twice) = (String::new(), String::new(), String::new());
    for (at, byte) in path.bytes().enumerate() {
        for encoded in [
            format!("%{byte:02x}"),
            format!("%{byte:02X}"),
            format!("%25{byte:02x}"),
            format!("%u00{byte:02x}"),
        ] {
            all.insert(format!("{}{encoded}{}", &path[..at], &path[at + 1..]));
        }
        let wide = char::from_u32(0xFEE0 + u32::from(byte)).unwrap().to_string();
        let encoded: String = wide.bytes().map(|byte| format!("%{byte:02X}")).collect();
        all.insert(format!("{}{encoded}{}", &path[..at], &path[at + 1..]));
        all.insert(format!("{}{wide}{}", &path[..at], &path[at + 1..]));
        let kept = if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") };
        let _ = write!(lower, "{kept}");
        let _ = write!(upper, "%{byte:02X}");
        let _ = write!(twice, "%25{byte:02x}");
        let other = char::from(byte ^ if byte.is_ascii_alphabetic() { 0x20 } else { 0 });
        all.insert(format!("{}{other}{}", &path[..at], &path[at + 1..]));
    }
    all.extend([
        lower,
        upper,
        twice,
        path.to_ascii_uppercase(),
        path.to_ascii_lowercase(),
        path[1..].to_owned(),
    ]);
    all.remove(path);
    all
}

/// Houses in which a path differs from what is around it: a wall around it, a door in it, and nothing else at all.
fn houses(path: &str) -> [Vec<Rule>; 4] {
    let rule =
        |path: &str, more: &str| format!(r#"{{"hosts":["app.example.org"],"paths":["{path}"],{more}}}"#);
    let (own, below) = (|more: &str| rule(path, more), format!("{path}/*"));
    let (family, open) = (r#""policy":"two_factor","groups":["family"]"#, r#""policy":"bypass""#);
    let (any, deny) = (r#""policy":"one_factor","any":true"#, r#""policy":"deny""#);
    [
        vec![rule(&below, family), rule("/*", open)],
        vec![own(deny), rule("/public/*", open), rule("/*", any)],
        vec![rule(&below, family), rule(&below, deny), rule("/*", any)],
        vec![rule("/public/*", open), own(any), rule("/*", family)],
    ]
    .map(|house| rules(&house.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// What everybody gets, in order: nobody, a stranger, one of the family by code, and one by both.
fn verdicts(rules: &[Rule], target: &Target) -> [Verdict; 4] {
    let (none, family) = (Vec::new(), vec!["family".to_owned()]);
    let people = [
        None,
        Some(person("eve", &none, Level::Full)),
        Some(person("ada", &family, Level::Code)),
        Some(person("ada", &family, Level::Full)),
    ];
    people.map(|who| decide(rules, target, who.as_ref(), NOW).verdict)
}

fn target(uri: &str) -> Option<Target> {
    Target::of_parts("GET", "https", "app.example.org", uri, None).ok()
}

/// `..` and `.` resolved, as all do sooner or later.
fn resolved(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

fn merged(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

fn cut(path: &str) -> String {
    path.split('/').map(|part| part.split(';').next().unwrap()).collect::<Vec<_>>().join("/")
}

/// What programs behind the proxy make of an address, each in its own way. Written apart from what is tried here.
fn served(uri: &str) -> Vec<(&'static str, String)> {
    let path = uri.split(['?', '#']).next().unwrap();
    let mut served = vec![("as it is", path.to_owned()), ("resolves only", resolved(path))];
    let Some(once) = decoded(path) else { return served };
    served.push(("nginx", resolved(&merged(&once))));
    served.push(("decodes and resolves", resolved(&once)));
    served.push(("resolves, then decodes", decoded(&resolved(path)).unwrap_or_default()));
    served.push(("Tomcat", resolved(&merged(&decoded(&cut(path)).unwrap_or_default()))));
    served.push(("Jetty", decoded(&resolved(&cut(path))).unwrap_or_default()));
    served.push(("cuts after it has decoded", resolved(&merged(&cut(&once)))));
    served.push(("IIS", resolved(&merged(&once.replace('\\', "/"))).to_lowercase()));
    served.push((
        "Windows",
        resolved(&merged(&once.replace('\\', "/"))).trim_end_matches(['.', ' ']).to_lowercase(),
    ));
    served.push(("Express", merged(&once).to_lowercase()));
    served.push(("reads again", once.split(['?', '#', '\0']).next().unwrap().to_owned()));
    served.push(("decodes twice", resolved(&merged(&decoded(&once).unwrap_or_default()))));
    if let Some(rest) = path.strip_prefix("//") {
        served.push(("takes // for a host", rest.find('/').map_or("/", |at| &rest[at..]).to_owned()));
    }
    served
}

/// Whether a program would serve what is protected.
fn is_served(path: &str, served: &str) -> bool {
    let same = |served: &str| served.trim_end_matches('/').eq_ignore_ascii_case(path);
    same(served) || served.to_ascii_lowercase().starts_with(&format!("{}/", path.to_ascii_lowercase()))
}

#[test]
fn no_spelling_of_a_path_is_decided_more_mildly_than_what_it_serves() {
    let (mut tried, mut naive, mut clear) = (0, 0, 0);
    for path in PATHS {
        let spellings = spellings(path);
        assert!(spellings.len() >= 250, "{path} has only {} spellings", spellings.len());
        for (number, house) in houses(path).iter().enumerate() {
            let plain = verdicts(house, &target(path).unwrap());
            for uri in &spellings {
                tried += 1;
                let by = served(uri).into_iter().find(|(_, served)| is_served(path, served));
                let Some((program, _)) = by else { continue };
                naive += usize::from(number == 0 && !is_served_as_sent(path, uri));
                let Some(target) = target(uri) else { continue };
                clear += 1;
                for (found, least) in verdicts(house, &target).into_iter().zip(plain) {
                    assert!(
                        found >= least,
                        "house {number}, {uri}: {found:?}, and {program} serves {path}, {least:?}"
                    );
                }
            }
        }
    }
    println!("{tried} were tried, {clear} of them clear; comparing what was sent misses {naive}");
    assert!(tried >= 12 * 250 * 4, "only {tried} were tried");
    // The control: whoever compares what was sent would have let strangers in here, and not everything is refused unread.
    assert!(naive >= 1000 && clear >= 1000, "{naive} and {clear}");
}

/// What a rule would see that compares the path as it was sent.
fn is_served_as_sent(path: &str, uri: &str) -> bool {
    let sent = uri.split('?').next().unwrap();
    sent == path || sent.starts_with(&format!("{path}/"))
}

#[test]
fn everybody_is_decided_alike_whatever_they_ask_for_in_the_query() {
    let [house, ..] = houses("/admin");
    let decided = |uri: &str| -> Decision { decide(&house, &target(uri).unwrap(), None, NOW) };
    for query in ["?", "?/public/x", "?x=../admin", "?%2e%2e", "??", "?a;b", "?x=%00"] {
        assert_eq!(decided(&format!("/admin{query}")), decided("/admin"), "{query}");
        assert_eq!(decided(&format!("/x{query}")), decided("/x"), "{query}");
    }
}
