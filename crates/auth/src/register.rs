//! Registering: a name is held for half an hour with a sealed secret; the account exists from the first code on.

use store::registrations::Registration;
use store::{Conn, Time, Tx, registrations, setup_links, users};

use crate::audit::{Happened, Whom};
use crate::config::{Factors, Registration as Policy};
use crate::error::Rule;
use crate::hasher::Lane;
use crate::name::Name;
use crate::password::Password;
use crate::random::{Token, Words};
use crate::vault::Purpose;
use crate::{App, Error, Level, Result, Role, Visit, authenticator, limits, setup};

/// How long a name is held, in seconds.
const HELD: i64 = 30 * 60;

/// What somebody typed who wants an account.
#[derive(Debug)]
pub struct NewUser {
    /// As typed.
    pub username: String,
    /// As typed; `None` where none is asked for.
    pub password: Option<Password>,
    /// The one-time link that lets them in, if they came by one.
    pub link: Option<Words>,
    /// Where they were going: a path of ours, or empty.
    pub next: String,
}

/// Whether somebody who will have that role chooses a password, too.
pub fn asks_password(app: &App, role: Role) -> bool {
    app.config.factors.asked_of(role) == Level::Full
}

/// Whether anybody may register without a link.
pub fn is_open(app: &App) -> bool {
    app.config.registration == Policy::Open
}

/// Holds a name for half an hour, with a new secret. Answers the token of the browser that may enroll.
///
/// `browser` is the token that it had already: with the same name it goes on with the same secret and a new password, with
/// another name it lets go of the first. Of many at once with one name, one gets it.
pub async fn reserve(app: &App, new: NewUser, browser: Option<Token>, visit: Visit) -> Result<Token> {
    if new.link.is_none() && !is_open(app) {
        return Err(Error::RegistrationClosed);
    }
    let now = app.time_to_judge().await?;
    let name = checked(app, &new)?;
    let link_mac = new.link.as_ref().map(|link| app.vault.link_mac(link));
    let held_mac = browser.as_ref().map(|token| app.vault.token_mac(Purpose::Enroll, token));
    refuse_early(app, &name, held_mac.clone(), now).await?;

    let password = match new.password {
        Some(password) => {
            let slot = app.hasher.slot(Lane::Registration).await?;
            Some(slot.hash(password, &app.random).await?)
        }
        None => None,
    };
    let token = app.random.token();
    let secret = app.random.bytes::<{ otp::Secret::LENGTH }>();
    let draft = Registration {
        name_key: name.key().to_owned(),
        name: name.shown().to_owned(),
        role: Role::User.text().to_owned(),
        password,
        secret: String::new(),
        token_mac: app.vault.token_mac(Purpose::Enroll, &token),
        link_mac,
        name_fixed: false,
        address: visit.budget(),
        next_path: new.next,
        expires_at: now.plus_seconds(HELD),
    };
    let (scribe, factors, vault) = (app.scribe(&visit, now), app.config.factors, app.vault.clone());
    let goes_on = app.db.write(move |tx| {
        let mine = match &held_mac {
            Some(mac) => registrations::by_token(tx, mac, now)?,
            None => None,
        };
        if let Some(mine) = mine.as_ref().filter(|mine| goes_on_with(mine, &draft)) {
            refuse_without_password(draft.password.as_deref(), &mine.role, factors)?;
            registrations::update(tx, &mine.token_mac, &draft.name, draft.password.as_deref())?;
            return Ok(true);
        }
        if let Some(mine) = &mine {
            registrations::release(tx, &mine.token_mac)?;
        }
        let mut draft = draft.clone();
        draft.secret = vault.seal(tx, authenticator::secret_of_registration(&draft.name_key), &*secret)?;
        match &draft.link_mac {
            Some(link) => {
                (draft.role, draft.name_fixed) = let_in(tx, link, mine.as_ref(), (&draft.name_key, now))?
            }
            None => limits::spend_registration(tx, draft.address.as_deref(), now)?,
        }
        refuse_without_password(draft.password.as_deref(), &draft.role, factors)?;
        // First the name, then the users: the other order would let a name be held that has just been confirmed.
        if !registrations::reserve(tx, &draft, now)? {
            return Err(Error::Held);
        }
        if users::by_name(tx, &draft.name_key)?.is_some() {
            return Err(Error::Taken);
        }
        scribe.record(tx, Happened::RegistrationStarted, Whom { id: None, name: &draft.name }, &[])?;
        Ok(false)
    });
    match (goes_on.await?, browser) {
        (true, Some(browser)) => Ok(browser),
        _ => Ok(token),
    }
}

/// Every rule that is broken, so that nobody learns of them one by one.
fn checked(app: &App, new: &NewUser) -> Result<Name> {
    let name = Name::parse(&new.username);
    let shown = name.as_ref().map_or("", Name::shown);
    let password = new.password.as_ref().and_then(|password| app.check_password(password, shown).err());
    let rules: Vec<Rule> = [name.as_ref().err().copied(), password].into_iter().flatten().collect();
    match name {
        Ok(name) if rules.is_empty() => Ok(name),
        _ => Err(Error::Rules(rules)),
    }
}

/// Whoever needs a password has to choose one now.
fn refuse_without_password(password: Option<&str>, role: &str, factors: Factors) -> Result<()> {
    let asked = factors.asked_of(Role::of_row(role)) == Level::Full;
    if asked && password.is_none() { Err(Rule::PasswordMissing.into()) } else { Ok(()) }
}

/// Whether a browser that holds a name asks for the same again, in its spelling or with another password.
fn goes_on_with(mine: &Registration, draft: &Registration) -> bool {
    mine.name_key == draft.name_key && (draft.link_mac.is_none() || mine.link_mac == draft.link_mac)
}

/// Refuses what will be refused in any case before it costs a hash.
async fn refuse_early(app: &App, name: &Name, held_mac: Option<String>, now: Time) -> Result<()> {
    let key = name.key().to_owned();
    let taken = app.db.scan(move |conn: &mut Conn<'_>| {
        let mine = match &held_mac {
            Some(mac) => registrations::by_token(conn, mac, now)?,
            None => None,
        };
        Ok::<_, Error>(mine.is_none_or(|mine| mine.name_key != key) && users::by_name(conn, &key)?.is_some())
    });
    if taken.await? { Err(Error::Taken) } else { Ok(()) }
}

/// Spends a one-time link, and answers the role it gives and whether it fixes the name. The browser that has spent it
/// already may begin again.
fn let_in(
    tx: &mut Tx<'_>,
    link_mac: &str,
    mine: Option<&Registration>,
    (name_key, now): (&str, Time),
) -> Result<(String, bool)> {
    let (role, fixed_name) = match setup_links::by_token(tx, link_mac, now)? {
        Some(link) if setup_links::take(tx, link_mac, now)? => (link.role, link.name),
        _ => match mine.filter(|mine| mine.link_mac.as_deref() == Some(link_mac)) {
            Some(mine) => (mine.role.clone(), mine.name_fixed.then(|| mine.name.clone())),
            None => return Err(Error::Expired),
        },
    };
    setup::refuse_second_owner(tx, &role)?;
    if fixed_name.as_ref().is_some_and(|fixed| fixed.to_ascii_lowercase() != name_key) {
        return Err(Error::Refused("this link is for another name".into()));
    }
    Ok((role, fixed_name.is_some()))
}
