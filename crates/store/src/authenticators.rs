//! Enrolled secrets. A pending one is in `registrations` or `enrollments` until its first code; one that has retired stays
//! for a while, so that its codes can be told from wrong ones.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx, sealed};

/// A row of `authenticators`, as codes are judged by it.
#[derive(Clone)]
pub struct Authenticator {
    /// Made by us.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// What its owner calls it; may be empty.
    pub name: String,
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
    /// How many steps its clock is ahead of ours, as far as we have learned.
    pub drift: i64,
    /// Codes in a row that speak for another drift; negative for an earlier one.
    pub drift_votes: i64,
}

fn authenticator(row: &Row<'_>) -> Result<Authenticator> {
    Ok(Authenticator {
        id: row.id(0)?,
        user_id: row.id(1)?,
        name: row.text(2)?,
        label: row.text(3)?,
        secret: row.text(4)?,
        algorithm: row.text(5)?,
        digits: row.int(6)?,
        period: row.int(7)?,
        last_step: row.int(8)?,
        drift: row.int(9)?,
        drift_votes: row.int(10)?,
    })
}

/// Inserts an authenticator; steps up to its `last_step` are spent. One that another program has enrolled was not used here
/// yet.
pub fn insert(tx: &mut Tx<'_>, new: &Authenticator, last_used_at: Option<Time>, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO authenticators (id, user_id, name, label, secret, algorithm, digits, period, last_step, drift,
                                     created_at, last_used_at, sealed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    );
    let values = [
        (&new.id).into(),
        (&new.user_id).into(),
        (&new.name).into(),
        (&new.label).into(),
        (&new.secret).into(),
        (&new.algorithm).into(),
        new.digits.into(),
        new.period.into(),
        new.last_step.into(),
        new.drift.into(),
        now.into(),
        last_used_at.into(),
        sealed::key_of(&new.secret).into(),
    ];
    tx.execute_later(INSERT, &values)
}

/// Everything of a user whose codes are good, oldest first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<Authenticator>> {
    const OF_USER: Sql = Sql::new(
        "SELECT id, user_id, name, label, secret, algorithm, digits, period, last_step, drift, drift_votes
         FROM authenticators WHERE user_id = $1 AND (retires_at IS NULL OR retires_at > $2) ORDER BY id",
    );
    conn.all(OF_USER, &[user_id.into(), now.into()], authenticator)
}

/// What a user had before: good for nothing but to be recognized. At most ten, those that retired last, with when.
pub fn retired_of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<(Authenticator, Time)>> {
    const RETIRED: Sql = Sql::new(
        "SELECT id, user_id, name, label, secret, algorithm, digits, period, last_step, drift, drift_votes, retires_at
         FROM authenticators WHERE user_id = $1 AND retires_at <= $2 ORDER BY retires_at DESC, id DESC LIMIT 10",
    );
    conn.all(RETIRED, &[user_id.into(), now.into()], |row| Ok((authenticator(row)?, row.time(11)?)))
}

/// An authenticator, as its owner sees it in a list.
#[derive(Clone)]
pub struct Listed {
    /// Made by us.
    pub id: Id,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// What the app shows.
    pub label: String,
    /// When its first code was confirmed.
    pub created_at: Time,
    /// When a code of it was last used.
    pub last_used_at: Option<Time>,
    /// Until when it is still good, if it has been replaced.
    pub retires_at: Option<Time>,
}

/// How many there are in all whose codes let somebody in.
pub fn count(conn: &mut Conn<'_>, now: Time) -> Result<i64> {
    const COUNT: Sql =
        Sql::new("SELECT count(*) FROM authenticators WHERE retires_at IS NULL OR retires_at > $1");
    Ok(conn.one(COUNT, &[now.into()], |row| row.int(0))?.unwrap_or(0))
}

