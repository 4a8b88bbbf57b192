//! Tickets: the way of a signed-in browser from the portal to the host of a program. Good once, there, and for a moment.

use crate::{Conn, Id, Result, Sql, Time, Tx};

/// A ticket to be inserted.
pub struct NewTicket<'a> {
    /// The keyed MAC of the ticket.
    pub token_mac: &'a str,
    /// The session that it was made from.
    pub session_id: &'a Id,
    /// Where it is good: scheme, host and port.
    pub origin: &'a str,
    /// The keyed MAC of what the browser holds there.
    pub nonce_mac: &'a str,
    /// Over from then on.
    pub expires_at: Time,
}

/// Makes a ticket.
pub fn insert(tx: &mut Tx<'_>, new: &NewTicket<'_>) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO tickets (token_mac, session_id, origin, nonce_mac, expires_at) VALUES ($1, $2, $3, $4, $5)",
    );
    let values = [
        new.token_mac.into(),
        new.session_id.into(),
        new.origin.into(),
        new.nonce_mac.into(),
        new.expires_at.into(),
    ];
    tx.execute(INSERT, &values).map(|_| ())
}

/// Spends a ticket that is good at this origin for whoever holds that nonce, and says from which session it was made.
pub fn take(
    tx: &mut Tx<'_>,
    token_mac: &str,
    (origin, nonce_mac): (&str, &str),
    now: Time,
) -> Result<Option<Id>> {
    const TAKE: Sql = Sql::new(
        "DELETE FROM tickets WHERE token_mac = $1 AND origin = $2 AND nonce_mac = $3 AND expires_at > $4
         RETURNING session_id",
    );
    tx.one(TAKE, &[token_mac.into(), origin.into(), nonce_mac.into(), now.into()], |row| row.id(0))
}

/// How many tickets of a session wait to be used.
pub fn waiting(conn: &mut Conn<'_>, session_id: &Id) -> Result<i64> {
    const WAITING: Sql = Sql::new("SELECT count(*) FROM tickets WHERE session_id = $1");
    Ok(conn.one(WAITING, &[session_id.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Removes the tickets of a session that nobody has used.
pub fn remove_of_session(tx: &mut Tx<'_>, session_id: &Id) -> Result<u64> {
    const REMOVE: Sql = Sql::new("DELETE FROM tickets WHERE session_id = $1");
    tx.execute(REMOVE, &[session_id.into()])
}

/// Removes tickets that are over.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM tickets WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
