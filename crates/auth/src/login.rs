//! Signing in: a name and a password, then a code; or a name and a code, and of some people the password then. Between the
//! two there is a *login*, good for ten minutes.

use store::attempts::Taken;
use store::logins::Login;
use store::users::User;
use store::{Conn, Time, Tx, logins, users};

use crate::audit::{Happened, Scribe, Whom};
use crate::code::Guess;
use crate::config::Factors;
use crate::error::Tampered;
use crate::hasher::Lane;
use crate::limits::{self, Kind, Payer};
use crate::password::{Password, Verified};
use crate::random::Token;
use crate::session::{self, For, Started};
use crate::vault::Purpose;
use crate::{App, Error, Level, Result, Role, Visit};

/// Seconds between the two factors.
const SECOND_WITHIN: i64 = 10 * 60;

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

/// The same with a code in the place of the password.
pub struct NameAndCode {
    /// As typed.
    pub username: String,
    /// As typed.
    pub code: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// Where they were going: a path of ours, or empty.
    pub next: String,
}

/// Where a name and a code lead.
pub enum Entered {
    /// That was all.
    SignedIn(Started),
    /// A password is owed: the token of the login.
    OwesPassword(Token),
}

/// What is still owed in a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owes {
    /// A code.
    Code,
    /// The password.
    Password,
    /// A password that is chosen now.
    NewPassword,
}

impl Owes {
    fn text(self) -> &'static str {
        if self == Owes::Code { "code" } else { "password" }
    }
}

/// Whoever is between two factors.
#[derive(Debug)]
pub struct Who {
    /// Their name as typed at registration.
    pub name: String,
    /// What they owe.
    pub owes: Owes,
    /// Where they are going: a path of ours.
    pub next: String,
}

/// What a login is, before the transaction that inserts it.
pub(crate) struct LoginDraft {
    pub(crate) token: Token,
    mac: String,
    now: Time,
}

impl LoginDraft {
    pub(crate) fn new(app: &App, now: Time) -> LoginDraft {
        let token = app.random.token();
        let mac = app.vault.token_mac(Purpose::Login, &token);
        LoginDraft { token, mac, now }
    }

    pub(crate) fn begin(
        &self,
        tx: &mut Tx<'_>,
        user: &User,
        owes: Owes,
        (keep, next): (bool, &str),
    ) -> Result<()> {
        let login = Login {
            token_mac: self.mac.clone(),
            user_id: user.id.clone(),
            // The epoch of what was compared: whoever changed it since has voided this login.
            epoch: user.epoch,
            keep,
            next_path: next.to_owned(),
            owes: owes.text().to_owned(),
            expires_at: self.now.plus_seconds(SECOND_WITHIN),
        };
        Ok(logins::insert(tx, &login, self.now)?)
    }
}

/// Judges name and password. The answer is the token of the login that a code completes.
///
/// A name that does not exist costs the same: a read, a try, a hash and two writes.
pub async fn begin(app: &App, typed: Credentials, visit: &Visit) -> Result<Token> {
    app.count_failure(begin_by_password(app, typed, visit).await)
}

async fn begin_by_password(app: &App, typed: Credentials, visit: &Visit) -> Result<Token> {
    let now = app.time_to_judge().await?;
    let name_key = key_of(&typed.username);
    let checked = verify_password(app, name_key, typed.password, (visit, now)).await?;

    let draft = LoginDraft::new(app, now);
    let token = draft.token.clone();
    let scribe = app.scribe(visit, now);
    let begun = app.db.write(move |tx| {
        let Some(user) = checked.user.as_ref().filter(|_| checked.verified.right) else {
            checked.record_wrong(tx, &scribe)?;
            return Ok(false);
        };
        limits::give_back(tx, Kind::Password, &checked.payer)?;
        if let (Some(new), Some(old)) = (&checked.verified.upgrade, &checked.stored) {
            users::update_hash(tx, &user.id, old, new)?;
        }
        draft.begin(tx, user, Owes::Code, (typed.keep, &typed.next))?;
        scribe.record(tx, Happened::PasswordRight, Whom { id: Some(&user.id), name: &user.name }, &[])?;
        Ok::<_, Error>(true)
    });
    if begun.await? { Ok(token) } else { Err(Error::BadCredentials) }
}

/// No name of ours has other characters, so whatever else was typed is simply nobody.
pub(crate) fn key_of(username: &str) -> String {
    username.trim_matches(' ').to_ascii_lowercase()
}

