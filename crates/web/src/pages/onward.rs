//! `/?rd=…`: the portal's side of the way to a program. `forward_auth.rs` sends people here, and `way.rs` takes them on at the
//! program's host.

use auth::access::{self, Target, Verdict};
use auth::app_session::{self, Entered, Glance};
use auth::session::Session;
use auth::{App, Error, Visit};
use axum::http::Uri;
use axum::response::Response;

use crate::cookies;
use crate::error::Trouble;
use crate::extract::query;
use crate::pages::{PageResult, with_cookies};
use crate::shell::{Shell, see_other};

/// The longest keyed MAC in base64, as a mark is one.
const MARK_AT_MOST: usize = 44;

/// Sends somebody who is signed in on to the program that they came from, when the rules let them in there.
pub(crate) async fn go(app: &App, (session, visit): (&Session, &Visit), uri: &Uri) -> PageResult {
    let asked = query(uri, "rd").unwrap_or_default();
    // Whatever was asked there first, a browser comes back with a GET.
    let target = Target::of_url("GET", &asked, visit.address).map_err(|_| Trouble::NoSuchApp)?;
    if !access::knows(&access::rules(app).await?, &target) {
        return Err(Trouble::NoSuchApp);
    }
    let visitor = app_session::visitor_of(app, session).await?;
    let decision = app_session::judge(app, &target, Some(&visitor), Glance::take(app)).await?;
    let back = form_urlencoded::Serializer::for_suffix(String::from("/?"), 2)
        .append_pair("rd", &target.url())
        .finish();
    match decision.verdict {
        Verdict::Allow if query(uri, "lost").is_some() => {
            Err(Trouble::AppLost { host: target.host().to_owned(), again: back })
        }
        Verdict::Allow => forth(app, session, &target, query(uri, "n")).await,
        Verdict::Prove if can_prove(session, &decision) => {
            let rd = form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>();
            Ok(see_other(&format!("/account/prove?rd={rd}")))
        }
        Verdict::Prove | Verdict::SignIn | Verdict::Refuse => {
            let noted = app_session::note_denial(app, (session, visit), (&target, &decision)).await?;
            let reference = noted.map(|id| id.to_string()).unwrap_or_default();
            Err(Trouble::AppRefused { host: target.host().to_owned(), reference })
        }
    }
}

/// To the program's host: for something to hold there, or with a ticket for whoever holds it.
async fn forth(app: &App, session: &Session, target: &Target, mark: Option<String>) -> PageResult {
    let (origin, url) = (target.origin(), target.url());
    if let Some(domain) = app.config.cookie_domain.as_ref().filter(|domain| domain.covers(target.host())) {
        return match app_session::enter_domain(app, session, domain).await {
            Ok(Entered { token, keep }) => {
                Ok(with_cookies(see_other(&url), [cookies::domain_session(domain, &token, keep)]))
            }
            Err(Error::Expired) => Ok(see_other("/login")),
            Err(error) => Err(error.into()),
        };
    }
    let path = url.strip_prefix(&origin).unwrap_or("/");
    let Some(mark) = mark.filter(|mark| mark.len() <= MARK_AT_MOST) else {
        return Ok(to(&origin, "start", &[("rd", path)]));
    };
    match app_session::issue(app, session, (&origin, &mark)).await {
        Ok(ticket) => Ok(to(&origin, "done", &[("ticket", &*ticket.reveal()), ("rd", path)])),
        Err(Error::Expired) => Ok(see_other("/login")),
        Err(error) => Err(error.into()),
    }
}

fn to(origin: &str, step: &str, pairs: &[(&str, &str)]) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    see_other(&format!("{origin}/.latchkey/{step}?{query}"))
}

/// Whether a proof would do: somebody without a password has no more to give than a code.
fn can_prove(session: &Session, decision: &access::Decision) -> bool {
    session.has_password || decision.needed.is_none_or(|needed| needed.level <= session.level)
}

/// The page on which somebody signs in who was sent here by a program, or wanted any other page.
pub(crate) fn sign_in_first(uri: &Uri) -> String {
    let asked = uri.path_and_query().map_or("", |asked| asked.as_str());
    match asked.starts_with("/?rd=") {
        true => {
            format!("/login?rd={}", form_urlencoded::byte_serialize(asked.as_bytes()).collect::<String>())
        }
        false => "/login".to_owned(),
    }
}

/// The frame of a page with a form after which somebody goes to `next`. Where that is the way to a program which the rules
/// know, its policy lets the browser go there.
pub(crate) async fn returning(app: &App, mut shell: Shell, next: &str) -> Result<Shell, Error> {
    if let Ok(uri) = next.parse::<Uri>()
        && uri.path() == "/"
        && let Some(url) = query(&uri, "rd")
        && let Ok(target) = Target::of_url("GET", &url, None)
        && access::knows(&access::rules(app).await?, &target)
    {
        shell.returns_to = Some(target.origin());
    }
    Ok(shell)
}
