//! What people see and change of their own account: sessions, activity, password, recovery codes; their authenticators and
//! the browsers that are known are in the files of those names.
//!
//! A change wants a fresh proof: all factors, given within the last five minutes, whether by the sign-in or by [`prove`].
//! Every change looks again inside its own transaction, so one that raced the end of its session is void.

pub mod authenticators;
pub mod devices;

use serde_json::Value;
use store::events::Event;
use store::sessions::{self, Listed, Live};
use store::users::User;
use store::{Conn, Id, Time, events, users};

use crate::audit::{Happened, Whom};
use crate::code::Guess;
use crate::error::Rule;
use crate::hasher::Lane;
use crate::limits::{self, Kind};
use crate::login::{refuse_resting_code, verify_password};
use crate::password::Password;
use crate::random::Token;
use crate::session::{self, Session};
use crate::vault::Purpose;
use crate::{App, Error, Level, Result, Visit, recovery};

/// How long a proof is fresh, in milliseconds.
const FRESH: i64 = 5 * 60 * 1000;
/// How far back activity is shown, in seconds.
const SHOWN: i64 = 90 * 24 * 60 * 60;

/// A session in the list of its person's sessions.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    /// Its id.
    pub id: Id,
    /// Where it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// When it began.
    pub created_at: Time,
    /// When somebody was last seen, to the minute.
    pub seen_at: Time,
    /// It is the one that asks.
    pub current: bool,
}

/// Something that happened to an account.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Its id.
    pub id: Id,
    /// When; the first time, where it happened more than once in a minute.
    pub at: Time,
    /// What, such as `sign_in.completed`.
    pub kind: String,
    /// From where; empty for the command line.
    pub address: String,
    /// How often.
    pub count: i64,
}

/// Whether everything that somebody could give was given a short while ago.
pub fn is_fresh(app: &App, session: &Session) -> bool {
    fresh_at((session.level, session.has_password), session.proved_at, app.clock.now())
}

fn fresh_at((level, has_password): (Level, bool), proved_at: Time, now: Time) -> bool {
    level >= Level::held(has_password) && (0..FRESH).contains(&now.millis_since(proved_at))
}

/// The session as it is inside this transaction, with its user.
fn again(conn: &mut Conn<'_>, session: &Session, now: Time) -> Result<(Live, User)> {
    let live = session::live(conn, &session.mac, session.factors, now)?.ok_or(Error::Expired)?;
    let user = users::by_id(conn, &live.user_id)?.ok_or(Error::Expired)?;
    Ok((live, user))
}

/// The same, when its proof is fresh.
pub(crate) fn proved(conn: &mut Conn<'_>, session: &Session, now: Time) -> Result<(Live, User)> {
    let (live, user) = again(conn, session, now)?;
    let proven = (Level::of_row(live.level), live.has_password);
    if fresh_at(proven, live.proved_at, now) { Ok((live, user)) } else { Err(Error::ProofNeeded) }
}

/// Proves again who is there: a code that has not been used, and the password of whoever has one. Both are tries like those
/// of a sign-in.
///
/// A session that has proven less before gets another token, which is answered.
pub async fn prove(
    app: &App,
    session: &Session,
    (password, code): (Option<Password>, &str),
    visit: &Visit,
) -> Result<Option<Token>> {
    let now = app.time_to_judge().await?;
    let guess = Guess::new(app, code, visit, now)?;
    let name_key = session.name.to_ascii_lowercase();
    refuse_resting_code(app, &name_key, visit, now).await?;
    let checked = match (password, session.has_password) {
        (Some(password), true) => Some(verify_password(app, name_key, password, (visit, now)).await?),
        (None, true) => return Err(Rule::PasswordMissing.into()),
        (_, false) => None,
    };
    let proven = Level::held(session.has_password);
    let token = (session.level < proven).then(|| app.random.dated_token(now));
    let mac =
        token.as_ref().map_or(session.mac.clone(), |token| app.vault.token_mac(Purpose::Session, token));
    let (session, scribe) = (session.clone(), app.scribe(visit, now));
    let judged = app.db.write(move |tx| {
        if let Some(checked) = &checked {
            if !checked.verified.right {
                checked.record_wrong(tx, &scribe)?;
                return Ok(None);
            }
            limits::give_back(tx, Kind::Password, &checked.payer)?;
        }
        let find = |tx: &mut store::Tx<'_>| {
            let (live, user) = again(tx, &session, now)?;
            // A password that was set in the meantime was not given.
            if live.has_password != session.has_password { Err(Error::Expired) } else { Ok((live, user)) }
        };
        let prove = |tx: &mut store::Tx<'_>, live: &Live| {
            Ok(sessions::prove(tx, &live.id, (&mac, proven.number()), now)?)
        };
        Ok::<_, Error>(Some(guess.judge(tx, Happened::Proved, find, prove)?))
    });
    match judged.await.inspect_err(|error| app.note_rest(error))? {
        None => Err(Error::BadCredentials),
        Some(judged) => judged.map_err(Error::unjudged)?.into_result().map(|()| token),
    }
}

