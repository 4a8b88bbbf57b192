//! A server whose clock is wrong, and one whose clock jumps back, by libfaketime. A month of guessing with a clock that stands
//! still is simulated in the suite.

use std::path::Path;

use anyhow::{Result, bail};

use crate::report::verdict;
use crate::server::{Place, Server};
use crate::{Finding, Ground, clock};

const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let place = ground.place()?;
    let server = place.start()?;
    let people = [ground.registered(&server.site)?.0, ground.registered(&server.site)?.0];
    server.stop()?;

    let mut told = Vec::new();
    let mut refused = 0;
    for (shift, person) in ["+3600", "-3600"].into_iter().zip(&people) {
        let server = started(&place, shift)?;
        let mut browser = ground.browser(&server.site);
        person.gives_password(&mut browser)?;
        // The phone has the right time.
        let code = person.clone().code()?;
        let answer = browser.post("/login/code", &[("otp", &code)])?;
        let page = answer.text();
        refused += usize::from(answer.status == 422 && browser.get("/")?.status == 303);
        told.push(page.contains("clock") && page.contains("time"));
        server.stop()?;
    }
    let explained = told.iter().filter(|told| **told).count();

    // Right again: who was there while it was wrong, and had the right password, is kept out by nothing.
    let server = place.start()?;
    let mut let_in = 0;
    for person in &people {
        let_in += usize::from(person.clone().signs_in(&mut ground.browser(&server.site))?.status == 303);
    }
    // Whoever has to wait is told so, and is not let in.
    let mut guesser = ground.browser(&server.site);
    let mut last = 0;
    for _ in 0..6 {
        let guess = [("username", people[0].name.as_str()), ("password", "no such password")];
        last = guesser.post("/login", &guess)?.status;
    }
    let waits = people[0].clone().signs_in(&mut guesser)?.status;
    server.stop()?;

    // A code is used; then the clock jumps back half a minute, and the code is still near.
    let server = place.start()?;
    let (mut jumper, mut browser) = ground.registered(&server.site)?;
    browser.post("/logout", &[])?;
    let in_time = jumper.signs_in(&mut browser)?.status;
    let Some(code) = jumper.codes.last().cloned() else { bail!("no code was used") };
    // Or it would be of the future then, and refused for that.
    jumper.until_due();
    server.stop()?;
    let server = started(&place, "-30")?;
    let mut again = ground.browser(&server.site);
    jumper.gives_password(&mut again)?;
    let answer = again.post("/login/code", &[("otp", &code)])?;
    let twice = answer.status == 303;
    let named = answer.text().contains("has been used");
    // Where the step is forgotten, the same code is good at the same moment.
    place.database()?.ask("UPDATE authenticators SET last_step = -1")?;
    let control = again.post("/login/code", &[("otp", &code)])?.status;
    server.stop()?;

    Ok(vec![
        Finding {
            row: "clocks",
            tried: "codes of a phone that is right, at a server an hour ahead and an hour behind".to_owned(),
            often: "2".to_owned(),
            result: format!(
                "{refused} refused, {explained} of them with the server's time and a word on clocks"
            ),
            control: format!("at the right time the sign-in is answered {in_time}"),
            verdict: verdict(refused == 2 && explained == 2, in_time == 303),
        },
        Finding {
            row: "clocks",
            tried: "a sign-in of each of them, once the clock is right again".to_owned(),
            often: people.len().to_string(),
            result: format!("{let_in} of {} got in", people.len()),
            control: format!("after guesses of a stranger the same sign-in is answered {waits}"),
            verdict: verdict(let_in == people.len(), last == 429 && waits == 429),
        },
        Finding {
            row: "clocks",
            tried: "the code just used, after the clock has jumped back by 30 s".to_owned(),
            often: "1".to_owned(),
            result: format!(
                "{}, {}",
                if twice { "taken twice" } else { "refused" },
                if named { "as used already" } else { "without saying why" }
            ),
            control: format!("where its step is forgotten it is answered {control}"),
            verdict: verdict(!twice && named, control == 303),
        },
    ])
}

/// A server whose clock is so many seconds off.
fn started(place: &Place, shift: &str) -> Result<Server> {
    let there = ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];
    let path = |lib: &str| LIBRARY.replace("$LIB", lib);
    if !there.iter().any(|lib| Path::new(&path(lib)).is_file()) {
        bail!("libfaketime is missing; on Debian the package is called faketime");
    }
    // Time limits go by the monotonic clock, which no administrator sets.
    let variables = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME", shift),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    let server = place.start_with(&variables)?;
    // It has to be off, or nothing is shown.
    let date = crate::browser::Browser::new(&server.site).get("/login")?;
    let Some(date) = date.header("date").and_then(unix_of_date) else { bail!("an answer without a date") };
    let off = date - clock::unix_seconds();
    let meant: i64 = shift.parse()?;
    if (off - meant).abs() > 5 {
        bail!("the server's clock is off by {off} s, and {shift} was meant");
    }
    Ok(server)
}

/// `Tue, 24 Nov 2026 13:48:05 GMT` as seconds of its day, on today's side of midnight. RFC 9110, section 5.6.7.
fn unix_of_date(date: &str) -> Option<i64> {
    let time = date.split(' ').nth(4)?;
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let now = clock::unix_seconds();
    let day = now.div_euclid(86_400) * 86_400;
    let that = day + hours * 3600 + minutes * 60 + seconds;
    // Nothing here is off by half a day.
    [that - 86_400, that, that + 86_400].into_iter().min_by_key(|that| (that - now).abs())
}
