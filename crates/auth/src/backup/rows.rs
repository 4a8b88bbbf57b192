//! The lines within a backup: one that begins a table and names its columns, one for each of its rows, and one that ends it all.

use serde_json::Value;
use store::dump::{Cell, Table, Type, tables};
use zeroize::Zeroizing;

use crate::Result;
use crate::backup::parcel::{Head, Unwrapper, odd};

/// A row as a line.
pub(crate) fn write(row: &[Cell]) -> Zeroizing<String> {
    let value = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => (*number).into(),
        Cell::Bool(yes) => (*yes).into(),
        Cell::Text(text) => text.as_str().into(),
    };
    Zeroizing::new(Value::Array(row.iter().map(value).collect()).to_string())
}

/// What a backup holds in all, as its last line says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    pub(crate) people: u64,
}

/// Reads a backup to its end, and has `each` look at every row. What comes is as it was written; that nothing is missing is known when
/// this answers.
pub(crate) fn read(
    unwrapper: &mut Unwrapper,
    each: &mut dyn FnMut(&'static Table, Vec<Cell>) -> Result<()>,
) -> Result<Sum> {
    let Head { schema, .. } = unwrapper.head;
    let known: Vec<&'static Table> = tables(schema).collect();
    let (mut table, mut types): (Option<&'static Table>, Vec<Type>) = (None, Vec::new());
    let (mut begun, mut sum) = (0, Sum::default());
    while let Some(line) = unwrapper.line()? {
        let value: Value = serde_json::from_str(&line).map_err(|_| odd("a line is no JSON"))?;
        if let Value::Array(values) = value {
            let table = table.ok_or_else(|| odd("a row is in no table"))?;
            let row = row(values, &types).ok_or_else(|| odd(&format!("a row of {} is none", table.name)))?;
            sum.rows += 1;
            sum.people += u64::from(table.name == "users");
            each(table, row)?;
        } else if let Some(name) = value["table"].as_str() {
            // In their order, so that what a row refers to is there before it.
            let next = known.get(begun).filter(|table| table.name == name);
            let next = next.ok_or_else(|| odd("its tables are others"))?;
            let columns = value["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !columns.iter().map(Value::as_str).eq(next.columns().map(|(name, _)| Some(name))) {
                return Err(odd(&format!("the columns of {} are others", next.name)));
            }
            (table, types) = (Some(*next), next.columns().map(|(_, holds)| holds).collect());
            begun += 1;
        } else {
            let said = Sum {
                rows: value["rows"].as_u64().unwrap_or(u64::MAX),
                people: value["people"].as_u64().unwrap_or(u64::MAX),
            };
            let is_all = said == sum && begun == known.len() && unwrapper.line()?.is_none();
            return if is_all { Ok(sum) } else { Err(odd("it does not hold what its end says")) };
        }
    }
    Err(odd("it has no end"))
}

fn row(values: Vec<Value>, types: &[Type]) -> Option<Vec<Cell>> {
    if values.len() != types.len() {
        return None;
    }
    let cell = |(value, holds): (Value, &Type)| match (value, holds) {
        (Value::Null, Type::Text | Type::Int) => Some(Cell::Null),
        (Value::Bool(yes), Type::Bool) => Some(Cell::Bool(yes)),
        (Value::Number(number), Type::Int) => number.as_i64().map(Cell::Int),
        (Value::String(text), Type::Text) => Some(Cell::Text(text)),
        _ => None,
    };
    values.into_iter().zip(types).map(cell).collect()
}
