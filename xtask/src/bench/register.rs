//! Registering by name under the code policy, from the form to the picture of the setup code. The tutorial answers the form with the
//! picture; Latchkey holds the name for half an hour, durably and recorded, and the browser then fetches the picture.
//!
//! A browser that comes with another name lets go of the one before, so that no more names are held than there are browsers.

use anyhow::Result;
use serde_json::json;

use super::Bench;
use super::ask::{Asking, form, page};
use super::figures::Report;
use super::people::People;
use super::sign_in::note;
use super::tutorial::{self, Tutorial};

const WHAT: &str = "register, to the picture, 8 at once";
const LATCHKEY: &str = "Latchkey";
/// More people than will ever come.
const STRANGERS: u64 = 100_000_000;
/// Those who come in one round, at most.
const IN_A_ROUND: u64 = 1_000_000;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let people = People::of(bench, 1000, report)?;
    let ((_, server), tutorial) = (people.serve(bench)?, Tutorial::start(bench)?);
    let mut picture = page(server.port, "/enroll/qr.png");
    picture["contains"] = json!("PNG");
    let steps = vec![form(server.port, "/register", "username={name}", 303), picture];
    let asking = |port, steps, from| Asking {
        port,
        at_once: 8,
        seconds: bench.seconds(),
        at_most: Some(IN_A_ROUND),
        from,
        people: json!({ "prefix": "stranger", "count": STRANGERS }),
        keeps_cookies: true,
        first: Vec::new(),
        steps,
    };
    for round in 0..bench.rounds() {
        let from = round as u64 * IN_A_ROUND;
        note(report, (WHAT, LATCHKEY), &asking(server.port, steps.clone(), from).ask(bench)?);
        note(
            report,
            (WHAT, tutorial::NAME),
            &asking(tutorial.server.port, tutorial.register(), from).ask(bench)?,
        );
        println!("   round {} of {}", round + 1, bench.rounds());
    }
    report.judge(
        "register with the picture, beside the tutorial",
        (WHAT, LATCHKEY, "/s"),
        (WHAT, tutorial::NAME, "/s"),
        (15.0, false),
    );
    Ok(())
}
