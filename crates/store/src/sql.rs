//! Statements, values and rows, and the two things a function is handed: a `Conn` to look with, a `Tx` to change with.
//!
//! Both work over either engine. How a transaction is opened and ended is in `sqlite.rs` and `postgres.rs`.

use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::link::{self, Link};
use crate::{Counter, Error, Id, Result, Time, sqlite};

/// One statement, in words both engines understand. Parameters are `$1…$n`.
///
/// SQLite numbers them by first appearance, PostgreSQL by their digits, so `new` refuses, at compile time, a text in
/// which they do not appear in order. Repeats are fine.
#[derive(Clone, Copy)]
pub struct Sql {
    text: &'static str,
    revokes: bool,
}

/// What people may do, and where they are signed in, stands in these tables. A statement that begins so may end something, or take it
/// from somebody.
const REVOKING: [&str; 12] = [
    "UPDATE users ",
    "UPDATE sessions ",
    "UPDATE app_sessions ",
    "UPDATE members ",
    "UPDATE groups ",
    "INSERT INTO rule_books ",
    "DELETE FROM users ",
    "DELETE FROM sessions ",
    "DELETE FROM app_sessions ",
    "DELETE FROM members ",
    "DELETE FROM groups ",
    "DELETE FROM rule_books ",
];

impl Sql {
    /// Checks the order of the parameters. Use it in a `const`, so that a mistake does not compile.
    pub const fn new(text: &'static str) -> Sql {
        let bytes = text.as_bytes();
        let (mut at, mut seen) = (0, 0u32);
        while at < bytes.len() {
            if bytes[at] != b'$' {
                at += 1;
                continue;
            }
            let mut number = 0u32;
            at += 1;
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                number = number * 10 + (bytes[at] - b'0') as u32;
                at += 1;
            }
            assert!(number >= 1 && number <= seen + 1, "$1…$n must first appear in order");
            if number == seen + 1 {
                seen = number;
            }
        }
        Sql { text, revokes: may_revoke(text) }
    }

    /// For a statement on such a table that ends nothing, and takes nothing from anybody: what was remembered of people before is as
    /// good as it was.
    pub const fn revoking_nothing(self) -> Sql {
        Sql { revokes: false, ..self }
    }

    /// Whether what was remembered of people before may be wrong after it.
    pub(crate) fn revokes(self) -> bool {
        self.revokes
    }

    pub(crate) fn text(self) -> &'static str {
        self.text
    }
}

const fn may_revoke(text: &str) -> bool {
    let mut number = 0;
    while number < REVOKING.len() {
        if begins(text, REVOKING[number]) {
            return true;
        }
        number += 1;
    }
    // Anything else that changes these tables would not be seen here: a test holds the texts against that.
    false
}

/// `str::starts_with`, which is not to be had at compile time. The space at the end stands for any other, and for the end of the text.
const fn begins(text: &str, with: &str) -> bool {
    let (text, with, mut at) = (text.as_bytes(), with.as_bytes(), 0);
    while at < with.len() {
        let is_last = at + 1 == with.len();
        let is_same = at < text.len() && (text[at] == with[at] || is_last && text[at].is_ascii_whitespace());
        let ends = is_last && at == text.len();
        if !is_same && !ends {
            return false;
        }
        at += 1;
    }
    true
}

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// NULL. Where its type cannot be inferred, write `CAST($1 AS BIGINT)`.
    Null,
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// TEXT.
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<Time> for Value<'_> {
    fn from(value: Time) -> Self {
        Value::Int(value.millis())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a Id> for Value<'a> {
    fn from(value: &'a Id) -> Self {
        Value::Text(value.as_str())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<'a> From<&'a Option<Id>> for Value<'a> {
    fn from(id: &'a Option<Id>) -> Self {
        id.as_ref().into()
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().into()
    }
}

/// A row of an answer, read by column number from 0.
pub struct Row<'a>(pub(crate) RowOf<'a>);

