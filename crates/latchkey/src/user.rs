//! `latchkey user …`: people, for those who run the place. Works while the server runs and while it does not.

use auth::link::{self, Purpose};
use auth::setup::Made;
use auth::users::{self, Person};
use auth::{App, Role, Time, date, date_and_time, setup, timestamp};
use serde_json::{Value, json};

use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{List, Table, columns, confirm, draw_qr, print, print_json};

/// Prints a one-time link for somebody new.
pub(crate) fn add(flags: &Flags, name: &str, role: Role, json: bool) -> Result<()> {
    let made = flags.with_new_or_existing(async |app| setup::user_link(app, name, role).await)?;
    if json {
        let expires_at = timestamp(made.expires_at);
        print_json(&json!({ "name": name, "role": role.text(), "url": made.url, "expires_at": expires_at }));
        return Ok(());
    }
    let until = date_and_time(made.expires_at);
    print(&format!(
        "Send this link to {name}. It works once, until {until}, and voids the link before it:\n\n  {}\n",
        made.url
    ));
    Ok(())
}

/// Lists everybody, a thousand at a time: there may be many.
pub(crate) fn list(flags: &Flags, json: bool) -> Result<()> {
    let (mut table, mut list) =
        (Table::new(["NAME", "ROLE", "STATE", "SINCE", "LAST SIGN-IN"]), List::default());
    flags.with_existing(async |app| {
        let mut after = String::new();
        loop {
            let people = users::page(app, &after).await?;
            let Some(last) = people.last() else { return Ok(()) };
            after.clone_from(&last.name);
            match json {
                true => print(&list.values(people.iter().map(shape))),
                false => print(&table.rows(people.iter().map(row).collect())),
            }
        }
    })?;
    if json {
        print(list.end());
    } else if table.is_empty() {
        print("Nobody has an account yet. To let somebody in: latchkey user add NAME\n");
    }
    Ok(())
}

fn row(person: &Person) -> [String; 5] {
    let role = person.role.text().to_owned();
    [person.name.clone(), role, state(person).to_owned(), date(person.created_at), last(person.signed_in_at)]
}

/// Shows one person.
pub(crate) fn show(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let details = flags.with_existing(async |app| users::show(app, name).await)?;
    let person = &details.person;
    if json {
        let mut value = shape(person);
        value["authenticators"] = details.authenticators.into();
        value["recovery_codes"] = details.recovery_codes.into();
        value["groups"] = details.groups.into();
        value["door_closed"] = details.door_closed.into();
        print_json(&value);
        return Ok(());
    }
    let groups = if details.groups.is_empty() { "none".to_owned() } else { details.groups.join(", ") };
    let mut rows = vec![
        ["Role".to_owned(), person.role.to_string()],
        ["State".to_owned(), state(person).to_owned()],
        ["Since".to_owned(), date_and_time(person.created_at)],
        ["Last sign-in".to_owned(), last(person.signed_in_at)],
        ["Password".to_owned(), password(person)],
        ["Authenticators".to_owned(), details.authenticators.join(", ")],
        ["Recovery codes".to_owned(), format!("{} left", details.recovery_codes)],
        ["Groups".to_owned(), groups],
    ];
    if details.door_closed {
        let text =
            "closed after a hundred wrong tries: only browsers they have signed in with before are let in";
        rows.push(["Front door".to_owned(), text.to_owned()]);
        let remedy = format!(
            "→ latchkey user enable {0}, or latchkey user link {0}, or a sign-in of theirs",
            person.name
        );
        rows.push([String::new(), remedy]);
    }
    print(&format!("{}\n{}", person.name, columns("  ", &rows)));
    Ok(())
}

/// Gives a role.
pub(crate) fn role(flags: &Flags, name: &str, role: Role, json: bool) -> Result<()> {
    let person = changed(flags, name, async |app| users::set_role(app, name, role).await)?;
    match json {
        true => print_json(&shape(&person)),
        false => print(&format!("{name} has the role {role} now, and signs in again to use it.\n")),
    }
    Ok(())
}

/// Locks somebody out.
pub(crate) fn disable(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let person = changed(flags, name, async |app| users::disable(app, name).await)?;
    match json {
        true => print_json(&shape(&person)),
        false => print(&format!(
            "{name} is disabled, and signed out everywhere. To undo it: latchkey user enable {name}\n"
        )),
    }
    Ok(())
}

