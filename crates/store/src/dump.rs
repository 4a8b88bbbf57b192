//! All rows of all tables, whatever they mean: for backups, and for moves from one engine to the other.
//!
//! Rows are read in the order of their keys, a page at a time, so that no more of them is in memory for a million people than
//! for one. Which tables there are, and their columns, stands in `tables.rs`.

use crate::tables::TABLES;
use crate::{Conn, Result, Row, Sql, Tx, Value};

/// The oldest schema whose tables can be read and written.
pub const OLDEST: i64 = 8;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// TEXT.
    Text(String),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// TEXT.
    Text,
    /// BIGINT.
    Int,
    /// BOOLEAN. None of these is ever NULL.
    Bool,
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::Int(*number),
            Cell::Bool(yes) => Value::Bool(*yes),
            Cell::Text(text) => Value::Text(text),
        }
    }

    /// The number that it is.
    pub fn int(&self) -> Option<i64> {
        if let Cell::Int(number) = self { Some(*number) } else { None }
    }

    /// The text that it is.
    pub fn text(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }
}

/// A table as it is from one schema on.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    pub(crate) since: i64,
    pub(crate) columns: &'static str,
    /// The places of the primary key among the columns.
    pub(crate) key: &'static [usize],
    pub(crate) count: Sql,
    pub(crate) page: Sql,
    pub(crate) insert: Sql,
}

/// The tables of a schema. What refers to another comes after it.
pub fn tables(schema: i64) -> impl Iterator<Item = &'static Table> {
    let newer = move |table: &Table, other: &Table| {
        other.name == table.name && other.since > table.since && other.since <= schema
    };
    let all = TABLES.iter().filter(move |table| table.since <= schema);
    all.filter(move |table| !TABLES.iter().any(|other| newer(table, other)))
}

impl Table {
    /// Its columns, in the order of the cells of a row.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, Type)> {
        self.columns.split(',').filter_map(|column| {
            let (name, holds) = column.trim().split_once(' ')?;
            let holds = match holds {
                "BIGINT" => Type::Int,
                "BOOLEAN" => Type::Bool,
                _ => Type::Text,
            };
            Some((name, holds))
        })
    }

    /// The place of a column.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns().position(|(name, _)| name == column)
    }

    /// How many rows there are.
    pub fn count(&self, conn: &mut Conn<'_>) -> Result<u64> {
        let rows = conn.one(self.count, &[], |row| row.int(0))?;
        Ok(rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default())
    }

    /// The rows that follow `last` in the order of the key; the first ones without it. None: there are no more.
    pub fn page(&self, conn: &mut Conn<'_>, last: Option<&[Cell]>) -> Result<Vec<Vec<Cell>>> {
        self.page_after(conn, last.map(|row| self.key_of(row)).as_deref())
    }

    /// The primary key of a row.
    pub(crate) fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        self.key.iter().filter_map(|place| row.get(*place)).cloned().collect()
    }

    /// The rows that follow the one with this key.
    pub(crate) fn page_after(&self, conn: &mut Conn<'_>, key: Option<&[Cell]>) -> Result<Vec<Vec<Cell>>> {
        let columns: Vec<Type> = self.columns().map(|(_, holds)| holds).collect();
        let before_all = |place: &usize| match columns.get(*place) {
            Some(Type::Int) => Value::Int(i64::MIN),
            _ => Value::Text(""),
        };
        let key: Vec<Value<'_>> = match key {
            Some(key) => key.iter().map(Cell::value).collect(),
            None => self.key.iter().map(before_all).collect(),
        };
        conn.all(self.page, &key, |row| {
            columns.iter().enumerate().map(|(place, holds)| cell(row, place, *holds)).collect()
        })
    }

    /// Writes a row.
    pub fn insert(&self, tx: &mut Tx<'_>, row: &[Cell]) -> Result<()> {
        let values: Vec<Value<'_>> = row.iter().map(Cell::value).collect();
        tx.execute_later(self.insert, &values)
    }
}

fn cell(row: &Row<'_>, place: usize, holds: Type) -> Result<Cell> {
    Ok(match holds {
        Type::Text => row.opt_text(place)?.map_or(Cell::Null, Cell::Text),
        Type::Int => row.opt_int(place)?.map_or(Cell::Null, Cell::Int),
        Type::Bool => Cell::Bool(row.bool(place)?),
    })
}
