//! Verifying: walks along the seals and looks whether every event is as it was written, where it was, and there at all.
//! Reads in pieces, so it needs no more memory for a hundred million events than for one, and no writer waits for it.

use std::sync::{Arc, Mutex};

use store::events::{self, Event};
use store::seals::{self, Removed, Seal};
use store::{Conn, Db, Id, Time};

use crate::audit::finding::{Finding, What};
use crate::audit::mark::{self, ADOPTED, Entry};
use crate::audit::seal::Head;
use crate::vault::Vault;
use crate::{App, Error, Result};

/// Seals that are read at a time, and events.
const SEALS: i64 = 64;
const EVENTS: i64 = 1000;

/// What was looked at.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seals that were looked at.
    pub seals: u64,
    /// Events that have one.
    pub events: u64,
    /// Those of them that were there before there were seals: they were taken as they were.
    pub adopted: u64,
    /// Events that have no seal yet, and when the oldest of them happened.
    pub unsealed: u64,
    /// When the oldest of those happened.
    pub unsealed_since: Option<Time>,
    /// What was removed by rule, if anything was.
    pub removed: Option<Gone>,
    /// The end of the log.
    pub head: Option<Head>,
    /// How many findings there were.
    pub findings: u64,
}

/// What was removed since it had been kept long enough.
#[derive(Clone, Debug)]
pub struct Gone {
    /// The number of the last seal that is gone.
    pub through: i64,
    /// How many events are gone in all.
    pub events: i64,
    /// What had happened before then was old.
    pub older: Time,
}

/// Told what is found, and how many events were looked at.
pub struct Listener {
    /// Something is not as it was.
    pub found: Box<dyn FnMut(&Finding) + Send>,
    /// So many events were looked at.
    pub looked: Box<dyn FnMut(u64) + Send>,
}

/// Looks at the whole log. `expect` is a head that was noted elsewhere, which has to be in it.
pub async fn run(app: &App, expect: Option<Head>, listener: Listener) -> Result<Report> {
    run_over((&app.db, &app.vault), expect, listener).await
}

/// The same over a database that is open, and nothing else.
pub(crate) async fn run_over(
    (db, vault): (&Db, &Vault),
    expect: Option<Head>,
    listener: Listener,
) -> Result<Report> {
    let walk = Walk {
        vault: vault.clone(),
        listener,
        expect,
        report: Report::default(),
        next: 0,
        previous: None,
        adopting: true,
        page: 0,
    };
    let walk = Arc::new(Mutex::new(walk));
    for page in 0.. {
        let walk = walk.clone();
        // Each piece sees one state of the database, and is told what was removed by rule since the last.
        let more = db.scan(move |conn| {
            let mut walk = walk.lock().map_err(|_| Error::broken(anyhow::anyhow!("verifying panicked")))?;
            // What was said cannot be taken back, so a piece is not walked twice.
            if std::mem::replace(&mut walk.page, page + 1) != page {
                return Err(Error::Busy);
            }
            walk.piece(conn, page == 0)
        });
        if !more.await? {
            break;
        }
    }
    let walk = walk.lock().map_err(|_| Error::broken(anyhow::anyhow!("verifying panicked")))?;
    Ok(walk.report.clone())
}

/// Somebody who walks along the seals.
struct Walk {
    vault: Vault,
    listener: Listener,
    expect: Option<Head>,
    report: Report,
    /// The number that the next seal has to have.
    next: i64,
    /// The MAC that it has to go on from; `None` after something that cannot be trusted.
    previous: Option<String>,
    /// Whether all seals so far are over what was there before them.
    adopting: bool,
    page: u64,
}

impl Walk {
    fn event(&mut self, what: What, event: &Id, seal: Option<i64>) {
        self.found(Finding::of_event(what, event, seal));
    }

    fn seals(&mut self, what: What, first: i64, last: i64) {
        self.found(Finding::of_seals(what, first, last));
    }

    fn found(&mut self, finding: Finding) {
        self.report.findings += 1;
        (self.listener.found)(&finding);
    }

    /// Walks over the next seals. False at the end.
    fn piece(&mut self, conn: &mut Conn<'_>, first: bool) -> Result<bool> {
        let record = self.record(conn, first)?;
        if first {
            (self.next, self.previous) = match &record {
                Some(removed) => (removed.through.saturating_add(1), Some(removed.last.clone())),
                None => (1, Some(String::new())),
            };
            self.stray_seals(conn)?;
            self.stray_events(conn, i64::MIN, self.next.saturating_sub(1))?;
        } else if let Some(removed) = record.filter(|removed| removed.through >= self.next) {
            // Meanwhile more has been kept long enough.
            (self.next, self.previous) = (removed.through.saturating_add(1), Some(removed.last));
        }
        let found = seals::after(conn, self.next.saturating_sub(1), SEALS)?;
        for seal in &found {
            if seal.number > self.next {
                let (first, last) = (self.next, seal.number - 1);
                self.seals(What::SealsRemoved, first, last);
                self.stray_events(conn, first, last)?;
                self.previous = None;
            }
            self.seal(conn, seal)?;
            self.next = seal.number.saturating_add(1);
        }
        if found.len() as i64 == SEALS {
            return Ok(true);
        }
        self.stray_events(conn, self.next, i64::MAX)?;
        self.tail(conn)?;
        self.judge_head(conn)?;
        Ok(false)
    }

    /// Up to where seals are gone by rule, if that was said by us.
    fn record(&mut self, conn: &mut Conn<'_>, first: bool) -> Result<Option<Removed>> {
        let Some(removed) = seals::removed(conn)? else { return Ok(None) };
        if !mark::is_true(&self.vault, &removed) {
            if first {
                self.found(Finding { what: What::RecordChanged, event: None, seal: None, to: None });
            }
            return Ok(None);
        }
        self.report.removed =
            Some(Gone { through: removed.through, events: removed.events, older: removed.older });
        Ok(Some(removed))
    }

