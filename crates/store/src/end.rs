//! A single connection to either engine, for whoever works on its own thread and needs no lanes.

use std::path::Path;

use crate::link::Link;
use crate::sql::Engine;
use crate::{Conn, Error, Kind, Result, Tx, postgres, sqlite, sqlite_file};

/// The connection.
pub(crate) enum End {
    Lite(Box<rusqlite::Connection>),
    Pg(Box<Link>),
}

impl End {
    /// One that others may work beside.
    pub(crate) fn open(url: &str) -> Result<End> {
        End::connect(url, |path| sqlite::connect(path, sqlite::Access::Write))
    }

    /// One that nobody else has beside it, as far as the engine can see to that.
    pub(crate) fn open_alone(url: &str) -> Result<End> {
        End::connect(url, sqlite::connect_alone)
    }

    fn connect(url: &str, lite: impl FnOnce(&Path) -> Result<rusqlite::Connection>) -> Result<End> {
        Ok(match Kind::of(url)? {
            Kind::Sqlite => {
                let path = Path::new(&url["sqlite:".len()..]);
                sqlite_file::refuse_damaged(path)?;
                End::Lite(Box::new(lite(path)?))
            }
            Kind::Postgres => End::Pg(Box::new(postgres::link(url)?)),
        })
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            End::Lite(conn) => Conn::new(Engine::Lite(conn)),
            End::Pg(link) => Conn::new(Engine::Pg(link)),
        }
    }

    /// Runs `f` in a transaction: what it does is kept when it answers, and undone when it fails.
    pub(crate) fn within<T, E: From<Error>>(
        &mut self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self {
            End::Lite(_) => "BEGIN IMMEDIATE",
            End::Pg(_) => "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0",
        };
        let mut tx = Tx::new(self.conn());
        tx.control(begin)?;
        let answer = f(&mut tx);
        match (answer, tx.fate.failed.take()) {
            (Ok(_), Some(error)) => {
                let _ = tx.control("ROLLBACK");
                Err(error.into())
            }
            (Ok(answer), None) => tx.control("COMMIT").map(|()| answer).map_err(E::from),
            (Err(error), _) => {
                let _ = tx.control("ROLLBACK");
                Err(error)
            }
        }
    }
}
