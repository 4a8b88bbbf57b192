//! The seals of the audit log, and what says which of them are gone by rule. What is sealed stands in `events.rs`; how,
//! `auth` knows.

use crate::{Conn, Result, Row, Sql, Time, Tx};

/// A row of `seals`.
#[derive(Clone)]
pub struct Seal {
    /// One more than that of the seal before.
    pub number: i64,
    /// `events`, or `adopted`: what was written before there were seals.
    pub kind: String,
    /// When it was made.
    pub at: Time,
    /// When the last of its events happened.
    pub newest: Time,
    /// How many events it has.
    pub count: i64,
    /// Which, as JSON.
    pub listed: String,
    /// The MAC of the seal before.
    pub previous: String,
    /// Over all of it.
    pub mac: String,
}

/// The row of `seals_removed`.
#[derive(Clone)]
pub struct Removed {
    /// The number of the last seal that is gone.
    pub through: i64,
    /// Its MAC.
    pub last: String,
    /// How many events are gone with them in all.
    pub events: i64,
    /// What had happened before then was old.
    pub older: Time,
    /// When the last one was removed.
    pub at: Time,
    /// Over all of it.
    pub mac: String,
}

fn seal(row: &Row<'_>) -> Result<Seal> {
    Ok(Seal {
        number: row.int(0)?,
        kind: row.text(1)?,
        at: row.time(2)?,
        newest: row.time(3)?,
        count: row.int(4)?,
        listed: row.text(5)?,
        previous: row.text(6)?,
        mac: row.text(7)?,
    })
}

/// The newest seal.
pub fn last(conn: &mut Conn<'_>) -> Result<Option<Seal>> {
    const LAST: Sql = Sql::new(
        "SELECT number, kind, at, newest, count, listed, previous, mac FROM seals ORDER BY number DESC LIMIT 1",
    );
    conn.one(LAST, &[], seal)
}

/// When the newest seal was made.
pub fn last_at(conn: &mut Conn<'_>) -> Result<Option<Time>> {
    const LAST_AT: Sql = Sql::new("SELECT at FROM seals ORDER BY number DESC LIMIT 1");
    conn.one(LAST_AT, &[], |row| row.time(0))
}

/// The MAC of a seal.
pub fn mac_of(conn: &mut Conn<'_>, number: i64) -> Result<Option<String>> {
    const MAC_OF: Sql = Sql::new("SELECT mac FROM seals WHERE number = $1");
    conn.one(MAC_OF, &[number.into()], |row| row.text(0))
}

/// Those seals that follow this number, oldest first.
pub fn after(conn: &mut Conn<'_>, number: i64, most: i64) -> Result<Vec<Seal>> {
    const AFTER: Sql = Sql::new(
        "SELECT number, kind, at, newest, count, listed, previous, mac
         FROM seals WHERE number > $1 ORDER BY number LIMIT $2",
    );
    conn.all(AFTER, &[number.into(), most.into()], seal)
}

/// How many there are.
pub fn count(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM seals");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// Adds a seal. Its number is taken when another node was first.
pub fn insert(tx: &mut Tx<'_>, new: &Seal) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO seals (number, kind, at, newest, count, listed, previous, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let values = [
        new.number.into(),
        (&new.kind).into(),
        new.at.into(),
        new.newest.into(),
        new.count.into(),
        (&new.listed).into(),
        (&new.previous).into(),
        (&new.mac).into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// Removes a seal. Its events go with `events::remove_of_seal`.
pub fn remove(tx: &mut Tx<'_>, number: i64) -> Result<()> {
    const REMOVE: Sql = Sql::new("DELETE FROM seals WHERE number = $1");
    tx.execute(REMOVE, &[number.into()]).map(|_| ())
}

/// Up to where seals are gone by rule.
pub fn removed(conn: &mut Conn<'_>) -> Result<Option<Removed>> {
    const REMOVED: Sql = Sql::new("SELECT through, last, events, older, at, mac FROM seals_removed");
    conn.one(REMOVED, &[], |row| {
        Ok(Removed {
            through: row.int(0)?,
            last: row.text(1)?,
            events: row.int(2)?,
            older: row.time(3)?,
            at: row.time(4)?,
            mac: row.text(5)?,
        })
    })
}

/// Writes down up to where they are gone now.
pub fn set_removed(tx: &mut Tx<'_>, removed: &Removed) -> Result<()> {
    const SET: Sql = Sql::new(
        "INSERT INTO seals_removed (slot, through, last, events, older, at, mac) VALUES ('audit', $1, $2, $3, $4, $5, $6)
         ON CONFLICT (slot) DO UPDATE SET through = $1, last = $2, events = $3, older = $4, at = $5, mac = $6",
    );
    let values = [
        removed.through.into(),
        (&removed.last).into(),
        removed.events.into(),
        removed.older.into(),
        removed.at.into(),
        (&removed.mac).into(),
    ];
    tx.execute(SET, &values).map(|_| ())
}
