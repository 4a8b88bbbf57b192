//! Names held for half an hour, until their first code. The account does not exist yet.

use crate::{Conn, Result, Row, Sql, Time, Tx, sealed};

/// A row of `registrations`.
#[derive(Clone)]
pub struct Registration {
    /// In lower case.
    pub name_key: String,
    /// As typed.
    pub name: String,
    /// The role the account will have.
    pub role: String,
    /// The PHC string.
    pub password: Option<String>,
    /// The sealed secret.
    pub secret: String,
    /// The keyed MAC of the enrolling browser's token.
    pub token_mac: String,
    /// The keyed MAC of the one-time link it began with.
    pub link_mac: Option<String>,
    /// That link fixes the name.
    pub name_fixed: bool,
    /// Whom the address budget holds it against.
    pub address: Option<String>,
    /// Where the person was going.
    pub next_path: String,
    /// When the name is free again.
    pub expires_at: Time,
}

fn registration(row: &Row<'_>) -> Result<Registration> {
    Ok(Registration {
        name_key: row.text(0)?,
        name: row.text(1)?,
        role: row.text(2)?,
        password: row.opt_text(3)?,
        secret: row.text(4)?,
        token_mac: row.text(5)?,
        link_mac: row.opt_text(6)?,
        name_fixed: row.bool(7)?,
        address: row.opt_text(8)?,
        next_path: row.text(9)?,
        expires_at: row.time(10)?,
    })
}

/// Holds a name. False when somebody else holds it.
pub fn reserve(tx: &mut Tx<'_>, new: &Registration, now: Time) -> Result<bool> {
    const RESERVE: Sql = Sql::new(
        "INSERT INTO registrations AS r (name_key, name, role, password, secret, token_mac, link_mac, name_fixed, address,
                                         next_path, created_at, expires_at, sealed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (name_key) DO UPDATE SET name = $2, role = $3, password = $4, secret = $5, token_mac = $6,
             link_mac = $7, name_fixed = $8, address = $9, next_path = $10, created_at = $11, expires_at = $12,
             sealed_by = $13
         WHERE r.expires_at <= $11",
    );
    let values = [
        (&new.name_key).into(),
        (&new.name).into(),
        (&new.role).into(),
        (&new.password).into(),
        (&new.secret).into(),
        (&new.token_mac).into(),
        (&new.link_mac).into(),
        new.name_fixed.into(),
        (&new.address).into(),
        (&new.next_path).into(),
        now.into(),
        new.expires_at.into(),
        sealed::key_of(&new.secret).into(),
    ];
    Ok(tx.execute(RESERVE, &values)? == 1)
}

/// The registration of the browser that has this token, unless it has expired.
pub fn by_token(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Registration>> {
    const BY_TOKEN: Sql = Sql::new(
        "SELECT name_key, name, role, password, secret, token_mac, link_mac, name_fixed, address, next_path,
                expires_at
         FROM registrations WHERE token_mac = $1 AND expires_at > $2",
    );
    conn.one(BY_TOKEN, &[token_mac.into(), now.into()], registration)
}

/// Another spelling or password for a name the browser holds already. The secret, and so the QR code, stays.
pub fn update(tx: &mut Tx<'_>, token_mac: &str, name: &str, password: Option<&str>) -> Result<bool> {
    const UPDATE: Sql = Sql::new("UPDATE registrations SET name = $1, password = $2 WHERE token_mac = $3");
    Ok(tx.execute(UPDATE, &[name.into(), password.into(), token_mac.into()])? == 1)
}

/// Takes the registration: it becomes an account now. False when it was taken, released or has expired.
pub fn take(tx: &mut Tx<'_>, token_mac: &str, now: Time) -> Result<bool> {
    const TAKE: Sql = Sql::new("DELETE FROM registrations WHERE token_mac = $1 AND expires_at > $2");
    Ok(tx.execute(TAKE, &[token_mac.into(), now.into()])? == 1)
}

/// Frees the name that this browser holds, if any.
pub fn release(tx: &mut Tx<'_>, token_mac: &str) -> Result<()> {
    const RELEASE: Sql = Sql::new("DELETE FROM registrations WHERE token_mac = $1");
    tx.execute(RELEASE, &[token_mac.into()]).map(|_| ())
}

/// Frees a name, which must be in lower case, whoever holds it.
pub fn remove(tx: &mut Tx<'_>, name_key: &str) -> Result<()> {
    const REMOVE: Sql = Sql::new("DELETE FROM registrations WHERE name_key = $1");
    tx.execute(REMOVE, &[name_key.into()]).map(|_| ())
}

/// How many names are held now.
pub fn count(conn: &mut Conn<'_>, now: Time) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM registrations WHERE expires_at > $1");
    Ok(conn.one(COUNT, &[now.into()], |row| row.int(0))?.unwrap_or(0))
}

/// How many names are held now for this address.
pub fn count_of_address(conn: &mut Conn<'_>, address: &str, now: Time) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM registrations WHERE address = $1 AND expires_at > $2");
    Ok(conn.one(COUNT, &[address.into(), now.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Removes what has expired.
pub fn sweep(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM registrations WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
