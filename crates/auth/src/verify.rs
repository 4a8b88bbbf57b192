//! "Is this code right?", for other programs that have a login of their own and want a second factor, or both, from here. The
//! budgets, the one use of a code and the events are those of the front door.

use store::users::User;
use store::{Tx, groups, users};

use crate::api_token::ApiToken;
use crate::audit::{Happened, Whom};
use crate::code::{Guess, Verdict};
use crate::limits::{self, Kind};
use crate::login::{key_of, payer, refuse_resting, refuse_resting_code, verify_password};
use crate::{App, Error, Level, Password, Result, Visit};

/// What a program asks about.
#[derive(Debug)]
pub struct Asked {
    /// As somebody typed it there.
    pub username: String,
    /// The same; `None` when the program has checked one of its own.
    pub password: Option<Password>,
    /// The same.
    pub code: String,
}

/// Whose code it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// An id that stays, whatever else changes.
    pub id: String,
    /// The name as typed at registration.
    pub name: String,
    /// The groups that they belong to.
    pub groups: Vec<String>,
    /// What was proven here.
    pub level: Level,
}

/// Judges a code, and the password where one came. `None`: something is wrong, and nobody is told what. A right code is spent.
///
/// # Errors
/// [`Error::TooManyTries`] and [`Error::DoorClosed`] as at the front door.
pub async fn judge(app: &App, token: &ApiToken, asked: Asked, visit: &Visit) -> Result<Option<Verified>> {
    let answer = match asked.password {
        Some(password) => both(app, token, (asked.username, password, asked.code), visit).await,
        None => alone(app, token, (asked.username, asked.code), visit).await,
    };
    match answer {
        Err(Error::BadCredentials | Error::BadNameOrCode | Error::WrongCode(_) | Error::NoAuthenticator) => {
            Ok(None)
        }
        other => other,
    }
}

/// A name and a code.
async fn alone(
    app: &App,
    token: &ApiToken,
    (username, code): (String, String),
    visit: &Visit,
) -> Result<Option<Verified>> {
    let now = app.time_to_judge().await?;
    let guess = Guess::new(app, &code, visit, now)?;
    let name_key = key_of(&username);
    let payer = payer(app, &name_key, visit, now).await?;
    refuse_resting(app, Kind::CodeAlone, &payer, now).await?;
    let (scribe, program) = (app.scribe(visit, now), token.name.clone());
    let judged = app.db.write(move |tx| {
        guess.judge_alone(
            tx,
            &name_key,
            |_| true,
            |tx, user| {
                let whom = Whom { id: Some(&user.id), name: &user.name };
                scribe.record(tx, Happened::CodeVerified, whom, &[("token", &program)])?;
                verified(tx, user, Level::Code)
            },
        )
    });
    let judged = judged.await.inspect_err(|error| app.note_rest(error))?;
    judged.map_err(Error::unjudged)
}

/// A name, a password and a code. The code is not looked at where the password is wrong.
async fn both(
    app: &App,
    token: &ApiToken,
    (username, password, code): (String, Password, String),
    visit: &Visit,
) -> Result<Option<Verified>> {
    let now = app.time_to_judge().await?;
    let guess = Guess::new(app, &code, visit, now)?;
    let name_key = key_of(&username);
    refuse_resting_code(app, &name_key, visit, now).await?;
    let checked = verify_password(app, name_key, password, (visit, now)).await?;
    let (scribe, program) = (app.scribe(visit, now), token.name.clone());
    let judged = app.db.write(move |tx| {
        let Some(user) = checked.user.as_ref().filter(|_| checked.verified.right) else {
            checked.record_wrong(tx, &scribe)?;
            return Ok(None);
        };
        limits::give_back(tx, Kind::Password, &checked.payer)?;
        let find = |tx: &mut Tx<'_>| {
            // Whoever was locked out or signed out everywhere in the meantime has proven nothing.
            let now = users::by_id(tx, &user.id)?;
            let now =
                now.filter(|now| now.epoch == user.epoch && !now.disabled).ok_or(Error::BadCredentials)?;
            Ok(((), now))
        };
        let right = |tx: &mut Tx<'_>, (): &()| {
            let whom = Whom { id: Some(&user.id), name: &user.name };
            scribe.record(tx, Happened::CodeVerified, whom, &[("token", &program)])?;
            verified(tx, user, Level::Full)
        };
        Ok::<_, Error>(Some(guess.judge(tx, Happened::PasswordRight, find, right)?))
    });
    let judged = match judged.await.inspect_err(|error| app.note_rest(error)) {
        // Only behind a right password is that known, and nobody is told that it was right.
        Err(Error::Rules(_) | Error::CodesClosed) => return Ok(None),
        judged => judged?,
    };
    match judged {
        None => Ok(None),
        Some(judged) => match judged.map_err(Error::unjudged)? {
            Verdict::Right(verified) => Ok(Some(verified)),
            Verdict::Used | Verdict::Wrong(_) => Ok(None),
        },
    }
}

fn verified(tx: &mut Tx<'_>, user: &User, level: Level) -> Result<Verified> {
    let groups = groups::of_user(tx, &user.id)?;
    Ok(Verified { id: user.id.to_string(), name: user.name.clone(), groups, level })
}
