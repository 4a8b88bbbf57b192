//! One-time links by which an administrator helps somebody who has lost something. The row goes in the transaction that
//! spends it.

use crate::{Conn, Id, Result, Sql, Time, Tx};

/// A row of `user_links`.
#[derive(Clone)]
pub struct UserLink {
    /// For whom it is.
    pub user_id: Id,
    /// The keyed MAC of the token in the link.
    pub token_mac: String,
    /// `enroll`, `password` or `both`.
    pub purpose: String,
    /// The user's epoch when it was made; in a later one it is void.
    pub epoch: i64,
    /// When it is void.
    pub expires_at: Time,
}

/// Makes a link and voids the older one of the same person.
pub fn replace(tx: &mut Tx<'_>, new: &UserLink, now: Time) -> Result<()> {
    const REPLACE: Sql = Sql::new(
        "INSERT INTO user_links (user_id, token_mac, purpose, epoch, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_id) DO UPDATE SET token_mac = $2, purpose = $3, epoch = $4, created_at = $5, expires_at = $6",
    );
    let values = [
        (&new.user_id).into(),
        (&new.token_mac).into(),
        (&new.purpose).into(),
        new.epoch.into(),
        now.into(),
        new.expires_at.into(),
    ];
    tx.execute(REPLACE, &values).map(|_| ())
}

/// The link with this token, unless it is void.
pub fn by_token(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<UserLink>> {
    const BY_TOKEN: Sql = Sql::new(
        "SELECT user_id, token_mac, purpose, epoch, expires_at FROM user_links WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(BY_TOKEN, &[token_mac.into(), now.into()], |row| {
        Ok(UserLink {
            user_id: row.id(0)?,
            token_mac: row.text(1)?,
            purpose: row.text(2)?,
            epoch: row.int(3)?,
            expires_at: row.time(4)?,
        })
    })
}

/// Spends the link. False when it was spent, replaced, or is void.
pub fn take(tx: &mut Tx<'_>, token_mac: &str, now: Time) -> Result<bool> {
    const TAKE: Sql = Sql::new("DELETE FROM user_links WHERE token_mac = $1 AND expires_at > $2");
    Ok(tx.execute(TAKE, &[token_mac.into(), now.into()])? == 1)
}

/// Removes what is void.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM user_links WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
