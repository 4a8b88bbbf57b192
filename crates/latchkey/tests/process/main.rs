//! The real program as a process: how it starts, shares, stops, is killed, and what it leaves lying about.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod audit;
mod authority;
mod browser;
mod caches;
mod crowds;
mod doctor;
mod enrolling;
mod https;
mod killed;
mod person;
mod refusing;
mod rotation;
mod secrets;
mod server;
mod sharing;
mod sockets;
mod starting;
mod stopping;
mod tries;
