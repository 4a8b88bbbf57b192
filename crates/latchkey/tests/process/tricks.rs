//! What strangers send through a proxy to be taken for somebody, or to come where they may not: spellings of headers and of
//! paths, and headers that somebody could believe. `proxies.rs` sends them.

/// What programs are told.
pub(crate) const IDENTITY: [&str; 4] = ["remote-user", "remote-groups", "remote-name", "remote-email"];

/// What nobody but a stranger says.
pub(crate) const LIE: &str = "root-of-all";

/// What a head says of who it is, by names that some program takes for ours: anything between the words, whatever the case.
/// A line may end with any of its two characters.
pub(crate) fn identities(head: &str) -> Vec<(String, String)> {
    let lines = head.split(['\r', '\n']).filter_map(|line| line.split_once(':'));
    let pairs = lines.map(|(name, value)| {
        let name = name.trim().to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        (name, value.trim().to_owned())
    });
    pairs.filter(|(name, _)| IDENTITY.contains(&name.as_str())).collect()
}

/// Those of a stranger among them.
pub(crate) fn lies(head: &str) -> Vec<(String, String)> {
    identities(head).into_iter().filter(|(_, value)| value.contains(LIE)).collect()
}

/// Every way to write one of the headers, as lines of a head.
pub(crate) fn spoofs() -> Vec<String> {
    let mut spoofs = Vec::new();
    for name in ["Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"] {
        let (low, high, under) = (name.to_lowercase(), name.to_uppercase(), name.replace('-', "_"));
        let (dot, mixed) = (name.replace('-', "."), name.replace("mo", "Mo"));
        let second = name.split('-').nth(1).unwrap();
        let one = |name: &str| format!("{name}: {LIE}\r\n");
        spoofs.extend([name, &low, &high, &mixed].map(one));
        spoofs.extend(
            [&under, &under.to_lowercase(), &under.to_uppercase(), &under.replace('_', "__")].map(|n| one(n)),
        );
        spoofs.extend(
            [&dot, &format!("Remote {second}"), &format!("Remote~{second}"), &format!("Remote+{second}")]
                .map(|n| one(n)),
        );
        spoofs.extend([
            format!("{}{}", one(name), one(name)),
            format!("{}{}", one(name), one(&under)),
            format!("{}{}{}", one(&under), one(&low), one(&high)),
            format!("{name}: nobody\r\n{name}: {LIE}\r\n"),
            format!("{name}: {LIE},ada.lovelace\r\n"),
            format!("{name}:{LIE}\r\n"),
            format!("{name}: \t {LIE} \t \r\n"),
            format!("{name} : {LIE}\r\n"),
            format!("{name}\t: {LIE}\r\n"),
            format!("{under} : {LIE}\r\n"),
            format!(" {name}: {LIE}\r\n"),
            format!("\t{name}: {LIE}\r\n"),
            format!("{name}:\r\n {LIE}\r\n"),
            format!("X-Note: a\r\n {name}: {LIE}\r\n"),
            format!("X-Note: a\n{name}: {LIE}\r\n"),
            format!("X-Note: a\r{name}: {LIE}\r\n"),
            format!("X-Note: a\0\n{name}: {LIE}\r\n"),
            format!("{name}\0: {LIE}\r\n"),
            format!("{name}: \u{e9}{LIE}\r\n"),
            format!("Connection: close, {name}\r\n{name}: {LIE}\r\n"),
            format!("Connection: close, {under}\r\n{under}: {LIE}\r\n"),
            format!("Connection: {name}, {under}\r\nConnection: close\r\n{}{}", one(name), one(&under)),
            format!("X-Forwarded-{name}: {LIE}\r\nX-{name}: {LIE}\r\nHTTP_{under}: {LIE}\r\n{}", one(&under)),
        ]);
    }
    spoofs
}

