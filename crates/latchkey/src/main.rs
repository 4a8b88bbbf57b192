//! The command tree, and nothing else: each command lives in the file of its name.

mod config;
mod doctor;
mod exit;
mod first_minute;
mod listener;
mod logging;
mod serve;
mod settings;
mod setup_link;
mod stopwatch;
mod supervisor;
mod terminal;
mod user;

use std::process::ExitCode;

use auth::Role;
use clap::{Args, Parser, Subcommand};

use exit::Result;
use settings::Flags;
use stopwatch::Stopwatch;

/// A login server for many people: a password, and a one-time code from the app they already have.
#[derive(Parser)]
#[command(name = "latchkey", version, max_term_width = 100, infer_subcommands = false)]
#[command(after_help = "Without a command it serves. `latchkey config settings` lists what can be set.")]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve, until SIGTERM or Ctrl-C
    Serve,
    /// Make a one-time link for the first owner, good for 60 minutes
    SetupLink {
        #[command(flatten)]
        output: Output,
    },
    /// People: let in, list, show, give a role, lock out
    #[command(subcommand)]
    User(User),
    /// Settings: check them, show them, list them
    #[command(subcommand)]
    Config(Config),
    /// Look whether everything is as it should be, and say what to do where it is not
    Doctor {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Subcommand)]
enum User {
    /// Make a one-time link for somebody new, good for 72 hours
    Add {
        /// Their username, as they will type it
        name: String,
        /// What they may do: user, admin or owner
        #[arg(long, default_value_t = Role::User)]
        role: Role,
        #[command(flatten)]
        output: Output,
    },
    /// List everybody, by name
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show one person, with their authenticators and recovery codes
    Show {
        /// Their username
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Give somebody a role, which ends their sessions
    Role {
        /// Their username
        name: String,
        /// user, admin or owner
        role: Role,
    },
    /// Lock somebody out, which ends their sessions
    Disable {
        /// Their username
        name: String,
    },
    /// Let somebody in again, and forgive their wrong codes and passwords
    Enable {
        /// Their username
        name: String,
    },
}

#[derive(Subcommand)]
enum Config {
    /// Say whether the settings are right, which are set, and where
    Check,
    /// Show every setting: its value, and where that comes from
    Show {
        #[command(flatten)]
        output: Output,
    },
    /// List every setting: its key, variable, default and meaning
    Settings {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Args)]
struct Output {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let since = Stopwatch::start();
    // Parsing answers `--help`, `--version` and mistakes by itself, the latter with exit code 2.
    let CommandLine { flags, command } = CommandLine::parse();
    exit::code(run(&flags, command.unwrap_or(Command::Serve), since))
}

fn run(flags: &Flags, command: Command, since: Stopwatch) -> Result<()> {
    match command {
        Command::Serve => serve::run(flags, since),
        Command::SetupLink { output } => setup_link::run(flags, output.json),
        Command::Doctor { output } => doctor::run(flags, output.json),
        Command::Config(Config::Check) => config::check(flags),
        Command::Config(Config::Show { output }) => config::show(flags, output.json),
        Command::Config(Config::Settings { output }) => config::settings(output.json),
        Command::User(User::Add { name, role, output }) => user::add(flags, &name, role, output.json),
        Command::User(User::List { output }) => user::list(flags, output.json),
        Command::User(User::Show { name, output }) => user::show(flags, &name, output.json),
        Command::User(User::Role { name, role }) => user::role(flags, &name, role),
        Command::User(User::Disable { name }) => user::disable(flags, &name),
        Command::User(User::Enable { name }) => user::enable(flags, &name),
    }
}
