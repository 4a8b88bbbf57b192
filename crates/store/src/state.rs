//! What a database holds at a moment, as something to compare.

/// While two looks find the same state, nothing that was read before the first has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(Of);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// The head of the index of a write-ahead log: another one after any commit.
    Head([u8; State::HEAD]),
    /// A number that is another one when this node has heard of a revocation.
    Heard(u64),
}

impl State {
    /// Bytes of the head of an index.
    pub(crate) const HEAD: usize = 48;

    pub(crate) fn of_head(head: [u8; State::HEAD]) -> State {
        State(Of::Head(head))
    }

    pub(crate) fn of_heard(number: u64) -> State {
        State(Of::Heard(number))
    }

    /// Whether it would be another one whatever had been committed. Else it is so only when something was ended or taken from somebody,
    /// and what was *given* to them since may be missing from what is remembered.
    pub fn is_exact(self) -> bool {
        matches!(self.0, Of::Head(_))
    }
}
