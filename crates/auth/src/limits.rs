//! Tries: one budget per kind and name, the same for names that exist and that do not; and one per kind for each browser in
//! which the person of that name has signed in before.
//!
//! A try is spent before it is judged, in the transaction that judges it. The first four failures rest nothing, the fifth
//! thirty seconds, then it doubles up to an hour; a day untouched forgets them. Of codes that come without a password the
//! third rests a minute. RFC 4226, section 7.3. A hundred in a row close the door for browsers that are not known, whatever
//! time passes. What all this is worth against somebody who guesses is worked out in [`crate::odds`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::attempts::{Budget, Taken};
use store::{Conn, Time, Tx, attempts, devices, quotas};

use crate::meters::Meters;
use crate::vault::Vault;
use crate::{Error, Result};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
pub(crate) const FORGOTTEN_AFTER: i64 = 24 * HOUR;

/// Wrong codes in a row that close the code factor: NIST SP 800-63B, section 3.2.2. As many wrong guesses in a row by whoever
/// has only a name close the door for browsers that are not known.
pub(crate) const IN_A_ROW: i64 = 100;

/// What is guessed at. No kind resets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Passwords: anybody who knows a name can spend these.
    Password,
    /// Codes: only somebody with the right password can.
    Code,
    /// Codes that come with a name and no password: anybody who knows a name can spend these.
    CodeAlone,
    /// Recovery codes.
    Recovery,
}

/// How the waiting grows, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// The failure that first makes the next try wait.
    pub(crate) rests_from: i64,
    /// How long it waits then; each further failure doubles it.
    pub(crate) first_rest: i64,
    /// The longest wait.
    pub(crate) longest_rest: i64,
}

impl Kind {
    /// All of them, in their order.
    pub(crate) const ALL: [Kind; 4] = [Kind::Password, Kind::Code, Kind::CodeAlone, Kind::Recovery];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Code => "code",
            Kind::CodeAlone => "code_alone",
            Kind::Recovery => "recovery",
        }
    }

    pub(crate) fn schedule(self) -> Schedule {
        // A code without a password is guessed at by strangers: three tries, and a minute.
        let (rests_from, first_rest) =
            if self == Kind::CodeAlone { (3, 60 * SECOND) } else { (5, 30 * SECOND) };
        Schedule { rests_from, first_rest, longest_rest: HOUR }
    }

    /// Whether strangers stand at this one, who have nothing but a name. A recovery code is too long to be guessed.
    fn is_front_door(self) -> bool {
        matches!(self, Kind::Password | Kind::CodeAlone)
    }
}

/// Who pays for the tries of a name: the name, the same whether it exists or not; or a browser in which its person has signed
/// in before, which strangers cannot spend from.
#[derive(Clone)]
pub(crate) struct Payer {
    mac: String,
    name_key: String,
    /// Nothing but the name is known.
    stranger: bool,
}

impl Payer {
    /// Whoever has nothing but the name.
    pub(crate) fn name(vault: &Vault, name_key: &str) -> Payer {
        Payer { mac: vault.name_mac(name_key), name_key: name_key.to_owned(), stranger: true }
    }

    /// A browser that is known of the person of that name, or whoever holds a one-time link of theirs. `device` is the keyed
    /// MAC of its token.
    pub(crate) fn known(vault: &Vault, name_key: &str, device: &str) -> Payer {
        let mac = vault.device_budget_mac(name_key, device);
        Payer { mac, name_key: name_key.to_owned(), stranger: false }
    }

    /// The browser, if it is known of the person of that name, else the name.
    pub(crate) fn of(
        conn: &mut Conn<'_>,
        vault: &Vault,
        name_key: &str,
        device: Option<&str>,
        now: Time,
    ) -> Result<Payer> {
        match device {
            Some(device) if devices::is_known(conn, device, name_key, now)? => {
                Ok(Payer::known(vault, name_key, device))
            }
            _ => Ok(Payer::name(vault, name_key)),
        }
    }

    /// How many in a row close it; zero where none do.
    fn closes_at(&self, kind: Kind) -> i64 {
        if self.stranger && kind.is_front_door() { IN_A_ROW } else { 0 }
    }
}

/// Takes a try, or says why there is none: the budget rests, or the door is closed. Neither costs a write.
pub(crate) fn spend_try(
    tx: &mut Tx<'_>,
    meters: &Meters,
    kind: Kind,
    payer: &Payer,
    now: Time,
) -> Result<Taken> {
    let Schedule { rests_from, first_rest, longest_rest } = kind.schedule();
    let budget = Budget {
        kind: kind.text(),
        name_mac: &payer.mac,
        name_key: &payer.name_key,
        rests_from,
        first_rest,
        longest_rest,
        forgotten_after: FORGOTTEN_AFTER,
        closes_at: payer.closes_at(kind),
    };
    if let Some(taken) = attempts::take(tx, &budget, now)? {
        meters.tried(tx, kind);
        return Ok(taken);
    }
    refuse_resting(tx, kind, payer, now)?;
    // Given back since, by another transaction: it is free in a moment.
    Err(Error::TooManyTries { until: now, now })
}

