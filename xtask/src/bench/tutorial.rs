//! The design that tutorials teach, which is in `bench/tutorial`, under gunicorn with two workers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Bench;
use super::ask::{alike, form};
use super::people::SECRET;
use super::server::{Server, free_port};
use crate::python::TUTORIAL;
use crate::workspace::{root, run};

/// What it is called in tables.
pub(crate) const NAME: &str = "Flask, as tutorials teach it";

/// How many people it has. More make no difference to it.
const PEOPLE: u64 = 10_000;

/// Running, with its people.
pub(crate) struct Tutorial {
    pub(crate) server: Server,
}

impl Tutorial {
    pub(crate) fn start(bench: &Bench) -> Result<Tutorial> {
        let programs = TUTORIAL.ensure()?;
        let place = bench.place.join("tutorial");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let python = |words: &[&str]| {
            let mut command = Command::new(programs.join("python"));
            command.args(words).current_dir(root().join("bench/tutorial"));
            command.env_clear().env("PATH", "/usr/bin:/bin").env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("TUTORIAL_DATABASE", place.join("users.db"));
            command
        };
        run(&mut python(&["app.py", "make", &PEOPLE.to_string(), SECRET]))?;
        let port = free_port()?;
        let bind = format!("127.0.0.1:{port}");
        let words =
            ["-m", "gunicorn", "--workers", "2", "--bind", &bind, "--log-level", "warning", "app:app"];
        Ok(Tutorial { server: Server::start(&mut python(&words), port, &place.join("log"))? })
    }

    /// Everybody who is there.
    pub(crate) fn people() -> Value {
        alike(PEOPLE)
    }

    /// Signing in by code.
    pub(crate) fn sign_in(&self) -> Vec<Value> {
        let mut step = form(self.server.port, "/login", "username={name}&otp={code}", 200);
        step["contains"] = json!("Login successful!");
        vec![step]
    }

    /// Registering, which answers with the picture.
    pub(crate) fn register(&self) -> Vec<Value> {
        let mut step = form(self.server.port, "/register", "username={name}", 200);
        step["contains"] = json!("PNG");
        vec![step]
    }
}

/// The environment's `python`, for what runs alone.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(TUTORIAL.ensure()?.join("python"))
}
