//! Many people, brought in as people of another program are: a list of setup links and `latchkey import`. They all have one secret, so
//! that one code fits all, and sign in by code. They are kept from one run to the next, since a million take their time.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Bench;
use super::figures::Report;
use super::server::{Server, free_port};
use crate::workspace::{capture, run, timed};

/// What everybody has in their authenticator.
pub(crate) const SECRET: &str = "LJNFUWS2LJNFUWS2LJNFUWS2LJNFUWS2";

/// Raised when they are made in another way, so that those of before are not used again.
const RECIPE: &str = "2";

/// Sessions last thirty days. Those that might end while they are measured are made anew.
const GOOD_FOR: Duration = Duration::from_secs(25 * 24 * 60 * 60);

/// A house full of people, with nobody running it.
pub(crate) struct People {
    pub(crate) count: u64,
    place: PathBuf,
}

/// In Latchkey's words: `1 thousand`, `1 million`.
pub(crate) fn said(count: u64) -> String {
    match count {
        millions if millions.is_multiple_of(1_000_000) => format!("{} million", millions / 1_000_000),
        thousands if thousands.is_multiple_of(1000) => format!("{} thousand", thousands / 1000),
        other => other.to_string(),
    }
}

impl People {
    /// What bringing them in is called in tables.
    pub(crate) const BROUGHT_IN: &str = "bringing people in";

    /// Those of before, or new ones.
    pub(crate) fn of(bench: &Bench, count: u64, report: &mut Report) -> Result<People> {
        let people = People { count, place: bench.place.join(format!("people-{count}")) };
        let recipe = people.place.join("recipe");
        if fs::read_to_string(&recipe).is_ok_and(|made| made == RECIPE) {
            return Ok(people);
        }
        println!("   bringing in {} people", said(count));
        let _ = fs::remove_dir_all(&people.place);
        fs::create_dir_all(&people.place).with_context(|| format!("making {}", people.place.display()))?;
        people.write_settings(0, ("", ""))?;
        let list = people.place.join("links");
        fs::write(&list, links(count)).with_context(|| format!("writing {}", list.display()))?;
        let (imported, took) = timed(|| {
            let mut import = people.latchkey(bench);
            run(import.args(["import", "otpauth"]).arg(&list).arg("--apply"))
        });
        imported?;
        fs::remove_file(&list)?;
        report.note((People::BROUGHT_IN, &said(count), " s"), took.as_secs_f64());
        fs::write(people.place.join("token.json"), people.make_token(bench, "verify")?)?;
        people.settle(bench)?;
        fs::write(&recipe, RECIPE)?;
        Ok(people)
    }

    /// Waits until the server has nothing left to do that importing has left it.
    fn settle(&self, bench: &Bench) -> Result<()> {
        let _server = self.spawn(bench, ("", ""))?;
        for _ in 0..120 {
            sleep(Duration::from_secs(2));
            let verified = capture(self.latchkey(bench).args(["audit", "verify", "--json"]))?;
            let verified: Value =
                serde_json::from_str(&verified).context("reading what `audit verify` printed")?;
            if verified["summary"]["unsealed"] == 0 {
                return Ok(());
            }
        }
        bail!("the events of the import are not sealed after minutes")
    }

    /// The token of a program that asks whether codes are right.
    pub(crate) fn token(&self) -> Result<String> {
        token_in(&fs::read_to_string(self.place.join("token.json"))?)
    }

    /// A new token of a program that looks for people.
    pub(crate) fn reading_token(&self, bench: &Bench) -> Result<String> {
        token_in(&self.make_token(bench, "people:read")?)
    }

    fn make_token(&self, bench: &Bench, scope: &str) -> Result<String> {
        capture(self.latchkey(bench).args([
            "token",
            "add",
            &scope.replace(':', "-"),
            "--json",
            "--scope",
            scope,
        ]))
    }

