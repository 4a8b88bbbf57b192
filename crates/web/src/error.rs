//! `auth::Error` as a page, as problem+json, or as words above a form; and the one table of statuses.

use std::sync::Arc;

use auth::{Error, Hint, Rule, Time, date, time_of_day};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::form::Misfit;
use crate::pages::Problem;
use crate::shell::Shell;

/// What a person is told on a page of its own. `layers::dress` makes the page, in their language.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// 400: a form that is not UTF-8.
    BadEncoding,
    /// 401, for programs: people are sent to `/login`.
    NotSignedIn,
    /// 403.
    Forbidden,
    /// 403: a form from another site.
    ForbiddenOrigin,
    /// 403: nobody may register by themselves.
    RegistrationClosed,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 410: the enrollment is over, or confirmed.
    GoneEnroll,
    /// 410: the link is spent, replaced or void.
    GoneLink,
    /// 410: the recovery codes are saved, or their time is over.
    GoneCodes,
    /// 408: a form that took too long to arrive.
    TooSlow,
    /// 413.
    TooLarge,
    /// 415.
    WrongType,
    /// 421: another host than ours.
    Misdirected,
    /// 431: too many headers, or too large ones.
    HeadersTooLarge,
    /// 429.
    Resting {
        /// When the next try is free.
        until: Time,
        /// What time it is here.
        now: Time,
    },
    /// 429: browsers that are not known have guessed too often, and waiting does not help.
    DoorClosed,
    /// 503: too much is going on.
    Busy,
    /// 503: the database is away.
    DatabaseAway,
    /// 503: a code could not be judged, and what is logged of it.
    Unjudged(Arc<Error>),
    /// 500, and what is logged of it.
    Broken(Option<Arc<Error>>),
}

impl Trouble {
    /// The one table of statuses.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Trouble::BadEncoding => StatusCode::BAD_REQUEST,
            Trouble::NotSignedIn => StatusCode::UNAUTHORIZED,
            Trouble::Forbidden | Trouble::ForbiddenOrigin | Trouble::RegistrationClosed => {
                StatusCode::FORBIDDEN
            }
            Trouble::NotFound => StatusCode::NOT_FOUND,
            Trouble::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Trouble::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Trouble::GoneEnroll | Trouble::GoneLink | Trouble::GoneCodes => StatusCode::GONE,
            Trouble::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Trouble::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Trouble::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Trouble::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Trouble::Resting { .. } | Trouble::DoorClosed => StatusCode::TOO_MANY_REQUESTS,
            Trouble::Busy | Trouble::DatabaseAway | Trouble::Unjudged(_) => StatusCode::SERVICE_UNAVAILABLE,
            Trouble::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The trouble that an answer without a page of its own stands for: the router's, or a layer's.
    pub(crate) fn of_status(status: StatusCode) -> Option<Trouble> {
        Some(match status {
            StatusCode::BAD_REQUEST => Trouble::BadEncoding,
            StatusCode::FORBIDDEN => Trouble::Forbidden,
            StatusCode::NOT_FOUND => Trouble::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Trouble::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Trouble::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Trouble::WrongType,
            StatusCode::SERVICE_UNAVAILABLE => Trouble::Busy,
            status if status.is_server_error() => Trouble::Broken(None),
            _ => return None,
        })
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::TooManyTries { until, now } => Trouble::Resting { until, now },
            Error::DoorClosed => Trouble::DoorClosed,
            Error::RegistrationClosed => Trouble::RegistrationClosed,
            Error::Expired => Trouble::GoneLink,
            Error::NotFound(_) => Trouble::NotFound,
            Error::Busy | Error::RegistrationsFull => Trouble::Busy,
            Error::Away(_) => Trouble::DatabaseAway,
            // These belong above a form, or ask for a proof; on their own they are a refusal.
            Error::BadCredentials
            | Error::BadNameOrCode
            | Error::WrongCode(_)
            | Error::NoAuthenticator
            | Error::LastAuthenticator
            | Error::PasswordOverdue
            | Error::WrongRecoveryCode
            | Error::CodesClosed
            | Error::Taken
            | Error::Held
            | Error::Rules(_)
            | Error::ProofNeeded
            | Error::Refused(_) => Trouble::Forbidden,
            Error::Unjudged(why) => Trouble::Unjudged(Arc::from(why)),
            Error::Broken(_) => Trouble::Broken(Some(Arc::new(error))),
        }
    }
}

