//! Enrolling: a waiting secret, shown as a QR code, becomes an authenticator by its first code.
//!
//! Somebody new waits in `registrations`, somebody who has used a recovery code in `enrollments`; both see the same pages.

use otp::{Account, Key, Kind, Qr, Secret, totp};
use store::authenticators::Authenticator;
use store::enrollments::Enrollment;
use store::registrations::Registration;
use store::users::NewUser;
use store::{
    Conn, Id, Time, Tx, authenticators, enrollments, recovery_codes, registrations, sessions, users,
};
use zeroize::Zeroizing;

use crate::audit::{Happened, Scribe, Whom};
use crate::error::{Hint, Rule};
use crate::random::Token;
use crate::session::{self, Started};
use crate::vault::{Purpose, Vault};
use crate::{App, Error, Result, Visit, authenticator, limits, recovery, setup};

/// How far a wrong code is searched for, in steps, to say by how much a clock is off.
const FAR: i64 = 20;

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
    /// After a recovery code: the account exists already.
    pub again: bool,
}

/// Who waits behind a token.
enum Waiting {
    New(Box<Registration>),
    Again(Enrollment, Box<users::User>),
}

impl Waiting {
    fn find(conn: &mut Conn<'_>, token_mac: &str, now: Time) -> Result<Waiting> {
        if let Some(registration) = registrations::by_token(conn, token_mac, now)? {
            return Ok(Waiting::New(Box::new(registration)));
        }
        let enrollment = enrollments::by_token(conn, token_mac, now)?.ok_or(Error::Expired)?;
        let user = users::by_id(conn, &enrollment.user_id)?;
        // Disabled, or everything ended, since it began: it is void.
        let user =
            user.filter(|user| user.epoch == enrollment.epoch && !user.disabled).ok_or(Error::Expired)?;
        Ok(Waiting::Again(enrollment, Box::new(user)))
    }

    fn name(&self) -> &str {
        match self {
            Waiting::New(registration) => &registration.name,
            Waiting::Again(_, user) => &user.name,
        }
    }

    fn key(&self, vault: &Vault) -> Result<Key> {
        let opened = match self {
            Waiting::New(new) => {
                vault.open_sealed(authenticator::secret_of_registration(&new.name_key), &new.secret)?
            }
            Waiting::Again(again, user) => {
                vault.open_sealed(authenticator::secret_of_enrollment(&user.id), &again.secret)?
            }
        };
        Ok(Key::new(Secret::from_bytes(&opened).map_err(Error::broken)?))
    }
}

async fn waiting(app: &App, token: &Token) -> Result<(Waiting, Account)> {
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Enroll, token);
    let waiting = app.db.scan(move |conn| Waiting::find(conn, &mac, now)).await?;
    let (issuer, name) = (app.config.issuer.clone(), waiting.name().to_owned());
    let account = Account { issuer, name, key: waiting.key(&app.vault)?, kind: Kind::Totp };
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
        again: matches!(waiting, Waiting::Again(..)),
        name: account.name,
        uri,
    })
}

/// The QR code as a PNG, with so many pixels to a module.
pub async fn qr_png(app: &App, token: &Token, scale: u32) -> Result<Zeroizing<Vec<u8>>> {
    let (_, account) = waiting(app, token).await?;
    Ok(Zeroizing::new(Qr::encode(&account.to_uri()).map_err(Error::broken)?.png(scale)))
}

/// Confirms the waiting secret with its first code, and signs in. The code counts as spent.
///
/// Somebody new gets their account now, with ten recovery codes. For somebody who enrolls again it is one transaction,
/// too: a new epoch, in which other sessions, the old authenticators and the old recovery codes are void.
pub async fn confirm(app: &App, token: &Token, typed: &str, visit: &Visit) -> Result<Started> {
    let code = authenticator::parse_code(typed).map_err(|error| match error {
        // There is no other door here, so it is only no code.
        Error::Rules(rules) if rules.contains(&Rule::CodeLooksLikeRecovery) => Rule::CodeDigits.into(),
        other => other,
    })?;
    let now = app.clock.now();
    let mac = app.vault.token_mac(Purpose::Enroll, token);
    let draft = Draft {
        vault: app.vault.clone(),
        scribe: app.scribe(visit, now),
        issuer: app.config.issuer.clone(),
        user_id: app.random.id(now),
        authenticator_id: app.random.id(now),
        session: session::Draft::new(app, visit, now),
        codes: recovery::Draft::new(app),
        now,
    };
    let token = draft.session.token.clone();
    let confirmed = app.db.write(move |tx| {
        let waiting = Waiting::find(tx, &mac, now)?;
        let key = waiting.key(&draft.vault)?;
        if code.digits() != key.digits() {
            return Err(Rule::CodeDigits.into());
        }
        let Some(step) = totp::verify(&key, &code, now.seconds(), authenticator::DRIFT) else {
            return Ok(Err(hint(&key, &code, now)));
        };
        match &waiting {
            Waiting::New(new) => draft.create(tx, new, (&key, step)),
            Waiting::Again(again, user) => draft.replace(tx, (again, user), (&key, step)),
        }
        .map(Ok)
    });
    match confirmed.await? {
        Ok((keep, next)) => Ok(Started { token, keep, next }),
        Err(hint) => Err(Error::WrongCode(hint)),
    }
}

