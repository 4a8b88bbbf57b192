//! Signed-in browsers. A session is true while its epoch is the user's, and no longer.

use crate::{Conn, Id, Result, Sql, Time, Tx};

/// A session to be inserted.
pub struct NewSession<'a> {
    /// Made by us.
    pub id: &'a Id,
    /// The keyed MAC of the browser's token.
    pub token_mac: &'a str,
    /// Whose it is.
    pub user_id: &'a Id,
    /// Copied from the login or the enrollment.
    pub epoch: i64,
    /// "Keep me signed in".
    pub keep: bool,
    /// Over when nobody has been seen until then.
    pub idle_at: Time,
    /// Over in any case.
    pub expires_at: Time,
}

/// Starts a session.
pub fn insert(tx: &mut Tx<'_>, new: &NewSession<'_>, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, idle_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
    );
    let values = [
        new.id.into(),
        new.token_mac.into(),
        new.user_id.into(),
        new.epoch.into(),
        new.keep.into(),
        now.into(),
        new.idle_at.into(),
        new.expires_at.into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// A live session with its user.
#[derive(Clone)]
pub struct Live {
    /// The session's id.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// The user's name as typed.
    pub name: String,
    /// `user`, `admin` or `owner`.
    pub role: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// When it began.
    pub created_at: Time,
    /// When somebody was last seen, to the minute.
    pub seen_at: Time,
    /// Over in any case.
    pub expires_at: Time,
}

/// The live session with this token: not over, its epoch current, its user not disabled.
pub fn live(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Live>> {
    const LIVE: Sql = Sql::new(
        "SELECT s.id, s.user_id, u.name, u.role, s.keep, s.created_at, s.seen_at, s.expires_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.token_mac = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE",
    );
    conn.one(LIVE, &[token_mac.into(), now.into()], |row| {
        Ok(Live {
            id: row.id(0)?,
            user_id: row.id(1)?,
            name: row.text(2)?,
            role: row.text(3)?,
            keep: row.bool(4)?,
            created_at: row.time(5)?,
            seen_at: row.time(6)?,
            expires_at: row.time(7)?,
        })
    })
}

/// Notes that somebody is there.
pub fn touch(tx: &mut Tx<'_>, id: &Id, idle_at: Time, now: Time) -> Result<()> {
    const TOUCH: Sql = Sql::new("UPDATE sessions SET seen_at = $1, idle_at = $2 WHERE id = $3");
    tx.execute(TOUCH, &[now.into(), idle_at.into(), id.into()]).map(|_| ())
}

/// Ends the session with this token. `None` when there was none; else whose it was.
pub fn end(tx: &mut Tx<'_>, token_mac: &str) -> Result<Option<Id>> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE token_mac = $1 RETURNING user_id");
    tx.one(END, &[token_mac.into()], |row| row.id(0))
}

/// Ends all sessions of a user.
pub fn end_of_user(tx: &mut Tx<'_>, user_id: &Id) -> Result<u64> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE user_id = $1");
    tx.execute(END, &[user_id.into()])
}

/// Removes sessions that are over.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM sessions WHERE idle_at <= $1 OR expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
