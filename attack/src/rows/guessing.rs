//! Wrong codes, all at once, by somebody who has the password: the budget is charged before a code is judged, so they cannot
//! outrun it, on one process or on two.

use anyhow::{Context, Result};

use crate::crowd::{Tally, together};
use crate::database::Database;
use crate::report::verdict;
use crate::site::Site;
use crate::{Finding, Ground, clock};

/// What came of a flood.
struct Flood {
    tally: Tally,
    /// Refusals that do not say how long to wait.
    mute: u64,
    /// What the counter says.
    judged: i64,
    seconds: u64,
}

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let arena = ground.arena()?;
    let place = if arena.own.is_some() { "SQLite" } else { "the installation" };
    let came = flood(ground, std::slice::from_ref(&arena.site), arena.database.as_ref(), sizes(ground))?;
    let without = match (&arena.own, &arena.database) {
        (Some(_), Some(database)) => control(ground, std::slice::from_ref(&arena.site), database)?,
        _ => ("none here: nothing of an installation is weakened".to_owned(), true),
    };
    findings.push(finding(place, &came, without));
    drop(arena);
    if ground.outside.is_some() {
        return Ok(findings);
    }
    if ground.postgres.is_none() {
        findings.push(Finding::untried("guessing", "on two instances", "there is no PostgreSQL"));
        return Ok(findings);
    }
    let place = ground.place_on_postgres()?;
    let (one, two) = (place.start()?, place.start()?);
    let (sites, database) = ([one.site.clone(), two.site.clone()], place.database()?);
    let came = flood(ground, &sites, Some(&database), sizes(ground))?;
    let without = control(ground, &sites, &database)?;
    findings.push(finding("two instances over PostgreSQL", &came, without));
    Ok(findings)
}

/// Connections, and codes on each.
fn sizes(ground: &Ground) -> (usize, usize) {
    ground.pick((40, 8), (100, 10), (200, 25))
}

fn finding(place: &str, flood: &Flood, control: (String, bool)) -> Finding {
    let (judged, waiting) = (flood.judged, flood.tally.of(429));
    let others = flood.tally.all() - flood.tally.of(422) - waiting;
    let most = most(flood.seconds);
    let held = judged <= most && judged > 0 && flood.mute == 0 && others == 0;
    Finding {
        row: "guessing",
        tried: format!("simultaneous wrong codes on {place}"),
        often: flood.tally.all().to_string(),
        result: format!(
            "{judged} judged by the counter, at most {most} allowed; {}; {} without Retry-After",
            flood.tally, flood.mute
        ),
        control: control.0,
        verdict: verdict(held, control.1),
    }
}

/// Five, and one for each rest that was over before the flood was: it lasts longer only on a machine that is very slow.
fn most(seconds: u64) -> i64 {
    let (mut most, mut rest, mut left) = (5, 30, seconds);
    while left >= rest {
        (most, left, rest) = (most + 1, left - rest, rest * 2);
    }
    most
}

fn flood(
    ground: &Ground,
    sites: &[Site],
    database: Option<&Database>,
    (connections, each): (usize, usize),
) -> Result<Flood> {
    let (person, _) = ground.registered(&sites[0])?;
    let mut knower = ground.browser(&sites[0]);
    person.gives_password(&mut knower)?;
    let wrong = person.wrong_codes(connections * each)?;
    let counted = |database: &Database| database.events("sign_in.code_wrong");
    let before = database.map(counted).transpose()?.unwrap_or(0);
    let began = clock::now();
    let floods = together(connections, |n, barrier| {
        let mut browser = knower.thief();
        browser.from = Some(ground.address());
        browser.moves_to(&sites[n % sites.len()]);
        let connected = browser.connect();
        barrier.wait();
        connected?;
        let (mut tally, mut mute) = (Tally::default(), 0);
        for code in &wrong[n * each..(n + 1) * each] {
            let answer = browser.post("/login/code", &[("otp", code), ("username", &person.name)])?;
            tally.add(answer.status);
            mute += u64::from(answer.status == 429 && answer.header("retry-after").is_none());
        }
        Ok((tally, mute))
    })?;
    let seconds = began.elapsed().as_secs();
    let mute = floods.iter().map(|(_, mute)| mute).sum();
    let tally = Tally::sum(floods.into_iter().map(|(tally, _)| tally));
    let judged = match database {
        Some(database) => counted(database)? - before,
        None => i64::try_from(tally.of(422)).context("a small number")?,
    };
    Ok(Flood { tally, mute, judged, seconds })
}

/// The same flood where a budget forgets what was spent from it.
fn control(ground: &Ground, sites: &[Site], database: &Database) -> Result<(String, bool)> {
    database.weaken("attempts", "name_mac", &[("failures", 0), ("free_at", 0)])?;
    let came = flood(ground, sites, Some(database), (10, 4))?;
    Ok((
        format!("with a budget that forgets, {} of {} are judged", came.judged, came.tally.all()),
        came.judged > most(came.seconds),
    ))
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn a_flood_that_outlasts_a_rest_is_allowed_one_more() {
        assert_eq!([0, 29, 30, 89, 90, 209, 210].map(most), [5, 5, 6, 6, 7, 7, 8]);
    }
}
