//! Signing in by a name and a code, and asking for other programs whether a code is right: durable, one-time, counted and recorded.
//! Beside it: as many commits of one update and one insert as the disk takes, and the design that tutorials teach, which keeps nothing.
//!
//! A code is good once, so a round begins when codes have just changed, and nobody comes twice in it. That every answer is a success
//! shows it.

use anyhow::Result;
use serde_json::{Value, json};

use super::Bench;
use super::ask::{Asking, Came, alike, form, wait_for_new_codes};
use super::figures::{Key, Report};
use super::people::{People, said};
use super::server::{Server, free_port};
use super::tutorial::{self, Tutorial};
use super::{host, privacyidea};
use std::fs;
use std::process::Command;

const LATCHKEY: &str = "Latchkey";
/// One update and one insert in a commit that many share, and nothing else.
const DURABLE: &str = "the bare durable loop";
/// At once.
const CROWDS: [u32; 3] = [1, 8, 32];
/// Those who are not so few that they are through at once, and not so many that nobody has them.
const MANY: u64 = 100_000;

/// A Latchkey, its people, and how many of them have had their turn in this round.
struct House {
    people: People,
    server: Server,
    token: String,
    begun: u64,
}

/// A figure's name: who signs in, and how many at once.
fn signing_in(at_once: u32) -> String {
    format!("sign-in by code, {at_once} at once")
}

const VERIFYING: &str = "the verification API, 32 at once";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut houses = Vec::new();
    for count in with(&bench.users, MANY) {
        let (people, server) = People::of(bench, count, report)?.serve(bench)?;
        let token = people.token()?;
        houses.push(House { people, server, token, begun: 0 });
    }
    let durable = start_durable(bench)?;
    let tutorial = Tutorial::start(bench)?;
    // It takes half a gigabyte, and minutes to set up.
    let idea = if bench.quick { None } else { Some(privacyidea::start(bench)?) };
    for round in 0..bench.rounds() {
        wait_for_new_codes();
        let synced = host::sync(bench)?;
        report.note(("fdatasync of a page", "the disk", " ms"), synced);
        houses.iter_mut().for_each(|house| house.begun = 0);
        for at_once in CROWDS {
            let what = signing_in(at_once);
            for house in houses.iter_mut().filter(|house| at_once == 32 || house.people.count == MANY) {
                let who = latchkey(house.people.count);
                let came = house.sign_in(bench, at_once)?;
                note(report, (&what, &who), &came);
                if at_once == 1 {
                    report.note(("sign-in by code, alone", "beside fdatasync", " times"), came.p50 / synced);
                }
            }
            note(report, (&what, DURABLE), &ask_durable(bench, &durable, (round, at_once))?);
            let asking = asking(tutorial.server.port, at_once, (Tutorial::people(), tutorial.sign_in()));
            note(report, (&what, tutorial::NAME), &asking.ask(bench)?);
        }
        if let Some(house) = houses.iter_mut().find(|house| house.people.count == MANY) {
            note(report, (VERIFYING, LATCHKEY), &house.verify(bench)?);
        }
        if let Some(idea) = &idea {
            note(report, (VERIFYING, privacyidea::NAME), &idea.verify(bench)?);
        }
        println!("   round {} of {}", round + 1, bench.rounds());
    }
    for house in &houses {
        let (who, resident) = (latchkey(house.people.count), house.server.memory()?);
        report.note(("memory, after sign-ins", &who, " MiB"), resident);
    }
    if let Some(idea) = &idea {
        report.note(("memory, after sign-ins", privacyidea::NAME, " MiB"), idea.server.memory()?);
    }
    report.note(("memory, after sign-ins", tutorial::NAME, " MiB"), tutorial.server.memory()?);
    judge(bench, report);
    Ok(())
}

