//! HTTP/2 to the proxies, spoken by curl, which knows the authority of their certificates.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::proxies::is_told_of_ada;
use crate::proxy::{APP, PORTAL, Proxy};
use crate::spellings::Spelling;
use crate::tricks::{self, LIE};

/// What is open to everybody.
pub(crate) const OPEN: &str = "/public/last";

/// curl, which is told to connect to the proxy whatever the host is.
fn curl(proxy: &Proxy) -> Command {
    let mut command = Command::new("curl");
    command.args(["--http2", "--silent", "--show-error", "--path-as-is", "--globoff", "--max-time", "20"]);
    command.arg("--cacert").arg(proxy.root()).arg("--connect-to").arg(format!("::{}", proxy.address));
    command.stdin(Stdio::null()).env_clear();
    command
}

/// Curl heard that the stream was reset. Behind Caddy that was seen in one of some hundreds, after which the same was answered: a server may
/// do so after a whole answer to somebody who is still sending (RFC 9113, section 8.1), and curl 7.88 throws the answer away.
const RESET: i32 = 92;

/// What curl shows of an answer: its head, and its body.
fn asks(proxy: &Proxy, words: &[&str]) -> (String, String) {
    let ask = || curl(proxy).arg("--include").args(words).output().expect("curl runs");
    let mut output = ask();
    for _ in 0..3 {
        if output.status.code() == Some(RESET) {
            output = ask();
        }
    }
    shown(words, &output)
}

fn shown(words: &[&str], output: &Output) -> (String, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {}{text}", String::from_utf8_lossy(&output.stderr));
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

/// Who is still sending when they are refused is told so in whole.
pub(crate) fn refuses_in_whole(proxy: &Proxy) {
    let url = format!("https://{APP}/photos?x=a%2Fb");
    let (head, body) = sends_slowly(proxy, &["--request", "POST", "-H", "Accept: text/html", &url]);
    assert!(head.starts_with("http/2 303"), "{head}{body}");
    assert!(head.contains(&format!("location: https://{PORTAL}/?rd=")), "{head}");
}

/// As [`asks`], with a body that comes while the answer may be on its way.
fn sends_slowly(proxy: &Proxy, words: &[&str]) -> (String, String) {
    let (body, mut later) = std::io::pipe().unwrap();
    let sender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        // Nobody may be there to hear it any more, and the answer says so.
        let _ = later.write_all(b"x=1");
    });
    let output = curl(proxy).args(["--include", "--upload-file", "-"]).args(words).stdin(body).output();
    sender.join().unwrap();
    shown(words, &output.expect("curl runs"))
}

/// A stranger is refused, and who has these cookies is let in, as over HTTP/1.1.
pub(crate) fn asks_for_the_same(proxy: &Proxy, cookies: &str) {
    let url = format!("https://{APP}/photos?x=a%2Fb");
    let ways: [(&[&str], &str); 5] = [
        (&["-H", "Accept: text/html", "-H", "Sec-Fetch-Mode: navigate"], "302"),
        (&["--head", "-H", "Accept: text/html"], "302"),
        (&["-H", "Accept: application/json"], "401"),
        (&["--data", "x=1", "-H", "Accept: text/html"], "303"),
        (&["-H", "Cookie: __Host-latchkey-app=x", "-H", "X-Requested-With: XMLHttpRequest"], "401"),
    ];
    for (words, status) in ways {
        let (head, body) = asks(proxy, &[words, &[&url]].concat());
        assert!(head.starts_with(&format!("http/2 {status}")), "{words:?}: {head}{body}");
        assert!(head.contains(&format!("location: https://{PORTAL}/?rd=")), "{words:?}: {head}");
    }
    let cookie = cookies.trim_end();
    let lies = ["Remote-User", "remote_groups", "Remote_Name", "Remote-Email", "REMOTE-USER"];
    let lies = lies.map(|name| format!("{name}: {LIE}"));
    let mut words = vec!["-H", cookie, "--data", "note=1"];
    words.extend(lies.iter().flat_map(|lie| ["-H", lie.as_str()]));
    let (head, body) = asks(proxy, &[&words[..], &[&url]].concat());
    assert!(head.starts_with("http/2 200"), "{head}");
    assert!(body.starts_with("POST /photos?x=a%2Fb HTTP/1.1\r\n") && body.ends_with("note=1"), "{body}");
    is_told_of_ada(&body);
    assert!(tricks::lies(&body).is_empty(), "{body}");
    assert!(asks(proxy, &["--head", "-H", cookie, &url]).0.starts_with("http/2 200"));
}

/// Sends those that curl can, over one connection, and in the end something that is open. Answers how many were answered.
pub(crate) fn sends(proxy: &Proxy, all: &[Spelling]) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut file = String::new();
    for spelling in
        all.iter().filter(|spelling| spelling.target.starts_with('/') && spelling.host == spelling.server)
    {
        // A quotation mark or a backslash would end a word of the file, or begin another.
        let target = spelling.target.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        writeln!(file, "url = \"https://{}{target}\"\noutput = \"/dev/null\"", spelling.host).unwrap();
    }
    writeln!(file, "url = \"https://{APP}{OPEN}\"\noutput = \"/dev/null\"").unwrap();
    let config = directory.path().join("curl");
    std::fs::write(&config, file).unwrap();
    let output =
        curl(proxy).args(["--write-out", "%{http_version} %{http_code}\n", "--config"]).arg(config).output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    said.lines().filter(|line| line.starts_with("2 ")).count()
}
