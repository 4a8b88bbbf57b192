//! Signing in: a name and a password, then a code. In between there is a *login*, good for ten minutes.

use store::logins::Login;
use store::users::User;
use store::{Conn, Time, logins, users};

use crate::audit::{Happened, Whom};
use crate::code::Guess;
use crate::limits::{self, Kind};
use crate::password::{Lane, Password, Verified};
use crate::random::Token;
use crate::session::{self, Started};
use crate::vault::Purpose;
use crate::{App, Error, Result, Visit};

/// Seconds between the password and the code.
const CODE_WITHIN: i64 = 10 * 60;

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
    let Checked { user, stored, verified } = verify_password(app, name_key, typed.password, now).await?;

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

/// What came of a password.
pub(crate) struct Checked {
    /// Whose name it is, if anybody's.
    pub(crate) user: Option<User>,
    /// What was compared with.
    pub(crate) stored: Option<String>,
    /// Whether it is right.
    pub(crate) verified: Verified,
}

/// Takes a try of a password and compares. The caller gives it back, in the transaction that makes something of it, when
/// the password is right.
pub(crate) async fn verify_password(
    app: &App,
    name_key: String,
    password: Password,
    now: Time,
) -> Result<Checked> {
    let name_mac = app.vault.name_mac(&name_key);
    let resting = name_mac.clone();
    app.db
        .read(move |conn| limits::refuse_resting(conn, Kind::Password, &resting, now))
        .await
        .inspect_err(|error| app.note_rest(error))?;

    // A slot before a charge: whoever finds the line full has lost nothing.
    let slot = app.hasher.slot(Lane::SignIn).await?;
    let user = app.db.write(move |tx| {
        limits::spend_try(tx, Kind::Password, &name_mac, now)?;
        Ok::<_, Error>(users::by_name(tx, &name_key)?)
    });
    let user = user.await.inspect_err(|error| app.note_rest(error))?;
    let stored = user.as_ref().filter(|user| !user.disabled).and_then(|user| user.password.clone());
    let verified = slot.verify(password, stored.clone(), &app.random).await?;
    Ok(Checked { user, stored, verified })
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

/// Completes a login with a code and starts a session.
///
/// The try is taken, the code judged, its step spent and the login taken in one transaction, and nothing is answered
/// before that is durable.
pub async fn complete(app: &App, token: &Token, typed: &str, visit: &Visit) -> Result<Started> {
    let now = app.clock.now();
    let guess = Guess::new(app, typed, visit, now)?;
    let login_mac = app.vault.token_mac(Purpose::Login, token);
    let draft = session::Draft::new(app, visit, now);
    let token = draft.token.clone();
    let outcome = app.db.write(move |tx| {
        guess.judge(
            tx,
            Happened::SignedIn,
            |tx| find(tx, &login_mac, now),
            |tx, login| {
                let user_id = &login.user_id;
                if !logins::take(tx, &login_mac, now)? || !users::sign_in(tx, user_id, login.epoch, now)? {
                    return Err(Error::Expired);
                }
                draft.start(tx, user_id, (login.epoch, login.keep), now)
            },
        )
    });
    let judged = outcome.await.inspect_err(|error| app.note_rest(error))?;
    let (verdict, login) = judged.map_err(Error::unjudged)?;
    verdict.into_result()?;
    Ok(Started { token, keep: login.keep, next: login.next_path })
}

impl App {
    /// Counts somebody who was told to wait.
    pub(crate) fn note_rest(&self, error: &Error) {
        if matches!(error, Error::TooManyTries { .. }) {
            self.rested.add(1);
        }
    }
}
