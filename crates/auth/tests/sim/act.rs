//! What people do, each act one call of `auth` as `web` would make it, and what they learn from the answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use auth::account::{self, authenticators};
use auth::link::{self, Answers, Followed};
use auth::login::{self, Credentials, Entered, NameAndCode};
use auth::recovery::{self, Holder};
use auth::register::{self, NewUser};
use auth::{App, Error, Password, Role, Token, Visit, Words, chores, enroll, session, setup, users};
use otp::{Key, Secret, totp};

/// A secret that somebody holds, and the number of the act that gave it.
#[derive(Clone, Debug)]
pub(crate) struct Held<T = Token> {
    pub(crate) by: usize,
    pub(crate) secret: T,
    pub(crate) name: &'static str,
}

/// A code as it is typed: of the key that the act with this number set up, or a guess.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) key: Option<usize>,
    pub(crate) step: i64,
    pub(crate) text: String,
}

/// A recovery code, and the number of the act that issued it.
#[derive(Clone, Debug)]
pub(crate) struct Spare {
    pub(crate) issue: usize,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Begin { name: &'static str, password: String },
    Complete { login: Held, code: Shown },
    ByCode { name: &'static str, code: Shown },
    Check { session: Held },
    SignOut { session: Held },
    EndOthers { session: Held },
    Prove { session: Held, password: String, code: Shown },
    ChangePassword { session: Held, new: String },
    Renew { session: Held },
    Sheet { session: Held },
    Add { session: Held, called: String },
    Remove { session: Held, called: String },
    Recover { login: Option<Held>, name: &'static str, code: Spare },
    Confirm { enroll: Held, late: i64 },
    Register { name: &'static str, link: Option<Held<Words>> },
    Follow { link: Held<Words>, password: String, code: Shown },
    Disable { name: &'static str },
    Enable { name: &'static str },
    EndAll { name: &'static str },
    Link { name: &'static str, purpose: link::Purpose },
    Reset { name: &'static str },
    SetupLink { name: &'static str },
    Chores,
}

impl Act {
    /// Whether it is done at the terminal of the server, so that its events name no address.
    pub(crate) fn is_of_admin(&self) -> bool {
        matches!(
            self,
            Act::Disable { .. }
                | Act::Enable { .. }
                | Act::EndAll { .. }
                | Act::Link { .. }
                | Act::Reset { .. }
                | Act::SetupLink { .. }
                | Act::Chores
        )
    }

    /// About whom it is.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Act::Begin { name, .. }
            | Act::ByCode { name, .. }
            | Act::Recover { name, .. }
            | Act::Register { name, .. }
            | Act::Disable { name }
            | Act::Enable { name }
            | Act::EndAll { name }
            | Act::Link { name, .. }
            | Act::Reset { name }
            | Act::SetupLink { name } => name,
            Act::Complete { login: held, .. }
            | Act::Check { session: held }
            | Act::SignOut { session: held }
            | Act::EndOthers { session: held }
            | Act::Prove { session: held, .. }
            | Act::ChangePassword { session: held, .. }
            | Act::Renew { session: held }
            | Act::Sheet { session: held }
            | Act::Add { session: held, .. }
            | Act::Remove { session: held, .. }
            | Act::Confirm { enroll: held, .. } => held.name,
            Act::Follow { link, .. } => link.name,
            Act::Chores => "",
        }
    }

    /// The session that it is done in.
    pub(crate) fn session(&self) -> Option<&Held> {
        match self {
            Act::Check { session }
            | Act::SignOut { session }
            | Act::EndOthers { session }
            | Act::Prove { session, .. }
            | Act::ChangePassword { session, .. }
            | Act::Renew { session }
            | Act::Sheet { session }
            | Act::Add { session, .. }
            | Act::Remove { session, .. } => Some(session),
            _ => None,
        }
    }

    /// The password that is given in it, to be compared.
    pub(crate) fn password(&self) -> Option<&str> {
        match self {
            Act::Begin { password, .. } | Act::Prove { password, .. } | Act::Follow { password, .. } => {
                Some(password)
            }
            _ => None,
        }
    }

    /// The code that is given in it.
    pub(crate) fn code(&self) -> Option<&Shown> {
        match self {
            Act::Complete { code, .. }
            | Act::ByCode { code, .. }
            | Act::Prove { code, .. }
            | Act::Follow { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// What an answer gives.
#[derive(Debug)]
pub(crate) enum Gained {
    Nothing,
    Login(Token),
    Session(Token),
    Enroll(Token),
    SignedIn(bool),
    Codes(Vec<String>),
    Link(Words),
}

/// How an act ends for whoever does it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Gained),
    /// Refused: nothing may have come of it.
    Refused(String),
    /// The answer never came, or says that nothing is known.
    Unknown,
}

/// What people have seen on the way: the key in a QR code, and the step of the code that they confirmed it with.
pub(crate) type Notes = Rc<RefCell<BTreeMap<usize, (Key, i64)>>>;

/// Does it. `number` is the act's own.
pub(crate) async fn perform(app: App, act: Act, (number, visit): (usize, Visit), notes: Notes) -> Outcome {
    match attempt(&app, act, (number, visit), &notes).await {
        Ok(gained) => Outcome::Done(gained),
        Err(Error::Away(_)) => Outcome::Unknown,
        Err(Error::Unjudged(inner)) if matches!(*inner, Error::Away(_)) => Outcome::Unknown,
        // In its words: what it looks like inside may hold a backtrace, which is another each time.
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

async fn attempt(
    app: &App,
    act: Act,
    (number, visit): (usize, Visit),
    notes: &Notes,
) -> Result<Gained, Error> {
    let here = match act.session() {
        Some(held) => session::find(app, &held.secret).await?,
        None => None,
    };
    if let Act::Check { .. } = act {
        return Ok(Gained::SignedIn(here.is_some()));
    }
    if act.session().is_some() && here.is_none() {
        return Err(Error::Expired);
    }
    let signed_in = || here.as_ref().expect("just looked");
    let secret = |text: String| Password::new(text);
    Ok(match act {
        Act::Begin { name, password } => {
            let typed = Credentials {
                username: name.into(),
                password: secret(password),
                keep: false,
                next: String::new(),
            };
            Gained::Login(login::begin(app, typed, &visit).await?)
        }
        Act::Complete { login, code } => {
            Gained::Session(login::complete(app, &login.secret, (&code.text, ""), &visit).await?.token)
        }
        Act::ByCode { name, code } => {
            let typed =
                NameAndCode { username: name.into(), code: code.text, keep: false, next: String::new() };
            match login::by_code(app, typed, &visit).await? {
                Entered::SignedIn(started) => Gained::Session(started.token),
                Entered::OwesPassword(_) => return Err(Error::Refused("nobody here owes a password".into())),
            }
        }
        Act::Check { .. } => Gained::SignedIn(true),
        Act::SignOut { session } => {
            session::end(app, &session.secret, &visit).await?;
            Gained::Nothing
        }
        Act::EndOthers { .. } => {
            account::end_sessions(app, signed_in(), None, &visit).await?;
            Gained::Nothing
        }
        Act::Prove { password, code, session } => {
            let given = (Some(secret(password)), code.text.as_str());
            let token = account::prove(app, signed_in(), given, &visit).await?;
            Gained::Session(token.unwrap_or(session.secret))
        }
        Act::ChangePassword { new, .. } => {
            account::change_password(app, signed_in(), secret(new), &visit).await?;
            Gained::Nothing
        }
        Act::Renew { .. } => {
            account::renew_recovery_codes(app, signed_in(), &visit).await?;
            Gained::Nothing
        }
        Act::Sheet { .. } => {
            let shown = recovery::sheet(app, signed_in()).await?;
            Gained::Codes(shown.map(|shown| shown.codes).unwrap_or_default())
        }
        Act::Add { called, .. } => {
            let wanted = (called.as_str(), authenticators::Wanted::Further);
            Gained::Enroll(authenticators::begin(app, signed_in(), wanted).await?)
        }
        Act::Remove { called, .. } => {
            let theirs = authenticators::list(app, &signed_in().user_id).await?;
            let one = theirs.into_iter().find(|one| one.name == called).ok_or(Error::Expired)?;
            authenticators::remove(app, signed_in(), one.id, &visit).await?;
            Gained::Nothing
        }
        Act::Recover { login, name, code } => {
            let holder = match login {
                Some(login) => Holder::Login(login.secret),
                None => Holder::Name { username: name.into(), next: String::new() },
            };
            Gained::Enroll(recovery::enter(app, holder, &code.text, &visit).await?)
        }
        Act::Confirm { enroll, late } => confirm(app, enroll, late, (number, visit), notes).await?,
        Act::Register { name, link } => {
            let new = NewUser {
                username: name.into(),
                password: Some(secret(first_password(number))),
                link: link.map(|link| link.secret),
                next: String::new(),
            };
            Gained::Enroll(register::reserve(app, new, None, visit).await?)
        }
        Act::Follow { link, password, code } => {
            let answers = Answers { password: Some(secret(password)), code: code.text };
            match link::follow(app, &link.secret, answers, &visit).await? {
                Followed::Enrolls(token) => Gained::Enroll(token),
                Followed::SignedIn(started) => Gained::Session(started.token),
            }
        }
        admin => by_admin(app, admin).await?,
    })
}

/// What somebody chooses who registers.
pub(crate) fn first_password(number: usize) -> String {
    format!("first purple giraffe {number}")
}

async fn confirm(
    app: &App,
    enroll: Held,
    late: i64,
    (number, visit): (usize, Visit),
    notes: &Notes,
) -> Result<Gained, Error> {
    let plain = enroll::pending(app, &enroll.secret).await?.key_plain;
    let key = Key::new(Secret::from_base32(&plain).expect("a key"));
    let seconds = app.clock.now().seconds() + 30 * late;
    let code = totp::code(&key, seconds).reveal();
    notes.borrow_mut().insert(number, (key, seconds.div_euclid(30)));
    Ok(match enroll::confirm(app, &enroll.secret, (&code, ""), &visit).await? {
        enroll::Confirmed::SignedIn(started) => Gained::Session(started.token),
        enroll::Confirmed::Added => Gained::Nothing,
        enroll::Confirmed::OwesPassword(_) => {
            return Err(Error::Refused("nobody here owes a password".into()));
        }
    })
}

async fn by_admin(app: &App, act: Act) -> Result<Gained, Error> {
    let words = |made: setup::Made| {
        let last = made.url.rsplit('/').next().and_then(Words::parse);
        Gained::Link(last.expect("a link ends in its words"))
    };
    match act {
        Act::Disable { name } => users::disable(app, name).await?,
        Act::Enable { name } => users::enable(app, name).await?,
        Act::EndAll { name } => session::end_all(app, name).await.map(|_| ())?,
        Act::Link { name, purpose } => return Ok(words(link::make(app, name, purpose).await?)),
        Act::Reset { name } => return Ok(words(link::reset_factor(app, name).await?)),
        Act::SetupLink { name } => return Ok(words(setup::user_link(app, name, Role::User).await?)),
        _ => chores::once(app).await?,
    }
    Ok(Gained::Nothing)
}
