//! The one place where a code is judged, whatever it is for: the try is taken first, then the step is spent, and only then
//! is anything given for it, all in the caller's transaction.

use otp::{Code, Key, Secret, totp};
use store::authenticators::{Authenticator, Spent};
use store::users::User;
use store::{Conn, Id, Time, Tx, authenticators, devices, users};

use crate::audit::{Happened, Scribe, Whom};
use crate::authenticator::{key_of, parse_code};
use crate::drift::{Drift, FARTHEST};
use crate::error::{Hint, Rule};
use crate::limits::{self, Crowd, IN_A_ROW, Kind, Payer};
use crate::vault::Vault;
use crate::{App, Error, Result, Visit};

/// A code that somebody gave, or two in a row.
pub(crate) struct Guess {
    vault: Vault,
    scribe: Scribe,
    crowd: Crowd,
    code: Code,
    /// The one that came right after it, from somebody whose phone has another time.
    then: Option<Code>,
    /// The keyed MAC of the token by which the browser may be known.
    device: Option<String>,
    now: Time,
}

/// What a code turned out to be.
pub(crate) enum Verdict<R> {
    /// Right, and what was given for it.
    Right(R),
    Used,
    Wrong(Hint),
}

impl<R> Verdict<R> {
    /// What was given for it, or why the code was refused.
    pub(crate) fn into_result(self) -> Result<R> {
        match self {
            Verdict::Right(given) => Ok(given),
            Verdict::Used => Err(Error::WrongCode(Hint::Used)),
            Verdict::Wrong(hint) => Err(Error::WrongCode(hint)),
        }
    }
}

impl Guess {
    /// A code as it was typed.
    pub(crate) fn new(app: &App, typed: &str, visit: &Visit, now: Time) -> Result<Guess> {
        let code = parse_code(typed)?;
        let device = app.device_mac(visit);
        let (vault, scribe, crowd) = (app.vault.clone(), app.scribe(visit, now), app.crowd.clone());
        Ok(Guess { vault, scribe, crowd, code, then: None, device, now })
    }

    /// The same with the code that came right after it; an empty text is none.
    pub(crate) fn then(mut self, typed: &str) -> Result<Guess> {
        if !typed.trim().is_empty() {
            self.then = Some(parse_code(typed).map_err(|_| Rule::SecondCode)?);
        }
        Ok(self)
    }