/// The secret is not in use yet, so both directions may be said.
fn hint(key: &Key, code: &otp::Code, now: Time) -> Hint {
    let period = i64::from(key.period());
    match totp::search(key, code, now.seconds(), FAR, FAR) {
        Some(steps) if steps < 0 => Hint::Behind(-steps * period),
        Some(steps) if steps > 0 => Hint::Ahead(steps * period),
        _ => Hint::None,
    }
}

/// Everything that is drawn before the transaction, which may run again.
struct Draft {
    vault: Vault,
    scribe: Scribe,
    issuer: String,
    user_id: Id,
    authenticator_id: Id,
    session: session::Draft,
    codes: recovery::Draft,
    now: Time,
}

impl Draft {
    fn create(
        &self,
        tx: &mut Tx<'_>,
        new: &Registration,
        spent: (&Key, totp::Step),
    ) -> Result<(bool, String)> {
        if !registrations::take(tx, &new.token_mac, self.now)? {
            return Err(Error::Expired);
        }
        setup::claim_ownership(tx, &new.role, self.now)?;
        let user = NewUser {
            id: &self.user_id,
            name: &new.name,
            name_key: &new.name_key,
            role: &new.role,
            password: new.password.as_deref(),
        };
        if !users::insert(tx, &user, self.now)? {
            return Err(Error::Taken);
        }
        self.enroll(tx, &self.user_id, &new.name, spent)?;
        self.codes.issue(tx, &self.vault, &self.user_id, (&new.next_path, self.now))?;
        self.session.start(tx, &self.user_id, (0, false), self.now)?;
        let whom = Whom { id: Some(&self.user_id), name: &new.name };
        self.scribe.record(tx, Happened::UserCreated, whom, &[("role", &new.role)])?;
        Ok((false, new.next_path.clone()))
    }

    fn replace(
        &self,
        tx: &mut Tx<'_>,
        (again, user): (&Enrollment, &users::User),
        spent: (&Key, totp::Step),
    ) -> Result<(bool, String)> {
        if !enrollments::take(tx, &again.token_mac, self.now)? {
            return Err(Error::Expired);
        }
        let epoch = users::next_epoch(tx, &user.id, again.epoch, self.now)?.ok_or(Error::Expired)?;
        authenticators::remove_of_user(tx, &user.id)?;
        sessions::end_of_user(tx, &user.id)?;
        recovery_codes::remove_of_user(tx, &user.id)?;
        // This completes a sign-in, and what was tried with the old authenticator is nothing to the new one.
        let name_mac = self.vault.name_mac(&user.name.to_ascii_lowercase());
        for kind in [limits::Kind::Password, limits::Kind::Code] {
            limits::forgive(tx, kind, &name_mac)?;
        }
        self.enroll(tx, &user.id, &user.name, spent)?;
        self.codes.issue(tx, &self.vault, &user.id, (&again.next_path, self.now))?;
        self.session.start(tx, &user.id, (epoch, again.keep), self.now)?;
        let whom = Whom { id: Some(&user.id), name: &user.name };
        self.scribe.record(tx, Happened::AuthenticatorReplaced, whom, &[])?;
        Ok((again.keep, again.next_path.clone()))
    }

    /// Inserts the authenticator, its first step spent.
    fn enroll(
        &self,
        tx: &mut Tx<'_>,
        user_id: &Id,
        name: &str,
        (key, step): (&Key, totp::Step),
    ) -> Result<()> {
        let place = authenticator::secret_of_authenticator(user_id, &self.authenticator_id);
        let authenticator = Authenticator {
            id: self.authenticator_id.clone(),
            user_id: user_id.clone(),
            label: format!("{}: {name}", self.issuer),
            secret: self.vault.seal(place, key.secret().as_bytes())?,
            algorithm: key.algorithm().name().to_owned(),
            digits: key.digits().count().into(),
            period: key.period().into(),
            last_step: step.number(),
        };
        Ok(authenticators::insert(tx, &authenticator, self.now)?)
    }
}
