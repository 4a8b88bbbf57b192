//! The keys: list them, change the one that seals, add a pepper. Works while servers run, on one node or many.
//!
//! A change has three steps, each in transactions of its own, and can be interrupted anywhere and run again: a new key
//! becomes the active one; what other keys have sealed is sealed again; a key that nothing needs is removed. Whoever seals
//! asks the database which key is active in that very transaction, and `sealed_by` of each row refers to the key, so the
//! engine refuses to part with one that somebody has just used: nothing here depends on how quick a node hears of it.

use std::time::Duration;

use store::keys::SealedKey;
use store::sealed::{self, SHELVES, Shelf};
use store::{Time, Tx, claims, keys, users};

use crate::audit::{Happened, Whom};
use crate::vault::{Place, Vault};
use crate::{App, Error, Result, Visit, pepper};

/// How often a removal is tried again because somebody sealed with the old key in the meantime.
const ROUNDS: usize = 20;
/// Between two pieces, so that whoever signs in gets a turn with a database that has one writer.
const BREATH: Duration = Duration::from_millis(10);

/// A key, without what it is.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// `canary`, `mac`, `pepper` or `seal`.
    pub purpose: String,
    /// When it was made.
    pub created_at: Time,
    /// Whether new secrets, or hashes, are made with it.
    pub active: bool,
    /// How many rows need it; `None` where that is not counted: everything needs those.
    pub rows: Option<i64>,
}

/// What a change of keys has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that seals now.
    pub active: String,
    /// It goes on with a change that was interrupted, instead of making one more key.
    pub resumed: bool,
    /// How many rows were sealed again.
    pub rows: u64,
    /// The keys that nothing needs any more, which are gone.
    pub removed: Vec<String>,
}

/// Every key, in the order of their ids.
pub async fn list(app: &App) -> Result<Vec<Listed>> {
    app.db
        .scan(|conn| {
            let mut listed = Vec::new();
            for key in keys::all(conn)? {
                let rows = match key.purpose.as_str() {
                    "seal" => Some(sealed::count(conn, &key.id)?),
                    "pepper" => Some(users::count_hashes(conn, pepper::mark_of(&key.id).as_deref())?),
                    _ => None,
                };
                let SealedKey { id, purpose, created_at, active, .. } = key;
                listed.push(Listed { id, purpose, created_at, active, rows });
            }
            Ok(listed)
        })
        .await
}

/// Makes a new sealing key, seals everything again with it, and removes the keys before it. Goes on where a change before
/// this one was interrupted. `progress` is told how many rows are done.
pub async fn rotate(app: &App, progress: &mut dyn FnMut(u64)) -> Result<Rotated> {
    let (active, resumed) = begin(app).await?;
    let mut rotated = Rotated { active, resumed, rows: 0, removed: Vec::new() };
    for _ in 0..ROUNDS {
        reseal(app, &mut rotated.rows, progress).await?;
        let Some(needed) = remove_unneeded(app, &mut rotated.removed).await? else { return Ok(rotated) };
        // Somebody sealed with it between the two: their transaction began before the new key was the active one.
        tracing::debug!(key = needed, "a key is still needed");
    }
    Err(Error::Busy)
}

/// Removes one key, if it is not the active one and nothing needs it.
pub async fn remove(app: &App, id: &str) -> Result<()> {
    let id = id.to_owned();
    app.db
        .write(move |tx| {
            let key = keys::by_id(tx, &id)?.filter(|key| key.purpose == "seal");
            let key = key.ok_or_else(|| {
                Error::NotFound(format!("no sealing key is called {id}. Which there are: latchkey key list"))
            })?;
            if key.active {
                return Err(Error::Refused(format!(
                    "{id} is the key that seals. Another one takes its place, and removes it, by: latchkey key rotate"
                )));
            }
            mark(tx)?;
            match sealed::count(tx, &id)? {
                0 => keys::remove(tx, &id).map(|_| ()).map_err(Error::from),
                rows => Err(Error::Refused(format!(
                    "{rows} {} sealed with {id}, and would be lost with it. To seal {} again first: latchkey key rotate",
                    if rows == 1 { "secret is" } else { "secrets are" },
                    if rows == 1 { "it" } else { "them" },
                ))),
            }
        })
        .await
}

/// Makes a new pepper. Whoever signs in from now on gets a hash with it; the old ones stay for those who do not.
pub async fn rotate_pepper(app: &App) -> Result<String> {
    let now = app.clock.now();
    let (vault, scribe) = (app.vault.clone(), app.scribe(&Visit::default(), now));
    let id = app.db.write(move |tx| {
        claims::lock(tx, "keys", now)?;
        let id = make(tx, &vault, ("pepper", now))?;
        scribe.record(tx, Happened::KeyRotated, Whom { id: None, name: "" }, &[("key", &id)])?;
        Ok::<_, Error>(id)
    });
    id.await
}

