//! Connections that take their time, made by slowhttptest: headers that never end, forms that arrive byte by byte, answers
//! that nobody reads.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::browser::Browser;
use crate::report::verdict;
use crate::site::Site;
use crate::{Finding, Ground, clock};

const MIB: u64 = 1 << 20;
/// What 2,000 connections may cost, in memory: of each the headers and the form that it may send, 48 KiB, and 32 MiB for all.
const MOST: u64 = 128 * MIB;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let (connections, seconds) = ground.pick((50, 3), (1_000, 8), (2_000, 20));
    let place = ground.place()?;
    let server = place.start()?;
    let naive = control()?;
    let mut findings = Vec::new();
    let kinds = [
        ("-H", "headers that never end", "/login"),
        ("-B", "forms byte by byte", "/login"),
        ("-X", "answers that nobody reads", "/login"),
    ];
    for (kind, tried, path) in kinds {
        let (before, _) = server.memory()?;
        server.forget_peak();
        let (connected, (asked, answered)) = attack(&server.site, (kind, path), (connections, seconds))?;
        let (_, peak) = server.memory()?;
        let grown = peak.saturating_sub(before);
        findings.push(Finding {
            row: "slow",
            tried: format!("slowhttptest: {tried}, {connections} connections for {seconds} s"),
            often: format!("{connected} at once"),
            result: format!(
                "{answered} of {asked} honest requests answered meanwhile; {} MiB more memory, {} allowed",
                grown / MIB,
                MOST / MIB
            ),
            control: format!(
                "of a server without time limits {answered} of {asked} are",
                answered = naive.1,
                asked = naive.0
            ),
            // Attacked is who had the connections.
            verdict: verdict(
                answered == asked && asked > 0 && grown <= MOST && connected * 2 >= connections,
                naive.1 < naive.0,
            ),
        });
    }
    Ok(findings)
}

/// Honest requests: how many were made, and how many were answered.
type Honest = (u64, u64);

/// How many connections the tool had at once, and how honest requests fared meanwhile.
fn attack(
    site: &Site,
    (kind, path): (&str, &str),
    (connections, seconds): (u32, u64),
) -> Result<(u32, Honest)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let honest = scope.spawn(|| honest(site, &over));
        let connected = slowhttptest(site, (kind, path), (connections, seconds));
        over.store(true, Ordering::Relaxed);
        let honest = honest.join().ok().context("the honest one has panicked")?;
        Ok((connected?, honest))
    })
}

/// One request every 50 ms, each with a connection of its own, until it is over.
fn honest(site: &Site, over: &AtomicBool) -> Honest {
    let (mut asked, mut answered) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let mut browser = Browser::new(site).with_patience(Duration::from_secs(10));
        asked += 1;
        answered += u64::from(browser.get("/login").is_ok_and(|answer| answer.status == 200));
        clock::pause(50);
    }
    (asked, answered)
}

fn slowhttptest(site: &Site, (kind, path): (&str, &str), (connections, seconds): (u32, u64)) -> Result<u32> {
    let mut tool = Command::new("slowhttptest");
    tool.args([kind, "-c", &connections.to_string(), "-r", &(connections / 2).max(50).to_string()]);
    // A byte every two seconds; for answers a window of a few bytes, read seldom.
    let pace = ["-i", "2", "-p", "3", "-s", "8192", "-w", "10", "-y", "20", "-n", "5", "-z", "32"];
    tool.args(["-l", &seconds.to_string()]).args(pace);
    if kind == "-B" {
        tool.args(["-t", "POST", "-f", "application/x-www-form-urlencoded"]);
    }
    tool.args(["-u", &format!("http://{}{path}", site.address)]);
    let ended = tool.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let ended = ended.context("starting slowhttptest; on Debian its package is called slowhttptest")?;
    // It says 1 also when the other end has closed all of its connections, which is what we are for.
    if ended.status.code().is_none() {
        bail!("slowhttptest was killed ({})", ended.status);
    }
    let said = String::from_utf8_lossy(&ended.stdout);
    most_connected(&said).with_context(|| format!("slowhttptest said of no connection: {said}"))
}

/// The most connections that it reports, among the colors that it writes in.
fn most_connected(said: &str) -> Option<u32> {
    // A color has digits of its own, so the count is the last number of its line.
    let counts = said.split("connected:").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?;
        line.split(|c: char| !c.is_ascii_digit()).rfind(|word| !word.is_empty())?.parse().ok()
    });
    counts.max()
}

/// The same against a server that reads one request after the other and waits for its end as long as it takes.
fn control() -> Result<Honest> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let site = Site::local(listener.local_addr()?);
    let over = AtomicBool::new(false);
    let (stopped, address) = (&over, site.address);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(mut stream) = stream else { return };
                // Only so that the control itself comes to an end.
                let _ = stream.set_read_timeout(Some(Duration::from_secs(4)));
                let mut bytes = Vec::new();
                let mut piece = [0; 1024];
                while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                        _ => break,
                    }
                }
            }
        });
        let result = attack(&site, ("-H", "/"), (50, 3));
        over.store(true, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(address);
        Ok(result?.1)
    })
}

#[cfg(test)]
mod tests {
    use super::most_connected;

    #[test]
    fn the_tool_is_read_through_its_colors() {
        let said = "\u{1b}[1;32mconnected:   \u{1b}[0;32m        0\n\u{1b}[1;32mconnected:   \u{1b}[0;32m     973\n\u{1b}[1;32mconnected: 7\n";
        assert_eq!(most_connected(said), Some(973));
        assert_eq!(most_connected("nothing of the kind"), None);
    }
}
