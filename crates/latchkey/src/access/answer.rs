//! The answer to `latchkey access explain`, for people and for programs: which headers were believed, how the request was read,
//! and what each rule says. Where the browser goes is in `way.rs`, and what helps in `help.rs`.

use auth::access::explain::{Explained, ReadAs, Standing};
use auth::access::{Draft, Rule, Target, Verdict};
use auth::config::{Listen, Place};
use auth::{Config, plain};
use serde_json::{Value, json};
use web::forwarded::{At, Heard};

use super::explain::Request;
use super::help::short;
use super::way::{cookies, cookies_shape};
use super::words::{factors, level_word, needed, said, verdict_word, word};
use super::{row, shape};
use crate::terminal::{Table, columns};

/// An answer to a question.
pub(super) struct Answer<'a> {
    pub(super) config: &'a Config,
    /// Where `trusted_proxies` is set, if it is.
    pub(super) trusted_at: Option<&'a Place>,
    pub(super) request: &'a Request,
    pub(super) standing: Option<&'a Standing>,
    pub(super) rules: &'a [Rule],
    /// What the rules say; `None` where it is not clear what is asked for.
    pub(super) judged: Option<Judged>,
}

/// What the rules say.
pub(super) struct Judged {
    pub(super) why: Explained,
    /// The command that helps.
    pub(super) remedy: Option<String>,
    /// The rule that helps in the settings, before the one that decides.
    pub(super) before: Option<Draft>,
    /// What they would say to somebody who is not signed in.
    pub(super) stranger: Verdict,
    /// Whether the person could prove what is needed.
    pub(super) can_prove: bool,
}