/// Whether this was the try that closes the door, unless it was right.
pub(crate) fn closes_door(taken: &Taken) -> bool {
    taken.in_row == IN_A_ROW
}

/// Says whether a budget rests or is closed, without taking from it: what rests is not even charged.
pub(crate) fn refuse_resting(conn: &mut Conn<'_>, kind: Kind, payer: &Payer, now: Time) -> Result<()> {
    let Some((until, in_row)) = attempts::standing(conn, kind.text(), &payer.mac)? else { return Ok(()) };
    let closes_at = payer.closes_at(kind);
    if closes_at > 0 && in_row >= closes_at {
        return Err(Error::DoorClosed);
    }
    // A rest that ends later than any can was written by a clock that was ahead.
    let rests = (1..=kind.schedule().longest_rest).contains(&until.millis_since(now));
    if rests { Err(Error::TooManyTries { until, now }) } else { Ok(()) }
}

/// Gives one try back: the guess was right, or was a code that had been used.
pub(crate) fn give_back(tx: &mut Tx<'_>, kind: Kind, payer: &Payer) -> Result<()> {
    Ok(attempts::give_back(tx, kind.text(), &payer.mac)?)
}

/// Forgives what was tried with a factor that has just completed a sign-in.
pub(crate) fn forgive(tx: &mut Tx<'_>, kind: Kind, payer: &Payer) -> Result<()> {
    Ok(attempts::forgive(tx, kind.text(), &payer.mac)?)
}

/// Opens the door of this name for browsers that are not known: its person has signed in, or is let in by a link. What rests
/// goes on resting, or whoever guesses would guess faster each time that somebody signs in.
pub(crate) fn open_door(tx: &mut Tx<'_>, vault: &Vault, name_key: &str) -> Result<()> {
    let kinds = [Kind::Password.text(), Kind::CodeAlone.text()];
    Ok(attempts::reopen(tx, &vault.name_mac(name_key), kinds)?)
}

/// Whether the door of this name is closed for browsers that are not known.
pub(crate) fn is_door_closed(conn: &mut Conn<'_>, vault: &Vault, name_key: &str) -> Result<bool> {
    let mac = vault.name_mac(name_key);
    for kind in [Kind::Password, Kind::CodeAlone] {
        let standing = attempts::standing(conn, kind.text(), &mac)?;
        if standing.is_some_and(|(_, in_row)| in_row >= IN_A_ROW) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Most tries that are remembered of names that nobody has, and how many may come on top before some are forgotten.
const NOBODIES: i64 = 1024;
const NEWCOMERS: i64 = 256;

/// Forgets tries of names that nobody has, beyond the bound.
pub(crate) fn shed_nobodies(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    Ok(attempts::shed(tx, NOBODIES, IN_A_ROW, now)?)
}

/// Counts the names that were first tried on this node since some were forgotten, so that no flood outgrows the bound between
/// two rounds of the chores.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd(Arc<AtomicI64>);

impl Crowd {
    /// Notes what was taken, in the transaction that took it.
    pub(crate) fn note(&self, tx: &mut Tx<'_>, taken: &Taken, now: Time) -> Result<()> {
        if taken.of_user || taken.failures > 1 || self.0.fetch_add(1, Ordering::Relaxed) + 1 < NEWCOMERS {
            return Ok(());
        }
        self.0.store(0, Ordering::Relaxed);
        shed_nobodies(tx, now).map(|_| ())
    }
}

/// Most registrations an address may begin in an hour, and hold at once; and most that are held in all.
const AN_HOUR: i64 = 20;
const AT_ONCE: i64 = 3;
const IN_ALL: i64 = 1000;
/// Most addresses of which is remembered what they began.
const ADDRESSES: i64 = 512;

/// Takes one registration from the budget of the address, if it has one, and of the house.
pub(crate) fn spend_registration(tx: &mut Tx<'_>, address: Option<&str>, now: Time) -> Result<()> {
    if store::registrations::count(tx, now)? >= IN_ALL {
        return Err(Error::RegistrationsFull);
    }
    if let Some(address) = address {
        let held = store::registrations::count_of_address(tx, address, now)?;
        if held >= AT_ONCE || !quotas::take(tx, "registration", address, AN_HOUR, (now, HOUR))? {
            return Err(Error::RegistrationsFull);
        }
        quotas::shed(tx, ADDRESSES)?;
    }
    Ok(())
}

/// How often somebody was told to wait, since the last minute's event. A flood is counted, not written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rested(Arc<AtomicI64>);

impl Rested {
    pub(crate) fn add(&self, times: i64) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> i64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}
