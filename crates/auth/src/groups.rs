//! Groups of people, as those who run the place see them: make, list, show, join, leave, remove. Somebody new belongs to
//! none. A change holds from the next read on, since nothing keeps a copy.

use store::groups::{self, NewGroup};
use store::users::User;
use store::{Conn, Id, Time, Tx, users};

use crate::audit::{Happened, Whom};
use crate::error::Rule;
use crate::name::{self, Name};
use crate::{Acting, App, Error, Result, Role};

/// The most groups that there may be.
const AT_MOST: i64 = 1000;
/// The most groups of one person: their names go into one header.
const OF_ONE_PERSON: i64 = 100;
/// The most people who join or leave in one transaction.
const AT_ONCE: usize = 1000;
/// Groups, or members, in a piece of a list.
const PAGE: i64 = 1000;

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: Id,
    /// Its name as typed.
    pub name: String,
    /// How many people belong to it.
    pub members: i64,
    /// When it was made.
    pub created_at: Time,
}

/// Somebody who belongs to a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Their id.
    pub id: Id,
    /// Their name as typed.
    pub name: String,
    /// Since when.
    pub joined_at: Time,
}

/// What became of those who were to join a group, or to leave it. Names are as they were registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The group.
    pub group: String,
    /// Who has joined, or left.
    pub changed: Vec<String>,
    /// Who was in it already, or was not in it anyway.
    pub unchanged: Vec<String>,
}

fn group(row: groups::Group, members: i64) -> Group {
    Group { id: row.id, name: row.name, members, created_at: row.created_at }
}

/// Makes a group, to which nobody belongs yet.
pub async fn add<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<Group> {
    let acting = acting.into();
    let (app, now) = (acting.app, acting.app.clock.now());
    let (name, id) = (Name::parse_group(name)?, app.random.id(now));
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            actor.begin(tx)?;
            let new = NewGroup { id: &id, name: name.shown(), name_key: name.key() };
            if !groups::insert(tx, &new, now)? {
                return Err(Error::Taken);
            }
            if groups::count(tx)? > AT_MOST {
                return Err(Error::Refused(format!(
                    "there are {AT_MOST} groups already, which is the most. Remove one first: latchkey group remove NAME"
                )));
            }
            let nobody = Whom { id: None, name: "" };
            actor.record(tx, Happened::GroupCreated, nobody, &[("group", name.shown())])?;
            Ok(Group { id: id.clone(), name: name.shown().to_owned(), members: 0, created_at: now })
        })
        .await
}

/// Removes a group. Its people stay, and belong to it no more.
pub async fn remove<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<()> {
    let acting = acting.into();
    let (app, now) = (acting.app, acting.app.clock.now());
    let name = Name::parse_group(name)?;
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            actor.begin(tx)?;
            let group = find(tx, &name)?;
            let members = groups::count_members(tx, &group.id)?.to_string();
            groups::remove(tx, &group.id)?;
            let nobody = Whom { id: None, name: "" };
            let detail = [("group", group.name.as_str()), ("members", &members)];
            actor.record(tx, Happened::GroupRemoved, nobody, &detail)
        })
        .await
}

/// At most a thousand groups whose names come after this one, by name; from `""` on. For lists that are written piece by
/// piece.
pub async fn page(app: &App, after: &str) -> Result<Vec<Group>> {
    piece(app, after, PAGE).await
}

/// So many of them at most.
///
/// # Errors
/// When no name can be `after`.
pub async fn piece(app: &App, after: &str, most: i64) -> Result<Vec<Group>> {
    let after = name::beginning(after).ok_or(Rule::GroupName)?;
    let page = app.db.scan(move |conn| groups::page(conn, &after, most)).await?;
    Ok(page.into_iter().map(|listed| group(listed.group, listed.members)).collect())
}

/// One group.
pub async fn show(app: &App, name: &str) -> Result<Group> {
    let name = Name::parse_group(name)?;
    app.db
        .scan(move |conn| {
            let found = find(conn, &name)?;
            let members = groups::count_members(conn, &found.id)?;
            Ok(group(found, members))
        })
        .await
}

