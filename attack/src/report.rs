//! What came of it: a table that fits a terminal, and the same as JSON.

use serde_json::json;

/// Columns of the table, and how wide they are: 120 characters with the spaces between.
const COLUMNS: [(&str, usize); 6] = [
    ("row", 9),
    ("what was tried", 31),
    ("how often", 12),
    ("result", 29),
    ("control, which has to fail", 23),
    ("verdict", 9),
];

/// What came of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The defense held, and its control failed as it should.
    Held,
    /// It did not; or the control did not fail, and then the row shows nothing.
    Broken,
    /// It could not be tried here. The result says why.
    Untried,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The name of the row.
    pub row: &'static str,
    /// What was tried.
    pub tried: String,
    /// How often.
    pub often: String,
    /// What came of it, with the counter.
    pub result: String,
    /// What the same harness finds when the defense is taken away.
    pub control: String,
    /// What that means.
    pub verdict: Verdict,
}

impl Finding {
    /// A row that cannot be tried here.
    pub(crate) fn untried(row: &'static str, tried: &str, why: &str) -> Finding {
        Finding {
            row,
            tried: tried.to_owned(),
            often: "0".to_owned(),
            result: format!("not tried: {why}"),
            control: String::new(),
            verdict: Verdict::Untried,
        }
    }

    /// A row that ended in an error: nothing is shown by it.
    pub(crate) fn error(row: &'static str, error: &anyhow::Error) -> Finding {
        Finding {
            row,
            tried: "could not be tried to its end".to_owned(),
            often: String::new(),
            result: format!("{error:#}"),
            control: String::new(),
            verdict: Verdict::Broken,
        }
    }
}

/// What a defense and its control make together.
pub(crate) fn verdict(held: bool, control_failed: bool) -> Verdict {
    if held && control_failed { Verdict::Held } else { Verdict::Broken }
}

/// The table.
pub(crate) fn table(findings: &[Finding]) -> String {
    let mut text = String::new();
    let rule: Vec<String> = COLUMNS.iter().map(|(_, width)| "-".repeat(*width)).collect();
    write_row(&mut text, &COLUMNS.map(|(name, _)| name.to_owned()));
    text += &format!("{}\n", rule.join(" "));
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Held => "held",
            Verdict::Broken => "BROKEN",
            Verdict::Untried => "not tried",
        };
        let cells = [
            finding.row.to_owned(),
            finding.tried.clone(),
            finding.often.clone(),
            finding.result.clone(),
            finding.control.clone(),
            verdict.to_owned(),
        ];
        write_row(&mut text, &cells);
    }
    text
}

/// The same for programs.
pub(crate) fn json(findings: &[Finding], seconds: u64) -> String {
    let rows: Vec<serde_json::Value> = findings
        .iter()
        .map(|finding| {
            let verdict = match finding.verdict {
                Verdict::Held => "held",
                Verdict::Broken => "broken",
                Verdict::Untried => "not tried",
            };
            json!({
                "row": finding.row, "tried": finding.tried, "often": finding.often,
                "result": finding.result, "control": finding.control, "verdict": verdict,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "seconds": seconds, "rows": rows }))
}

/// A row of cells, each broken into lines that fit.
fn write_row(text: &mut String, cells: &[String; 6]) {
    let broken: Vec<Vec<String>> =
        cells.iter().zip(COLUMNS).map(|(cell, (_, width))| lines(cell, width)).collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or(0);
    for n in 0..height {
        let line: Vec<String> = broken
            .iter()
            .zip(COLUMNS)
            .map(|(lines, (_, width))| {
                let cell = lines.get(n).map_or("", String::as_str);
                format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count())))
            })
            .collect();
        text.push_str(line.join(" ").trim_end());
        text.push('\n');
    }
}

/// Words in lines; a word that is too long is cut.
fn lines(cell: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in cell.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let used = line.chars().count();
            let space = usize::from(used > 0);
            if used + space + word.len() <= width {
                line.extend((space > 0).then_some(' '));
                line.extend(&word);
                break;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
            } else {
                lines.push(word.drain(..width).collect());
            }
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Finding, Verdict, json, table, verdict};

    #[test]
    fn the_table_fits_120_columns_and_loses_no_word() {
        let long = format!("many words and {} at once × 5", "x".repeat(200));
        let finding = Finding {
            row: "guessing",
            tried: long.clone(),
            often: "5,000".into(),
            result: long.clone(),
            control: long.clone(),
            verdict: Verdict::Broken,
        };
        let table = table(&[finding]);
        assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
        assert_eq!(table.matches('x').count(), 600);
        assert!(table.contains("BROKEN") && table.contains("5,000"));
        let width: usize = COLUMNS.iter().map(|(_, width)| width + 1).sum();
        assert!(width - 1 <= 120, "{width}");
    }

    #[test]
    fn a_control_that_does_not_fail_breaks_its_row() {
        assert_eq!(verdict(true, true), Verdict::Held);
        assert_eq!(verdict(true, false), Verdict::Broken);
        assert_eq!(verdict(false, true), Verdict::Broken);
        let untried = json(&[Finding::untried("api", "schemathesis", "no API document")], 7);
        assert!(untried.contains("\"not tried\"") && untried.contains("\"seconds\": 7"), "{untried}");
    }
}
