//! One-time links by which an administrator helps somebody who has lost something, without e-mail. A link says what it will
//! ask before it is used, is spent by the answer, and is good for an hour.

use std::fmt;
use std::str::FromStr;

use store::user_links::UserLink;
use store::users::User;
use store::{Conn, Time, Tx, authenticators, devices, recovery_codes, sessions, user_links, users};

use crate::acting::Actor;
use crate::audit::{Happened, Whom};
use crate::code::Guess;
use crate::config::Factors;
use crate::enrollment::{self, Begun, Pend};
use crate::hasher::Lane;
use crate::limits::{self, Kind, Payer};
use crate::login::{Checked, refuse_resting_code, verify_password_of};
use crate::name::Name;
use crate::password::Password;
use crate::random::{Token, Words};
use crate::session::{self, For, Started};
use crate::setup::Made;
use crate::{Acting, App, Error, Level, Result, Role, Visit, account};

/// How long a link is good, in seconds.
pub const GOOD_FOR: i64 = 60 * 60;

/// What somebody has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The phone: the password is asked, and a new authenticator set up.
    Enroll,
    /// The password: a code is asked, and a new password chosen.
    Password,
    /// Both: neither is asked. Whoever has the link has the account.
    Both,
}

impl Purpose {
    /// As it stands in the database and on the command line.
    pub fn text(self) -> &'static str {
        match self {
            Purpose::Enroll => "enroll",
            Purpose::Password => "password",
            Purpose::Both => "both",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "enroll" => Ok(Purpose::Enroll),
            "password" => Ok(Purpose::Password),
            "both" => Ok(Purpose::Both),
            _ => Err("write enroll (the phone is lost), password, or both".into()),
        }
    }
}

/// What a link asks of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsksPassword {
    /// Nothing.
    No,
    /// The one there is.
    Current,
    /// A new one.
    New,
}

/// What a link leads to.
#[derive(Clone, Debug)]
pub struct Link {
    /// For whom it is.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// What it asks of the password.
    pub password: AsksPassword,
    /// Whether it asks for a code.
    pub code: bool,
}

/// What somebody gave who follows a link.
#[derive(Debug, Default)]
pub struct Answers {
    /// The password there is, or a new one.
    pub password: Option<Password>,
    /// A code, as typed.
    pub code: String,
}

/// Where a link has led.
#[derive(Debug)]
pub enum Followed {
    /// To a new authenticator: the token of the browser that may enroll.
    Enrolls(Token),
    /// To a session.
    SignedIn(Started),
}

/// Makes a link for somebody, and voids the one before.
pub async fn make<'a>(acting: impl Into<Acting<'a>>, name: &str, purpose: Purpose) -> Result<Made> {
    make_with(acting.into(), name, purpose, |_, _, _| Ok(())).await
}

/// Takes somebody's authenticators and recovery codes away, ends all their sessions, and makes the link by which they set
/// up a new one. The password alone never enrolls.
pub async fn reset_factor<'a>(acting: impl Into<Acting<'a>>, name: &str) -> Result<Made> {
    let acting = acting.into();
    let now = acting.app.clock.now();
    make_with(acting, name, Purpose::Enroll, move |tx, user, actor| {
        authenticators::retire_of_user(tx, &user.id, now)?;
        recovery_codes::remove_of_user(tx, &user.id)?;
        recovery_codes::take_sheet(tx, &user.id)?;
        sessions::end_of_user(tx, &user.id)?;
        actor.record(tx, Happened::FactorReset, Whom { id: Some(&user.id), name: &user.name }, &[])?;
        users::start_over(tx, &user.id)?;
        Ok(())
    })
    .await
}