/// Sets another password. All other sessions, and sign-ins on their way, end.
pub async fn change_password(app: &App, session: &Session, password: Password, visit: &Visit) -> Result<()> {
    app.check_password(&password, &session.name)?;
    if !is_fresh(app, session) {
        return Err(Error::ProofNeeded);
    }
    let phc = app.hasher.slot(Lane::SignIn).await?.hash(password, &app.random).await?;
    let now = app.clock.now();
    let (session, scribe, here) = (session.clone(), app.scribe(visit, now), devices::mac_of(app, visit));
    app.db
        .write(move |tx| {
            let (live, user) = proved(tx, &session, now)?;
            let epoch = users::update_password(tx, &user.id, &phc, user.epoch)?.ok_or(Error::Expired)?;
            sessions::update_epoch(tx, &live.id, epoch)?;
            sessions::end_others(tx, &user.id, &live.id)?;
            store::devices::forget_others(tx, &user.id, &here)?;
            scribe.record(tx, Happened::PasswordChanged, Whom { id: Some(&user.id), name: &user.name }, &[])
        })
        .await
}

/// Makes ten new recovery codes; the old ones are void. They can be shown like the first ones, until they are saved.
pub async fn renew_recovery_codes(app: &App, session: &Session, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let codes = recovery::Draft::new(app);
    let (session, scribe, vault) = (session.clone(), app.scribe(visit, now), app.vault.clone());
    app.db
        .write(move |tx| {
            let (_, user) = proved(tx, &session, now)?;
            codes.issue(tx, &vault, &user.id, (recovery::RENEWED, now))?;
            let whom = Whom { id: Some(&user.id), name: &user.name };
            scribe.record(tx, Happened::RecoveryCodesRenewed, whom, &[])
        })
        .await
}

/// Where somebody is signed in, the browser seen last first. `here` is the session that asks, if it is one.
pub async fn sessions(app: &App, user_id: &Id, here: Option<&Id>) -> Result<Vec<SessionEntry>> {
    let (now, user_id) = (app.clock.now(), user_id.clone());
    let listed = app.db.scan(move |conn| sessions::of_user(conn, &user_id, now)).await?;
    let entry = |listed: Listed| SessionEntry {
        current: here == Some(&listed.id),
        id: listed.id,
        address: listed.address,
        agent: listed.agent,
        created_at: listed.created_at,
        seen_at: listed.seen_at,
    };
    Ok(listed.into_iter().map(entry).collect())
}

/// Ends one other session, or all others when `id` is `None`. One that is over already is no error.
pub async fn end_sessions(app: &App, session: &Session, id: Option<Id>, visit: &Visit) -> Result<()> {
    let now = app.clock.now();
    let (session, scribe) = (session.clone(), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            let (live, user) = proved(tx, &session, now)?;
            let ended = match &id {
                Some(id) => u64::from(sessions::end_one(tx, &user.id, id)?),
                None => sessions::end_others(tx, &user.id, &live.id)?,
            };
            if ended > 0 {
                let whom = Whom { id: Some(&user.id), name: &user.name };
                scribe.record(tx, Happened::SignedOut, whom, &[("sessions", &ended.to_string())])?;
            }
            Ok(())
        })
        .await
}

/// What happened to somebody's account in the last ninety days, newest first.
pub async fn activity(app: &App, session: &Session) -> Result<Vec<Activity>> {
    let (since, user_id) = (app.clock.now().plus_seconds(-SHOWN), session.user_id.clone());
    let events = app.db.scan(move |conn| events::of_user(conn, &user_id, since)).await?;
    Ok(events.into_iter().map(of_event).collect())
}

/// A piece of the same: at most so many that come after this one, which is the last of the piece before.
pub async fn activity_after(
    app: &App,
    user_id: &Id,
    last: Option<(Time, Id)>,
    most: usize,
) -> Result<Vec<Activity>> {
    let (now, user_id) = (app.clock.now(), user_id.clone());
    // Other nodes may have written with a clock that is a little ahead, and no id of ours begins beyond a tilde.
    let (at, before) = last.unwrap_or_else(|| (now.plus_seconds(SHOWN), Id::new("~")));
    let (since, most) = (now.plus_seconds(-SHOWN), i64::try_from(most).unwrap_or(i64::MAX));
    let page =
        app.db.scan(move |conn| events::page_of_user_before(conn, &user_id, (since, at, &before), most));
    Ok(page.await?.into_iter().map(of_event).collect())
}

fn of_event(event: Event) -> Activity {
    // Where an administrator was who did it is for the audit log only.
    let address = if is_by_another(&event) { String::new() } else { event.address };
    Activity { id: event.id, at: event.at, kind: event.kind, address, count: event.count }
}

fn is_by_another(event: &Event) -> bool {
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    detail["by"].as_str().is_some_and(|by| by != event.name)
}
