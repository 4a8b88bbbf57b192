//! Looking for people by the beginning of their names, through the API, among few and among many.

use anyhow::Result;
use serde_json::json;

use super::Bench;
use super::ask::Asking;
use super::figures::Report;
use super::people::{People, said};
use super::sign_in::note;

const WHAT: &str = "people by the beginning of a name";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    for count in &bench.users {
        let (people, server) = People::of(bench, *count, report)?.serve(bench)?;
        let token = people.reading_token(bench)?;
        let who = format!("Latchkey, {} people", said(*count));
        for _ in 0..bench.rounds() {
            let step = json!({
                // Everybody is looked for by a name that is the beginning of eleven or none.
                "method": "GET", "path": "/api/v1/people?query={name}", "expects": 200, "contains": "person",
                "headers": { "Host": format!("localhost:{}", server.port), "Authorization": format!("Bearer {token}") },
            });
            let asking = Asking {
                port: server.port,
                at_once: 1,
                seconds: bench.seconds(),
                at_most: None,
                from: 0,
                people: json!({ "prefix": "person", "count": count }),
                keeps_cookies: false,
                first: Vec::new(),
                steps: vec![step],
            };
            note(report, (WHAT, &who), &asking.ask(bench)?);
        }
        let goal = format!("{WHAT}, {} people, p99", said(*count));
        report.judge_alone(&goal, (WHAT, &who, " ms (p99)"), (20.0, true));
    }
    Ok(())
}
