//! Enrolling: a waiting secret, shown as a QR code, becomes an authenticator by its first code.
//!
//! Somebody new waits in `registrations`, somebody who has an account in `enrollments`; both see the same pages. How the
//! second begins is in `enrollment.rs`.

use otp::{Account, Key, Kind, Qr, Secret, totp};
use store::authenticators::Authenticator;
use store::enrollments::Enrollment;
use store::registrations::Registration;
use store::users::{NewUser, User};
use store::{
    Conn, Id, Time, Tx, authenticators, devices, enrollments, recovery_codes, registrations, sessions, users,
};
use zeroize::Zeroizing;

use crate::audit::{Happened, Scribe, Whom};
use crate::authenticator::{key_of, parse_code};
use crate::config::Factors;
use crate::drift::{Drift, FARTHEST};
use crate::enrollment::account_of;
use crate::error::{Hint, Rule};
use crate::login::{LoginDraft, Owes};
use crate::random::Token;
use crate::session::{self, Started};
use crate::vault::{Purpose, Vault};
use crate::{App, Error, Level, Result, Role, Visit, authenticator, limits, recovery, setup};

/// How long a replaced authenticator is still good, in seconds, when its owner wants to keep it for a while.
const KEPT_FOR: i64 = 24 * 60 * 60;

/// What a person needs to add the secret to their app.
pub struct Pending {
    /// Who enrolls, as typed.
    pub name: String,
    /// As the app will show it: `Latchkey: ada`.
    pub label: String,
    /// The setup key in groups of four.
    pub key_grouped: Zeroizing<String>,
    /// The setup key without spaces.
    pub key_plain: Zeroizing<String>,
    /// `otpauth://…`, to tap on a phone.
    pub uri: Zeroizing<String>,
    /// The same for Apple's password app.
    pub apple_uri: Zeroizing<String>,
    /// Modules of the QR code's side, quiet zone included.
    pub qr_side: u32,
    /// What it will be.
    pub kind: NewIs,
    /// The issuer in it.
    pub issuer: String,
    /// The hash of its codes: `SHA1`.
    pub algorithm: &'static str,
    /// The digits of a code.
    pub digits: u32,
    /// Seconds that a code is good.
    pub period: u32,
    /// When it is over.
    pub expires_at: Time,
}

/// What a new authenticator will be to its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewIs {
    /// The first of a new account.
    First,
    /// In the place of all that are lost.
    Replacement,
    /// One more, or a new phone.
    Further,
}

/// Who waits behind a token.
enum Waiting {
    New(Box<Registration>),
    Known(Box<(Enrollment, User)>),
}

impl Waiting {
    fn find(conn: &mut Conn<'_>, token_mac: &str, factors: Factors, now: Time) -> Result<Waiting> {
        if let Some(registration) = registrations::by_token(conn, token_mac, now)? {
            return Ok(Waiting::New(Box::new(registration)));
        }
        let enrollment = enrollments::by_token(conn, token_mac, now)?.ok_or(Error::Expired)?;
        let user = users::by_id(conn, &enrollment.user_id)?;
        // Disabled, or everything ended, since it began: it is void. So is one whose session is over, or is not enough any more.
        let user =
            user.filter(|user| user.epoch == enrollment.epoch && !user.disabled).ok_or(Error::Expired)?;
        if let Some(session) = &enrollment.session_id {
            let level = sessions::level(conn, session, now)?.ok_or(Error::Expired)?;
            if Level::of_row(level) < factors.asked_of(Role::of_row(&user.role)) {
                return Err(Error::Expired);
            }
        }
        Ok(Waiting::Known(Box::new((enrollment, user))))
    }

    fn name(&self) -> &str {
        match self {
            Waiting::New(registration) => &registration.name,
            Waiting::Known(known) => &known.1.name,
        }
    }

    fn expires_at(&self) -> Time {
        match self {
            Waiting::New(registration) => registration.expires_at,
            Waiting::Known(known) => known.0.expires_at,
        }
    }

    /// What the app shows behind the issuer.
    fn account(&self) -> String {
        match self {
            Waiting::Known(known) if !known.0.name.is_empty() => account_of(&known.1.name, &known.0.name),
            _ => self.name().to_owned(),
        }
    }

