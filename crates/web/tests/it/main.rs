//! The plays: each on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

mod journey;
mod races;
mod world;
