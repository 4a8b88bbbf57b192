//! One-time links that make an account with a role: the first owner's, and those that `latchkey user add` prints.

use store::setup_links::SetupLink;
use store::{Time, Tx, claims, registrations, setup_links, users};

use crate::audit::{Happened, Whom};
use crate::name::Name;
use crate::random::{Token, Words};
use crate::vault::Purpose;
use crate::{Acting, App, Error, Result, Role};

/// How long the first owner's link is good, in seconds.
pub const OWNER_LINK: i64 = 60 * 60;
/// How long other links are good, in seconds.
pub const USER_LINK: i64 = 72 * 60 * 60;

/// A link that was made.
pub struct Made {
    /// Where it leads. The one secret that may stand in a URL, and in no log.
    pub url: String,
    /// When it is void.
    pub expires_at: Time,
}

/// What a link opens.
#[derive(Debug)]
pub struct Link {
    /// The name it fixes; `None` lets the person choose.
    pub name: Option<String>,
    /// The role it gives.
    pub role: Role,
}

/// Whether there is an owner.
pub async fn has_owner(app: &App) -> Result<bool> {
    Ok(app.db.read(|conn| users::any_with_role(conn, Role::Owner.text())).await?)
}

/// Makes the link for the first owner, and voids the one before. Refused once there is an owner.
pub async fn owner_link(app: &App) -> Result<Made> {
    make(app.into(), None, Role::Owner, OWNER_LINK).await
}

/// Makes a link for somebody new, and voids the one before for the same name.
pub async fn user_link<'a>(acting: impl Into<Acting<'a>>, name: &str, role: Role) -> Result<Made> {
    make(acting.into(), Some(Name::parse(name)?), role, USER_LINK).await
}

async fn make(acting: Acting<'_>, name: Option<Name>, role: Role, lasts: i64) -> Result<Made> {
    let (app, now) = (acting.app, acting.app.clock.now());
    let words = app.random.link();
    let link = SetupLink {
        slot: name.as_ref().map_or_else(|| "owner".to_owned(), |name| slot_of(name.key())),
        token_mac: app.vault.link_mac(&words),
        name: name.as_ref().map(|name| name.shown().to_owned()),
        role: role.text().to_owned(),
        expires_at: now.plus_seconds(lasts),
    };
    let expires_at = link.expires_at;
    let actor = acting.actor(now);
    app.db
        .write(move |tx| {
            let reach = actor.begin(tx)?;
            reach.refuse_beyond(role)?;
            match &name {
                Some(name) if users::by_name(tx, name.key())?.is_some() => return Err(Error::Taken),
                _ => refuse_second_owner(tx, &link.role)?,
            }
            // What somebody may not make they may not replace either.
            if let Some(older) = setup_links::role_of_slot(tx, &link.slot, now)? {
                reach.refuse_beyond(Role::of_row(&older))?;
            }
            setup_links::replace(tx, &link, now)?;
            let whom = Whom { id: None, name: link.name.as_deref().unwrap_or("") };
            actor.record(tx, Happened::LinkMade, whom, &[("role", &link.role)])
        })
        .await?;
    Ok(Made { url: format!("{}/setup/{}", app.config.public_url.origin(), words.reveal()), expires_at })
}

/// The slot of a link that fixes this name, which must be in lower case.
pub(crate) fn slot_of(name_key: &str) -> String {
    format!("user {name_key}")
}

/// What a link opens, for the page that says so. Nothing is spent. The browser that has spent it already sees it too.
pub async fn find(app: &App, words: &Words, browser: Option<Token>) -> Result<Link> {
    let now = app.clock.now();
    let mac = app.vault.link_mac(words);
    let held = browser.map(|token| app.vault.token_mac(Purpose::Enroll, &token));
    app.db
        .scan(move |conn| {
            let (name, role) = match setup_links::by_token(conn, &mac, now)? {
                Some(link) => (link.name, link.role),
                None => {
                    let mine = match &held {
                        Some(held) => registrations::by_token(conn, held, now)?,
                        None => None,
                    };
                    let mine =
                        mine.filter(|mine| mine.link_mac.as_ref() == Some(&mac)).ok_or(Error::Expired)?;
                    (mine.name_fixed.then_some(mine.name), mine.role)
                }
            };
            Ok(Link { name, role: Role::of_row(&role) })
        })
        .await
}

/// Nobody becomes the *first* owner when there is one.
pub(crate) fn refuse_second_owner(tx: &mut Tx<'_>, role: &str) -> Result<()> {
    if role == Role::Owner.text() && users::any_with_role(tx, role)? {
        return Err(Error::Refused(
            "there is an owner already. To make another one: latchkey user role NAME owner".into(),
        ));
    }
    Ok(())
}

/// The same at the moment the account is made: of many links, however they came about, one makes the owner.
pub(crate) fn claim_ownership(tx: &mut Tx<'_>, role: &str, now: Time) -> Result<()> {
    if role == Role::Owner.text() {
        claims::lock(tx, "first owner", now)?;
    }
    refuse_second_owner(tx, role)
}
