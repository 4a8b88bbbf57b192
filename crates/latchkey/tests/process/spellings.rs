//! Twelve closed paths, every way to write each of them and their hosts, and who would take a request for one of them.
//! `spelled.rs` sends them. Headers are in `tricks.rs`.

use crate::proxy::{APP, WIKI};

/// At the one host only `/public/` is open; at the other one everything is that no rule closes.
pub(crate) const SETTINGS: &str = r#"
[[access.rules]]
hosts = ["app.example.org"]
paths = ["/public/*"]
policy = "bypass"

[[access.rules]]
hosts = ["app.example.org"]
policy = "two_factor"
groups = ["family"]

[[access.rules]]
hosts = ["open.example.org"]
policy = "bypass"

[[access.rules]]
hosts = ["wiki.example.org"]
paths = ["/admin/*", "/api/v1/keys", "/.git/*", "/files/private/*", "/a,b:c@d/*", "/a-b_c.d/*"]
policy = "deny"

[[access.rules]]
hosts = ["wiki.example.org"]
policy = "bypass"
"#;

/// What those rules close, in small letters.
const CLOSED: [&str; 6] = ["/admin", "/api/v1/keys", "/.git", "/files/private", "/a,b:c@d", "/a-b_c.d"];

/// Twelve closed paths with their hosts, as browsers write them.
const PATHS: [(&str, &str); 12] = [
    (APP, "/secret/page"),
    (APP, "/admin/users"),
    (APP, "/api/v1/keys"),
    (APP, "/private%20files/x"),
    (APP, "/gr%C3%B6%C3%9Fe/1"),
    (APP, "/.env"),
    (WIKI, "/admin/users"),
    (WIKI, "/api/v1/keys"),
    (WIKI, "/.git/config"),
    (WIKI, "/files/private/x"),
    (WIKI, "/a,b:c@d/1"),
    (WIKI, "/a-b_c.d/~e"),
];

/// One request: what stands in its first line and in its `Host`, and more lines.
#[derive(Clone, Debug)]
pub(crate) struct Spelling {
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) more: &'static str,
    /// Whom the connection is opened to.
    pub(crate) server: &'static str,
}

/// All of them: each path in every spelling, and with every spelling of its host.
pub(crate) fn all() -> Vec<Spelling> {
    let mut all = Vec::new();
    for (host, path) in PATHS {
        let plain = |target: String| Spelling { target, host: host.to_owned(), more: "", server: host };
        all.extend(paths(path).into_iter().map(plain));
        all.extend(hosts(host, path));
    }
    all
}

/// Every way to write a path: as if one came from an open one, and by itself.
fn paths(path: &str) -> Vec<String> {
    const UP: [&str; 16] = [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "..;",
        "..;a=b",
        "%2e%2e;",
        "%252e%252e",
        "..%00",
        "..%20",
        "..%09",
        "..#",
        "..?",
        "x/../..",
        "%c0%ae%c0%ae",
        ".;/.",
    ];
    const BETWEEN: [&str; 6] = ["/", "//", "%2f", "%252f", "\\", ";/"];
    let below = &path[1..];
    let mut spelled = Vec::new();
    for before in ["/public", "/public/x/.."] {
        for up in UP {
            spelled.extend(BETWEEN.map(|between| format!("{before}{between}{up}{between}{below}")));
        }
    }
    const BEFORE: [&str; 27] = [
        "/",
        "//",
        "///",
        "/./",
        "/.//",
        "/%2e/",
        "/;/",
        "/;x/",
        "/;x=y/",
        "/%3b/",
        "/%2f",
        "/%2F/",
        "\\",
        "/\\",
        "/%5c",
        "/%00/",
        "/%20/",
        "/%09/",
        "/x/../",
        "/x/%2e%2e/",
        "/x/..;/",
        "/../",
        "/..//",
        "/%ef%bc%8f",
        "/%c0%af",
        "/%u002f",
        "",
    ];
    const BEHIND: [&str; 29] = [
        "/",
        "//",
        "/.",
        "/..;/",
        "/%2e",
        ";",
        ";x=y",
        "%3b",
        "?",
        "?/public/x",
        "?/../public/x",
        "#",
        "#/public/x",
        "%23",
        "%3f",
        "%00",
        "%00.css",
        "%20",
        ".",
        "..",
        "%2e",
        "/x/..",
        "/x/%2e%2e/",
        ";.css",
        "%0a",
        "%0d%0a",
        "%ff",
        "\t",
        "%",
    ];
    spelled.extend(BEFORE.map(|before| format!("{before}{below}")));
    spelled.extend(BEHIND.map(|behind| format!("{path}{behind}")));
    const PARTED: [&str; 15] = [
        "//",
        "/./",
        "%2f",
        "%2F",
        "%252f",
        "\\",
        "%5c",
        ";/",
        ";x/",
        "/;/",
        "/%2e/",
        "/x/../",
        "%c0%af",
        "%ef%bc%8f",
        "/.;/",
    ];
    spelled.extend(PARTED.map(|parted| format!("/{}", below.replace('/', parted))));
    spelled.extend(lettered(below));
    spelled.sort();
    spelled.dedup();
    spelled
}