async fn make_with(
    acting: Acting<'_>,
    name: &str,
    purpose: Purpose,
    before: impl Fn(&mut Tx<'_>, &User, &Actor) -> Result<()> + Send + 'static,
) -> Result<Made> {
    let (app, now) = (acting.app, acting.app.clock.now());
    let words = app.random.link();
    let (token_mac, expires_at) = (app.vault.user_link_mac(&words), now.plus_seconds(GOOD_FOR));
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let (actor, vault) = (acting.actor(now), app.vault.clone());
    app.db
        .write(move |tx| {
            let reach = actor.begin(tx)?;
            let found = users::by_name(tx, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            reach.refuse_beyond(Role::of_row(&found.role))?;
            if found.disabled {
                return Err(Error::Refused(format!(
                    "{0} may not sign in. Let them in again first: latchkey user enable {0}",
                    found.name
                )));
            }
            before(tx, &found, &actor)?;
            let user = users::by_id(tx, &found.id)?.ok_or(Error::Expired)?;
            let link = UserLink {
                user_id: user.id.clone(),
                token_mac: token_mac.clone(),
                purpose: purpose.text().to_owned(),
                epoch: user.epoch,
                expires_at,
            };
            user_links::replace(tx, &link, now)?;
            limits::open_door(tx, &vault, &key)?;
            let whom = Whom { id: Some(&user.id), name: &user.name };
            actor.record(tx, Happened::LinkMade, whom, &[("for", purpose.text())])
        })
        .await?;
    Ok(Made { url: format!("{}/link/{}", app.config.public_url.origin(), words.reveal()), expires_at })
}

/// What a link leads to, for the page that says so. Nothing is spent.
pub async fn find(app: &App, words: &Words) -> Result<Link> {
    let (now, mac, factors) = (app.clock.now(), app.vault.user_link_mac(words), app.config.factors);
    app.db.scan(move |conn| look(conn, &mac, factors, now).map(|(link, _, _)| link)).await
}

fn look(conn: &mut Conn<'_>, mac: &str, factors: Factors, now: Time) -> Result<(Link, UserLink, User)> {
    let row = user_links::by_token(conn, mac, now)?.ok_or(Error::Expired)?;
    let user = users::by_id(conn, &row.user_id)?;
    let user = user.filter(|user| user.epoch == row.epoch && !user.disabled).ok_or(Error::Expired)?;
    let purpose: Purpose = row.purpose.parse().map_err(|_| Error::Expired)?;
    let held = user.password.is_some();
    let needed = factors.asked_of(Role::of_row(&user.role)) == Level::Full;
    let password = match purpose {
        Purpose::Enroll if held => AsksPassword::Current,
        Purpose::Password => AsksPassword::New,
        // Whoever needs one and has none, or has lost it, chooses one.
        _ if held || needed => AsksPassword::New,
        _ => AsksPassword::No,
    };
    let link = Link { name: user.name.clone(), purpose, password, code: purpose == Purpose::Password };
    Ok((link, row, user))
}

/// Follows a link: judges what it asks, and spends it. Anything that is refused spends nothing.
pub async fn follow(app: &App, words: &Words, answers: Answers, visit: &Visit) -> Result<Followed> {
    let now = app.time_to_judge().await?;
    let mac = app.vault.user_link_mac(words);
    let link = find(app, words).await?;
    let step = Step { app, mac, link, visit, now };
    match (step.link.password, answers.password) {
        (AsksPassword::No, _) => step.enroll(None, None).await,
        (AsksPassword::Current, Some(password)) => {
            // Whoever holds the link is no stranger: what strangers tried with the name must not keep them out.
            let name_key = step.link.name.to_ascii_lowercase();
            let payer = Payer::known(&app.vault, &name_key, &step.mac);
            let checked = verify_password_of(app, (name_key, payer), password, now).await?;
            step.enroll(Some(checked), None).await
        }
        (AsksPassword::New, Some(password)) => {
            app.check_password(&password, &step.link.name)?;
            let guess = if step.link.code { Some(Guess::new(app, &answers.code, visit, now)?) } else { None };
            if guess.is_some() {
                refuse_resting_code(app, &step.link.name.to_ascii_lowercase(), visit, now).await?;
            }
            let phc = app.hasher.slot(Lane::SignIn).await?.hash(password, &app.random).await?;
            match guess {
                Some(guess) => step.change_password(guess, phc).await,
                None => step.enroll(None, Some(phc)).await,
            }
        }
        (_, None) => Err(crate::error::Rule::PasswordMissing.into()),
    }
}

/// A link that is being followed.
struct Step<'a> {
    app: &'a App,
    mac: String,
    link: Link,
    visit: &'a Visit,
    now: Time,
}

impl Step<'_> {
    /// Spends the link for the enrollment of a new authenticator. A new password is set with its first code.
    async fn enroll(self, checked: Option<Checked>, new_password: Option<String>) -> Result<Followed> {
        let Step { app, mac, link, visit, now } = self;
        let (draft, scribe) = (Pend::new(app, now), app.scribe(visit, now));
        let (token, vault, factors) = (draft.token.clone(), app.vault.clone(), app.config.factors);
        let followed = app.db.write(move |tx| {
            let (found, _, user) = look(tx, &mac, factors, now)?;
            let whom = Whom { id: Some(&user.id), name: &user.name };
            if found.password != link.password {
                return Err(Error::Expired);
            }
            if let Some(checked) = &checked {
                if !checked.verified.right {
                    checked.record_wrong(tx, &scribe)?;
                    return Ok(false);
                }
                limits::give_back(tx, Kind::Password, &checked.payer)?;
                if checked.user.as_ref().is_none_or(|of| of.id != user.id || of.epoch != user.epoch) {
                    return Err(Error::Expired);
                }
            }
            if !user_links::take(tx, &mac, now)? {
                return Err(Error::Expired);
            }
            let level = Level::held(link.password != AsksPassword::No);
            let password = new_password.as_deref();
            let begun = Begun { user: &user, level, keep: false, next: "", password };
            draft.begin(tx, &vault, &begun, &enrollment::Purpose::Replace)?;
            scribe.record(tx, Happened::LinkUsed, whom, &[("for", link.purpose.text())])?;
            Ok(true)
        });
        if followed.await? { Ok(Followed::Enrolls(token)) } else { Err(Error::BadCredentials) }
    }

    /// Judges the code, spends the link, sets the password, and signs in. Other sessions end, and other browsers are known
    /// no more.
    async fn change_password(self, guess: Guess, phc: String) -> Result<Followed> {
        let Step { app, mac, link, visit, now } = self;
        let (draft, scribe, factors) =
            (session::Draft::new(app, visit, now), app.scribe(visit, now), app.config.factors);
        let here = account::devices::mac_of(app, visit);
        let judged = app.db.write(move |tx| {
            guess.judge(
                tx,
                Happened::SignedIn,
                |tx| look(tx, &mac, factors, now).map(|(_, row, user)| (row, user)),
                |tx, row| {
                    if !user_links::take(tx, &mac, now)? {
                        return Err(Error::Expired);
                    }
                    let user_id = &row.user_id;
                    let epoch =
                        users::update_password(tx, user_id, &phc, row.epoch)?.ok_or(Error::Expired)?;
                    if !users::sign_in(tx, user_id, epoch, now)? {
                        return Err(Error::Expired);
                    }
                    sessions::end_of_user(tx, user_id)?;
                    devices::forget_others(tx, user_id, &here)?;
                    let whom = Whom { id: Some(user_id), name: &link.name };
                    scribe.record(tx, Happened::LinkUsed, whom, &[("for", link.purpose.text())])?;
                    scribe.record(tx, Happened::PasswordChanged, whom, &[])?;
                    let of = For { user_id, epoch, keep: false, level: Level::Full, next: "" };
                    draft.start(tx, &of, now)
                },
            )
        });
        let judged = judged.await.inspect_err(|error| app.note_rest(error))?;
        Ok(Followed::SignedIn(judged.map_err(Error::unjudged)?.into_result()?))
    }
}
