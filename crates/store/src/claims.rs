//! Things that only one may be the first to do.

use crate::{Result, Sql, Time, Tx};

/// Locks a claim until the transaction ends. What the caller reads after it is what the one before has committed.
pub fn lock(tx: &mut Tx<'_>, name: &str, now: Time) -> Result<()> {
    const LOCK: Sql = Sql::new(
        "INSERT INTO claims (name, claimed_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET claimed_at = $2",
    );
    tx.execute(LOCK, &[name.into(), now.into()]).map(|_| ())
}