/// Other ways to write the letters.
fn lettered(below: &str) -> Vec<String> {
    let hex = |text: &str, low: bool| -> String {
        let byte = |byte: u8| if low { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
        text.bytes().map(byte).collect()
    };
    let mut spelled = vec![format!("/{}", below.to_uppercase()), format!("/{}", hex(below, true))];
    for (at, letter) in below.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()).take(6) {
        let (before, after, letter) = (&below[..at], &below[at + 1..], letter.to_string());
        let once = hex(&letter, true);
        for other in
            [letter.to_uppercase(), once.clone(), once.replace('%', "%25"), once.replace('%', "%u00")]
        {
            spelled.push(format!("/{before}{other}{after}"));
        }
    }
    spelled
}

/// A path with other spellings of its host, and with other hosts beside it.
fn hosts(host: &'static str, path: &str) -> Vec<Spelling> {
    let other = if host == APP { WIKI } else { APP };
    let spelled = |target: String, host: String, more| Spelling { target, host, more, server: APP };
    let mut all: Vec<Spelling> = [
        host.to_uppercase(),
        format!("{host}."),
        format!("{host}.."),
        format!("{host}:443"),
        format!("{host}:80"),
        format!("{host}:"),
        format!("{host}.:443"),
        format!("{host}:443:80"),
        format!("{host}@open.example.org"),
        format!("open.example.org@{host}"),
        format!("{host}, open.example.org"),
        format!("{host} open.example.org"),
        format!("{host}#open.example.org"),
        format!("{host}/public"),
        format!("{host}%2eopen.example.org"),
        format!("{host}\\open.example.org"),
        format!("{host}\r\nHost: {other}"),
        format!("{other}\r\nHost: {host}"),
        format!("[{host}]"),
        format!(".{host}"),
        host.replace("org", "\u{f6}rg"),
        format!("xn--{host}"),
        "open.example.org".to_owned(),
        String::new(),
    ]
    .map(|name| spelled(path.to_owned(), name, ""))
    .into();
    for name in [host, other, "open.example.org"] {
        for scheme in ["https://", "http://", "HTTPS://x@", "//", "ws://"] {
            all.push(spelled(format!("{scheme}{name}{path}"), host.to_owned(), ""));
            all.push(spelled(format!("{scheme}{name}{path}"), other.to_owned(), ""));
        }
    }
    for more in [
        "X-Forwarded-Host: open.example.org\r\n",
        "X-Forwarded-Host: wiki.example.org\r\nX-Forwarded-Uri: /x\r\n",
        "X-Forwarded-Server: open.example.org\r\nX-Original-Host: open.example.org\r\n",
        "Forwarded: host=open.example.org\r\n",
        "X-Host: open.example.org\r\nX_Forwarded_Host: open.example.org\r\n",
    ] {
        all.push(spelled(path.to_owned(), host.to_owned(), more));
    }
    all
}

