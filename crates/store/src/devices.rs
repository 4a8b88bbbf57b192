//! Known browsers: those in which somebody has signed in. What it means to be known is decided in `auth`.

use crate::{Conn, Id, Result, Sql, Time, Tx};

/// A browser to be known.
pub struct NewDevice<'a> {
    /// Made by us.
    pub id: &'a Id,
    /// By whom.
    pub user_id: &'a Id,
    /// The keyed MAC of the browser's token.
    pub token_mac: &'a str,
    /// Where it is.
    pub address: &'a str,
    /// What it calls itself.
    pub agent: &'a str,
    /// Until when it is known.
    pub expires_at: Time,
}

/// Knows a browser, or notes that its person has signed in there again.
pub fn know(tx: &mut Tx<'_>, new: &NewDevice<'_>, now: Time) -> Result<()> {
    const KNOW: Sql = Sql::new(
        "INSERT INTO devices (id, user_id, token_mac, address, agent, created_at, seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
         ON CONFLICT (token_mac, user_id) DO UPDATE SET address = $4, agent = $5, seen_at = $6, expires_at = $7",
    );
    let values = [
        new.id.into(),
        new.user_id.into(),
        new.token_mac.into(),
        new.address.into(),
        new.agent.into(),
        now.into(),
        new.expires_at.into(),
    ];
    tx.execute_later(KNOW, &values)
}

/// The known browser of a user that has this token.
pub fn find(conn: &mut Conn<'_>, token_mac: &str, user_id: &Id, now: Time) -> Result<Option<Id>> {
    const FIND: Sql =
        Sql::new("SELECT id FROM devices WHERE token_mac = $1 AND user_id = $2 AND expires_at > $3");
    conn.one(FIND, &[token_mac.into(), user_id.into(), now.into()], |row| row.id(0))
}

/// Whether the browser that has this token is known of the person of that name, which must be in lower case.
pub fn is_known(conn: &mut Conn<'_>, token_mac: &str, name_key: &str, now: Time) -> Result<bool> {
    const IS_KNOWN: Sql = Sql::new(
        "SELECT d.id FROM devices d JOIN users u ON u.id = d.user_id
         WHERE d.token_mac = $1 AND u.name_key = $2 AND d.expires_at > $3",
    );
    let found = conn.one(IS_KNOWN, &[token_mac.into(), name_key.into(), now.into()], |row| row.id(0))?;
    Ok(found.is_some())
}

/// Gives a browser another token, for all who are known in it. Says for how many.
pub fn replace_token(tx: &mut Tx<'_>, old: &str, new: &str, now: Time) -> Result<u64> {
    const REPLACE: Sql =
        Sql::new("UPDATE devices SET token_mac = $1 WHERE token_mac = $2 AND expires_at > $3");
    tx.execute(REPLACE, &[new.into(), old.into(), now.into()])
}

/// A known browser, as its person sees it in a list.
#[derive(Clone)]
pub struct Listed {
    /// Its id.
    pub id: Id,
    /// The keyed MAC of its token.
    pub token_mac: String,
    /// Where it was last.
    pub address: String,
    /// What it calls itself.
    pub agent: String,
    /// When it became known.
    pub created_at: Time,
    /// When its person last signed in there.
    pub seen_at: Time,
}

/// The known browsers of a user, the one used last first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<Listed>> {
    const OF_USER: Sql = Sql::new(
        "SELECT id, token_mac, address, agent, created_at, seen_at FROM devices
         WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, id DESC",
    );
    conn.all(OF_USER, &[user_id.into(), now.into()], |row| {
        Ok(Listed {
            id: row.id(0)?,
            token_mac: row.text(1)?,
            address: row.text(2)?,
            agent: row.text(3)?,
            created_at: row.time(4)?,
            seen_at: row.time(5)?,
        })
    })
}

/// Forgets one. False when there is none such.
pub fn forget(tx: &mut Tx<'_>, user_id: &Id, id: &Id) -> Result<bool> {
    const FORGET: Sql = Sql::new("DELETE FROM devices WHERE user_id = $1 AND id = $2");
    Ok(tx.execute(FORGET, &[user_id.into(), id.into()])? == 1)
}

/// Forgets all of a user's but the one with this token, and says how many. An empty token forgets all.
pub fn forget_others(tx: &mut Tx<'_>, user_id: &Id, token_mac: &str) -> Result<u64> {
    const FORGET: Sql = Sql::new("DELETE FROM devices WHERE user_id = $1 AND token_mac <> $2");
    tx.execute(FORGET, &[user_id.into(), token_mac.into()])
}

/// Forgets those that a user has used longest ago, and keeps so many.
pub fn keep_newest(tx: &mut Tx<'_>, user_id: &Id, count: i64) -> Result<u64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM devices WHERE user_id = $1");
    if tx.one(COUNT, &[user_id.into()], |row| row.int(0))?.is_some_and(|there| there <= count) {
        return Ok(0);
    }
    const KEEP: Sql = Sql::new(
        "DELETE FROM devices WHERE user_id = $1 AND id NOT IN
             (SELECT id FROM devices WHERE user_id = $1 ORDER BY seen_at DESC, id DESC LIMIT $2)",
    );
    tx.execute(KEEP, &[user_id.into(), count.into()])
}

/// Forgets those whose time is over of the next two thousand after this id. Answers up to which one it has looked; `None` at the
/// end.
pub fn sweep(tx: &mut Tx<'_>, after: &Id, now: Time) -> Result<Option<Id>> {
    const LAST: Sql = Sql::new("SELECT id FROM devices WHERE id > $1 ORDER BY id LIMIT 1 OFFSET 1999");
    const SWEEP: Sql = Sql::new("DELETE FROM devices WHERE id > $1 AND id <= $2 AND expires_at <= $3");
    const SWEEP_REST: Sql = Sql::new("DELETE FROM devices WHERE id > $1 AND expires_at <= $2");
    let last = tx.one(LAST, &[after.into()], |row| row.id(0))?;
    match &last {
        Some(last) => tx.execute(SWEEP, &[after.into(), last.into(), now.into()])?,
        None => tx.execute(SWEEP_REST, &[after.into(), now.into()])?,
    };
    Ok(last)
}
