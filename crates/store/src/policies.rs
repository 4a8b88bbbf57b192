//! What the place asks for, as the last start found it.

use crate::{Conn, Result, Sql, Time, Tx};

/// What was last noted under that name.
pub fn find(conn: &mut Conn<'_>, name: &str) -> Result<Option<String>> {
    const FIND: Sql = Sql::new("SELECT value FROM policies WHERE name = $1");
    conn.one(FIND, &[name.into()], |row| row.text(0))
}

/// Notes another value. False when it is the one already: of many at once, one makes the switch.
pub fn switch(tx: &mut Tx<'_>, name: &str, value: &str, now: Time) -> Result<bool> {
    const SWITCH: Sql = Sql::new(
        "INSERT INTO policies AS p (name, value, since) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = $2, since = $3 WHERE p.value <> $2",
    );
    Ok(tx.execute(SWITCH, &[name.into(), value.into(), now.into()])? == 1)
}
