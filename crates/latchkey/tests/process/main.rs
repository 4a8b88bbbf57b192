//! The real program as a process: how it starts, shares, stops, is killed, and what it leaves lying about.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod audit;
mod authority;
mod browser;
mod caches;
mod crowds;
mod doctor;
mod echo;
mod enrolling;
mod flask;
mod https;
mod killed;
mod person;
mod proxies;
mod proxy;
#[path = "../python/mod.rs"]
mod python;
mod refusing;
mod rotation;
mod secrets;
mod server;
mod sharing;
mod sockets;
mod starting;
mod stopping;
mod tricks;
mod tries;
