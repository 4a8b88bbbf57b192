//! `latchkey token …`: what other programs show who ask us something.

use auth::api_token::{self, ApiToken, Scope};
use auth::{Visit, date, date_and_time, timestamp};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::Output;
use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{List, Table, print, print_json};

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it, which nothing can do again
    Add {
        /// The program that will have it: letters, digits, `.`, `_` and `-`
        name: String,
        /// What it may do: verify (ask whether a code is right)
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// How long it is good
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
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
        /// The program that has it
        name: String,
        #[command(flatten)]
        output: Output,
    },
}

/// Does what the command says.
pub(crate) fn run(flags: &Flags, command: &Token) -> Result<()> {
    match command {
        Token::Add { name, scopes, days, output } => add(flags, name, (scopes, *days), output.json),
        Token::List { output } => list(flags, output.json),
        Token::Revoke { name, output } => revoke(flags, name, output.json),
    }
}

fn add(flags: &Flags, name: &str, (scopes, days): (&[Scope], u32), json: bool) -> Result<()> {
    let visit = Visit::default();
    let (made, token) =
        flags.with_existing(async |app| api_token::add(app, name, (scopes, days), &visit).await)?;
    if json {
        let mut value = shape(&made);
        value["token"] = token.as_str().into();
        print_json(&value);
        return Ok(());
    }
    print(&format!(
        "{}\n\nThis is shown once. {name} sends it as `Authorization: Bearer …`, until {}.\n",
        token.as_str(),
        date(made.expires_at)
    ));
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
        let mut table = Table::new(["NAME", "SCOPES", "GOOD UNTIL", "LAST USED"]);
        print(&table.rows(tokens.iter().map(row).collect()));
    }
    Ok(())
}

fn revoke(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let visit = Visit::default();
    flags.with_existing(async |app| api_token::revoke(app, name, &visit).await)?;
    match json {
        true => print_json(&json!({ "name": name, "revoked": true })),
        false => print(&format!("The token of {name} is good no more.\n")),
    }
    Ok(())
}

/// What programs read. These keys stay.
fn shape(token: &ApiToken) -> Value {
    json!({
        "name": token.name,
        "scopes": token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": timestamp(token.created_at),
        "expires_at": timestamp(token.expires_at),
        "used_at": token.used_at.map(timestamp),
    })
}

fn row(token: &ApiToken) -> [String; 4] {
    let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
    [
        token.name.clone(),
        scopes.join(" "),
        date(token.expires_at),
        token.used_at.map_or_else(|| "never".to_owned(), date_and_time),
    ]
}
