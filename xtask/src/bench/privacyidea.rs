//! privacyIDEA on SQLite, under gunicorn with two workers: a server that other programs ask whether a code is right.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Bench;
use super::ask::{Asking, Came, alike, form};
use super::server::{Server, free_port};
use crate::python::PRIVACYIDEA;
use crate::workspace::{capture, root};

/// What it is called in tables.
pub(crate) const NAME: &str = "privacyIDEA";

/// As many as come in a round, however fast the machine. Each of them takes a tenth of a second to make.
const PEOPLE: u64 = 500;
/// `people::SECRET`, in the only spelling that it takes.
const KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Running, with its people.
pub(crate) struct Idea {
    pub(crate) server: Server,
}

/// Sets it up as its manual says, with what it keeps in a place of its own.
pub(crate) fn start(bench: &Bench) -> Result<Idea> {
    let programs = PRIVACYIDEA.ensure()?;
    let place = bench.place.join("privacyidea");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    let at = place.display().to_string();
    ensure!(!at.contains(['\'', '\\']), "the target directory has a name that does not fit into settings");
    let config = place.join("pi.cfg");
    let settings = format!(
        "SUPERUSER_REALM = ['super']\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{at}/pi.db'\nSECRET_KEY = 'only for measuring'\n\
         PI_PEPPER = 'only for measuring'\nPI_ENCFILE = '{at}/enckey'\nPI_AUDIT_KEY_PRIVATE = '{at}/private.pem'\n\
         PI_AUDIT_KEY_PUBLIC = '{at}/public.pem'\nPI_LOGFILE = '{at}/log.txt'\nPI_LOGLEVEL = 40\n"
    );
    fs::write(&config, settings)?;
    let program = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.current_dir(&place).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &place);
        command.env("PRIVACYIDEA_CONFIGFILE", &config);
        command
    };
    println!("   setting up privacyIDEA with {PEOPLE} people");
    for step in ["create_enckey", "create_audit_keys", "create_tables"] {
        capture(program("pi-manage").args(["setup", step]))?;
    }
    let prepare = root().join("bench/privacyidea/prepare.py");
    capture(program("python").arg(prepare).arg(&config).args([&PEOPLE.to_string(), KEY]))?;
    let port = free_port()?;
    let (bind, app) = (
        format!("127.0.0.1:{port}"),
        format!(
            "privacyidea.app:create_app(config_name='production', config_file='{at}/pi.cfg', silent=True)"
        ),
    );
    let mut gunicorn = program("python");
    gunicorn.args(["-m", "gunicorn", "--workers", "2", "--bind", &bind, "--log-level", "warning", &app]);
    let idea = Idea { server: Server::start(&mut gunicorn, port, &place.join("log"))? };
    // It listens before its workers have read what they are made of.
    idea.ask(1, (0, 2)).ask(bench)?;
    Ok(idea)
}

impl Idea {
    /// Asks whether codes are right, each of somebody else.
    pub(crate) fn verify(&self, bench: &Bench) -> Result<Came> {
        self.ask(4, (2, PEOPLE - 2)).ask(bench)
    }

    fn ask(&self, at_once: u32, (from, at_most): (u64, u64)) -> Asking {
        let mut step = form(self.server.port, "/validate/check", "user={name}&pass={code}", 200);
        step["contains"] = json!("\"value\": true");
        Asking {
            port: self.server.port,
            at_once,
            seconds: 3.0,
            at_most: Some(at_most),
            from,
            people: alike(PEOPLE),
            keeps_cookies: false,
            first: Vec::new(),
            steps: vec![step],
        }
    }
}
