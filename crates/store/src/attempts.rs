//! Tries: one row per kind and name, charged by one statement before a guess is judged.

use crate::{Conn, Result, Sql, Time, Tx};

/// What a try is charged to, and what it costs. Rests are in milliseconds.
pub struct Budget<'a> {
    /// `password`, `code`, `code_alone` or `recovery`.
    pub kind: &'a str,
    /// The keyed MAC of the name, or of a browser that is known of its person.
    pub name_mac: &'a str,
    /// The name, in lower case: whether somebody has it is noted with the try.
    pub name_key: &'a str,
    /// The failure that first makes the next try wait: the second at the earliest.
    pub rests_from: i64,
    /// How long it waits then; each further failure doubles it.
    pub first_rest: i64,
    /// The longest wait.
    pub longest_rest: i64,
    /// Untouched for so long, failures are forgotten.
    pub forgotten_after: i64,
    /// So many in a row close it, and no wait opens it. Zero: it never closes, and they are not counted.
    pub closes_at: i64,
}

/// What a budget is like after a try was taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many failures there are, this one included.
    pub failures: i64,
    /// How many in a row, this one included.
    pub in_row: i64,
    /// Whether somebody has the name.
    pub of_user: bool,
}

/// Takes a try. `None` when the budget rests or is closed.
///
/// One statement on both engines: concurrent guesses queue for the row and see each other's charge. Names that nobody has cost
/// the same.
pub fn take(tx: &mut Tx<'_>, budget: &Budget<'_>, now: Time) -> Result<Option<Taken>> {
    // The shift stays small, or BIGINT would overflow: twenty doublings are more than the longest rest. Nobody rests longer
    // than that, so a rest that ends later was written by a clock that was ahead, and is none.
    const TAKE: Sql = Sql::new(
        "INSERT INTO attempts AS a (kind, name_mac, failures, free_at, tried_at, in_row, of_user)
         VALUES ($1, $2, 1, 0, CAST($3 AS BIGINT),
                 CASE WHEN CAST($4 AS BIGINT) > 0 THEN 1 ELSE 0 END, EXISTS (SELECT 1 FROM users WHERE name_key = $5))
         ON CONFLICT (kind, name_mac) DO UPDATE SET
             failures = CASE WHEN a.tried_at <= $3 - CAST($6 AS BIGINT) THEN 1 ELSE a.failures + 1 END,
             tried_at = $3,
             in_row = a.in_row + excluded.in_row,
             of_user = excluded.of_user,
             free_at = CASE
                 WHEN a.tried_at <= $3 - $6 OR a.failures + 1 < CAST($7 AS BIGINT) THEN 0
                 WHEN a.failures + 1 - $7 > 20 THEN $3 + CAST($8 AS BIGINT)
                 WHEN CAST($9 AS BIGINT) * (CAST(1 AS BIGINT) << CAST(a.failures + 1 - $7 AS INTEGER)) > $8 THEN $3 + $8
                 ELSE $3 + $9 * (CAST(1 AS BIGINT) << CAST(a.failures + 1 - $7 AS INTEGER)) END
         WHERE (a.free_at <= $3 OR a.free_at > $3 + $8) AND ($4 = 0 OR a.in_row < $4)
         RETURNING failures, in_row, of_user",
    );
    let values = [
        budget.kind.into(),
        budget.name_mac.into(),
        now.into(),
        budget.closes_at.into(),
        budget.name_key.into(),
        budget.forgotten_after.into(),
        budget.rests_from.into(),
        budget.longest_rest.into(),
        budget.first_rest.into(),
    ];
    tx.one(TAKE, &values, |row| {
        Ok(Taken { failures: row.int(0)?, in_row: row.int(1)?, of_user: row.bool(2)? })
    })
}

