//! What a file holds, gathered by name: who is who, what is refused, and why.

use std::collections::HashMap;

use otp::Key;

use super::{Entry, Incoming, Refusal};
use crate::name::Name;

/// Longest label that is kept.
const LONGEST_LABEL: usize = 200;
/// Longest name that is repeated in a refusal.
const LONGEST_SHOWN: usize = 80;
/// Most authenticators that one person can have.
const MOST_ENTRIES: usize = 10;

/// A file, read and judged as a whole, before anything is done with it.
#[derive(Default)]
pub struct Plan {
    pub(super) source: &'static str,
    pub(super) people: Vec<Incoming>,
    pub(super) refused: Vec<Refusal>,
    pub(super) notes: Vec<String>,
    rows: u64,
    /// Names in lower case, with their place among the people.
    places: HashMap<String, usize>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({}, {} people)", self.source, self.people.len())
    }
}

/// A row, as far as the format could read it.
pub(super) struct Read<'a> {
    pub(super) row: u64,
    pub(super) name: &'a str,
    pub(super) label: String,
    pub(super) key: Result<Key, String>,
    pub(super) disabled: bool,
}

/// Whether a name may come twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Twice {
    /// Two rows are two people.
    Refused,
    /// The same spelling is the same person, with another authenticator.
    Merged,
}

impl Plan {
    /// An empty one.
    pub(super) fn new(source: &'static str) -> Plan {
        Plan { source, ..Plan::default() }
    }

    /// How many rows the file has, refused ones included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many people are in it who could be taken along.
    pub fn people(&self) -> u64 {
        self.people.len() as u64
    }

    /// What holds of every plan, whatever was in the file.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn must_be_sound(&self) {
        let entries: usize = self.people.iter().map(|person| person.entries.len()).sum();
        assert_eq!((entries + self.refused.len()) as u64, self.rows, "every row has one fate");
        let mut seen = std::collections::HashSet::new();
        for person in &self.people {
            assert!(seen.insert(person.name.key()), "{} is there twice", person.name.shown());
            assert!((1..=MOST_ENTRIES).contains(&person.entries.len()));
            let labels: std::collections::HashSet<_> =
                person.entries.iter().map(|entry| &entry.label).collect();
            assert_eq!(labels.len(), person.entries.len(), "labels are told apart");
            assert!(labels.iter().all(|label| !label.contains(char::is_control)));
        }
        for Refusal { name, reason, .. } in &self.refused {
            assert!(
                !name.contains(char::is_control) && !reason.contains(char::is_control),
                "{name:?}: {reason:?}"
            );
            assert!(!name.to_ascii_lowercase().contains("otpauth:"));
        }
        assert!(self.notes.iter().all(|note| !note.contains(char::is_control)));
    }

    /// Puts a row to its person, or among the refused.
    pub(super) fn add(&mut self, read: Read<'_>, twice: Twice) {
        self.rows += 1;
        if let Err(reason) = self.place(&read, twice) {
            self.refused.push(Refusal { row: read.row, name: shown(read.name), reason });
        }
    }

    /// A row of which not even the name is known.
    pub(super) fn refuse(&mut self, row: u64, reason: impl Into<String>) {
        self.rows += 1;
        self.refused.push(Refusal { row, name: String::new(), reason: reason.into() });
    }

    fn place(&mut self, read: &Read<'_>, twice: Twice) -> Result<(), String> {
        let name = Name::parse(read.name).map_err(|rule| rule.to_string())?;
        let key = read.key.clone()?;
        let entry = Entry { row: read.row, label: label(&read.label), key };
        let Some(&place) = self.places.get(name.key()) else {
            self.places.insert(name.key().to_owned(), self.people.len());
            self.people.push(Incoming { name, disabled: read.disabled, entries: vec![entry] });
            return Ok(());
        };
        let person = &mut self.people[place];
        let first = person.entries[0].row;
        if person.name.shown() != name.shown() {
            return Err(format!(
                "row {first} has the same name but for its case ({}), and here it is one name",
                person.name.shown()
            ));
        }
        if let Some(same) = person.entries.iter().find(|other| other.key == entry.key) {
            return Err(format!("it is the same as row {}", same.row));
        }
        if twice == Twice::Refused {
            return Err(format!("row {first} has the same name"));
        }
        if person.entries.len() == MOST_ENTRIES {
            return Err(format!("one person has at most {MOST_ENTRIES} authenticators"));
        }
        person.disabled |= read.disabled;
        person.add(entry);
        Ok(())
    }
}

impl Incoming {
    /// Equal labels would be told apart by nobody.
    fn add(&mut self, mut entry: Entry) {
        let plain = entry.label.clone();
        let taken = |label: &str| self.entries.iter().any(|other| other.label == label);
        let mut number = 2;
        while taken(&entry.label) {
            entry.label = format!("{plain} ({number})");
            number += 1;
        }
        self.entries.push(entry);
    }
}

/// What an app shows beside the codes: one line, and not a long one.
fn label(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST_LABEL).collect()
}

/// A name from a file, safe for a terminal. What looks like a setup link is a secret in the wrong column.
fn shown(name: &str) -> String {
    if name.to_ascii_lowercase().contains("otpauth:") {
        return "…".to_owned();
    }
    let mut shown: String = name.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect();
    if name.chars().count() > LONGEST_SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_files_cannot_write_to_the_terminal_nor_show_a_secret() {
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown("OTPAUTH://totp/x?secret=GEZDGNBVGY3TQOJQ"), "…");
        assert_eq!(shown(&"x".repeat(81)), format!("{}…", "x".repeat(80)));
        assert_eq!(label("Acme:\u{1b}[0m ada"), "Acme: [0m ada");
    }
}
