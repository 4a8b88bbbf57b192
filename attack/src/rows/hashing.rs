//! More sign-ins at once than can be hashed: memory stays bounded, the rest is told to come again, and who is signed in
//! notices nothing.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::browser::Browser;
use crate::crowd::{Tally, together};
use crate::person::Person;
use crate::report::verdict;
use crate::server::{Server, memory_of};
use crate::{Finding, Ground, clock};

const MIB: u64 = 1 << 20;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let (many, seconds) = ground.pick((100, 3), (500, 15), (500, 60));
    let mut place = ground.place()?;
    place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
    let server = place.start()?;
    let (idle, _) = server.memory()?;
    let (mut person, mut browser) = ground.registered(&server.site)?;
    let unloaded = look(&mut browser, &AtomicBool::new(false), 200)?;
    server.forget_peak();

    let over = AtomicBool::new(false);
    let began = clock::now();
    let sign_in = |_: usize, barrier: &Barrier| {
        barrier.wait();
        let mut stranger = ground.browser(&server.site);
        let (mut tally, mut mute) = (Tally::default(), 0);
        while began.elapsed() < Duration::from_secs(seconds) {
            let name = ground.name("nobody");
            let answer = stranger.post("/login", &[("username", &name), ("password", "no such password")])?;
            tally.add(answer.status);
            mute += u64::from(answer.status == 503 && answer.header("retry-after").is_none());
        }
        Ok((tally, mute))
    };
    let (crowd, loaded) = std::thread::scope(|scope| {
        let crowd = scope.spawn(|| {
            let crowd = together(many, sign_in);
            over.store(true, Ordering::Relaxed);
            crowd
        });
        let loaded = look(&mut browser, &over, usize::MAX);
        (crowd.join(), loaded)
    });
    let crowd = crowd.ok().context("the crowd has panicked")??;
    let loaded = loaded?;
    let mute: u64 = crowd.iter().map(|(_, mute)| mute).sum();
    let tally = Tally::sum(crowd.into_iter().map(|(tally, _)| tally));

    let (_, peak) = server.memory()?;
    let cores = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from))?;
    let most = idle + cores * 19 * MIB + 64 * MIB;
    let others = tally.0.iter().filter(|(status, _)| **status >= 500 && **status != 503);
    let others: u64 = others.map(|(_, count)| count).sum();
    let recovered = recovers(ground, &mut person, &server)?;
    let held = peak <= most && mute == 0 && others == 0 && tally.of(503) > 0 && recovered;
    let seen = control(most)?;
    Ok(vec![Finding {
        row: "hashing",
        tried: format!("{many} simultaneous sign-ins for {seconds} s"),
        often: tally.all().to_string(),
        result: format!(
            "{} MiB at most, {} allowed ({} idle); {tally}; {mute} × 503 without Retry-After; afterward {}; session checks take \
             {} times as long in the middle, {} times at the 99th percentile (reported only)",
            peak / MIB,
            most / MIB,
            idle / MIB,
            if recovered { "a sign-in works at once" } else { "no sign-in works" },
            ratio(&loaded, &unloaded, 50),
            ratio(&loaded, &unloaded, 99)
        ),
        control: format!(
            "a process that keeps {} MiB is seen to have {} MiB",
            (most + 64 * MIB) / MIB,
            seen / MIB
        ),
        verdict: verdict(held, seen > most),
    }])
}

/// Looks at the start page, signed in, until it is over, and answers how long that took each time.
fn look(browser: &mut Browser, over: &AtomicBool, most: usize) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) && took.len() < most {
        let began = clock::now();
        let answer = browser.get("/")?;
        took.push(began.elapsed());
        anyhow::ensure!(answer.status == 200, "who is signed in was answered {}", answer.status);
        clock::pause(5);
    }
    took.sort();
    Ok(took)
}

fn ratio(loaded: &[Duration], unloaded: &[Duration], percent: usize) -> String {
    let at =
        |took: &[Duration]| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1))).copied();
    match (at(loaded), at(unloaded)) {
        (Some(loaded), Some(unloaded)) => {
            format!("{:.1}", loaded.as_secs_f64() / unloaded.as_secs_f64().max(1e-6))
        }
        _ => "unknown".to_owned(),
    }
}

/// Whether somebody gets in once the crowd has gone, and those who still waited have been told.
fn recovers(ground: &Ground, person: &mut Person, server: &Server) -> Result<bool> {
    for _ in 0..8 {
        let answer = person.signs_in(&mut ground.browser(&server.site))?;
        if answer.status == 303 {
            return Ok(true);
        }
        clock::pause(500);
    }
    Ok(false)
}

/// What the same meter says of a process that takes more than is allowed.
fn control(most: u64) -> Result<u64> {
    let bytes = most + 64 * MIB;
    let mut keeper = Command::new("tail");
    keeper.args(["-c", &bytes.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut keeper = keeper.spawn().context("starting tail")?;
    let mut input = keeper.stdin.take().context("tail has no input")?;
    let zeros = vec![0; usize::try_from(MIB)?];
    for _ in 0..bytes / MIB {
        input.write_all(&zeros)?;
    }
    clock::pause(200);
    let (_, peak) = memory_of(keeper.id())?;
    drop(input);
    keeper.wait()?;
    Ok(peak)
}