/// What came of a password.
pub(crate) struct Checked {
    /// Whose name it is, if anybody's.
    pub(crate) user: Option<User>,
    /// What was compared with.
    pub(crate) stored: Option<String>,
    /// Whether it is right.
    pub(crate) verified: Verified,
    /// Who has paid for it.
    pub(crate) payer: Payer,
    /// What was paid.
    taken: Taken,
}

impl Checked {
    /// Writes down that it was wrong, and that it was the last of a hundred. The same for a name that nobody has.
    pub(crate) fn record_wrong(&self, tx: &mut Tx<'_>, scribe: &Scribe) -> Result<()> {
        let (user, mut happened) = (self.user.as_ref(), vec![Happened::PasswordWrong]);
        if limits::closes_door(&self.taken) {
            happened.push(Happened::DoorClosed);
        }
        let whom = Whom { id: user.map(|user| &user.id), name: user.map_or("", |user| &user.name) };
        happened.into_iter().try_for_each(|happened| scribe.record(tx, happened, whom, &[]))
    }
}

/// Takes a try of a password and compares. The caller gives it back, in the transaction that makes something of it, when
/// the password is right.
pub(crate) async fn verify_password(
    app: &App,
    name_key: String,
    password: Password,
    (visit, now): (&Visit, Time),
) -> Result<Checked> {
    let payer = payer(app, &name_key, visit, now).await?;
    verify_password_of(app, (name_key, payer), password, now).await
}

/// The same when it is settled who pays.
pub(crate) async fn verify_password_of(
    app: &App,
    (name_key, payer): (String, Payer),
    password: Password,
    now: Time,
) -> Result<Checked> {
    refuse_resting(app, Kind::Password, &payer, now).await?;

    // A slot before a charge: whoever finds the line full has lost nothing.
    let slot = app.hasher.slot(Lane::SignIn).await?;
    let (pays, crowd, vault) = (payer.clone(), app.crowd.clone(), app.vault.clone());
    let meters = app.meters.clone();
    let charged = app.db.write(move |tx| {
        let taken = limits::spend_try(tx, &meters, Kind::Password, &pays, now)?;
        crowd.note(tx, &taken, now)?;
        let user = users::by_name(tx, &name_key)?;
        if let Some(stored) = user.as_ref().and_then(|user| user.password.as_deref()) {
            vault.learn_pepper(tx, stored)?;
        }
        Ok::<_, Error>((user, taken))
    });
    let (user, taken) = charged.await.inspect_err(|error| app.note_rest(error))?;
    let stored = user.as_ref().filter(|user| !user.disabled).and_then(|user| user.password.clone());
    let verified = slot.verify(password, stored.clone(), &app.random).await?;
    if verified.tampered {
        let whom = Whom {
            id: user.as_ref().map(|user| &user.id),
            name: user.as_ref().map_or("", |user| &user.name),
        };
        let what = Error::broken(Tampered { what: "users.password".into() });
        app.note_tampering(&what, whom).await;
    }
    Ok(Checked { user, stored, verified, payer, taken })
}

/// Who pays for what this visitor tries with a name.
pub(crate) async fn payer(app: &App, name_key: &str, visit: &Visit, now: Time) -> Result<Payer> {
    let Some(device) = app.device_mac(visit) else { return Ok(Payer::name(&app.vault, name_key)) };
    let (vault, name_key) = (app.vault.clone(), name_key.to_owned());
    app.db.read(move |conn| Payer::of(conn, &vault, &name_key, Some(&device), now)).await
}

/// What rests costs no hash and no write.
pub(crate) async fn refuse_resting(app: &App, kind: Kind, payer: &Payer, now: Time) -> Result<()> {
    let resting = payer.clone();
    let refused = app.db.read(move |conn| limits::refuse_resting(conn, kind, &resting, now)).await;
    refused.inspect_err(|error| app.note_rest(error))
}

/// Refuses whoever has to wait for the code in any case before anything is hashed that comes with it.
pub(crate) async fn refuse_resting_code(app: &App, name_key: &str, visit: &Visit, now: Time) -> Result<()> {
    let payer = payer(app, name_key, visit, now).await?;
    refuse_resting(app, Kind::Code, &payer, now).await
}

/// Whether anybody signs in by a name and a code: everybody under that policy; under the other one those who have still to
/// choose a password.
pub async fn is_by_code(app: &App) -> Result<bool> {
    let now = app.clock.now();
    match app.config.factors {
        Factors::Code => Ok(true),
        Factors::PasswordAndCode => Ok(app.db.read(move |conn| users::any_grace(conn, now)).await?),
    }
}

