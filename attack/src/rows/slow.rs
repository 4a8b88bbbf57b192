//! Connections that take their time, made by slowhttptest: headers that never end, forms that arrive byte by byte, answers
//! that nobody reads.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::report::verdict;
use crate::rows::hashing::honest;
use crate::site::Site;
use crate::{Finding, Ground};

const MIB: u64 = 1 << 20;
/// What that many connections may cost, in memory.
const MOST: u64 = 96 * MIB;

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
        let (asked, answered) = attack(&server.site, (kind, path), (connections, seconds))?;
        let (_, peak) = server.memory()?;
        let grown = peak.saturating_sub(before);
        findings.push(Finding {
            row: "slow",
            tried: format!("slowhttptest: {tried}, {connections} connections for {seconds} s"),
            often: connections.to_string(),
            result: format!(
                "{answered} of {asked} honest requests answered meanwhile; {} MiB more memory, {} allowed",
                grown / MIB,
                MOST / MIB
            ),
            control: format!("of a server without time limits {} of {} are", naive.1, naive.0),
            verdict: verdict(answered == asked && asked > 0 && grown <= MOST, naive.1 < naive.0),
        });
    }
    Ok(findings)
}

/// How many honest requests were made meanwhile, and how many answered.
fn attack(site: &Site, (kind, path): (&str, &str), (connections, seconds): (u32, u64)) -> Result<(u64, u64)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let honest = scope.spawn(|| honest(site, &over));
        let done = slowhttptest(site, (kind, path), (connections, seconds));
        over.store(true, Ordering::Relaxed);
        let honest = honest.join().ok().context("the honest one has panicked")?;
        done.map(|()| honest)
    })
}

fn slowhttptest(site: &Site, (kind, path): (&str, &str), (connections, seconds): (u32, u64)) -> Result<()> {
    let mut tool = Command::new("slowhttptest");
    tool.args([kind, "-c", &connections.to_string(), "-r", &(connections / 2).max(50).to_string()]);
    // A byte every two seconds; for answers a window of a few bytes, read seldom.
    tool.args(["-i", "2", "-l", &seconds.to_string(), "-p", "3", "-s", "8192", "-w", "10", "-y", "20", "-n", "5", "-z", "32"]);
    if kind == "-B" {
        tool.args(["-t", "POST", "-f", "application/x-www-form-urlencoded"]);
    }
    tool.args(["-u", &format!("http://{}{path}", site.address)]);
    let ended = tool.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let ended = ended.context("starting slowhttptest; on Debian its package is called slowhttptest")?;
    // It says 1 also when the other end has closed all of its connections, which is what we are for.
    if ended.code().is_none() {
        bail!("slowhttptest was killed ({ended})");
    }
    Ok(())
}

/// The same against a server that reads one request after the other and waits for its end as long as it takes.
fn control() -> Result<(u64, u64)> {
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
        result
    })
}
