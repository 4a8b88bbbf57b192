//! The database: whether it is there, how it is reached, whose clock is right, and whether somebody owns the house.

use auth::config::Secrecy;
use auth::odds::Target;
use auth::{App, Clock, Config, DatabaseKind, Found, setup, users};

use super::{Finding, guessing};
use crate::exit::Trouble;
use crate::settings::Flags;
use crate::terminal::count;

/// Opens what is there, and makes nothing.
pub(super) fn look(flags: &Flags, config: &Config) -> Vec<Finding> {
    let shown = config.database_shown();
    let mut findings: Vec<Finding> = connection(config).into_iter().collect();
    findings.extend(match App::find(config) {
        Ok(Found::Nothing) => {
            let text = format!("there is no Latchkey at {shown} yet");
            vec![Finding::note("database", text, "`latchkey` makes it"), here()]
        }
        Ok(Found::Older) => {
            let text = format!("{shown} was made by an older version");
            let remedy =
                "the next start brings it up to date; `latchkey upgrade --dry-run` tries that before";
            vec![Finding::note("database", text, remedy), here()]
        }
        Ok(Found::Ready) => match flags.with_existing(async |app| Ok(of_open(app, &shown).await)) {
            Ok(findings) => findings,
            Err(trouble) => vec![Finding::wrong("database", trouble.text, "")],
        },
        Err(error) => {
            let remedy = "see that it runs, and that `database` names it";
            vec![Finding::wrong("database", Trouble::from(error).text, remedy)]
        }
    });
    findings
}

/// Who can listen in on the way to the database.
fn connection(config: &Config) -> Option<Finding> {
    let text = match config.database_secrecy() {
        Secrecy::Within => return None,
        Secrecy::Local => "in clear, and it does not leave this machine",
        Secrecy::Verified => "encrypted, and the server has to prove its name",
    };
    Some(Finding::ok("connection", text))
}

async fn of_open(app: &App, shown: &str) -> Vec<Finding> {
    let counts = users::count(app).await;
    let mut findings = vec![match &counts {
        Ok(counts) => {
            let people = count(counts.people, "person", "people");
            Finding::ok("database", format!("{shown}, {people}; the master key opens it"))
        }
        Err(error) => Finding::wrong("database", error.to_string(), "see that it runs"),
    }];
    findings.push(clock(app).await);
    findings.push(match setup::has_owner(app).await {
        Ok(true) => Finding::ok("owner", "there is one"),
        Ok(false) => Finding::note("owner", "there is none yet", "latchkey setup-link"),
        Err(error) => Finding::wrong("owner", error.to_string(), "see that the database runs"),
    });
    if let Ok(counts) = &counts {
        findings.extend(guessing::of(Target::of(&app.config), counts));
    }
    findings
}

async fn clock(app: &App) -> Finding {
    if let Err(error) = app.health().await {
        return Finding::wrong("clock", error.to_string(), "let both machines follow a time server");
    }
    match app.clocks_apart().await {
        Ok(Some(apart)) if app.database_kind() == DatabaseKind::Postgres => {
            Finding::ok("clock", format!("{}, and the database's is {apart} ms from it", time()))
        }
        Ok(_) => here(),
        Err(error) => Finding::wrong("clock", error.to_string(), "see that the database runs"),
    }
}

/// What a person can compare with a watch.
fn here() -> Finding {
    // Codes change every thirty seconds, and the one before and the one after are taken too.
    Finding::ok("clock", format!("{}; a phone may be 30 seconds away from it", time()))
}

fn time() -> String {
    let now = Clock::System.now();
    format!("this machine says {} {}", auth::date(now), auth::time_of_day(now))
}