/// When the next try is free, and how many in a row there were; `None` when nothing was tried.
pub fn standing(conn: &mut Conn<'_>, kind: &str, name_mac: &str) -> Result<Option<(Time, i64)>> {
    const STANDING: Sql = Sql::new("SELECT free_at, in_row FROM attempts WHERE kind = $1 AND name_mac = $2");
    conn.one(STANDING, &[kind.into(), name_mac.into()], |row| Ok((row.time(0)?, row.int(1)?)))
}

/// Gives one try back: it was free when it was taken, so it is free again.
pub fn give_back(tx: &mut Tx<'_>, kind: &str, name_mac: &str) -> Result<()> {
    const GIVE: Sql = Sql::new(
        "UPDATE attempts SET failures = failures - 1, free_at = 0,
             in_row = CASE WHEN in_row > 0 THEN in_row - 1 ELSE 0 END
         WHERE kind = $1 AND name_mac = $2 AND failures > 0",
    );
    tx.execute_later(GIVE, &[kind.into(), name_mac.into()])
}

/// Forgives everything: a sign-in was completed.
pub fn forgive(tx: &mut Tx<'_>, kind: &str, name_mac: &str) -> Result<()> {
    const FORGIVE: Sql = Sql::new("DELETE FROM attempts WHERE kind = $1 AND name_mac = $2");
    tx.execute_later(FORGIVE, &[kind.into(), name_mac.into()])
}

/// Begins to count anew how many there are in a row. What rests goes on resting.
pub fn reopen(tx: &mut Tx<'_>, name_mac: &str, kinds: [&str; 2]) -> Result<()> {
    const REOPEN: Sql =
        Sql::new("UPDATE attempts SET in_row = 0 WHERE name_mac = $1 AND kind IN ($2, $3) AND in_row > 0");
    tx.execute_later(REOPEN, &[name_mac.into(), kinds[0].into(), kinds[1].into()])
}

/// A kind and the keyed MAC of a name: which row it is.
pub type Key = (String, String);

/// Removes what is forgotten of the next two thousand after this one; what counts in a row stays. Answers up to which one it has
/// looked; `None` at the end.
pub fn sweep(tx: &mut Tx<'_>, after: &Key, before: Time) -> Result<Option<Key>> {
    const LAST: Sql = Sql::new(
        "SELECT kind, name_mac FROM attempts WHERE (kind, name_mac) > ($1, $2)
         ORDER BY kind, name_mac LIMIT 1 OFFSET 1999",
    );
    const SWEEP: Sql = Sql::new(
        "DELETE FROM attempts WHERE (kind, name_mac) > ($1, $2) AND (kind, name_mac) <= ($3, $4)
             AND tried_at <= $5 AND in_row = 0",
    );
    const SWEEP_REST: Sql =
        Sql::new("DELETE FROM attempts WHERE (kind, name_mac) > ($1, $2) AND tried_at <= $3 AND in_row = 0");
    let (kind, mac) = after;
    let last = tx.one(LAST, &[kind.into(), mac.into()], |row| Ok((row.text(0)?, row.text(1)?)))?;
    match &last {
        Some((to, to_mac)) => {
            tx.execute(SWEEP, &[kind.into(), mac.into(), to.into(), to_mac.into(), before.into()])?
        }
        None => tx.execute(SWEEP_REST, &[kind.into(), mac.into(), before.into()])?,
    };
    Ok(last)
}

/// Of names that nobody has, keeps so many: those that rest or are closed, then those with the most in a row, then the latest.
/// Names of people are not touched.
pub fn shed(tx: &mut Tx<'_>, keep: i64, closes_at: i64, now: Time) -> Result<u64> {
    const SHED: Sql = Sql::new(
        "DELETE FROM attempts WHERE (kind, name_mac) IN (
             SELECT kind, name_mac FROM attempts WHERE of_user = FALSE
             ORDER BY CASE WHEN free_at > $1 OR in_row >= $2 THEN 0 ELSE 1 END, in_row DESC, tried_at DESC, kind, name_mac
             LIMIT 1000000000 OFFSET $3)",
    );
    tx.execute(SHED, &[now.into(), closes_at.into(), keep.into()])
}
