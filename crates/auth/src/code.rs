//! The one place where a code is judged, whatever it is for: the try is taken first, then the step is spent, and only then
//! is anything given for it, all in the caller's transaction.

use otp::{Code, totp};
use store::users::User;
use store::{Conn, Id, Time, Tx, authenticators, users};

use crate::audit::{Happened, Scribe, Whom};
use crate::authenticator::{DRIFT, key_of, parse_code};
use crate::error::{Hint, Rule};
use crate::limits::{self, Kind, WRONG_CODES};
use crate::vault::Vault;
use crate::{App, Error, Result, Visit};

/// How far back a wrong code is searched for, in steps. Only back: a code of the past is worthless.
const FAR_BACK: i64 = 20;

/// A code that somebody gave.
pub(crate) struct Guess {
    vault: Vault,
    scribe: Scribe,
    code: Code,
    now: Time,
}

/// What a code turned out to be.
pub(crate) enum Verdict {
    Right,
    Used,
    Wrong(Hint),
}

impl Verdict {
    /// Nothing, or why the code was refused.
    pub(crate) fn into_result(self) -> Result<()> {
        match self {
            Verdict::Right => Ok(()),
            Verdict::Used => Err(Error::WrongCode(Hint::Used)),
            Verdict::Wrong(hint) => Err(Error::WrongCode(hint)),
        }
    }
}

impl Guess {
    /// A code as it was typed.
    pub(crate) fn new(app: &App, typed: &str, visit: &Visit, now: Time) -> Result<Guess> {
        let code = parse_code(typed)?;
        Ok(Guess { vault: app.vault.clone(), scribe: app.scribe(visit, now), code, now })
    }

    /// Judges it for whomever `find` finds, and runs `right` when it is right, before `happened` is recorded.
    ///
    /// The inner `Result` is that of judging: a failure of ours in there keeps the charge, since only the right code could
    /// reach it. A wrong code is an answer, so its try stays spent; a code that was used gets it back.
    pub(crate) fn judge<T>(
        &self,
        tx: &mut Tx<'_>,
        happened: Happened,
        find: impl Fn(&mut Tx<'_>) -> Result<(T, User)>,
        right: impl FnOnce(&mut Tx<'_>, &T) -> Result<()>,
    ) -> Result<Result<(Verdict, T)>> {
        let (_, user) = find_open(tx, &find)?;
        refuse_other_lengths(tx, &user.id, &self.code)?;
        let name_mac = self.vault.name_mac(&user.name.to_ascii_lowercase());
        limits::spend_try(tx, Kind::Code, &name_mac, self.now)?;
        // Tries of one name queue for the budget, so this is what the one before has left: it may have been the hundredth.
        let (found, user) = find_open(tx, &find)?;
        let whom = Whom { id: Some(&user.id), name: &user.name };
        let judged = tx.savepoint(|tx| {
            let verdict = self.spend(tx, &user.id)?;
            if let Verdict::Right = verdict {
                right(tx, &found)?;
                limits::forgive(tx, Kind::Password, &name_mac)?;
                limits::forgive(tx, Kind::Code, &name_mac)?;
            }
            Ok(verdict)
        })?;
        match &judged {
            Ok(Verdict::Right) => self.scribe.record(tx, happened, whom, &[])?,
            Ok(Verdict::Used) => {
                limits::give_back(tx, Kind::Code, &name_mac, self.now)?;
                self.scribe.record(tx, Happened::CodeReplayed, whom, &[])?;
            }
            Ok(Verdict::Wrong(_)) => {
                users::add_wrong_code(tx, &user.id)?;
                self.scribe.record(tx, Happened::CodeWrong, whom, &[])?;
                if user.wrong_codes + 1 == WRONG_CODES {
                    self.scribe.record(tx, Happened::CodesClosed, whom, &[])?;
                }
            }
            Err(_) => {}
        }
        Ok(judged.map(|verdict| (verdict, found)))
    }

    /// Looks among all authenticators of a user for the one whose code this is, and spends its step.
    fn spend(&self, tx: &mut Tx<'_>, user_id: &Id) -> Result<Verdict> {
        let (mut used, mut behind) = (false, None);
        for authenticator in authenticators::of_user(tx, user_id)? {
            let key = key_of(&self.vault, &authenticator)?;
            match totp::verify(&key, &self.code, self.now.seconds(), DRIFT) {
                Some(step) if authenticators::spend_step(tx, &authenticator.id, step.number(), self.now)? => {
                    return Ok(Verdict::Right);
                }
                Some(_) => used = true,
                None => {
                    let back = totp::search(&key, &self.code, self.now.seconds(), FAR_BACK, 0);
                    behind = behind.or(back.map(|steps| -steps * i64::from(key.period())));
                }
            }
        }
        Ok(if used { Verdict::Used } else { Verdict::Wrong(behind.map_or(Hint::None, Hint::Behind)) })
    }
}

/// Somebody who has not had a hundred wrong codes in a row.
fn find_open<T>(tx: &mut Tx<'_>, find: &impl Fn(&mut Tx<'_>) -> Result<(T, User)>) -> Result<(T, User)> {
    let (found, user) = find(tx)?;
    if user.wrong_codes >= WRONG_CODES { Err(Error::CodesClosed) } else { Ok((found, user)) }
}

/// A code longer or shorter than all of theirs is a slip of the hand and no guess: it is said, and costs no try.
fn refuse_other_lengths(conn: &mut Conn<'_>, user_id: &Id, code: &Code) -> Result<()> {
    let (theirs, digits) = (authenticators::of_user(conn, user_id)?, i64::from(code.digits().count()));
    let other = !theirs.is_empty() && theirs.iter().all(|authenticator| authenticator.digits != digits);
    if other { Err(Rule::CodeDigits.into()) } else { Ok(()) }
}
