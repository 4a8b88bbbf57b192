//! `latchkey doctor`: looks at everything, changes nothing, and says what to do. Works beside a running server too.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use auth::config::Registration;
use auth::{App, Config, Found, setup, users};
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::serve::is_local;
use crate::settings::Flags;
use crate::terminal::{columns, count, how_many_are_set, print, print_json};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Something to mend.
    Wrong,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
        })
    }
}

/// One thing that was looked at.
struct Finding {
    state: State,
    check: &'static str,
    text: String,
    remedy: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { state: State::Ok, check, text: text.into(), remedy: String::new() }
    }

    fn note(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { state: State::Note, check, text: text.into(), remedy: remedy.into() }
    }

    fn wrong(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { state: State::Wrong, check, text: text.into(), remedy: remedy.into() }
    }
}

/// Looks at everything. Fails when something is wrong.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<()> {
    let findings = match flags.load() {
        Ok(settings) => {
            let mut findings = vec![Finding::ok("settings", how_many_are_set(settings.places.len()))];
            findings.extend(of_files(&settings.config));
            findings.extend(of_addresses(&settings.config));
            findings.extend(of_database(flags, &settings.config));
            findings
        }
        Err(trouble) => vec![Finding::wrong("settings", trouble.text, "mend it, and look again")],
    };
    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    if json {
        print_json(&json!({ "wrong": wrong, "checks": findings.iter().map(shape).collect::<Value>() }));
    } else {
        print(&report(&findings));
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Trouble::failed("one thing is wrong")),
        more => Err(Trouble::failed(format!("{more} things are wrong"))),
    }
}

fn report(findings: &[Finding]) -> String {
    let mut rows = Vec::new();
    for Finding { state, check, text, remedy } in findings {
        rows.push([state.to_string(), (*check).to_owned(), text.clone()]);
        if !remedy.is_empty() {
            rows.push([String::new(), String::new(), format!("→ {remedy}")]);
        }
    }
    columns("", &rows)
}

fn shape(finding: &Finding) -> Value {
    json!({
        "check": finding.check,
        "state": finding.state.to_string(),
        "text": finding.text,
        "remedy": Some(&finding.remedy).filter(|remedy| !remedy.is_empty()),
    })
}

fn of_files(config: &Config) -> Vec<Finding> {
    let dir = &config.data_dir;
    let mut findings = vec![match mode(dir) {
        None => Finding::note(
            "data directory",
            format!("{} is not there yet", dir.display()),
            "`latchkey` makes it; if there should be one already, say where with --data-dir",
        ),
        Some(mode) if mode & 0o077 != 0 => Finding::wrong(
            "data directory",
            format!("others on this machine may look into {}", dir.display()),
            format!("chmod 700 {}", dir.display()),
        ),
        Some(_) => Finding::ok("data directory", format!("{}, for its owner only", dir.display())),
    }];
    if config.master_key.is_some() {
        findings.push(Finding::ok("master key", "from the setting master_key"));
        return findings;
    }
    let file = dir.join("master.key");
    findings.push(match mode(&file) {
        None => Finding::note(
            "master key",
            format!("{} is not there", file.display()),
            "the first start makes it; if there was one, put it back",
        ),
        Some(mode) if mode & 0o077 != 0 => Finding::wrong(
            "master key",
            format!("others on this machine may read {}", file.display()),
            format!("chmod 600 {}", file.display()),
        ),
        Some(_) => Finding::ok("master key", format!("{}, for its owner only", file.display())),
    });
    findings
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode())
}

fn of_addresses(config: &Config) -> Vec<Finding> {
    let (public, listen) = (&config.public_url, &config.listen);
    let origin = public.origin();
    let mut findings = vec![match (public.is_loopback(), public.is_https(), listen.is_loopback()) {
        (true, _, true) => Finding::ok("addresses", format!("{origin}, on this machine only")),
        (true, _, false) => Finding::wrong(
            "addresses",
            format!("it listens on {listen}, and answers to {origin} only, which is this machine"),
            "set public_url to the https address that browsers use, or listen on 127.0.0.1",
        ),
        (false, false, _) => Finding::note(
            "addresses",
            format!("{origin} is plain http: whoever is on the way can read passwords and codes"),
            "put a proxy that speaks https before it, and set public_url to its address",
        ),
        (false, true, true) => Finding::ok("addresses", format!("{origin}, by a proxy to {listen}")),
        (false, true, false) => Finding::note(
            "addresses",
            format!("{origin}, by a proxy to {listen}, which is plain http and open to the network"),
            "see that only the proxy reaches that port, or listen on 127.0.0.1 if the proxy is on this machine",
        ),
    }];
    findings.push(if !config.trusted_proxies.is_empty() {
        Finding::ok("proxies", "addresses of clients are believed from the trusted ones")
    } else if is_local(config) {
        Finding::ok("proxies", "none is trusted, and none is needed")
    } else {
        Finding::note(
            "proxies",
            "none is trusted: everybody behind a proxy has the proxy's address, in events and in limits",
            "set trusted_proxies to the address of the proxy",
        )
    });
    findings.push(match config.registration {
        Registration::Closed => Finding::ok("registration", "closed: `latchkey user add` lets people in"),
        Registration::Open if is_local(config) => Finding::ok("registration", "open, on this machine only"),
        Registration::Open => Finding::note(
            "registration",
            format!("open to everybody who reaches {origin}"),
            "set registration to closed, and let people in with `latchkey user add`",
        ),
    });
    findings
}

fn of_database(flags: &Flags, config: &Config) -> Vec<Finding> {
    let shown = config.database_shown();
    match App::find(config) {
        Ok(Found::Nothing) => {
            let text = format!("there is no Latchkey at {shown} yet");
            vec![Finding::note("database", text, "`latchkey` makes it")]
        }
        Ok(Found::Older) => {
            let text = format!("{shown} was made by an older version");
            vec![Finding::note("database", text, "make a backup; the next start brings it up to date")]
        }
        Ok(Found::Ready) => match flags.with_existing(async |app| Ok(of_open(app, &shown).await)) {
            Ok(findings) => findings,
            Err(trouble) => vec![Finding::wrong("database", trouble.text, "")],
        },
        Err(error) => {
            let remedy = "see that it runs, and that `database` names it";
            vec![Finding::wrong("database", Trouble::from(error).text, remedy)]
        }
    }
}

async fn of_open(app: &App, shown: &str) -> Vec<Finding> {
    let mut findings = vec![match users::count(app).await {
        Ok(counts) => {
            let people = count(counts.people, "person", "people");
            Finding::ok("database", format!("{shown}, {people}; the master key opens it"))
        }
        Err(error) => Finding::wrong("database", error.to_string(), "see that it runs"),
    }];
    findings.push(match app.health().await {
        Ok(()) => Finding::ok("clock", "the database answers, and nothing disagrees about the time"),
        Err(error) => Finding::wrong("clock", error.to_string(), "let both machines follow a time server"),
    });
    findings.push(match setup::has_owner(app).await {
        Ok(true) => Finding::ok("owner", "there is one"),
        Ok(false) => Finding::note("owner", "there is none yet", "latchkey setup-link"),
        Err(error) => Finding::wrong("owner", error.to_string(), "see that the database runs"),
    });
    findings
}
