//! Reading the log: the newest events for people, all of them for other programs. In pieces, so the log may be long.

use serde_json::{Value, json};
use store::events::{self, Event};
use store::{Id, Time, users};

use crate::clock::timestamp;
use crate::random::Random;
use crate::{App, Error, Result};

/// Events that are read at a time.
const PAGE: i64 = 1000;
/// The most that are listed at once.
pub const MOST: usize = 10_000;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id, sortable by birth.
    pub id: Id,
    /// When.
    pub at: Time,
    /// What, such as `sign_in.completed`.
    pub kind: String,
    /// To whom.
    pub user_id: Option<Id>,
    /// Their name then.
    pub name: String,
    /// From where; empty for the command line.
    pub address: String,
    /// How often, in its minute.
    pub count: i64,
    /// More, as a JSON object.
    pub detail: String,
    /// The number of its seal.
    pub seal: Option<i64>,
}

impl From<Event> for Entry {
    fn from(event: Event) -> Entry {
        let Event { id, at, kind, user_id, name, address, detail, count, seal, .. } = event;
        Entry { id, at, kind, user_id, name, address, count, detail, seal }
    }
}

impl Entry {
    /// What programs read of what happened; its seal is a matter of the log. These keys stay.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "at": timestamp(self.at),
            "kind": self.kind,
            "user_id": self.user_id.as_ref().map(Id::as_str),
            "name": self.name,
            "address": self.address,
            "count": self.count,
            // What we wrote is JSON; should it not be, it is passed on as the text it is.
            "detail": serde_json::from_str(&self.detail).unwrap_or_else(|_| Value::from(self.detail.clone())),
        })
    }
}

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From then on.
    pub since: Option<Time>,
    /// Before then.
    pub until: Option<Time>,
    /// Of somebody with this name, in any case.
    pub user: Option<String>,
    /// Of this kind, or of all whose kind begins so with a dot after it.
    pub kind: Option<String>,
}

impl Filter {
    /// The ids between which they are, the second excluded.
    fn ids(&self) -> (Id, Id) {
        let from = self.since.map_or_else(|| Id::new(""), Random::first_id);
        // Whatever somebody wrote for an id by hand is shown too.
        let until = self.until.map_or_else(|| Id::new("\u{10ffff}"), Random::first_id);
        (from, until)
    }

    fn takes(&self, event: &Event) -> bool {
        let kind = self.kind.as_ref().is_none_or(|kind| {
            event
                .kind
                .strip_prefix(kind.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        kind && self.user.as_ref().is_none_or(|name| event.name.eq_ignore_ascii_case(name))
    }
}

/// The newest events, newest last. `looked` is told how many were looked at.
pub async fn newest(
    app: &App,
    filter: &Filter,
    most: usize,
    looked: &mut dyn FnMut(u64),
) -> Result<Vec<Entry>> {
    if most > MOST {
        return Err(Error::Refused(format!(
            "{MOST} events are the most that are listed; `latchkey audit export` writes all of them"
        )));
    }
    let mut found = match &filter.user {
        Some(name) => match user_id(app, name).await? {
            Some(id) => of_user(app, filter, &id, most).await?,
            None => backwards(app, filter, most, looked).await?,
        },
        None => backwards(app, filter, most, looked).await?,
    };
    found.reverse();
    Ok(found)
}

async fn user_id(app: &App, name: &str) -> Result<Option<Id>> {
    let key = name.to_ascii_lowercase();
    Ok(app.db.read(move |conn| users::by_name(conn, &key)).await?.map(|user| user.id))
}

/// By the index over a user's events.
async fn of_user(app: &App, filter: &Filter, id: &Id, most: usize) -> Result<Vec<Entry>> {
    let since = filter.since.unwrap_or(Time::from_millis(i64::MIN));
    let mut at = filter
        .until
        .map_or(Time::from_millis(i64::MAX), |until| Time::from_millis(until.millis().saturating_sub(1)));
    let by_kind = Filter { user: None, ..filter.clone() };
    let (mut before, mut found) = (Id::new("\u{10ffff}"), Vec::new());
    while found.len() < most {
        let (user, last) = (id.clone(), before.clone());
        let page = app
            .db
            .scan(move |conn| events::page_of_user_before(conn, &user, (since, at, &last), PAGE))
            .await?;
        let Some(last) = page.last() else { break };
        (at, before) = (last.at, last.id.clone());
        let room = most - found.len();
        found.extend(page.into_iter().filter(|event| by_kind.takes(event)).take(room).map(Entry::from));
    }
    Ok(found)
}

/// Looks at all of them, from the end.
async fn backwards(
    app: &App,
    filter: &Filter,
    most: usize,
    looked: &mut dyn FnMut(u64),
) -> Result<Vec<Entry>> {
    let (from, mut before) = filter.ids();
    let (mut found, mut seen) = (Vec::new(), 0);
    while found.len() < most {
        let (from, last) = (from.clone(), before.clone());
        let page = app.db.scan(move |conn| events::page_before(conn, (&from, &last), PAGE)).await?;
        let Some(last) = page.last() else { break };
        before = last.id.clone();
        seen += page.len() as u64;
        looked(seen);
        let room = most - found.len();
        found.extend(page.into_iter().filter(|event| filter.takes(event)).take(room).map(Entry::from));
    }
    Ok(found)
}

/// All events that the filter takes, oldest first. `write` is handed them in pieces, and may end it with an error.
pub async fn each(app: &App, filter: &Filter, write: &mut dyn FnMut(Vec<Entry>) -> Result<()>) -> Result<()> {
    let (from, until) = filter.ids();
    let mut after = from;
    loop {
        let (last, end) = (after.clone(), until.clone());
        let page = app.db.scan(move |conn| events::page_between(conn, (&last, &end), PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.clone();
        write(page.into_iter().filter(|event| filter.takes(event)).map(Entry::from).collect())?;
    }
}
