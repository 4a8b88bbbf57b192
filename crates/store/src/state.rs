//! What a database holds at a moment, as something to compare.

/// While two looks find the same state, nothing was ended or taken from anybody in between: whatever somebody was allowed to do before
/// the first, they still are. What was *given* to somebody since may be missing from what was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u64);

impl State {
    /// By a number that is another one after each revocation.
    pub(crate) fn of(number: u64) -> State {
        State(number)
    }
}
