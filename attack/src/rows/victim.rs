//! Strangers guess at one name as fast as they can. Its owner signs in all the while, in a browser that knows them.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::browser::Browser;
use crate::crowd::{Tally, together};
use crate::person::Person;
use crate::report::verdict;
use crate::server::Place;
use crate::{Finding, Ground, clock};

/// Guesses of each kind a second, the threads that share them, and the addresses that they come from.
const RATE: usize = 50;
const THREADS: usize = 10;
const ADDRESSES: usize = 200;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let policies = ["password+code", "code"];
    std::thread::scope(|scope| {
        let sieges = policies.map(|policy| scope.spawn(move || siege(ground, policy)));
        let findings = sieges.into_iter().map(|siege| siege.join().ok().context("a siege has panicked")?);
        findings.collect()
    })
}

fn siege(ground: &Ground, policy: &str) -> Result<Finding> {
    let (seconds, times): (u64, usize) = ground.pick((5, 4), (20, 6), (600, 20));
    let mut place = ground.place()?;
    place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
    place.set("LATCHKEY_LOGIN_FACTORS", policy);
    let server = place.start()?;
    let by_code = policy == "code";
    let name = ground.name("victim");
    let mut victim = if by_code { Person::without_password(&name) } else { Person::new(&name) };
    let mut known = ground.browser(&server.site);
    victim.registers(&mut known)?;
    // A phone has one code in 30 seconds: who signs in more often has more of them.
    for phone in ["tablet", "desk"] {
        one_more_phone(&place, &mut victim, phone)?;
    }
    let mut knower = ground.browser(&server.site);
    if !by_code {
        // The strangers even know the password, or they would get to no code. They gave it before they were noticed.
        victim.gives_password(&mut knower)?;
    }
    let wrong = victim.wrong_codes(5_000)?;
    let addresses: Vec<String> = (0..ADDRESSES).map(|_| ground.address()).collect();
    let over = AtomicBool::new(false);
    let began = clock::now();

    let guess = |n: usize, barrier: &Barrier| {
        barrier.wait();
        let mut browser = if n.is_multiple_of(2) { Browser::new(&server.site) } else { knower.thief() };
        let (mut tally, mut k) = (Tally::default(), 0);
        while !over.load(Ordering::Relaxed) {
            browser.from = Some(addresses[(n + k * 2 * THREADS) % ADDRESSES].clone());
            let code = wrong[(n + k * 2 * THREADS) % wrong.len()].as_str();
            let name = victim.name.as_str();
            let answer = match (n.is_multiple_of(2), by_code) {
                (true, false) => {
                    browser.post("/login", &[("username", name), ("password", "wrong horse battery")])
                }
                // Nobody is asked for a password there. What else opens the door is a recovery code.
                (true, true) => {
                    let wrong = [("username", name), ("recovery_code", "abcd-efgh-jkmn-pqrs")];
                    browser.post("/login/recovery", &wrong)
                }
                (false, true) => browser.post("/login", &[("username", name), ("otp", code)]),
                (false, false) => browser.post("/login/code", &[("username", name), ("otp", code)]),
            };
            tally.add(answer?.status);
            k += 1;
            let due = Duration::from_millis(u64::try_from(k * 1000 * THREADS / RATE)?);
            let early = due.saturating_sub(began.elapsed());
            std::thread::sleep(early.min(Duration::from_secs(1)));
        }
        Ok(tally)
    };
    let (tallies, lived) = std::thread::scope(|scope| {
        let strangers = scope.spawn(|| together(2 * THREADS, guess));
        let mut owner = victim.clone();
        let lived = live(ground, &mut owner, &mut known, (seconds, times));
        over.store(true, Ordering::Relaxed);
        (strangers.join(), lived)
    });
    let lived = lived?;
    let tallies = tallies.ok().context("the strangers have panicked")??;
    let passed = began.elapsed().as_secs().max(1);
    let tally = Tally::sum(tallies);
    let rate = tally.all() / passed;
    // Half of what was meant to come would show half of what is said.
    let enough = ground.pick(true, true, rate >= u64::try_from(2 * RATE * 9 / 10)?);
    let held = lived.got_in == times && tally.of(303) == 0 && enough;
    Ok(Finding {
        row: "victim",
        tried: format!(
            "{RATE} wrong {} and {RATE} wrong codes a second from {ADDRESSES} addresses at one name, policy {policy}",
            if by_code { "recovery codes" } else { "passwords" }
        ),
        often: format!("{} in {passed} s", tally.all()),
        result: format!(
            "its owner got in {} of {times} times from a known browser; guesses: {tally}; {rate}/s",
            lived.got_in
        ),
        control: format!("from an unknown browser the owner is told to wait ({})", lived.unknown),
        verdict: verdict(held, lived.unknown == 429),
    })
}

/// How the owner fared.
struct Lived {
    got_in: usize,
    /// What the same person, with everything right, is answered in a browser that nobody knows.
    unknown: u16,
}

fn live(
    ground: &Ground,
    owner: &mut Person,
    known: &mut Browser,
    (seconds, times): (u64, usize),
) -> Result<Lived> {
    let began = clock::now();
    let mut got_in = 0;
    for n in 0..times {
        // Spread over all of it, the last one shortly before its end.
        let due = u64::try_from(n + 1)? * seconds * 1000 / u64::try_from(times + 1)?;
        std::thread::sleep(Duration::from_millis(due).saturating_sub(began.elapsed()));
        known.post("/logout", &[])?;
        known.from = Some(ground.address());
        let answer = owner.signs_in(known)?;
        got_in += usize::from(answer.status == 303 && known.get("/")?.status == 200);
    }
    let mut unknown = ground.browser(&known.site);
    let answer = owner.signs_in(&mut unknown)?;
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(began.elapsed()));
    Ok(Lived { got_in, unknown: answer.status })
}

/// Sets up a further phone, as an administrator does who has the person beside them.
fn one_more_phone(place: &Place, person: &mut Person, label: &str) -> Result<()> {
    let mut command = place.latchkey(&["otp", "enroll", &person.name, "--as", label]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("starting latchkey")?;
    let mut said = BufReader::new(child.stdout.take().context("no output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let code = person.scans_another(&line)?;
    writeln!(child.stdin.take().context("no input")?, "{code}")?;
    if !child.wait()?.success() {
        bail!("a further phone could not be set up");
    }
    Ok(())
}
