//! Recovery codes: ten, made with the first authenticator. One is spent to set up a new authenticator, and opens nothing
//! else.

use store::enrollments::Enrollment;
use store::recovery_codes::Sheet;
use store::{Id, Time, Tx, enrollments, logins, recovery_codes};
use zeroize::Zeroizing;

use crate::audit::{Happened, Whom};
use crate::error::Rule;
use crate::limits::{self, Kind};
use crate::random::{Token, Words};
use crate::session::Session;
use crate::vault::{Place, Purpose, Vault};
use crate::{App, Error, Result, Visit, authenticator, login};

const CODES: usize = 10;
/// How long the codes can be shown, in seconds, unless they are saved before.
const SHOWN: i64 = 15 * 60;

/// Where somebody goes on who has made new codes in their account.
pub(crate) const RENEWED: &str = "/account";

/// The codes that can still be shown.
pub struct Shown {
    /// With their hyphens.
    pub codes: Vec<String>,
    /// They were made in the account, not while setting up an authenticator.
    pub renewed: bool,
}

/// Spends a recovery code, and starts the enrollment of a new authenticator for whoever gave the right password.
///
/// Answers the token of the browser that may enroll. It opens no session: that takes the first code of the new app.
pub async fn enter(app: &App, login: &Token, typed: &str, visit: &Visit) -> Result<Token> {
    if typed.trim().is_empty() {
        return Err(Rule::RecoveryCodeMissing.into());
    }
    let now = app.clock.now();
    let code = Words::parse(typed);
    let login_mac = app.vault.token_mac(Purpose::Login, login);
    let token = app.random.token();
    let token_mac = app.vault.token_mac(Purpose::Enroll, &token);
    let secret = app.random.bytes::<{ otp::Secret::LENGTH }>();
    let (vault, scribe) = (app.vault.clone(), app.scribe(visit, now));
    let right = app.db.write(move |tx| {
        let (login, user) = login::find(tx, &login_mac, now)?;
        let (name_key, whom) =
            (user.name.to_ascii_lowercase(), Whom { id: Some(&user.id), name: &user.name });
        let name_mac = vault.name_mac(&name_key);
        limits::spend_try(tx, Kind::Recovery, &name_mac, now)?;
        let judged = tx.savepoint(|tx| {
            let Some(code) = &code else { return Ok(false) };
            if !recovery_codes::spend(tx, &user.id, &vault.recovery_mac(user.id.as_str(), code))? {
                return Ok(false);
            }
            if !logins::take(tx, &login_mac, now)? {
                return Err(Error::Expired);
            }
            let enrollment = Enrollment {
                user_id: user.id.clone(),
                token_mac: token_mac.clone(),
                secret: vault.seal(authenticator::secret_of_enrollment(&user.id), &*secret)?,
                epoch: login.epoch,
                keep: login.keep,
                next_path: login.next_path.clone(),
                expires_at: now.plus_seconds(authenticator::PENDING),
            };
            enrollments::start(tx, &enrollment, now)?;
            limits::forgive(tx, Kind::Recovery, &name_mac)?;
            Ok::<_, Error>(true)
        })?;
        // A failure of ours keeps the charge: only the right code could have reached it.
        match &judged {
            Ok(true) => scribe.record(tx, Happened::RecoveryCodeUsed, whom, &[])?,
            Ok(false) => scribe.record(tx, Happened::RecoveryCodeWrong, whom, &[])?,
            Err(_) => {}
        }
        Ok(judged)
    });
    match right.await.inspect_err(|error| app.note_rest(error))? {
        Ok(true) => Ok(token),
        Ok(false) => Err(Error::WrongRecoveryCode),
        Err(error) => Err(error.unjudged()),
    }
}

/// The codes of somebody who has not saved them yet, for as long as they are kept.
pub async fn sheet(app: &App, session: &Session) -> Result<Option<Shown>> {
    let (now, user_id) = (app.clock.now(), session.user_id.clone());
    let sheet = app.db.read(move |conn| recovery_codes::sheet_of_user(conn, &user_id, now)).await?;
    let Some(sheet) = sheet else { return Ok(None) };
    let opened = app.vault.open_sealed(sheet_of(&session.user_id), &sheet.codes)?;
    let text = Zeroizing::new(String::from_utf8_lossy(&opened).into_owned());
    let codes = text.lines().map(str::to_owned).collect();
    Ok(Some(Shown { codes, renewed: sheet.next_path == RENEWED }))
}

/// Notes that they are saved: they cannot be shown again. Answers where the person was going.
pub async fn saved(app: &App, session: &Session, visit: &Visit) -> Result<String> {
    let (session, scribe) = (session.clone(), app.scribe(visit, app.clock.now()));
    app.db
        .write(move |tx| {
            let Some(next) = recovery_codes::take_sheet(tx, &session.user_id)? else {
                return Ok(String::new());
            };
            let whom = Whom { id: Some(&session.user_id), name: &session.name };
            scribe.record(tx, Happened::RecoveryCodesSaved, whom, &[])?;
            Ok(next)
        })
        .await
}

/// How many codes somebody has left.
pub async fn left(app: &App, user_id: &Id) -> Result<i64> {
    let user_id = user_id.clone();
    Ok(app.db.read(move |conn| recovery_codes::count_of_user(conn, &user_id)).await?)
}

/// Ten codes, drawn before the transaction that issues them.
pub(crate) struct Draft(Vec<Words>);

impl Draft {
    pub(crate) fn new(app: &App) -> Draft {
        Draft((0..CODES).map(|_| app.random.recovery_code()).collect())
    }

    /// Issues the codes in the caller's transaction; older ones are void.
    pub(crate) fn issue(
        &self,
        tx: &mut Tx<'_>,
        vault: &Vault,
        user_id: &Id,
        (next, now): (&str, Time),
    ) -> Result<()> {
        recovery_codes::remove_of_user(tx, user_id)?;
        for code in &self.0 {
            recovery_codes::insert(tx, user_id, &vault.recovery_mac(user_id.as_str(), code))?;
        }
        let text = Zeroizing::new(self.0.iter().map(Words::reveal).collect::<Vec<_>>().join("\n"));
        let sheet = Sheet {
            codes: vault.seal(sheet_of(user_id), text.as_bytes())?,
            next_path: next.to_owned(),
            expires_at: now.plus_seconds(SHOWN),
        };
        Ok(recovery_codes::keep_sheet(tx, user_id, &sheet)?)
    }
}

fn sheet_of(user_id: &Id) -> Place<'_> {
    Place { table: "recovery_sheets", column: "codes", user: user_id.as_str(), row: user_id.as_str() }
}
