//! The audit log: what happened, to whom, from where. Written in the transaction it reports.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `events`.
#[derive(Clone)]
pub struct Event {
    /// Made by us, sortable by birth.
    pub id: Id,
    /// When it happened; the first time, for a gathered one.
    pub at: Time,
    /// What happened, such as `sign_in.completed`.
    pub kind: String,
    /// To whom; `None` when it was nobody we know.
    pub user_id: Option<Id>,
    /// The name, as it was given.
    pub name: String,
    /// From where; empty for the command line.
    pub address: String,
    /// More, as a JSON object.
    pub detail: String,
    /// Rows with the same value are one row that counts.
    pub gather: Option<String>,
    /// How often it happened.
    pub count: i64,
    /// By whoever wrote it, over all of this but `gather` and `count`.
    pub mac: String,
    /// The number of its seal.
    pub seal: Option<i64>,
}

/// Events that are sealed at a time. It stands in the statements, since PostgreSQL plans for a number that it knows.
pub const SEALED_AT_ONCE: usize = 500;

/// Writes an event that has no seal, or counts it where one like it was gathered already. Once that one is sealed, the
/// next is a row of its own. Says which row it is.
pub fn record(tx: &mut Tx<'_>, new: &Event) -> Result<Option<Id>> {
    const RECORD: Sql = Sql::new(
        "INSERT INTO events AS e (id, at, kind, user_id, name, address, detail, gather, count, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (gather) WHERE gather IS NOT NULL DO UPDATE SET count = e.count + $9 RETURNING id",
    );
    let values = [
        (&new.id).into(),
        new.at.into(),
        (&new.kind).into(),
        new.user_id.as_ref().into(),
        (&new.name).into(),
        (&new.address).into(),
        (&new.detail).into(),
        (&new.gather).into(),
        new.count.into(),
        (&new.mac).into(),
    ];
    if new.gather.is_none() {
        return tx.execute_later(RECORD, &values).map(|()| Some(new.id.clone()));
    }
    tx.one(RECORD, &values, |row| row.id(0))
}

/// How many gathered rows begin with `place`, other than the row `gather` itself; none once that one is there.
pub fn beside(conn: &mut Conn<'_>, place: &str, gather: &str) -> Result<i64> {
    // Names and addresses are ASCII, so whatever begins with `place` stands between it and it with a tilde.
    const BESIDE: Sql = Sql::new(
        "SELECT count(*) FROM events WHERE gather >= $1 AND gather < $2
             AND NOT EXISTS (SELECT 1 FROM events WHERE gather = $3)",
    );
    let end = format!("{place}~");
    let values = [place.into(), (&end).into(), gather.into()];
    Ok(conn.one(BESIDE, &values, |row| row.int(0))?.unwrap_or(0))
}

fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        id: row.id(0)?,
        at: row.time(1)?,
        kind: row.text(2)?,
        user_id: row.opt_id(3)?,
        name: row.text(4)?,
        address: row.text(5)?,
        detail: row.text(6)?,
        gather: row.opt_text(7)?,
        count: row.int(8)?,
        mac: row.text(9)?,
        seal: row.opt_int(10)?,
    })
}

/// What happened to a user since then, newest first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, since: Time) -> Result<Vec<Event>> {
    const OF_USER: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE user_id = $1 AND at >= $2 ORDER BY at DESC, id DESC",
    );
    conn.all(OF_USER, &[user_id.into(), since.into()], event)
}

/// One event.
pub fn by_id(conn: &mut Conn<'_>, id: &Id) -> Result<Option<Event>> {
    const BY_ID: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE id = $1",
    );
    conn.one(BY_ID, &[id.into()], event)
}

/// Those events between two ids that come before the second, newest first: a list in pieces, read backwards.
pub fn page_before(conn: &mut Conn<'_>, (from, before): (&Id, &Id), most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    );
    conn.all(PAGE, &[from.into(), before.into(), most.into()], event)
}

/// Those events between two ids, both excluded, oldest first.
pub fn page_between(conn: &mut Conn<'_>, (after, before): (&Id, &Id), most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
    );
    conn.all(PAGE, &[after.into(), before.into(), most.into()], event)
}

/// Those of one user that come before an event, newest first.
pub fn page_of_user_before(
    conn: &mut Conn<'_>,
    user_id: &Id,
    (since, at, before): (Time, Time, &Id),
    most: i64,
) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE user_id = $1 AND at >= $2 AND at <= $3 AND (at < $3 OR id < $4)
         ORDER BY at DESC, id DESC LIMIT $5",
    );
    let values = [user_id.into(), since.into(), at.into(), before.into(), most.into()];
    conn.all(PAGE, &values, event)
}

