//! The audit log: an event for everything that happens to an account, written in the transaction that it reports.
//!
//! Each event is vouched for by whoever writes it; [`seal`] binds them together, [`verify`] looks whether they still are as
//! they were, [`read`] lists them, and [`old`] removes what has been kept long enough.

pub mod finding;
pub(crate) mod mark;
pub mod old;
pub mod read;
pub mod seal;
pub mod verify;

use serde_json::{Map, Value};
use store::events::Event;
use store::{Id, Time, Tx, events};

use crate::meters::Meters;
use crate::random::Random;
use crate::vault::Vault;
use crate::visit::Visit;
use crate::{Error, Result};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A name was reserved.
    RegistrationStarted,
    /// The first code was confirmed: the account exists.
    UserCreated,
    /// Somebody was taken along from another program.
    UserImported,
    /// A password was right.
    PasswordRight,
    /// A password was wrong.
    PasswordWrong,
    /// A sign-in was completed.
    SignedIn,
    /// Somebody signed out.
    SignedOut,
    /// A code was wrong.
    CodeWrong,
    /// A code was used a second time.
    CodeReplayed,
    /// A hundred wrong codes in a row: no more are taken.
    CodesClosed,
    /// A hundred wrong guesses in a row from browsers that are not known: such are not heard any more.
    DoorClosed,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A recovery code was wrong.
    RecoveryCodeWrong,
    /// A code was right, and a password is still owed.
    CodeRight,
    /// A new authenticator has replaced the old.
    AuthenticatorReplaced,
    /// A further authenticator was set up.
    AuthenticatorAdded,
    /// A new phone took the place of an old one.
    AuthenticatorMoved,
    /// An authenticator has another name.
    AuthenticatorRenamed,
    /// An authenticator was removed.
    AuthenticatorRemoved,
    /// Two codes in a row have shown how far a phone's clock is off.
    ClockLearned,
    /// A known browser is known no more.
    BrowserForgotten,
    /// All factors were given again in a session.
    Proved,
    /// Another password was set by its owner.
    PasswordChanged,
    /// Ten new recovery codes were made.
    RecoveryCodesRenewed,
    /// Recovery codes were saved: they cannot be shown again.
    RecoveryCodesSaved,
    /// A one-time link was made.
    LinkMade,
    /// A one-time link was used by somebody who had lost something.
    LinkUsed,
    /// An administrator has reset the authenticators.
    FactorReset,
    /// A role was given.
    RoleChanged,
    /// Somebody was locked out.
    Disabled,
    /// Somebody was let in again.
    Enabled,
    /// Somebody was removed, with everything of theirs.
    UserRemoved,
    /// A group was made.
    GroupCreated,
    /// A group was removed; its people stay.
    GroupRemoved,
    /// Somebody was put into a group.
    GroupJoined,
    /// Somebody was taken out of a group.
    GroupLeft,
    /// Something sealed did not open: the database was changed by hand.
    IntegrityFailed,
    /// Another key seals, or another pepper is hashed with, from now on.
    KeyRotated,
    /// Tries that were not even judged, in a minute.
    Rested,
    /// Events were removed that had been kept long enough.
    AuditRemoved,
    /// The rules did not let somebody in to a program.
    AccessDenied,
    /// Another program has asked about a code, and it was right.
    CodeVerified,
    /// A token was made for another program.
    TokenMade,
    /// A token is good no more.
    TokenRevoked,
    /// An access rule was made by command.
    AccessRuleAdded,
    /// An access rule was removed by command.
    AccessRuleRemoved,
    /// The house was brought back from a backup.
    Restored,
    /// The house was moved to another database.
    Moved,
}

