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
    let general = |key| Problem::general(shell.t(key)).because(key);
    let at = |field, key| Problem::at(field, shell.t(key)).because(key);
    let problem = match error {
        Error::BadCredentials => general("problem-bad-credentials"),
        Error::BadNameOrCode => general("problem-bad-name-or-code"),
        Error::WrongCode(Hint::NotInARow) => at("otp_next", "problem-code-not-in-a-row"),
        Error::WrongCode(hint) => Problem::at("otp", hint_text(&hint, shell, now)).because(hint_key(&hint)),
        Error::NoAuthenticator => general("problem-no-authenticator"),
        Error::LastAuthenticator => general("problem-last-authenticator"),
        Error::PasswordOverdue => general("problem-password-overdue"),
        Error::WrongRecoveryCode => at("recovery_code", "problem-recovery-wrong"),
        Error::CodesClosed => general("problem-code-closed"),
        Error::Taken => at("username", "problem-username-taken"),
        Error::Held => at("username", "problem-name-held"),
        Error::Rules(rules) => {
            let problems = rules.into_iter().map(|rule| rule_problem(rule, shell)).collect();
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, problems));
        }
        Error::RegistrationsFull => {
            let problem = general("problem-registrations-full");
            return Ok((StatusCode::SERVICE_UNAVAILABLE, vec![problem]));
        }
        other => return Err(other.into()),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, vec![problem]))
}

fn hint_key(hint: &Hint) -> &'static str {
    match hint {
        Hint::None | Hint::NotInARow => "problem-code-wrong",
        Hint::Used => "problem-code-used",
        Hint::Behind(_) => "problem-code-behind",
        Hint::Ahead(_) => "problem-code-ahead",
        Hint::Old { .. } => "problem-code-old",
        Hint::Other { .. } => "problem-code-other",
    }
}

fn hint_text(hint: &Hint, shell: &Shell, now: Time) -> String {
    let key = hint_key(hint);
    match hint {
        Hint::None | Hint::NotInARow => shell.t1(key, "time", &time_of_day(now)),
        Hint::Used => shell.t(key),
        Hint::Behind(seconds) | Hint::Ahead(seconds) => shell.t1(key, "duration", &shell.duration(*seconds)),
        Hint::Old { label, retired_at } => shell.t2(key, ("label", label), ("date", &date(*retired_at))),
        Hint::Other { label } => shell.t1(key, "label", label),
    }
    .into_owned()
}

fn rule_problem(rule: Rule, shell: &Shell) -> Problem {
    let (field, key) = match rule {
        Rule::NameMissing => ("username", "problem-username-missing"),
        Rule::Name => ("username", "problem-username-rule"),
        Rule::GroupNameMissing => ("name", "problem-group-missing"),
        Rule::GroupName => ("name", "problem-group-rule"),
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
    Problem::at(field, shell.t(key)).because(key)
}

/// What is wrong with the fields themselves, above the form.
pub(crate) fn misfit(misfit: &Misfit, shell: &Shell) -> Problem {
    let (key, field) = match misfit {
        Misfit::Unknown(field) => ("problem-field-unknown", field.as_str()),
        Misfit::Repeated(field) => ("problem-field-repeated", field.as_str()),
        Misfit::Missing(field) => ("problem-field-missing", *field),
    };
    Problem::general(shell.t1(key, "field", field)).because(key)
}