/// Those events that were written down after this one, oldest first: a list in pieces, from the empty id on.
pub fn page(conn: &mut Conn<'_>, after: &Id, most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE id > $1 ORDER BY id LIMIT $2",
    );
    conn.all(PAGE, &[after.into(), most.into()], event)
}

/// How many events of a kind there are, gathered ones counted as often as they happened.
pub fn count_of_kind(conn: &mut Conn<'_>, kind: &str) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM events WHERE kind = $1");
    Ok(conn.one(COUNT, &[kind.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Whether anything is there to be sealed: what has no seal, and does not grow any more. What was gathered grows until its
/// minute is over; those that began `before` have done so.
pub fn has_unsealed(conn: &mut Conn<'_>, before: Time) -> Result<bool> {
    const FIRST: Sql = Sql::new(
        "SELECT id FROM events WHERE seal IS NULL AND (gather IS NULL OR at < $1) ORDER BY id LIMIT 1",
    );
    Ok(conn.one(FIRST, &[before.into()], |row| row.id(0))?.is_some())
}

/// When the oldest event happened that has no seal yet.
pub fn first_unsealed(conn: &mut Conn<'_>) -> Result<Option<Time>> {
    const FIRST: Sql = Sql::new("SELECT at FROM events WHERE seal IS NULL ORDER BY id LIMIT 1");
    conn.one(FIRST, &[], |row| row.time(0))
}

/// Gives that a seal, the oldest first, and answers what it has sealed, in no order. What one statement reads and marks
/// cannot be changed in between; what a slower transaction commits later is sealed later.
pub fn seal(tx: &mut Tx<'_>, number: i64, before: Time) -> Result<Vec<Event>> {
    // Without `gather` nothing more is counted in the row: the next of its kind is a row of its own.
    const SEAL: Sql = Sql::new(
        "UPDATE events SET seal = $1, gather = NULL WHERE seal IS NULL AND id IN (
           SELECT id FROM events WHERE seal IS NULL AND (gather IS NULL OR at < $2) ORDER BY id LIMIT 500
         ) RETURNING id, at, kind, user_id, name, address, detail, gather, count, mac, seal",
    );
    tx.all(SEAL, &[number.into(), before.into()], event)
}

/// The same for what nobody vouches for, since it was written before there were seals.
pub fn seal_unmarked(tx: &mut Tx<'_>, number: i64) -> Result<Vec<Event>> {
    const SEAL: Sql = Sql::new(
        "UPDATE events SET seal = $1, gather = NULL WHERE seal IS NULL AND id IN (
           SELECT id FROM events WHERE seal IS NULL AND mac = '' ORDER BY id LIMIT 500
         ) RETURNING id, at, kind, user_id, name, address, detail, gather, count, mac, seal",
    );
    tx.all(SEAL, &[number.into()], event)
}

/// Vouches for an event.
pub fn update_mac(tx: &mut Tx<'_>, id: &Id, mac: &str) -> Result<()> {
    const UPDATE: Sql = Sql::new("UPDATE events SET mac = $1 WHERE id = $2");
    tx.execute(UPDATE, &[mac.into(), id.into()]).map(|_| ())
}

/// The events of a seal in pieces, by id.
pub fn page_of_seal(conn: &mut Conn<'_>, seal: i64, after: &Id, most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE seal = $1 AND id > $2 ORDER BY id LIMIT $3",
    );
    conn.all(PAGE, &[seal.into(), after.into(), most.into()], event)
}

/// The events of all seals from one to another in pieces, by seal and id.
pub fn page_of_seals(
    conn: &mut Conn<'_>,
    (from, after): (i64, &Id),
    to: i64,
    most: i64,
) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE seal >= $1 AND (seal > $1 OR id > $2) AND seal <= $3 ORDER BY seal, id LIMIT $4",
    );
    conn.all(PAGE, &[from.into(), after.into(), to.into(), most.into()], event)
}

/// What has no seal yet, in pieces, by id.
pub fn page_unsealed(conn: &mut Conn<'_>, after: &Id, most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
         FROM events WHERE seal IS NULL AND id > $1 ORDER BY id LIMIT $2",
    );
    conn.all(PAGE, &[after.into(), most.into()], event)
}

/// Removes the events of a seal, and answers how many.
pub fn remove_of_seal(tx: &mut Tx<'_>, seal: i64) -> Result<u64> {
    const REMOVE: Sql = Sql::new("DELETE FROM events WHERE seal = $1");
    tx.execute(REMOVE, &[seal.into()])
}
