//! A list of setup links, one a line, or a CSV with a column of them: the bridge for every other program.
//!
//! In a plain list the name in the link is the username. A CSV has a heading; `username` and `otpauth_uri` must be in it.

use otp::{Account, Kind};
use zeroize::Zeroizing;

use super::gather::{Plan, Read, Twice};
use crate::{Error, Result};

/// The most bytes that are read.
pub const LONGEST: usize = 256 << 20;
/// Columns that other programs write and that have no place here yet.
const IGNORED: [&str; 4] = ["email", "display_name", "groups", "password_hash"];

/// Reads a list of setup links, or a CSV with them, whichever it is. UTF-8, with a byte order mark or without.
pub fn otpauth(bytes: &[u8]) -> Result<Plan> {
    if bytes.len() > LONGEST {
        return Err(refused("the file is larger than 256 MiB: import it in parts"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        refused(format!("the file is not UTF-8 in line {line}: save it as UTF-8"))
    })?;
    let mut plan = Plan::new("otpauth");
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    match first {
        None => return Err(refused("there is nothing in the file")),
        Some(line) if is_link(line) => list(text, &mut plan),
        Some(line) => table(text, separator(line), &mut plan)?,
    }
    Ok(plan)
}

fn refused(why: impl Into<String>) -> Error {
    Error::Refused(why.into())
}

fn is_link(line: &str) -> bool {
    line.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("otpauth://"))
}

/// A link a line; empty lines and those that begin with `#` are passed over.
fn list(text: &str, plan: &mut Plan) {
    for (line, row) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match Account::parse(line) {
            Err(error) => plan.refuse(row, error.to_string()),
            Ok(account) => {
                let (name, label) = (account.name.clone(), shown_by_the_app(&account));
                plan.add(Read { row, name: &name, label, key: key(account), disabled: false }, Twice::Merged);
            }
        }
    }
}

/// What stands on the phone.
fn shown_by_the_app(account: &Account) -> String {
    match account.issuer.as_str() {
        "" => account.name.clone(),
        issuer => format!("{issuer}: {}", account.name),
    }
}

fn key(account: Account) -> Result<otp::Key, String> {
    match account.kind {
        Kind::Totp => Ok(account.key),
        Kind::Hotp { .. } => {
            Err("it counts instead of telling the time (HOTP), and only TOTP is taken".to_owned())
        }
    }
}

/// Spreadsheets write what their country writes: a comma, a semicolon or a tab.
fn separator(heading: &str) -> u8 {
    let count = |mark: u8| heading.bytes().filter(|byte| *byte == mark).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|mark| (count(*mark), *mark == b',')).unwrap_or(b',')
}

/// Where the columns are.
struct Columns {
    username: usize,
    uri: usize,
    label: Option<usize>,
    enabled: Option<usize>,
}

impl Columns {
    fn of(heading: &csv::StringRecord, notes: &mut Vec<String>) -> Result<Columns> {
        let names: Vec<String> = heading.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let find = |wanted: &str| names.iter().position(|name| name == wanted);
        let needed = |wanted: &str| {
            find(wanted).ok_or_else(|| {
                refused(format!(
                    "the first line is neither a link that begins with otpauth:// nor a heading with the column `{wanted}`. \
                     A CSV has at least the columns `username` and `otpauth_uri`"
                ))
            })
        };
        let columns = Columns {
            username: needed("username")?,
            uri: needed("otpauth_uri")?,
            label: find("label"),
            enabled: find("enabled"),
        };
        let used = ["username", "otpauth_uri", "label", "enabled"];
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                return Err(refused(format!("the column `{}` is there twice", name.escape_debug())));
            }
            if IGNORED.contains(&name.as_str()) {
                notes.push(format!("the column `{name}` has no place here yet, and was passed over"));
            } else if !used.contains(&name.as_str()) {
                let name: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                notes.push(format!("the column `{name}` is not known, and was passed over"));
            }
        }
        Ok(columns)
    }
}

