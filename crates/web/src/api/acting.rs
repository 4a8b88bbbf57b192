//! What the routes of people and of groups share: as whom a change is made, and what is wrong with an address.

use auth::{Acting, By, Error};

use crate::api::ApiResult;
use crate::api::ask::Call;
use crate::api::caller::Asker;
use crate::error::Trouble;

/// Whoever asks, for the functions that change people and groups. Never `&App` alone, which is the command line.
pub(crate) fn acting(call: &Call, asker: Asker) -> Acting<'_> {
    let by = match asker {
        Asker::Person(session) => By::Session(Box::new(session)),
        Asker::Program(token) => By::Program(token),
    };
    Acting::new(&call.app, by, &call.visit)
}

/// The answer to an error where the address has the names: one that cannot be is nobody's.
pub(crate) fn failed_at(call: &Call, error: Error) -> ApiResult {
    match error {
        Error::Rules(_) => Err(Trouble::NotFound),
        error => call.failed(error),
    }
}

impl Trouble {
    /// What is wrong with a list: where it was to begin, if a rule is broken.
    pub(crate) fn of_piece(error: Error) -> Trouble {
        match error {
            Error::Rules(_) => Trouble::BadPage,
            error => error.into(),
        }
    }
}
