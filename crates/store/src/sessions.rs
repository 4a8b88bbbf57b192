//! Signed-in browsers. A session is true while its epoch is the user's, and no longer.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A session to be inserted.
pub struct NewSession<'a> {
    /// Made by us.
    pub id: &'a Id,
    /// The keyed MAC of the browser's token.
    pub token_mac: &'a str,
    /// Whose it is.
    pub user_id: &'a Id,
    /// Copied from the login or the enrollment.
    pub epoch: i64,
    /// "Keep me signed in".
    pub keep: bool,
    /// What was proven: 1 for a code alone, 2 for a password and a code.
    pub level: i64,
    /// Where it begins.
    pub address: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// Over when nobody has been seen until then.
    pub idle_at: Time,
    /// Over in any case.
    pub expires_at: Time,
}

/// Starts a session.
pub fn insert(tx: &mut Tx<'_>, new: &NewSession<'_>, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, proved_at, idle_at, expires_at,
                               address, agent, level)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $7, $8, $9, $10, $11)",
    );
    let values = [
        new.id.into(),
        new.token_mac.into(),
        new.user_id.into(),
        new.epoch.into(),
        new.keep.into(),
        now.into(),
        new.idle_at.into(),
        new.expires_at.into(),
        new.address.into(),
        new.agent.into(),
        new.level.into(),
    ];
    tx.execute_later(INSERT, &values)
}

/// A live session with its user.
#[derive(Clone)]
pub struct Live {
    /// The session's id.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// The user's name as typed.
    pub name: String,
    /// `user`, `admin` or `owner`.
    pub role: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// When it began.
    pub created_at: Time,
    /// When somebody was last seen, to the minute.
    pub seen_at: Time,
    /// When all factors were last given.
    pub proved_at: Time,
    /// What was proven: 1 for a code alone, 2 for a password and a code.
    pub level: i64,
    /// Whether the user has a password, and so could prove more than a code.
    pub has_password: bool,
    /// Over in any case.
    pub expires_at: Time,
    /// Over when nobody has been seen until then.
    pub idle_at: Time,
}

impl Live {
    /// Whether it is not over yet, as far as time goes.
    pub fn is_live(&self, now: Time) -> bool {
        self.idle_at > now && self.expires_at > now
    }

    /// From the columns in the order of [`live`].
    pub(crate) fn of_row(row: &Row<'_>) -> Result<Live> {
        Ok(Live {
            id: row.id(0)?,
            user_id: row.id(1)?,
            name: row.text(2)?,
            role: row.text(3)?,
            keep: row.bool(4)?,
            created_at: row.time(5)?,
            seen_at: row.time(6)?,
            proved_at: row.time(7)?,
            expires_at: row.time(8)?,
            level: row.int(9)?,
            has_password: row.bool(10)?,
            idle_at: row.time(11)?,
        })
    }
}

