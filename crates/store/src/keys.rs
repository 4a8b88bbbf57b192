//! The key ring: keys sealed under the master key, and the canary that tells the right master key from a wrong one.

use crate::{Conn, Result, Row, Sql, Time, Tx};

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
    /// When it was made.
    pub created_at: Time,
}

fn key(row: &Row<'_>) -> Result<SealedKey> {
    Ok(SealedKey {
        id: row.text(0)?,
        purpose: row.text(1)?,
        sealed: row.text(2)?,
        active: row.bool(3)?,
        created_at: row.time(4)?,
    })
}

/// The whole ring.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<SealedKey>> {
    const ALL: Sql = Sql::new("SELECT id, purpose, sealed, active, created_at FROM keys ORDER BY id");
    conn.all(ALL, &[], key)
}

/// One key.
pub fn by_id(conn: &mut Conn<'_>, id: &str) -> Result<Option<SealedKey>> {
    const BY_ID: Sql = Sql::new("SELECT id, purpose, sealed, active, created_at FROM keys WHERE id = $1");
    conn.one(BY_ID, &[id.into()], key)
}

/// The key that new secrets of a purpose are sealed with, as of this transaction.
pub fn active(conn: &mut Conn<'_>, purpose: &str) -> Result<Option<SealedKey>> {
    const ACTIVE: Sql =
        Sql::new("SELECT id, purpose, sealed, active, created_at FROM keys WHERE purpose = $1 AND active");
    conn.one(ACTIVE, &[purpose.into()], key)
}

/// Makes a key the active one of its purpose, and no other.
pub fn activate(tx: &mut Tx<'_>, purpose: &str, id: &str) -> Result<u64> {
    const ACTIVATE: Sql = Sql::new("UPDATE keys SET active = (id = $1) WHERE purpose = $2");
    tx.execute(ACTIVATE, &[id.into(), purpose.into()])
}

/// Removes a sealing key that is not active. The engine refuses when a row needs it. False when there is none such.
pub fn remove(tx: &mut Tx<'_>, id: &str) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM keys WHERE id = $1 AND purpose = 'seal' AND NOT active");
    Ok(tx.execute(REMOVE, &[id.into()])? == 1)
}

/// Adds a key. False when there is one with this id: another node was first.
pub fn insert(tx: &mut Tx<'_>, new: &SealedKey) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO keys (id, purpose, sealed, active, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    );
    let values = [
        (&new.id).into(),
        (&new.purpose).into(),
        (&new.sealed).into(),
        new.active.into(),
        new.created_at.into(),
    ];
    Ok(tx.execute(INSERT, &values)? == 1)
}
