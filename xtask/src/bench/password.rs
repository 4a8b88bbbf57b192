//! Signing in by a password and a code, which costs what a hash costs; and what session checks feel of it meanwhile, since they have
//! a lane of their own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde_json::json;

use super::Bench;
use super::ask::{Asking, Came, form, wait_for_new_codes};
use super::figures::Report;
use super::people::write_settings;
use super::pictures::number;
use super::server::{Server, free_port};
use super::sessions::check;
use super::sign_in::note;
use crate::workspace::capture;

const WHAT: &str = "sign-in by password and code, 8 at once";
const CHECKS: &str = "session checks, 4 at once";
const LATCHKEY: &str = "Latchkey";
const ARGON2: &str = "Argon2 alone, on all cores";
const ALONE: &str = "Latchkey, with nothing else to do";
const MEANWHILE: &str = "Latchkey, while passwords are hashed";

/// As many as sign in in a round, however fast the machine.
const PEOPLE: u64 = 1200;
/// Those who are signed in at a program.
const VISITORS: &str = "200";
const HOST: &str = "app.localhost";
const PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]\n";
const ACCESS: &str = "[[access.rules]]\nhosts = [\"app.localhost\"]\npolicy = \"one_factor\"\nany = true\n";
const SECONDS: f64 = 4.0;

/// Running, with people who have passwords.
struct House {
    server: Server,
    place: PathBuf,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let house = House::open(bench)?;
    // Whoever is checked for the first time is looked up, and from then on remembered.
    house.check(bench, 1.0)?;
    for round in 0..bench.rounds() {
        wait_for_new_codes();
        note(report, (CHECKS, ALONE), &house.check(bench, SECONDS)?);
        let came = house.sign_in(bench, 0)?;
        note(report, (WHAT, LATCHKEY), &came);
        let hashes = capture(Command::new(bench.program("hash")).arg(SECONDS.to_string()))?;
        report.note((WHAT, ARGON2, "/s"), number(&hashes)?);
        let (signed_in, checked) = thread::scope(|scope| {
            let signing_in = scope.spawn(|| house.sign_in(bench, came.flows));
            let checked = house.check(bench, SECONDS);
            (signing_in.join(), checked)
        });
        signed_in.map_err(|_| anyhow::anyhow!("signing in broke off"))??;
        note(report, (CHECKS, MEANWHILE), &checked?);
        println!("   round {} of {}", round + 1, bench.rounds());
    }
    report.note(("memory, after passwords", LATCHKEY, " MiB"), house.server.memory()?);
    report.judge(
        "sign-in by password and code, beside Argon2 alone",
        (WHAT, LATCHKEY, "/s"),
        (WHAT, ARGON2, "/s"),
        (0.9, false),
    );
    let unit = " ms (p99)";
    report.judge(
        "session checks meanwhile, p99 beside unloaded",
        (CHECKS, MEANWHILE, unit),
        (CHECKS, ALONE, unit),
        (5.0, true),
    );
    Ok(())
}

impl House {
    fn open(bench: &Bench) -> Result<House> {
        let place = bench.place.join("passwords");
        let (data, settings, people) =
            (place.join("data"), place.join("latchkey.toml"), place.join("people"));
        // Made anew each time: it takes seconds, and the sessions of before are over.
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let tokens = capture(
            Command::new(bench.program("visitors")).arg(&data).args([VISITORS, &format!("http://{HOST}")]),
        )?;
        fs::write(place.join("tokens"), tokens)?;
        println!("   {PEOPLE} people choose a password");
        let names = capture(Command::new(bench.program("people")).arg(&data).arg(PEOPLE.to_string()))?;
        fs::write(&people, names)?;
        let port = free_port()?;
        write_settings(&settings, &data, (port, "password+code"), (PROXY, ACCESS))?;
        let mut command = Command::new(bench.program("latchkey"));
        command.env_clear().arg("--config").arg(&settings);
        Ok(House { server: Server::start(&mut command, port, &place.join("log"))?, place })
    }

    fn sign_in(&self, bench: &Bench, from: u64) -> Result<Came> {
        let port = self.server.port;
        let steps = vec![
            form(port, "/login", "username={name}&password=nine+purple+teapots", 303),
            form(port, "/login/code", "otp={code}", 303),
        ];
        let asking = Asking {
            port,
            at_once: 8,
            seconds: SECONDS,
            at_most: Some(PEOPLE - from),
            from,
            people: json!({ "file": self.place.join("people") }),
            keeps_cookies: false,
            first: Vec::new(),
            steps,
        };
        asking.ask(bench)
    }

    fn check(&self, bench: &Bench, seconds: f64) -> Result<Came> {
        let asking = Asking {
            port: self.server.port,
            at_once: 4,
            seconds,
            at_most: None,
            from: 0,
            people: json!({ "file": self.place.join("tokens") }),
            keeps_cookies: false,
            first: Vec::new(),
            steps: vec![check(HOST)],
        };
        asking.ask(bench)
    }
}
