//! Signing in: a name and a password, then a code. In between there is a *login*, good for ten minutes.

use otp::{Code, totp};
use store::logins::Login;
use store::users::User;
use store::{Conn, Id, Time, Tx, authenticators, logins, users};

use crate::audit::{Happened, Whom};
use crate::authenticator::{DRIFT, key_of, parse_code};
use crate::error::{Hint, Rule};
use crate::limits::{self, Kind, WRONG_CODES};
use crate::password::{Lane, Password};
use crate::random::Token;
use crate::session::{self, Started};
use crate::vault::{Purpose, Vault};
use crate::{App, Error, Result, Visit};

/// Seconds between the password and the code.
const CODE_WITHIN: i64 = 10 * 60;
/// How far back a wrong code is searched for, in steps. Only back: a code of the past is worthless.
const FAR_BACK: i64 = 20;

/// What somebody typed who wants to sign in.
#[derive(Debug)]
pub struct Credentials {
    /// As typed.
    pub username: String,
    /// As typed.
    pub password: Password,
    /// "Keep me signed in".
    pub keep: bool,
    /// Where they were going: a path of ours, or empty.
    pub next: String,
}

/// Judges name and password. The answer is the token of the login that a code completes.
///
/// A name that does not exist costs the same: a read, a try, a hash and two writes.
pub async fn begin(app: &App, typed: Credentials, visit: &Visit) -> Result<Token> {
    let now = app.clock.now();
    // No name of ours has other characters, so whatever else was typed is simply nobody.
    let name_key = typed.username.trim_matches(' ').to_ascii_lowercase();
    let name_mac = app.vault.name_mac(&name_key);
    let resting = name_mac.clone();
    app.db
        .read(move |conn| limits::refuse_resting(conn, Kind::Password, &resting, now))
        .await
        .inspect_err(|error| app.note_rest(error))?;

    // A slot before a charge: whoever finds the line full has lost nothing.
    let slot = app.hasher.slot(Lane::SignIn).await?;
    let charged = name_mac.clone();
    let user = app.db.write(move |tx| {
        limits::spend_try(tx, Kind::Password, &charged, now)?;
        Ok::<_, Error>(users::by_name(tx, &name_key)?)
    });
    let user = user.await.inspect_err(|error| app.note_rest(error))?;
    let stored = user.as_ref().filter(|user| !user.disabled).and_then(|user| user.password.clone());
    let verified = slot.verify(typed.password, stored.clone(), &app.random).await?;

    let token = app.random.token();
    let token_mac = app.vault.token_mac(Purpose::Login, &token);
    let scribe = app.scribe(visit, now);
    let begun = app.db.write(move |tx| {
        let Some(user) = user.as_ref().filter(|_| verified.right) else {
            let whom = Whom {
                id: user.as_ref().map(|user| &user.id),
                name: user.as_ref().map_or("", |user| &user.name),
            };
            scribe.record(tx, Happened::PasswordWrong, whom, &[])?;
            return Ok(false);
        };
        limits::give_back(tx, Kind::Password, &name_mac, now)?;
        if let (Some(new), Some(old)) = (&verified.upgrade, &stored) {
            users::update_hash(tx, &user.id, old, new)?;
        }
        let login = Login {
            token_mac: token_mac.clone(),
            user_id: user.id.clone(),
            // The epoch of the password that was compared: whoever changed it since has voided this login.
            epoch: user.epoch,
            keep: typed.keep,
            next_path: typed.next.clone(),
            expires_at: now.plus_seconds(CODE_WITHIN),
        };
        logins::insert(tx, &login, now)?;
        scribe.record(tx, Happened::PasswordRight, Whom { id: Some(&user.id), name: &user.name }, &[])?;
        Ok::<_, Error>(true)
    });
    if begun.await? { Ok(token) } else { Err(Error::BadCredentials) }
}

/// The name of whoever is between password and code in this browser.
pub async fn who(app: &App, token: &Token) -> Result<String> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Login, token);
    app.db.scan(move |conn| find(conn, &mac, now).map(|(_, user)| user.name)).await
}

