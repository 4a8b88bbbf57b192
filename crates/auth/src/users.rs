//! People, as those who run the place see them: list, show, give a role, lock out, let in again.

use store::{Time, Tx, devices, groups, recovery_codes, registrations, setup_links, users};

use crate::account::authenticators;
use crate::acting::Reach;
use crate::audit::{Happened, Whom};
use crate::enrollment::{Begun, Pend, Purpose};
use crate::error::Rule;
use crate::limits::{IN_A_ROW, Kind, Payer};
use crate::name::{self, Name};
use crate::random::Token;
use crate::vault::Vault;
use crate::{Acting, App, Error, Level, Result, Role, limits, setup};

/// People in a piece of a list.
const PAGE: i64 = 1000;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their id.
    pub id: store::Id,
    /// Their name as typed.
    pub name: String,
    /// What they may do to the place.
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// A hundred wrong codes in a row: only a recovery code, or `enable`, lets them in.
    pub codes_closed: bool,
    /// When their first code was confirmed.
    pub created_at: Time,
    /// When they last signed in.
    pub signed_in_at: Option<Time>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Until when they may choose one by a code alone, having none.
    pub password_due: Option<Time>,
}

/// Somebody, with more about them.
#[derive(Clone, Debug)]
pub struct Details {
    /// Who.
    pub person: Person,
    /// What their app shows, one for each authenticator.
    pub authenticators: Vec<String>,
    /// Recovery codes that are left.
    pub recovery_codes: i64,
    /// The names of the groups they belong to, by name.
    pub groups: Vec<String>,
    /// A hundred wrong guesses in a row: browsers in which they have not signed in before are not heard, until they sign in in
    /// a known one, or get a link, or `enable`.
    pub door_closed: bool,
}

/// How many people and held names there are.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// People with an account.
    pub people: i64,
    /// Authenticators whose codes let them in.
    pub authenticators: i64,
    /// Names held for somebody who has not confirmed a code yet.
    pub registrations: i64,
}

fn person(user: users::User) -> Person {
    Person {
        id: user.id,
        name: user.name,
        role: Role::of_row(&user.role),
        disabled: user.disabled,
        codes_closed: user.wrong_codes >= IN_A_ROW,
        created_at: user.created_at,
        signed_in_at: user.signed_in_at,
        has_password: user.password.is_some(),
        password_due: user.password_due,
    }
}

/// Everybody, by name.
pub async fn all(app: &App) -> Result<Vec<Person>> {
    let all = app.db.scan(users::all).await?;
    Ok(all.into_iter().map(person).collect())
}

/// At most a thousand people whose names come after this one, by name; from `""` on. For lists that are written piece by
/// piece.
pub async fn page(app: &App, after: &str) -> Result<Vec<Person>> {
    search(app, "", (after, PAGE)).await
}

/// So many at most of those whose names begin with `prefix` and come after `after`, by name.
///
/// # Errors
/// When nobody's name can be `after`.
pub async fn search(app: &App, prefix: &str, (after, most): (&str, i64)) -> Result<Vec<Person>> {
    let after = name::beginning(after).ok_or(Rule::Name)?;
    let Some(prefix) = name::beginning(prefix) else { return Ok(Vec::new()) };
    let page = app.db.scan(move |conn| users::page(conn, (&prefix, &after), most)).await?;
    Ok(page.into_iter().map(person).collect())
}

/// How many there are.
pub async fn count(app: &App) -> Result<Counts> {
    let now = app.clock.now();
    let counts = app.db.scan(move |conn| {
        Ok::<_, store::Error>(Counts {
            people: users::count(conn)?,
            authenticators: store::authenticators::count(conn, now)?,
            registrations: registrations::count(conn, now)?,
        })
    });
    Ok(counts.await?)
}

/// The most people that [`count_some`] counts.
pub const SOME: i64 = 1000;

/// How many people there are; one more than [`SOME`] where there are more, however many.
pub async fn count_some(app: &App) -> Result<i64> {
    Ok(app.db.read(users::count_some).await?)
}

/// One person.
pub async fn show(app: &App, name: &str) -> Result<Details> {
    let now = app.clock.now();
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let vault = app.vault.clone();
    app.db
        .scan(move |conn| {
            let user = users::by_name(conn, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            let authenticators = store::authenticators::list_of_user(conn, &user.id, now)?;
            Ok(Details {
                authenticators: authenticators.into_iter().map(|authenticator| authenticator.label).collect(),
                recovery_codes: recovery_codes::count_of_user(conn, &user.id)?,
                groups: groups::of_user(conn, &user.id)?,
                door_closed: limits::is_door_closed(conn, &vault, &key)?,
                person: person(user),
            })
        })
        .await
}

/// What of somebody is to be changed; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// May not sign in.
    pub disabled: Option<bool>,
    /// What they may do to the place.
    pub role: Option<Role>,
}

/// Gives a role. Their sessions end, so that nobody goes on as who they were.
pub async fn set_role<'a>(acting: impl Into<Acting<'a>>, name: &str, role: Role) -> Result<()> {
    update(acting, name, Change { role: Some(role), ..Change::default() }).await
}

/// Locks somebody out, and everything they have open with them.
pub async fn disable<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<()> {
    update(acting, name, Change { disabled: Some(true), ..Change::default() }).await
}

/// Lets somebody in again: not disabled, no wrong codes held against them, nothing to wait for.
pub async fn enable<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<()> {
    update(acting, name, Change { disabled: Some(false), ..Change::default() }).await
}

