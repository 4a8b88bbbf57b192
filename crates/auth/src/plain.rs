//! Text that somebody else wrote, for terminals and tables: on one line, without anything that a terminal or a spreadsheet
//! would obey.

/// The text with everything that a terminal obeys, or that turns the direction of writing, written as an escape.
pub fn line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Line and paragraph separators, and the marks by which a text can be made to look like another.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// A row of a table, RFC 4180. No cell is taken for a formula: one that begins like one begins with an apostrophe instead.
pub fn row(cells: &[&str]) -> String {
    let mut row = cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",");
    row.push_str("\r\n");
    row
}

fn cell(text: &str) -> String {
    let formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let text = format!("{}{}", if formula { "'" } else { "" }, line(text));
    // Some programs split at semicolons or tabs, and others trim.
    let simple = |c: char| c.is_alphanumeric() || "._:-/@+'".contains(c);
    if text.chars().all(simple) { text } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_is_obeyed() {
        assert_eq!(
            line("a\x1b[31mb\r\nc\0\u{9b}d\u{202e}e"),
            "a\\u{1b}[31mb\\u{d}\\u{a}c\\u{0}\\u{9b}d\\u{202e}e"
        );
        assert_eq!(line("Grüße, 東京 🎉"), "Grüße, 東京 🎉");
    }

    #[test]
    fn no_cell_is_a_formula_and_every_cell_is_one() {
        assert_eq!(row(&["ada", "", "2026-11-24T14:05:32Z", "::1"]), "ada,,2026-11-24T14:05:32Z,::1\r\n");
        assert_eq!(row(&["=1+1", "+1", "-1", "@x"]), "\"'=1+1\",'+1,'-1,'@x\r\n");
        assert_eq!(row(&["\t=1", "\r=1", "\u{ff1d}1"]), "\"'\\u{9}=1\",\"'\\u{d}=1\",\"'\u{ff1d}1\"\r\n");
        assert_eq!(
            row(&["a,b", "say \"hi\"", "a;=1", "a\nb"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"a;=1\",\"a\\u{a}b\"\r\n"
        );
    }
}
