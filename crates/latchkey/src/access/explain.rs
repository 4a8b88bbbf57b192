//! `latchkey access explain`: what would happen to a request, and why. The request is an address, or the headers that a proxy
//! sends, which are read as the server reads them, or what was noted of a denial. The answer is written in `answer.rs`.

use std::net::IpAddr;

use auth::access::explain::{self, Standing};
use auth::access::{Person, Rule, Target, Unclear, Verdict};
use auth::app_session::{self, Denial};
use auth::config::Listen;
use auth::{Config, Level, access, date_and_time};
use clap::{Args, ValueEnum};
use web::forwarded::{At, Heard, Sent, is_trusted};

use super::answer::{Answer, Judged};
use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{print, print_json};

/// A request.
#[derive(Args)]
pub(crate) struct Question {
    /// The address that is asked for, with scheme, host and path
    #[arg(long, required_unless_present_any = ["reference", "headers"])]
    url: Option<String>,
    /// Or a header that the proxy sends to Latchkey, such as 'X-Forwarded-Proto: https'; once for each
    #[arg(long = "header", value_name = "NAME: VALUE", conflicts_with_all = ["url", "address"])]
    headers: Vec<String>,
    /// The same for somebody who was refused, by the reference on the page that told them
    #[arg(long, conflicts_with_all = ["url", "headers", "user", "token", "method", "address", "proxy", "at", "path"])]
    reference: Option<String>,
    /// By whom; without it by somebody who is not signed in
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// By a program that shows a token of theirs
    #[arg(long, requires = "user")]
    token: bool,
    /// How: GET without it
    #[arg(long)]
    method: Option<String>,
    /// From where
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// From where the proxy asks Latchkey; without it that is one that is trusted
    #[arg(long, value_name = "IP")]
    proxy: Option<IpAddr>,
    /// At which address the proxy asks Latchkey; without it the headers tell
    #[arg(long, value_enum, value_name = "WHERE")]
    at: Option<Where>,
    /// For which path Envoy asks there, which is in no header
    #[arg(long, requires = "headers", conflicts_with = "url")]
    path: Option<String>,
}

/// The last part of an address at which proxies ask.
#[derive(Clone, Copy, ValueEnum)]
enum Where {
    /// /api/authz/forward-auth: Traefik, Caddy, HAProxy
    ForwardAuth,
    /// /api/authz/auth-request: nginx
    AuthRequest,
    /// /api/authz/ext-authz: Envoy
    ExtAuthz,
}

impl From<Where> for At {
    fn from(at: Where) -> At {
        match at {
            Where::ForwardAuth => At::ForwardAuth,
            Where::AuthRequest => At::AuthRequest,
            Where::ExtAuthz => At::ExtAuthz,
        }
    }
}

/// A request as it is asked about.
pub(super) struct Request {
    /// Where its proxy asks; `None` where that may be anywhere.
    pub(super) at: Option<At>,
    /// From where it asks, where that is known.
    pub(super) proxy: Option<IpAddr>,
    /// Whether it is believed.
    pub(super) is_trusted: bool,
    /// What its headers say, where they were given.
    pub(super) heard: Option<Heard>,
    /// What is asked for.
    pub(super) target: std::result::Result<Target, Unclear>,
    /// By whom.
    user: Option<String>,
    /// By a token of theirs.
    pub(super) by_token: bool,
    /// What they had proven, where that was noted.
    pub(super) noted: Option<Level>,
}

/// Answers a question.
pub(super) fn run(flags: &Flags, asked: &Question, json: bool) -> Result<()> {
    let settings = flags.load()?;
    let config = &settings.config;
    let request = match &asked.reference {
        Some(reference) => {
            let denial = flags.with_existing(async |app| app_session::denial(app, reference).await)?;
            if !json {
                print(&as_noted(&denial));
            }
            Request::of_denial(&denial, config)?
        }
        None => Request::of(asked, config)?,
    };
    let (rules, standing) = flags.with_existing(async |app| {
        let standing = match &request.user {
            Some(name) => Some(explain::standing(app, name).await?),
            None => None,
        };
        Ok((access::rules(app).await?, standing))
    })?;
    let judged = request.target.as_ref().ok().map(|target| {
        let level = request.noted;
        judge(&rules, target, standing.as_ref(), (level, request.by_token))
    });
    let trusted_at = settings.places.get("trusted_proxies");
    let standing = standing.as_ref();
    let answer = Answer { config, trusted_at, request: &request, standing, rules: &rules, judged };
    match json {
        true => print_json(&answer.shape()),
        false => print(&answer.text()),
    }
    Ok(())
}

