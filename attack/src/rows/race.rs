//! One code, many sign-ins released together: one of them gets in, on one process or on two.

use anyhow::Result;

use crate::browser::Browser;
use crate::crowd::together;
use crate::report::verdict;
use crate::site::Site;
use crate::{Finding, Ground};

/// Sign-ins that use one code. They share a few logins, each of which is good once by itself.
const TOGETHER: usize = 64;
const LOGINS: usize = 4;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let rounds = ground.pick(2, 20, 200);
    let place = ground.place()?;
    let server = place.start()?;
    let got_in = race(ground, std::slice::from_ref(&server.site), rounds)?;
    place.database()?.weaken("authenticators", "id", &[("last_step", -1)])?;
    let control = race(ground, std::slice::from_ref(&server.site), 3)?;
    let mut findings = vec![finding("SQLite", rounds, &got_in, &control)];
    drop(server);
    drop(place);
    if ground.postgres.is_none() {
        findings.push(Finding::untried("race", "on two instances", "there is no PostgreSQL"));
        return Ok(findings);
    }
    let place = ground.place_on_postgres()?;
    let (one, two) = (place.start()?, place.start()?);
    let sites = [one.site.clone(), two.site.clone()];
    let got_in = race(ground, &sites, rounds)?;
    place.database()?.weaken("authenticators", "id", &[("last_step", -1)])?;
    let control = race(ground, &sites, 3)?;
    findings.push(finding("two instances over PostgreSQL", rounds, &got_in, &control));
    Ok(findings)
}

fn finding(place: &str, rounds: usize, got_in: &[usize], control: &[usize]) -> Finding {
    let (sum, most) = (got_in.iter().sum::<usize>(), got_in.iter().max().copied().unwrap_or(0));
    let failed: usize = control.iter().sum();
    Finding {
        row: "race",
        tried: format!("{TOGETHER} sign-ins with one code, on {place}"),
        often: format!("{TOGETHER} × {rounds}"),
        result: format!("{sum} got in, {rounds} should; in one round at most {most}"),
        control: format!("where a step is forgotten, {failed} get in, in {} rounds", control.len()),
        verdict: verdict(sum == rounds && most == 1, failed > control.len()),
    }
}

/// How many got in, round by round.
fn race(ground: &Ground, sites: &[Site], rounds: usize) -> Result<Vec<usize>> {
    let mut got_in = Vec::new();
    for _ in 0..rounds {
        let (mut person, _) = ground.registered(&sites[0])?;
        let mut logins = Vec::new();
        for n in 0..LOGINS {
            let mut browser = ground.browser(&sites[n % sites.len()]);
            person.gives_password(&mut browser)?;
            logins.push(browser);
        }
        let code = person.code()?;
        let landed = together(TOGETHER, |n, barrier| {
            let mut browser: Browser = logins[n % LOGINS].thief();
            browser.moves_to(&sites[(n / LOGINS) % sites.len()]);
            let connected = browser.connect();
            barrier.wait();
            connected?;
            let answer = browser.post("/login/code", &[("otp", &code), ("username", &person.name)])?;
            if answer.status != 303 || answer.location() == "/login" {
                return Ok(false);
            }
            // In is who is let in, not who was told so.
            Ok(browser.get("/")?.status == 200)
        })?;
        got_in.push(landed.into_iter().filter(|landed| *landed).count());
    }
    Ok(got_in)
}
