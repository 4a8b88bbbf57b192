//! The flags that every command takes, and the settings that come of them.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::{Pin, pin};

use auth::config::{Listen, Place};
use auth::{App, Config};
use clap::Args;

use crate::exit::{Result, Trouble};

/// Flags for settings. They win over the environment, which wins over the file.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Flags {
    /// File with the settings; else ./latchkey.toml, then /etc/latchkey/latchkey.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Where the database and the master key are
    #[arg(long, value_name = "DIRECTORY", global = true)]
    data_dir: Option<String>,
    /// sqlite:PATH, or postgres://USER@HOST:PORT/NAME
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// Address and port to listen on, or unix:PATH
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    listen: Option<String>,
    /// How browsers reach it: scheme, host and port
    #[arg(long, value_name = "URL", global = true)]
    public_url: Option<String>,
}

/// The settings, and where each that is not a default was found.
pub(crate) struct Settings {
    /// What they are.
    pub config: Config,
    /// Where those that are set were found.
    pub places: BTreeMap<&'static str, Place>,
}

impl Flags {
    /// Reads the file, the environment and the flags.
    pub(crate) fn load(&self) -> Result<Settings> {
        self.load_with(None)
    }

    /// The same with a flag that one command has and others have not.
    pub(crate) fn load_with(&self, own: Option<(&'static str, String)>) -> Result<Settings> {
        let flags = [
            ("data_dir", &self.data_dir),
            ("database", &self.database),
            ("listen", &self.listen),
            ("public_url", &self.public_url),
        ];
        let flags = flags.into_iter().filter_map(|(key, flag)| Some((key, flag.clone()?)));
        let flags: Vec<_> = flags.chain(own).collect();
        match auth::config::load(self.config.as_deref(), &flags) {
            Ok((config, places)) => Ok(Settings { config, places }),
            Err(problem) if matches!(problem.place, Place::Flag(_)) => {
                Err(Trouble::usage(problem.to_string()))
            }
            Err(problem) => Err(Trouble::failed(problem.to_string())),
        }
    }

    /// Runs a command on the house that is there. Where there is none, that is said, and nothing is made.
    pub(crate) fn with_existing<T>(
        &self,
        command: impl AsyncFnOnce(&App) -> std::result::Result<T, auth::Error>,
    ) -> Result<T> {
        let config = self.load()?.config;
        block_on(async {
            let app = App::open_existing(config).await?;
            command(&app).await.map_err(Trouble::of_command)
        })
    }

    /// Runs something that needs no house.
    pub(crate) fn without<T>(
        &self,
        command: impl AsyncFnOnce() -> std::result::Result<T, auth::Error>,
    ) -> Result<T> {
        block_on(async { command().await.map_err(Trouble::of_command) })
    }

    /// Runs a command that may be the first of all: what is not there is made.
    pub(crate) fn with_new_or_existing<T>(
        &self,
        command: impl AsyncFnOnce(&App) -> std::result::Result<T, auth::Error>,
    ) -> Result<T> {
        let config = self.load()?.config;
        block_on(async {
            let app = App::open(config).await?;
            command(&app).await.map_err(Trouble::of_command)
        })
    }
}

impl Settings {
    /// Takes over where it listens in truth.
    pub(crate) fn listen_on(&mut self, listen: Listen) {
        let set: Vec<&str> = self.places.keys().copied().collect();
        self.config.listen_on(listen, &set);
    }

    /// Whether somebody set it.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }
}

/// A command is over soon: it needs no more than this thread.
fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let mut done = None;
    drive(pin!(async { done = Some(command.await) }))?;
    done.unwrap_or_else(|| Err(Trouble::failed("the command did not come to an end")))
}

/// The same without the types: what runs it is compiled once, and not for each command.
fn drive(command: Pin<&mut dyn Future<Output = ()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Trouble::failed(format!("cannot start: {e}")))?.block_on(command);
    Ok(())
}
