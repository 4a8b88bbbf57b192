//! Everything that is sealed, by the key that has sealed it: what a change of keys goes through, table by table.
//!
//! Each of these tables has a column `sealed_by` that refers to `keys`, so the engine itself refuses to part with a key that
//! a row needs, and refuses a row whose key has gone.

use crate::{Conn, Result, Sql, Tx};

/// How many rows are sealed again in one transaction: whoever signs in meanwhile waits for no longer than these take.
pub const BATCH: usize = 500;

/// A column of sealed secrets.
#[derive(Clone, Copy)]
pub struct Shelf {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    next: Sql,
    swap: Sql,
    count: Sql,
    mark: Sql,
    key_after: Sql,
}

/// Every column of sealed secrets.
pub const SHELVES: [Shelf; 4] = [
    Shelf {
        table: "registrations",
        column: "secret",
        next: Sql::new(
            "SELECT name_key, '', secret FROM registrations WHERE sealed_by = $1 ORDER BY name_key LIMIT 500",
        ),
        swap: Sql::new(
            "UPDATE registrations SET secret = $1, sealed_by = $2 WHERE name_key = $3 AND secret = $4",
        ),
        count: Sql::new("SELECT count(*) FROM registrations WHERE sealed_by = $1"),
        mark: Sql::new(
            "UPDATE registrations SET sealed_by = $1 WHERE sealed_by IS NULL AND secret LIKE CAST($1 AS TEXT) || '.%'",
        ),
        key_after: Sql::new("SELECT min(sealed_by) FROM registrations WHERE sealed_by > $1"),
    },
    Shelf {
        table: "authenticators",
        column: "secret",
        next: Sql::new(
            "SELECT id, user_id, secret FROM authenticators WHERE sealed_by = $1 ORDER BY id LIMIT 500",
        ),
        swap: Sql::new("UPDATE authenticators SET secret = $1, sealed_by = $2 WHERE id = $3 AND secret = $4"),
        count: Sql::new("SELECT count(*) FROM authenticators WHERE sealed_by = $1"),
        mark: Sql::new(
            "UPDATE authenticators SET sealed_by = $1 WHERE sealed_by IS NULL AND secret LIKE CAST($1 AS TEXT) || '.%'",
        ),
        key_after: Sql::new("SELECT min(sealed_by) FROM authenticators WHERE sealed_by > $1"),
    },
    Shelf {
        table: "enrollments",
        column: "secret",
        next: Sql::new(
            "SELECT user_id, user_id, secret FROM enrollments WHERE sealed_by = $1 ORDER BY user_id LIMIT 500",
        ),
        swap: Sql::new(
            "UPDATE enrollments SET secret = $1, sealed_by = $2 WHERE user_id = $3 AND secret = $4",
        ),
        count: Sql::new("SELECT count(*) FROM enrollments WHERE sealed_by = $1"),
        mark: Sql::new(
            "UPDATE enrollments SET sealed_by = $1 WHERE sealed_by IS NULL AND secret LIKE CAST($1 AS TEXT) || '.%'",
        ),
        key_after: Sql::new("SELECT min(sealed_by) FROM enrollments WHERE sealed_by > $1"),
    },
    Shelf {
        table: "recovery_sheets",
        column: "codes",
        next: Sql::new(
            "SELECT user_id, user_id, codes FROM recovery_sheets WHERE sealed_by = $1 ORDER BY user_id LIMIT 500",
        ),
        swap: Sql::new(
            "UPDATE recovery_sheets SET codes = $1, sealed_by = $2 WHERE user_id = $3 AND codes = $4",
        ),
        count: Sql::new("SELECT count(*) FROM recovery_sheets WHERE sealed_by = $1"),
        mark: Sql::new(
            "UPDATE recovery_sheets SET sealed_by = $1 WHERE sealed_by IS NULL AND codes LIKE CAST($1 AS TEXT) || '.%'",
        ),
        key_after: Sql::new("SELECT min(sealed_by) FROM recovery_sheets WHERE sealed_by > $1"),
    },
];

/// Something sealed, and where it stands.
pub struct SealedRow {
    /// What identifies the row.
    pub row: String,
    /// Whose it is; empty where there is nobody yet.
    pub user: String,
    /// The sealed text.
    pub sealed: String,
}

impl Shelf {
    /// The next rows that a key has sealed, at most [`BATCH`].
    pub fn next(&self, conn: &mut Conn<'_>, key: &str) -> Result<Vec<SealedRow>> {
        conn.all(self.next, &[key.into()], |row| {
            Ok(SealedRow { row: row.text(0)?, user: row.text(1)?, sealed: row.text(2)? })
        })
    }

    /// Puts a text in the place of another that says the same. False when the row has changed since it was read.
    pub fn swap(&self, tx: &mut Tx<'_>, old: &SealedRow, new: &str) -> Result<bool> {
        let values = [new.into(), key_of(new).into(), (&old.row).into(), (&old.sealed).into()];
        Ok(tx.execute(self.swap, &values)? == 1)
    }

    /// How many rows a key has sealed.
    pub fn count(&self, conn: &mut Conn<'_>, key: &str) -> Result<i64> {
        Ok(conn.one(self.count, &[key.into()], |row| row.int(0))?.unwrap_or(0))
    }

    /// Notes the key of rows that an older program has written, which does not.
    pub fn mark(&self, tx: &mut Tx<'_>, key: &str) -> Result<u64> {
        tx.execute(self.mark, &[key.into()])
    }

    /// The keys that rows need. A step through the index for each, however many rows there are.
    pub fn keys(&self, conn: &mut Conn<'_>) -> Result<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        loop {
            let after = found.last().map_or("", String::as_str);
            match conn.one(self.key_after, &[after.into()], |row| row.opt_text(0))?.flatten() {
                Some(key) => found.push(key),
                None => return Ok(found),
            }
        }
    }
}

/// How many rows a key has sealed, everywhere.
pub fn count(conn: &mut Conn<'_>, key: &str) -> Result<i64> {
    SHELVES.iter().try_fold(0, |sum, shelf| Ok(sum + shelf.count(conn, key)?))
}

/// The id of the key that has sealed a text: what stands before the dot.
pub(crate) fn key_of(sealed: &str) -> &str {
    sealed.split_once('.').map_or("", |(id, _)| id)
}