/// What the person can put right goes back above the form, with its status; the rest becomes a page of its own.
///
/// `now` is the server's time, which helps somebody whose phone has another.
pub(crate) fn for_form(
    error: Error,
    shell: &Shell,
    now: Time,
) -> Result<(StatusCode, Vec<Problem>), Trouble> {
    let t = |key: &'static str| shell.t(key).into_owned();
    let problem = match error {
        Error::BadCredentials => Problem::general(t("problem-bad-credentials")),
        Error::BadNameOrCode => Problem::general(t("problem-bad-name-or-code")),
        Error::WrongCode(Hint::NotInARow) => Problem::at("otp_next", t("problem-code-not-in-a-row")),
        Error::WrongCode(hint) => Problem::at("otp", hint_text(&hint, shell, now)),
        Error::NoAuthenticator => Problem::general(t("problem-no-authenticator")),
        Error::LastAuthenticator => Problem::general(t("problem-last-authenticator")),
        Error::PasswordOverdue => Problem::general(t("problem-password-overdue")),
        Error::WrongRecoveryCode => Problem::at("recovery_code", t("problem-recovery-wrong")),
        Error::CodesClosed => Problem::general(t("problem-code-closed")),
        Error::Taken => Problem::at("username", t("problem-username-taken")),
        Error::Held => Problem::at("username", t("problem-name-held")),
        Error::Rules(rules) => {
            let problems = rules.into_iter().map(|rule| rule_problem(rule, shell)).collect();
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, problems));
        }
        Error::RegistrationsFull => {
            let problem = Problem::general(t("problem-registrations-full"));
            return Ok((StatusCode::SERVICE_UNAVAILABLE, vec![problem]));
        }
        other => return Err(other.into()),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, vec![problem]))
}

fn hint_text(hint: &Hint, shell: &Shell, now: Time) -> String {
    match hint {
        Hint::None | Hint::NotInARow => shell.t1("problem-code-wrong", "time", &time_of_day(now)),
        Hint::Used => shell.t("problem-code-used"),
        Hint::Behind(seconds) => shell.t1("problem-code-behind", "duration", &shell.duration(*seconds)),
        Hint::Ahead(seconds) => shell.t1("problem-code-ahead", "duration", &shell.duration(*seconds)),
        Hint::Old { label, retired_at } => {
            shell.t2("problem-code-old", ("label", label), ("date", &date(*retired_at)))
        }
        Hint::Other { label } => shell.t1("problem-code-other", "label", label),
    }
    .into_owned()
}

fn rule_problem(rule: Rule, shell: &Shell) -> Problem {
    let (field, key) = match rule {
        Rule::NameMissing => ("username", "problem-username-missing"),
        Rule::Name => ("username", "problem-username-rule"),
        Rule::PasswordMissing => ("password", "problem-password-missing"),
        Rule::PasswordShort => ("password", "problem-password-short"),
        Rule::PasswordLong => ("password", "problem-password-long"),
        Rule::PasswordCommon => ("password", "problem-password-common"),
        Rule::PasswordOfName => ("password", "problem-password-of-name"),
        Rule::PasswordOfSite => ("password", "problem-password-of-site"),
        Rule::PasswordRepeats => ("password", "problem-password-repeats"),
        Rule::PasswordSequence => ("password", "problem-password-sequence"),
        Rule::PasswordDate => ("password", "problem-password-date"),
        Rule::CodeMissing => ("otp", "problem-code-missing"),
        Rule::CodeDigits => ("otp", "problem-code-not-digits"),
        Rule::CodeLooksLikeRecovery => ("otp", "problem-code-looks-like-recovery"),
        Rule::SecondCode => ("otp_next", "problem-code-second"),
        Rule::AuthenticatorName => ("name", "problem-authenticator-name"),
        Rule::AuthenticatorNameTaken => ("name", "problem-authenticator-name-taken"),
        Rule::TooManyAuthenticators => ("name", "problem-authenticators-full"),
        Rule::RecoveryCodeMissing => ("recovery_code", "problem-recovery-missing"),
    };
    Problem::at(field, shell.t(key))
}

/// What is wrong with the fields themselves, above the form.
pub(crate) fn misfit(misfit: &Misfit, shell: &Shell) -> Problem {
    let (key, field) = match misfit {
        Misfit::Unknown(field) => ("problem-field-unknown", field.as_str()),
        Misfit::Repeated(field) => ("problem-field-repeated", field.as_str()),
        Misfit::Missing(field) => ("problem-field-missing", *field),
    };
    Problem::general(shell.t1(key, "field", field))
}
