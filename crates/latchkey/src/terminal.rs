//! Writing for people and for programs: text on standard output, and columns that line up.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::{Drawing, Qr};
use serde_json::Value;

use crate::exit::{Result, Trouble};

/// Longest line that is read where one is asked for.
const LONGEST_LINE: u64 = 64 << 10;

/// Writes to standard output. Whoever stops reading early, as `head` does, is not told off for it.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes one JSON value.
pub(crate) fn print_json(value: &Value) {
    print(&format!("{value:#}\n"));
}

/// A text as a QR code: in black on white where standard output is a terminal, whatever its colors; elsewhere in half
/// blocks that are right on a dark ground.
pub(crate) fn draw_qr(text: &str) -> Result<String> {
    let qr = Qr::encode(text).map_err(|e| Trouble::failed(e.to_string()))?;
    Ok(qr.drawn(drawing(), false))
}

/// What standard output can show.
pub(crate) fn drawing() -> Drawing {
    if std::io::stdout().is_terminal() { Drawing::Colored } else { Drawing::Blocks }
}

/// One line of standard input, without its end. Whoever sits at a terminal is asked for it first, on standard error.
pub(crate) fn read_line(question: &str) -> Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let mut out = std::io::stderr().lock();
        let _ = write!(out, "{question} ").and_then(|()| out.flush());
    }
    let mut line = String::new();
    let read = stdin.lock().take(LONGEST_LINE).read_line(&mut line);
    read.map_err(|e| Trouble::failed(format!("cannot read standard input: {e}")))?;
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(line)
}

/// Lets somebody at a terminal type `word` before what cannot be undone. Elsewhere `--yes` is needed.
pub(crate) fn confirm(warning: &str, word: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(format!("{warning} There is no terminal to ask at: say --yes")));
    }
    let typed = read_line(&format!("{warning} Type {word} to go on:"))?;
    if typed.trim().eq_ignore_ascii_case(word) {
        return Ok(());
    }
    Err(Trouble::failed("that was something else, so nothing was done"))
}

/// Rows with their columns lined up, each line indented and none ending in spaces.
pub(crate) fn columns<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    lines(indent, rows, widths(rows))
}

fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
}

fn lines<const N: usize>(indent: &str, rows: &[[String; N]], widths: [usize; N]) -> String {
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(&format!("{indent}{}", cells.collect::<Vec<_>>().join("   ")));
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// A table that is written piece by piece. The first piece sets the widths; what is wider later sticks out.
pub(crate) struct Table<const N: usize> {
    widths: Option<[usize; N]>,
    heading: [&'static str; N],
}

impl<const N: usize> Table<N> {
    /// A table with these headings, and nothing written yet.
    pub(crate) fn new(heading: [&'static str; N]) -> Table<N> {
        Table { widths: None, heading }
    }

    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.widths.is_none()
    }

    /// The next rows as text, the headings before the first ones.
    pub(crate) fn rows(&mut self, mut rows: Vec<[String; N]>) -> String {
        if rows.is_empty() {
            return String::new();
        }
        if self.is_empty() {
            rows.insert(0, self.heading.map(str::to_owned));
        }
        let widths = *self.widths.get_or_insert_with(|| widths(&rows));
        lines("", &rows, widths)
    }
}

/// A JSON array that is written piece by piece, and reads like one written at once.
#[derive(Default)]
pub(crate) struct List {
    begun: bool,
}

impl List {
    /// The next values as text.
    pub(crate) fn values(&mut self, values: impl Iterator<Item = Value>) -> String {
        let mut text = String::new();
        for value in values {
            text += if std::mem::replace(&mut self.begun, true) { ",\n  " } else { "[\n  " };
            text += &format!("{value:#}").replace('\n', "\n  ");
        }
        text
    }

    /// Its end.
    pub(crate) fn end(self) -> &'static str {
        if self.begun { "\n]\n" } else { "[]\n" }
    }
}

/// A JSON object with a list of findings, each printed when it is found, and a summary behind it.
#[derive(Clone, Default)]
pub(crate) struct Findings(Arc<Mutex<List>>);

impl Findings {
    /// Begins the object.
    pub(crate) fn begin() -> Findings {
        print("{\n\"findings\": ");
        Findings::default()
    }

    /// Prints one.
    pub(crate) fn print(&self, finding: Value) {
        print(&self.list().values(std::iter::once(finding)));
    }

    /// Ends the object. Without a summary it was broken off.
    pub(crate) fn end(&self, summary: Option<Value>) {
        let end = std::mem::take(&mut *self.list()).end().trim_end();
        print(&format!("{end},\n\"summary\": {:#}\n}}\n", summary.unwrap_or_default()));
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    #[test]
    fn a_drawn_code_is_read_back_by_a_decoder() {
        let text = "otpauth://totp/Acme:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme";
        let drawn = draw_qr(text).unwrap();
        let drawn = drawn.replace("\x1b[38;5;16;48;5;231m", "").replace("\x1b[0m", "");
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let side = lines[0].len();
        // Four pixels a module. Outside of a terminal the blocks draw what is light.
        let on_a_terminal = std::io::stdout().is_terminal();
        let gray = |x: usize, y: usize| {
            let glyph = lines[y / 8][x / 4];
            let filled = glyph == '█' || glyph == if (y / 4).is_multiple_of(2) { '▀' } else { '▄' };
            if filled == on_a_terminal { 0 } else { 255 }
        };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(4 * side, 4 * side, gray);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].decode().unwrap().1, text);
    }

    #[test]
    fn a_table_in_pieces_keeps_the_widths_of_its_first() {
        let mut table = Table::new(["NAME", "ROLE"]);
        assert_eq!(table.rows(vec![]), "");
        assert!(table.is_empty());
        let row = |name: &str| [name.to_owned(), "user".to_owned()];
        assert_eq!(table.rows(vec![row("ada")]), "NAME   ROLE\nada    user\n");
        assert_eq!(table.rows(vec![row("bob"), row("grace hopper")]), "bob    user\ngrace hopper   user\n");
    }

    #[test]
    fn a_list_in_pieces_reads_like_one_written_at_once() {
        let values: Vec<Value> = (0..3).map(|n| serde_json::json!({ "n": n, "of": [n] })).collect();
        let mut list = List::default();
        let mut text = list.values(values[..1].iter().cloned());
        text += &list.values(values[1..].iter().cloned());
        text += list.end();
        assert_eq!(text, format!("{:#}\n", Value::Array(values)));
        assert_eq!(List::default().end(), "[]\n");
    }
}