/// Lets somebody in again.
pub(crate) fn enable(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let person = changed(flags, name, async |app| users::enable(app, name).await)?;
    match json {
        true => print_json(&shape(&person)),
        false => print(&format!("{name} may sign in, with nothing to wait for.\n")),
    }
    Ok(())
}

/// Makes a link for somebody who has lost something.
pub(crate) fn link(flags: &Flags, name: &str, purpose: Purpose, how: (bool, bool)) -> Result<()> {
    let made = flags.with_existing(async |app| link::make(app, name, purpose).await)?;
    let asks = match purpose {
        Purpose::Enroll => "It asks for the password, if there is one, and sets up a new authenticator.",
        Purpose::Password => "It asks for a code, and lets them choose a new password.",
        Purpose::Both => "It asks for nothing: whoever has the link has the account.",
    };
    show_link(name, purpose, (&made, asks), how)
}

/// Takes somebody's authenticators away.
pub(crate) fn reset_factor(flags: &Flags, name: &str, how: (bool, bool)) -> Result<()> {
    let made = flags.with_existing(async |app| link::reset_factor(app, name).await)?;
    let asks = "Their authenticators and recovery codes are void, and they are signed out everywhere. The link asks for the \
                password, if there is one, and sets up a new authenticator.";
    show_link(name, Purpose::Enroll, (&made, asks), how)
}

fn show_link(
    name: &str,
    purpose: Purpose,
    (made, asks): (&Made, &str),
    (qr, json): (bool, bool),
) -> Result<()> {
    if json {
        let expires_at = timestamp(made.expires_at);
        print_json(
            &json!({ "name": name, "for": purpose.text(), "url": made.url, "expires_at": expires_at }),
        );
        return Ok(());
    }
    let until = date_and_time(made.expires_at);
    print(&format!(
        "Send this link to {name}. It works once, until {until}, and voids the link before it.\n{asks}\n\n  {}\n",
        made.url
    ));
    if qr {
        print(&format!("\n{}", draw_qr(&made.url)?));
    }
    Ok(())
}

/// Changes somebody, and answers what they are now.
fn changed(
    flags: &Flags,
    name: &str,
    change: impl AsyncFnOnce(&App) -> std::result::Result<(), auth::Error>,
) -> Result<Person> {
    let details = flags.with_existing(async |app| {
        change(app).await?;
        users::show(app, name).await
    })?;
    Ok(details.person)
}

/// Removes somebody, once it is sure that they are meant.
pub(crate) fn remove(flags: &Flags, name: &str, yes: bool, json: bool) -> Result<()> {
    let person = flags.with_existing(async |app| users::show(app, name).await)?.person;
    if !yes {
        let warning = format!(
            "This removes {} with everything of theirs, and cannot be undone. To lock them out instead: latchkey user disable.",
            person.name
        );
        confirm(&warning, &person.name)?;
    }
    flags.with_existing(async |app| users::remove(app, name).await)?;
    if json {
        print_json(&json!({ "id": person.id.as_str(), "name": person.name, "removed": true }));
        return Ok(());
    }
    print(&format!("{} is removed, and signed out everywhere. The name is free.\n", person.name));
    Ok(())
}

/// What programs read. These keys stay.
fn shape(person: &Person) -> Value {
    json!({
        "id": person.id.as_str(),
        "name": person.name,
        "role": person.role.text(),
        "disabled": person.disabled,
        "codes_closed": person.codes_closed,
        "created_at": timestamp(person.created_at),
        "signed_in_at": person.signed_in_at.map(timestamp),
        "has_password": person.has_password,
        "password_due": person.password_due.map(timestamp),
    })
}

fn state(person: &Person) -> &'static str {
    match person {
        Person { disabled: true, .. } => "disabled",
        Person { codes_closed: true, .. } => "codes closed",
        _ => "active",
    }
}

fn password(person: &Person) -> String {
    match (person.has_password, person.password_due) {
        (true, _) => "chosen".to_owned(),
        (false, Some(due)) => format!("none; may choose one by a code until {}", date_and_time(due)),
        (false, None) => "none".to_owned(),
    }
}

fn last(signed_in_at: Option<Time>) -> String {
    signed_in_at.map_or_else(|| "never".to_owned(), date_and_time)
}
