//! How a command ends: its exit code, and one sentence for what went wrong.

use std::process::ExitCode;

use auth::Rule;

/// `Result` with what went wrong.
pub(crate) type Result<T> = std::result::Result<T, Trouble>;

/// What went wrong, and the exit code that says so to scripts.
#[derive(Debug)]
pub(crate) struct Trouble {
    code: u8,
    /// For a person: what happened, and what to do.
    pub text: String,
}

impl Trouble {
    /// Anything that is none of the others: 1.
    pub(crate) fn failed(text: impl Into<String>) -> Trouble {
        Trouble { code: 1, text: text.into() }
    }

    /// The command line cannot be meant: 2.
    pub(crate) fn usage(text: impl Into<String>) -> Trouble {
        Trouble { code: 2, text: text.into() }
    }

    /// What is asked for is not there: 3.
    pub(crate) fn not_found(text: impl Into<String>) -> Trouble {
        Trouble { code: 3, text: text.into() }
    }

    /// It would go against what is there: 4.
    pub(crate) fn conflict(text: impl Into<String>) -> Trouble {
        Trouble { code: 4, text: text.into() }
    }

    /// What a command was told that changes or looks something up.
    pub(crate) fn of_command(error: auth::Error) -> Trouble {
        match error {
            auth::Error::Refused(why) => Trouble::conflict(why),
            auth::Error::Rules(rules)
                if matches!(rules[..], [Rule::TokenNameTaken | Rule::TooManyTokens]) =>
            {
                Trouble::conflict(rules[0].to_string())
            }
            other => other.into(),
        }
    }
}

/// While starting, a refusal is a failure like others; what commands are told is in [`Trouble::of_command`].
impl From<auth::Error> for Trouble {
    fn from(error: auth::Error) -> Self {
        use auth::Error;
        match error {
            Error::NotFound(what) => Trouble::not_found(what),
            Error::Rules(_) => Trouble::usage(error.to_string()),
            Error::Taken | Error::Held => Trouble::conflict(error.to_string()),
            Error::Busy => Trouble::failed("the database is too busy just now: try again in a moment"),
            Error::Away(_) => {
                Trouble::failed(format!("{error}. `latchkey config check` says which database is meant"))
            }
            Error::Broken(why) => Trouble::failed(format!(
                "something is wrong that should not be: {why:#}. `latchkey doctor` may tell more"
            )),
            other => Trouble::failed(other.to_string()),
        }
    }
}

/// Says what went wrong, on standard error.
pub(crate) fn code(ended: Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("latchkey: {}", trouble.text);
            ExitCode::from(trouble.code)
        }
    }
}