    /// Seals that are gone by rule, or whose numbers never were, and that are there.
    fn stray_seals(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let found = seals::after(conn, after, SEALS)?;
            for seal in &found {
                if seal.number >= self.next {
                    return Ok(());
                }
                self.seals(What::SealAdded, seal.number, seal.number);
                after = seal.number;
            }
            if (found.len() as i64) < SEALS {
                return Ok(());
            }
        }
    }

    /// Events that say they have one of these seals, none of which is there.
    fn stray_events(&mut self, conn: &mut Conn<'_>, from: i64, to: i64) -> Result<()> {
        let (mut seal, mut after) = (from, Id::new(""));
        loop {
            let found = events::page_of_seals(conn, (seal, &after), to, EVENTS)?;
            let Some(last) = found.last() else { return Ok(()) };
            (seal, after) = (last.seal.unwrap_or(to), last.id.clone());
            for event in &found {
                self.unlisted(event, event.seal.unwrap_or(to));
            }
        }
    }

    /// An event that does not belong into the seal that it says it has.
    fn unlisted(&mut self, event: &Event, seal: i64) {
        let what = match mark::vouches_for(&self.vault, event) {
            true => What::EventMisplaced,
            false => What::EventAdded,
        };
        self.event(what, &event.id, Some(seal));
    }

    fn seal(&mut self, conn: &mut Conn<'_>, seal: &Seal) -> Result<()> {
        let whole = mark::is_whole(&self.vault, seal);
        let number = seal.number;
        if !whole {
            self.seals(What::SealChanged, number, number);
        } else if self.previous.as_ref().is_some_and(|previous| *previous != seal.previous) {
            self.seals(What::SealMoved, number, number);
        }
        self.previous = whole.then(|| seal.mac.clone());
        self.adopting &= seal.kind == ADOPTED;
        self.report.seals += 1;
        self.report.head = Some(Head { number, mac: seal.mac.clone() });
        if self.expect.as_ref().is_some_and(|head| head.number == number) {
            let head = self.expect.take();
            if let Some(head) = head.filter(|head| head.mac != seal.mac) {
                self.seals(What::HeadLost, head.number, head.number);
            }
        }
        // What a seal lists that was changed is no longer known; each of its events still speaks for itself.
        let list = mark::read_list(&seal.listed).filter(|_| whole);
        let mut listed = list.as_deref().map(|entries| entries.iter().peekable());
        let mut after = Id::new("");
        loop {
            let found = events::page_of_seal(conn, number, &after, EVENTS)?;
            let Some(last) = found.last() else { break };
            after = last.id.clone();
            self.report.events += found.len() as u64;
            if seal.kind == ADOPTED {
                self.report.adopted += found.len() as u64;
            }
            for event in &found {
                let Some(entries) = &mut listed else {
                    if !mark::vouches_for(&self.vault, event) {
                        self.event(What::EventChanged, &event.id, Some(number));
                    }
                    continue;
                };
                while let Some(entry) = entries.next_if(|entry| entry.id.as_str() < event.id.as_str()) {
                    self.missing(conn, entry, number)?;
                }
                match entries.next_if(|entry| entry.id == event.id.as_str()) {
                    Some(entry) => self.compare(entry, event, number),
                    None => self.unlisted(event, number),
                }
            }
            (self.listener.looked)(self.report.events);
            if (found.len() as i64) < EVENTS {
                break;
            }
        }
        for entry in listed.into_iter().flatten() {
            self.missing(conn, entry, number)?;
        }
        Ok(())
    }

    fn compare(&mut self, entry: &Entry, event: &Event, seal: i64) {
        let what = match (mark::vouches_for(&self.vault, event), entry.foreign) {
            (false, true) => What::EventForeign,
            (true, false) if entry.count == event.count => return,
            _ => What::EventChanged,
        };
        self.event(what, &event.id, Some(seal));
    }

    fn missing(&mut self, conn: &mut Conn<'_>, entry: &Entry, seal: i64) -> Result<()> {
        let event = Id::new(entry.id.as_str());
        let elsewhere = events::by_id(conn, &event)?;
        let (event, seal) = (Some(event), Some(seal));
        self.found(match elsewhere {
            Some(found) => Finding { what: What::EventMoved, event, seal, to: found.seal },
            None => Finding { what: What::EventRemoved, event, seal, to: None },
        });
        Ok(())
    }

    /// What has no seal yet.
    fn tail(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        let mut after = Id::new("");
        loop {
            let found = events::page_unsealed(conn, &after, EVENTS)?;
            let Some(last) = found.last() else { return Ok(()) };
            after = last.id.clone();
            for event in &found {
                self.report.unsealed += 1;
                let since = self.report.unsealed_since.map_or(event.at, |since| since.min(event.at));
                self.report.unsealed_since = Some(since);
                // What was there before there were seals is vouched for when it is sealed.
                let waits = self.adopting && event.mac.is_empty();
                if !waits && !mark::vouches_for(&self.vault, event) {
                    self.event(What::EventForeign, &event.id, None);
                }
            }
        }
    }

    /// Whether what was noted elsewhere is in the log, or was removed since by rule.
    fn judge_head(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        let record = self.record(conn, false)?;
        let Some(head) = self.expect.take() else { return Ok(()) };
        let by_rule = record.is_some_and(|removed| {
            removed.through > head.number || (removed.through == head.number && removed.last == head.mac)
        });
        if !by_rule {
            self.seals(What::HeadLost, head.number, head.number);
        }
        Ok(())
    }
}
