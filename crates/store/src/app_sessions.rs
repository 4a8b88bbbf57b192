//! Browsers that are signed in at the host of a program. Such a session is true while the one that it came from is.

use crate::sessions::Live;
use crate::{Conn, Id, Result, Sql, Time, Tx};

/// Signs a browser in at an origin.
pub fn insert(tx: &mut Tx<'_>, token_mac: &str, (session_id, origin): (&Id, &str), now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO app_sessions (token_mac, session_id, origin, created_at) VALUES ($1, $2, $3, $4)",
    );
    tx.execute(INSERT, &[token_mac.into(), session_id.into(), origin.into(), now.into()]).map(|_| ())
}

/// The live session behind this token, which must be of this origin, and the names of the groups that its user belongs to. One
/// statement, since it is asked for each request of each program.
pub fn live(
    conn: &mut Conn<'_>,
    token_mac: &str,
    origin: &str,
    now: Time,
) -> Result<Option<(Live, Vec<String>)>> {
    const LIVE: Sql = Sql::new(
        "SELECT s.id, s.user_id, u.name, u.role, s.keep, s.created_at, s.seen_at, s.proved_at, s.expires_at, s.level,
                u.password IS NOT NULL, s.idle_at, g.name
         FROM app_sessions a JOIN sessions s ON s.id = a.session_id JOIN users u ON u.id = s.user_id
              LEFT JOIN members m ON m.user_id = u.id LEFT JOIN groups g ON g.id = m.group_id
         WHERE a.token_mac = $1 AND a.origin = $2 AND s.idle_at > $3 AND s.expires_at > $3 AND s.epoch = u.epoch
               AND u.disabled = FALSE
         ORDER BY g.name_key",
    );
    let values = [token_mac.into(), origin.into(), now.into()];
    let rows = conn.all(LIVE, &values, |row| Ok((Live::of_row(row)?, row.opt_text(12)?)))?;
    let mut groups = Vec::new();
    let mut live = None;
    for (row, group) in rows {
        live = Some(row);
        groups.extend(group);
    }
    Ok(live.map(|live| (live, groups)))
}

/// Keeps the newest so many of a session.
pub fn keep_newest(tx: &mut Tx<'_>, session_id: &Id, count: i64) -> Result<u64> {
    const KEEP: Sql = Sql::new(
        "DELETE FROM app_sessions WHERE session_id = $1 AND token_mac NOT IN
             (SELECT token_mac FROM app_sessions WHERE session_id = $1 ORDER BY created_at DESC, token_mac DESC LIMIT $2)",
    );
    tx.execute(KEEP, &[session_id.into(), count.into()])
}
