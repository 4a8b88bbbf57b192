//! Tries: one budget per kind and name, the same for names that exist and that do not; and one per kind for each browser in
//! which the person of that name has signed in before.
//!
//! A try is spent before it is judged, in the transaction that judges it. The first four failures rest nothing, the fifth
//! thirty seconds, then it doubles up to an hour; a day untouched forgets them. Of codes that come without a password the
//! third rests a minute. RFC 4226, section 7.3.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::attempts::Budget;
use store::{Conn, Time, Tx, attempts, devices, quotas};

use crate::vault::Vault;
use crate::{Error, Result};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
pub(crate) const FORGOTTEN_AFTER: i64 = 24 * HOUR;

/// Wrong codes in a row that close the code factor: NIST SP 800-63B, section 3.2.2.
pub(crate) const WRONG_CODES: i64 = 100;

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

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Code => "code",
            Kind::CodeAlone => "code_alone",
            Kind::Recovery => "recovery",
        }
    }
}

/// Who pays for the tries of a name: the name, the same whether it exists or not; or a browser in which its person has signed
/// in before, which strangers cannot spend from.
#[derive(Clone, Debug)]
pub(crate) struct Payer(String);

impl Payer {
    /// Whoever has nothing but the name.
    pub(crate) fn name(vault: &Vault, name_key: &str) -> Payer {
        Payer(vault.name_mac(name_key))
    }

    /// A browser that is known of the person of that name. `device` is the keyed MAC of its token.
    pub(crate) fn known(vault: &Vault, name_key: &str, device: &str) -> Payer {
        Payer(vault.device_budget_mac(name_key, device))
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
}

/// Takes a try, or says until when the budget rests. Resting costs no write.
pub(crate) fn spend_try(tx: &mut Tx<'_>, kind: Kind, payer: &Payer, now: Time) -> Result<(), Error> {
    let name_mac = payer.0.as_str();
    // A code without a password is guessed at by strangers: three tries, and a minute.
    let (rests_from, first_rest) = if kind == Kind::CodeAlone { (3, 60 * SECOND) } else { (5, 30 * SECOND) };
    let budget = Budget {
        kind: kind.text(),
        name_mac,
        rests_from,
        first_rest,
        longest_rest: HOUR,
        forgotten_after: FORGOTTEN_AFTER,
    };
    if attempts::take(tx, &budget, now)?.is_some() {
        return Ok(());
    }
    let until = attempts::free_at(tx, kind.text(), name_mac)?.unwrap_or(now);
    Err(Error::TooManyTries { until, now })
}

/// Says whether a budget rests, without taking from it: what rests is not even charged.
pub(crate) fn refuse_resting(conn: &mut Conn<'_>, kind: Kind, payer: &Payer, now: Time) -> Result<(), Error> {
    match attempts::free_at(conn, kind.text(), &payer.0)? {
        Some(until) if until > now => Err(Error::TooManyTries { until, now }),
        _ => Ok(()),
    }
}

/// Gives one try back: the guess was right, or was a code that had been used.
pub(crate) fn give_back(tx: &mut Tx<'_>, kind: Kind, payer: &Payer, now: Time) -> Result<()> {
    Ok(attempts::give_back(tx, kind.text(), &payer.0, now)?)
}

/// Forgives what was tried with a factor that has just completed a sign-in.
pub(crate) fn forgive(tx: &mut Tx<'_>, kind: Kind, payer: &Payer) -> Result<()> {
    Ok(attempts::forgive(tx, kind.text(), &payer.0)?)
}

/// Most registrations an address may begin in an hour, and hold at once; and most that are held in all.
const AN_HOUR: i64 = 20;
const AT_ONCE: i64 = 3;
const IN_ALL: i64 = 1000;

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