/// At most a thousand people of a group whose names come after this one, by name; from `""` on.
pub async fn members(app: &App, group: &Group, after: &str) -> Result<Vec<Member>> {
    members_piece(app, group, (after, PAGE)).await
}

/// So many of them at most.
///
/// # Errors
/// When no name can be `after`.
pub async fn members_piece(app: &App, group: &Group, (after, most): (&str, i64)) -> Result<Vec<Member>> {
    let after = name::beginning(after).ok_or(Rule::Name)?;
    let id = group.id.clone();
    let page = app.db.scan(move |conn| groups::members(conn, &id, &after, most)).await?;
    let member = |row: groups::Member| Member { id: row.user_id, name: row.name, joined_at: row.joined_at };
    Ok(page.into_iter().map(member).collect())
}

/// The names of the groups that a user belongs to, as typed, by name.
pub async fn of_user(app: &App, user_id: &Id) -> Result<Vec<String>> {
    let user_id = user_id.clone();
    Ok(app.db.read(move |conn| groups::of_user(conn, &user_id)).await?)
}

/// Puts people into a group: all of them, or nobody when one is not there.
pub async fn join<'a>(acting: impl Into<Acting<'a>>, name: &str, people: &[String]) -> Result<Change> {
    let acting = acting.into();
    let now = acting.app.clock.now();
    change(acting, (name, people), Happened::GroupJoined, move |tx, group, user| {
        if !groups::add_member(tx, &group.id, &user.id, now)? {
            return Ok(false);
        }
        if groups::count_of_user(tx, &user.id)? > OF_ONE_PERSON {
            return Err(Error::Refused(format!(
                "{0} belongs to {OF_ONE_PERSON} groups already, which is the most. Take them out of one first: \
                 latchkey group leave NAME {0}",
                user.name
            )));
        }
        Ok(true)
    })
    .await
}

/// Takes people out of a group: all of them, or nobody when one is not there.
pub async fn leave<'a>(acting: impl Into<Acting<'a>>, name: &str, people: &[String]) -> Result<Change> {
    change(acting.into(), (name, people), Happened::GroupLeft, |tx, group, user| {
        Ok(groups::remove_member(tx, &group.id, &user.id)?)
    })
    .await
}

/// Finds the group and the people, changes, and records who was changed, in one transaction.
async fn change(
    acting: Acting<'_>,
    (name, people): (&str, &[String]),
    happened: Happened,
    what: impl Fn(&mut Tx<'_>, &groups::Group, &User) -> Result<bool> + Send + 'static,
) -> Result<Change> {
    let (app, now) = (acting.app, acting.app.clock.now());
    let name = Name::parse_group(name)?;
    if people.len() > AT_ONCE {
        return Err(Error::Refused(format!(
            "{AT_ONCE} people at most join or leave at once, and these are {}: name fewer of them at a time",
            people.len()
        )));
    }
    let people = people.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            let reach = actor.begin(tx)?;
            let group = find(tx, &name)?;
            let mut change = Change { group: group.name.clone(), changed: Vec::new(), unchanged: Vec::new() };
            for name in &people {
                let user = users::by_name(tx, name.key())?.ok_or_else(|| Error::nobody(name.shown()))?;
                reach.refuse_beyond(Role::of_row(&user.role))?;
                if what(tx, &group, &user)? {
                    let whom = Whom { id: Some(&user.id), name: &user.name };
                    actor.record(tx, happened, whom, &[("group", &group.name)])?;
                    change.changed.push(user.name);
                } else {
                    change.unchanged.push(user.name);
                }
            }
            Ok(change)
        })
        .await
}

fn find(conn: &mut Conn<'_>, name: &Name) -> Result<groups::Group> {
    groups::by_name(conn, name.key())?.ok_or_else(|| Error::no_group(name.shown()))
}
