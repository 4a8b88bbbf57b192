//! `auth::Error` as a page, or as problem+json, and the one table of statuses. What belongs above a form is in `wording.rs`.

use std::sync::Arc;

use auth::{Error, Time};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What a person is told on a page of its own. `layers::dress` makes the page, in their language.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// 400: a form that is not UTF-8.
    BadEncoding,
    /// 400: a body that is no JSON, or has other fields than it should.
    BadJson,
    /// 401: a program without a token, or with one that is over.
    NoToken,
    /// 403: a token that was made for something else.
    NotInScope,
    /// 401, for programs: people are sent to `/login`.
    NotSignedIn,
    /// 401, for programs: nobody enrolls there.
    NotEnrolling,
    /// 403: all factors must be given again first.
    ProofNeeded,
    /// 400: a piece of a list that cannot be.
    BadPage,
    /// 403.
    Forbidden,
    /// 403: an administrator reaches for a role, or for somebody who has one.
    OwnersOnly,
    /// 403: a form from another site.
    ForbiddenOrigin,
    /// 403: nobody may register by themselves.
    RegistrationClosed,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 400: an address that the rules do not know.
    NoSuchApp,
    /// 403: the rules do not let this person in.
    AppRefused {
        /// Of the program.
        host: String,
        /// By which an administrator finds it.
        reference: String,
    },
    /// 400: the browser came back to a program without what it had left with.
    AppLost {
        /// Of the program.
        host: String,
        /// To begin again.
        again: String,
    },
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
    /// 415: no form.
    WrongType,
    /// 415: no JSON.
    NotJson,
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
            Trouble::BadEncoding
            | Trouble::BadJson
            | Trouble::BadPage
            | Trouble::NoSuchApp
            | Trouble::AppLost { .. } => StatusCode::BAD_REQUEST,
            Trouble::NotSignedIn | Trouble::NoToken | Trouble::NotEnrolling => StatusCode::UNAUTHORIZED,
            Trouble::Forbidden
            | Trouble::OwnersOnly
            | Trouble::ForbiddenOrigin
            | Trouble::RegistrationClosed
            | Trouble::NotInScope
            | Trouble::ProofNeeded
            | Trouble::AppRefused { .. } => StatusCode::FORBIDDEN,
            Trouble::NotFound => StatusCode::NOT_FOUND,
            Trouble::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Trouble::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Trouble::GoneEnroll | Trouble::GoneLink | Trouble::GoneCodes => StatusCode::GONE,
            Trouble::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Trouble::WrongType | Trouble::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
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
            Error::ProofNeeded => Trouble::ProofNeeded,
            Error::Forbidden => Trouble::OwnersOnly,
            // These belong above a form; on their own they are a refusal.
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
            | Error::Refused(_) => Trouble::Forbidden,
            Error::Unjudged(why) => Trouble::Unjudged(Arc::from(why)),
            Error::Broken(_) => Trouble::Broken(Some(Arc::new(error))),
        }
    }
}
