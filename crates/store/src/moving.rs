//! Moving everything from one database to another, on either engine: page by page, so that it can be broken off anywhere and gone on
//! with, and compared row by row in the end. Why it is done so: `docs/adr/0019`.
//!
//! It runs on the caller's thread, over a connection to each, and not in a [`crate::Db`]: nobody else shall work here meanwhile. SQLite's
//! file is locked for as long as that lasts; PostgreSQL is asked who else is connected.

use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::dump::{self, Cell, Table};
use crate::end::End;
use crate::keys::{self, SealedKey};
use crate::marks::{self, Mark, Reached};
use crate::{Db, Error, Kind, Result, Time, Tx, migrate, postgres, sqlite, sqlite_file};

/// Pages of rows that share a commit.
const PAGES: usize = 4;
/// A server that was just stopped may be seen for a moment more.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Refuses while servers run on it. Whoever has SQLite's file is alone there.
fn refuse_served(end: &mut End, shown: &str) -> Result<()> {
    if matches!(end, End::Lite(_)) {
        return Ok(());
    }
    for look in 1..=LOOKS {
        let others = postgres::others(&mut end.conn())?;
        if others == 0 {
            return Ok(());
        }
        if look == LOOKS {
            return Err(Error::refused(format!(
                "a Latchkey is connected to {shown} ({others} connections): stop every server and command on it, and run this \
                 again"
            )));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Whether nothing is in a database: no table, or none but an empty list of migrations.
fn is_empty(url: &str) -> Result<bool> {
    match Kind::of(url)? {
        Kind::Sqlite => sqlite_file::has_no_tables(Path::new(&url["sqlite:".len()..])),
        Kind::Postgres => postgres::is_empty(url),
    }
}

/// A table as it was found in both databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over all of them.
    pub digest: String,
}

/// A move that was prepared: both databases are open, and nothing is written yet.
pub struct Move {
    from: End,
    to: Option<End>,
    to_url: String,
    /// What to call them, without what nobody shall read.
    shown: (String, String),
    house: String,
    /// How far an earlier run has come.
    begun: Option<Reached>,
    now: Time,
}

impl Move {
    /// Opens both. Refuses what cannot be moved from or to.
    ///
    /// # Panics
    /// Within an asynchronous task: the client of PostgreSQL brings a runtime of its own.
    pub fn open((from, to): (&str, &str), shown: (&str, &str), now: Time) -> Result<Move> {
        if let Some(path) = from.strip_prefix("sqlite:").filter(|path| !Path::new(path).exists()) {
            return Err(Error::refused(format!("there is no Latchkey at {path}: nothing is there")));
        }
        let begun = marked(to)?;
        let mut from = End::open_alone(from)?;
        refuse_served(&mut from, shown.0)?;
        let house = house_of(&mut from, shown.0)?;
        let left = marks::find(&mut from.conn())?;
        let begun = match begun {
            Found::Nothing => None,
            Found::Half(reached) if reached.house == house => Some(reached),
            Found::Half(_) => {
                return Err(Error::refused(format!(
                    "{} is half of another house: a move from elsewhere has begun there. Name an empty place, or remove that one",
                    shown.1
                )));
            }
            Found::Taken => {
                return Err(Error::refused(match left {
                    Some(mark) => mark.refusal().to_string(),
                    None => format!(
                        "there is something at {} already, and nothing is ever moved over it. Name an empty place, or put aside what is there",
                        shown.1
                    ),
                }));
            }
        };
        match left {
            Some(mark) if begun.is_none() => Err(mark.refusal()),
            _ => Ok(Move {
                from,
                to: None,
                to_url: to.to_owned(),
                shown: (shown.0.to_owned(), shown.1.to_owned()),
                house,
                begun,
                now,
            }),
        }
    }

    /// The key ring of the old one, which whoever moves has to be able to open.
    pub fn keys(&mut self) -> Result<Vec<SealedKey>> {
        keys::all(&mut self.from.conn())
    }

    /// Rows there are to be moved, in all, and how many of them an earlier run has moved.
    pub fn rows(&mut self) -> Result<(u64, Option<u64>)> {
        let all = self.from.within(|tx| {
            dump::tables(Db::SCHEMA).try_fold(0, |sum, table| Ok::<_, Error>(sum + table.count(tx)?))
        });
        Ok((all?, self.begun.as_ref().map(|begun| begun.rows)))
    }

    /// Copies what is not there yet. `progress` is told how many rows are, after each commit; an error of its own breaks off.
    pub fn copy(&mut self, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let mut reached = match self.begun.take() {
            Some(reached) => {
                self.to = Some(End::open_alone(&self.to_url)?);
                reached
            }
            None => self.found()?,
        };
        let Some(to) = &mut self.to else { return Err(Error::broken("a move without an end")) };
        let from = &mut self.from;
        let mut mark = reached.text();
        let before = |table: &&Table| table.name != reached.table;
        for table in dump::tables(Db::SCHEMA).skip_while(before).collect::<Vec<_>>() {
            if table.name != reached.table {
                reached = Reached { table: table.name.to_owned(), after: None, ..reached.clone() };
            }
            let mut is_done = false;
            while !is_done {
                (reached, is_done) = to.within(|tx| some(table, from, (tx, &reached, &mut mark)))?;
                progress(reached.rows)?;
            }
        }
        self.begun = Some(reached);
        Ok(())
    }

    /// Makes the tables, and says in the same transaction that this is no house yet.
    fn found(&mut self) -> Result<Reached> {
        if let Some(path) = self.to_url.strip_prefix("sqlite:") {
            sqlite_file::make(Path::new(path));
        }
        let mut to = End::open_alone(&self.to_url)?;
        let first = dump::tables(Db::SCHEMA).next().map_or("", |table| table.name);
        let reached = Reached { house: self.house.clone(), table: first.to_owned(), rows: 0, after: None };
        to.within(|tx| {
            migrate::refuse_other_collations(tx)?;
            migrate::found(tx, Db::SCHEMA, self.now)?;
            migrate::up(tx, self.now)?;
            marks::begin(tx, &self.shown.0, (&reached, self.now))
        })?;
        self.to = Some(to);
        Ok(reached)
    }

    /// Leaves the old one, compares all that is in both, and makes the new one a house, in which `last` may write in the same
    /// transaction. Where they differ, the old one stays one.
    pub fn finish<E: From<Error>>(
        &mut self,
        progress: &mut (dyn FnMut(u64) + Send),
        last: impl FnOnce(&mut Tx<'_>) -> Result<(), E>,
    ) -> Result<Vec<Sum>, E> {
        let Some(to) = &mut self.to else { return Err(Error::broken("nothing was copied yet").into()) };
        let (from, (old, new)) = (&mut self.from, &self.shown);
        // From now on no server starts here, so what is compared stays as it is.
        from.within(|tx| marks::leave(tx, new, self.now))?;
        let compared = refuse_served(from, old).and_then(|()| compare(from, to, progress));
        let sums = match compared {
            Ok((sums, other)) if other.is_empty() => sums,
            other => {
                from.within(marks::stay)?;
                return Err(match other {
                    Err(error) => error.into(),
                    Ok((_, tables)) => Error::refused(format!(
                        "{old} has changed since it was copied, in {}: somebody has worked there meanwhile. It is as it was, and nothing is \
                         lost. Stop every server on it, remove what is at {new} (for PostgreSQL: DROP DATABASE, CREATE DATABASE), and move \
                         once more",
                        tables.join(", ")
                    ))
                    .into(),
                });
            }
        };
        to.within(|tx| match marks::end(tx)? {
            true => last(tx),
            false => Err(Error::refused("somebody else has finished this move").into()),
        })?;
        Ok(sums)
    }
}

/// What is at the other end.
enum Found {
    Nothing,
    Half(Reached),
    Taken,
}

fn marked(url: &str) -> Result<Found> {
    if is_empty(url)? {
        return Ok(Found::Nothing);
    }
    let mark = match Kind::of(url)? {
        Kind::Sqlite => sqlite::mark(Path::new(&url["sqlite:".len()..]))?,
        Kind::Postgres => postgres::mark(url)?,
    };
    let reached = match mark {
        Some(Mark::Moving { reached, .. }) => Reached::parse(&reached),
        _ => return Ok(Found::Taken),
    };
    reached.map(Found::Half).ok_or_else(|| {
        Error::refused(
            "a move has begun there that was made by another version: finish it with that, or remove it and begin anew",
        )
    })
}

/// The id of a house. Refuses what is none of this version.
fn house_of(end: &mut End, shown: &str) -> Result<String> {
    let is_ours = match end {
        End::Lite(conn) => !sqlite_file::is_without_tables(conn).map_err(sqlite::error)?,
        End::Pg(_) => postgres::is_there(&mut end.conn())?,
    };
    let mut conn = end.conn();
    let schema = match is_ours {
        true => migrate::version(&mut conn)?,
        false => None,
    };
    match schema {
        Some(Db::SCHEMA) => {}
        None => return Err(Error::refused(format!("there is no Latchkey at {shown} yet"))),
        Some(older) if older < Db::SCHEMA => {
            return Err(Error::refused(format!(
                "{shown} has schema {older}, and this program moves {}: start its server once with this version, stop it, and move \
                 then",
                Db::SCHEMA
            )));
        }
        Some(newer) => {
            return Err(Error::refused(format!(
                "{shown} has schema {newer}, and this program knows {}: move it with the newer Latchkey",
                Db::SCHEMA
            )));
        }
    }
    if let Some(wrong) = migrate::judge(&mut conn)?.into_iter().next() {
        return Err(Error::refused(wrong));
    }
    let canary = keys::all(&mut conn)?.into_iter().find(|key| key.purpose == "canary");
    let canary = canary
        .ok_or_else(|| Error::refused(format!("the house at {shown} has no keys: nobody was ever in it")))?;
    Ok(canary.id)
}

/// The next rows of a table, written in the caller's transaction together with how far that is, of which `mark` is the text. True:
/// there are no more.
fn some(
    table: &'static Table,
    from: &mut End,
    (tx, before, mark): (&mut Tx<'_>, &Reached, &mut String),
) -> Result<(Reached, bool)> {
    let mut now = before.clone();
    let mut is_done = false;
    for _ in 0..PAGES {
        let page = table.page_after(&mut from.conn(), now.after.as_deref())?;
        for row in &page {
            table.insert(tx, row)?;
        }
        now.rows += page.len() as u64;
        match page.last() {
            Some(last) => now.after = Some(table.key_of(last)),
            None => is_done = true,
        }
        if is_done {
            break;
        }
    }
    if now != *before {
        if !marks::reach(tx, (mark, &now))? {
            return Err(Error::refused("somebody else is moving there: let one of both go on"));
        }
        *mark = now.text();
    }
    Ok((now, is_done))
}

/// What is in both, and the names of those tables that differ.
fn compare(
    from: &mut End,
    to: &mut End,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(Vec<Sum>, Vec<&'static str>)> {
    // Each has a thread, since reading both one after another would take twice as long.
    let (here, there) = std::thread::scope(|scope| {
        let there = scope.spawn(|| sums(to, &mut |_| {}));
        let here = sums(from, progress);
        (here, there.join().unwrap_or_else(|_| Err(Error::broken("comparing panicked"))))
    });
    let (here, there) = (here?, there?);
    let differ = here.iter().zip(&there).filter(|(one, other)| one != other).map(|(one, _)| one.table);
    let differ = differ.collect();
    Ok((here, differ))
}

fn sums(end: &mut End, progress: &mut dyn FnMut(u64)) -> Result<Vec<Sum>> {
    let mut done = 0;
    let mut sums = Vec::new();
    for table in dump::tables(Db::SCHEMA) {
        let (mut digest, mut rows, mut after) = (Sha256::new(), 0, None);
        loop {
            let page = table.page_after(&mut end.conn(), after.as_deref())?;
            let Some(last) = page.last() else { break };
            page.iter().flatten().for_each(|cell| add(&mut digest, cell));
            rows += page.len() as u64;
            after = Some(table.key_of(last));
            progress(done + rows);
        }
        // What has no place in the order of keys would be in neither, and is counted here.
        if end.within(|tx| table.count(tx))? != rows {
            return Err(Error::refused(format!(
                "not every row of {} can be read in order: run `latchkey verify`",
                table.name
            )));
        }
        done += rows;
        sums.push(Sum { table: table.name, rows, digest: HEXLOWER.encode(&digest.finalize()) });
    }
    Ok(sums)
}

/// A cell such that no two lists of them read alike.
fn add(digest: &mut Sha256, cell: &Cell) {
    match cell {
        Cell::Null => digest.update([0]),
        Cell::Int(number) => {
            digest.update([1]);
            digest.update(number.to_be_bytes());
        }
        Cell::Bool(yes) => digest.update([2, u8::from(*yes)]),
        Cell::Text(text) => {
            digest.update([3]);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
    }
}