fn judge(bench: &Bench, report: &mut Report) {
    let many = latchkey(MANY);
    for at_once in CROWDS {
        let what = signing_in(at_once);
        let (ours, least) = ((what.as_str(), many.as_str(), "/s"), (what.as_str(), DURABLE, "/s"));
        report.judge(&format!("{what}, beside the bare durable loop"), ours, least, (0.6, false));
    }
    let (what, alone) = (signing_in(32), ("sign-in by code, alone", "beside fdatasync", " times"));
    let ours: Key<'_> = (&what, &many, "/s");
    report.judge("sign-in by code, beside the tutorial", ours, (&what, tutorial::NAME, "/s"), (4.0, false));
    report.judge_alone("sign-in by code, alone, p50 beside fdatasync", alone, (5.0, true));
    report.judge_alone("sign-in by code, 32 at once, p99.9", (&what, &many, " ms (p99.9)"), (25.0, true));
    let verified = (VERIFYING, LATCHKEY, "/s");
    let theirs = (VERIFYING, privacyidea::NAME, "/s");
    report.judge("the verification API, beside privacyIDEA", verified, theirs, (200.0, false));
    let (few, most) = (bench.users.first().copied().map(latchkey), bench.users.last().copied().map(latchkey));
    if let (Some(few), Some(most)) = (few.as_deref(), most.as_deref())
        && few != most
    {
        let grown = format!("sign-in by code, {most} beside {few}");
        report.judge(&grown, (&what, most, "/s"), (&what, few, "/s"), (0.75, false));
        let unit = " ms (p99)";
        report.judge(&format!("{grown}, p99"), (&what, most, unit), (&what, few, unit), (1.5, true));
    }
}

/// What a figure is called that is Latchkey's with so many people.
fn latchkey(count: u64) -> String {
    format!("{LATCHKEY}, {} people", said(count))
}

fn with(users: &[u64], many: u64) -> Vec<u64> {
    let mut all = users.to_vec();
    all.push(many);
    all.sort_unstable();
    all.dedup();
    all
}

/// What every asking is noted as.
pub(crate) fn note(report: &mut Report, (what, who): (&str, &str), came: &Came) {
    report.note((what, who, "/s"), came.a_second);
    report.note((what, who, " ms (p50)"), came.p50);
    report.note((what, who, " ms (p99)"), came.p99);
    report.note((what, who, " ms (p99.9)"), came.p999);
}

/// A round with all that are in it has to be over before codes change again.
const SECONDS: f64 = 1.5;

fn asking(port: u16, at_once: u32, (people, steps): (Value, Vec<Value>)) -> Asking {
    Asking {
        port,
        at_once,
        seconds: SECONDS,
        at_most: None,
        from: 0,
        people,
        keeps_cookies: false,
        first: Vec::new(),
        steps,
    }
}

impl House {
    fn sign_in(&mut self, bench: &Bench, at_once: u32) -> Result<Came> {
        let step = form(self.server.port, "/login", "username={name}&otp={code}", 303);
        self.ask(bench, at_once, step)
    }

    fn verify(&mut self, bench: &Bench) -> Result<Came> {
        let port = self.server.port;
        let step = json!({
            "method": "POST", "path": "/api/v1/verify", "expects": 200, "contains": "\"right\":true",
            "body": "{\"username\":\"{name}\",\"otp\":\"{code}\"}",
            "headers": {
                "Host": format!("localhost:{port}"), "Authorization": format!("Bearer {}", self.token),
                "Content-Type": "application/json",
            },
        });
        self.ask(bench, 32, step)
    }

    /// Lets those have their turn who have not had it in this round.
    fn ask(&mut self, bench: &Bench, at_once: u32, step: Value) -> Result<Came> {
        let mut asking = asking(self.server.port, at_once, (alike(self.people.count), vec![step]));
        (asking.from, asking.at_most) = (self.begun, Some(self.people.count - self.begun));
        let came = asking.ask(bench)?;
        self.begun += came.flows;
        Ok(came)
    }
}

fn start_durable(bench: &Bench) -> Result<Server> {
    let place = bench.place.join("durable");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    let port = free_port()?;
    let mut command = Command::new(bench.program("durable"));
    command.arg(port.to_string()).arg(place.join("file.db")).arg(MANY.to_string());
    Server::start(&mut command, port, &place.join("log"))
}

fn ask_durable(bench: &Bench, durable: &Server, (round, at_once): (usize, u32)) -> Result<Came> {
    let step = form(durable.port, "/login", "username={name}&otp={code}", 303);
    let mut asking = asking(durable.port, at_once, (alike(MANY), vec![step]));
    asking.from = round as u64 * 7919;
    asking.ask(bench)
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn many_are_measured_once_whether_asked_for_or_not() {
        assert_eq!(with(&[1000], 100_000), [1000, 100_000]);
        assert_eq!(with(&[1000, 100_000, 1_000_000], 100_000), [1000, 100_000, 1_000_000]);
    }
}
