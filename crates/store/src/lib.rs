//! The database: SQLite and PostgreSQL behind one set of statements, one file per table.
//!
//! [`Db::write`] runs a closure in a transaction and answers after the commit; [`Db::read`] looks up a point;
//! [`Db::scan`] reads a list. The functions in the table modules are a signature and a statement each: `&mut Conn` looks,
//! `&mut Tx` changes. What the statements mean is decided in `auth`.

mod db;
mod end;
mod job;
mod marks;
mod meter;
mod migrate;
mod postgres;
mod rehearsal;
mod revocations;
#[cfg(feature = "scratch")]
pub mod scratch;
#[cfg(feature = "simulation")]
pub mod sim;
mod sql;
mod sqlite;
mod sqlite_file;
mod state;
mod syncer;
mod tables;
mod tally;
mod tls;
mod types;
mod wal;
mod wal_index;

pub mod api_tokens;
pub mod app_sessions;
pub mod attempts;
pub mod authenticators;
pub mod claims;
pub mod devices;
pub mod dump;
pub mod enrollments;
pub mod events;
pub mod foreign;
pub mod groups;
pub mod integrity;
pub mod keys;
pub mod leases;
mod link;
pub mod logins;
pub mod moving;
pub mod policies;
pub mod quotas;
pub mod recovery_codes;
pub mod registrations;
pub mod rule_books;
pub mod sealed;
pub mod seals;
pub mod sessions;
pub mod setup_links;
pub mod tickets;
pub mod user_links;
pub mod users;

use std::sync::Arc;

pub use db::{Db, Kind};
pub use meter::{Counter, Histogram, Spread};
pub use sql::{Conn, Row, Sql, Tx, Value};
pub use state::State;
pub use tally::{Activity, Lane, Tally};
pub use tls::Secrecy;
pub use types::{Id, Time};

/// How the connection to a database is kept from others, as its URL says it. Asks nobody.
///
/// # Errors
/// What cannot be meant, or would send secrets over a network in clear.
pub fn secrecy(url: &str) -> Result<Secrecy> {
    match Kind::of(url)? {
        Kind::Sqlite => Ok(Secrecy::Within),
        Kind::Postgres => tls::secrecy(url),
    }
}

/// What can go wrong between us and a database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A unique key is in use already.
    #[error("taken")]
    Taken,
    /// The engine asked for the job to be run again, and went on asking.
    #[error("the database is busy")]
    Busy,
    /// The queue is full, or the job waited past its deadline. It did not run.
    #[error("too much is waiting for the database")]
    Overloaded,
    /// The database is away. Nothing is known of a commit that was under way.
    #[error("the database is away: {0}")]
    Gone(Arc<str>),
    /// The database cannot be used as it is: another schema, another collation, a place we must not reach in clear.
    #[error("{0}")]
    Refused(Arc<str>),
    /// Anything else: a mistake of ours, a full disk, a broken file.
    #[error("the database failed: {0}")]
    Broken(Arc<str>),
}

impl Error {
    pub(crate) fn broken(why: impl std::fmt::Display) -> Self {
        Error::Broken(why.to_string().into())
    }

    pub(crate) fn refused(why: impl std::fmt::Display) -> Self {
        Error::Refused(why.to_string().into())
    }

    pub(crate) fn gone(why: impl std::fmt::Display) -> Self {
        Error::Gone(why.to_string().into())
    }
}

/// `Result` with the store's error unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;