/// The list of a user's authenticators whose codes are good, oldest first.
pub fn list_of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<Listed>> {
    const LIST: Sql = Sql::new(
        "SELECT id, name, label, created_at, last_used_at, retires_at
         FROM authenticators WHERE user_id = $1 AND (retires_at IS NULL OR retires_at > $2) ORDER BY id",
    );
    conn.all(LIST, &[user_id.into(), now.into()], |row| {
        Ok(Listed {
            id: row.id(0)?,
            name: row.text(1)?,
            label: row.text(2)?,
            created_at: row.time(3)?,
            last_used_at: row.opt_time(4)?,
            retires_at: row.opt_time(5)?,
        })
    })
}

/// A step that is spent, and what it teaches about the clock of the phone.
pub struct Spent {
    /// The step.
    pub step: i64,
    /// The first step that it proves: the one before, of two codes in a row. None from here on may have been spent.
    pub from: i64,
    /// The drift from now on.
    pub drift: i64,
    /// The votes from now on.
    pub drift_votes: i64,
}

/// Spends a step. False when it, or a later one, was already spent, or the authenticator has retired.
pub fn spend_step(tx: &mut Tx<'_>, id: &Id, spent: &Spent, now: Time) -> Result<bool> {
    const SPEND: Sql = Sql::new(
        "UPDATE authenticators SET last_step = $1, last_used_at = $2, drift = $3, drift_votes = $4
         WHERE id = $5 AND last_step < $6 AND (retires_at IS NULL OR retires_at > $2)",
    );
    let values = [
        spent.step.into(),
        now.into(),
        spent.drift.into(),
        spent.drift_votes.into(),
        id.into(),
        spent.from.into(),
    ];
    Ok(tx.execute(SPEND, &values)? == 1)
}

/// Notes what a code that was refused has taught about the clock of the phone.
pub fn note_drift(tx: &mut Tx<'_>, id: &Id, drift: i64) -> Result<()> {
    const NOTE: Sql = Sql::new("UPDATE authenticators SET drift = $1, drift_votes = 0 WHERE id = $2");
    tx.execute(NOTE, &[drift.into(), id.into()]).map(|_| ())
}

/// Gives one of a user's authenticators another name. False when there is none such.
pub fn rename(tx: &mut Tx<'_>, user_id: &Id, id: &Id, name: &str, now: Time) -> Result<bool> {
    const RENAME: Sql = Sql::new(
        "UPDATE authenticators SET name = $1
         WHERE user_id = $2 AND id = $3 AND (retires_at IS NULL OR retires_at > $4)",
    );
    Ok(tx.execute(RENAME, &[name.into(), user_id.into(), id.into(), now.into()])? == 1)
}

/// Lets one of a user's authenticators retire at a moment, now or later. False when it has done so already, also by a clock that is
/// ahead of `now`.
///
/// What retires now has every step spent: whoever has read another clock, or the same one before, is refused as well.
pub fn retire(tx: &mut Tx<'_>, user_id: &Id, id: &Id, at: Time, now: Time) -> Result<bool> {
    const RETIRE: Sql = Sql::new(
        "UPDATE authenticators SET retires_at = $1,
             last_step = CASE WHEN $1 <= CAST($2 AS BIGINT) THEN 9223372036854775807 ELSE last_step END
         WHERE user_id = $3 AND id = $4 AND (retires_at IS NULL OR retires_at > $2) AND last_step < 9223372036854775807",
    );
    Ok(tx.execute(RETIRE, &[at.into(), now.into(), user_id.into(), id.into()])? == 1)
}

/// Lets every authenticator of a user retire now, with every step spent.
pub fn retire_of_user(tx: &mut Tx<'_>, user_id: &Id, now: Time) -> Result<u64> {
    const RETIRE: Sql = Sql::new(
        "UPDATE authenticators SET retires_at = $1, last_step = 9223372036854775807
         WHERE user_id = $2 AND (retires_at IS NULL OR retires_at > $1)",
    );
    tx.execute(RETIRE, &[now.into(), user_id.into()])
}

/// Removes those that retired before a moment.
pub fn sweep(tx: &mut Tx<'_>, before: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM authenticators WHERE retires_at <= $1");
    tx.execute(SWEEP, &[before.into()])
}
