//! The key ring: keys sealed under the master key, and the canary that tells the right master key from a wrong one.

use crate::{Conn, Result, Sql, Time, Tx};

/// A row of `keys`.
#[derive(Clone)]
pub struct SealedKey {
    /// Written into whatever it seals.
    pub id: String,
    /// `canary`, `mac`, `pepper` or `seal`.
    pub purpose: String,
    /// Under the master key.
    pub sealed: String,
    /// New secrets are sealed with the active key of their purpose.
    pub active: bool,
}

/// The whole ring.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<SealedKey>> {
    const ALL: Sql = Sql::new("SELECT id, purpose, sealed, active FROM keys ORDER BY id");
    conn.all(ALL, &[], |row| {
        Ok(SealedKey { id: row.text(0)?, purpose: row.text(1)?, sealed: row.text(2)?, active: row.bool(3)? })
    })
}

/// Adds a key. False when there is one with this id: another node was first.
pub fn insert(tx: &mut Tx<'_>, new: &SealedKey, now: Time) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO keys (id, purpose, sealed, active, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    );
    let values =
        [(&new.id).into(), (&new.purpose).into(), (&new.sealed).into(), new.active.into(), now.into()];
    Ok(tx.execute(INSERT, &values)? == 1)
}
