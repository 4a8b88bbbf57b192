//! Recovery codes: ten, made with the first authenticator. One is spent to set up a new authenticator, and opens nothing
//! else.

use store::recovery_codes::Sheet;
use store::users::User;
use store::{Id, Time, Tx, logins, recovery_codes, users};
use zeroize::Zeroizing;

use crate::audit::{Happened, Whom};
use crate::config::Factors;
use crate::enrollment::{Begun, Pend, Purpose as For};
use crate::error::Rule;
use crate::limits::{self, Kind, Payer};
use crate::login::Owes;
use crate::random::{Token, Words};
use crate::session::Session;
use crate::vault::{Place, Purpose, Vault};
use crate::{App, Error, Level, Result, Visit, login};

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
    /// Where the person is going afterward: a path of ours.
    pub next: String,
}

/// Who gives a recovery code.
#[derive(Debug)]
pub enum Holder {
    /// Whoever has given the right password in this login.
    Login(Token),
    /// Whoever says this name, where a code alone is asked for.
    Name {
        /// As typed.
        username: String,
        /// Where they were going: a path of ours, or empty.
        next: String,
    },
}

/// Spends a recovery code, and starts the enrollment of a new authenticator for whoever it belongs to.
///
/// Answers the token of the browser that may enroll. It opens no session: that takes the first code of the new app, and of
/// those who are asked for one the password.
pub async fn enter(app: &App, holder: Holder, typed: &str, visit: &Visit) -> Result<Token> {
    if typed.trim().is_empty() {
        return Err(Rule::RecoveryCodeMissing.into());
    }
    if matches!(holder, Holder::Name { .. }) && app.config.factors != Factors::Code {
        return Err(Error::Expired);
    }
    let now = app.time_to_judge().await?;
    let code = Words::parse(typed);
    let login_mac = match &holder {
        Holder::Login(token) => Some(app.vault.token_mac(Purpose::Login, token)),
        Holder::Name { .. } => None,
    };
    let draft = Pend::new(app, now);
    let token = draft.token.clone();
    let (vault, scribe, device) = (app.vault.clone(), app.scribe(visit, now), app.device_mac(visit));
    let crowd = app.crowd.clone();
    let right = app.db.write(move |tx| {
        let found = find(tx, &holder, login_mac.as_deref(), now)?;
        let user = found.user.as_ref();
        let whom = Whom { id: user.map(|user| &user.id), name: user.map_or("", |user| &user.name) };
        let payer = Payer::of(tx, &vault, &found.name_key, device.as_deref(), now)?;
        let taken = limits::spend_try(tx, scribe.meters(), Kind::Recovery, &payer, now)?;
        crowd.note(tx, &taken, now)?;
        let judged = tx.savepoint(|tx| {
            let Some(code) = &code else { return Ok(false) };
            // Nobody's code is looked for like anybody's, or the work would tell which names there are.
            let (user, nobody) = (user.filter(|user| !user.disabled), Id::new(""));
            let id = user.map_or(&nobody, |user| &user.id);
            let spent = recovery_codes::spend(tx, id, &vault.recovery_mac(id.as_str(), code))?;
            let Some(user) = user.filter(|_| spent) else { return Ok(false) };
            if let Some(mac) = &login_mac
                && !logins::take(tx, mac, now)?
            {
                return Err(Error::Expired);
            }
            let level = if login_mac.is_some() { Level::Full } else { Level::Code };
            let of = Begun { user, level, keep: found.keep, next: &found.next, password: None };
            draft.begin(tx, &vault, &of, &For::Replace)?;
            limits::forgive(tx, Kind::Recovery, &payer)?;
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

/// Whose code it is said to be.
struct Found {
    name_key: String,
    user: Option<User>,
    keep: bool,
    next: String,
}

fn find(tx: &mut Tx<'_>, holder: &Holder, login_mac: Option<&str>, now: Time) -> Result<Found> {
    match (holder, login_mac) {
        (Holder::Login(_), Some(mac)) => {
            let (login, user) = login::find(tx, mac, Owes::Code, now)?;
            let name_key = user.name.to_ascii_lowercase();
            Ok(Found { name_key, user: Some(user), keep: login.keep, next: login.next_path })
        }
        (Holder::Name { username, next }, _) => {
            let name_key = login::key_of(username);
            let user = users::by_name(tx, &name_key)?;
            Ok(Found { name_key, user, keep: false, next: next.clone() })
        }
        (Holder::Login(_), None) => Err(Error::Expired),
    }
}

/// The codes of somebody who has not saved them yet, for as long as they are kept.
pub async fn sheet(app: &App, session: &Session) -> Result<Option<Shown>> {
    let (now, user_id) = (app.clock.now(), session.user_id.clone());
    let vault = app.vault.clone();
    let looked = app.db.scan(move |conn| {
        let Some(sheet) = recovery_codes::sheet_of_user(conn, &user_id, now)? else { return Ok(None) };
        let opened = vault.open_sealed(conn, sheet_of(&user_id), &sheet.codes)?;
        Ok(Some((sheet, opened)))
    });
    let whom = Whom { id: Some(&session.user_id), name: &session.name };
    let Some((sheet, opened)) = app.watch(looked.await, whom).await? else { return Ok(None) };
    let text = Zeroizing::new(String::from_utf8_lossy(&opened).into_owned());
    let codes = text.lines().map(str::to_owned).collect();
    Ok(Some(Shown { codes, renewed: sheet.next_path == RENEWED, next: sheet.next_path }))
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
            codes: vault.seal(tx, sheet_of(user_id), text.as_bytes())?,
            next_path: next.to_owned(),
            expires_at: now.plus_seconds(SHOWN),
        };
        Ok(recovery_codes::keep_sheet(tx, user_id, &sheet)?)
    }
}

fn sheet_of(user_id: &Id) -> Place<'_> {
    Place { table: "recovery_sheets", column: "codes", user: user_id.as_str(), row: user_id.as_str() }
}
