//! What [`super::verify`] finds: one thing that is not as it was, with its place.

use std::fmt;

use store::Id;

/// What is not as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An event is not there any more.
    EventRemoved,
    /// An event says something else than it did.
    EventChanged,
    /// An event was put into a seal by hand.
    EventAdded,
    /// An event is as it was written, but does not belong to this seal.
    EventMisplaced,
    /// An event of this seal is in another, or in none.
    EventMoved,
    /// An event was not written by a Latchkey with this master key, or changed before it was sealed.
    EventForeign,
    /// A seal says something else than it did.
    SealChanged,
    /// A seal is as it was made, but does not go on from the one before it.
    SealMoved,
    /// Seals are not there any more.
    SealsRemoved,
    /// A seal is there whose number was removed by rule, or never given.
    SealAdded,
    /// What says up to where seals were removed by rule was changed.
    RecordChanged,
    /// The seal that was noted elsewhere is not there, or another.
    HeadLost,
}

impl What {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            What::EventRemoved => "event_removed",
            What::EventChanged => "event_changed",
            What::EventAdded => "event_added",
            What::EventMisplaced => "event_misplaced",
            What::EventMoved => "event_moved",
            What::EventForeign => "event_foreign",
            What::SealChanged => "seal_changed",
            What::SealMoved => "seal_moved",
            What::SealsRemoved => "seals_removed",
            What::SealAdded => "seal_added",
            What::RecordChanged => "record_changed",
            What::HeadLost => "head_lost",
        }
    }
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: What,
    /// The event it is about.
    pub event: Option<Id>,
    /// The seal it is about, or the first of several.
    pub seal: Option<i64>,
    /// The seal where the event is now, or the last of several.
    pub to: Option<i64>,
}

impl Finding {
    pub(super) fn of_event(what: What, event: &Id, seal: Option<i64>) -> Finding {
        Finding { what, event: Some(event.clone()), seal, to: None }
    }

    pub(super) fn of_seals(what: What, first: i64, last: i64) -> Finding {
        Finding { what, event: None, seal: Some(first), to: Some(last) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event.as_ref().map_or("", Id::as_str);
        let (seal, to) = (self.seal.unwrap_or_default(), self.to.unwrap_or_default());
        match self.what {
            What::EventRemoved => write!(f, "event {event} of seal {seal} was removed"),
            What::EventChanged => write!(f, "event {event} of seal {seal} was changed"),
            What::EventAdded => write!(f, "event {event} was added to seal {seal}"),
            What::EventMisplaced => write!(f, "event {event} is in seal {seal}, and does not belong there"),
            What::EventMoved if self.to.is_some() => {
                write!(f, "event {event} of seal {seal} was moved to seal {to}")
            }
            What::EventMoved => write!(f, "event {event} of seal {seal} was taken out of it"),
            What::EventForeign if self.seal.is_some() => {
                write!(f, "event {event} was not written by Latchkey as it is; seal {seal} found it so")
            }
            What::EventForeign => {
                write!(f, "event {event} was not written by Latchkey as it is, and has no seal yet")
            }
            What::SealChanged => write!(f, "seal {seal} was changed"),
            What::SealMoved => write!(f, "seal {seal} does not go on from the one before it"),
            What::SealsRemoved if seal == to => write!(f, "seal {seal} was removed"),
            What::SealsRemoved => write!(f, "seals {seal} to {to} were removed"),
            What::SealAdded => write!(f, "seal {seal} was added"),
            What::RecordChanged => write!(f, "the record of what was removed for its age was changed"),
            What::HeadLost => {
                write!(f, "seal {seal} is not there as it was noted: the end was cut off, or made anew")
            }
        }
    }
}
