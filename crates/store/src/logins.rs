//! Sign-ins between their two factors: the password and the code, in whichever order.

use crate::{Conn, Id, Result, Sql, Time, Tx};

/// A row of `logins`.
#[derive(Clone)]
pub struct Login {
    /// The keyed MAC of the browser's token.
    pub token_mac: String,
    /// Who gave the first factor.
    pub user_id: Id,
    /// The user's epoch then; in a later one the login is void.
    pub epoch: i64,
    /// "Keep me signed in".
    pub keep: bool,
    /// Where the person was going.
    pub next_path: String,
    /// What is still owed: `code`, or `password`.
    pub owes: String,
    /// When it must be begun again.
    pub expires_at: Time,
}

/// Starts a login.
pub fn insert(tx: &mut Tx<'_>, new: &Login, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO logins (token_mac, user_id, epoch, keep, next_path, created_at, expires_at, owes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let values = [
        (&new.token_mac).into(),
        (&new.user_id).into(),
        new.epoch.into(),
        new.keep.into(),
        (&new.next_path).into(),
        now.into(),
        new.expires_at.into(),
        (&new.owes).into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// The login of the browser that has this token, unless it has expired.
pub fn by_token(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Login>> {
    const BY_TOKEN: Sql = Sql::new(
        "SELECT token_mac, user_id, epoch, keep, next_path, expires_at, owes
         FROM logins WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(BY_TOKEN, &[token_mac.into(), now.into()], |row| {
        Ok(Login {
            token_mac: row.text(0)?,
            user_id: row.id(1)?,
            epoch: row.int(2)?,
            keep: row.bool(3)?,
            next_path: row.text(4)?,
            expires_at: row.time(5)?,
            owes: row.text(6)?,
        })
    })
}

/// Takes the login: it is complete. False when it was taken or has expired.
pub fn take(tx: &mut Tx<'_>, token_mac: &str, now: Time) -> Result<bool> {
    const TAKE: Sql = Sql::new("DELETE FROM logins WHERE token_mac = $1 AND expires_at > $2");
    Ok(tx.execute(TAKE, &[token_mac.into(), now.into()])? == 1)
}

/// Removes what has expired.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM logins WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
