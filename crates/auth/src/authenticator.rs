//! What all who judge codes share: a code as it was typed, the key of an authenticator, and where secrets are sealed.

use otp::{Key, Secret};
use store::authenticators::Authenticator;
use store::{Conn, Id};

use crate::error::Rule;
use crate::vault::{Place, Vault};
use crate::{Error, Result};

/// How long a new authenticator waits for its first code, in seconds.
pub(crate) const PENDING: i64 = 30 * 60;
/// A code as it was typed, or the rule that it breaks.
pub(crate) fn parse_code(typed: &str) -> Result<otp::Code> {
    otp::Code::parse(typed).map_err(|error| {
        let bare = typed.chars().filter(|c| !matches!(c, ' ' | '-')).count();
        match error {
            otp::CodeError::Empty => Rule::CodeMissing,
            _ if typed.bytes().any(|b| b.is_ascii_alphabetic()) && bare == 16 => Rule::CodeLooksLikeRecovery,
            otp::CodeError::NotDigits | otp::CodeError::Length => Rule::CodeDigits,
        }
        .into()
    })
}

/// The key of an authenticator, opened.
pub(crate) fn key_of(conn: &mut Conn<'_>, vault: &Vault, row: &Authenticator) -> Result<Key> {
    let opened = vault.open_sealed(conn, secret_of_authenticator(&row.user_id, &row.id), &row.secret)?;
    let broken = || Error::Broken(anyhow::anyhow!("authenticator {} has parameters that cannot be", row.id));
    let digits = u8::try_from(row.digits).ok().and_then(otp::Digits::new).ok_or_else(broken)?;
    let period = u32::try_from(row.period).map_err(|_| broken())?;
    Key::new(Secret::from_bytes(&opened).map_err(Error::broken)?)
        .with_algorithm(row.algorithm.parse().map_err(|_| broken())?)
        .with_digits(digits)
        .with_period(period)
        .ok_or_else(broken)
}

/// Where the secret of a registration is sealed.
pub(crate) fn secret_of_registration(name_key: &str) -> Place<'_> {
    Place { table: "registrations", column: "secret", user: "", row: name_key }
}

/// Where the secret of somebody who enrolls again is sealed.
pub(crate) fn secret_of_enrollment(user_id: &Id) -> Place<'_> {
    Place { table: "enrollments", column: "secret", user: user_id.as_str(), row: user_id.as_str() }
}

/// Where the secret of an authenticator is sealed.
pub(crate) fn secret_of_authenticator<'a>(user_id: &'a Id, id: &'a Id) -> Place<'a> {
    Place { table: "authenticators", column: "secret", user: user_id.as_str(), row: id.as_str() }
}