/// RFC 4180: quotation marks around what holds a separator or a line break.
fn table(text: &str, separator: u8, plan: &mut Plan) -> Result<()> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| refused(format!("the CSV cannot be read: {error}"));
    let heading = reader.headers().map_err(unreadable)?.clone();
    let columns = Columns::of(&heading, &mut plan.notes)?;
    let mut lines = Lines { text: text.as_bytes(), seen: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let row = lines.of(record.position().map_or(0, csv::Position::byte));
        if record.len() != heading.len() {
            let (has, heads) = (record.len(), heading.len());
            plan.refuse(row, format!("it has {has} columns, and the heading has {heads}"));
            continue;
        }
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let optional = |place: Option<usize>| place.map(cell).map(str::trim).filter(|text| !text.is_empty());
        let name = cell(columns.username);
        let uri = Zeroizing::new(cell(columns.uri).to_owned());
        let (label, key) = match Account::parse(&uri) {
            Ok(account) => (shown_by_the_app(&account), key(account)),
            Err(error) => (String::new(), Err(error.to_string())),
        };
        let label = optional(columns.label).map_or(label, str::to_owned);
        let (key, disabled) = match optional(columns.enabled).map(is_yes) {
            None | Some(Some(true)) => (key, false),
            Some(Some(false)) => (key, true),
            Some(None) => (Err("its `enabled` is neither true nor false".to_owned()), true),
        };
        plan.add(Read { row, name, label, key, disabled }, Twice::Merged);
    }
    Ok(())
}

/// Counts lines as an editor does. The reader's own count is one behind where lines end in CR LF.
struct Lines<'a> {
    text: &'a [u8],
    seen: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at this byte, or after the line break at this byte.
    fn of(&mut self, byte: u64) -> u64 {
        let start = usize::try_from(byte).unwrap_or(usize::MAX).clamp(self.seen, self.text.len());
        let breaks = self.text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.text[self.seen..start + breaks];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.seen = start + breaks;
        self.line
    }
}