impl Happened {
    /// All of them, in their order.
    pub(crate) const ALL: [Happened; 48] = [
        Happened::RegistrationStarted,
        Happened::UserCreated,
        Happened::UserImported,
        Happened::PasswordRight,
        Happened::PasswordWrong,
        Happened::SignedIn,
        Happened::SignedOut,
        Happened::CodeWrong,
        Happened::CodeReplayed,
        Happened::CodesClosed,
        Happened::DoorClosed,
        Happened::RecoveryCodeUsed,
        Happened::RecoveryCodeWrong,
        Happened::CodeRight,
        Happened::AuthenticatorReplaced,
        Happened::AuthenticatorAdded,
        Happened::AuthenticatorMoved,
        Happened::AuthenticatorRenamed,
        Happened::AuthenticatorRemoved,
        Happened::ClockLearned,
        Happened::BrowserForgotten,
        Happened::Proved,
        Happened::PasswordChanged,
        Happened::RecoveryCodesRenewed,
        Happened::RecoveryCodesSaved,
        Happened::LinkMade,
        Happened::LinkUsed,
        Happened::FactorReset,
        Happened::RoleChanged,
        Happened::Disabled,
        Happened::Enabled,
        Happened::UserRemoved,
        Happened::GroupCreated,
        Happened::GroupRemoved,
        Happened::GroupJoined,
        Happened::GroupLeft,
        Happened::IntegrityFailed,
        Happened::KeyRotated,
        Happened::Rested,
        Happened::AuditRemoved,
        Happened::AccessDenied,
        Happened::CodeVerified,
        Happened::TokenMade,
        Happened::TokenRevoked,
        Happened::AccessRuleAdded,
        Happened::AccessRuleRemoved,
        Happened::Restored,
        Happened::Moved,
    ];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Happened::RegistrationStarted => "registration.started",
            Happened::UserCreated => "user.created",
            Happened::UserImported => "user.imported",
            Happened::PasswordRight => "sign_in.password_right",
            Happened::PasswordWrong => "sign_in.password_wrong",
            Happened::SignedIn => "sign_in.completed",
            Happened::SignedOut => "session.ended",
            Happened::CodeWrong => "sign_in.code_wrong",
            Happened::CodeReplayed => "sign_in.code_replayed",
            Happened::CodesClosed => "sign_in.codes_closed",
            Happened::DoorClosed => "sign_in.door_closed",
            Happened::RecoveryCodeUsed => "recovery.code_used",
            Happened::RecoveryCodeWrong => "recovery.code_wrong",
            Happened::CodeRight => "sign_in.code_right",
            Happened::AuthenticatorReplaced => "authenticator.replaced",
            Happened::AuthenticatorAdded => "authenticator.added",
            Happened::AuthenticatorMoved => "authenticator.moved",
            Happened::AuthenticatorRenamed => "authenticator.renamed",
            Happened::AuthenticatorRemoved => "authenticator.removed",
            Happened::ClockLearned => "authenticator.clock_learned",
            Happened::BrowserForgotten => "browser.forgotten",
            Happened::Proved => "session.proved",
            Happened::PasswordChanged => "password.changed",
            Happened::RecoveryCodesRenewed => "recovery.codes_renewed",
            Happened::RecoveryCodesSaved => "recovery.codes_saved",
            Happened::LinkMade => "link.made",
            Happened::LinkUsed => "link.used",
            Happened::FactorReset => "user.factor_reset",
            Happened::RoleChanged => "user.role_changed",
            Happened::Disabled => "user.disabled",
            Happened::Enabled => "user.enabled",
            Happened::UserRemoved => "user.removed",
            Happened::GroupCreated => "group.created",
            Happened::GroupRemoved => "group.removed",
            Happened::GroupJoined => "group.joined",
            Happened::GroupLeft => "group.left",
            Happened::IntegrityFailed => "integrity.failed",
            Happened::KeyRotated => "key.rotated",
            Happened::Rested => "sign_in.rested",
            Happened::AuditRemoved => "audit.removed",
            Happened::AccessDenied => "access.denied",
            Happened::CodeVerified => "code.verified",
            Happened::TokenMade => "token.created",
            Happened::TokenRevoked => "token.revoked",
            Happened::AccessRuleAdded => "access.rule_added",
            Happened::AccessRuleRemoved => "access.rule_removed",
            Happened::Restored => "restored",
            Happened::Moved => "moved",
        }
    }

    /// What strangers can cause is gathered: one row per kind, name and address prefix a minute, with a count. So is what is
    /// removed.
    fn is_gathered(self) -> bool {
        matches!(
            self,
            Happened::PasswordWrong
                | Happened::CodeWrong
                | Happened::CodeReplayed
                | Happened::RecoveryCodeWrong
                | Happened::DoorClosed
                | Happened::RegistrationStarted
                | Happened::IntegrityFailed
                | Happened::AuditRemoved
                | Happened::AccessDenied
        )
    }
}