impl Answer<'_> {
    /// What is asked for, and what the rules say to it.
    pub(super) fn judged(&self) -> Option<(&Target, &Judged)> {
        Some((self.request.target.as_ref().ok()?, self.judged.as_ref()?))
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n{}", self.verdict(), columns("", &self.rows()));
        if let Some((_, judged)) = self.judged() {
            let rules = self.rules.iter().zip(&judged.why.rules).enumerate();
            let rules: Vec<_> = rules
                .map(|(at, (rule, says))| {
                    let [number, policy, hosts, only, lets_in, _] = row(at + 1, rule);
                    [number, said(*says).to_owned(), policy, hosts, only, lets_in]
                })
                .collect();
            if rules.is_empty() {
                text.push_str("\nThere are no rules.\n");
            } else {
                let mut table = Table::new(["NUMBER", "IT", "POLICY", "HOSTS", "ONLY", "LETS IN"]);
                text.push_str(&format!("\n{}", table.rows(rules)));
            }
        }
        for (what, lines) in self.help() {
            text.push_str(&format!("\n{what}\n\n"));
            lines.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        text
    }

    fn verdict(&self) -> String {
        let by_rules = self.by_rules();
        if self.request.is_trusted {
            return by_rules;
        }
        let why = match self.request.proxy {
            _ if self.config.trusted_proxies.is_empty() => {
                "Refused: trusted_proxies is empty, so no proxy is believed, and each is answered 403."
                    .to_owned()
            }
            Some(proxy) => format!(
                "Refused: {proxy} is not in trusted_proxies, so it is answered 403, whatever it asks."
            ),
            None => "Refused: the proxy is not in trusted_proxies.".to_owned(),
        };
        let mut letters = by_rules.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        format!(
            "{why}\nIf it were believed: {}{}",
            first.map(String::from).unwrap_or_default(),
            letters.as_str()
        )
    }

    /// What comes of what the headers say, and of the rules.
    fn by_rules(&self) -> String {
        let judged = match (&self.request.target, &self.judged) {
            (Err(unclear), _) => {
                // Either a header is wrong, or what the headers say.
                let why = match unclear.part.contains('-') {
                    true => format!("{} {}", unclear.part, unclear.why.trim_start_matches("it ")),
                    false => unclear.to_string(),
                };
                return format!("Refused: {why}. The rules are not asked.");
            }
            (Ok(_), None) => return "Refused.".to_owned(),
            (Ok(_), Some(judged)) => judged,
        };
        let decision = &judged.why.decision;
        let by = decision.rule.map_or_else(|| "no rule".to_owned(), |at| self.named(at));
        match decision.verdict {
            _ if decision.ambiguous => {
                "Refused: the path can be read in several ways, and is open to everybody in some of them only.".to_owned()
            }
            Verdict::Allow => format!("Let through, by {by}."),
            Verdict::SignIn => format!("Asked to sign in, by {by}."),
            Verdict::Prove if judged.can_prove => format!("Asked to prove more, by {by}."),
            Verdict::Prove => format!("Asked for more than they have, by {by}."),
            Verdict::Refuse if decision.rule.is_none() => {
                "Refused: no rule lets them through, and what no rule lets through is refused.".to_owned()
            }
            Verdict::Refuse if self.request.by_token && self.names_them(judged) => {
                format!("Refused, by {by}, which lets them in, and no token.")
            }
            Verdict::Refuse => format!("Refused, by {by}."),
        }
    }

    /// A rule by its number, and by its place where it has one.
    fn named(&self, at: usize) -> String {
        match self.rules.get(at).and_then(Rule::place) {
            Some(place) => format!("rule {} ({place})", at + 1),
            None => format!("rule {}", at + 1),
        }
    }

    /// Whether the rule that decides is for people.
    fn names_them(&self, judged: &Judged) -> bool {
        let rule = judged.why.decision.rule.and_then(|at| self.rules.get(at));
        rule.is_some_and(|rule| rule.policy().level().is_some())
    }

    /// How the request was read, each line with what it is about.
    fn rows(&self) -> Vec<[String; 2]> {
        let mut rows = Vec::new();
        let mut add = |label: &str, lines: Vec<String>| {
            let labels = std::iter::once(label).chain(std::iter::repeat(""));
            rows.extend(labels.zip(lines).map(|(label, line)| [label.to_owned(), line]));
        };
        add("Proxy", vec![self.proxy()]);
        match &self.request.heard {
            Some(heard) => {
                add("Asked at", self.request.at.iter().map(|at| at.path().to_owned()).collect());
                add("Believed", believed(heard));
                add("Ignored", ignored(heard));
            }
            None if self.request.is_trusted => add("Believed", believable(self.request.at)),
            None => {}
        }
        let Some((target, judged)) = self.judged() else {
            add("Browser", self.browser());
            return rows;
        };
        let address = target.address().map_or_else(|| "not given".to_owned(), |ip| ip.to_string());
        add("Host", vec![target.host().to_owned()]);
        add("Path", vec![plain::line(&judged.why.read_as)]);
        add("Method", vec![target.method().to_owned()]);
        add("Address", vec![address]);
        add("Who", vec![self.who()]);
        add("Needed", vec![needed(&judged.why.decision)]);
        add("Present", vec![self.present()]);
        add(
            "Cookie",
            match self.request.by_token {
                true => vec!["none: a program shows a token".to_owned()],
                false => cookies(self.config, target),
            },
        );
        add("Browser", self.browser());
        if judged.why.readings.len() > 1 {
            let readings = judged.why.readings.iter().map(read_as);
            let first = "in several ways, and the strictest holds:".to_owned();
            add("Read as", std::iter::once(first).chain(readings).collect());
        }
        rows
    }

    fn proxy(&self) -> String {
        let networks: Vec<String> = self.config.trusted_proxies.iter().map(short).collect();
        let networks = networks.join(", ");
        match (self.request.proxy, self.request.is_trusted) {
            (None, true) if matches!(self.config.listen, Listen::Socket(_)) => {
                format!("believed, whichever asks over {}", self.config.listen)
            }
            (None, true) => format!("believed, if it asks from trusted_proxies: {networks}"),
            (Some(proxy), true) => format!("{proxy}, believed: in trusted_proxies are {networks}"),
            (Some(proxy), false) if !networks.is_empty() => {
                format!("{proxy}, not believed: in trusted_proxies are {networks}")
            }
            (Some(proxy), false) => format!("{proxy}, not believed: trusted_proxies is empty"),
            (None, false) => "none is believed: trusted_proxies is empty".to_owned(),
        }
    }

    fn who(&self) -> String {
        match self.standing {
            None => "nobody, not signed in".to_owned(),
            Some(Standing { name, disabled: true, .. }) => {
                format!("{name}, who may not sign in: latchkey user enable {name}")
            }
            Some(Standing { name, groups, .. }) if groups.is_empty() => format!("{name}, in no group"),
            Some(Standing { name, groups, .. }) => format!("{name}, of {}", groups.join(", ")),
        }
    }

    /// What is proven.
    fn present(&self) -> String {
        match self.standing {
            None | Some(Standing { disabled: true, .. }) => "nothing".to_owned(),
            Some(Standing { level, .. }) => match self.request.noted {
                Some(noted) => format!("{}, as was noted", factors(noted)),
                None if self.request.by_token => format!("a token of one who has given {}", factors(*level)),
                None => format!("{}, as if just given", factors(*level)),
            },
        }
    }

    /// What programs read. These keys stay.
    pub(super) fn shape(&self) -> Value {
        let judged = self.judged();
        let target = judged.map(|(target, _)| target);
        let why = judged.map(|(_, judged)| &judged.why);
        let decision = why.map(|why| why.decision);
        let by_rules = decision.map_or(Verdict::Refuse, |decision| decision.verdict);
        let verdict = if self.request.is_trusted { by_rules } else { Verdict::Refuse };
        let rules = why.map(|why| {
            let rules = self.rules.iter().zip(&why.rules).enumerate().map(|(at, (rule, says))| {
                let mut value = shape(at + 1, rule);
                value["says"] = word(*says).into();
                value
            });
            rules.collect::<Value>()
        });
        let plain_path = why.filter(|why| why.decision.ambiguous).map(|why| &why.read_as);
        json!({
            "url": target.map(Target::url),
            "host": target.map(Target::host),
            "path": why.map(|why| &why.read_as),
            "method": target.map(Target::method),
            "address": target.and_then(Target::address).map(|ip| ip.to_string()),
            "user": self.standing.map(|standing| &standing.name),
            "by_token": self.request.by_token,
            "groups": self.standing.map(|standing| &standing.groups),
            "verdict": verdict_word(verdict),
            "by_rules": verdict_word(by_rules),
            "rule": decision.and_then(|decision| decision.rule).map(|at| at + 1),
            "ambiguous": decision.is_some_and(|decision| decision.ambiguous),
            "needed": decision.and_then(|decision| decision.needed).map(|needed| json!({
                "level": level_word(needed.level),
                "max_age_seconds": needed.max_age,
            })),
            "present": self.present_level().map(|level| json!({ "level": level_word(level) })),
            "believed": self.believed_shape(),
            "cookies": target.map(|target| cookies_shape(self.config, target)),
            "browser": self.browser_shape(),
            "readings": why.map(readings_shape),
            "rules": rules,
            "remedy": judged.and_then(|(_, judged)| judged.remedy.as_ref()),
            "snippet": self.snippet(),
            "plain_path": plain_path,
        })
    }

    fn present_level(&self) -> Option<auth::Level> {
        let standing = self.standing.filter(|standing| !standing.disabled)?;
        Some(self.request.noted.unwrap_or(standing.level))
    }

    fn believed_shape(&self) -> Value {
        let heard = self.request.heard.as_ref();
        let headers = heard.map(|heard| {
            let header = |header: &web::forwarded::Believed| {
                json!({ "name": header.name, "value": header.value, "says": header.says })
            };
            heard.believed.iter().map(header).collect::<Value>()
        });
        let ignored = heard.map(|heard| {
            let header = |header: &web::forwarded::Ignored| json!({ "name": header.name, "why": header.why });
            heard.ignored.iter().map(header).collect::<Value>()
        });
        let unclear = self.request.target.as_ref().err();
        let networks: Vec<String> = self.config.trusted_proxies.iter().map(ToString::to_string).collect();
        json!({
            "at": self.request.at.map(At::path),
            "proxy": self.request.proxy.map(|ip| ip.to_string()),
            "is_trusted": self.request.is_trusted,
            "proxies": networks,
            "headers": headers,
            "ignored": ignored,
            "unclear": unclear.map(|unclear| json!({ "part": unclear.part, "why": unclear.why })),
        })
    }
}

