//! A flood of strangers who do everything that leaves a trace, each with another name from another address. What they leave
//! behind has to stay small.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::browser::Browser;
use crate::crowd::{Tally, together};
use crate::database::Database;
use crate::report::verdict;
use crate::server::Server;
use crate::{Finding, Ground, clock};

/// What the database may grow by, in bytes.
const MOST: i64 = 1_000_000;
const THREADS: usize = 12;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let seconds = ground.pick(3, 30, 600);
    let mut place = ground.place()?;
    place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
    let server = place.start()?;
    let database = place.database()?;
    // Somebody is there already, and stays.
    let (_, mut resident) = ground.registered(&server.site)?;
    let (grown, tally) = flood(ground, (&server, &database), seconds)?;
    let lives = resident.get("/")?.status == 200;
    let tables = biggest(&database)?;
    // A house that keeps a page of paper on each of them.
    for (table, event) in
        [("attempts", "INSERT"), ("attempts", "UPDATE"), ("events", "INSERT"), ("events", "UPDATE")]
    {
        database.ask(&format!(
            "CREATE TABLE IF NOT EXISTS kept (page TEXT); \
             CREATE TRIGGER keep_{table}_{event} AFTER {event} ON {table} BEGIN \
             INSERT INTO kept VALUES (hex(zeroblob(8192))); END"
        ))?;
    }
    let brief = ground.pick(3, 10, 20);
    let (kept, _) = flood(ground, (&server, &database), brief)?;
    Ok(vec![Finding {
        row: "strangers",
        tried: "distinct names and addresses: wrong passwords, registrations, dead links, dead logins, lost pages".to_owned(),
        often: format!("{} in {seconds} s", tally.all()),
        result: format!("the database grew by {grown} bytes, {MOST} allowed; {tables}; {tally}"),
        control: format!("with a page kept on each it grows by {kept} bytes in {brief} s"),
        verdict: verdict(grown < MOST && lives, kept > MOST),
    }])
}

/// What the database has grown by when it is over.
fn flood(ground: &Ground, (server, database): (&Server, &Database), seconds: u64) -> Result<(i64, Tally)> {
    let before = i64::try_from(database.size()?)?;
    let over = AtomicBool::new(false);
    let began = clock::now();
    let tallies = together(THREADS, |n, barrier| {
        barrier.wait();
        let mut tally = Tally::default();
        let mut stranger = Browser::new(&server.site);
        let mut k = n;
        while !over.load(Ordering::Relaxed) && began.elapsed() < Duration::from_secs(seconds) {
            stranger.from = Some(ground.address());
            stranger.cookies.clear();
            // Half of them do what costs a hash, as fast as the processor lets them, and half do what costs nothing.
            let kind = if n % 2 == 0 { k % 7 } else { 7 + k % 5 };
            clock::pause(if n % 2 == 0 { 0 } else { 10 });
            let status = match strange(ground, &mut stranger, kind) {
                Ok(status) => status,
                Err(error) => {
                    over.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            };
            tally.add(status);
            k += 1;
        }
        Ok(tally)
    })?;
    // What was held back, to be counted later, belongs to it.
    let after = i64::try_from(database.size()?)?;
    Ok((after - before, Tally::sum(tallies)))
}

fn strange(ground: &Ground, stranger: &mut Browser, kind: usize) -> Result<u16> {
    let name = ground.name("stranger");
    let token = format!("{:0>43}", name.replace('.', "-"));
    let answer = match kind {
        0..=5 => stranger.post("/login", &[("username", &name), ("password", "no such password")]),
        6 => stranger.post("/register", &[("username", &name), ("password", "no such password")]),
        7 => stranger.get(&format!("/link/{token}")),
        8 => stranger
            .post(&format!("/setup/{token}"), &[("username", &name), ("password", "no such password")]),
        9 => {
            stranger.cookies.insert("latchkey-login".to_owned(), token);
            stranger.post("/login/code", &[("username", &name), ("otp", "123456")])
        }
        10 => stranger.post("/login/recovery", &[("recovery_code", "abcd-efgh-jkmn-pqrs")]),
        _ => stranger.get(&format!("/{name}")),
    };
    Ok(answer.context("a stranger got no answer")?.status)
}

/// Which tables have most rows: that is where it grew.
fn biggest(database: &Database) -> Result<String> {
    let mut counts = Vec::new();
    for table in ["attempts", "quotas", "events", "registrations", "logins"] {
        counts.push((database.number(&format!("SELECT count(*) FROM {table}"))?, table));
    }
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let words: Vec<String> = counts.iter().take(3).map(|(count, table)| format!("{count} {table}")).collect();
    Ok(words.join(", "))
}
