//! Access rules: who may come through the door of another program, and what it takes.
//!
//! What somebody asks for is a [`Target`]; [`decide()`] holds it against the rules, in their order, and the first that fits
//! decides. Nothing fits: refused. Rules stand in the settings (`[[access.rules]]`), followed by those that were made by
//! command, which [`book`] keeps in the database. [`explain`] says why a decision is what it is.

pub mod book;
mod decide;
mod draft;
pub mod explain;
mod host;
mod path;
mod person;
#[cfg(test)]
mod rows;
mod rule;
#[cfg(test)]
mod spellings;
mod target;

pub use book::rules;
pub(crate) use book::{Book, rules_in, rules_kept};
pub use decide::{Decision, decide, knows};
pub use draft::{Draft, Flaw, age};
pub(crate) use draft::{Field, Given, MOST};
pub(crate) use host::Hosts;
pub use person::{Needed, Person, Verdict};
pub use rule::{Policy, Rule};
pub use target::{Target, Unclear};