/// What is known of a denial, and what is not.
fn as_noted(denial: &Denial) -> String {
    let by =
        denial.rule.map_or_else(|| "by no rule".to_owned(), |rule| format!("by rule {rule} of that time"));
    format!(
        "{} was not let in to {} ({}) at {}, {by}.\nWhich page it was is not written down, nor what the proxy sent. To the \
         whole host, as rules and\nsettings are now:\n\n",
        denial.name,
        denial.host,
        denial.method,
        date_and_time(denial.at)
    )
}

fn judge(
    rules: &[Rule],
    target: &Target,
    standing: Option<&Standing>,
    (noted, by_token): (Option<Level>, bool),
) -> Judged {
    let now = auth::Clock::System.now();
    // Whoever may not sign in is not signed in.
    let person = standing.filter(|standing| !standing.disabled).map(|standing| Person {
        name: &standing.name,
        groups: &standing.groups,
        level: noted.unwrap_or(standing.level),
        proved_at: now,
        by_token,
    });
    let (person, name) = (person.as_ref(), standing.map(|standing| &*standing.name));
    let why = explain::explain(rules, target, person, now);
    let remedy = explain::remedy(rules, target, &why, name);
    // Whoever has a password is asked for it, and needs no link.
    let can_prove = standing.zip(why.decision.needed).is_some_and(|(has, needed)| has.level >= needed.level);
    let remedy = remedy.filter(|_| why.decision.verdict != Verdict::Prove || !can_prove);
    let before = explain::rule_before(rules, (target, person), &why, name);
    let stranger = access::decide(rules, target, None, now).verdict;
    Judged { why, remedy, before, stranger, can_prove }
}

impl Request {
    fn of(asked: &Question, config: &Config) -> Result<Request> {
        if asked.proxy.is_some() && matches!(config.listen, Listen::Socket(_)) {
            return Err(Trouble::usage(format!(
                "Latchkey listens on {}, over which proxies have no address, and are believed: leave --proxy out",
                config.listen
            )));
        }
        let (at, heard, target) = match &asked.url {
            Some(url) => (asked.at.map(At::from), None, Ok(of_url(asked.method(), url, asked.address)?)),
            None => {
                let (at, heard) = of_headers(asked, config)?;
                let target = heard.target.clone();
                (Some(at), Some(heard), target)
            }
        };
        let (proxy, is_trusted) = (asked.proxy, is_trusted(config, asked.proxy));
        let (user, by_token) = (asked.user.clone(), asked.token);
        Ok(Request { at, proxy, is_trusted, heard, target, user, by_token, noted: None })
    }

    fn of_denial(denial: &Denial, config: &Config) -> Result<Request> {
        Ok(Request {
            at: None,
            proxy: None,
            is_trusted: is_trusted(config, None),
            heard: None,
            target: Ok(of_url(&denial.method, &format!("https://{}/", denial.host), denial.address)?),
            user: Some(denial.name.clone()),
            by_token: false,
            noted: denial.level,
        })
    }
}

impl Question {
    fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("GET")
    }
}

fn of_url(method: &str, url: &str, address: Option<IpAddr>) -> Result<Target> {
    Target::of_url(method, url, address).map_err(|unclear| {
        // Plain http, where that is all that is wrong.
        let https = url.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        let https = https.and_then(|url| Target::of_url(method, &url, None).ok());
        let instead = https.map(|target| format!(". What helps is {}", target.url()));
        Trouble::usage(format!(
            "{unclear}. A request like this is refused, whatever the rules say{}",
            instead.unwrap_or_default()
        ))
    })
}

fn of_headers(asked: &Question, config: &Config) -> Result<(At, Heard)> {
    let sent = Sent::parse(&asked.headers).map_err(Trouble::usage)?;
    let at = asked.at.map_or_else(|| sent.at(), At::from);
    if at != At::ExtAuthz && (asked.path.is_some() || asked.method.is_some()) {
        return Err(Trouble::usage(
            "--method and --path go with --at ext-authz: at the other addresses the headers say both",
        ));
    }
    let line = format!("{}{}", at.path(), asked.path.as_deref().unwrap_or("/"));
    Ok((at, sent.read(config, at, asked.proxy, (asked.method(), &line))))
}
