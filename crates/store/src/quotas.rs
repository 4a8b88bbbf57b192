//! How much an address has used in the hour that began with its first use.

use crate::{Result, Sql, Time, Tx};

/// Uses one of `most` for this address. False when none is left.
pub fn take(
    tx: &mut Tx<'_>,
    kind: &str,
    address: &str,
    most: i64,
    (now, window): (Time, i64),
) -> Result<bool> {
    const TAKE: Sql = Sql::new(
        "INSERT INTO quotas AS q (kind, address, used, began_at) VALUES ($1, $2, 1, $3)
         ON CONFLICT (kind, address) DO UPDATE SET
             used = CASE WHEN q.began_at <= $3 - $4 THEN 1 ELSE q.used + 1 END,
             began_at = CASE WHEN q.began_at <= $3 - $4 THEN $3 ELSE q.began_at END
         WHERE q.used < $5 OR q.began_at <= $3 - $4",
    );
    Ok(tx.execute(TAKE, &[kind.into(), address.into(), now.into(), window.into(), most.into()])? == 1)
}

/// Removes windows that are over.
pub fn sweep(tx: &mut Tx<'_>, before: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM quotas WHERE began_at <= $1");
    tx.execute(SWEEP, &[before.into()])
}

/// Keeps so many windows, the latest: whoever has more addresses than that is not held by them in any case.
pub fn shed(tx: &mut Tx<'_>, keep: i64) -> Result<u64> {
    const SHED: Sql = Sql::new(
        "DELETE FROM quotas WHERE (kind, address) IN (
             SELECT kind, address FROM quotas ORDER BY began_at DESC, kind, address LIMIT 1000000000 OFFSET $1)",
    );
    tx.execute(SHED, &[keep.into()])
}
