//! Removes what is over of the tables that grow with every sign-in, a piece at a time, so that nobody waits for a look through a
//! million rows, and so that no sign-in has to keep an index of when things end. What is over counts for nothing meanwhile: whoever
//! reads it looks at the time.

use std::sync::{Arc, Mutex, PoisonError};

use store::{Id, Time, Tx, attempts, devices, sessions};

use crate::{App, Result, limits};

/// Up to where this node has looked, for the next minute to go on from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Broom(Arc<Mutex<Reached>>);

#[derive(Clone, Debug)]
struct Reached {
    session: Id,
    device: Id,
    attempt: attempts::Key,
}

impl Default for Reached {
    fn default() -> Self {
        Reached { session: Id::new(""), device: Id::new(""), attempt: attempts::Key::default() }
    }
}

impl Broom {
    /// Looks through so many pieces of each table, or to its end. After the end it begins anew.
    pub(crate) async fn sweep(&self, app: &App, pieces: usize) -> Result<()> {
        let now = app.clock.now();
        let forgotten = Time::from_millis(now.millis() - limits::FORGOTTEN_AFTER);
        let reached = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let start = Reached::default();
        let next = Reached {
            session: go_on(app, (reached.session, start.session), pieces, now, sessions::sweep).await?,
            device: go_on(app, (reached.device, start.device), pieces, now, devices::sweep).await?,
            attempt: go_on(app, (reached.attempt, start.attempt), pieces, forgotten, attempts::sweep).await?,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

/// Looks through a piece in a transaction of its own: from one key to the next, and at the end back to the start.
async fn go_on<K: Clone + Send + 'static>(
    app: &App,
    (mut reached, start): (K, K),
    pieces: usize,
    before: Time,
    sweep: fn(&mut Tx<'_>, &K, Time) -> store::Result<Option<K>>,
) -> Result<K> {
    for _ in 0..pieces {
        let from = reached.clone();
        match app.db.write(move |tx| sweep(tx, &from, before)).await? {
            Some(to) => reached = to,
            None => return Ok(start),
        }
    }
    Ok(reached)
}