    fn key(&self, conn: &mut Conn<'_>, vault: &Vault) -> Result<Key> {
        let opened = match self {
            Waiting::New(new) => {
                vault.open_sealed(conn, authenticator::secret_of_registration(&new.name_key), &new.secret)?
            }
            Waiting::Known(known) => {
                vault.open_sealed(conn, authenticator::secret_of_enrollment(&known.1.id), &known.0.secret)?
            }
        };
        Ok(Key::new(Secret::from_bytes(&opened).map_err(Error::broken)?))
    }
}

async fn waiting(app: &App, token: &Token) -> Result<(Waiting, Account)> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Enroll, token);
    let (factors, vault) = (app.config.factors, app.vault.clone());
    let looked = app.db.scan(move |conn| {
        let waiting = Waiting::find(conn, &mac, factors, now)?;
        let key = waiting.key(conn, &vault)?;
        Ok((waiting, key))
    });
    let (waiting, key) = app.watch(looked.await, Whom { id: None, name: "" }).await?;
    let (issuer, name) = (app.config.issuer.clone(), waiting.account());
    let account = Account { issuer, name, key, kind: Kind::Totp };
    Ok((waiting, account))
}

/// What waits for this browser. Looking changes nothing; [`Error::Expired`] when it is over, or was confirmed.
pub async fn pending(app: &App, token: &Token) -> Result<Pending> {
    let (waiting, account) = waiting(app, token).await?;
    let uri = account.to_uri();
    Ok(Pending {
        label: format!("{}: {}", account.issuer, account.name),
        key_grouped: account.key.secret().grouped(),
        key_plain: account.key.secret().to_base32(),
        apple_uri: account.apple_uri(),
        qr_side: Qr::encode(&uri).map_err(Error::broken)?.side(),
        kind: match &waiting {
            Waiting::New(_) => NewIs::First,
            Waiting::Known(known) if known.0.purpose == "replace" => NewIs::Replacement,
            Waiting::Known(_) => NewIs::Further,
        },
        name: waiting.name().to_owned(),
        algorithm: account.key.algorithm().name(),
        digits: account.key.digits().count(),
        period: account.key.period(),
        expires_at: waiting.expires_at(),
        issuer: account.issuer,
        uri,
    })
}

/// The QR code as a PNG, with so many pixels to a module.
pub async fn qr_png(app: &App, token: &Token, scale: u32) -> Result<Zeroizing<Vec<u8>>> {
    let (_, account) = waiting(app, token).await?;
    Ok(Zeroizing::new(Qr::encode(&account.to_uri()).map_err(Error::broken)?.png(scale)))
}

/// Where the first code of a new authenticator leads.
#[derive(Debug)]
pub enum Confirmed {
    /// To a session.
    SignedIn(Started),
    /// To the password, before there is a session: the token of the login.
    OwesPassword(Token),
    /// Back to the account, in the session that there is.
    Added,
}

/// Confirms the waiting secret with its first code. The code counts as spent.
///
/// Somebody new gets their account now, with ten recovery codes. For somebody who has lost everything it is one
/// transaction, too: a new epoch, in which other sessions, the old authenticators and the old recovery codes are void. A
/// further authenticator, or a new phone, changes nothing else.
///
/// `then` is the code that came right after it, from somebody whose phone has another time; empty as a rule.
pub async fn confirm(
    app: &App,
    token: &Token,
    (typed, then): (&str, &str),
    visit: &Visit,
) -> Result<Confirmed> {
    let code = parse_code(typed).map_err(|error| match error {
        // There is no other door here, so it is only no code.
        Error::Rules(rules) if rules.contains(&Rule::CodeLooksLikeRecovery) => Rule::CodeDigits.into(),
        other => other,
    })?;
    let then = match then.trim() {
        "" => None,
        then => Some(parse_code(then).map_err(|_| Rule::SecondCode)?),
    };
    let now = app.time_to_judge().await?;
    let mac = app.vault.token_mac(Purpose::Enroll, token);
    let draft = Draft {
        vault: app.vault.clone(),
        scribe: app.scribe(visit, now),
        issuer: app.config.issuer.clone(),
        factors: app.config.factors,
        user_id: app.random.id(now),
        authenticator_id: app.random.id(now),
        session: session::Draft::new(app, visit, now),
        login: LoginDraft::new(app, now),
        codes: recovery::Draft::new(app),
        now,
    };
    let confirmed = app.db.write(move |tx| {
        let waiting = Waiting::find(tx, &mac, draft.factors, now)?;
        let key = waiting.key(tx, &draft.vault)?;
        if code.digits() != key.digits() {
            return Err(Rule::CodeDigits.into());
        }
        let Some(first) = first_step(&key, (&code, then.as_ref()), now) else {
            return Ok(Err(draft.explain(tx, &waiting, (&key, &code), then.is_some())?));
        };
        let account = waiting.account();
        let new = New { key: &key, account: &account, first };
        match &waiting {
            Waiting::New(registration) => draft.create(tx, registration, &new),
            Waiting::Known(known) if known.0.purpose == "replace" => {
                draft.replace(tx, (&known.0, &known.1), &new)
            }
            Waiting::Known(known) => draft.add(tx, (&known.0, &known.1), &new),
        }
        .map(Ok)
    });
    let confirmed = app.watch(confirmed.await, Whom { id: None, name: "" }).await?;
    confirmed.map_err(Error::WrongCode)
}

