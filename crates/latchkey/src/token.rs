//! `latchkey token …`: what programs show who ask us something, or who come through a door for somebody.

use auth::api_token::{self, ApiToken, Scope, Wanted};
use auth::{Visit, date, date_and_time, timestamp};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Output;
use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{List, Table, print, print_json};

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it, which nothing can do again
    Add {
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        output: Output,
    },
    /// List the tokens, and when each was last used
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a token, from the next request on
    Revoke {
        /// What it is called
        name: String,
        /// Whose it is, unless it is the program's alone
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

/// A token.
#[derive(Args)]
pub(crate) struct New {
    /// What it is called: after the program that will have it
    name: String,
    /// What it is for: verify (ask whether a code is right), people:read, people:write (see, change people and groups),
    /// account:read (see the account of --user), apps (come through to programs as --user)
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// Whose it is; it ends with another password of theirs
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// For apps: the host of the program, or *.example.org for all below it
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// How long it is good
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    days: u32,
}

/// Does what the command says.
pub(crate) fn run(flags: &Flags, command: Token) -> Result<()> {
    match command {
        Token::Add { new, output } => add(flags, new, output.json),
        Token::List { output } => list(flags, output.json),
        Token::Revoke { name, user, output } => revoke(flags, (&name, user.as_deref()), output.json),
    }
}

fn add(flags: &Flags, new: New, json: bool) -> Result<()> {
    let New { name, scopes, user, hosts, days } = new;
    let wanted = Wanted { name, scopes, hosts, days };
    let visit = Visit::default();
    let made = flags
        .with_existing(async |app| api_token::add(app, wanted.clone(), user.as_deref(), &visit).await)?;
    let (token, text) = (&made.token, made.text.as_str());
    if json {
        let mut value = shape(token);
        value["token"] = text.into();
        print_json(&value);
        return Ok(());
    }
    let until = date(token.expires_at);
    let name = auth::plain::line(&token.name);
    let how = match &token.owner {
        Some(owner) if token.scopes.contains(&Scope::Apps) => format!(
            "{name} sends it as the password of {}, or as `Authorization: Bearer …`, until {until}. A rule lets it in with --tokens.",
            owner.name
        ),
        _ => format!("{name} sends it as `Authorization: Bearer …`, until {until}."),
    };
    print(&format!("{text}\n\nThis is shown once. {how}\n"));
    Ok(())
}

fn list(flags: &Flags, json: bool) -> Result<()> {
    let tokens = flags.with_existing(async |app| api_token::all(app).await)?;
    if json {
        let mut list = List::default();
        print(&list.values(tokens.iter().map(shape)));
        print(list.end());
    } else if tokens.is_empty() {
        print("There are no tokens. Make one with `latchkey token add NAME --scope verify`.\n");
    } else {
        let mut table = Table::new(["NAME", "OF", "SCOPES", "HOSTS", "GOOD UNTIL", "LAST USED"]);
        print(&table.rows(tokens.iter().map(row).collect()));
    }
    Ok(())
}

fn revoke(flags: &Flags, which: (&str, Option<&str>), json: bool) -> Result<()> {
    let visit = Visit::default();
    flags.with_existing(async |app| api_token::revoke(app, which, &visit).await)?;
    let name = which.0;
    match json {
        true => print_json(&json!({ "name": name, "revoked": true })),
        false => print(&format!("The token of {} is good no more.\n", auth::plain::line(name))),
    }
    Ok(())
}

/// What programs read. These keys stay.
fn shape(token: &ApiToken) -> Value {
    json!({
        "id": token.id.as_str(),
        "name": token.name,
        "user": token.owner.as_ref().map(|owner| &owner.name),
        "scopes": token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "hosts": token.hosts,
        "created_at": timestamp(token.created_at),
        "expires_at": timestamp(token.expires_at),
        "used_at": token.used_at.map(timestamp),
    })
}

fn row(token: &ApiToken) -> [String; 6] {
    let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
    [
        auth::plain::line(&token.name),
        token.owner.as_ref().map_or_else(|| "the program".to_owned(), |owner| owner.name.clone()),
        scopes.join(" "),
        token.hosts.join(" "),
        date(token.expires_at),
        token.used_at.map_or_else(|| "never".to_owned(), date_and_time),
    ]
}
