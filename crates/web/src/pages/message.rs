//! Pages that only say something: not found, forbidden, busy, broken, and the one that asks for patience.

use askama::Template;
use auth::{Config, time_of_day};
use axum::http::HeaderValue;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::Response;

use crate::error::Trouble;
use crate::pages::Problem;
use crate::shell::{Shell, problem_json};

/// What happened and what to do. The words come resolved, since some name an address.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// What happened.
    pub(crate) heading: &'a str,
    /// What to do.
    pub(crate) text: &'a str,
    /// One more sentence, smaller: for the person who runs the server.
    pub(crate) detail: Option<&'a str>,
    /// The way out: an address, and the words on its link.
    pub(crate) action: Option<(&'a str, &'a str)>,
    /// What to quote when asking for help.
    pub(crate) reference: Option<&'a str>,
}

/// Too many tries: when to come back.
#[derive(Template)]
#[template(path = "resting.html")]
pub(crate) struct RestingPage<'a> {
    /// The frame.
    pub(crate) shell: &'a Shell,
    /// None, as a rule.
    pub(crate) problems: &'a [Problem],
    /// The moment from which it works again: `14:06:02 UTC`.
    pub(crate) until: &'a str,
    /// How many seconds that is from now.
    pub(crate) seconds: i64,
    /// The page to try again on.
    pub(crate) back: &'a str,
}

/// The page for a trouble, or its JSON. `id` is what the log calls the request.
pub(crate) fn show(trouble: &Trouble, shell: &Shell, config: &Config, id: &str) -> Response {
    let (status, (key, text)) = (trouble.status(), words(trouble));
    let heading = shell.t(key).into_owned();
    let mut response = if let Trouble::Resting { until, now } = trouble {
        resting(shell, (time_of_day(*until), seconds_between(*now, *until)), status)
    } else {
        let public = config.public_url.origin();
        let host = match trouble {
            Trouble::AppRefused { host, .. } | Trouble::AppLost { host, .. } => host.as_str(),
            _ => "",
        };
        let text = shell.t2(text, ("url", &public), ("host", host)).into_owned();
        let way_out = match trouble {
            Trouble::Misdirected => (public.as_str(), public.as_str().into()),
            Trouble::GoneEnroll => ("/register", shell.t("start-again")),
            Trouble::AppLost { again, .. } => (again.as_str(), shell.t("app-lost-again")),
            _ => ("/", shell.t("to-start")),
        };
        let detail = matches!(trouble, Trouble::Misdirected).then(|| shell.t("misdirected-detail"));
        let page = MessagePage {
            shell,
            problems: &[],
            heading: &heading,
            text: &text,
            detail: detail.as_deref(),
            action: Some((way_out.0, way_out.1.as_ref())),
            reference: match trouble {
                Trouble::Broken(_) | Trouble::Unjudged(_) => Some(id),
                Trouble::AppRefused { reference, .. } => Some(reference),
                _ => None,
            },
        };
        if shell.json {
            problem_json(status, (key, &format!("{heading}. {text}")), &[])
        } else {
            shell.page(status, &page, &[])
        }
    };
    if matches!(trouble, Trouble::NoToken) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after(trouble) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn resting(shell: &Shell, (until, seconds): (String, i64), status: axum::http::StatusCode) -> Response {
    if shell.json {
        let text = shell.t1("resting-text", "time", until.as_str()).into_owned();
        let detail = format!("{}. {text}", shell.t("resting-heading"));
        return problem_json(status, ("resting-heading", &detail), &[]);
    }
    shell.page(status, &RestingPage { shell, problems: &[], until: &until, seconds, back: &shell.path }, &[])
}

/// Whole seconds to wait, rounded up: whoever waits so long is not told to wait again.
fn seconds_between(now: auth::Time, until: auth::Time) -> i64 {
    (until.millis_since(now) + 999).div_euclid(1000).max(1)
}

fn retry_after(trouble: &Trouble) -> Option<i64> {
    match trouble {
        Trouble::Resting { until, now } => Some(seconds_between(*now, *until)),
        Trouble::Busy => Some(3),
        Trouble::DatabaseAway | Trouble::Unjudged(_) => Some(10),
        _ => None,
    }
}

/// The keys of its heading and of what to do.
fn words(trouble: &Trouble) -> (&'static str, &'static str) {
    match trouble {
        Trouble::BadEncoding => ("bad-encoding-heading", "bad-encoding-text"),
        Trouble::BadJson => ("bad-json-heading", "bad-json-text"),
        Trouble::NoToken => ("no-token-heading", "no-token-text"),
        Trouble::NotInScope => ("not-in-scope-heading", "not-in-scope-text"),
        Trouble::NotSignedIn => ("not-signed-in-heading", "not-signed-in-text"),
        Trouble::ProofNeeded => ("prove-heading", "prove-lead"),
        Trouble::NotEnrolling => ("not-enrolling-heading", "not-enrolling-text"),
        Trouble::BadPage => ("bad-page-heading", "bad-page-text"),
        Trouble::Forbidden => ("forbidden-heading", "forbidden-text"),
        Trouble::OwnersOnly => ("owners-only-heading", "owners-only-text"),
        Trouble::ForbiddenOrigin => ("forbidden-origin-heading", "forbidden-origin-text"),
        Trouble::RegistrationClosed => ("closed-heading", "closed-text"),
        Trouble::NoSuchApp => ("no-such-app-heading", "no-such-app-text"),
        Trouble::AppRefused { .. } => ("app-refused-heading", "app-refused-text"),
        Trouble::AppLost { .. } => ("app-lost-heading", "app-lost-text"),
        Trouble::NotFound => ("not-found-heading", "not-found-text"),
        Trouble::MethodNotAllowed => ("method-not-allowed-heading", "method-not-allowed-text"),
        Trouble::GoneEnroll => ("gone-enroll-heading", "gone-enroll-text"),
        Trouble::GoneLink => ("gone-link-heading", "gone-link-text"),
        Trouble::GoneCodes => ("gone-codes-heading", "gone-codes-text"),
        Trouble::TooSlow => ("too-slow-heading", "too-slow-text"),
        Trouble::TooLarge => ("too-large-heading", "too-large-text"),
        Trouble::WrongType => ("wrong-type-heading", "wrong-type-text"),
        Trouble::NotJson => ("not-json-heading", "not-json-text"),
        Trouble::Misdirected => ("misdirected-heading", "misdirected-text"),
        Trouble::HeadersTooLarge => ("headers-too-large-heading", "headers-too-large-text"),
        Trouble::Resting { .. } => ("resting-heading", "resting-text"),
        Trouble::DoorClosed => ("door-closed-heading", "door-closed-text"),
        Trouble::Busy => ("busy-heading", "busy-text"),
        Trouble::DatabaseAway => ("database-away-heading", "database-away-text"),
        Trouble::Broken(_) | Trouble::Unjudged(_) => ("broken-heading", "broken-text"),
    }
}
