//! Leases: chores that one node does for all of them. A node that dies is followed by another when its lease is over; a
//! node that slept through the end of its lease finds out before it does anything.

use crate::{Result, Sql, Time, Tx};

/// A lease that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Of which chore.
    pub name: String,
    /// Nobody had this number before, and whoever takes the lease next has a higher one.
    pub fence: i64,
}

/// Takes a lease that is free, over, or the holder's own. `None` while it is somebody else's.
pub fn take(tx: &mut Tx<'_>, name: &str, holder: &str, (now, until): (Time, Time)) -> Result<Option<Lease>> {
    const TAKE: Sql = Sql::new(
        "INSERT INTO leases AS l (name, holder, fence, until) VALUES ($1, $2, 1, $3)
         ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3, fence = l.fence + 1
         WHERE l.until <= $4 OR l.holder = $2 RETURNING fence",
    );
    let fence = tx.one(TAKE, &[name.into(), holder.into(), until.into(), now.into()], |row| row.int(0))?;
    Ok(fence.map(|fence| Lease { name: name.to_owned(), fence }))
}

/// Extends a lease, and locks it until the transaction ends: nobody else does this chore meanwhile. False when somebody
/// has taken it since, and then nothing of the chore may be done.
pub fn hold(tx: &mut Tx<'_>, lease: &Lease, until: Time) -> Result<bool> {
    const HOLD: Sql = Sql::new("UPDATE leases SET until = $1 WHERE name = $2 AND fence = $3");
    Ok(tx.execute(HOLD, &[until.into(), (&lease.name).into(), lease.fence.into()])? == 1)
}

/// Gives a lease back before it is over, so that nobody has to wait for it.
pub fn release(tx: &mut Tx<'_>, lease: &Lease) -> Result<()> {
    const RELEASE: Sql = Sql::new("UPDATE leases SET until = 0 WHERE name = $1 AND fence = $2");
    tx.execute(RELEASE, &[(&lease.name).into(), lease.fence.into()]).map(|_| ())
}
