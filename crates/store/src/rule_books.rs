//! The access rules that were made by command. One row holds all of them, so one look tells whether anything has changed.

use crate::{Conn, Result, Sql, Time, Tx};

/// The row of `rule_books`.
#[derive(Clone)]
pub struct RuleBook {
    /// Another one after every change.
    pub revision: i64,
    /// The rules in their order, as JSON.
    pub rules: String,
}

/// The revision alone; `None` while no rule was ever made.
pub fn revision(conn: &mut Conn<'_>) -> Result<Option<i64>> {
    const REVISION: Sql = Sql::new("SELECT revision FROM rule_books WHERE slot = 'access'");
    conn.one(REVISION, &[], |row| row.int(0))
}

/// All of it.
pub fn load(conn: &mut Conn<'_>) -> Result<Option<RuleBook>> {
    const LOAD: Sql = Sql::new("SELECT revision, rules FROM rule_books WHERE slot = 'access'");
    conn.one(LOAD, &[], |row| Ok(RuleBook { revision: row.int(0)?, rules: row.text(1)? }))
}

/// Replaces the rules, if they are still those of the revision `before`; 0 stands for none at all. False when somebody else was
/// first.
pub fn replace(tx: &mut Tx<'_>, new: &RuleBook, before: i64, now: Time) -> Result<bool> {
    const REPLACE: Sql = Sql::new(
        "INSERT INTO rule_books AS b (slot, revision, rules, changed_at) VALUES ('access', $1, $2, $3)
         ON CONFLICT (slot) DO UPDATE SET revision = $1, rules = $2, changed_at = $3 WHERE b.revision = $4",
    );
    let values = [new.revision.into(), (&new.rules).into(), now.into(), before.into()];
    Ok(tx.execute(REPLACE, &values)? == 1)
}
