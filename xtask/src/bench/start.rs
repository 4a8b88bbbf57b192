//! From the start of the program to its first answered page, and what is resident of it then, with few people and with many.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::figures::Report;
use super::people::{People, said};
use super::server::Server;
use crate::workspace::timed;

const WHAT: &str = "start to first answer";
const IDLE: &str = "memory, idle";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut houses = Vec::new();
    for count in &bench.users {
        let people = People::of(bench, *count, report)?;
        // Once is not measured.
        let (people, server) = people.serve(bench)?;
        drop(server);
        houses.push((people, format!("Latchkey, {} people", said(*count))));
    }
    for _ in 0..bench.rounds().max(5) {
        for (people, who) in &houses {
            let (server, took) = timed(|| first_answer(people, bench));
            let server = server?;
            report.note((WHAT, who, " ms"), took.as_secs_f64() * 1000.0);
            sleep(Duration::from_secs(1));
            report.note((IDLE, who, " MiB"), server.memory()?);
        }
    }
    let (Some((_, few)), Some((_, most))) = (houses.first(), houses.last()) else { return Ok(()) };
    report.judge_alone(
        &format!("{WHAT}, {}", most.trim_start_matches("Latchkey, ")),
        (WHAT, most, " ms"),
        (20.0, true),
    );
    report.judge_alone(
        &format!("{IDLE}, {}", most.trim_start_matches("Latchkey, ")),
        (IDLE, most, " MiB"),
        (15.0, true),
    );
    if few != most {
        // Flat is what lies within the noise of a start.
        report.judge(
            &format!("{WHAT}, most beside fewest people"),
            (WHAT, most, " ms"),
            (WHAT, few, " ms"),
            (1.2, true),
        );
    }
    Ok(())
}

/// The page is asked for over and over from the beginning.
fn first_answer(people: &People, bench: &Bench) -> Result<Server> {
    let mut server = people.spawn(bench, ("", ""))?;
    server.first_answer("GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    Ok(server)
}
