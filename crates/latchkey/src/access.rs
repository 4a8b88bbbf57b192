//! `latchkey access …`: who may come through the doors of other programs, and why somebody may not. What a command makes holds at
//! the next request of every running server.

use std::net::IpAddr;

use auth::access::book::{self, Numbered};
use auth::access::explain::{self, Explained, ReadAs, Says, Standing};
use auth::access::{Decision, Draft, Flaw, Person, Rule, Target, Verdict};
use auth::{Level, access, app_session, date_and_time, plain};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Output;
use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{Table, columns, print, print_json};

/// What can be done with access rules.
#[derive(Subcommand)]
pub(crate) enum Access {
    /// List the rules in their order: the first that fits decides
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Make a rule, behind all others unless it is said otherwise
    Add {
        #[command(flatten)]
        new: New,
        /// Put it before the rule that has this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a rule that was made by command
    Remove {
        /// Its number, as `access list` shows it
        number: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Say what would happen to a request, and why
    Explain {
        #[command(flatten)]
        asked: Question,
        #[command(flatten)]
        output: Output,
    },
}

/// A rule.
#[derive(Args)]
pub(crate) struct New {
    /// For this host, or *.example.org for all below it
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Only for this path, or /api/* for all below it
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Only for this method; GET is HEAD too
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// Only from this network
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// Lets this person in
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// Lets the people of this group in
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Lets everybody in who has an account
    #[arg(long)]
    any: bool,
    /// A token of somebody whom it lets in opens it too: for programs that know a password and no codes
    #[arg(long)]
    tokens: bool,
    /// What it takes: bypass, one_factor, two_factor or deny
    #[arg(long)]
    policy: String,
    /// How long ago the factors may have been given, such as 15m
    #[arg(long, value_name = "TIME")]
    max_age: Option<String>,
}

/// A request.
#[derive(Args)]
pub(crate) struct Question {
    /// The address that is asked for, with scheme, host and path
    #[arg(long, required_unless_present = "reference")]
    url: Option<String>,
    /// The same for somebody who was refused, by the reference on the page that told them
    #[arg(long, conflicts_with_all = ["url", "user", "token", "method", "address"])]
    reference: Option<String>,
    /// By whom; without it by somebody who is not signed in
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// By a program that shows a token of theirs
    #[arg(long, requires = "user")]
    token: bool,
    /// How
    #[arg(long, default_value = "GET")]
    method: String,
    /// From where
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
}

/// Runs one of them.
pub(crate) fn run(flags: &Flags, access: Access) -> Result<()> {
    match access {
        Access::List { output } => list(flags, output.json),
        Access::Add { new, before, output } => add(flags, new, before, output.json),
        Access::Remove { number, output } => remove(flags, number, output.json),
        Access::Explain { asked, output } => why(flags, &asked, output.json),
    }
}

fn list(flags: &Flags, json: bool) -> Result<()> {
    let rules = flags.with_existing(async |app| access::rules(app).await)?;
    let numbered = rules.iter().enumerate().map(|(at, rule)| (at + 1, rule));
    if json {
        print_json(&numbered.map(|(number, rule)| shape(number, rule)).collect());
        return Ok(());
    }
    if rules.is_empty() {
        print(
            "There are no rules yet, so nobody comes through to any program. To make one: latchkey access add\n",
        );
        return Ok(());
    }
    let mut table = Table::new(["NUMBER", "POLICY", "HOSTS", "ONLY", "LETS IN", "MADE"]);
    print(&table.rows(numbered.map(|(number, rule)| row(number, rule)).collect()));
    Ok(())
}

fn row(number: usize, rule: &Rule) -> [String; 6] {
    let draft = rule.draft();
    [
        number.to_string(),
        draft.policy.clone(),
        draft.hosts.join(" "),
        only(&draft),
        lets_in(rule, &draft),
        rule.place().map_or_else(|| "by command".to_owned(), ToString::to_string),
    ]
}

/// What else has to be so.
fn only(draft: &Draft) -> String {
    let mut only = [draft.paths.clone(), draft.methods.clone()].concat();
    only.extend(draft.networks.iter().map(|network| format!("from {network}")));
    only.extend(draft.max_age.iter().map(|age| format!("proof of {age}")));
    only.join(" ")
}

fn lets_in(rule: &Rule, draft: &Draft) -> String {
    if rule.policy().level().is_none() {
        return if draft.policy == "deny" { "nobody".to_owned() } else { "everybody, unasked".to_owned() };
    }
    if draft.any {
        let too = if draft.tokens { ", by token too" } else { "" };
        return format!("everybody who has an account{too}");
    }
    let users = draft.users.iter().map(|user| format!("user {user}"));
    let named: Vec<String> = users.chain(draft.groups.iter().map(|group| format!("group {group}"))).collect();
    if draft.tokens { format!("{}, by token too", named.join(", ")) } else { named.join(", ") }
}

fn add(flags: &Flags, new: New, before: Option<usize>, json: bool) -> Result<()> {
    let New { hosts, paths, methods, networks, users, groups, any, tokens, policy, max_age } = new;
    let draft = Draft { hosts, paths, methods, networks, policy, users, groups, any, tokens, max_age };
    let rule = draft.check(None).map_err(|flaw| Trouble::usage(as_flag(&flaw)))?;
    let Numbered { number, rule } =
        flags.with_existing(async |app| book::add(app, rule.clone(), before).await)?;
    match json {
        true => print_json(&shape(number, &rule)),
        false => print(&format!("Rule {number} holds from the next request on.\n")),
    }
    Ok(())
}

/// What is wrong, by the flag of that key.
fn as_flag(flaw: &Flaw) -> String {
    let flag = match flaw.key {
        "policy" | "any" | "tokens" => flaw.key.to_owned(),
        "max_age" => "max-age".to_owned(),
        list => list.trim_end_matches('s').to_owned(),
    };
    let text =
        flaw.text.replace("write users, groups, or any = true for", "give --user, --group, or --any for");
    format!("--{flag}: {text}")
}

fn remove(flags: &Flags, number: usize, json: bool) -> Result<()> {
    let removed = flags.with_existing(async |app| book::remove(app, number).await)?;
    match json {
        true => print_json(&shape(removed.number, &removed.rule)),
        false => print(&format!(
            "Rule {number} is gone from the next request on, and those behind it move up. To make it again:\n\n  {}\n",
            explain::command(&removed.rule.draft())
        )),
    }
    Ok(())
}

fn why(flags: &Flags, asked: &Question, json: bool) -> Result<()> {
    let noted = match &asked.reference {
        Some(reference) => Some(flags.with_existing(async |app| app_session::denial(app, reference).await)?),
        None => None,
    };
    let asked = match &noted {
        None => asked,
        Some(denial) => &Question {
            url: Some(format!("https://{}/", denial.host)),
            reference: None,
            user: Some(denial.name.clone()),
            token: false,
            method: denial.method.clone(),
            address: denial.address,
        },
    };
    if let (Some(denial), false) = (&noted, json) {
        print(&format!(
            "{} was not let in to {} ({}) at {}. Which page it was is not written down; to the whole host, as the rules are now:\n\n",
            denial.name,
            denial.host,
            denial.method,
            date_and_time(denial.at)
        ));
    }
    let url = asked.url.as_deref().unwrap_or_default();
    let target = Target::of_url(&asked.method, url, asked.address);
    let target = target.map_err(|unclear| {
        Trouble::usage(format!("{unclear}. A request like this is refused, whatever the rules say"))
    })?;
    let (rules, standing) = flags.with_existing(async |app| {
        let standing = match &asked.user {
            Some(name) => Some(explain::standing(app, name).await?),
            None => None,
        };
        Ok((access::rules(app).await?, standing))
    })?;
    let now = auth::Clock::System.now();
    // Whoever may not sign in is not signed in.
    let person = standing.as_ref().filter(|standing| !standing.disabled).map(|standing| Person {
        name: &standing.name,
        groups: &standing.groups,
        level: standing.level,
        proved_at: now,
        by_token: asked.token,
    });
    let why = explain::explain(&rules, &target, person.as_ref(), now);
    let remedy = explain::remedy(&rules, &target, &why, standing.as_ref().map(|standing| &*standing.name));
    let (standing, by_token) = (standing.as_ref(), asked.token);
    let told = Told { target: &target, standing, by_token, rules: &rules, why: &why, remedy };
    match json {
        true => print_json(&told.shape()),
        false => print(&told.text()),
    }
    Ok(())
}

/// An answer to a question.
struct Told<'a> {
    target: &'a Target,
    standing: Option<&'a Standing>,
    by_token: bool,
    rules: &'a [Rule],
    why: &'a Explained,
    remedy: Option<String>,
}

impl Told<'_> {
    fn text(&self) -> String {
        let mut text = format!("{}\n\n{}", self.verdict(), columns("", &self.read()));
        let rules = self.rules.iter().zip(&self.why.rules).enumerate();
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
        if let Some(remedy) = &self.remedy {
            text.push_str(&format!("\nTo let them through:\n\n  {remedy}\n"));
        }
        text
    }

    /// How the request was read.
    fn read(&self) -> Vec<[String; 2]> {
        let (target, why) = (self.target, self.why);
        let who = match self.standing {
            None => "nobody, not signed in".to_owned(),
            Some(Standing { name, disabled: true, .. }) => {
                format!("{name}, who may not sign in: latchkey user enable {name}")
            }
            Some(Standing { name, groups, level, .. }) => {
                let groups = match groups.len() {
                    0 => "in no group".to_owned(),
                    _ => format!("of {}", groups.join(", ")),
                };
                let how = if self.by_token { "by a token of one who has" } else { "just" };
                format!("{name}, {groups}, {how} signed in by {}", factors(*level))
            }
        };
        let address = target.address().map_or_else(|| "not given".to_owned(), |ip| ip.to_string());
        let mut rows = vec![
            ["Host", target.host()],
            ["Path", &plain::line(&why.read_as)],
            ["Method", target.method()],
            ["Address", &address],
            ["Who", &who],
            ["Needed", &needed(&why.decision)],
        ]
        .into_iter()
        .map(|row| row.map(str::to_owned))
        .collect::<Vec<_>>();
        if why.readings.len() > 1 {
            rows.push(["Read as".to_owned(), "in several ways, and the strictest holds:".to_owned()]);
            rows.extend(why.readings.iter().map(|reading| [String::new(), read_as(reading)]));
        }
        rows
    }

    fn verdict(&self) -> String {
        let by = self.why.decision.rule.map(|at| {
            let place = self.rules.get(at).and_then(Rule::place);
            place.map_or_else(|| format!("rule {}", at + 1), |place| format!("rule {} ({place})", at + 1))
        });
        let by = by.unwrap_or_else(|| "no rule".to_owned());
        match self.why.decision.verdict {
            _ if self.why.decision.ambiguous => {
                "Refused: the path can be read in several ways, and is open to everybody in some of them only. Ask for the \
                 plain path."
                    .to_owned()
            }
            Verdict::Allow => format!("Let through, by {by}."),
            Verdict::SignIn => format!("Asked to sign in, by {by}."),
            Verdict::Prove => format!("Asked for more than they have, by {by}."),
            Verdict::Refuse if self.why.decision.rule.is_none() => {
                "Refused: no rule lets them through, and what no rule lets through is refused.".to_owned()
            }
            Verdict::Refuse if self.by_token && self.names_them() => {
                format!("Refused, by {by}, which lets them in, and no token.")
            }
            Verdict::Refuse => format!("Refused, by {by}."),
        }
    }

    /// Whether the rule that decides is for people.
    fn names_them(&self) -> bool {
        let rule = self.why.decision.rule.and_then(|at| self.rules.get(at));
        rule.is_some_and(|rule| rule.policy().level().is_some())
    }

    /// What programs read. These keys stay.
    fn shape(&self) -> Value {
        let (target, why) = (self.target, self.why);
        let rules = self.rules.iter().zip(&why.rules).enumerate().map(|(at, (rule, says))| {
            let mut value = shape(at + 1, rule);
            value["says"] = word(*says).into();
            value
        });
        let readings = why.readings.iter().map(|reading| {
            json!({
                "path": reading.path,
                "without_case": reading.without_case,
                "verdict": verdict_word(reading.decision.verdict),
                "rule": reading.decision.rule.map(|at| at + 1),
            })
        });
        json!({
            "url": target.url(),
            "host": target.host(),
            "path": why.read_as,
            "method": target.method(),
            "address": target.address().map(|ip| ip.to_string()),
            "user": self.standing.map(|standing| &standing.name),
            "by_token": self.by_token,
            "groups": self.standing.map(|standing| &standing.groups),
            "verdict": verdict_word(why.decision.verdict),
            "rule": why.decision.rule.map(|at| at + 1),
            "ambiguous": why.decision.ambiguous,
            "needed": why.decision.needed.map(|needed| json!({
                "level": level_word(needed.level),
                "max_age_seconds": needed.max_age,
            })),
            "readings": readings.collect::<Value>(),
            "rules": rules.collect::<Value>(),
            "remedy": self.remedy,
        })
    }
}

/// What programs read of a rule. These keys stay.
fn shape(number: usize, rule: &Rule) -> Value {
    let draft = rule.draft();
    json!({
        "number": number,
        "hosts": draft.hosts,
        "paths": draft.paths,
        "methods": draft.methods,
        "networks": draft.networks,
        "policy": draft.policy,
        "users": draft.users,
        "groups": draft.groups,
        "any": draft.any,
        "tokens": draft.tokens,
        "max_age": draft.max_age,
        "place": rule.place().map(ToString::to_string),
    })
}

fn read_as(reading: &ReadAs) -> String {
    let case = if reading.without_case { ", whatever the case of its letters" } else { "" };
    let by = reading.decision.rule.map_or_else(|| "no rule".to_owned(), |at| format!("rule {}", at + 1));
    format!("{}{case}: {}, by {by}", plain::line(&reading.path), verdict_word(reading.decision.verdict))
}

fn needed(decision: &Decision) -> String {
    match decision.needed {
        None if decision.verdict == Verdict::Allow => "nothing".to_owned(),
        None => "nothing that would help".to_owned(),
        Some(needed) => {
            let age = needed.max_age.map(|seconds| format!(", given in the last {}", access::age(seconds)));
            format!("{}{}", factors(needed.level), age.unwrap_or_default())
        }
    }
}

fn factors(level: Level) -> &'static str {
    match level {
        Level::Code => "a code",
        Level::Full => "password and code",
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Code => "one_factor",
        Level::Full => "two_factor",
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::SignIn => "sign_in",
        Verdict::Prove => "prove",
        Verdict::Refuse => "refuse",
    }
}

fn said(says: Says) -> &'static str {
    match says {
        Says::Decides => "decides",
        Says::Perhaps => "may fit: no address was given",
        Says::NamesOthers => "names others",
        Says::OtherHost => "is for other hosts",
        Says::OtherPath => "is for other paths",
        Says::OtherMethod => "is for other methods",
        Says::OtherNetwork => "is for other networks",
        Says::NotAsked => "is not asked any more",
    }
}

fn word(says: Says) -> &'static str {
    match says {
        Says::Decides => "decides",
        Says::Perhaps => "perhaps",
        Says::NamesOthers => "names_others",
        Says::OtherHost => "other_host",
        Says::OtherPath => "other_path",
        Says::OtherMethod => "other_method",
        Says::OtherNetwork => "other_network",
        Says::NotAsked => "not_asked",
    }
}
