//! Groups of people, and who belongs to which. What belonging to one opens is decided in `auth`.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `groups`.
#[derive(Clone)]
pub struct Group {
    /// Made by us.
    pub id: Id,
    /// As typed when it was made.
    pub name: String,
    /// When it was made.
    pub created_at: Time,
}

fn group(row: &Row<'_>) -> Result<Group> {
    Ok(Group { id: row.id(0)?, name: row.text(1)?, created_at: row.time(2)? })
}

/// A group to be inserted.
pub struct NewGroup<'a> {
    /// Made by us.
    pub id: &'a Id,
    /// As typed.
    pub name: &'a str,
    /// In lower case.
    pub name_key: &'a str,
}

/// Inserts a group. False when the name is in use.
pub fn insert(tx: &mut Tx<'_>, new: &NewGroup<'_>, now: Time) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO groups (id, name, name_key, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name_key) DO NOTHING",
    );
    Ok(tx.execute(INSERT, &[new.id.into(), new.name.into(), new.name_key.into(), now.into()])? == 1)
}

/// The group of that name, which must be in lower case.
pub fn by_name(conn: &mut Conn<'_>, name_key: &str) -> Result<Option<Group>> {
    const BY_NAME: Sql = Sql::new("SELECT id, name, created_at FROM groups WHERE name_key = $1");
    conn.one(BY_NAME, &[name_key.into()], group)
}

/// Removes a group; its people stay, and belong to it no more. False when there is no such group.
pub fn remove(tx: &mut Tx<'_>, id: &Id) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM groups WHERE id = $1");
    Ok(tx.execute(REMOVE, &[id.into()])? == 1)
}

/// A group in a list.
#[derive(Clone)]
pub struct Listed {
    /// The group.
    pub group: Group,
    /// How many people belong to it.
    pub members: i64,
}

/// Those whose names come after this one, which must be in lower case, by name: a list in pieces, from `""` on.
pub fn page(conn: &mut Conn<'_>, after: &str, most: i64) -> Result<Vec<Listed>> {
    const PAGE: Sql = Sql::new(
        "SELECT g.id, g.name, g.created_at, (SELECT count(*) FROM members m WHERE m.group_id = g.id)
         FROM groups g WHERE g.name_key > $1 ORDER BY g.name_key LIMIT $2",
    );
    conn.all(PAGE, &[after.into(), most.into()], |row| {
        Ok(Listed { group: group(row)?, members: row.int(3)? })
    })
}

/// How many groups there are.
pub fn count(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM groups");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// Puts somebody into a group. False when they belong to it already.
pub fn add_member(tx: &mut Tx<'_>, group_id: &Id, user_id: &Id, now: Time) -> Result<bool> {
    const ADD: Sql = Sql::new(
        "INSERT INTO members (group_id, user_id, joined_at) VALUES ($1, $2, $3)
         ON CONFLICT (group_id, user_id) DO NOTHING",
    );
    Ok(tx.execute(ADD, &[group_id.into(), user_id.into(), now.into()])? == 1)
}

/// Takes somebody out of a group. False when they do not belong to it.
pub fn remove_member(tx: &mut Tx<'_>, group_id: &Id, user_id: &Id) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM members WHERE group_id = $1 AND user_id = $2");
    Ok(tx.execute(REMOVE, &[group_id.into(), user_id.into()])? == 1)
}

/// Somebody who belongs to a group.
#[derive(Clone)]
pub struct Member {
    /// The user's id.
    pub user_id: Id,
    /// The user's name as typed.
    pub name: String,
    /// Since when.
    pub joined_at: Time,
}

/// The people of a group whose names come after this one, which must be in lower case, by name: a list in pieces.
pub fn members(conn: &mut Conn<'_>, group_id: &Id, after: &str, most: i64) -> Result<Vec<Member>> {
    const MEMBERS: Sql = Sql::new(
        "SELECT u.id, u.name, m.joined_at FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.group_id = $1 AND u.name_key > $2 ORDER BY u.name_key LIMIT $3",
    );
    conn.all(MEMBERS, &[group_id.into(), after.into(), most.into()], |row| {
        Ok(Member { user_id: row.id(0)?, name: row.text(1)?, joined_at: row.time(2)? })
    })
}

/// How many people belong to a group.
pub fn count_members(conn: &mut Conn<'_>, group_id: &Id) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM members WHERE group_id = $1");
    Ok(conn.one(COUNT, &[group_id.into()], |row| row.int(0))?.unwrap_or(0))
}

/// The names of the groups that a user belongs to, as typed, by name.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id) -> Result<Vec<String>> {
    const OF_USER: Sql = Sql::new(
        "SELECT g.name FROM members m JOIN groups g ON g.id = m.group_id
         WHERE m.user_id = $1 ORDER BY g.name_key",
    );
    conn.all(OF_USER, &[user_id.into()], |row| row.text(0))
}

/// To how many groups a user belongs.
pub fn count_of_user(conn: &mut Conn<'_>, user_id: &Id) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM members WHERE user_id = $1");
    Ok(conn.one(COUNT, &[user_id.into()], |row| row.int(0))?.unwrap_or(0))
}