/// Most rows of one kind that are gathered in a minute with a name that is somebody's, and with one that is not. What comes on
/// top is one row of many addresses.
const NAMED: i64 = 32;
const NAMELESS: i64 = 16;
const MANY: &str = "many addresses";

/// Writes down what happens in one use-case: when, and from where.
#[derive(Clone)]
pub(crate) struct Scribe {
    random: Random,
    vault: Vault,
    meters: Meters,
    now: Time,
    address: String,
    prefix: String,
}

/// To whom it happened.
#[derive(Clone, Copy)]
pub(crate) struct Whom<'a> {
    /// `None` when it is nobody we know, or not yet.
    pub(crate) id: Option<&'a Id>,
    /// The name; empty for names that do not exist, since people type passwords into the wrong field.
    pub(crate) name: &'a str,
}

impl Scribe {
    pub(crate) fn new(
        (random, vault, meters): (&Random, &Vault, &Meters),
        visit: &Visit,
        now: Time,
    ) -> Scribe {
        let (random, vault, meters) = (random.clone(), vault.clone(), meters.clone());
        Scribe { random, vault, meters, now, address: visit.text(), prefix: visit.prefix() }
    }

    /// Where it counts.
    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Records an event in the caller's transaction.
    pub(crate) fn record(
        &self,
        tx: &mut Tx<'_>,
        happened: Happened,
        whom: Whom<'_>,
        detail: &[(&str, &str)],
    ) -> Result<()> {
        self.record_many(tx, happened, whom, (1, detail))
    }

    /// Records that somebody was not let in to `host`, and says by which id that can be found again.
    pub(crate) fn record_denial(
        &self,
        tx: &mut Tx<'_>,
        whom: Whom<'_>,
        (host, detail): (&str, &[(&str, &str)]),
    ) -> Result<Option<Id>> {
        self.write(tx, (Happened::AccessDenied, host), whom, (1, detail))
    }

    /// Records that something sealed did not open, if that is what `error` says, and nothing otherwise.
    pub(crate) fn note_tampering(&self, tx: &mut Tx<'_>, error: &Error, whom: Whom<'_>) -> Result<()> {
        let Some(what) = error.tampered() else { return Ok(()) };
        tracing::error!(what, "something sealed does not open: the database was changed by hand, or damaged");
        self.record(tx, Happened::IntegrityFailed, whom, &[("what", what)])
    }

    /// Records an event that stands for `count` of its kind.
    pub(crate) fn record_many(
        &self,
        tx: &mut Tx<'_>,
        happened: Happened,
        whom: Whom<'_>,
        (count, detail): (i64, &[(&str, &str)]),
    ) -> Result<()> {
        self.write(tx, (happened, ""), whom, (count, detail)).map(|_| ())
    }

    /// Writes it. Those that are gathered are so by what they are about, too.
    fn write(
        &self,
        tx: &mut Tx<'_>,
        (happened, about): (Happened, &str),
        whom: Whom<'_>,
        (count, detail): (i64, &[(&str, &str)]),
    ) -> Result<Option<Id>> {
        let kind = happened.text();
        let (mut whom, mut address, mut gather) = (whom, self.address.as_str(), None);
        if happened.is_gathered() {
            let minute = self.now.seconds().div_euclid(60);
            let (sort, most) = match whom.name {
                "" => ("nobody", NAMELESS),
                // Nobody has that name yet.
                _ if happened == Happened::RegistrationStarted => ("name", NAMELESS),
                _ => ("name", NAMED),
            };
            let place = format!("{kind} {minute} {sort} ");
            let row = format!("{place}{} {}{about}", whom.name, self.prefix);
            let crowded = events::beside(tx, &place, &row)? >= most;
            if crowded {
                (whom, address) = (Whom { id: None, name: "" }, MANY);
            }
            gather = Some(if crowded { format!("{place}{MANY}") } else { row });
        }
        let detail: Map<String, Value> = detail.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
        let mut event = Event {
            id: self.random.id(self.now),
            at: self.now,
            kind: kind.to_owned(),
            user_id: whom.id.cloned(),
            name: whom.name.to_owned(),
            address: address.to_owned(),
            detail: Value::Object(detail).to_string(),
            gather,
            count,
            mac: String::new(),
            seal: None,
        };
        event.mac = mark::of_event(&self.vault, &event);
        self.meters.happened(tx, happened, count);
        Ok(events::record(tx, &event)?)
    }
}