/// The same in one: both are changed, or nothing is.
pub async fn update<'a>(acting: impl Into<Acting<'a>>, name: &str, to: Change) -> Result<()> {
    let acting = acting.into();
    let (vault, now) = (acting.app.vault.clone(), acting.app.clock.now());
    change(acting, name, move |tx, user, (key, reach)| {
        let mut done = Vec::new();
        if to.disabled == Some(false) {
            done.push(let_in(tx, user, (&vault, key), now)?);
        }
        if let Some(role) = to.role {
            reach.refuse_beyond(role)?;
            done.extend(give_role(tx, user, role)?);
        }
        if to.disabled == Some(true) {
            // With the role that they have by now.
            let user = users::by_id(tx, &user.id)?.ok_or(Error::Expired)?;
            keep_an_owner(tx, &user)?;
            done.extend(users::disable(tx, &user.id)?.then_some((Happened::Disabled, "")));
        }
        Ok(done)
    })
    .await
}

fn give_role(tx: &mut Tx<'_>, user: &users::User, role: Role) -> Result<Option<Done>> {
    if Role::of_row(&user.role) == role {
        return Ok(None);
    }
    if role != Role::Owner {
        keep_an_owner(tx, user)?;
    }
    if role != Role::User && user.password.is_none() {
        return Err(Error::Refused(format!(
            "{0} has no password, and whoever looks after others needs one. Let them choose it first: \
             latchkey user link {0} --for password",
            user.name
        )));
    }
    users::update_role(tx, &user.id, role.text())?;
    // Whoever held the link for the first owner comes too late now.
    if role == Role::Owner {
        setup_links::remove(tx, "owner")?;
    }
    Ok(Some((Happened::RoleChanged, role.text())))
}

fn let_in(tx: &mut Tx<'_>, user: &users::User, (vault, key): (&Vault, &str), now: Time) -> Result<Done> {
    users::enable(tx, &user.id)?;
    for kind in [Kind::Password, Kind::Code, Kind::CodeAlone, Kind::Recovery] {
        limits::forgive(tx, kind, &Payer::name(vault, key))?;
        for browser in devices::of_user(tx, &user.id, now)? {
            limits::forgive(tx, kind, &Payer::known(vault, key, &browser.token_mac))?;
        }
    }
    Ok((Happened::Enabled, ""))
}

/// Removes somebody with everything of theirs: sessions, authenticators, recovery codes, groups, links, tries. The name is
/// free then. What happened to them stays in the audit log.
pub async fn remove<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<()> {
    let acting = acting.into();
    let vault = acting.app.vault.clone();
    change(acting, name, move |tx, user, (key, _)| {
        keep_an_owner(tx, user)?;
        // A registration that began before there was this account must not become the next one of that name.
        registrations::remove(tx, key)?;
        setup_links::remove(tx, &setup::slot_of(key))?;
        users::remove(tx, &user.id)?;
        for kind in [Kind::Password, Kind::Code, Kind::CodeAlone, Kind::Recovery] {
            limits::forgive(tx, kind, &Payer::name(&vault, key))?;
        }
        Ok(vec![(Happened::UserRemoved, "")])
    })
    .await
}

/// Begins to enroll one more authenticator for somebody who stands beside whoever runs the place. Answers the token by which
/// [`crate::enroll`] shows the secret and confirms it. What they have stays as it is.
///
/// `called` is what it will be called; without one it is the first, or gets a number.
pub async fn enroll(app: &App, name: &str, called: Option<&str>) -> Result<Token> {
    let now = app.clock.now();
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let called = called.map(authenticators::parse_name).transpose()?;
    let (draft, vault) = (Pend::new(app, now), app.vault.clone());
    let token = draft.token.clone();
    app.db
        .write(move |tx| {
            let user = users::by_name(tx, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            if user.disabled {
                return Err(Error::Refused(format!("{} may not sign in: latchkey user enable", user.name)));
            }
            let name = authenticators::free_name(tx, &user, called.as_deref(), now)?;
            let level = Level::held(user.password.is_some());
            let begun = Begun { user: &user, level, keep: false, next: "", password: None };
            draft.begin(tx, &vault, &begun, &Purpose::Add { name, session: None })
        })
        .await?;
    Ok(token)
}

/// What was done to somebody, and which role was given with it, if one was.
type Done = (Happened, &'static str);

/// Finds the user, changes, and records what was changed, in one transaction.
async fn change(
    acting: Acting<'_>,
    name: &str,
    what: impl Fn(&mut Tx<'_>, &users::User, (&str, Reach)) -> Result<Vec<Done>> + Send + 'static,
) -> Result<()> {
    let (app, now) = (acting.app, acting.app.clock.now());
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            let reach = actor.begin(tx)?;
            let user = users::by_name(tx, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            reach.refuse_beyond(Role::of_row(&user.role))?;
            for (happened, role) in what(tx, &user, (&key, reach))? {
                let whom = Whom { id: Some(&user.id), name: &user.name };
                let detail = [("to", role)];
                let detail = if role.is_empty() { &[] } else { &detail[..] };
                actor.record(tx, happened, whom, detail)?;
            }
            Ok(())
        })
        .await
}

/// Refuses to leave the place without an owner who can sign in.
fn keep_an_owner(tx: &mut Tx<'_>, user: &users::User) -> Result<()> {
    let owner = Role::Owner.text();
    if user.role == owner && !user.disabled && users::count_enabled(tx, owner)? == 1 {
        return Err(Error::Refused(format!(
            "{} is the only owner. Make another one first: latchkey user role NAME owner",
            user.name
        )));
    }
    Ok(())
}
