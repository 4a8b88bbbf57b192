//! One-time links that make an account with a role. The row goes in the transaction that reserves the name.

use crate::{Conn, Result, Sql, Time, Tx};

/// A row of `setup_links`.
#[derive(Clone)]
pub struct SetupLink {
    /// `owner`, or `user ` and the name in lower case: there is one link each.
    pub slot: String,
    /// The keyed MAC of the token in the link.
    pub token_mac: String,
    /// The name the account will have; `None` lets the person choose.
    pub name: Option<String>,
    /// The role the account will have.
    pub role: String,
    /// When it is void.
    pub expires_at: Time,
}

/// Makes a link and voids the older one of its slot.
pub fn replace(tx: &mut Tx<'_>, new: &SetupLink, now: Time) -> Result<()> {
    const REPLACE: Sql = Sql::new(
        "INSERT INTO setup_links (slot, token_mac, name, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (slot) DO UPDATE SET token_mac = $2, name = $3, role = $4, created_at = $5, expires_at = $6",
    );
    let values = [
        (&new.slot).into(),
        (&new.token_mac).into(),
        (&new.name).into(),
        (&new.role).into(),
        now.into(),
        new.expires_at.into(),
    ];
    tx.execute(REPLACE, &values).map(|_| ())
}

/// The link with this token, unless it is void.
pub fn by_token(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<SetupLink>> {
    const BY_TOKEN: Sql = Sql::new(
        "SELECT slot, token_mac, name, role, expires_at FROM setup_links WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(BY_TOKEN, &[token_mac.into(), now.into()], |row| {
        Ok(SetupLink {
            slot: row.text(0)?,
            token_mac: row.text(1)?,
            name: row.opt_text(2)?,
            role: row.text(3)?,
            expires_at: row.time(4)?,
        })
    })
}

/// The role that the link of a slot gives, unless it is void.
pub fn role_of_slot(conn: &mut Conn<'_>, slot: &str, now: Time) -> Result<Option<String>> {
    const ROLE: Sql = Sql::new("SELECT role FROM setup_links WHERE slot = $1 AND expires_at > $2");
    conn.one(ROLE, &[slot.into(), now.into()], |row| row.text(0))
}

/// Spends the link. False when it was spent, replaced, or is void.
pub fn take(tx: &mut Tx<'_>, token_mac: &str, now: Time) -> Result<bool> {
    const TAKE: Sql = Sql::new("DELETE FROM setup_links WHERE token_mac = $1 AND expires_at > $2");
    Ok(tx.execute(TAKE, &[token_mac.into(), now.into()])? == 1)
}

/// Voids the link of a slot, if there is one.
pub fn remove(tx: &mut Tx<'_>, slot: &str) -> Result<()> {
    const REMOVE: Sql = Sql::new("DELETE FROM setup_links WHERE slot = $1");
    tx.execute(REMOVE, &[slot.into()]).map(|_| ())
}

/// Removes what is void.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM setup_links WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