/// Every way to write what is for the family so that it looks as if it were for everybody.
pub(crate) fn spellings() -> Vec<String> {
    let up = [
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
    let between = ["/", "//", "%2f", "%2F", "%252f", "\\", "%5c", ";/", "/./", "/%2e/"];
    let mut spellings = Vec::new();
    for before in ["/public", "/public/x/.."] {
        for up in up {
            spellings.extend(between.map(|between| format!("{before}{between}{up}{between}secret/page")));
        }
    }
    let alone = [
        "/secret/page",
        "//secret/page",
        "/./secret/page",
        "/%73ecret/page",
        "/secret%2fpage",
        "/secret;/page",
        "/secret/page;x",
        "/secret/page?/public/x",
        "/secret/page?/../public/x",
        "/secret/page#/public/x",
        "/secret/page/../../secret/page",
        "/secret/page%3f/../../public/x",
        "/secret/page%23/../../public/x",
        "/secret/page%00/public/x",
        "/;/public/../secret/page",
        "https://app.example.org/secret/page",
        "https://open.example.org/secret/page",
        "http://app.example.org/secret/page",
        "https://app.example.org/public/../secret/page",
        "https://app.example.org:443/secret/page",
        "//open.example.org/secret/page",
        "/.latchkey/../secret/page",
        "/.latchkey/..%2fsecret/page",
        "/.latchkey/%2e%2e/secret/page",
        "/.latchkey/..;/secret/page",
        "/.latchkey//../secret/page",
        "/.latchkey\\..\\secret/page",
        "/.latchkey/start/../../secret/page",
        "secret/page",
        "*",
        "/latchkey-asks/../secret/page",
        "/latchkey-asks",
        "/secret/page\t",
        "/secret/page HTTP/1.1 /public/x",
    ];
    spellings.extend(alone.map(str::to_owned));
    spellings
}

/// Headers that say a request is another one, or comes from somebody who need not be asked.
pub(crate) fn forgeries() -> Vec<String> {
    let mut forgeries = Vec::new();
    for (name, value) in [
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-Path", "/public/x"),
        ("X-Forwarded-Prefix", "/public"),
        ("X-Forwarded-Host", "open.example.org"),
        ("X-Forwarded-Server", "open.example.org"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Original-URL", "https://app.example.org/public/x"),
        ("X-Original-Method", "OPTIONS"),
        ("X-Original-Uri", "/public/x"),
        ("X-Original-Host", "open.example.org"),
        ("X-Rewrite-Url", "/public/x"),
        ("X-Real-Ip", "127.0.0.1"),
        ("X-Http-Method-Override", "OPTIONS"),
        ("X-Latchkey", "allowed"),
        ("Forwarded", "for=127.0.0.1;host=open.example.org;proto=https"),
    ] {
        let (under, low) = (name.replace('-', "_"), name.to_lowercase());
        let half = name.rsplit_once('-').map_or(low.clone(), |(before, after)| format!("{before}_{after}"));
        let lines = [name, &under, &low, &half].map(|name| format!("{name}: {value}\r\n"));
        forgeries.push(lines.concat());
        forgeries.push(format!("Connection: close, {name}\r\n{}", lines[0]));
        forgeries.extend(lines);
    }
    forgeries.extend(
        [
            "Host: open.example.org\r\n",
            "Host: APP.example.org\r\n",
            "Host: app.example.org:443\r\n",
            "Host: app.example.org.\r\n",
            "Host: app.example.org:80@open.example.org\r\n",
            "Host: open.example.org\r\nHost: app.example.org\r\n",
            "host: app.example.org\r\nHost: open.example.org\r\n",
            "Host: login.example.org\r\n",
            "Host: \r\n",
            "Host: app.example.org/public\r\n",
            "User-Agent: GoogleHC/1.0\r\n",
            "User-Agent: kube-probe/1.32\r\n",
            "Cookie: __Host-latchkey-app=\r\n",
            "Cookie: __Host-latchkey-app=x; latchkey-app=y\r\n",
            "Cookie: __Host-latchkey-app=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
            "Authorization: Basic cm9vdDpyb290\r\n",
            "Authorization: Bearer root\r\n",
            "Access-Control-Request-Method: GET\r\nOrigin: https://app.example.org\r\n",
            "Connection: close, Host\r\n",
            "Connection: close, X-Forwarded-Uri, X-Forwarded-Host, X-Original-URL\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            "Expect: 100-continue\r\n",
            "Content-Length: 0\r\nContent-Length: 0\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n",
        ]
        .map(str::to_owned),
    );
    forgeries
}

/// Whether some program would take this head for a request of what is for the family: as nginx reads a path, and as Tomcat does.
pub(crate) fn is_secret(head: &str) -> bool {
    let target = head.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or("");
    let target =
        target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = target.split(['?', '#']).next().unwrap_or("");
    let plainly = resolved(&decoded(path));
    let without: Vec<&str> = path.split('/').map(|part| part.split(';').next().unwrap_or("")).collect();
    let tomcat = resolved(&decoded(&without.join("/")).replace('\\', "/"));
    [plainly, tomcat].iter().any(|path| path.first().is_some_and(|first| first == "secret"))
}

fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut decoded = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(char::from(byte));
                decoded.push_str(&piece[2..]);
            }
            None => decoded.push_str(piece),
        }
    }
    decoded
}

fn resolved(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

#[test]
fn what_is_secret_is_seen_in_every_spelling_that_a_program_knows() {
    for line in
        ["GET /secret/page HTTP/1.1", "GET /public/%2e%2e/secret HTTP/1.1", "GET /public/..;/secret HTTP/1.1"]
    {
        assert!(is_secret(line), "{line}");
    }
    for line in ["GET /public/x?/secret HTTP/1.1", "GET /public/%252e%252e/secret HTTP/1.1", "GET / HTTP/1.1"]
    {
        assert!(!is_secret(line), "{line}");
    }
    assert!(!lies("GET / HTTP/1.1\r\nREMOTE_USER: root-of-all\r\n").is_empty());
}