/// Refuses to start when rows need keys that are not there.
pub(crate) async fn refuse_missing(app: &App) -> Result<()> {
    app.db
        .scan(|conn| {
            let ring = keys::all(conn)?;
            let (mut rows, mut missing) = (0, Vec::new());
            for shelf in SHELVES {
                for key in shelf.keys(conn)? {
                    if !ring.iter().any(|there| there.id == key && there.purpose == "seal") {
                        rows += shelf.count(conn, &key)?;
                        missing.push(key);
                    }
                }
            }
            missing.sort();
            missing.dedup();
            if rows == 0 {
                return Ok(());
            }
            Err(Error::Refused(format!(
                "{rows} {} sealed with {}, which is not among the keys of this database any more: put it back from a backup of \
                 the table keys, or restore the whole database",
                if rows == 1 { "secret is" } else { "secrets are" },
                missing.join(" and ")
            )))
        })
        .await
}

/// The key that seals from now on, and whether it was there already: as long as there is an older one, a change is under way.
async fn begin(app: &App) -> Result<(String, bool)> {
    let now = app.clock.now();
    let (vault, scribe) = (app.vault.clone(), app.scribe(&Visit::default(), now));
    app.db
        .write(move |tx| {
            claims::lock(tx, "keys", now)?;
            let seals: Vec<SealedKey> =
                keys::all(tx)?.into_iter().filter(|key| key.purpose == "seal").collect();
            if let Some(active) = seals.iter().find(|key| key.active).filter(|_| seals.len() > 1) {
                return Ok((active.id.clone(), true));
            }
            let id = make(tx, &vault, ("seal", now))?;
            scribe.record(tx, Happened::KeyRotated, Whom { id: None, name: "" }, &[("key", &id)])?;
            Ok((id, false))
        })
        .await
}

/// Makes the next key of a purpose, and makes it the active one.
fn make(tx: &mut Tx<'_>, vault: &Vault, (purpose, now): (&str, Time)) -> Result<String> {
    let numbers = keys::all(tx)?.into_iter().filter(|key| key.purpose == purpose);
    // No number comes twice: the active key has the highest, and is never removed.
    let numbers = numbers.filter_map(|key| key.id.rsplit_once('-')?.1.parse::<u32>().ok());
    let id = format!("{purpose}-{}", numbers.max().unwrap_or(0) + 1);
    if !keys::insert(tx, &vault.new_key(&id, purpose, now)?)? {
        return Err(Error::Taken);
    }
    keys::activate(tx, purpose, &id)?;
    Ok(id)
}

/// Notes which key has sealed what an older program has written.
fn mark(tx: &mut Tx<'_>) -> Result<()> {
    for key in keys::all(tx)?.into_iter().filter(|key| key.purpose == "seal") {
        for shelf in SHELVES {
            shelf.mark(tx, &key.id)?;
        }
    }
    Ok(())
}

/// Seals everything again that another key than the active one has sealed, a piece in a transaction.
async fn reseal(app: &App, rows: &mut u64, progress: &mut dyn FnMut(u64)) -> Result<()> {
    app.db.write(mark).await?;
    for shelf in SHELVES {
        loop {
            let vault = app.vault.clone();
            let piece = app.db.write(move |tx| reseal_piece(tx, &vault, shelf)).await?;
            if piece == 0 {
                break;
            }
            *rows += piece;
            progress(*rows);
            tokio::time::sleep(BREATH).await;
        }
    }
    Ok(())
}

/// How many were sealed again; a row that somebody has changed in the meantime counts, since it was looked at.
fn reseal_piece(tx: &mut Tx<'_>, vault: &Vault, shelf: Shelf) -> Result<u64> {
    let old: Vec<SealedKey> =
        keys::all(tx)?.into_iter().filter(|key| key.purpose == "seal" && !key.active).collect();
    for key in old {
        let piece = shelf.next(tx, &key.id)?;
        if piece.is_empty() {
            continue;
        }
        for row in &piece {
            let place = Place { table: shelf.table, column: shelf.column, user: &row.user, row: &row.row };
            let plain =
                vault.open_sealed(tx, place, &row.sealed).map_err(|error| damaged(error, shelf, &row.row))?;
            let new = vault.seal(tx, place, &plain)?;
            shelf.swap(tx, row, &new)?;
        }
        return Ok(piece.len().try_into().unwrap_or(u64::MAX));
    }
    Ok(0)
}

/// A row that does not open is not for us to lose.
fn damaged(error: Error, shelf: Shelf, row: &str) -> Error {
    match error.tampered() {
        None => error,
        Some(_) => Error::Refused(format!(
            "what is sealed in {}.{} of the row {row} does not open: it was changed by hand, or damaged. Everything before it \
             is sealed again. Restore the row, or remove it, and run this once more",
            shelf.table, shelf.column
        )),
    }
}

/// Removes every key but the active one that nothing needs. Answers one that something needs, if there is any.
async fn remove_unneeded(app: &App, removed: &mut Vec<String>) -> Result<Option<String>> {
    let (gone, needed) = app
        .db
        .write(|tx| {
            mark(tx)?;
            let (mut gone, mut needed) = (Vec::new(), None);
            for key in keys::all(tx)?.into_iter().filter(|key| key.purpose == "seal" && !key.active) {
                match sealed::count(tx, &key.id)? {
                    0 if keys::remove(tx, &key.id)? => gone.push(key.id),
                    0 => {}
                    _ => needed = Some(key.id),
                }
            }
            Ok::<_, Error>((gone, needed))
        })
        .await?;
    removed.extend(gone);
    Ok(needed)
}
