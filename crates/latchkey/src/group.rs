//! `latchkey group …`: groups of people, for those who run the place. Works while the server runs and while it does not.

use auth::groups::{self, Change, Group, Member};
use auth::{date, date_and_time, timestamp};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::Output;
use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{List, Table, columns, confirm, count, print, print_json};

/// What can be done with groups.
#[derive(Subcommand)]
pub(crate) enum Groups {
    /// Make a group, to which nobody belongs yet
    Add {
        /// What it will be called: letters, digits, and . _ -
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// List all groups, by name
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show one group, and who belongs to it
    Show {
        /// What it is called
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Put people into a group; it holds at their next request
    Join {
        /// What it is called
        group: String,
        /// Their usernames
        #[arg(required = true, value_name = "USER")]
        people: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Take people out of a group; it holds at their next request
    Leave {
        /// What it is called
        group: String,
        /// Their usernames
        #[arg(required = true, value_name = "USER")]
        people: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a group; its people stay, and belong to it no more
    Remove {
        /// What it is called
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// Runs one of them.
pub(crate) fn run(flags: &Flags, what: Groups) -> Result<()> {
    match what {
        Groups::Add { name, output } => add(flags, &name, output.json),
        Groups::List { output } => list(flags, output.json),
        Groups::Show { name, output } => show(flags, &name, output.json),
        Groups::Join { group, people, output } => join(flags, &group, &people, output.json),
        Groups::Leave { group, people, output } => leave(flags, &group, &people, output.json),
        Groups::Remove { name, yes, output } => remove(flags, &name, yes, output.json),
    }
}

fn add(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let group = flags.with_existing(async |app| groups::add(app, name).await)?;
    match json {
        true => print_json(&shape(&group)),
        false => print(&format!(
            "There is a group {0} now, to which nobody belongs. To put somebody into it: latchkey group join {0} USER\n",
            group.name
        )),
    }
    Ok(())
}

fn list(flags: &Flags, json: bool) -> Result<()> {
    let (mut table, mut list) = (Table::new(["NAME", "MEMBERS", "SINCE"]), List::default());
    flags.with_existing(async |app| {
        let mut after = String::new();
        loop {
            let page = groups::page(app, &after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.name);
            match json {
                true => print(&list.values(page.iter().map(shape))),
                false => print(&table.rows(page.iter().map(row).collect())),
            }
        }
    })?;
    if json {
        print(list.end());
    } else if table.is_empty() {
        print("There is no group yet. To make one: latchkey group add NAME\n");
    }
    Ok(())
}

fn row(group: &Group) -> [String; 3] {
    [group.name.clone(), group.members.to_string(), date(group.created_at)]
}

/// Shows one group, and its people a thousand at a time: there may be many.
fn show(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let (mut table, mut list) = (Table::new(["  NAME", "SINCE"]), List::default());
    flags.with_existing(async |app| {
        let group = groups::show(app, name).await?;
        print(&if json { begin(&shape(&group)) } else { head(&group) });
        let mut after = String::new();
        loop {
            let page = groups::members(app, &group, &after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.name);
            match json {
                true => print(&list.values(page.iter().map(member_shape)).replace('\n', "\n  ")),
                false => print(&table.rows(page.iter().map(member_row).collect())),
            }
        }
    })?;
    if json {
        print(&format!("{}\n}}\n", list.end().trim_end().replace('\n', "\n  ")));
    }
    Ok(())
}

fn head(group: &Group) -> String {
    let rows = [
        ["Since".to_owned(), date_and_time(group.created_at)],
        ["Members".to_owned(), group.members.to_string()],
    ];
    let gap = if group.members > 0 { "\n" } else { "" };
    format!("{}\n{}{gap}", group.name, columns("  ", &rows))
}

fn member_row(member: &Member) -> [String; 2] {
    [format!("  {}", member.name), date(member.joined_at)]
}

/// The beginning of an object, up to where the list of its people goes.
fn begin(group: &Value) -> String {
    let text = format!("{group:#}");
    format!("{},\n  \"people\": ", text.strip_suffix("\n}").unwrap_or(&text))
}

fn join(flags: &Flags, group: &str, people: &[String], json: bool) -> Result<()> {
    let change = flags.with_existing(async |app| groups::join(app, group, people).await)?;
    say(&change, json, ("Now in", "In it already"));
    Ok(())
}

fn leave(flags: &Flags, group: &str, people: &[String], json: bool) -> Result<()> {
    let change = flags.with_existing(async |app| groups::leave(app, group, people).await)?;
    say(&change, json, ("No longer in", "Not in it before either"));
    Ok(())
}

/// Says who was changed, and who was not. These keys stay.
fn say(change: &Change, json: bool, (changed, unchanged): (&str, &str)) {
    let Change { group, changed: those, unchanged: others } = change;
    if json {
        print_json(&json!({ "group": group, "changed": those, "unchanged": others }));
        return;
    }
    if !those.is_empty() {
        print(&format!("{changed} {group}: {}.\n", those.join(", ")));
    }
    if !others.is_empty() {
        print(&format!("{unchanged}: {}.\n", others.join(", ")));
    }
}

/// Removes a group, once it is sure that it is meant.
fn remove(flags: &Flags, name: &str, yes: bool, json: bool) -> Result<()> {
    let group = flags.with_existing(async |app| groups::show(app, name).await)?;
    if !yes {
        let warning = format!(
            "This removes the group {}, to which {}, and cannot be undone. They stay, and what it opens is closed to them.",
            group.name,
            count(group.members, "person belongs", "people belong")
        );
        confirm(&warning, &group.name)?;
    }
    flags.with_existing(async |app| groups::remove(app, name).await)?;
    if json {
        print_json(&json!({ "id": group.id.as_str(), "name": group.name, "removed": true }));
        return Ok(());
    }
    print(&format!("The group {} is removed. Its people stay.\n", group.name));
    Ok(())
}

/// What programs read. These keys stay.
fn shape(group: &Group) -> Value {
    json!({
        "id": group.id.as_str(),
        "name": group.name,
        "members": group.members,
        "created_at": timestamp(group.created_at),
    })
}

fn member_shape(member: &Member) -> Value {
    json!({
        "id": member.id.as_str(),
        "name": member.name,
        "joined_at": timestamp(member.joined_at),
    })
}
