//! The pages in a real browser: journeys that people would recognize, each on a server and in a Chromium of its own.
//!
//! The QR code is read off a screenshot and the codes are computed by programs that are not ours (`authenticator.rs`).
//! Chromium, chromedriver, zbarimg, oathtool and axe-core come with `cargo xtask test`. Every journey also fails when the
//! browser complained: about a script, or about something that the content security policy stopped.

mod accessibility;
mod account;
mod authenticator;
mod authenticators;
mod branding;
mod browser;
mod code_field;
mod code_policy;
mod doors;
mod driver;
mod enroll;
mod frames;
mod keyboard;
mod languages;
mod layout;
mod links;
mod login;
mod markup;
mod newcomer;
mod no_javascript;
mod policy;
mod recovery_codes;
mod redirects;
mod server;
mod speech;
mod story;
mod tour;

#[path = "../it/hostile_addresses.rs"]
mod hostile_addresses;
#[path = "../it/payloads.rs"]
mod payloads;
