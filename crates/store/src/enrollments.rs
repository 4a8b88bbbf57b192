//! A new authenticator for somebody who exists, pending until its first code.

use crate::{Conn, Id, Result, Sql, Time, Tx, sealed};

/// A row of `enrollments`.
#[derive(Clone)]
pub struct Enrollment {
    /// Whose it is.
    pub user_id: Id,
    /// The keyed MAC of the enrolling browser's token.
    pub token_mac: String,
    /// The sealed secret.
    pub secret: String,
    /// The user's epoch when it began; in a later one it is void.
    pub epoch: i64,
    /// Whether the session it leads to is kept for long.
    pub keep: bool,
    /// Where the person was going.
    pub next_path: String,
    /// `replace`, `add`, `move` or `swap`.
    pub purpose: String,
    /// What the new authenticator will be called.
    pub name: String,
    /// The session that began it and must still be there: add, move and swap.
    pub session_id: Option<Id>,
    /// The authenticator that it takes the place of: move and swap.
    pub moves: Option<Id>,
    /// The PHC string of a password that is set when it is confirmed.
    pub password: Option<String>,
    /// What was proven before, with the first code to come: 1 without a password, 2 with one.
    pub level: i64,
    /// When it is over.
    pub expires_at: Time,
}

/// Starts one; a second start replaces the first.
pub fn start(tx: &mut Tx<'_>, new: &Enrollment, now: Time) -> Result<()> {
    const START: Sql = Sql::new(
        "INSERT INTO enrollments (user_id, token_mac, secret, epoch, keep, next_path, created_at, expires_at, purpose, name,
                                  session_id, moves, password, level, sealed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (user_id) DO UPDATE SET token_mac = $2, secret = $3, epoch = $4, keep = $5, next_path = $6,
             created_at = $7, expires_at = $8, purpose = $9, name = $10, session_id = $11, moves = $12, password = $13,
             level = $14, sealed_by = $15",
    );
    let values = [
        (&new.user_id).into(),
        (&new.token_mac).into(),
        (&new.secret).into(),
        new.epoch.into(),
        new.keep.into(),
        (&new.next_path).into(),
        now.into(),
        new.expires_at.into(),
        (&new.purpose).into(),
        (&new.name).into(),
        (&new.session_id).into(),
        (&new.moves).into(),
        (&new.password).into(),
        new.level.into(),
        sealed::key_of(&new.secret).into(),
    ];
    tx.execute(START, &values).map(|_| ())
}

/// The enrollment of the browser that has this token, unless it has expired.
pub fn by_token(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Enrollment>> {
    const BY_TOKEN: Sql = Sql::new(
        "SELECT user_id, token_mac, secret, epoch, keep, next_path, expires_at, purpose, name, session_id, moves, password,
                level
         FROM enrollments WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(BY_TOKEN, &[token_mac.into(), now.into()], |row| {
        Ok(Enrollment {
            user_id: row.id(0)?,
            token_mac: row.text(1)?,
            secret: row.text(2)?,
            epoch: row.int(3)?,
            keep: row.bool(4)?,
            next_path: row.text(5)?,
            expires_at: row.time(6)?,
            purpose: row.text(7)?,
            name: row.text(8)?,
            session_id: row.opt_id(9)?,
            moves: row.opt_id(10)?,
            password: row.opt_text(11)?,
            level: row.int(12)?,
        })
    })
}

/// Takes it: it becomes an authenticator now. False when it was taken, replaced or has expired.
pub fn take(tx: &mut Tx<'_>, token_mac: &str, now: Time) -> Result<bool> {
    const TAKE: Sql = Sql::new("DELETE FROM enrollments WHERE token_mac = $1 AND expires_at > $2");
    Ok(tx.execute(TAKE, &[token_mac.into(), now.into()])? == 1)
}

/// Removes what has expired.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM enrollments WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
