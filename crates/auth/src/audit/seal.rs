//! Sealing: what has no seal yet is sealed in batches, each bound to the one before. One node does it for all of them.

use store::leases::{self, Lease};
use store::seals::{self, Seal};
use store::{Conn, Time, Tx, events};

use crate::audit::mark::{self, ADOPTED, EVENTS, Entry};
use crate::vault::Vault;
use crate::{App, Result};

/// Of the lease that whoever seals or removes has to hold.
const LEASE: &str = "audit";
/// Long enough for a batch, and short enough that another node goes on soon where one dies.
const LEASE_SECONDS: i64 = 15;
/// How long after a minute its last failures may still be under way to the row that counts them, in milliseconds. What
/// comes later is a row of its own.
const UNDER_WAY: i64 = 5000;

/// The end of the log: the number of the newest seal, and its MAC. Whoever notes it elsewhere notices when the end is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest seal's.
    pub number: i64,
    /// The newest seal's.
    pub mac: String,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number, self.mac)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Head, String> {
        let head = text.trim().split_once(':').and_then(|(number, mac)| {
            let number = number.parse().ok().filter(|number| *number > 0)?;
            let is_mac = data_encoding::BASE64.decode(mac.as_bytes()).is_ok_and(|mac| mac.len() == 32);
            is_mac.then(|| Head { number, mac: mac.to_owned() })
        });
        head.ok_or_else(|| {
            "write the head as `latchkey audit verify` printed it: a number, a colon, 44 letters".to_owned()
        })
    }
}

/// Whoever seals on this node, and what it has seen.
pub struct Sealer {
    pub(super) app: App,
    holder: String,
    lease: Option<Lease>,
    head: Option<Head>,
}

/// What came of one turn.
enum Turn<T> {
    /// Another node does it.
    Theirs,
    Ours(Lease, T),
}

impl Sealer {
    /// Somebody who has done nothing yet.
    pub fn new(app: &App) -> Sealer {
        let holder = app.random.holder();
        Sealer { app: app.clone(), holder, lease: None, head: None }
    }

    /// The end of the log, as this node last saw it.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Looks at the end of the log, and says so in the server's log where it is not where this node has seen it.
    pub async fn look_at_end(&mut self) -> Result<()> {
        let known = self.head.clone();
        let (last, is_cut) = self
            .app
            .db
            .scan(move |conn| {
                let is_cut = known.as_ref().map_or(Ok(false), |head| is_gone(conn, head))?;
                Ok::<_, crate::Error>((seals::last(conn)?, is_cut))
            })
            .await?;
        self.say_if(is_cut);
        self.head = last.map(|seal| Head { number: seal.number, mac: seal.mac });
        Ok(())
    }

    fn say_if(&self, is_cut: bool) {
        if let Some(head) = self.head.as_ref().filter(|_| is_cut) {
            tracing::error!(%head, "the end of the audit log was cut off: this seal was there, and is not there any more");
        }
    }

    /// Seals all there is to be sealed, unless another node is at it; answers how many events.
    pub async fn seal(&mut self) -> Result<u64> {
        let mut sealed = 0;
        loop {
            let before = over(self.app.clock.now());
            if !self.app.db.scan(move |conn| events::has_unsealed(conn, before)).await? {
                return Ok(sealed);
            }
            let (vault, known) = (self.app.vault.clone(), self.head.clone());
            let turn = self
                .turn(move |tx, now| {
                    let is_cut = match &known {
                        Some(head) => is_gone(tx, head)?,
                        None => false,
                    };
                    let seal = batch(tx, &vault, now, before)?;
                    Ok((seal.map(|seal| (Head { number: seal.number, mac: seal.mac }, seal.count)), is_cut))
                })
                .await?;
            let Some((seal, is_cut)) = turn else { return Ok(sealed) };
            self.say_if(is_cut);
            let Some((head, count)) = seal else { return Ok(sealed) };
            self.head = Some(head);
            sealed += u64::try_from(count).unwrap_or(0);
        }
    }

