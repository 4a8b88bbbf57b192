//! Writing for people and for programs: text on standard output, and columns that line up.

use std::io::Write;

use serde_json::Value;

/// Writes to standard output. Whoever stops reading early, as `head` does, is not told off for it.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes one JSON value.
pub(crate) fn print_json(value: &Value) {
    print(&format!("{value:#}\n"));
}

/// Rows with their columns lined up, each line indented and none ending in spaces.
pub(crate) fn columns<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(&format!("{indent}{}", cells.collect::<Vec<_>>().join("   ")));
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// `1 person`, `2 people`.
pub(crate) fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `none is set`, `1 is set`, `2 are set`.
pub(crate) fn how_many_are_set(number: usize) -> String {
    match number {
        0 => "none is set".to_owned(),
        1 => "1 is set".to_owned(),
        more => format!("{more} are set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_a_space() {
        let rows = [["a", "long", ""], ["ünï", "b", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns("  ", &rows), "  a     long\n  ünï   b      c\n");
    }
}