fn readings_shape(why: &Explained) -> Value {
    let shape = |reading: &ReadAs| {
        json!({
            "path": reading.path,
            "without_case": reading.without_case,
            "verdict": verdict_word(reading.decision.verdict),
            "rule": reading.decision.rule.map(|at| at + 1),
        })
    };
    why.readings.iter().map(shape).collect()
}

/// The headers that say what is asked for, with what they say.
fn believed(heard: &Heard) -> Vec<String> {
    let row = |header: &web::forwarded::Believed| {
        [header.name.clone(), plain::line(&header.value), header.says.to_owned()]
    };
    let rows: Vec<_> = heard.believed.iter().map(row).collect();
    if rows.is_empty() { vec!["no header".to_owned()] } else { lines(&columns("", &rows)) }
}

fn ignored(heard: &Heard) -> Vec<String> {
    let row = |header: &web::forwarded::Ignored| {
        [header.name.clone(), header.why.trim_start_matches("it ").to_owned()]
    };
    let rows: Vec<_> = heard.ignored.iter().map(row).collect();
    lines(&columns("", &rows))
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The headers that would say it.
fn believable(at: Option<At>) -> Vec<String> {
    let names = |at: At| at.headers().collect::<Vec<_>>().join(", ");
    match at {
        Some(at) => vec![names(at)],
        None => vec![names(At::ForwardAuth), format!("or of nginx {}", names(At::AuthRequest))],
    }
}

fn read_as(reading: &ReadAs) -> String {
    let case = if reading.without_case { ", whatever the case of its letters" } else { "" };
    let by = reading.decision.rule.map_or_else(|| "no rule".to_owned(), |at| format!("rule {}", at + 1));
    format!("{}{case}: {}, by {by}", plain::line(&reading.path), verdict_word(reading.decision.verdict))
}
