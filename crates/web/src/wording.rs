//! What a person can put right, in words above their form. What gets a page of its own is in `error.rs`.

use auth::{Error, Hint, Rule, Time, date, time_of_day};
use axum::http::StatusCode;

use crate::error::Trouble;
use crate::form::Misfit;
use crate::problem::Problem;
use crate::shell::Shell;

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
        Rule::GroupNameMissing => ("group", "problem-group-missing"),
        Rule::GroupName => ("group", "problem-group-rule"),
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
        Rule::TokenName => ("name", "problem-token-name"),
        Rule::TokenNameTaken => ("name", "problem-token-name-taken"),
        Rule::TokenScopes => ("scopes", "problem-token-scopes"),
        Rule::TokenHosts => ("hosts", "problem-token-hosts"),
        Rule::TokenDays => ("days", "problem-token-days"),
        Rule::TooManyTokens => ("name", "problem-tokens-full"),
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