/// A login that is still true, with its user.
pub(crate) fn find(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<(Login, User)> {
    let login = logins::by_token(conn, token_mac, now)?.ok_or(Error::Expired)?;
    let user = users::by_id(conn, &login.user_id)?;
    let user = user.filter(|user| user.epoch == login.epoch && !user.disabled).ok_or(Error::Expired)?;
    Ok((login, user))
}

/// The same, for somebody who has not had a hundred wrong codes in a row.
fn find_open(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<(Login, User)> {
    let (login, user) = find(conn, token_mac, now)?;
    if user.wrong_codes >= WRONG_CODES { Err(Error::CodesClosed) } else { Ok((login, user)) }
}

/// A code longer or shorter than all of theirs is a slip of the hand and no guess: it is said, and costs no try.
fn refuse_other_lengths(conn: &mut Conn<'_>, user_id: &Id, code: &Code) -> Result<()> {
    let (theirs, digits) = (authenticators::of_user(conn, user_id)?, i64::from(code.digits().count()));
    let other = !theirs.is_empty() && theirs.iter().all(|authenticator| authenticator.digits != digits);
    if other { Err(Rule::CodeDigits.into()) } else { Ok(()) }
}

/// What a code turned out to be.
enum Verdict {
    Right,
    Used,
    Wrong(Hint),
}

/// Completes a login with a code and starts a session.
///
/// The try is taken, the code judged, its step spent and the login taken in one transaction, and nothing is answered
/// before that is durable.
pub async fn complete(app: &App, token: &Token, typed: &str, visit: &Visit) -> Result<Started> {
    let code = parse_code(typed)?;
    let now = app.clock.now();
    let (vault, scribe) = (app.vault.clone(), app.scribe(visit, now));
    let login_mac = vault.token_mac(Purpose::Login, token);
    let draft = session::Draft::new(app, now);
    let session_token = draft.token.clone();
    let outcome = app.db.write(move |tx| {
        let (_, user) = find_open(tx, &login_mac, now)?;
        refuse_other_lengths(tx, &user.id, &code)?;
        let name_mac = vault.name_mac(&user.name.to_ascii_lowercase());
        limits::spend_try(tx, Kind::Code, &name_mac, now)?;
        // Tries of one name queue for the budget, so this is what the one before has left: it may have been the hundredth.
        let (login, user) = find_open(tx, &login_mac, now)?;
        let whom = Whom { id: Some(&user.id), name: &user.name };
        // A failure of ours in here must not give the try back: only the right code could reach it.
        let judged = tx.savepoint(|tx| {
            let verdict = judge(tx, &vault, &user.id, &code, now)?;
            if let Verdict::Right = verdict {
                if !logins::take(tx, &login_mac, now)? || !users::sign_in(tx, &user.id, login.epoch, now)? {
                    return Err(Error::Expired);
                }
                draft.start(tx, &user.id, (login.epoch, login.keep), now)?;
                limits::forgive(tx, Kind::Password, &name_mac)?;
                limits::forgive(tx, Kind::Code, &name_mac)?;
            }
            Ok(verdict)
        })?;
        match &judged {
            Ok(Verdict::Right) => scribe.record(tx, Happened::SignedIn, whom, &[])?,
            Ok(Verdict::Used) => {
                limits::give_back(tx, Kind::Code, &name_mac, now)?;
                scribe.record(tx, Happened::CodeReplayed, whom, &[])?;
            }
            Ok(Verdict::Wrong(_)) => {
                users::add_wrong_code(tx, &user.id)?;
                scribe.record(tx, Happened::CodeWrong, whom, &[])?;
                if user.wrong_codes + 1 == WRONG_CODES {
                    scribe.record(tx, Happened::CodesClosed, whom, &[])?;
                }
            }
            Err(_) => {}
        }
        // Wrong is an answer, so the try stays spent.
        Ok(judged.map(|verdict| (verdict, login.keep, login.next_path)))
    });
    match outcome.await.inspect_err(|error| app.note_rest(error))?.map_err(Error::unjudged)? {
        (Verdict::Right, keep, next) => Ok(Started { token: session_token, keep, next }),
        (Verdict::Used, ..) => Err(Error::WrongCode(Hint::Used)),
        (Verdict::Wrong(hint), ..) => Err(Error::WrongCode(hint)),
    }
}

/// Looks among all authenticators of a user for the one whose code this is, and spends its step.
fn judge(tx: &mut Tx<'_>, vault: &Vault, user_id: &Id, code: &Code, now: Time) -> Result<Verdict> {
    let (mut used, mut behind) = (false, None);
    for authenticator in authenticators::of_user(tx, user_id)? {
        let key = key_of(vault, &authenticator)?;
        match totp::verify(&key, code, now.seconds(), DRIFT) {
            Some(step) if authenticators::spend_step(tx, &authenticator.id, step.number(), now)? => {
                return Ok(Verdict::Right);
            }
            Some(_) => used = true,
            None => {
                let back = totp::search(&key, code, now.seconds(), FAR_BACK, 0);
                behind = behind.or(back.map(|steps| -steps * i64::from(key.period())));
            }
        }
    }
    Ok(if used { Verdict::Used } else { Verdict::Wrong(behind.map_or(Hint::None, Hint::Behind)) })
}

impl App {
    /// Counts somebody who was told to wait.
    pub(crate) fn note_rest(&self, error: &Error) {
        if matches!(error, Error::TooManyTries { .. }) {
            self.rested.add(1);
        }
    }
}
