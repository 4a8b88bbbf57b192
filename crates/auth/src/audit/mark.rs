//! What vouches for the audit log: a keyed MAC for each event, for each seal, and for what says which seals are gone.
//!
//! Every part goes into its MAC with its length before it, and the first says what it is for, so no two things read alike.

use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Value, json};
use store::Id;
use store::events::Event;
use store::seals::{Removed, Seal};
use subtle::ConstantTimeEq;

use crate::vault::Vault;

/// The kind of a seal over events that whoever wrote them vouched for.
pub(crate) const EVENTS: &str = "events";
/// The kind of a seal over events that were there before there were seals.
pub(crate) const ADOPTED: &str = "adopted";

/// Bytes of the MAC that an event carries: each costs a byte in every row, and 128 bits cannot be guessed.
const SHORT: usize = 16;

/// What an event carries: of everything in it but its count, which grows for a minute and is vouched for by the seal.
pub(crate) fn of_event(vault: &Vault, event: &Event) -> String {
    let user = event.user_id.as_ref().map_or("", Id::as_str);
    let mac = vault.audit_mac(&[
        b"event",
        event.id.as_str().as_bytes(),
        &event.at.millis().to_be_bytes(),
        event.kind.as_bytes(),
        &[u8::from(event.user_id.is_some())],
        user.as_bytes(),
        event.name.as_bytes(),
        event.address.as_bytes(),
        event.detail.as_bytes(),
    ]);
    BASE64_NOPAD.encode(&mac[..SHORT])
}

/// Whether a Latchkey with our key has written this event as it is.
pub(crate) fn vouches_for(vault: &Vault, event: &Event) -> bool {
    same(&of_event(vault, event), &event.mac)
}

/// What a seal carries.
pub(crate) fn of_seal(vault: &Vault, seal: &Seal) -> String {
    BASE64.encode(&vault.audit_mac(&[
        b"seal",
        &seal.number.to_be_bytes(),
        seal.kind.as_bytes(),
        &seal.at.millis().to_be_bytes(),
        &seal.newest.millis().to_be_bytes(),
        &seal.count.to_be_bytes(),
        seal.listed.as_bytes(),
        seal.previous.as_bytes(),
    ]))
}

/// Whether the seal is as it was made.
pub(crate) fn is_whole(vault: &Vault, seal: &Seal) -> bool {
    same(&of_seal(vault, seal), &seal.mac)
}

/// What the record of removed seals carries.
pub(crate) fn of_removed(vault: &Vault, removed: &Removed) -> String {
    BASE64.encode(&vault.audit_mac(&[
        b"removed",
        &removed.through.to_be_bytes(),
        removed.last.as_bytes(),
        &removed.events.to_be_bytes(),
        &removed.older.millis().to_be_bytes(),
        &removed.at.millis().to_be_bytes(),
    ]))
}

/// Whether the record of removed seals is as it was made.
pub(crate) fn is_true(vault: &Vault, removed: &Removed) -> bool {
    same(&of_removed(vault, removed), &removed.mac)
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// An event in the list of a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// How often it had happened when it was sealed.
    pub(crate) count: i64,
    /// Whether it was found without anybody to vouch for it.
    pub(crate) foreign: bool,
}

/// The list of a seal as JSON: an id for what happened once, an array for the rest.
pub(crate) fn write_list(entries: &[Entry]) -> String {
    let value = |entry: &Entry| match (entry.count, entry.foreign) {
        (1, false) => json!(entry.id),
        (count, false) => json!([entry.id, count]),
        (count, true) => json!([entry.id, count, "foreign"]),
    };
    Value::Array(entries.iter().map(value).collect()).to_string()
}

/// What [`write_list`] wrote, by id; `None` for anything else.
pub(crate) fn read_list(listed: &str) -> Option<Vec<Entry>> {
    let read = |value: &Value| match value {
        Value::String(id) => Some(Entry { id: id.clone(), count: 1, foreign: false }),
        Value::Array(parts) => Some(Entry {
            id: parts.first()?.as_str()?.to_owned(),
            count: parts.get(1)?.as_i64()?,
            foreign: parts.get(2).is_some(),
        }),
        _ => None,
    };
    let mut entries: Vec<Entry> =
        serde_json::from_str::<Vec<Value>>(listed).ok()?.iter().map(read).collect::<Option<_>>()?;
    entries.sort_by(|one, other| one.id.cmp(&other.id));
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_whatever_the_ids_are() {
        let entry = |id: &str, count, foreign| Entry { id: id.to_owned(), count, foreign };
        let entries = [
            entry("", 1, true),
            entry("a\",[\"b", 1, false),
            entry("c", 250, false),
            entry("d", -1, true),
            entry("\u{1b}[31m", 1, false),
        ];
        let mut read = read_list(&write_list(&entries)).unwrap();
        read.sort_by_key(|entry| entries.iter().position(|other| other == entry));
        assert_eq!(read, entries);
        for wrong in ["", "{}", "[1]", "[[]]", "[[\"a\"]]", "[[1,2]]", "[null]"] {
            assert_eq!(read_list(wrong), None, "{wrong}");
        }
    }
}
