//! Tokens of programs and of people. What they may ask is decided in `auth`.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `api_tokens`, without the MAC of its token.
#[derive(Clone)]
pub struct ApiToken {
    /// Made by us.
    pub id: Id,
    /// Of the program that has it.
    pub name: String,
    /// What it may do, with spaces between.
    pub scopes: String,
    /// Where it opens programs, with spaces between.
    pub hosts: String,
    /// Whose it is, and the epoch in which it was made; `None`: of a program alone.
    pub owner: Option<(Id, i64)>,
    /// What its owner had proven.
    pub level: i64,
    /// When it was made.
    pub created_at: Time,
    /// Over from then on.
    pub expires_at: Time,
    /// When it was last shown, to the minute.
    pub used_at: Option<Time>,
}

/// A token, with its owner as they are now.
#[derive(Clone)]
pub struct Owned {
    /// The token.
    pub token: ApiToken,
    /// The owner's name as typed; empty without one.
    pub name: String,
    /// The owner's role; empty without one.
    pub role: String,
}

fn owned(row: &Row<'_>) -> Result<Owned> {
    let token = ApiToken {
        id: row.id(0)?,
        name: row.text(1)?,
        scopes: row.text(2)?,
        hosts: row.text(3)?,
        owner: row.opt_text(4)?.map(Id::new).zip(Some(row.int(5)?)),
        level: row.int(6)?,
        created_at: row.time(7)?,
        expires_at: row.time(8)?,
        used_at: row.opt_time(9)?,
    };
    Ok(Owned { token, name: row.text(10)?, role: row.text(11)? })
}

/// Makes a token. False when another of the same owner has that name.
pub fn insert(tx: &mut Tx<'_>, new: &ApiToken, token_mac: &str) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO api_tokens (id, token_mac, name, scopes, hosts, user_id, epoch, level, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    );
    let values = [
        (&new.id).into(),
        token_mac.into(),
        (&new.name).into(),
        (&new.scopes).into(),
        (&new.hosts).into(),
        new.owner.as_ref().map(|(id, _)| id.as_str()).into(),
        new.owner.as_ref().map_or(0, |(_, epoch)| *epoch).into(),
        new.level.into(),
        new.created_at.into(),
        new.expires_at.into(),
    ];
    Ok(tx.execute(INSERT, &values)? == 1)
}

/// The token with this MAC, unless it is over, by itself or with everything of its owner.
pub fn live(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Owned>> {
    const LIVE: Sql = Sql::new(
        "SELECT t.id, t.name, t.scopes, t.hosts, t.user_id, t.epoch, t.level, t.created_at, t.expires_at, t.used_at,
                COALESCE(u.name, ''), COALESCE(u.role, '')
         FROM api_tokens t LEFT JOIN users u ON u.id = t.user_id
         WHERE t.token_mac = $1 AND t.expires_at > $2
           AND (t.user_id IS NULL OR (t.epoch = u.epoch AND u.disabled = FALSE))",
    );
    conn.one(LIVE, &[token_mac.into(), now.into()], owned)
}

/// The same, by its id.
pub fn live_by_id(conn: &mut Conn<'_>, id: &Id, now: Time) -> Result<Option<Owned>> {
    const LIVE: Sql = Sql::new(
        "SELECT t.id, t.name, t.scopes, t.hosts, t.user_id, t.epoch, t.level, t.created_at, t.expires_at, t.used_at,
                COALESCE(u.name, ''), COALESCE(u.role, '')
         FROM api_tokens t LEFT JOIN users u ON u.id = t.user_id
         WHERE t.id = $1 AND t.expires_at > $2
           AND (t.user_id IS NULL OR (t.epoch = u.epoch AND u.disabled = FALSE))",
    );
    conn.one(LIVE, &[id.into(), now.into()], owned)
}

/// All of them but those that are void with everything of their owner, by name.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<Owned>> {
    const ALL: Sql = Sql::new(
        "SELECT t.id, t.name, t.scopes, t.hosts, t.user_id, t.epoch, t.level, t.created_at, t.expires_at, t.used_at,
                COALESCE(u.name, ''), COALESCE(u.role, '')
         FROM api_tokens t LEFT JOIN users u ON u.id = t.user_id
         WHERE t.user_id IS NULL OR t.epoch = u.epoch ORDER BY t.name, t.id",
    );
    conn.all(ALL, &[], owned)
}

/// Those of one person that are still good, by name.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<Owned>> {
    const OF_USER: Sql = Sql::new(
        "SELECT t.id, t.name, t.scopes, t.hosts, t.user_id, t.epoch, t.level, t.created_at, t.expires_at, t.used_at,
                u.name, u.role
         FROM api_tokens t JOIN users u ON u.id = t.user_id
         WHERE t.user_id = $1 AND t.epoch = u.epoch AND t.expires_at > $2 ORDER BY t.name, t.id",
    );
    conn.all(OF_USER, &[user_id.into(), now.into()], owned)
}

/// How many there are of programs alone.
pub fn count_of_programs(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM api_tokens WHERE user_id IS NULL");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// How many one person has.
pub fn count_of_user(conn: &mut Conn<'_>, user_id: &Id) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM api_tokens WHERE user_id = $1");
    Ok(conn.one(COUNT, &[user_id.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Notes that it was shown.
pub fn touch(tx: &mut Tx<'_>, id: &Id, now: Time) -> Result<()> {
    const TOUCH: Sql = Sql::new("UPDATE api_tokens SET used_at = $1 WHERE id = $2");
    tx.execute(TOUCH, &[now.into(), id.into()]).map(|_| ())
}

/// Removes the program's one of that name. False when there is none.
pub fn remove(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM api_tokens WHERE user_id IS NULL AND name = $1");
    Ok(tx.execute(REMOVE, &[name.into()])? == 1)
}

/// Removes one of a person, and answers its name. `None` when there is none.
pub fn remove_of_user(tx: &mut Tx<'_>, user_id: &Id, id: &Id) -> Result<Option<String>> {
    const REMOVE: Sql = Sql::new("DELETE FROM api_tokens WHERE user_id = $1 AND id = $2 RETURNING name");
    tx.one(REMOVE, &[user_id.into(), id.into()], |row| row.text(0))
}

/// Removes those of a person that are good no more.
pub fn remove_void(tx: &mut Tx<'_>, (user_id, epoch): (&Id, i64), now: Time) -> Result<()> {
    const REMOVE: Sql =
        Sql::new("DELETE FROM api_tokens WHERE user_id = $1 AND (epoch <> $2 OR expires_at <= $3)");
    tx.execute(REMOVE, &[user_id.into(), epoch.into(), now.into()]).map(|_| ())
}