pub(crate) enum RowOf<'a> {
    Lite(&'a rusqlite::Row<'a>),
    Pg(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// A BIGINT.
    pub fn int(&self, column: usize) -> Result<i64> {
        match &self.0 {
            RowOf::Lite(row) => row.get(column).map_err(sqlite::error),
            RowOf::Pg(row) => row.try_get(column).map_err(link::error),
        }
    }

    /// A BIGINT that may be NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match &self.0 {
            RowOf::Lite(row) => row.get(column).map_err(sqlite::error),
            RowOf::Pg(row) => row.try_get(column).map_err(link::error),
        }
    }

    /// A BOOLEAN.
    pub fn bool(&self, column: usize) -> Result<bool> {
        match &self.0 {
            RowOf::Lite(row) => row.get(column).map_err(sqlite::error),
            RowOf::Pg(row) => row.try_get(column).map_err(link::error),
        }
    }

    /// A TEXT.
    pub fn text(&self, column: usize) -> Result<String> {
        match &self.0 {
            RowOf::Lite(row) => row.get(column).map_err(sqlite::error),
            RowOf::Pg(row) => row.try_get(column).map_err(link::error),
        }
    }

    /// A TEXT that may be NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        match &self.0 {
            RowOf::Lite(row) => row.get(column).map_err(sqlite::error),
            RowOf::Pg(row) => row.try_get(column).map_err(link::error),
        }
    }

    /// A TEXT that is an id.
    pub fn id(&self, column: usize) -> Result<Id> {
        Ok(Id::new(self.text(column)?))
    }

    /// A TEXT that is an id, or NULL.
    pub fn opt_id(&self, column: usize) -> Result<Option<Id>> {
        Ok(self.opt_text(column)?.map(Id::new))
    }

    /// A BIGINT that is an instant.
    pub fn time(&self, column: usize) -> Result<Time> {
        Ok(Time::from_millis(self.int(column)?))
    }

    /// A BIGINT that is an instant, or NULL.
    pub fn opt_time(&self, column: usize) -> Result<Option<Time>> {
        Ok(self.opt_int(column)?.map(Time::from_millis))
    }
}

pub(crate) enum Engine<'a> {
    Lite(&'a rusqlite::Connection),
    Pg(&'a mut Link),
    #[cfg(feature = "simulation")]
    Sim(crate::sim::Link<'a>),
}

/// What a job has to remember of its statements.
#[derive(Default)]
pub(crate) struct Fate {
    /// The first statement that failed: it fails the job, whatever its closure answers. PostgreSQL answers the COMMIT
    /// of an aborted transaction with success.
    pub(crate) failed: Option<Error>,
    /// 40001 or 40P01: the whole job must run again.
    pub(crate) again: bool,
    /// The connection is gone.
    pub(crate) lost: bool,
    /// Something may have been ended or taken from somebody.
    pub(crate) revoked: bool,
    /// How many there were.
    pub(crate) statements: u64,
    /// What is counted once the job is committed.
    pub(crate) counted: Vec<(Counter, u64)>,
}

/// A connection to look with.
pub struct Conn<'a> {
    engine: Engine<'a>,
    pub(crate) fate: Fate,
    /// `Some(n)`: only n statements more. A point read has no transaction around it, so two would see two states.
    left: Option<u8>,
}

/// A transaction to change with; it looks, too, since it derefs to a [`Conn`].
pub struct Tx<'a>(Conn<'a>);

impl<'a> Deref for Tx<'a> {
    type Target = Conn<'a>;
    fn deref(&self) -> &Conn<'a> {
        &self.0
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut <Self as Deref>::Target {
        &mut self.0
    }
}

impl<'a> Conn<'a> {
    pub(crate) fn new(engine: Engine<'a>) -> Self {
        Conn { engine, fate: Fate::default(), left: None }
    }

    pub(crate) fn for_one_statement(engine: Engine<'a>) -> Self {
        Conn { engine, fate: Fate::default(), left: Some(1) }
    }

    /// The first row, made into a `T`; `None` when there is none.
    pub fn one<T>(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, values, &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row, made into a `T`.
    pub fn all<T>(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, values, &mut |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn each(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        if let Some(left) = &mut self.left {
            let Some(fewer) = left.checked_sub(1) else {
                return self.note(Err(Error::broken("a point read is one statement; use scan for more")));
            };
            *left = fewer;
        }
        let mut changed = false;
        let read = &mut |row: &Row<'_>| {
            changed = true;
            read(row)
        };
        let result = match &mut self.engine {
            Engine::Lite(conn) => sqlite::each(conn, sql, values, read),
            Engine::Pg(link) => link.each(sql, values, read),
            #[cfg(feature = "simulation")]
            Engine::Sim(link) => link.each(sql, values, read),
        };
        self.fate.revoked |= sql.revokes() && changed;
        self.note(result)
    }

    /// Runs text that answers no rows: BEGIN, SAVEPOINT, the statements of a migration.
    pub(crate) fn control(&mut self, text: &str) -> Result<()> {
        let result = match &mut self.engine {
            Engine::Lite(conn) => sqlite::control(conn, text),
            Engine::Pg(link) => link.control(text),
            #[cfg(feature = "simulation")]
            Engine::Sim(link) => link.control(text),
        };
        self.note(result)
    }

    /// The same for a text that comes in many jobs: SQLite has it prepared.
    fn control_often(&mut self, text: &'static str) -> Result<()> {
        match &mut self.engine {
            Engine::Lite(conn) => {
                let result = sqlite::cached(conn, text);
                self.note(result)
            }
            _ => self.control(text),
        }
    }

    /// The same without waiting, where the engine is not in this process.
    fn control_later(&mut self, text: &'static str) -> Result<()> {
        let result = match &mut self.engine {
            Engine::Pg(link) => link.control_later(text),
            _ => return self.control_often(text),
        };
        self.note(result)
    }

    /// Waits for what was sent without waiting.
    pub(crate) fn settle(&mut self) -> Result<()> {
        match &mut self.engine {
            Engine::Pg(link) => {
                let result = link.settle();
                self.judge(result)
            }
            _ => Ok(()),
        }
    }

    fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        self.fate.statements += 1;
        self.judge(result)
    }