    /// Does something in a transaction in which nobody else seals or removes. `None` while another node holds the lease.
    ///
    /// The lease is locked and compared in that same transaction, so a node that slept finds out before it has done anything.
    pub(super) async fn turn<T: Send + 'static>(
        &mut self,
        f: impl Fn(&mut Tx<'_>, Time) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let now = self.app.clock.now();
        let (held, holder) = (self.lease.clone(), self.holder.clone());
        let turn = self
            .app
            .db
            .write(move |tx| {
                let until = now.plus_seconds(LEASE_SECONDS);
                let lease = match &held {
                    Some(lease) if leases::hold(tx, lease, until)? => Some(lease.clone()),
                    _ => leases::take(tx, LEASE, &holder, (now, until))?,
                };
                let Some(lease) = lease else { return Ok(Turn::Theirs) };
                let done = f(tx, now)?;
                Ok::<_, crate::Error>(Turn::Ours(lease, done))
            })
            .await?;
        Ok(match turn {
            Turn::Theirs => {
                self.lease = None;
                None
            }
            Turn::Ours(lease, done) => {
                self.lease = Some(lease);
                Some(done)
            }
        })
    }

    /// Gives the lease back, where it is held: the next one to seal need not wait for its end.
    pub async fn release(&mut self) -> Result<()> {
        let Some(lease) = self.lease.take() else { return Ok(()) };
        Ok(self.app.db.write(move |tx| leases::release(tx, &lease)).await?)
    }
}

/// Failures that began before then are not counted any further.
fn over(now: Time) -> Time {
    let minute = (now.millis() - UNDER_WAY).div_euclid(60_000);
    Time::from_millis(minute * 60_000)
}

/// Whether a seal is gone that is not gone by rule.
fn is_gone(conn: &mut Conn<'_>, head: &Head) -> Result<bool> {
    if seals::mac_of(conn, head.number)?.is_some_and(|mac| mac == head.mac) {
        return Ok(false);
    }
    Ok(seals::removed(conn)?.is_none_or(|removed| removed.through < head.number))
}

/// Seals a batch. The lease is held.
fn batch(tx: &mut Tx<'_>, vault: &Vault, now: Time, before: Time) -> Result<Option<Seal>> {
    let last = seals::last(tx)?;
    let (number, previous) = match (&last, seals::removed(tx)?) {
        (Some(seal), _) => (seal.number, seal.mac.clone()),
        (None, Some(removed)) => (removed.through, removed.last),
        (None, None) => (0, String::new()),
    };
    let number = number.saturating_add(1);
    // What was written before there were seals is taken as it is, once: after the first other seal, never again.
    let mut events = match last.is_none_or(|seal| seal.kind == ADOPTED) {
        true => events::seal_unmarked(tx, number)?,
        false => Vec::new(),
    };
    let kind = if events.is_empty() { EVENTS } else { ADOPTED };
    if events.is_empty() {
        events = events::seal(tx, number, before)?;
    }
    if events.is_empty() {
        return Ok(None);
    }
    events.sort_by(|one, other| one.id.cmp(&other.id));
    let mut entries = Vec::with_capacity(events.len());
    for event in &events {
        if kind == ADOPTED {
            events::update_mac(tx, &event.id, &mark::of_event(vault, event))?;
        }
        let foreign = kind == EVENTS && !mark::vouches_for(vault, event);
        entries.push(Entry { id: event.id.to_string(), count: event.count, foreign });
    }
    let newest = events.iter().map(|event| event.at).max().unwrap_or(now);
    let mut seal = Seal {
        number,
        kind: kind.to_owned(),
        at: now,
        newest,
        count: i64::try_from(events.len()).unwrap_or(i64::MAX),
        listed: mark::write_list(&entries),
        previous,
        mac: String::new(),
    };
    seal.mac = mark::of_seal(vault, &seal);
    seals::insert(tx, &seal)?;
    Ok(Some(seal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_nothing_else() {
        let head = Head { number: 12, mac: data_encoding::BASE64.encode(&[7; 32]) };
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        for wrong in
            ["", "12", ":x", "12:x", "-1:AA==", &format!("0:{}", head.mac), &format!("x:{}", head.mac)]
        {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_minute_is_over_five_seconds_after_its_end() {
        let at = |seconds: i64| Time::from_millis(seconds * 1000);
        assert_eq!(over(at(120)), at(60));
        assert_eq!(over(at(124)), at(60));
        assert_eq!(over(at(125)), at(120));
    }
}