/// Judges a name and a code. Whoever owes a password, or has to choose one, is not signed in yet.
///
/// There is one answer to everything that is wrong, and a name that does not exist costs the same try.
pub async fn by_code(app: &App, typed: NameAndCode, visit: &Visit) -> Result<Entered> {
    let entered = app.count_failure(judge_name_and_code(app, typed, visit).await)?;
    if matches!(entered, Entered::SignedIn(_)) {
        app.meters.signed_in();
    }
    Ok(entered)
}

async fn judge_name_and_code(app: &App, typed: NameAndCode, visit: &Visit) -> Result<Entered> {
    let now = app.time_to_judge().await?;
    let guess = Guess::new(app, &typed.code, visit, now)?;
    let name_key = key_of(&typed.username);
    let payer = payer(app, &name_key, visit, now).await?;
    refuse_resting(app, Kind::CodeAlone, &payer, now).await?;
    let (login, draft) = (LoginDraft::new(app, now), session::Draft::new(app, visit, now));
    let (factors, scribe, vault) = (app.config.factors, app.scribe(visit, now), app.vault.clone());
    let token = login.token.clone();
    let judged = app.db.write(move |tx| {
        let allow = |user: &User| factors == Factors::Code || may_choose(user, now);
        guess.judge_alone(tx, &name_key, allow, |tx, user| {
            let whom = Whom { id: Some(&user.id), name: &user.name };
            if factors.asked_of(Role::of_row(&user.role)) == Level::Full {
                login.begin(tx, user, Owes::Password, (typed.keep, &typed.next))?;
                scribe.record(tx, Happened::CodeRight, whom, &[])?;
                return Ok(None);
            }
            if !users::sign_in(tx, &user.id, user.epoch, now)? {
                return Err(Error::BadNameOrCode);
            }
            let of = For {
                user_id: &user.id,
                epoch: user.epoch,
                keep: typed.keep,
                level: Level::Code,
                next: &typed.next,
            };
            let started = draft.start(tx, &of, now)?;
            limits::open_door(tx, &vault, &name_key)?;
            scribe.record(tx, Happened::SignedIn, whom, &[])?;
            Ok(Some(started))
        })
    });
    let judged = judged.await.inspect_err(|error| app.note_rest(error))?;
    match judged.map_err(Error::unjudged)?.ok_or(Error::BadNameOrCode)? {
        Some(started) => Ok(Entered::SignedIn(started)),
        None => Ok(Entered::OwesPassword(token)),
    }
}

/// Whether somebody may choose a password now, having none.
pub(crate) fn may_choose(user: &User, now: Time) -> bool {
    user.password.is_none() && user.password_due.is_some_and(|due| due > now)
}

/// Whoever is between two factors in this browser.
pub async fn who(app: &App, token: &Token) -> Result<Who> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Login, token);
    app.db
        .scan(move |conn| {
            let (login, user) = find_any(conn, &mac, now)?;
            let owes = match (login.owes.as_str(), &user.password) {
                ("code", _) => Owes::Code,
                (_, Some(_)) => Owes::Password,
                (_, None) => Owes::NewPassword,
            };
            Ok(Who { name: user.name, owes, next: login.next_path })
        })
        .await
}

