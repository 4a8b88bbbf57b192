//! Marks on a database that is no house of its own: half of one, which a move has begun and not finished, or one that was left.
//!
//! They stand among the migrations, as ones that no program knows, so that older programs refuse such a database, too.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::dump::{self, Cell, Table};
use crate::{Conn, Error, Result, Sql, Time, Tx};

/// What is not whole yet.
const MOVING: i64 = i64::MAX - 1;
/// What was left, since everything is in another place.
const MOVED: i64 = i64::MAX;
/// Migrations have lower numbers.
pub(crate) const FIRST: i64 = MOVING;

/// What a database is, beside having a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Everything is on its way here.
    Moving { from: String, reached: String },
    /// Everything went there.
    Moved { to: String, at: Time },
}

impl Mark {
    /// What to tell whoever takes it for a house.
    pub(crate) fn refusal(&self) -> Error {
        match self {
            Mark::Moving { from, .. } => unfinished(from),
            Mark::Moved { to, .. } => Error::refused(format!(
                "everything in this database was moved to {to}, and what is here is the past: set `database` to that. If the move was \
                 broken off at its very end, run it once more. To come back with all that has happened since, move once more, into an \
                 empty place: `latchkey migrate-db FROM TO`. If the other one is lost: `latchkey backup` still reads this one"
            )),
        }
    }
}

/// What to tell whoever takes it for a house that a move from there has not finished.
pub(crate) fn unfinished(from: &str) -> Error {
    Error::refused(format!(
        "this database is half of a house: everything is being moved here from {from}, and that is not finished. Run \
         `latchkey migrate-db FROM TO` once more with both, and it goes on where it stopped. Or remove this one, and go on with the old \
         one, which is as it was"
    ))
}

/// The mark on a database whose table of migrations is there.
pub(crate) fn find(conn: &mut Conn<'_>) -> Result<Option<Mark>> {
    const FIND: Sql = Sql::new(
        "SELECT version, name, checksum, applied_at FROM migrations WHERE version >= $1 ORDER BY version LIMIT 1",
    );
    conn.one(FIND, &[FIRST.into()], |row| {
        Ok(match row.int(0)? {
            MOVED => Mark::Moved { to: row.text(1)?, at: row.time(3)? },
            _ => Mark::Moving { from: row.text(1)?, reached: row.text(2)? },
        })
    })
}

/// Refuses what is no house of its own.
pub(crate) fn refuse(conn: &mut Conn<'_>) -> Result<()> {
    find(conn)?.map_or(Ok(()), |mark| Err(mark.refusal()))
}

const INSERT: Sql = Sql::new(
    "INSERT INTO migrations (version, name, checksum, min_compatible, applied_at) VALUES ($1, $2, $3, $1, $4)
     ON CONFLICT (version) DO NOTHING",
);
const REMOVE: Sql = Sql::new("DELETE FROM migrations WHERE version = $1");

/// Everything is on its way here.
pub(crate) fn begin(tx: &mut Tx<'_>, from: &str, (reached, now): (&Reached, Time)) -> Result<()> {
    tx.execute(INSERT, &[MOVING.into(), from.into(), (&reached.text()).into(), now.into()]).map(|_| ())
}

/// So far has it come, in the transaction that brings it there. False when somebody else has come further meanwhile.
pub(crate) fn reach(tx: &mut Tx<'_>, (before, now): (&str, &Reached)) -> Result<bool> {
    const REACH: Sql = Sql::new("UPDATE migrations SET checksum = $1 WHERE version = $2 AND checksum = $3");
    Ok(tx.execute(REACH, &[(&now.text()).into(), MOVING.into(), before.into()])? == 1)
}

/// It is a house now.
pub(crate) fn end(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(tx.execute(REMOVE, &[MOVING.into()])? == 1)
}

/// Everything went there.
pub(crate) fn leave(tx: &mut Tx<'_>, to: &str, now: Time) -> Result<()> {
    tx.execute(INSERT, &[MOVED.into(), to.into(), "".into(), now.into()]).map(|_| ())
}

/// It did not.
pub(crate) fn stay(tx: &mut Tx<'_>) -> Result<()> {
    tx.execute(REMOVE, &[MOVED.into()]).map(|_| ())
}

/// How far a move has come: of which house, up to which row of which table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The id of the canary among its keys, which no two houses share.
    pub(crate) house: String,
    /// The table, by name.
    pub(crate) table: String,
    /// Rows of all tables until now.
    pub(crate) rows: u64,
    /// The key of the last one of this table, if there was one.
    pub(crate) after: Option<Vec<Cell>>,
}

impl Reached {
    /// As it stands in the mark.
    pub(crate) fn text(&self) -> String {
        let plain = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut words = vec![plain(&self.house), plain(&self.table), self.rows.to_string()];
        words.extend(self.after.iter().flatten().map(|cell| match cell {
            Cell::Int(number) => number.to_string(),
            cell => plain(cell.text().unwrap_or_default()),
        }));
        words.join(" ")
    }

    /// What such a text says. None: it says nothing that can be gone on with.
    pub(crate) fn parse(text: &str) -> Option<Reached> {
        let plain = |word: &str| percent_decode_str(word).decode_utf8().ok().map(|text| text.into_owned());
        let mut words = text.split(' ');
        let (house, table) = (plain(words.next()?)?, plain(words.next()?)?);
        let rows = words.next()?.parse().ok()?;
        let of = dump::tables(crate::Db::SCHEMA).find(|known| known.name == table)?;
        let after: Vec<&str> = words.collect();
        let after = match after.len() {
            0 => None,
            keys if keys == of.key.len() => {
                let cells = of.key.iter().zip(after).map(|(place, word)| cell(of, *place, word, plain));
                Some(cells.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(Reached { house, table, rows, after })
    }
}

fn cell(table: &Table, place: usize, word: &str, plain: impl Fn(&str) -> Option<String>) -> Option<Cell> {
    match table.columns().nth(place)?.1 {
        dump::Type::Int => word.parse().ok().map(Cell::Int),
        _ => plain(word).map(Cell::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_was_reached_is_read_as_it_was_written() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (table, after) in [
            ("keys", None),
            ("users", Some(vec![text("")])),
            ("users", Some(vec![text("a b%20ä\u{1f511}\n")])),
            ("members", Some(vec![text(""), text(" ")])),
            ("seals", Some(vec![Cell::Int(i64::MIN)])),
            ("seals", Some(vec![Cell::Int(i64::MAX)])),
        ] {
            let reached = Reached { house: "h 1".into(), table: table.into(), rows: 7, after };
            assert_eq!(Reached::parse(&reached.text()), Some(reached));
        }
        for wrong in ["", "h", "h users", "h users x", "h nothing 1", "h users 1 a b", "h seals 1 a"] {
            assert_eq!(Reached::parse(wrong), None, "{wrong}");
        }
    }
}