/// Whether some program would take this head for a request of what is closed.
pub(crate) fn is_closed(head: &str) -> bool {
    let target = head.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or("");
    let (authority, path) = match target.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", target),
    };
    let said = head.lines().filter_map(|line| line.split_once(':'));
    let said = said.filter(|(name, _)| ["host", "x-forwarded-host"].contains(&name.to_lowercase().as_str()));
    let mut names: Vec<String> = said.map(|(_, value)| name_of(value)).collect();
    names.extend((!authority.is_empty()).then(|| name_of(authority)));
    // What has no name, or another one than these, is closed where either of them is.
    let is = |host: &str| {
        names.iter().any(|name| name == host) || !names.iter().any(|n| [APP, WIKI].contains(&n.as_str()))
    };
    let readings = readings(path);
    let public = |reading: &String| reading == "/public" || reading.starts_with("/public/");
    let shut = |reading: &String| {
        let reading = reading.to_lowercase();
        CLOSED.iter().any(|closed| {
            reading.strip_prefix(closed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    is(APP) && !readings.iter().all(public) || is(WIKI) && readings.iter().any(shut)
}

/// A host without its port, as lenient programs take it.
fn name_of(text: &str) -> String {
    let name = text.trim().to_lowercase();
    let name = name.rsplit('@').next().unwrap_or("").split(':').next().unwrap_or("");
    name.trim_end_matches('.').to_owned()
}

/// A path as nginx reads it, as Tomcat does, and as programs do that decode twice and take a backslash for a slash; and all
/// that once more by those who take `//` for the beginning of a host.
fn readings(path: &str) -> Vec<String> {
    let path = path.split(['?', '#']).next().unwrap_or("");
    let behind_host = path.strip_prefix("//").map(|rest| rest.find('/').map_or("/", |at| &rest[at..]));
    std::iter::once(path).chain(behind_host).flat_map(read).collect()
}

fn read(path: &str) -> [String; 3] {
    let without: Vec<&str> = path.split('/').map(|part| part.split(';').next().unwrap_or("")).collect();
    let without = without.join("/");
    let twice = decoded(&decoded(&without)).replace('\\', "/");
    let once = decoded(&without).replace('\\', "/");
    [decoded(path), once, twice].map(|path| resolved(&path))
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn resolved(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[test]
fn there_are_twelve_paths_and_more_than_250_spellings_of_each() {
    for (_, path) in PATHS {
        assert!(paths(path).len() >= 250, "{path}: {}", paths(path).len());
    }
    assert!(all().len() >= 3000, "{}", all().len());
}

#[test]
fn what_is_closed_is_seen_in_every_spelling_that_a_program_knows() {
    let head =
        |host: &str, target: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
    for (host, target) in [
        (APP, "/secret/page"),
        (APP, "/public/%2e%2e/x"),
        (APP, "/public/..;/x"),
        (APP, "/public/%252e%252e/x"),
        (APP, "/"),
        (WIKI, "/admin"),
        (WIKI, "/Admin/users"),
        (WIKI, "/x/..;a=b/admin"),
        (WIKI, "/%2561dmin"),
        (WIKI, "/A,b%3Ac@d/1"),
        (WIKI, "https://app.example.org/x"),
        (WIKI, "//elsewhere.example/admin"),
        ("WIKI.example.org.:443", "/files%2Fprivate"),
        ("elsewhere.example", "/admin"),
        ("", "/x"),
    ] {
        assert!(is_closed(&head(host, target)), "{host} {target}");
    }
    for (host, target) in
        [(APP, "/public/x?/../../admin"), (WIKI, "/x"), (WIKI, "/administrators"), (WIKI, "/x?/admin")]
    {
        assert!(!is_closed(&head(host, target)), "{host} {target}");
    }
}
