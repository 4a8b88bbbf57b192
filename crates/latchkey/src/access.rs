//! `latchkey access …`: who may come through the doors of other programs. What a command makes holds at the next request of every
//! running server. Why somebody may not come through is in `access/explain.rs`.

mod answer;
mod explain;
mod help;
mod way;
mod words;

use auth::access;
use auth::access::book::{self, Numbered};
use auth::access::explain::command;
use auth::access::{Draft, Flaw, Rule};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Output;
use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{Table, print, print_json};

/// What can be done with access rules.
#[derive(Subcommand)]
pub(crate) enum Access {
    /// List the rules in their order: the first that fits decides
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Make a rule, behind all others unless it is said otherwise
    Add {
        #[command(flatten)]
        new: New,
        /// Put it before the rule that has this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a rule that was made by command
    Remove {
        /// Its number, as `access list` shows it
        number: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Say what would happen to a request, and why
    Explain {
        #[command(flatten)]
        asked: explain::Question,
        #[command(flatten)]
        output: Output,
    },
}

/// A rule.
#[derive(Args)]
pub(crate) struct New {
    /// For this host, or *.example.org for all below it
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Only for this path, or /api/* for all below it
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Only for this method; GET is HEAD too
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// Only from this network
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// Lets this person in
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// Lets the people of this group in
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Lets everybody in who has an account
    #[arg(long)]
    any: bool,
    /// A token of somebody whom it lets in opens it too: for programs that know a password and no codes
    #[arg(long)]
    tokens: bool,
    /// What it takes: bypass, one_factor, two_factor or deny
    #[arg(long)]
    policy: String,
    /// How long ago the factors may have been given, such as 15m
    #[arg(long, value_name = "TIME")]
    max_age: Option<String>,
}

/// Runs one of them.
pub(crate) fn run(flags: &Flags, access: Access) -> Result<()> {
    match access {
        Access::List { output } => list(flags, output.json),
        Access::Add { new, before, output } => add(flags, new, before, output.json),
        Access::Remove { number, output } => remove(flags, number, output.json),
        Access::Explain { asked, output } => explain::run(flags, &asked, output.json),
    }
}

fn list(flags: &Flags, json: bool) -> Result<()> {
    let rules = flags.with_existing(async |app| access::rules(app).await)?;
    let numbered = rules.iter().enumerate().map(|(at, rule)| (at + 1, rule));
    if json {
        print_json(&numbered.map(|(number, rule)| shape(number, rule)).collect());
        return Ok(());
    }
    if rules.is_empty() {
        print(
            "There are no rules yet, so nobody comes through to any program. To make one: latchkey access add\n",
        );
        return Ok(());
    }
    let mut table = Table::new(["NUMBER", "POLICY", "HOSTS", "ONLY", "LETS IN", "MADE"]);
    print(&table.rows(numbered.map(|(number, rule)| row(number, rule)).collect()));
    Ok(())
}

fn row(number: usize, rule: &Rule) -> [String; 6] {
    let draft = rule.draft();
    [
        number.to_string(),
        draft.policy.clone(),
        draft.hosts.join(" "),
        only(&draft),
        lets_in(rule, &draft),
        rule.place().map_or_else(|| "by command".to_owned(), ToString::to_string),
    ]
}

/// What else has to be so.
fn only(draft: &Draft) -> String {
    let mut only = [draft.paths.clone(), draft.methods.clone()].concat();
    only.extend(draft.networks.iter().map(|network| format!("from {network}")));
    only.extend(draft.max_age.iter().map(|age| format!("proof of {age}")));
    only.join(" ")
}

fn lets_in(rule: &Rule, draft: &Draft) -> String {
    if rule.policy().level().is_none() {
        return if draft.policy == "deny" { "nobody".to_owned() } else { "everybody, unasked".to_owned() };
    }
    if draft.any {
        let too = if draft.tokens { ", by token too" } else { "" };
        return format!("everybody who has an account{too}");
    }
    let users = draft.users.iter().map(|user| format!("user {user}"));
    let named: Vec<String> = users.chain(draft.groups.iter().map(|group| format!("group {group}"))).collect();
    if draft.tokens { format!("{}, by token too", named.join(", ")) } else { named.join(", ") }
}

fn add(flags: &Flags, new: New, before: Option<usize>, json: bool) -> Result<()> {
    let New { hosts, paths, methods, networks, users, groups, any, tokens, policy, max_age } = new;
    let draft = Draft { hosts, paths, methods, networks, policy, users, groups, any, tokens, max_age };
    let rule = draft.check(None).map_err(|flaw| Trouble::usage(as_flag(&flaw)))?;
    let Numbered { number, rule } =
        flags.with_existing(async |app| book::add(app, rule.clone(), before).await)?;
    match json {
        true => print_json(&shape(number, &rule)),
        false => print(&format!("Rule {number} holds from the next request on.\n")),
    }
    Ok(())
}

/// What is wrong, by the flag of that key.
fn as_flag(flaw: &Flaw) -> String {
    let flag = match flaw.key {
        "policy" | "any" | "tokens" => flaw.key.to_owned(),
        "max_age" => "max-age".to_owned(),
        list => list.trim_end_matches('s').to_owned(),
    };
    let text =
        flaw.text.replace("write users, groups, or any = true for", "give --user, --group, or --any for");
    format!("--{flag}: {text}")
}

fn remove(flags: &Flags, number: usize, json: bool) -> Result<()> {
    let removed = flags.with_existing(async |app| book::remove(app, number).await)?;
    match json {
        true => print_json(&shape(removed.number, &removed.rule)),
        false => print(&format!(
            "Rule {number} is gone from the next request on, and those behind it move up. To make it again:\n\n  {}\n",
            command(&removed.rule.draft())
        )),
    }
    Ok(())
}

/// What programs read of a rule. These keys stay.
fn shape(number: usize, rule: &Rule) -> Value {
    let draft = rule.draft();
    json!({
        "number": number,
        "hosts": draft.hosts,
        "paths": draft.paths,
        "methods": draft.methods,
        "networks": draft.networks,
        "policy": draft.policy,
        "users": draft.users,
        "groups": draft.groups,
        "any": draft.any,
        "tokens": draft.tokens,
        "max_age": draft.max_age,
        "place": rule.place().map(ToString::to_string),
    })
}
