//! Tokens of other programs that ask us something. What they may ask is decided in `auth`.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `api_tokens`, without the MAC of its token.
#[derive(Clone)]
pub struct ApiToken {
    /// Made by us.
    pub id: Id,
    /// Of the program.
    pub name: String,
    /// What it may do, with spaces between.
    pub scopes: String,
    /// When it was made.
    pub created_at: Time,
    /// Over from then on.
    pub expires_at: Time,
    /// When it was last shown, to the minute.
    pub used_at: Option<Time>,
}

fn api_token(row: &Row<'_>) -> Result<ApiToken> {
    Ok(ApiToken {
        id: row.id(0)?,
        name: row.text(1)?,
        scopes: row.text(2)?,
        created_at: row.time(3)?,
        expires_at: row.time(4)?,
        used_at: row.opt_time(5)?,
    })
}

/// Makes a token. False when another has that name.
pub fn insert(tx: &mut Tx<'_>, new: &ApiToken, token_mac: &str) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO api_tokens (id, token_mac, name, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name) DO NOTHING",
    );
    let values = [
        (&new.id).into(),
        token_mac.into(),
        (&new.name).into(),
        (&new.scopes).into(),
        new.created_at.into(),
        new.expires_at.into(),
    ];
    Ok(tx.execute(INSERT, &values)? == 1)
}

/// The token with this MAC, unless it is over.
pub fn live(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<ApiToken>> {
    const LIVE: Sql = Sql::new(
        "SELECT id, name, scopes, created_at, expires_at, used_at FROM api_tokens
         WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(LIVE, &[token_mac.into(), now.into()], api_token)
}

/// All of them, by name.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<ApiToken>> {
    const ALL: Sql =
        Sql::new("SELECT id, name, scopes, created_at, expires_at, used_at FROM api_tokens ORDER BY name");
    conn.all(ALL, &[], api_token)
}

/// How many there are.
pub fn count(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM api_tokens");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// Notes that it was shown.
pub fn touch(tx: &mut Tx<'_>, id: &Id, now: Time) -> Result<()> {
    const TOUCH: Sql = Sql::new("UPDATE api_tokens SET used_at = $1 WHERE id = $2");
    tx.execute(TOUCH, &[now.into(), id.into()]).map(|_| ())
}

/// Removes the one of that name. False when there is none.
pub fn remove(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM api_tokens WHERE name = $1");
    Ok(tx.execute(REMOVE, &[name.into()])? == 1)
}
