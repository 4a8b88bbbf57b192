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
}

/// Writes an event, or counts it where one like it was gathered already.
pub fn record(tx: &mut Tx<'_>, new: &Event) -> Result<()> {
    const RECORD: Sql = Sql::new(
        "INSERT INTO events AS e (id, at, kind, user_id, name, address, detail, gather, count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (gather) DO UPDATE SET count = e.count + $9",
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
    ];
    tx.execute(RECORD, &values).map(|_| ())
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
    })
}

/// What happened to a user since then, newest first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, since: Time) -> Result<Vec<Event>> {
    const OF_USER: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count
         FROM events WHERE user_id = $1 AND at >= $2 ORDER BY at DESC, id DESC",
    );
    conn.all(OF_USER, &[user_id.into(), since.into()], event)
}

/// Those events that were written down after this one, oldest first: a list in pieces, from the empty id on.
pub fn page(conn: &mut Conn<'_>, after: &Id, most: i64) -> Result<Vec<Event>> {
    const PAGE: Sql = Sql::new(
        "SELECT id, at, kind, user_id, name, address, detail, gather, count
         FROM events WHERE id > $1 ORDER BY id LIMIT $2",
    );
    conn.all(PAGE, &[after.into(), most.into()], event)
}

/// How many events of a kind there are, gathered ones counted as often as they happened.
pub fn count_of_kind(conn: &mut Conn<'_>, kind: &str) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM events WHERE kind = $1");
    Ok(conn.one(COUNT, &[kind.into()], |row| row.int(0))?.unwrap_or(0))
}
