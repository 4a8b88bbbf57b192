//! Who is there: sessions that were seen and whose rows do not say so yet. Each row is written once a minute while its person is
//! there, and as many as possible share a commit, which costs as much for one as for a hundred.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::sessions::Live;
use store::{Id, Time, sessions};

use crate::{App, Result};

/// How often it is written that a session was seen, in milliseconds.
const EVERY: i64 = 60_000;
/// How long what was seen may wait for others, in milliseconds. Whoever comes after that writes it.
const WAITS: i64 = 10_000;
/// How many may wait.
const MOST: usize = 200;
/// A session that would be over within this many milliseconds does not wait: the chores, which end it, come every minute.
const NEAR_THE_END: i64 = 5 * 60_000;

/// What waits to be written, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Waiting>>);

/// A session that is seen, as it was read.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) id: &'a Id,
    pub(crate) seen_at: Time,
    pub(crate) idle_at: Time,
    pub(crate) expires_at: Time,
}

impl<'a> From<&'a Live> for Sight<'a> {
    fn from(live: &'a Live) -> Self {
        let Live { id, seen_at, idle_at, expires_at, .. } = live;
        Sight { id, seen_at: *seen_at, idle_at: *idle_at, expires_at: *expires_at }
    }
}

/// When each session was seen, and until when that keeps it.
type Sessions = HashMap<Id, (Time, Time)>;

#[derive(Debug, Default)]
struct Waiting {
    sessions: Sessions,
    written_at: Option<Time>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a session was seen, and answers what has to be written now. `None` when it was noted a moment ago.
    fn note(&self, session: Sight<'_>, (now, until): (Time, Time)) -> Option<Sessions> {
        if now.millis_since(session.seen_at) < EVERY {
            return None;
        }
        let mut waiting = self.lock();
        waiting.sessions.insert(session.id.clone(), (now, until.min(session.expires_at)));
        let has_waited = waiting.written_at.is_none_or(|at| now.millis_since(at) >= WAITS);
        let near_its_end = session.idle_at.millis_since(now) < NEAR_THE_END;
        if has_waited || near_its_end || waiting.sessions.len() >= MOST {
            waiting.written_at = Some(now);
            return Some(mem::take(&mut waiting.sessions));
        }
        Some(Sessions::new())
    }
}

/// Notes that somebody is there now, and until when that keeps the session. That is written within seconds, and at once if nothing
/// was written for some.
pub(crate) async fn note(app: &App, session: Sight<'_>, (now, until): (Time, Time)) {
    if let Some(seen) = app.seen.note(session, (now, until)).filter(|seen| !seen.is_empty()) {
        // Whoever is there stays signed in even while the database takes no writes: half an hour is long.
        let _ = write(app, seen).await;
    }
}

/// The same for a check, which does not wait for it: what is written stands behind all who sign in. False when it was noted a moment
/// ago.
pub(crate) fn note_later(app: &App, session: Sight<'_>, (now, until): (Time, Time)) -> bool {
    let Some(seen) = app.seen.note(session, (now, until)) else { return false };
    if !seen.is_empty() {
        let app = app.clone();
        tokio::spawn(async move { write(&app, seen).await });
    }
    true
}

/// Writes whatever waits.
pub(crate) async fn write_all(app: &App) -> Result<()> {
    let seen = mem::take(&mut app.seen.lock().sessions);
    if seen.is_empty() { Ok(()) } else { write(app, seen).await }
}

async fn write(app: &App, seen: Sessions) -> Result<()> {
    app.db
        .write(move |tx| {
            // In one order, or two nodes could wait for each other.
            let mut seen: Vec<_> = seen.iter().collect();
            seen.sort_unstable_by_key(|(id, _)| *id);
            seen.into_iter().try_for_each(|(id, (now, until))| sessions::touch(tx, id, *until, *now))
        })
        .await
        .map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_were_seen_wait_for_each_other_but_not_for_long_and_not_near_their_end() {
        let seen = Seen::default();
        let far = i64::MAX;
        let written = |id: &str, seen_at: i64, idle_at: i64, now: i64| {
            let id = Id::new(id);
            let session = Sight {
                id: &id,
                seen_at: Time::from_millis(seen_at),
                idle_at: Time::from_millis(idle_at),
                expires_at: Time::from_millis(far),
            };
            let mut ids: Vec<String> = seen
                .note(session, (Time::from_millis(now), Time::from_millis(far)))
                .unwrap_or_default()
                .keys()
                .map(|id| id.as_str().to_owned())
                .collect();
            ids.sort();
            ids
        };
        let none: [&str; 0] = [];
        assert_eq!(written("a", 0, far, EVERY - 1), none, "it was written a moment ago");
        assert_eq!(written("a", 0, far, EVERY), ["a"], "nothing was written for long");
        assert_eq!(written("b", 0, far, EVERY + 1), none);
        assert_eq!(written("c", 0, far, EVERY + 2), none);
        assert_eq!(written("b", 0, far, EVERY + WAITS - 1), none, "once is enough");
        assert_eq!(written("d", 0, far, EVERY + WAITS), ["b", "c", "d"]);
        assert_eq!(written("e", 0, far, EVERY + WAITS + 1), none);
        let end = EVERY + WAITS + 2 + NEAR_THE_END;
        assert_eq!(written("f", 0, end, EVERY + WAITS + 2), none);
        assert_eq!(written("g", 0, end - 1, EVERY + WAITS + 2), ["e", "f", "g"]);
        for number in 1..MOST {
            assert_eq!(written(&number.to_string(), 0, far, EVERY + WAITS + 3), none);
        }
        assert_eq!(written("z", 0, far, EVERY + WAITS + 3).len(), MOST);
    }
}