/// A login that is still true, with its user.
fn find_any(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<(Login, User)> {
    let login = logins::by_token(conn, token_mac, now)?.ok_or(Error::Expired)?;
    let user = users::by_id(conn, &login.user_id)?;
    let user = user.filter(|user| user.epoch == login.epoch && !user.disabled).ok_or(Error::Expired)?;
    Ok((login, user))
}

/// The same, when that is what it owes.
pub(crate) fn find(conn: &mut Conn<'_>, token_mac: &str, owes: Owes, now: Time) -> Result<(Login, User)> {
    let (login, user) = find_any(conn, token_mac, now)?;
    if login.owes == owes.text() { Ok((login, user)) } else { Err(Error::Expired) }
}

/// Completes a login with a code and starts a session. `then` is the code that came right after it, from somebody whose
/// phone has another time; empty as a rule.
///
/// The try is taken, the code judged, its step spent and the login taken in one transaction, and nothing is answered
/// before that is durable.
pub async fn complete(app: &App, token: &Token, typed: (&str, &str), visit: &Visit) -> Result<Started> {
    app.count_sign_in(judge_code(app, token, typed, visit).await)
}

async fn judge_code(app: &App, token: &Token, (typed, then): (&str, &str), visit: &Visit) -> Result<Started> {
    let now = app.time_to_judge().await?;
    let guess = Guess::new(app, typed, visit, now)?.then(then)?;
    let login_mac = app.vault.token_mac(Purpose::Login, token);
    let draft = session::Draft::new(app, visit, now);
    let outcome = app.db.write(move |tx| {
        guess.judge(
            tx,
            Happened::SignedIn,
            |tx| find(tx, &login_mac, Owes::Code, now),
            |tx, login| finish(tx, login, login.epoch, &draft, now),
        )
    });
    let judged = outcome.await.inspect_err(|error| app.note_rest(error))?;
    judged.map_err(Error::unjudged)?.into_result()
}

/// Takes the login and starts the session that it was for, in the epoch that is now.
fn finish(tx: &mut Tx<'_>, login: &Login, epoch: i64, draft: &session::Draft, now: Time) -> Result<Started> {
    if !logins::take(tx, &login.token_mac, now)? || !users::sign_in(tx, &login.user_id, epoch, now)? {
        return Err(Error::Expired);
    }
    let (user_id, keep, next) = (&login.user_id, login.keep, login.next_path.as_str());
    draft.start(tx, &For { user_id, epoch, keep, level: Level::Full, next }, now)
}

/// Completes a login that a code has begun with the password, and starts a session. Whoever has none chooses this one.
pub async fn complete_with_password(
    app: &App,
    token: &Token,
    password: Password,
    visit: &Visit,
) -> Result<Started> {
    app.count_sign_in(judge_password(app, token, password, visit).await)
}

async fn judge_password(app: &App, token: &Token, password: Password, visit: &Visit) -> Result<Started> {
    let now = app.time_to_judge().await?;
    let mac = app.vault.token_mac(Purpose::Login, token);
    let asked = mac.clone();
    let (_, user) = app.db.scan(move |conn| find(conn, &asked, Owes::Password, now)).await?;
    if user.password.is_none() {
        return choose_password(app, mac, user, password, visit).await;
    }
    let name_key = user.name.to_ascii_lowercase();
    let checked = verify_password(app, name_key.clone(), password, (visit, now)).await?;
    let (draft, scribe) = (session::Draft::new(app, visit, now), app.scribe(visit, now));
    let vault = app.vault.clone();
    let completed = app.db.write(move |tx| {
        let whom = Whom { id: Some(&user.id), name: &user.name };
        if !checked.verified.right {
            checked.record_wrong(tx, &scribe)?;
            return Ok(None);
        }
        let (login, user) = find(tx, &mac, Owes::Password, now)?;
        // Compared was the password of that epoch, and of no other.
        if checked.user.as_ref().is_none_or(|compared| compared.id != user.id || compared.epoch != user.epoch)
        {
            return Err(Error::Expired);
        }
        let started = finish(tx, &login, login.epoch, &draft, now)?;
        limits::forgive(tx, Kind::Password, &checked.payer)?;
        limits::open_door(tx, &vault, &name_key)?;
        scribe.record(tx, Happened::SignedIn, whom, &[])?;
        Ok(Some(started))
    });
    completed.await?.ok_or(Error::BadCredentials)
}

async fn choose_password(
    app: &App,
    mac: String,
    user: User,
    password: Password,
    visit: &Visit,
) -> Result<Started> {
    let now = app.clock.now();
    if !may_choose(&user, now) {
        return Err(Error::PasswordOverdue);
    }
    app.check_password(&password, &user.name)?;
    let phc = app.hasher.slot(Lane::SignIn).await?.hash(password, &app.random).await?;
    let (draft, scribe) = (session::Draft::new(app, visit, now), app.scribe(visit, now));
    let vault = app.vault.clone();
    app.db
        .write(move |tx| {
            let (login, user) = find(tx, &mac, Owes::Password, now)?;
            if !may_choose(&user, now) {
                return Err(Error::PasswordOverdue);
            }
            let epoch = users::update_password(tx, &user.id, &phc, login.epoch)?.ok_or(Error::Expired)?;
            let whom = Whom { id: Some(&user.id), name: &user.name };
            limits::open_door(tx, &vault, &user.name.to_ascii_lowercase())?;
            scribe.record(tx, Happened::PasswordChanged, whom, &[])?;
            scribe.record(tx, Happened::SignedIn, whom, &[])?;
            finish(tx, &login, epoch, &draft, now)
        })
        .await
}

impl App {
    /// Counts how a sign-in ended.
    fn count_sign_in(&self, ended: Result<Started>) -> Result<Started> {
        self.count_failure(ended).inspect(|_| self.meters.signed_in())
    }

    /// Counts a sign-in that has come to nothing.
    fn count_failure<T>(&self, ended: Result<T>) -> Result<T> {
        ended.inspect_err(|error| self.meters.not_signed_in(error))
    }

    /// Counts somebody who was told to wait.
    pub(crate) fn note_rest(&self, error: &Error) {
        if matches!(error, Error::TooManyTries { .. } | Error::DoorClosed) {
            self.rested.add(1);
            self.meters.rested();
        }
    }
}