    /// Judges it for whomever `find` finds, and runs `right` when it is right, before `happened` is recorded.
    ///
    /// The inner `Result` is that of judging: a failure of ours in there keeps the charge, since only the right code could
    /// reach it. A wrong code is an answer, so its try stays spent; a code that was used gets it back.
    pub(crate) fn judge<T, R>(
        &self,
        tx: &mut Tx<'_>,
        happened: Happened,
        find: impl Fn(&mut Tx<'_>) -> Result<(T, User)>,
        right: impl FnOnce(&mut Tx<'_>, &T) -> Result<R>,
    ) -> Result<Result<Verdict<R>>> {
        let (_, user) = find_open(tx, &find)?;
        self.refuse_other_lengths(tx, &user.id)?;
        let payer = self.payer(tx, &user.name.to_ascii_lowercase())?;
        limits::spend_try(tx, self.scribe.meters(), Kind::Code, &payer, self.now)?;
        // Tries of one name queue for the budget, so this is what the one before has left: it may have been the hundredth.
        let (found, user) = find_open(tx, &find)?;
        let whom = Whom { id: Some(&user.id), name: &user.name };
        let judged = tx.savepoint(|tx| {
            let (verdict, theirs) = self.spend(tx, Some(&user))?;
            Ok(match verdict {
                Verdict::Right(()) => {
                    let given = right(tx, &found)?;
                    limits::forgive(tx, Kind::Password, &payer)?;
                    limits::forgive(tx, Kind::Code, &payer)?;
                    limits::open_door(tx, &self.vault, &user.name.to_ascii_lowercase())?;
                    Verdict::Right(given)
                }
                Verdict::Used => Verdict::Used,
                Verdict::Wrong(_) => Verdict::Wrong(self.explain(tx, &user.id, &theirs)?),
            })
        })?;
        match &judged {
            Ok(Verdict::Right(_)) => self.scribe.record(tx, happened, whom, &[])?,
            Ok(Verdict::Used) => {
                limits::give_back(tx, Kind::Code, &payer)?;
                self.scribe.record(tx, Happened::CodeReplayed, whom, &[])?;
            }
            Ok(Verdict::Wrong(_)) => {
                users::add_wrong_code(tx, &user.id)?;
                self.scribe.record(tx, Happened::CodeWrong, whom, &[])?;
                if user.wrong_codes + 1 == IN_A_ROW {
                    self.scribe.record(tx, Happened::CodesClosed, whom, &[])?;
                }
            }
            Err(error) => self.scribe.note_tampering(tx, error, whom)?,
        }
        Ok(judged)
    }

    /// Judges a code that came with a name and no password. `allow` says of whom a code alone is asked; for everybody else,
    /// and for nobody, it is as wrong as any. `right` runs when it is right.
    pub(crate) fn judge_alone<R>(
        &self,
        tx: &mut Tx<'_>,
        name_key: &str,
        allow: impl Fn(&User) -> bool,
        right: impl FnOnce(&mut Tx<'_>, &User) -> Result<R>,
    ) -> Result<Result<Option<R>>> {
        let payer = self.payer(tx, name_key)?;
        let taken = limits::spend_try(tx, self.scribe.meters(), Kind::CodeAlone, &payer, self.now)?;
        self.crowd.note(tx, &taken, self.now)?;
        let user = users::by_name(tx, name_key)?;
        let whom = Whom {
            id: user.as_ref().map(|user| &user.id),
            name: user.as_ref().map_or("", |user| &user.name),
        };
        let asked = user.as_ref().filter(|user| !user.disabled && user.wrong_codes < IN_A_ROW && allow(user));
        let judged = tx.savepoint(|tx| {
            // Nobody's code is judged like anybody's, or the work would tell which names there are. None is explained.
            Ok(match (self.spend(tx, asked)?.0, asked) {
                (Verdict::Right(()), Some(user)) => {
                    limits::forgive(tx, Kind::CodeAlone, &payer)?;
                    Verdict::Right(right(tx, user)?)
                }
                (Verdict::Used, _) => Verdict::Used,
                _ => Verdict::Wrong(Hint::None),
            })
        })?;
        match &judged {
            Ok(Verdict::Used) => {
                limits::give_back(tx, Kind::CodeAlone, &payer)?;
                self.scribe.record(tx, Happened::CodeReplayed, whom, &[])?;
            }
            Ok(Verdict::Wrong(_)) => {
                self.scribe.record(tx, Happened::CodeWrong, whom, &[])?;
                if limits::closes_door(&taken) {
                    self.scribe.record(tx, Happened::DoorClosed, whom, &[])?;
                }
            }
            Ok(Verdict::Right(_)) => {}
            Err(error) => self.scribe.note_tampering(tx, error, whom)?,
        }
        Ok(judged.map(|verdict| if let Verdict::Right(given) = verdict { Some(given) } else { None }))
    }

    /// Who pays for this guess.
    fn payer(&self, conn: &mut Conn<'_>, name_key: &str) -> Result<Payer> {
        Payer::of(conn, &self.vault, name_key, self.device.as_deref(), self.now)
    }

    /// Looks among all authenticators of a user for the one whose code this is, and spends its step. Answers where it has
    /// looked, too. Of nobody, every code is wrong, and costs what one costs of somebody who has one authenticator.
    fn spend(&self, tx: &mut Tx<'_>, user: Option<&User>) -> Result<(Verdict<()>, Vec<Authenticator>)> {
        let nobody = Id::new("");
        let theirs = authenticators::of_user(tx, user.map_or(&nobody, |user| &user.id), self.now)?;
        let Some(user) = user.filter(|_| !theirs.is_empty()) else {
            self.judge_in_vain()?;
            return Ok((Verdict::Wrong(Hint::None), theirs));
        };
        let mut used = false;
        for authenticator in &theirs {
            let key = key_of(tx, &self.vault, authenticator)?;
            let Some((step, drift)) = self.fits(&key, authenticator) else {
                self.learn_from_refused(tx, &key, authenticator)?;
                continue;
            };
            // Both of two codes are spent by the second, so neither may have been used before.
            let from = if self.then.is_some() { step - 1 } else { step };
            let spent = Spent { step, from, drift: drift.steps, drift_votes: drift.votes };
            if authenticators::spend_step(tx, &authenticator.id, &spent, self.now)? {
                let here = totp::Step::at(self.now.seconds(), key.period()).number();
                self.scribe.meters().drifted(tx, step - here);
                if self.then.is_some() {
                    let whom = Whom { id: Some(&user.id), name: &user.name };
                    let steps = drift.steps.to_string();
                    self.scribe.record(tx, Happened::ClockLearned, whom, &[("steps", &steps)])?;
                }
                return Ok((Verdict::Right(()), theirs));
            }
            used = true;
        }
        Ok((if used { Verdict::Used } else { Verdict::Wrong(Hint::None) }, theirs))
    }

    /// Opens no secret, which takes as long as opening one, and compares the code with three of its codes, for whoever has no authenticator.
    fn judge_in_vain(&self) -> Result<()> {
        self.vault.open_in_vain(Secret::LENGTH);
        let key = Key::new(Secret::from_bytes(&[0; Secret::LENGTH]).map_err(Error::broken)?);
        // Whatever it says: a secret that everybody knows opens nothing.
        let _ = totp::verify_at(&key, &self.code, self.now.seconds(), &Drift::proved(0).window());
        Ok(())
    }

    /// A clock that is known to be far off shows a code a step beside what was expected: the window moves for the next one.
    fn learn_from_refused(&self, tx: &mut Tx<'_>, key: &Key, authenticator: &Authenticator) -> Result<()> {
        let drift = Drift { steps: authenticator.drift, votes: authenticator.drift_votes };
        let Some(beside) = drift.beside().filter(|_| self.then.is_none()) else { return Ok(()) };
        if let Some(step) = totp::verify_at(key, &self.code, self.now.seconds(), &beside) {
            let here = totp::Step::at(self.now.seconds(), key.period()).number();
            authenticators::note_drift(tx, &authenticator.id, drift.move_to(step.number() - here).steps)?;
        }
        Ok(())
    }

    /// The step that the code, or the second of two, is of, and what it teaches about the clock.
    fn fits(&self, key: &Key, authenticator: &Authenticator) -> Option<(i64, Drift)> {
        let drift = Drift { steps: authenticator.drift, votes: authenticator.drift_votes };
        let here = totp::Step::at(self.now.seconds(), key.period()).number();
        match &self.then {
            None => {
                let step = totp::verify_at(key, &self.code, self.now.seconds(), &drift.window())?.number();
                Some((step, drift.learn(step - here)))
            }
            Some(then) => {
                let step = totp::resync(key, (&self.code, then), self.now.seconds(), FARTHEST)?.number();
                Some((step, Drift::proved(step - here)))
            }
        }
    }

    /// Why it is wrong, as far as it may be said. A code of the past is worthless, and so is one of an entry that no longer
    /// counts; a code of the future is not.
    fn explain(&self, conn: &mut Conn<'_>, user_id: &Id, theirs: &[Authenticator]) -> Result<Hint> {
        if self.then.is_some() {
            return Ok(Hint::NotInARow);
        }
        let known = match &self.device {
            Some(mac) => devices::find(conn, mac, user_id, self.now)?.is_some(),
            None => false,
        };
        let ahead = if known { FARTHEST } else { 0 };
        for authenticator in theirs {
            let key = key_of(conn, &self.vault, authenticator)?;
            let away = totp::search(&key, &self.code, self.now.seconds(), FARTHEST, ahead);
            match away.map(|steps| steps * i64::from(key.period())) {
                Some(seconds) if seconds < 0 => return Ok(Hint::Behind(-seconds)),
                Some(seconds) if seconds > 0 => return Ok(Hint::Ahead(seconds)),
                _ => {}
            }
        }
        for (old, retired_at) in authenticators::retired_of_user(conn, user_id, self.now)? {
            let key = key_of(conn, &self.vault, &old)?;
            if totp::search(&key, &self.code, self.now.seconds(), FARTHEST, FARTHEST).is_some() {
                return Ok(Hint::Old { label: old.label, retired_at });
            }
        }
        Ok(Hint::None)
    }

    /// A code longer or shorter than all of theirs is a slip of the hand and no guess: it is said, and costs no try. Neither
    /// does one of somebody who has no authenticator any more.
    fn refuse_other_lengths(&self, conn: &mut Conn<'_>, user_id: &Id) -> Result<()> {
        let theirs = authenticators::of_user(conn, user_id, self.now)?;
        if theirs.is_empty() {
            return Err(Error::NoAuthenticator);
        }
        let digits = i64::from(self.code.digits().count());
        if theirs.iter().all(|authenticator| authenticator.digits != digits) {
            return Err(Rule::CodeDigits.into());
        }
        Ok(())
    }
}

/// Somebody who has not had a hundred wrong codes in a row.
fn find_open<T>(tx: &mut Tx<'_>, find: &impl Fn(&mut Tx<'_>) -> Result<(T, User)>) -> Result<(T, User)> {
    let (found, user) = find(tx)?;
    if user.wrong_codes >= IN_A_ROW { Err(Error::CodesClosed) } else { Ok((found, user)) }
}