/// The step of the first code, and what it says of the clock. Two codes in a row may be off by far.
fn first_step(key: &Key, (code, then): (&otp::Code, Option<&otp::Code>), now: Time) -> Option<(i64, Drift)> {
    let here = totp::Step::at(now.seconds(), key.period()).number();
    match then {
        None => {
            let step = totp::verify_at(key, code, now.seconds(), &Drift::proved(0).window())?.number();
            Some((step, Drift::proved(0)))
        }
        Some(then) => {
            let step = totp::resync(key, (code, then), now.seconds(), FARTHEST)?.number();
            Some((step, Drift::proved(step - here)))
        }
    }
}

/// A new authenticator: its key, what the app shows behind the issuer, its first step and its clock.
struct New<'a> {
    key: &'a Key,
    account: &'a str,
    first: (i64, Drift),
}

/// Everything that is drawn before the transaction, which may run again.
struct Draft {
    vault: Vault,
    scribe: Scribe,
    issuer: String,
    factors: Factors,
    user_id: Id,
    authenticator_id: Id,
    session: session::Draft,
    login: LoginDraft,
    codes: recovery::Draft,
    now: Time,
}

impl Draft {
    /// The secret is not in use yet, so both directions may be said, and so may a mistaken entry.
    fn explain(
        &self,
        conn: &mut Conn<'_>,
        waiting: &Waiting,
        (key, code): (&Key, &otp::Code),
        two: bool,
    ) -> Result<Hint> {
        if two {
            return Ok(Hint::NotInARow);
        }
        let (now, period) = (self.now.seconds(), i64::from(key.period()));
        match totp::search(key, code, now, FARTHEST, FARTHEST) {
            Some(steps) if steps < 0 => return Ok(Hint::Behind(-steps * period)),
            Some(steps) if steps > 0 => return Ok(Hint::Ahead(steps * period)),
            _ => {}
        }
        let Waiting::Known(known) = waiting else { return Ok(Hint::None) };
        for other in authenticators::of_user(conn, &known.1.id, self.now)? {
            let window = Drift { steps: other.drift, votes: 0 }.window();
            if totp::verify_at(&key_of(conn, &self.vault, &other)?, code, now, &window).is_some() {
                return Ok(Hint::Other { label: other.label });
            }
        }
        Ok(Hint::None)
    }

    fn create(&self, tx: &mut Tx<'_>, waiting: &Registration, new: &New<'_>) -> Result<Confirmed> {
        if !registrations::take(tx, &waiting.token_mac, self.now)? {
            return Err(Error::Expired);
        }
        setup::claim_ownership(tx, &waiting.role, self.now)?;
        let level = Level::held(waiting.password.is_some());
        // The policy may have changed since the name was held.
        if level < self.factors.asked_of(Role::of_row(&waiting.role)) {
            return Err(Error::Expired);
        }
        let user = NewUser {
            id: &self.user_id,
            name: &waiting.name,
            name_key: &waiting.name_key,
            role: &waiting.role,
            password: waiting.password.as_deref(),
            password_due: None,
            signed_in_at: Some(self.now),
        };
        if !users::insert(tx, &user, self.now)? {
            return Err(Error::Taken);
        }
        let user_id = &self.user_id;
        self.insert(tx, user_id, "", new)?;
        self.codes.issue(tx, &self.vault, user_id, (&waiting.next_path, self.now))?;
        // What was tried with the name while nobody had it.
        limits::open_door(tx, &self.vault, &waiting.name_key)?;
        let of = session::For { user_id, epoch: 0, keep: false, level, next: &waiting.next_path };
        let started = self.session.start(tx, &of, self.now)?;
        let whom = Whom { id: Some(user_id), name: &waiting.name };
        self.scribe.record(tx, Happened::UserCreated, whom, &[("role", &waiting.role)])?;
        Ok(Confirmed::SignedIn(started))
    }

