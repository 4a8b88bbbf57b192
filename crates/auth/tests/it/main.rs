//! The use-cases of those who run the place, on both engines. What people do themselves is tested through HTTP, in `web`.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod access;
mod acting;
mod audit;
mod chores;
mod export;
mod groups;
mod house;
mod import;
mod moving;
mod people;
mod restore;
mod trial;
mod upgrade;
mod visitors;
