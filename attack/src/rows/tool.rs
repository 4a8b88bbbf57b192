//! The tool that is at hand: ffuf with a list of passwords, and with all codes there are.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::report::verdict;
use crate::site::Site;
use crate::{Finding, Ground};

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let seconds = ground.pick(3, 8, 20);
    let arena = ground.arena()?;
    let dir = tempfile::tempdir()?;
    let file = |name: &str, words: &[String]| -> Result<String> {
        let path = dir.path().join(name);
        fs::write(&path, words.join("\n"))?;
        Ok(path.display().to_string())
    };
    let counted = |kind: &str| arena.database.as_ref().map(|database| database.events(kind)).transpose();
    let judged = |before: Option<i64>, after: Option<i64>| match (before, after) {
        (Some(before), Some(after)) => format!("{} judged by the counter", after - before),
        _ => "no counter here".to_owned(),
    };

    // Passwords: the right one stands at the end of the list.
    let (person, _) = ground.registered(&arena.site)?;
    let mut list: Vec<String> = (0..300).map(|n| format!("password-{n}")).collect();
    list.push(person.password.clone());
    let form = format!("username={}&password=FUZZ", person.name);
    let before = counted("sign_in.password_wrong")?;
    let guessed = ffuf(&arena.site, &file("passwords", &list)?, ("/login", &form, ""), seconds)?;
    let after = counted("sign_in.password_wrong")?;
    let (fresh, _) = ground.registered(&arena.site)?;
    let form = format!("username={}&password=FUZZ", fresh.name);
    let alone = file("right", std::slice::from_ref(&fresh.password))?;
    let control = ffuf(&arena.site, &alone, ("/login", &form, ""), seconds)?;
    let few =
        matches!((before, after), (Some(before), Some(after)) if after - before <= 5) || before.is_none();
    let mut findings = vec![Finding {
        row: "tool",
        tried: "ffuf: passwords of one name, the right one at the end of the list".to_owned(),
        often: list.len().to_string(),
        result: format!("{guessed} got in; {}", judged(before, after)),
        control: format!("with nothing but the right one in the list, {control} gets in"),
        verdict: verdict(guessed == 0 && few, control == 1),
    }];

    // Codes, by somebody who has the password: every one there is, in an order of its own, as far as the time goes.
    let (mut person, _) = ground.registered(&arena.site)?;
    let mut knower = ground.browser(&arena.site);
    person.gives_password(&mut knower)?;
    let cookie = |browser: &crate::browser::Browser| {
        let pairs: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    };
    let all = person.wrong_codes(100_000)?;
    let form = format!("username={}&otp=FUZZ", person.name);
    let before = counted("sign_in.code_wrong")?;
    let guessed =
        ffuf(&arena.site, &file("codes", &all)?, ("/login/code", &form, &cookie(&knower)), seconds)?;
    let after = counted("sign_in.code_wrong")?;
    let (mut fresh, _) = ground.registered(&arena.site)?;
    let mut holder = ground.browser(&arena.site);
    fresh.gives_password(&mut holder)?;
    let form = format!("username={}&otp=FUZZ", fresh.name);
    let right = file("right", &[fresh.code()?])?;
    let control = ffuf(&arena.site, &right, ("/login/code", &form, &cookie(&holder)), seconds)?;
    // Still told to wait, although everything is right: that is what it costs.
    let waits = person.code().and_then(|code| knower.post("/login/code", &[("otp", &code)]))?.status;
    let few =
        matches!((before, after), (Some(before), Some(after)) if after - before <= 6) || before.is_none();
    findings.push(Finding {
        row: "tool",
        tried: "ffuf: codes of one name, with the password known".to_owned(),
        often: format!("{seconds} s of 100,000"),
        result: format!("{guessed} got in; {}; the right code then: {waits}", judged(before, after)),
        control: format!("with nothing but the right one in the list, {control} gets in"),
        verdict: verdict(guessed == 0 && few, control == 1),
    });
    Ok(findings)
}

/// How many of a list were answered with a 303.
fn ffuf(site: &Site, list: &str, (path, form, cookie): (&str, &str, &str), seconds: u64) -> Result<usize> {
    let out = format!("{list}.json");
    let mut tool = Command::new("ffuf");
    tool.args(["-w", list, "-u", &format!("http://{}{path}", site.address), "-X", "POST", "-d", form]);
    tool.args([
        "-H",
        "Content-Type: application/x-www-form-urlencoded",
        "-H",
        &format!("Host: {}", site.host),
    ]);
    if !cookie.is_empty() {
        tool.args(["-b", cookie]);
    }
    tool.args(["-mc", "303", "-t", "40", "-s", "-maxtime", &seconds.to_string()]);
    tool.args(["-of", "json", "-o", &out]);
    let ended = tool.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let ended = ended.context("starting ffuf; on Debian its package is called ffuf")?;
    let said = fs::read_to_string(&out)
        .with_context(|| format!("ffuf wrote nothing: {}", String::from_utf8_lossy(&ended.stderr)))?;
    let said: serde_json::Value = serde_json::from_str(&said).context("reading what ffuf wrote")?;
    // Without a hit it writes `null`.
    Ok(said["results"].as_array().map_or(0, Vec::len))
}
