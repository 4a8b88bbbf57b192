//! Tries: one row per kind and name, charged by one statement before a guess is judged.

use crate::{Conn, Result, Sql, Time, Tx};

/// What a try is charged to, and what it costs. Rests are in milliseconds.
pub struct Budget<'a> {
    /// `password`, `code` or `recovery`.
    pub kind: &'a str,
    /// The keyed MAC of the name.
    pub name_mac: &'a str,
    /// The failure that first makes the next try wait.
    pub rests_from: i64,
    /// How long it waits then; each further failure doubles it.
    pub first_rest: i64,
    /// The longest wait.
    pub longest_rest: i64,
    /// Untouched for so long, failures are forgotten.
    pub forgotten_after: i64,
}

/// Takes a try. `None` when the budget rests; else how many failures there are, this one included.
///
/// One statement on both engines: concurrent guesses queue for the row and see each other's charge.
pub fn take(tx: &mut Tx<'_>, budget: &Budget<'_>, now: Time) -> Result<Option<i64>> {
    // The shift stays small, or BIGINT would overflow: twenty doublings are more than the longest rest.
    const TAKE: Sql = Sql::new(
        "INSERT INTO attempts AS a (kind, name_mac, failures, free_at, tried_at)
         VALUES ($1, $2, 1, CAST($3 AS BIGINT) + CASE WHEN CAST($4 AS BIGINT) <= 1 THEN CAST($5 AS BIGINT) ELSE 0 END, $3)
         ON CONFLICT (kind, name_mac) DO UPDATE SET
             failures = CASE WHEN a.tried_at <= $3 - CAST($6 AS BIGINT) THEN 1 ELSE a.failures + 1 END,
             tried_at = $3,
             free_at = $3 + CASE
                 WHEN a.tried_at <= $3 - $6 THEN CASE WHEN $4 <= 1 THEN $5 ELSE 0 END
                 WHEN a.failures + 1 < $4 THEN 0
                 WHEN a.failures + 1 - $4 > 20 THEN CAST($7 AS BIGINT)
                 WHEN $5 * (CAST(1 AS BIGINT) << CAST(a.failures + 1 - $4 AS INTEGER)) > $7 THEN $7
                 ELSE $5 * (CAST(1 AS BIGINT) << CAST(a.failures + 1 - $4 AS INTEGER)) END
         WHERE a.free_at <= $3
         RETURNING failures",
    );
    let values = [
        budget.kind.into(),
        budget.name_mac.into(),
        now.into(),
        budget.rests_from.into(),
        budget.first_rest.into(),
        budget.forgotten_after.into(),
        budget.longest_rest.into(),
    ];
    tx.one(TAKE, &values, |row| row.int(0))
}

/// When the next try is free; `None` when nothing was tried.
pub fn free_at(conn: &mut Conn<'_>, kind: &str, name_mac: &str) -> Result<Option<Time>> {
    const FREE_AT: Sql = Sql::new("SELECT free_at FROM attempts WHERE kind = $1 AND name_mac = $2");
    conn.one(FREE_AT, &[kind.into(), name_mac.into()], |row| row.time(0))
}

/// Gives one try back: it was free when it was taken, so it is free again.
pub fn give_back(tx: &mut Tx<'_>, kind: &str, name_mac: &str, now: Time) -> Result<()> {
    const GIVE: Sql = Sql::new(
        "UPDATE attempts SET failures = failures - 1, free_at = $1 WHERE kind = $2 AND name_mac = $3 AND failures > 0",
    );
    tx.execute(GIVE, &[now.into(), kind.into(), name_mac.into()]).map(|_| ())
}

/// Forgives everything: a sign-in was completed.
pub fn forgive(tx: &mut Tx<'_>, kind: &str, name_mac: &str) -> Result<()> {
    const FORGIVE: Sql = Sql::new("DELETE FROM attempts WHERE kind = $1 AND name_mac = $2");
    tx.execute(FORGIVE, &[kind.into(), name_mac.into()]).map(|_| ())
}

/// Removes what is forgotten.
pub fn sweep(tx: &mut Tx<'_>, before: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM attempts WHERE tried_at <= $1");
    tx.execute(SWEEP, &[before.into()])
}
