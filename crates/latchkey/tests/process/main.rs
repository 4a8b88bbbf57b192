//! The real program as a process: how it starts, shares, stops, is killed, and what it leaves lying about.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod apart;
mod application;
mod applications;
mod audit;
#[path = "../../../web/tests/browser/authenticator.rs"]
#[expect(dead_code, reason = "the tests of pages use the rest")]
mod authenticator;
mod authority;
mod backups;
mod balancer;
mod browser;
mod caches;
#[path = "../../../web/tests/browser/browser.rs"]
#[expect(dead_code, reason = "the tests of pages use the rest")]
mod chromium;
mod cluster;
mod crowds;
mod damage;
mod databases;
mod disks;
mod doctor;
#[path = "../../../web/tests/browser/driver.rs"]
mod driver;
mod echo;
mod enrolling;
mod explained;
mod flask;
mod http2;
mod https;
mod journeys;
mod killed;
mod members;
mod metrics;
mod moving;
mod nodes;
mod outage;
mod overload;
mod pair;
mod person;
mod postgres_proxy;
mod proxies;
mod proxy;
#[path = "../python/mod.rs"]
mod python;
mod refusing;
mod rolling;
mod rotation;
mod secrets;
mod server;
mod sharing;
mod simple_mode;
mod soak;
mod sockets;
#[path = "../../../web/tests/browser/speech.rs"]
#[expect(dead_code, reason = "the tests of pages use the rest")]
mod speech;
mod spelled;
mod spellings;
mod starting;
mod stopping;
mod storm;
mod traveler;
mod tricks;
mod tries;
mod upgrading;
