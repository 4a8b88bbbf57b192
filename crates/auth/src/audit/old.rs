//! What has been kept long enough: whole seals are removed with their events, the oldest first, and what remains can be
//! verified all the same, since a record says up to where they are gone, and from which MAC the chain goes on.

use store::seals::{self, Removed};
use store::{Time, Tx, events};

use crate::Result;
use crate::audit::mark;
use crate::audit::seal::Sealer;
use crate::audit::{Happened, Scribe, Whom};
use crate::clock::date;
use crate::vault::Vault;
use crate::visit::Visit;

/// Seals that are removed in one transaction, with at most 500 events each.
const AT_ONCE: i64 = 4;

/// What one transaction has removed.
struct Gone {
    events: i64,
    more: bool,
    /// A seal that is old, and not as it was made.
    broken: Option<i64>,
}

impl Sealer {
    /// Removes what is older than the settings say, in many small transactions; answers how many events.
    ///
    /// A seal that was tampered with stays, and so does everything after it: it is evidence, and its date may be a lie.
    pub async fn remove_old(&mut self) -> Result<i64> {
        let Some(keep) = self.app.config.audit_keep_seconds() else { return Ok(0) };
        let mut removed = 0;
        loop {
            let (vault, older) = (self.app.vault.clone(), self.app.clock.now().plus_seconds(-keep));
            let scribe = self.app.scribe(&Visit::default(), self.app.clock.now());
            let turn = self.turn(move |tx, now| remove(tx, &vault, &scribe, (older, now))).await?;
            let Some(gone) = turn else { return Ok(removed) };
            removed += gone.events;
            if let Some(seal) = gone.broken {
                tracing::error!(
                    seal,
                    "the audit log is older than it is to be kept, but this seal is not as it was made, so it stays with all \
                     that follows: `latchkey audit verify` says more"
                );
            }
            if !gone.more {
                return Ok(removed);
            }
        }
    }
}

fn remove(tx: &mut Tx<'_>, vault: &Vault, scribe: &Scribe, (older, now): (Time, Time)) -> Result<Gone> {
    let mut gone = Gone { events: 0, more: false, broken: None };
    let before = match seals::removed(tx)? {
        Some(removed) if !mark::is_true(vault, &removed) => {
            gone.broken = Some(removed.through);
            return Ok(gone);
        }
        before => before,
    };
    let (mut through, mut last, earlier) =
        before.map_or((0, String::new(), 0), |removed| (removed.through, removed.last, removed.events));
    // One more is read: the newest seal stays, since the next one is bound to it.
    let found = seals::after(tx, through, AT_ONCE + 1)?;
    let mut old = found.iter().take(found.len().saturating_sub(1)).peekable();
    while let Some(seal) = old.next_if(|seal| seal.newest < older) {
        let follows = through.checked_add(1) == Some(seal.number) && seal.previous == last;
        if !follows || !mark::is_whole(vault, seal) {
            gone.broken = Some(seal.number);
            break;
        }
        gone.events += i64::try_from(events::remove_of_seal(tx, seal.number)?).unwrap_or(i64::MAX);
        seals::remove(tx, seal.number)?;
        (through, last) = (seal.number, seal.mac.clone());
        gone.more = true;
    }
    if gone.more {
        let mut removed =
            Removed { through, last, events: earlier + gone.events, older, at: now, mac: String::new() };
        removed.mac = mark::of_removed(vault, &removed);
        seals::set_removed(tx, &removed)?;
        let (nobody, older) = (Whom { id: None, name: "" }, date(older));
        let detail = &[("older_than", older.as_str())];
        scribe.record_many(tx, Happened::AuditRemoved, nobody, (gone.events, detail))?;
    }
    gone.more &= gone.broken.is_none() && old.peek().is_none();
    Ok(gone)
}