    /// The same people, each signed in. The first time `make` does that, and is told where they are.
    pub(crate) fn signed_in(&self, bench: &Bench, make: impl FnOnce(&Path) -> Result<()>) -> Result<People> {
        let guests =
            People { count: self.count, place: self.place.with_file_name(format!("guests-{}", self.count)) };
        let made = fs::metadata(guests.tokens()).and_then(|known| known.modified());
        if !made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < GOOD_FOR)) {
            let _ = fs::remove_dir_all(&guests.place);
            fs::create_dir_all(&guests.place)?;
            copy(&self.data(), &guests.data())?;
            fs::copy(self.place.join("token.json"), guests.place.join("token.json"))?;
            make(&guests.place)?;
            guests.write_settings(0, ("", ""))?;
            guests.settle(bench)?;
        }
        Ok(guests)
    }

    /// Runs the server over a copy of them, on a port of its own: whatever is done to them, the next finds them as they were.
    pub(crate) fn serve(&self, bench: &Bench) -> Result<(People, Server)> {
        self.serve_with(bench, ("", ""))
    }

    /// The same with more settings: some that belong to no section, and sections.
    pub(crate) fn serve_with(&self, bench: &Bench, more: (&str, &str)) -> Result<(People, Server)> {
        let used = People { count: self.count, place: bench.place.join(format!("used-{}", self.count)) };
        let _ = fs::remove_dir_all(&used.place);
        fs::create_dir_all(&used.place)?;
        copy(&self.data(), &used.data())?;
        for file in
            ["token.json", "tokens"].map(Path::new).into_iter().filter(|file| self.place.join(file).is_file())
        {
            fs::copy(self.place.join(file), used.place.join(file))?;
        }
        let server = used.serve_here(bench, more)?;
        Ok((used, server))
    }

    fn serve_here(&self, bench: &Bench, more: (&str, &str)) -> Result<Server> {
        let mut server = self.spawn(bench, more)?;
        server.first_answer("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        Ok(server)
    }

    /// The same, and does not wait until it answers.
    pub(crate) fn spawn(&self, bench: &Bench, more: (&str, &str)) -> Result<Server> {
        let port = free_port()?;
        self.write_settings(port, more)?;
        Server::spawn(&mut self.latchkey(bench), port, &self.place.join("log"))
    }

    /// The program, told where they are.
    fn latchkey(&self, bench: &Bench) -> Command {
        let mut command = Command::new(bench.program("latchkey"));
        command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(&self.place);
        command.arg("--config").arg(self.settings());
        command
    }

    fn data(&self) -> PathBuf {
        self.place.join("data")
    }

    fn settings(&self) -> PathBuf {
        self.place.join("latchkey.toml")
    }

    /// Where the tokens are that they hold at a program, a line each.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.place.join("tokens")
    }

    fn write_settings(&self, port: u16, more: (&str, &str)) -> Result<()> {
        write_settings(&self.settings(), &self.data(), (port, "code"), more)
    }
}

fn token_in(printed: &str) -> Result<String> {
    let made: Value = serde_json::from_str(printed).context("reading what `token add` printed")?;
    Ok(made["token"].as_str().context("`token add` printed no token")?.to_owned())
}

/// Copies a directory, and waits until it is on disk: who writes it back while others are measured slows them.
fn copy(from: &Path, to: &Path) -> Result<()> {
    run(Command::new("cp").arg("-a").arg(from).arg(to))?;
    run(Command::new("sync").arg("--file-system").arg(to))
}

/// Settings of a server on this port, by which people sign in with these factors.
pub(crate) fn write_settings(
    file: &Path,
    data: &Path,
    (port, factors): (u16, &str),
    (more, sections): (&str, &str),
) -> Result<()> {
    let data = data.to_str().context("the target directory has a name that is no text")?;
    ensure!(!data.contains(['"', '\\']), "the target directory has a name that does not fit into settings");
    let text = format!(
        "listen = \"127.0.0.1:{port}\"\npublic_url = \"http://localhost:{port}\"\ndata_dir = \"{data}\"\n{more}\n\
         [login]\nfactors = \"{factors}\"\n{sections}"
    );
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// A list of setup links.
pub(crate) fn links(count: u64) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(text, "otpauth://totp/Bench:person{number}?secret={SECRET}&issuer=Bench");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(
            [1000, 100_000, 1_000_000, 2500].map(said),
            ["1 thousand", "100 thousand", "1 million", "2500"]
        );
    }

    #[test]
    fn everybody_has_a_link() {
        let text = links(3);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().last().is_some_and(|line| line.contains("person2?") && line.contains(SECRET)));
    }
}
