//! The plays: each on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

mod access;
mod account;
mod bad_input;
mod branding;
mod budgets;
mod doors;
mod durable;
mod headers;
mod health;
mod journey;
mod login;
mod probe;
mod races;
mod records;
mod recovery;
mod register;
mod sessions;
mod setup;
mod vault;
mod wire;
mod world;
