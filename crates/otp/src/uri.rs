//! `otpauth://`: how a key travels to an authenticator app, written strictly and read leniently. `qr.rs`
//! draws it.
//!
//! Apps differ in what they misread, so what is written is the one form that all of them understand: RFC 3986
//! with everything but letters, digits and `-._~` escaped, a space as `%20` (some apps show a `+` as it
//! stands), the issuer both before the account and as a parameter, and no parameter that has its default
//! value.

use crate::{Algorithm, Digits, Key, Secret, SecretError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

/// Everything that RFC 3986 does not call unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A key with the names that an app shows beside its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who judges the codes. May be empty when it was read.
    pub issuer: String,
    /// Whose codes they are.
    pub name: String,
    /// The secret and its parameters.
    pub key: Key,
    /// What the codes count.
    pub kind: Kind,
}

/// What a code is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The time.
    Totp,
    /// A counter.
    Hotp {
        /// The next one to use.
        counter: u64,
    },
}

/// Why a text is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// More than 4,096 bytes.
    #[error("this is too long to be a setup link")]
    TooLong,
    /// Some other text or link.
    #[error("a setup link begins with otpauth://")]
    Scheme,
    /// Neither time nor counter.
    #[error("a setup link begins with otpauth://totp/ or otpauth://hotp/")]
    Kind,
    /// What must be there is not.
    #[error("the setup link has no {0}")]
    Missing(&'static str),
    /// It cannot be known which of the two is meant.
    #[error("the setup link has the parameter {0} twice")]
    Repeated(&'static str),
    /// A part whose value makes no sense.
    #[error("the setup link's {part} must be {expected}")]
    Wrong {
        /// Which part.
        part: &'static str,
        /// What it can be.
        expected: &'static str,
    },
    /// A secret that is none.
    #[error("the setup link's secret cannot be read: {0}")]
    Secret(#[from] SecretError),
}

impl Account {
    /// Longer texts are refused before they are looked at.
    const LONGEST_TEXT: usize = 4096;

    /// The setup link, for a QR code or a button.
    ///
    /// A colon separates issuer and name, so one inside either is written as a hyphen; a control character is
    /// written as a space, and spaces around them are dropped.
    pub fn to_uri(&self) -> Zeroizing<String> {
        self.written("otpauth")
    }

    /// The same for Apple's passwords app alone, on systems where another app has taken `otpauth:`.
    pub fn apple_uri(&self) -> Zeroizing<String> {
        self.written("apple-otpauth")
    }

    fn written(&self, scheme: &str) -> Zeroizing<String> {
        let (issuer, name) = (escaped(&self.issuer), escaped(&self.name));
        let secret = self.key.secret().to_base32();
        // Room for all of it: growing would leave copies of the secret behind that nobody wipes.
        let room = 160 + 2 * issuer.len() + name.len() + secret.len();
        let mut uri = Zeroizing::new(String::with_capacity(room));
        let mut add = |parts: &[&str]| parts.iter().for_each(|part| uri.push_str(part));

        let kind = match self.kind {
            Kind::Totp => "totp",
            Kind::Hotp { .. } => "hotp",
        };
        add(&[scheme, "://", kind, "/"]);
        if !issuer.is_empty() {
            add(&[&issuer, ":"]);
        }
        add(&[&name, "?secret=", &secret]);
        if !issuer.is_empty() {
            add(&["&issuer=", &issuer]);
        }
        if self.key.algorithm() != Algorithm::Sha1 {
            add(&["&algorithm=", self.key.algorithm().name()]);
        }
        if self.key.digits() != Digits::SIX {
            add(&["&digits=", &self.key.digits().count().to_string()]);
        }
        match self.kind {
            Kind::Hotp { counter } => add(&["&counter=", &counter.to_string()]),
            Kind::Totp if self.key.period() != Key::PERIOD => {
                add(&["&period=", &self.key.period().to_string()]);
            }
            Kind::Totp => {}
        }
        uri
    }

    /// Reads a setup link as other programs write it.
    ///
    /// Scheme, kind and parameter names in any case; `:` or `%3A`, and spaces after it; the issuer before the
    /// name, as a parameter (which wins), or missing. A `+` is a space in a parameter, since many programs
    /// encode parameters like a form, and a plus in the label, where it stands in addresses like
    /// `ada+work@example.org`. Unknown parameters are passed over.
    pub fn parse(text: &str) -> Result<Account, UriError> {
        if text.len() > Self::LONGEST_TEXT {
            return Err(UriError::TooLong);
        }
        let (scheme, rest) = text.trim().split_once("://").ok_or(UriError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("otpauth") && !scheme.eq_ignore_ascii_case("apple-otpauth") {
            return Err(UriError::Scheme);
        }
        let (path, query) = rest.split_once('?').ok_or(UriError::Missing("secret"))?;
        let (kind, label) = path.split_once('/').ok_or(UriError::Kind)?;
        let query = query.split('#').next().unwrap_or_default();
        let parameters = Parameters::read(query)?;

        let (prefix, name) = split(label)?;
        let issuer = match &parameters.issuer {
            Some(issuer) if !issuer.trim().is_empty() => issuer.as_str(),
            _ => &prefix,
        };
        if name.trim().is_empty() {
            return Err(UriError::Missing("account name"));
        }
        Ok(Account {
            issuer: plain(issuer, "issuer")?,
            name: plain(&name, "account name")?,
            kind: parameters.kind(kind)?,
            key: parameters.key()?,
        })
    }
}

/// The parameters that mean something here, decoded.
#[derive(Default)]
struct Parameters {
    secret: Option<Zeroizing<String>>,
    issuer: Option<Zeroizing<String>>,
    algorithm: Option<Zeroizing<String>>,
    digits: Option<Zeroizing<String>>,
    period: Option<Zeroizing<String>>,
    counter: Option<Zeroizing<String>>,
}

impl Parameters {
    fn read(query: &str) -> Result<Parameters, UriError> {
        let mut parameters = Parameters::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, place) = match name.to_ascii_lowercase().as_str() {
                "secret" => ("secret", &mut parameters.secret),
                "issuer" => ("issuer", &mut parameters.issuer),
                "algorithm" => ("algorithm", &mut parameters.algorithm),
                "digits" => ("digits", &mut parameters.digits),
                "period" => ("period", &mut parameters.period),
                "counter" => ("counter", &mut parameters.counter),
                _ => continue,
            };
            // A plus that is meant as one was written %2B, and is decoded after this.
            let value = decoded(&Zeroizing::new(value.replace('+', " ")), name)?;
            if place.replace(value).is_some() {
                return Err(UriError::Repeated(name));
            }
        }
        Ok(parameters)
    }

    fn kind(&self, kind: &str) -> Result<Kind, UriError> {
        if kind.eq_ignore_ascii_case("totp") {
            return Ok(Kind::Totp);
        }
        if !kind.eq_ignore_ascii_case("hotp") {
            return Err(UriError::Kind);
        }
        let counter = self.counter.as_ref().ok_or(UriError::Missing("counter"))?;
        let wrong = UriError::Wrong { part: "counter", expected: "a whole number" };
        Ok(Kind::Hotp { counter: number(counter).ok_or(wrong)? })
    }

    fn key(&self) -> Result<Key, UriError> {
        let secret = self.secret.as_ref().ok_or(UriError::Missing("secret"))?;
        let mut key = Key::new(Secret::from_base32(secret)?);
        if let Some(algorithm) = &self.algorithm {
            let wrong = UriError::Wrong { part: "algorithm", expected: "SHA1, SHA256 or SHA512" };
            key = key.with_algorithm(algorithm.trim().parse().map_err(|_| wrong)?);
        }
        if let Some(digits) = &self.digits {
            let wrong = UriError::Wrong { part: "digits", expected: "6, 7 or 8" };
            let count = number(digits).and_then(|count| u8::try_from(count).ok());
            key = key.with_digits(count.and_then(Digits::new).ok_or(wrong)?);
        }
        if let Some(period) = &self.period {
            let wrong = UriError::Wrong { part: "period", expected: "1 to 86400 seconds" };
            let seconds = number(period).and_then(|seconds| u32::try_from(seconds).ok());
            key = seconds.and_then(|seconds| key.with_period(seconds)).ok_or(wrong)?;
        }
        Ok(key)
    }
}

/// A name as it stands in the link. A name with control characters could not be read back, so they become
/// spaces.
fn escaped(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|symbol| match symbol {
            ':' => '-',
            symbol if symbol.is_control() => ' ',
            symbol => symbol,
        })
        .collect();
    utf8_percent_encode(name.trim(), ESCAPED).to_string()
}

/// Issuer and name of a label. A colon as such separates before an escaped one does, which may belong to a
/// name.
fn split(label: &str) -> Result<(String, String), UriError> {
    if let Some((issuer, name)) = label.split_once(':') {
        return Ok((decoded(issuer, "issuer")?.to_string(), decoded(name, "account name")?.to_string()));
    }
    let label = decoded(label, "account name")?;
    let (issuer, name) = label.split_once(':').unwrap_or(("", &label));
    Ok((issuer.to_owned(), name.to_owned()))
}

/// Undoes the escapes. A stray `%` stays as it is; bytes that are no UTF-8 are refused.
fn decoded(text: &str, part: &'static str) -> Result<Zeroizing<String>, UriError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(Zeroizing::new(text.into_owned())),
        Err(_) => Err(UriError::Wrong { part, expected: "UTF-8, percent-encoded" }),
    }
}

/// A name without the spaces around it. Control characters would do mischief in terminals and lists.
fn plain(name: &str, part: &'static str) -> Result<String, UriError> {
    if name.chars().any(char::is_control) {
        return Err(UriError::Wrong { part, expected: "without control characters" });
    }
    Ok(name.trim().to_owned())
}

/// ASCII digits and nothing else: `parse` alone would take a sign too.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
