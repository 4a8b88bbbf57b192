//! The way of a browser, in an answer: which cookie signs it in at the program, and where it is sent without that.

use auth::Config;
use auth::access::{Target, Verdict};
use serde_json::{Value, json};
use web::forwarded::{AppCookie, At, cookies_of, portal, redirects_with};

use super::answer::Answer;

/// What happens to whoever asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Through,
    ToThePortal,
    /// As the rules are, or the proxy.
    Refused,
    /// A token that is none.
    WrongToken,
    Unclear,
}

impl Answer<'_> {
    fn end(&self) -> End {
        if self.request.is_trusted { self.end_by_rules() } else { End::Refused }
    }

    fn end_by_rules(&self) -> End {
        let Some((_, judged)) = self.judged() else { return End::Unclear };
        match judged.why.decision.verdict {
            Verdict::Allow => End::Through,
            Verdict::SignIn if self.request.by_token => End::WrongToken,
            Verdict::Prove if self.request.by_token => End::Refused,
            Verdict::SignIn | Verdict::Prove => End::ToThePortal,
            Verdict::Refuse => End::Refused,
        }
    }

    /// Where a person's browser is sent as long as it has no cookie there, if that is not where it goes anyway.
    fn without_cookie(&self) -> Option<String> {
        let (target, judged) = self.judged()?;
        let is_person = self.standing.is_some() && !self.request.by_token;
        let sent = is_person && judged.stranger == Verdict::SignIn && self.end() != End::ToThePortal;
        (sent && self.request.is_trusted).then(|| portal(self.config, target))
    }

    /// Where a browser goes.
    pub(super) fn browser(&self) -> Vec<String> {
        let by_rules = match (self.end_by_rules(), self.judged()) {
            (End::ToThePortal, Some((target, _))) => format!("to {}", portal(self.config, target)),
            (end, _) => format!("nowhere{}", self.told(end)),
        };
        if !self.request.is_trusted {
            let first = "nowhere: 403, since the proxy is not believed".to_owned();
            let then =
                Some(format!("if it were: {by_rules}")).filter(|_| self.end_by_rules() != End::Refused);
            return std::iter::once(first).chain(then).collect();
        }
        let mut lines = vec![by_rules];
        if let (End::ToThePortal, Some((target, _))) = (self.end(), self.judged()) {
            lines.push(self.statuses(target));
        }
        if let Some(location) = self.without_cookie() {
            lines.push(format!("without that cookie to {location}"));
            if self.end() == End::Refused {
                lines.push("and, signed in, to a page there that refuses, with a reference".to_owned());
            }
        }
        lines
    }

    /// What becomes of whoever is sent nowhere.
    fn told(&self, end: End) -> &'static str {
        match end {
            End::Through if self.request.by_token => ", a program asks: it is let through",
            End::Through | End::ToThePortal => ", it is let through",
            End::WrongToken => ", a program asks: 401",
            End::Refused if self.request.by_token => ", a program asks: 403",
            End::Refused => ": 403",
            End::Unclear if self.request.at == Some(At::AuthRequest) => ": 403",
            End::Unclear => ": 400",
        }
    }

    /// By which status it is sent to the portal.
    fn statuses(&self, target: &Target) -> String {
        let status = redirects_with(target);
        let navigates = self.request.heard.as_ref().and_then(|heard| heard.navigates);
        let elsewhere = match navigates {
            Some(true) => format!("by {status}"),
            Some(false) => "as a program, by 401 with that Location".to_owned(),
            None => format!("by {status}; a program by 401 with that Location"),
        };
        match self.request.at {
            Some(At::AuthRequest) => {
                "by 401 with that Location, of which nginx's recipe makes a redirect".to_owned()
            }
            Some(_) => elsewhere,
            None => format!(
                "by {status}; a program, and nginx, whose recipe makes a redirect of it, by 401 with that Location"
            ),
        }
    }

    /// The same for programs.
    pub(super) fn browser_shape(&self) -> Value {
        let target = self.judged().map(|(target, _)| target);
        let location = target.filter(|_| self.end() == End::ToThePortal);
        let navigates = self.request.heard.as_ref().and_then(|heard| heard.navigates);
        let (status, nginx) = match (self.end(), target) {
            (End::Through, _) => (200, 200),
            (End::ToThePortal, Some(target)) if navigates != Some(false) => (redirects_with(target), 401),
            (End::ToThePortal | End::WrongToken, _) => (401, 401),
            (End::Refused, _) => (403, 403),
            (End::Unclear, _) => (400, 403),
        };
        json!({
            "location": location.map(|target| portal(self.config, target)),
            "status": status,
            "status_to_nginx": nginx,
            "without_cookie": self.without_cookie(),
        })
    }
}

/// Which cookie signs a browser in there.
pub(super) fn cookies(config: &Config, target: &Target) -> Vec<String> {
    let host = target.host();
    let own = |cookie: &AppCookie<'_>| format!("{}, of {host} alone", cookie.name);
    match &cookies_of(config, target)[..] {
        [first, second, ..] => {
            let domain = second.domain.map(ToString::to_string).unwrap_or_default();
            vec![
                own(first),
                format!("else {}, of {domain} and all below it, by access.cookie_domain", second.name),
            ]
        }
        only => {
            let mut lines: Vec<String> = only.iter().map(own).collect();
            if let Some(domain) = &config.cookie_domain {
                lines.push(format!("access.cookie_domain is {domain}, and {host} is not below it"));
            }
            lines.push("/.latchkey/ on that host has to lead to Latchkey, which gives it there:".to_owned());
            lines.push(format!("latchkey proxy-config nginx {host}"));
            lines
        }
    }
}

/// The same for programs.
pub(super) fn cookies_shape(config: &Config, target: &Target) -> Value {
    let shape = |cookie: AppCookie<'_>| json!({ "name": cookie.name, "domain": cookie.domain.map(ToString::to_string) });
    cookies_of(config, target).into_iter().map(shape).collect()
}
