//! Enrolled secrets. A pending one is in `registrations` or `enrollments` until its first code.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `authenticators`.
#[derive(Clone)]
pub struct Authenticator {
    /// Made by us.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// What the app shows.
    pub label: String,
    /// The sealed secret.
    pub secret: String,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: String,
    /// Digits of a code.
    pub digits: i64,
    /// Seconds of a step.
    pub period: i64,
    /// The newest step that was spent.
    pub last_step: i64,
}

fn authenticator(row: &Row<'_>) -> Result<Authenticator> {
    Ok(Authenticator {
        id: row.id(0)?,
        user_id: row.id(1)?,
        label: row.text(2)?,
        secret: row.text(3)?,
        algorithm: row.text(4)?,
        digits: row.int(5)?,
        period: row.int(6)?,
        last_step: row.int(7)?,
    })
}

/// Inserts an authenticator; its `last_step` is the step of the code that confirmed it.
pub fn insert(tx: &mut Tx<'_>, new: &Authenticator, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO authenticators (id, user_id, label, secret, algorithm, digits, period, last_step, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    );
    let values = [
        (&new.id).into(),
        (&new.user_id).into(),
        (&new.label).into(),
        (&new.secret).into(),
        (&new.algorithm).into(),
        new.digits.into(),
        new.period.into(),
        new.last_step.into(),
        now.into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// Inserts an authenticator that another program has enrolled: it was not used here yet. Steps up to its `last_step` are
/// spent.
pub fn insert_imported(tx: &mut Tx<'_>, new: &Authenticator, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO authenticators (id, user_id, label, secret, algorithm, digits, period, last_step, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    let values = [
        (&new.id).into(),
        (&new.user_id).into(),
        (&new.label).into(),
        (&new.secret).into(),
        (&new.algorithm).into(),
        new.digits.into(),
        new.period.into(),
        new.last_step.into(),
        now.into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// Everything enrolled for a user, oldest first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id) -> Result<Vec<Authenticator>> {
    const OF_USER: Sql = Sql::new(
        "SELECT id, user_id, label, secret, algorithm, digits, period, last_step
         FROM authenticators WHERE user_id = $1 ORDER BY id",
    );
    conn.all(OF_USER, &[user_id.into()], authenticator)
}

/// Spends a step. False when it, or a later one, was already spent.
pub fn spend_step(tx: &mut Tx<'_>, id: &Id, step: i64, now: Time) -> Result<bool> {
    const SPEND: Sql = Sql::new(
        "UPDATE authenticators SET last_step = $1, last_used_at = $2 WHERE id = $3 AND last_step < $1",
    );
    Ok(tx.execute(SPEND, &[step.into(), now.into(), id.into()])? == 1)
}

/// Removes every authenticator of a user.
pub fn remove_of_user(tx: &mut Tx<'_>, user_id: &Id) -> Result<u64> {
    const REMOVE: Sql = Sql::new("DELETE FROM authenticators WHERE user_id = $1");
    tx.execute(REMOVE, &[user_id.into()])
}
