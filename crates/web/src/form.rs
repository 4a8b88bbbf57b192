//! Forms: read whole, strictly, and once. A field that is unknown, repeated or missing is named; nothing is guessed.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};

use crate::bounds;
use crate::crowd::Seat;
use crate::error::Trouble;

/// The fields of a form as they came.
pub(crate) struct Fields(Vec<(String, String)>);

/// What is wrong with the fields of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The form has no such field.
    Unknown(String),
    /// It came more than once.
    Repeated(String),
    /// It did not come.
    Missing(&'static str),
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Trouble;

    async fn from_request(request: Request, _: &S) -> Result<Self, Trouble> {
        parse(&body_of(request, "application/x-www-form-urlencoded").await?).map(Fields)
    }
}

/// The body of a request that says to be of this kind, whole.
pub(crate) async fn body_of(request: Request, kind: &str) -> Result<Bytes, Trouble> {
    let said = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let essence = said.split(';').next().unwrap_or("").trim();
    // Nothing is unpacked here: a few packed bytes could be a great many.
    if !essence.eq_ignore_ascii_case(kind) || request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Trouble::WrongType);
    }
    let seat = request.extensions().get::<Seat>().cloned();
    let body = Limited::new(request.into_body(), bounds::FORM_BYTES).collect();
    let body = tokio::time::timeout(bounds::FORM_WITHIN, body).await.map_err(|_| Trouble::TooSlow)?;
    if let Some(Seat(place)) = seat {
        place.serve();
    }
    let body = body.map_err(|e| {
        if e.is::<http_body_util::LengthLimitError>() { Trouble::TooLarge } else { Trouble::BadEncoding }
    })?;
    Ok(body.to_bytes())
}

/// Pairs of a body. Refused unless it is UTF-8 after decoding: two different passwords must not become one.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<(String, String)>, Trouble> {
    let mut fields = Vec::new();
    for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let value = pair.get(at + 1..).unwrap_or(b"");
        fields.push((decode(&pair[..at])?, decode(value)?));
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<String, Trouble> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|d| char::from(*d).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Trouble::BadEncoding) };
                u8::try_from(high * 16 + low).map_err(|_| Trouble::BadEncoding)?
            }
            other => *other,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| Trouble::BadEncoding)?;
    if text.contains('\0') { Err(Trouble::BadEncoding) } else { Ok(text) }
}

impl Fields {
    /// Whether a field came.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// What a field holds, without taking it: to show it again when the form is wrong otherwise.
    pub(crate) fn peek(&self, name: &str) -> String {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Takes the fields of a form, in their order: every one of `required`, and any of `optional`, each at most once.
    /// Optional ones that did not come are empty.
    pub(crate) fn take<const R: usize, const O: usize>(
        self,
        required: [&'static str; R],
        optional: [&'static str; O],
    ) -> Result<([String; R], [String; O]), Misfit> {
        let mut fields = self.0;
        for (at, (name, _)) in fields.iter().enumerate() {
            if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
                return Err(Misfit::Unknown(name.chars().take(40).collect()));
            }
            if fields[..at].iter().any(|(other, _)| other == name) {
                return Err(Misfit::Repeated(name.clone()));
            }
        }
        if let Some(missing) = required.iter().find(|name| !fields.iter().any(|(field, _)| field == *name)) {
            return Err(Misfit::Missing(missing));
        }
        let mut of = |name: &str| {
            let found = fields.iter_mut().find(|(field, _)| field == name);
            found.map(|(_, value)| std::mem::take(value)).unwrap_or_default()
        };
        Ok((required.map(&mut of), optional.map(&mut of)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(body: &str) -> Result<([String; 2], [String; 1]), Misfit> {
        Fields(parse(body.as_bytes()).unwrap()).take(["username", "password"], ["rd"])
    }

    #[test]
    fn fields_come_once_each_and_by_their_names() {
        let ([username, password], [rd]) = take("password=a%26b+c&username=%C3%A4da").unwrap();
        assert_eq!((username.as_str(), password.as_str(), rd.as_str()), ("äda", "a&b c", ""));
        assert_eq!(take("username=a&password=b&x=1").unwrap_err(), Misfit::Unknown("x".into()));
        assert_eq!(
            take("username=a&password=b&username=a").unwrap_err(),
            Misfit::Repeated("username".into())
        );
        assert_eq!(take("username=a").unwrap_err(), Misfit::Missing("password"));
    }

    #[test]
    fn what_is_not_utf8_is_refused_rather_than_mended() {
        for body in
            ["password=%ff", "password=%", "password=%4", "password=%zz", "%ff=x", "a=%00", "a=%c3%28"]
        {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(parse(b"a=\xff").is_err());
    }
}
