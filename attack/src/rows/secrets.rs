//! A journey with the most talkative log, then a search for every secret of it in all that was written down, and in every
//! address that a browser was sent to.

use std::collections::HashMap;

use anyhow::Result;

use crate::browser::{Answer, Browser, percent};
use crate::person::Person;
use crate::report::verdict;
use crate::{Finding, Ground};

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let mut place = ground.place()?;
    place.set("LATCHKEY_LOG", "trace");
    let server = place.start()?;
    let mut secrets: Vec<String> = Vec::new();
    let mut sent_to: Vec<String> = Vec::new();
    let mut name = String::new();
    for _ in 0..ground.pick(1, 3, 10) {
        let mut browser = ground.browser(&server.site);
        let mut person = Person::new(&ground.name("canary"));
        person.registers(&mut browser)?;
        person.keeps_recovery_codes(&mut browser)?;
        let mut other = ground.browser(&server.site);
        let mut asked = |answer: Answer| sent_to.push(answer.location().to_owned());
        // What people type into the wrong field, and what guessers type into the right one.
        let typed = format!("{} typed into the name", person.name);
        asked(other.post("/login", &[("username", &typed), ("password", "wrong-canary-7f3a")])?);
        asked(other.post("/login", &[("username", &person.password), ("password", "wrong-canary-7f3a")])?);
        asked(other.post("/login", &[("username", &person.name), ("password", "wrong-canary-7f3a")])?);
        asked(person.signs_in(&mut other)?);
        let link = place.latchkey(&["user", "link", &person.name, "--for", "both"]).output()?;
        let link = String::from_utf8_lossy(&link.stdout).into_owned();
        let path =
            link.split_once("/link/").map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
        let token = path.unwrap_or_default().to_owned();
        anyhow::ensure!(token.len() > 20, "no link was made: {link}");
        asked(other.get(&format!("/link/{token}"))?);
        asked(other.get(&format!("/link/{token}x"))?);
        let recovery = person.recovery_codes[0].clone();
        let mut lost: Browser = ground.browser(&server.site);
        person.gives_password(&mut lost)?;
        asked(lost.post("/login/recovery", &[("recovery_code", &recovery)])?);
        secrets.extend([person.password.clone(), typed, "wrong-canary-7f3a".to_owned(), token]);
        secrets.extend(person.recovery_codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]));
        for browser in [browser, other, lost] {
            secrets.extend(browser.tokens);
        }
        name = person.name;
    }
    // As it is, and as a form has it.
    let mut forms: Vec<String> = secrets
        .iter()
        .flat_map(|secret| [secret.clone(), percent(secret), secret.replace(' ', "+")])
        .collect();
    forms.sort();
    forms.dedup();
    let mut written = place.written()?;
    server.stop()?;
    written.extend(place.written()?);
    written.push(("addresses".to_owned(), sent_to.join("\n").into_bytes()));
    let search = Search::new(&forms);
    let leaks: Vec<(&str, usize)> =
        written.iter().map(|(place, bytes)| (place.as_str(), search.found_in(bytes))).collect();
    let leaked: usize = leaks.iter().map(|(_, count)| count).sum();
    let first = leaks.iter().find(|(_, count)| *count > 0);
    let first = first.map(|(place, count)| format!("; {count} in {place}")).unwrap_or_default();
    // What has to be found: the name in the database, a route in the log, and a secret that is laid there.
    let found = |text: &str, ending: &str| {
        let texts = [text.to_owned()];
        let search = Search::new(&texts);
        written.iter().any(|(place, bytes)| place.ends_with(ending) && search.found_in(bytes) > 0)
    };
    let (in_database, in_log) = (found(&name, ".db"), found("/login/code", ".log"));
    let planted = forms.iter().all(|form| search.found_in(format!("{{\"x\":\"{form}\"}}").as_bytes()) > 0);
    let bytes: usize = written.iter().map(|(_, bytes)| bytes.len()).sum();
    Ok(vec![Finding {
        row: "secrets",
        tried:
            "passwords, recovery codes, cookies, links, in the log at `trace`, the database, and addresses"
                .to_owned(),
        often: format!("{} secrets", secrets.len()),
        result: format!("{leaked} found in {} kB that were written down{first}", bytes / 1000),
        control: format!(
            "the name is found in the database: {in_database}; a route in the log: {in_log}; each secret where it is laid: {planted}"
        ),
        verdict: verdict(leaked == 0, in_database && in_log && planted),
    }])
}

/// A search for many texts in one go, by the first bytes of each.
struct Search<'a>(HashMap<&'a [u8], Vec<&'a [u8]>>);

/// Nothing shorter is searched for: it would be found by chance.
const SHORTEST: usize = 8;

impl<'a> Search<'a> {
    fn new(texts: &'a [String]) -> Search<'a> {
        let mut by_start: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for text in texts.iter().filter(|text| text.len() >= SHORTEST) {
            let bytes = text.as_bytes();
            by_start.entry(&bytes[..SHORTEST]).or_default().push(bytes);
        }
        Search(by_start)
    }

    /// How often any of them stands there.
    fn found_in(&self, bytes: &[u8]) -> usize {
        let starts = bytes.windows(SHORTEST).enumerate();
        let begun = starts.filter_map(|(at, start)| Some((at, self.0.get(start)?)));
        begun.map(|(at, texts)| texts.iter().filter(|text| bytes[at..].starts_with(text)).count()).sum()
    }
}
