//! The plays: each on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

mod access;
mod account;
mod authenticators;
mod bad_input;
mod branding;
mod budgets;
mod code_policy;
mod devices;
mod doors;
mod drift;
mod durable;
mod frozen;
mod headers;
mod health;
mod journey;
mod known_browsers;
mod links;
mod login;
mod new_phone;
mod probe;
mod races;
mod records;
mod recovery;
mod register;
mod sessions;
mod setup;
mod switching;
mod tutorial;
mod vault;
mod weak_proofs;
mod wire;
mod world;
