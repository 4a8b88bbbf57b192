//! Checking sessions with few people and with many, each of them signed in: of a thousand who are about, and of everybody alike, by chance;
//! beside the page of the tutorial that says who is signed in, which believes a signed cookie and can end no session.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Bench;
use super::ask::{Asking, Came, page};
use super::figures::Report;
use super::people::{People, SECRET, said};
use super::server::Server;
use super::sign_in::note;
use super::tutorial::{self, Tutorial};
use crate::workspace::timed;

const WHAT: &str = "session check, 32 at once";
const OF_SOME: &str = "session check of a thousand, 32 at once";
/// Those who are about.
const SOME: usize = 1000;
const LOADED: &str = "memory, after checks";
/// A program behind a proxy. Plain http is for hosts of this machine alone.
const HOST: &str = "app.localhost";
const RULES: &str = "trusted_proxies = [\"127.0.0.1\"]\n";
const ACCESS: &str = "[[access.rules]]\nhosts = [\"app.localhost\"]\npolicy = \"one_factor\"\nany = true\n";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut houses = Vec::new();
    for count in &bench.users {
        let people = People::of(bench, *count, report)?;
        let (people, server) =
            sign_everybody_in(bench, &people, report)?.serve_with(bench, (RULES, ACCESS))?;
        houses.push((people, server, format!("Latchkey, {} people", said(*count))));
    }
    let tutorial = Tutorial::start(bench)?;
    // First those who are about: after everybody was there, who was seen is written for a while.
    let mut some = Vec::new();
    for (people, server, _) in &houses {
        some.push(some_of(people)?);
        checks(some[some.len() - 1].clone(), server, 1.0).ask(bench)?;
    }
    for round in 0..bench.rounds() {
        for ((_, server, who), some) in houses.iter().zip(&some) {
            note(report, (OF_SOME, who), &checks(some.clone(), server, bench.seconds()).ask(bench)?);
        }
        note(report, (WHAT, tutorial::NAME), &ask_tutorial(bench, &tutorial)?);
        println!("   round {} of {}, of those who are about", round + 1, bench.rounds());
    }
    for (people, server, _) in &houses {
        // Whoever is checked for the first time is looked up, and noted as seen. That takes as long as there are people.
        checks(people.tokens(), server, if people.count > 10_000 { 15.0 } else { 2.0 }).ask(bench)?;
    }
    for round in 0..bench.many_rounds() {
        for (people, server, who) in &houses {
            note(report, (WHAT, who), &checks(people.tokens(), server, bench.seconds()).ask(bench)?);
        }
        println!("   round {} of {}, of everybody", round + 1, bench.many_rounds());
    }
    for (_, server, who) in &houses {
        report.note((LOADED, who, " MiB"), server.memory()?);
    }
    let (Some((_, _, few)), Some((_, _, most))) = (houses.first(), houses.last()) else { return Ok(()) };
    let theirs = (WHAT, tutorial::NAME, "/s");
    report.judge("session check, beside the tutorial's page", (OF_SOME, few, "/s"), theirs, (20.0, false));
    if few != most {
        for (what, of_whom) in [(OF_SOME, "of a thousand who are about"), (WHAT, "of everybody alike")] {
            let (goal, unit) = (format!("session check {of_whom}, most beside fewest people"), " ms (p99)");
            report.judge(&goal, (what, most, "/s"), (what, few, "/s"), (0.9, false));
            report.judge(&format!("{goal}, p99"), (what, most, unit), (what, few, unit), (1.5, true));
        }
    }
    for (people, _, who) in &houses {
        let most = if people.count > 100_000 { 150.0 } else { 100.0 };
        report.judge_alone(
            &format!("{LOADED}, {} people", said(people.count)),
            (LOADED, who, " MiB"),
            (most, true),
        );
    }
    Ok(())
}

/// Everybody signs in by code and goes on to the program. What they hold there is kept with them.
fn sign_everybody_in(bench: &Bench, people: &People, report: &mut Report) -> Result<People> {
    people.signed_in(bench, |place| {
        println!("   {} people sign in", said(people.count));
        let tokens = place.join("tokens");
        let being_made = tokens.with_extension("part");
        let mut guests = Command::new(bench.program("guests"));
        guests.arg(place.join("data")).args([&people.count.to_string(), SECRET, &format!("http://{HOST}")]);
        guests.stdout(File::create(&being_made).with_context(|| format!("making {}", being_made.display()))?);
        let (status, took) = timed(|| guests.status());
        ensure!(status.context("starting `guests`")?.success(), "not everybody could sign in");
        report.note(
            ("everybody signs in and goes on to a program", &said(people.count), " s"),
            took.as_secs_f64(),
        );
        fs::rename(&being_made, &tokens).context("keeping the tokens")
    })
}

/// The tokens of some, from all over.
fn some_of(people: &People) -> Result<PathBuf> {
    let (all, some) = (people.tokens(), people.tokens().with_extension("some"));
    if !some.exists() {
        let tokens = fs::read_to_string(&all).with_context(|| format!("reading {}", all.display()))?;
        let each = (tokens.lines().count() / SOME).max(1);
        let chosen: Vec<&str> = tokens.lines().step_by(each).take(SOME).collect();
        fs::write(&some, chosen.join("\n")).with_context(|| format!("writing {}", some.display()))?;
    }
    Ok(some)
}

fn checks(tokens: PathBuf, server: &Server, seconds: f64) -> Asking {
    Asking {
        port: server.port,
        at_once: 32,
        seconds,
        at_most: None,
        from: 0,
        people: json!({ "file": tokens }),
        keeps_cookies: false,
        first: Vec::new(),
        steps: vec![check(HOST)],
    }
}

/// What a proxy asks for somebody whose token stands in the place of a name.
pub(crate) fn check(host: &str) -> Value {
    json!({
        "method": "GET", "path": "/api/authz/forward-auth", "expects": 200,
        "headers": {
            "Host": host, "Cookie": "latchkey-app={name}", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": host, "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/",
        },
    })
}

/// Eight browsers, each signed in before.
fn ask_tutorial(bench: &Bench, tutorial: &Tutorial) -> Result<Came> {
    let mut me = page(tutorial.server.port, "/me");
    me["contains"] = json!("You are person");
    let asking = Asking {
        port: tutorial.server.port,
        at_once: 8,
        seconds: bench.seconds(),
        at_most: None,
        from: 0,
        people: Tutorial::people(),
        keeps_cookies: true,
        first: tutorial.sign_in(),
        steps: vec![me],
    };
    asking.ask(bench)
}