    fn replace(
        &self,
        tx: &mut Tx<'_>,
        (waiting, user): (&Enrollment, &User),
        new: &New<'_>,
    ) -> Result<Confirmed> {
        if !enrollments::take(tx, &waiting.token_mac, self.now)? {
            return Err(Error::Expired);
        }
        let password = waiting.password.as_deref();
        let epoch = users::next_epoch(tx, &user.id, (waiting.epoch, password), self.now)?;
        let epoch = epoch.ok_or(Error::Expired)?;
        authenticators::retire_of_user(tx, &user.id, self.now)?;
        sessions::end_of_user(tx, &user.id)?;
        devices::forget_others(tx, &user.id, "")?;
        recovery_codes::remove_of_user(tx, &user.id)?;
        // This completes a sign-in, and what was tried with the old authenticator is nothing to the new one.
        let payer = limits::Payer::name(&self.vault, &user.name.to_ascii_lowercase());
        for kind in [limits::Kind::Password, limits::Kind::Code, limits::Kind::CodeAlone] {
            limits::forgive(tx, kind, &payer)?;
        }
        self.insert(tx, &user.id, "", new)?;
        self.codes.issue(tx, &self.vault, &user.id, (&waiting.next_path, self.now))?;
        let whom = Whom { id: Some(&user.id), name: &user.name };
        self.scribe.record(tx, Happened::AuthenticatorReplaced, whom, &[])?;
        if password.is_some() {
            self.scribe.record(tx, Happened::PasswordChanged, whom, &[])?;
        }
        let level = Level::of_row(waiting.level);
        if level < self.factors.asked_of(Role::of_row(&user.role)) {
            let user = User { epoch, ..user.clone() };
            let next = (waiting.keep, "/enroll/recovery-codes");
            self.login.begin(tx, &user, Owes::Password, next)?;
            return Ok(Confirmed::OwesPassword(self.login.token.clone()));
        }
        let (user_id, keep, next) = (&user.id, waiting.keep, waiting.next_path.as_str());
        let of = session::For { user_id, epoch, keep, level, next };
        Ok(Confirmed::SignedIn(self.session.start(tx, &of, self.now)?))
    }

    fn add(
        &self,
        tx: &mut Tx<'_>,
        (waiting, user): (&Enrollment, &User),
        new: &New<'_>,
    ) -> Result<Confirmed> {
        users::lock(tx, &user.id)?;
        if !enrollments::take(tx, &waiting.token_mac, self.now)? {
            return Err(Error::Expired);
        }
        let whom = Whom { id: Some(&user.id), name: &user.name };
        let detail = [("name", waiting.name.as_str())];
        let happened = match &waiting.moves {
            None => Happened::AuthenticatorAdded,
            Some(old) => {
                let at = if waiting.purpose == "swap" { self.now } else { self.now.plus_seconds(KEPT_FOR) };
                // One that was removed in the meantime needs no more.
                authenticators::retire(tx, &user.id, old, at, self.now)?;
                Happened::AuthenticatorMoved
            }
        };
        self.insert(tx, &user.id, &waiting.name, new)?;
        self.scribe.record(tx, happened, whom, &detail)?;
        Ok(Confirmed::Added)
    }

    /// Inserts the authenticator, its first step spent.
    fn insert(&self, tx: &mut Tx<'_>, user_id: &Id, name: &str, new: &New<'_>) -> Result<()> {
        let place = authenticator::secret_of_authenticator(user_id, &self.authenticator_id);
        let (key, (step, drift)) = (new.key, new.first);
        let authenticator = Authenticator {
            id: self.authenticator_id.clone(),
            user_id: user_id.clone(),
            name: name.to_owned(),
            label: format!("{}: {}", self.issuer, new.account),
            secret: self.vault.seal(tx, place, key.secret().as_bytes())?,
            algorithm: key.algorithm().name().to_owned(),
            digits: key.digits().count().into(),
            period: key.period().into(),
            last_step: step,
            drift: drift.steps,
            drift_votes: 0,
        };
        Ok(authenticators::insert(tx, &authenticator, Some(self.now), self.now)?)
    }
}
