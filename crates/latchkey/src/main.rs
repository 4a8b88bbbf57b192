//! The command tree, and nothing else: each command lives in the file of its name.

mod access;
mod audit;
mod backup;
mod completion;
mod config;
mod doctor;
mod exit;
mod export;
mod first_minute;
mod group;
mod import;
mod key;
mod listener;
mod logging;
mod man;
mod migrate_db;
mod otp;
mod preflight;
mod progress;
mod proxy_config;
mod restore;
mod serve;
mod session;
mod settings;
mod setup_link;
mod stopwatch;
mod supervisor;
mod terminal;
mod token;
mod upgrade;
mod user;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use auth::Role;
use auth::link::Purpose;
use clap::{Args, CommandFactory, Parser, Subcommand};

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
    Serve {
        /// After a change from code to password+code: days that people have to choose a password
        #[arg(long, value_name = "DAYS")]
        grace: Option<String>,
    },
    /// Make a one-time link for the first owner, good for 60 minutes
    SetupLink {
        #[command(flatten)]
        output: Output,
    },
    /// People: let in, list, show, give a role, lock out, remove
    #[command(subcommand)]
    User(User),
    /// Groups of people: make, list, show, join, leave, remove
    #[command(subcommand)]
    Group(group::Groups),
    /// Who is signed in: list, end
    #[command(subcommand)]
    Session(Session),
    /// Tokens of programs, and app passwords of people: make, list, revoke
    #[command(subcommand)]
    Token(token::Token),
    /// Rules of who may come through to other programs: list, make, remove, explain
    #[command(subcommand)]
    Access(access::Access),
    /// Keys that secrets are sealed with: list, change, remove; and peppers of passwords
    #[command(subcommand)]
    Key(Key),
    /// Codes: set up an authenticator, try a code, draw a setup link
    #[command(subcommand)]
    Otp(Otp),
    /// Take people along from another program, who go on with the entry on their phone
    #[command(subcommand)]
    Import(import::Import),
    /// Write everything about people to standard output, as JSON lines
    Export {
        /// Also write the secrets that authenticators share with phones
        #[arg(long)]
        secrets: bool,
    },
    /// Write everything into one encrypted file, while servers run
    Backup {
        /// A file that is not there yet; - is standard output
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Bring a backup back into an empty place; what could have been used since is void
    Restore {
        /// What `latchkey backup` has written
        file: PathBuf,
        /// Only look whether it is whole, and what is in it
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Move everything to another database, SQLite or PostgreSQL; nobody is signed out
    MigrateDb {
        /// Where it is now: sqlite:PATH, postgres://USER@HOST:PORT/NAME, or file:PATH of a file that says so
        from: String,
        /// Where it shall be: an empty place, or one where this move was broken off
        to: String,
        #[command(flatten)]
        output: Output,
    },
    /// Bring an older database up to date, as the next start does; a copy of before is kept
    Upgrade {
        /// Only try it, in a transaction that is undone
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Look whether the database is whole: file, keys, all that is sealed, audit log
    Verify {
        #[command(flatten)]
        output: Output,
    },
    /// The audit log: verify it, list it, export it
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Settings: check them, show them, list them
    #[command(subcommand)]
    Config(Config),
    /// Look whether everything is as it should be, and say what to do where it is not
    Doctor {
        #[command(flatten)]
        output: Output,
    },
    /// Print how a proxy asks Latchkey before each request to a program
    ProxyConfig(proxy_config::What),
    /// Print what makes a shell complete these commands
    Completion {
        /// The shell that is to read it
        shell: completion::Shell,
    },
    /// Print the manual page
    Man {
        /// Write a page for each command into this directory instead
        #[arg(long, value_name = "DIRECTORY")]
        dir: Option<PathBuf>,
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
    /// Show one person, with their authenticators, recovery codes and groups
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
        #[command(flatten)]
        output: Output,
    },
    /// Lock somebody out, which ends their sessions
    Disable {
        /// Their username
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let somebody in again, and forgive their wrong codes and passwords
    Enable {
        /// Their username
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Make a one-time link for somebody who has lost something, good for an hour
    Link {
        /// Their username
        name: String,
        /// What is lost: enroll (the phone; asks the password), password (asks a code), both (asks neither)
        #[arg(long = "for", value_name = "WHAT")]
        purpose: Purpose,
        /// Draw it as a QR code, too
        #[arg(long)]
        qr: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Void somebody's authenticators, sign them out, and make the link to a new one
    ResetFactor {
        /// Their username
        name: String,
        /// Draw the link as a QR code, too
        #[arg(long)]
        qr: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove somebody with everything of theirs; the audit log stays
    Remove {
        /// Their username
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Subcommand)]
enum Session {
    /// List the browsers that are signed in, of one person or of everybody
    List {
        /// Their username
        name: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// End one session, or with --all everything of one person, sign-ins on their way included
    End {
        /// The session's id; with --all the username
        #[arg(value_name = "ID|NAME")]
        which: String,
        /// End all of this person's
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Subcommand)]
enum Key {
    /// List the keys, and how many secrets or passwords need each
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Make a new key, seal every secret again with it, and remove the old one, while servers run
    Rotate {
        /// A new pepper for password hashes instead; it comes to everybody at their next sign-in
        #[arg(long)]
        pepper: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove an old key that no secret needs any more
    Remove {
        /// Its id, as `key list` shows it
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Subcommand)]
enum Otp {
    /// Set up one more authenticator for somebody who stands beside you
    Enroll {
        /// For whom
        name: String,
        /// What it will be called, such as iPad
        #[arg(long = "as", value_name = "WHAT")]
        called: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Say what a code would be, read from standard input; nothing is spent
    Test {
        /// Whose code it is
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Draw a setup link, read from standard input, as a QR code
    Qr {
        #[command(flatten)]
        how: otp::How,
    },
}

#[derive(Subcommand)]
enum Config {
    /// Say whether the settings are right, which are set, and where
    Check {
        #[command(flatten)]
        output: Output,
    },
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
    exit::code(run(&flags, command.unwrap_or(Command::Serve { grace: None }), since))
}

fn run(flags: &Flags, command: Command, since: Stopwatch) -> Result<()> {
    match command {
        Command::Serve { grace } => serve::run(flags, grace, since),
        Command::SetupLink { output } => setup_link::run(flags, output.json),
        Command::Doctor { output } => doctor::run(flags, output.json),
        Command::ProxyConfig(what) => proxy_config::run(flags, &what),
        Command::Completion { shell } => completion::run(shell, CommandLine::command()),
        Command::Man { dir } => man::run(dir.as_deref(), CommandLine::command()),
        Command::Config(Config::Check { output }) => config::check(flags, output.json),
        Command::Config(Config::Show { output }) => config::show(flags, output.json),
        Command::Config(Config::Settings { output }) => config::settings(output.json),
        Command::Session(Session::List { name, output }) => {
            session::list(flags, name.as_deref(), output.json)
        }
        Command::Session(Session::End { which, all: true, output }) => {
            session::end_all(flags, &which, output.json)
        }
        Command::Session(Session::End { which, all: false, output }) => {
            session::end(flags, &which, output.json)
        }
        Command::Token(token) => token::run(flags, token),
        Command::Key(Key::List { output }) => key::list(flags, output.json),
        Command::Key(Key::Rotate { pepper: false, output }) => key::rotate(flags, output.json),
        Command::Key(Key::Rotate { pepper: true, output }) => key::rotate_pepper(flags, output.json),
        Command::Key(Key::Remove { id, output }) => key::remove(flags, &id, output.json),
        Command::Otp(Otp::Enroll { name, called, output }) => {
            otp::enroll(flags, &name, called.as_deref(), output.json)
        }
        Command::Otp(Otp::Test { name, output }) => otp::test(flags, &name, output.json),
        Command::Otp(Otp::Qr { how }) => otp::qr(&how),
        Command::Group(what) => group::run(flags, what),
        Command::Import(import) => import::run(flags, import),
        Command::Access(access) => access::run(flags, access),
        Command::Audit(audit) => audit::run(flags, audit),
        Command::Export { secrets } => export::run(flags, secrets),
        Command::Backup { file, output } => backup::run(flags, &file, output.json),
        Command::Restore { file, check, output } => restore::run(flags, &file, (check, output.json)),
        Command::MigrateDb { from, to, output } => migrate_db::run(flags, (&from, &to), output.json),
        Command::Upgrade { dry_run, output } => upgrade::run(flags, dry_run, output.json),
        Command::Verify { output } => verify::run(flags, output.json),
        Command::User(User::Add { name, role, output }) => user::add(flags, &name, role, output.json),
        Command::User(User::List { output }) => user::list(flags, output.json),
        Command::User(User::Show { name, output }) => user::show(flags, &name, output.json),
        Command::User(User::Role { name, role, output }) => user::role(flags, &name, role, output.json),
        Command::User(User::Disable { name, output }) => user::disable(flags, &name, output.json),
        Command::User(User::Enable { name, output }) => user::enable(flags, &name, output.json),
        Command::User(User::Link { name, purpose, qr, output }) => {
            user::link(flags, &name, purpose, (qr, output.json))
        }
        Command::User(User::ResetFactor { name, qr, output }) => {
            user::reset_factor(flags, &name, (qr, output.json))
        }
        Command::User(User::Remove { name, yes, output }) => user::remove(flags, &name, yes, output.json),
    }
}
