//! A secret that begins to wait, for somebody who has an account: what all share who begin one. Its first code is judged in
//! [`crate::enroll`].

use otp::Secret;
use store::enrollments::{self, Enrollment};
use store::users::User;
use store::{Id, Time, Tx};
use zeroize::Zeroizing;

use crate::authenticator::{self, PENDING};
use crate::random::Token;
use crate::vault::{self, Vault};
use crate::{App, Level, Result};

/// What becomes of the authenticators that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are lost: the new one replaces them all.
    Replace,
    /// They stay.
    Add {
        name: String,
        /// The session that began it; `None` when whoever runs the place did.
        session: Option<Id>,
    },
    /// One is replaced by a new phone, now or in a day.
    Move { name: String, session: Id, old: Id, at_once: bool },
}

/// For whom an enrollment begins, and what was proven before it.
pub(crate) struct Begun<'a> {
    pub(crate) user: &'a User,
    pub(crate) level: Level,
    pub(crate) keep: bool,
    /// Where the person was going.
    pub(crate) next: &'a str,
    /// The PHC string of a password that is set with the first code.
    pub(crate) password: Option<&'a str>,
}

/// A new secret for somebody who has an account, drawn before the transaction in which it begins to wait.
pub(crate) struct Pend {
    pub(crate) token: Token,
    mac: String,
    secret: Zeroizing<[u8; Secret::LENGTH]>,
    now: Time,
}

impl Pend {
    pub(crate) fn new(app: &App, now: Time) -> Pend {
        let token = app.random.token();
        let mac = app.vault.token_mac(vault::Purpose::Enroll, &token);
        Pend { token, mac, secret: app.random.bytes(), now }
    }

    /// Begins to wait, in the place of whatever waited for the same person.
    pub(crate) fn begin(
        &self,
        tx: &mut Tx<'_>,
        vault: &Vault,
        begun: &Begun<'_>,
        purpose: &Purpose,
    ) -> Result<()> {
        let (word, name, session_id, moves) = match purpose {
            Purpose::Replace => ("replace", "", None, None),
            Purpose::Add { name, session } => ("add", name.as_str(), session.as_ref(), None),
            Purpose::Move { name, session, old, at_once: false } => {
                ("move", name.as_str(), Some(session), Some(old))
            }
            Purpose::Move { name, session, old, at_once: true } => {
                ("swap", name.as_str(), Some(session), Some(old))
            }
        };
        let user = begun.user;
        let enrollment = Enrollment {
            user_id: user.id.clone(),
            token_mac: self.mac.clone(),
            secret: vault.seal(tx, authenticator::secret_of_enrollment(&user.id), &*self.secret)?,
            epoch: user.epoch,
            keep: begun.keep,
            next_path: begun.next.to_owned(),
            purpose: word.to_owned(),
            name: name.to_owned(),
            session_id: session_id.cloned(),
            moves: moves.cloned(),
            password: begun.password.map(str::to_owned),
            level: begun.level.number(),
            expires_at: self.now.plus_seconds(PENDING),
        };
        Ok(enrollments::start(tx, &enrollment, self.now)?)
    }
}

/// What the app shows behind the issuer from the second authenticator on: something that no other entry shows, since some
/// apps write one entry over another of the same label.
pub(crate) fn account_of(user: &str, name: &str) -> String {
    format!("{user} ({name})")
}
