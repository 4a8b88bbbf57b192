//! What can go wrong, as a person could act on it. `web` gives each one a status and words.

use store::Time;

/// `Result` with [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Name and password do not belong together. Never says which, nor whether the name exists.
    #[error("the username or password is not right")]
    BadCredentials,
    /// Name and code do not belong together, or the code was used. Never says which, nor whether the name exists.
    #[error("the username or code is not right")]
    BadNameOrCode,
    /// A code that is not right, after a right password or while enrolling.
    #[error("the code is not right")]
    WrongCode(Hint),
    /// There is no authenticator any more: an administrator has reset it, and a link leads to a new one.
    #[error("no authenticator is set up")]
    NoAuthenticator,
    /// It is the last authenticator, and without one nobody signs in.
    #[error("this is the last authenticator")]
    LastAuthenticator,
    /// Nobody has a password here, and none may be chosen by a code alone any more.
    #[error("a password is needed, and the time to choose one by a code is over")]
    PasswordOverdue,
    /// A recovery code that is not right, or was used.
    #[error("the recovery code is not right")]
    WrongRecoveryCode,
    /// A hundred wrong codes in a row: a recovery code or an administrator opens it again.
    #[error("too many wrong codes in a row")]
    CodesClosed,
    /// A hundred wrong guesses in a row by browsers that are not known: the door is closed for such, until the person signs in
    /// from a known one or is let in by a link.
    #[error("too many wrong tries in a row from browsers that are not known")]
    DoorClosed,
    /// The budget rests.
    #[error("too many tries")]
    TooManyTries {
        /// When the next try is free.
        until: Time,
        /// What time it is here.
        now: Time,
    },
    /// All factors must be given again before this can be changed.
    #[error("a fresh proof is needed")]
    ProofNeeded,
    /// Somebody has this name.
    #[error("the name is taken")]
    Taken,
    /// Somebody is registering this name just now.
    #[error("the name is held")]
    Held,
    /// Too many registrations, from one address or in all.
    #[error("too many registrations")]
    RegistrationsFull,
    /// Nobody may register here by themselves.
    #[error("registration is closed")]
    RegistrationClosed,
    /// What was typed breaks these rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<Rule>),
    /// The sign-in, the enrollment or the link is over, or never was.
    #[error("this has expired")]
    Expired,
    /// Whoever asks may not do that, whatever they prove.
    #[error("only an owner changes roles, and looks after administrators and owners")]
    Forbidden,
    /// There is no such thing.
    #[error("there is no such thing: {0}")]
    NotFound(String),
    /// It cannot be done now, and the text says why.
    #[error("{0}")]
    Refused(String),
    /// Too much is going on: the same again in a moment.
    #[error("too busy")]
    Busy,
    /// The database is away.
    #[error("the database is away: {0}")]
    Away(String),
    /// A code could not be judged, for a reason of ours. Where judging had begun its try is spent all the same: only the
    /// right code could have come so far, and an error must not tell it. Where the clock is not to be believed it never began.
    #[error("could not be judged: {0}")]
    Unjudged(Box<Error>),
    /// Our fault. Logged in full, shown as an apology with a reference.
    #[error("broken: {0:#}")]
    Broken(anyhow::Error),
}

/// Something sealed that does not open where it stands.
#[derive(Debug, thiserror::Error)]
#[error("what is sealed in {what} does not open: it was changed by hand, or moved")]
pub(crate) struct Tampered {
    /// The table and column; never what stands there.
    pub(crate) what: String,
}