    fn judge<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.fate.again |= matches!(error, Error::Busy);
            self.fate.lost |= matches!(error, Error::Gone(_));
            self.fate.failed.get_or_insert_with(|| error.clone());
        }
        result
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: Conn<'a>) -> Self {
        Tx(conn)
    }

    /// Runs a statement to its end, also one with RETURNING, and answers how many rows it changed or returned.
    pub fn execute(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<u64> {
        let result = match &mut self.0.engine {
            Engine::Lite(conn) => sqlite::execute(conn, sql, values),
            Engine::Pg(link) => link.execute(sql, values),
            #[cfg(feature = "simulation")]
            Engine::Sim(link) => link.execute(sql, values),
        };
        let changed = !matches!(result, Ok(0));
        self.0.fate.revoked |= sql.revokes() && changed;
        self.0.note(result)
    }

    /// Runs a statement of which nobody asks what it did. PostgreSQL gets it with the next one, and when it fails, that one does, or
    /// the commit.
    pub fn execute_later(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<()> {
        let result = match &mut self.0.engine {
            Engine::Pg(link) => link.execute_later(sql, values),
            _ => return self.execute(sql, values).map(drop),
        };
        self.0.fate.revoked |= sql.revokes();
        self.0.note(result)
    }

    /// Counts something that happens in this transaction. It counts once that is committed, and not at all if it is undone.
    pub fn count(&mut self, counter: &Counter, more: u64) {
        self.0.fate.counted.push((counter.clone(), more));
    }

    /// A transaction within the transaction: when `f` fails or panics, what it did is undone and what went before stays.
    ///
    /// The outer `Result` is the engine's: a serialization failure or a lost connection is not absorbed, it reruns or
    /// fails the whole job. The inner one is `f`'s.
    pub fn savepoint<T, E: From<Error>>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Result<T, E>> {
        self.0.control_later("SAVEPOINT inner_job")?;
        let before = self.0.fate.failed.take();
        let counted = self.0.fate.counted.len();
        let answer = catch_unwind(AssertUnwindSafe(|| f(self)));
        // Whatever fails of it fails in here.
        let _ = self.0.settle();
        let failed = self.0.fate.failed.take();
        if self.0.fate.again || self.0.fate.lost {
            let error = failed.unwrap_or(Error::Busy);
            self.0.fate.failed = Some(error.clone());
            return Err(error);
        }
        let answer = match (answer, failed) {
            (Err(_), _) => Err(Error::broken("a job panicked").into()),
            (Ok(Ok(_)), Some(error)) => Err(error.into()),
            (Ok(answer), _) => answer,
        };
        if answer.is_err() {
            self.0.control("ROLLBACK TO SAVEPOINT inner_job")?;
            self.0.fate.counted.truncate(counted);
        }
        self.0.control_later("RELEASE SAVEPOINT inner_job")?;
        self.0.fate.failed = before;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::{REVOKING, Sql};

    #[test]
    fn a_statement_that_changes_what_people_may_do_revokes_unless_it_says_otherwise() {
        for begins in REVOKING {
            let text: &'static str = format!("{begins}x").leak();
            assert!(Sql::new(text).revokes(), "{text}");
            assert!(Sql::new(text.trim_end_matches(" x")).revokes(), "{text}");
            assert!(Sql::new(text.replace(" x", "\nx").leak()).revokes(), "{text}");
            assert!(!Sql::new(text).revoking_nothing().revokes(), "{text}");
        }
        for other in
            ["SELECT 1 FROM users", "UPDATE users_seen SET a = 1", "DELETE FROM logins", "", "UPDATE use"]
        {
            assert!(!Sql::new(other).revokes(), "{other}");
        }
    }

    #[test]
    fn parameters_may_repeat_but_must_first_appear_in_order() {
        Sql::new("UPDATE t SET a = $1 WHERE b = $2 AND a < $1");
        for wrong in ["SELECT $2", "SELECT $1, $3", "SELECT $0", "SELECT $"] {
            assert!(std::panic::catch_unwind(|| Sql::new(wrong)).is_err(), "{wrong}");
        }
    }
}