fn is_yes(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some(true),
        "false" | "no" | "0" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    fn plan(text: &str) -> Plan {
        otpauth(text.as_bytes()).unwrap()
    }

    /// What is refused, as `row name: reason`.
    fn refusals(plan: &Plan) -> Vec<String> {
        plan.refused
            .iter()
            .map(|refusal| format!("{} {}: {}", refusal.row, refusal.name, refusal.reason))
            .collect()
    }

    #[test]
    fn a_list_is_read_line_by_line_and_a_name_may_have_several_links() {
        let plan = plan(&format!(
            "# from the old server\n\notpauth://totp/Acme:ada?secret={KEY}&issuer=Acme\r\n\
             OTPAUTH://TOTP/Acme%3A%20bob?secret=jbsw-y3dp%20ehpk+3pxp=&algorithm=sha-1\n\
             otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQ\n\
             otpauth://totp/Acme:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&period=60&algorithm=HmacSHA256\n\
             otpauth://hotp/carol?secret={KEY}&counter=1\n\
             otpauth://totp/Acme:Ada?secret={KEY}\n\
             otpauth://totp/Acme:ada?secret={KEY}\n\
             otpauth://totp/Acme:d%20d?secret={KEY}\n\
             otpauth://totp/Acme:dora?secret=GEZD\n\
             https://example.org/\n"
        ));
        assert_eq!((plan.people(), plan.rows()), (2, 10));
        let ada = &plan.people[0];
        let labels: Vec<&str> = ada.entries.iter().map(|entry| entry.label.as_str()).collect();
        assert_eq!(labels, ["Acme: ada", "ada", "Acme: ada (2)"]);
        assert_eq!((ada.entries[2].key.digits().count(), ada.entries[2].key.period()), (8, 60));
        assert_eq!(plan.people[1].name.shown(), "bob");
        assert_eq!(
            refusals(&plan),
            [
                "7 carol: it counts instead of telling the time (HOTP), and only TOTP is taken",
                "8 Ada: row 3 has the same name but for its case (ada), and here it is one name",
                "9 ada: it is the same as row 3",
                "10 d d: a username has 1 to 64 of the letters a to z, digits, and . _ - @ +",
                "11 : the setup link's secret cannot be read: the key is too short: it needs at least 16 letters and digits",
                "12 : a setup link begins with otpauth://",
            ]
        );
    }

    #[test]
    fn a_csv_is_read_with_any_of_three_separators_and_a_byte_order_mark() {
        for mark in [",", ";", "\t"] {
            let head = ["Username", "e-mail", "otpauth_uri", "label", "enabled", "groups"].join(mark);
            let uri = format!("\"otpauth://totp/Acme:x?secret={KEY}&issuer=A%2CB\"");
            let ada = ["ada", "", &uri, "\"my \"\"old\"\"\r\nphone, really\"", "", ""].join(mark);
            let bob = ["bob", "b@example.org", &uri, "", "No", "staff"].join(mark);
            let carol = ["carol", "", &uri, "", "perhaps", ""].join(mark);
            let plan = plan(&format!("\u{feff}{head}\r\n{ada}\r\n{bob}\r\n{carol}\r\ndora\r\n"));
            assert_eq!((plan.people(), plan.rows()), (2, 4), "{mark:?}: {:?}", plan.refused);
            assert_eq!(plan.people[0].entries[0].label, "my \"old\"  phone, really");
            assert_eq!(plan.people[1].entries[0].label, "A,B: x");
            assert!(plan.people[1].disabled && !plan.people[0].disabled);
            assert_eq!(
                refusals(&plan),
                [
                    "5 carol: its `enabled` is neither true nor false",
                    "6 : it has 1 columns, and the heading has 6"
                ]
            );
            assert_eq!(plan.notes.len(), 2, "{:?}", plan.notes);
        }
    }

    #[test]
    fn a_file_that_is_neither_says_what_it_should_be() {
        for (text, said) in [
            (&b""[..], "nothing in the file"),
            (b"\n# only a remark\n", "nothing in the file"),
            (b"name,secret\nada,x\n", "`username`"),
            (b"username,secret\nada,x\n", "`otpauth_uri`"),
            (b"username,otpauth_uri,username\n", "twice"),
            (b"username,otpauth_uri\nad\xe9,x\n", "not UTF-8 in line 2"),
            (b"SQLite format 3\0", "`username`"),
        ] {
            let error = otpauth(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_never_repeated() {
        let swapped = plan(&format!("username,otpauth_uri\notpauth://totp/ada?secret={KEY},ada\n"));
        let broken =
            plan(&format!("otpauth://totp/ada?secret={KEY}&digits=99\notpauth://totp/?secret={KEY}\n"));
        for plan in [swapped, broken] {
            assert!(!plan.refused.is_empty());
            assert!(!format!("{:?}{plan:?}", plan.refused).contains("JBSWY"), "{:?}", plan.refused);
        }
    }

    #[test]
    fn whatever_stands_in_a_file_it_is_read_or_refused() {
        let whole = format!(
            "username;otpauth_uri;enabled\r\nada;\"otpauth://totp/Acme:ada?secret={KEY}&issuer=Acme&digits=8\";yes\r\n\
             bob;otpauth://totp/bob?secret={KEY};\r\n"
        );
        let marks = b"\"\";,\t\r\n\0\xff%:&=?#+\xc3a9";
        let mut state = 7_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for round in 0..5_000 {
            let mut bytes = whole.clone().into_bytes();
            for _ in 0..=round % 6 {
                let place = next(bytes.len());
                bytes[place] = marks[next(marks.len())];
            }
            bytes.truncate(bytes.len() - next(40));
            if let Ok(plan) = otpauth(&bytes) {
                let entries: u64 = plan.people.iter().map(|person| person.entries.len() as u64).sum();
                assert_eq!(entries + plan.refused.len() as u64, plan.rows());
            }
        }
    }
}