/// A rule about something that a person chooses or types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// No name was given.
    #[error("enter a username")]
    NameMissing,
    /// The name has other characters than names may have, or too many.
    #[error("a username has 1 to 64 of the letters a to z, digits, and . _ - @ +")]
    Name,
    /// No name of a group was given.
    #[error("enter the name of a group")]
    GroupNameMissing,
    /// The name of a group has other characters than such names may have, or too many.
    #[error("the name of a group has 1 to 64 of the letters a to z, digits, and . _ -")]
    GroupName,
    /// No password was given.
    #[error("enter a password")]
    PasswordMissing,
    /// The password has fewer than eight characters.
    #[error("a password has at least 8 characters")]
    PasswordShort,
    /// The password has more than 256 characters.
    #[error("a password has at most 256 characters")]
    PasswordLong,
    /// The password is among the first that anybody would try.
    #[error("this password is too easy to guess")]
    PasswordCommon,
    /// The password is the username, or a part of it, with next to nothing around.
    #[error("this password is made of the username")]
    PasswordOfName,
    /// The password is a word that everybody thinks of here.
    #[error("this password is made of the name of this site")]
    PasswordOfSite,
    /// The password says one thing over and over.
    #[error("this password repeats itself")]
    PasswordRepeats,
    /// The password goes up or down the alphabet, the digits or the keyboard.
    #[error("this password is a sequence of letters, digits or keys")]
    PasswordSequence,
    /// The password is a day.
    #[error("this password is a date")]
    PasswordDate,
    /// No code was given.
    #[error("enter the 6-digit code")]
    CodeMissing,
    /// The code has something else in it than digits, or not six of them.
    #[error("the code is 6 numbers")]
    CodeDigits,
    /// What was given as a code looks like a recovery code.
    #[error("this looks like a recovery code")]
    CodeLooksLikeRecovery,
    /// No name was given to an authenticator, or one that is too long.
    #[error("a name of an authenticator has 1 to 32 characters")]
    AuthenticatorName,
    /// Another authenticator has this name.
    #[error("another authenticator has this name")]
    AuthenticatorNameTaken,
    /// There are as many authenticators as one may have.
    #[error("there are ten authenticators already")]
    TooManyAuthenticators,
    /// Only one of two codes in a row was given, or they do not follow one another.
    #[error("enter the code that comes right after the first one")]
    SecondCode,
    /// No name was given to a token, or one that is too long or cannot be shown.
    #[error("the name of a token has 1 to 64 characters")]
    TokenName,
    /// Another token has this name.
    #[error("another token has this name")]
    TokenNameTaken,
    /// Nothing was named that a token of this owner may be for.
    #[error("say what the token is for, of what its owner may do")]
    TokenScopes,
    /// A token for programs says at which hosts, and no other does.
    #[error("a token for programs names their hosts, such as app.example.org, and no other does")]
    TokenHosts,
    /// Good for no time, or for too long.
    #[error("a token is good for 1 to 1825 days")]
    TokenDays,
    /// There are as many tokens as there may be.
    #[error("there are too many tokens: revoke some")]
    TooManyTokens,
    /// No recovery code was given.
    #[error("enter a recovery code")]
    RecoveryCodeMissing,
}

/// Why a code was refused, as far as it may be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Nothing is known of it.
    None,
    /// It was right, and has been used.
    Used,
    /// The two codes are not two in a row.
    NotInARow,
    /// It was right so many seconds ago: the phone's clock is behind.
    Behind(i64),
    /// It will be right in so many seconds. Said while enrolling and to a known browser only: to anybody else it would tell
    /// a code of the future.
    Ahead(i64),
    /// It is of an entry that no longer counts.
    Old {
        /// What the app shows.
        label: String,
        /// When it was replaced or removed.
        retired_at: Time,
    },
    /// It is of another authenticator of the same person. Said while enrolling.
    Other {
        /// What the app shows.
        label: String,
    },
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Overloaded | store::Error::Busy => Error::Busy,
            store::Error::Gone(why) => Error::Away(why.to_string()),
            other => Error::Broken(anyhow::Error::new(other)),
        }
    }
}

impl From<Rule> for Error {
    fn from(rule: Rule) -> Self {
        Error::Rules(vec![rule])
    }
}

impl Error {
    /// What is said when judging failed: what the person can act on stays as it is.
    pub(crate) fn unjudged(self) -> Error {
        if matches!(self, Error::Expired) { self } else { Error::Unjudged(Box::new(self)) }
    }

    /// What does not open, if that is what went wrong: a sealed row was changed by hand, or moved.
    pub(crate) fn tampered(&self) -> Option<&str> {
        match self {
            Error::Broken(why) => why.downcast_ref::<Tampered>().map(|tampered| tampered.what.as_str()),
            Error::Unjudged(error) => error.tampered(),
            _ => None,
        }
    }

    /// Whoever runs the place has named somebody who is not there.
    pub(crate) fn nobody(name: &str) -> Error {
        Error::NotFound(format!("nobody is called {name}. Who there is: latchkey user list"))
    }

    /// Whoever runs the place has named a group that is not there.
    pub(crate) fn no_group(name: &str) -> Error {
        Error::NotFound(format!("no group is called {name}. Which there are: latchkey group list"))
    }

    pub(crate) fn broken(why: impl Into<anyhow::Error>) -> Error {
        Error::Broken(why.into())
    }
}