/// The live session with this token: not over, its epoch current, its user not disabled.
pub fn live(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Option<Live>> {
    const LIVE: Sql = Sql::new(
        "SELECT s.id, s.user_id, u.name, u.role, s.keep, s.created_at, s.seen_at, s.proved_at, s.expires_at, s.level,
                u.password IS NOT NULL, s.idle_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.token_mac = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE",
    );
    conn.one(LIVE, &[token_mac.into(), now.into()], Live::of_row)
}

/// The live session with this id.
pub fn live_by_id(conn: &mut Conn<'_>, id: &Id, now: Time) -> Result<Option<Live>> {
    const LIVE: Sql = Sql::new(
        "SELECT s.id, s.user_id, u.name, u.role, s.keep, s.created_at, s.seen_at, s.proved_at, s.expires_at, s.level,
                u.password IS NOT NULL, s.idle_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE",
    );
    conn.one(LIVE, &[id.into(), now.into()], Live::of_row)
}

/// What a live session has proven, by its id; `None` when it is over.
pub fn level(conn: &mut Conn<'_>, id: &Id, now: Time) -> Result<Option<i64>> {
    const LEVEL: Sql = Sql::new(
        "SELECT s.level FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE",
    );
    conn.one(LEVEL, &[id.into(), now.into()], |row| row.int(0))
}

/// Notes that somebody is there.
pub fn touch(tx: &mut Tx<'_>, id: &Id, idle_at: Time, now: Time) -> Result<()> {
    const TOUCH: Sql =
        Sql::new("UPDATE sessions SET seen_at = $1, idle_at = $2 WHERE id = $3").revoking_nothing();
    tx.execute(TOUCH, &[now.into(), idle_at.into(), id.into()]).map(|_| ())
}

/// Ends the session with this token. `None` when there was none; else whose it was.
pub fn end(tx: &mut Tx<'_>, token_mac: &str) -> Result<Option<Id>> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE token_mac = $1 RETURNING user_id");
    tx.one(END, &[token_mac.into()], |row| row.id(0))
}

/// A live session, as its person sees it in a list.
#[derive(Clone)]
pub struct Listed {
    /// The session's id.
    pub id: Id,
    /// Where it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// When it began.
    pub created_at: Time,
    /// When somebody was last seen, to the minute.
    pub seen_at: Time,
}

/// The live sessions of a user, the one seen last first.
pub fn of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Vec<Listed>> {
    const OF_USER: Sql = Sql::new(
        "SELECT s.id, s.address, s.agent, s.keep, s.created_at, s.seen_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.user_id = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE
         ORDER BY s.seen_at DESC, s.id DESC",
    );
    conn.all(OF_USER, &[user_id.into(), now.into()], |row| {
        Ok(Listed {
            id: row.id(0)?,
            address: row.text(1)?,
            agent: row.text(2)?,
            keep: row.bool(3)?,
            created_at: row.time(4)?,
            seen_at: row.time(5)?,
        })
    })
}

/// A live session, as those who run the place see it.
#[derive(Clone)]
pub struct Open {
    /// The user's name as typed.
    pub name: String,
    /// The session.
    pub session: Listed,
}

fn open(row: &Row<'_>) -> Result<Open> {
    let session = Listed {
        id: row.id(1)?,
        address: row.text(2)?,
        agent: row.text(3)?,
        keep: row.bool(4)?,
        created_at: row.time(5)?,
        seen_at: row.time(6)?,
    };
    Ok(Open { name: row.text(0)?, session })
}

/// Live sessions by name and age, those after this name, which must be in lower case, and id: a list in pieces.
pub fn page(conn: &mut Conn<'_>, after: (&str, &Id), most: i64, now: Time) -> Result<Vec<Open>> {
    const PAGE: Sql = Sql::new(
        "SELECT u.name, s.id, s.address, s.agent, s.keep, s.created_at, s.seen_at
         FROM users u JOIN sessions s ON s.user_id = u.id
         WHERE (u.name_key, s.id) > ($1, $2) AND s.idle_at > $3 AND s.expires_at > $3 AND s.epoch = u.epoch
               AND u.disabled = FALSE
         ORDER BY u.name_key, s.id LIMIT $4",
    );
    conn.all(PAGE, &[after.0.into(), after.1.into(), now.into(), most.into()], open)
}

/// The live session with this id, and whose it is.
pub fn by_id(conn: &mut Conn<'_>, id: &Id, now: Time) -> Result<Option<(Id, Open)>> {
    const BY_ID: Sql = Sql::new(
        "SELECT u.name, s.id, s.address, s.agent, s.keep, s.created_at, s.seen_at, s.user_id
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = $1 AND s.idle_at > $2 AND s.expires_at > $2 AND s.epoch = u.epoch AND u.disabled = FALSE",
    );
    conn.one(BY_ID, &[id.into(), now.into()], |row| Ok((row.id(7)?, open(row)?)))
}

/// Notes that all factors were given again, or for the first time: a session of another level has another token.
pub fn prove(tx: &mut Tx<'_>, id: &Id, (token_mac, level): (&str, i64), now: Time) -> Result<()> {
    const PROVE: Sql =
        Sql::new("UPDATE sessions SET proved_at = $1, token_mac = $2, level = $3 WHERE id = $4");
    tx.execute(PROVE, &[now.into(), token_mac.into(), level.into(), id.into()]).map(|_| ())
}

/// Takes a session along into a new epoch, which is the end of all others.
pub fn update_epoch(tx: &mut Tx<'_>, id: &Id, epoch: i64) -> Result<()> {
    const UPDATE: Sql = Sql::new("UPDATE sessions SET epoch = $1 WHERE id = $2");
    tx.execute(UPDATE, &[epoch.into(), id.into()]).map(|_| ())
}

/// Ends one session of a user. False when it is not theirs, or over.
pub fn end_one(tx: &mut Tx<'_>, user_id: &Id, id: &Id) -> Result<bool> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE user_id = $1 AND id = $2");
    Ok(tx.execute(END, &[user_id.into(), id.into()])? == 1)
}

/// Ends all sessions of a user but one, and says how many.
pub fn end_others(tx: &mut Tx<'_>, user_id: &Id, id: &Id) -> Result<u64> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE user_id = $1 AND id <> $2");
    tx.execute(END, &[user_id.into(), id.into()])
}

/// Ends all sessions of a user.
pub fn end_of_user(tx: &mut Tx<'_>, user_id: &Id) -> Result<u64> {
    const END: Sql = Sql::new("DELETE FROM sessions WHERE user_id = $1");
    tx.execute(END, &[user_id.into()])
}

/// Ends those in which a user was seen longest ago, and keeps so many.
pub fn keep_newest(tx: &mut Tx<'_>, user_id: &Id, count: i64) -> Result<u64> {
    // Hardly anybody has so many, and to count is cheaper than to put in order.
    const COUNT: Sql = Sql::new("SELECT count(*) FROM sessions WHERE user_id = $1");
    if tx.one(COUNT, &[user_id.into()], |row| row.int(0))?.is_some_and(|there| there <= count) {
        return Ok(0);
    }
    const KEEP: Sql = Sql::new(
        "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN
             (SELECT id FROM sessions WHERE user_id = $1 ORDER BY seen_at DESC, id DESC LIMIT $2)",
    );
    tx.execute(KEEP, &[user_id.into(), count.into()])
}

/// Removes those that are over of the next two thousand after this id. Answers up to which one it has looked; `None` at the end.
pub fn sweep(tx: &mut Tx<'_>, after: &Id, now: Time) -> Result<Option<Id>> {
    const LAST: Sql = Sql::new("SELECT id FROM sessions WHERE id > $1 ORDER BY id LIMIT 1 OFFSET 1999");
    const SWEEP: Sql =
        Sql::new("DELETE FROM sessions WHERE id > $1 AND id <= $2 AND (idle_at <= $3 OR expires_at <= $3)");
    const SWEEP_REST: Sql =
        Sql::new("DELETE FROM sessions WHERE id > $1 AND (idle_at <= $2 OR expires_at <= $2)");
    let last = tx.one(LAST, &[after.into()], |row| row.id(0))?;
    match &last {
        Some(last) => tx.execute(SWEEP, &[after.into(), last.into(), now.into()])?,
        None => tx.execute(SWEEP_REST, &[after.into(), now.into()])?,
    };
    Ok(last)
}
