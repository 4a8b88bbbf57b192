//! Floods inside of one request: headers, cookies, parameters, bytes, and requests that two readers would read differently.

use anyhow::Result;

use crate::browser::{connect, exchange};
use crate::report::verdict;
use crate::server::Server;
use crate::{Finding, Ground};

const MIB: u64 = 1 << 20;
/// What all of it may cost, in memory.
const MOST: u64 = 32 * MIB;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let rounds = ground.pick(1, 3, 10);
    let place = ground.place()?;
    let server = place.start()?;
    let host = server.site.host.clone();
    // What an ordinary day needs is there before it is measured.
    for _ in 0..20 {
        exchange(&mut connect(&server.site)?, get(&host, "/login", "").as_bytes())?;
    }
    let (before, _) = server.memory()?;
    server.forget_peak();
    let (mut refused, mut closed, mut others) = (0, 0, Vec::new());
    for _ in 0..rounds {
        for (name, request) in floods(&host) {
            match ask(&server, &request)? {
                Some(status) if (400..500).contains(&status) => refused += 1,
                Some(status) => others.push(format!("{name}: {status}")),
                None => closed += 1,
            }
        }
    }
    let (_, peak) = server.memory()?;
    let grown = peak.saturating_sub(before);
    let alive = ask(&server, get(&host, "/login", "").as_bytes())? == Some(200);
    let modest: String = (0..20).map(|n| format!("X-Modest-{n}: x\r\n")).collect();
    let modest = ask(&server, get(&host, "/login", &modest).as_bytes())?;
    let form = "username=nobody.at.all&password=no+such+password";
    let form = ask(&server, post(&host, form, form.len()).as_bytes())?;
    let first = others.first().map(|first| format!(", {first}")).unwrap_or_default();
    Ok(vec![Finding {
        row: "hostile",
        tried: "10,000 headers, 5,000 cookies, 100,000 parameters, 10 MB, endless lines, requests that contradict themselves"
            .to_owned(),
        often: (refused + closed + others.len()).to_string(),
        result: format!(
            "{refused} refused with 4xx, {closed} closed, {} otherwise{first}; {} MiB more memory, {} allowed",
            others.len(),
            grown / MIB,
            MOST / MIB
        ),
        control: format!("20 headers are answered {}, a form {}", shown(modest), shown(form)),
        verdict: verdict(
            others.is_empty() && grown <= MOST && alive && refused > 0,
            modest == Some(200) && form == Some(422),
        ),
    }])
}

fn shown(status: Option<u16>) -> String {
    status.map_or("not at all".to_owned(), |status| status.to_string())
}

/// The status; `None` when the connection was closed without one.
fn ask(server: &Server, request: &[u8]) -> Result<Option<u16>> {
    let mut stream = connect(&server.site)?;
    // What is told in the middle of a request and closed may be lost on the way: then it was closed.
    Ok(exchange(&mut stream, request).ok().flatten().map(|answer| answer.status))
}

fn get(host: &str, path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

fn post(host: &str, body: &str, length: usize) -> String {
    let kind = "application/x-www-form-urlencoded";
    format!(
        "POST /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Each with a name, to be told apart.
fn floods(host: &str) -> Vec<(&'static str, Vec<u8>)> {
    let many = |count: usize, one: &str| -> String {
        (0..count).map(|n| one.replace('#', &n.to_string())).collect()
    };
    let parameters = many(100_000, "p#=1&");
    let bytes = "a".repeat(10_000_000);
    let deep = "%25".repeat(6_000);
    let smuggled =
        "POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            .replace("HOST", host);
    vec![
        ("10,000 headers", get(host, "/login", &many(10_000, "X-#: x\r\n")).into_bytes()),
        (
            "one long header",
            get(host, "/login", &format!("X-Long: {}\r\n", &bytes[..1_000_000])).into_bytes(),
        ),
        (
            "5,000 cookies",
            get(host, "/login", &format!("Cookie: {}\r\n", many(5_000, "cookie#=x; "))).into_bytes(),
        ),
        ("5,000 cookie headers", get(host, "/login", &many(5_000, "Cookie: c#=x\r\n")).into_bytes()),
        ("a long path", get(host, &format!("/{}", &bytes[..1_000_000]), "").into_bytes()),
        ("a long query", get(host, &format!("/login?{}", &parameters[..500_000]), "").into_bytes()),
        ("100,000 parameters", post(host, &parameters, parameters.len()).into_bytes()),
        ("1,000 parameters", post(host, &many(1_000, "p#=1&"), many(1_000, "p#=1&").len()).into_bytes()),
        ("10 MB of form", post(host, &bytes, bytes.len()).into_bytes()),
        ("18 kB of escapes", post(host, &deep, deep.len()).into_bytes()),
        ("one field twice", post(host, "username=a&username=b&password=c", 32).into_bytes()),
        ("no UTF-8", post(host, "username=%ff&password=c", 23).into_bytes()),
        ("a length that is none", format!("{smuggled}Content-Length: x\r\n\r\n").into_bytes()),
        (
            "two lengths",
            format!("{smuggled}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde").into_bytes(),
        ),
        ("a negative length", format!("{smuggled}Content-Length: -1\r\n\r\n").into_bytes()),
        ("an endless length", format!("{smuggled}Content-Length: 99999999999999999999\r\n\r\n").into_bytes()),
        ("a coding nobody has", format!("{smuggled}Transfer-Encoding: nobody\r\n\r\n").into_bytes()),
        ("a chunk that is none", format!("{smuggled}Transfer-Encoding: chunked\r\n\r\nzz\r\n").into_bytes()),
        ("two hosts", get(host, "/login", "Host: evil.example\r\n").into_bytes()),
        ("another host", get("evil.example", "/login", "").into_bytes()),
        ("no host", b"GET /login HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec()),
        ("an absolute target", get(host, "http://evil.example/login", "").into_bytes()),
        ("a header with a zero", get(host, "/login", "X: a\0b\r\n").into_bytes()),
        ("a folded header", get(host, "/login", "X: a\r\n b\r\n").into_bytes()),
        ("a space before the colon", get(host, "/login", "X : a\r\n").into_bytes()),
        ("a method nobody has", get(host, "/login", "").replacen("GET", "BREW", 1).into_bytes()),
        ("an old protocol", get(host, "/login", "").replacen("HTTP/1.1", "HTTP/9.9", 1).into_bytes()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50)),
        ("noise", (0..4_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ]
}
