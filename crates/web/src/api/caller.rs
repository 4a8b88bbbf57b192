//! Who asks the API, and who may: a session's cookie or a token. Where both came, the token counts.

use auth::api_token::{self, ApiToken, Scope};
use auth::session::{self, Session};
use auth::{App, Level, Role};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Site;
use crate::cookies::{self, Cookie};
use crate::error::Trouble;
use crate::extract::{Enrolling, HalfSignedIn, SignedIn};

/// Who may ask at a route. The guard of the route keeps it, and the document says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody.
    Anyone,
    /// Whoever holds the cookie of an enrollment.
    Enrolling,
    /// Anybody; the cookie of a login is looked at by the handler.
    HalfSignedIn,
    /// A person by their session, and no token.
    Person,
    /// A person by their session, or a token that allows this.
    PersonOr(Scope),
    /// An administrator by their session, or a token that allows this.
    AdminOr(Scope),
    /// A token that allows this, and no person.
    Program(Scope),
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// A person, in a browser or in what keeps cookies like one.
    Person(Session),
    /// A token.
    Program(ApiToken),
}

impl Asker {
    /// The token, where it has to be one.
    pub(crate) fn program(self) -> Result<ApiToken, Trouble> {
        match self {
            Asker::Program(token) => Ok(token),
            Asker::Person(_) => Err(Trouble::NoToken),
        }
    }

    /// Refuses whom `who` leaves out.
    fn must_be(&self, who: Who) -> Result<(), Trouble> {
        match (who, self) {
            (Who::Person, Asker::Program(_)) => Err(Trouble::NotInScope),
            (Who::Program(_), Asker::Person(_)) => Err(Trouble::NoToken),
            (Who::PersonOr(scope) | Who::AdminOr(scope) | Who::Program(scope), Asker::Program(token)) => {
                if token.allows(scope) {
                    Ok(())
                } else {
                    Err(Trouble::NotInScope)
                }
            }
            (Who::AdminOr(_), Asker::Person(session)) => {
                let admin = session.role != Role::User && session.level == Level::Full;
                if admin { Ok(()) } else { Err(Trouble::Forbidden) }
            }
            (_, _) => Ok(()),
        }
    }
}

/// What the guard has left. A handler whose route wears no guard is refused, not let in.
impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Asker>().cloned().ok_or(Trouble::Forbidden)
    }
}

/// Lets pass whom `who` means. Nobody is sent elsewhere: programs read statuses.
pub(crate) async fn guard(
    State((site, who)): State<(Site, Who)>,
    mut request: Request,
    next: Next,
) -> Response {
    let (app, headers) = (&site.app, request.headers());
    match who {
        Who::Anyone => {}
        Who::Enrolling => match cookies::read(&app.config, headers, Cookie::Enroll) {
            Some(token) => drop(request.extensions_mut().insert(Enrolling(token))),
            None => return Trouble::NotEnrolling.into_response(),
        },
        Who::HalfSignedIn => {
            let token = cookies::read(&app.config, headers, Cookie::Login);
            request.extensions_mut().insert(HalfSignedIn(token));
        }
        Who::Person | Who::PersonOr(_) | Who::AdminOr(_) | Who::Program(_) => {
            let asker = match find(app, headers, who).await {
                Ok(asker) => asker,
                Err(trouble) => return trouble.into_response(),
            };
            if let Asker::Person(session) = &asker {
                request.extensions_mut().insert(SignedIn(session.clone()));
            }
            request.extensions_mut().insert(asker);
        }
    }
    next.run(request).await
}

/// Who asks, when it is somebody whom `who` means.
async fn find(app: &App, headers: &HeaderMap, who: Who) -> Result<Asker, Trouble> {
    let asker = match token(app, headers).await? {
        Some(token) => Asker::Program(token),
        None if matches!(who, Who::Program(_)) => return Err(Trouble::NoToken),
        None => Asker::Person(person(app, headers).await?),
    };
    asker.must_be(who).map(|()| asker)
}

async fn person(app: &App, headers: &HeaderMap) -> Result<Session, Trouble> {
    let token = cookies::read(&app.config, headers, Cookie::Session).ok_or(Trouble::NotSignedIn)?;
    session::find(app, &token).await?.ok_or(Trouble::NotSignedIn)
}

/// The token that was shown. One that is over or none of ours is a refusal, whatever cookie came beside it: whoever shows a
/// token does not want to be somebody else by chance.
async fn token(app: &App, headers: &HeaderMap) -> Result<Option<ApiToken>, Trouble> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (shown.next(), shown.next());
    let Some(first) = first else { return Ok(None) };
    if second.is_some() {
        return Err(Trouble::NoToken);
    }
    let text = first.to_str().map_err(|_| Trouble::NoToken)?;
    let (kind, token) = text.split_once(' ').ok_or(Trouble::NoToken)?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(Trouble::NoToken);
    }
    let found = api_token::find(app, token.trim_start_matches(' ')).await?;
    found.map(Some).ok_or(Trouble::NoToken)
}
