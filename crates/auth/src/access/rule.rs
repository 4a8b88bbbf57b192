//! A rule: for which hosts, paths, methods and networks, what it takes, and whom it lets in. How it is written is in `draft.rs`.

use store::Time;

use super::host::Hosts;
use super::path::{Paths, Reading};
use super::person::{Needed, Person, Verdict};
use super::target::Target;
use crate::Level;
use crate::config::{Network, Place};

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing: everybody comes through, signed in or not.
    Bypass,
    /// Somebody it names, signed in by a code at least.
    OneFactor,
    /// Somebody it names, signed in by password and code.
    TwoFactor,
    /// Nobody comes through.
    Deny,
}

impl Policy {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Policy::Bypass => "bypass",
            Policy::OneFactor => "one_factor",
            Policy::TwoFactor => "two_factor",
            Policy::Deny => "deny",
        }
    }

    /// The level that it asks for.
    pub fn level(self) -> Option<Level> {
        match self {
            Policy::OneFactor => Some(Level::Code),
            Policy::TwoFactor => Some(Level::Full),
            Policy::Bypass | Policy::Deny => None,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Policy> {
        let all = [Policy::Bypass, Policy::OneFactor, Policy::TwoFactor, Policy::Deny];
        all.into_iter().find(|policy| policy.text() == text)
    }
}

/// A rule that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) hosts: Vec<Hosts>,
    pub(super) paths: Vec<Paths>,
    pub(super) methods: Vec<String>,
    pub(super) networks: Vec<Network>,
    pub(super) policy: Policy,
    pub(super) subject: Subject,
    pub(super) tokens: bool,
    pub(super) max_age: Option<i64>,
    pub(super) place: Option<Place>,
}

/// Whom a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// It is not about people.
    Nobody,
    /// Everybody who has an account.
    Any,
    /// Those of these names, and those of these groups, in lower case.
    Listed { users: Vec<String>, groups: Vec<String> },
}

/// Whether a rule is for what somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is.
    Fits,
    /// It is for a network, and the address is not known.
    Perhaps,
    /// It is for other hosts.
    OtherHost,
    /// It is for other paths.
    OtherPath,
    /// It is for other methods.
    OtherMethod,
    /// It is for other networks.
    OtherNetwork,
}

impl Fit {
    pub(super) fn is_possible(self) -> bool {
        matches!(self, Fit::Fits | Fit::Perhaps)
    }
}

impl Rule {
    /// What it asks for.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether a token of somebody whom it lets in opens it too.
    pub fn takes_tokens(&self) -> bool {
        self.tokens
    }

    /// Where in the settings it stands; `None` where it was made by command.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Whether it names the host that somebody asks for.
    pub(super) fn names(&self, target: &Target) -> bool {
        self.hosts.iter().any(|hosts| hosts.contain(&target.host))
    }

    /// Whether it is for what somebody asks for, whoever that is.
    pub(super) fn fit(&self, target: &Target, reading: Reading<'_>) -> Fit {
        if !self.names(target) {
            return Fit::OtherHost;
        }
        if !self.paths.is_empty() && !self.paths.iter().any(|paths| paths.contain(reading)) {
            return Fit::OtherPath;
        }
        // What answers GET answers HEAD, and gives away as much of what it is.
        let asked =
            |method: &String| method == target.method() || (method == "GET" && target.method() == "HEAD");
        if !self.methods.is_empty() && !self.methods.iter().any(asked) {
            return Fit::OtherMethod;
        }
        match target.address {
            _ if self.networks.is_empty() => Fit::Fits,
            None => Fit::Perhaps,
            Some(ip) if self.networks.iter().any(|network| network.contains(ip)) => Fit::Fits,
            Some(_) => Fit::OtherNetwork,
        }
    }

    /// What it says to somebody for whom it fits; nothing to whom it does not name.
    pub(super) fn says(&self, person: Option<&Person<'_>>, now: Time) -> Option<(Verdict, Option<Needed>)> {
        let Some(level) = self.policy.level() else {
            let verdict = if self.policy == Policy::Bypass { Verdict::Allow } else { Verdict::Refuse };
            return Some((verdict, None));
        };
        let needed = Needed { level, max_age: self.max_age };
        let verdict = match person {
            None => Verdict::SignIn,
            Some(person) if !self.subject.names(person) => return None,
            // A later rule that takes tokens is not asked: it may ask for less.
            Some(person) if person.by_token && !self.tokens => return Some((Verdict::Refuse, None)),
            Some(person) if needed.is_given(person, now) => Verdict::Allow,
            Some(_) => Verdict::Prove,
        };
        Some((verdict, Some(needed)))
    }
}

impl Subject {
    fn names(&self, person: &Person<'_>) -> bool {
        match self {
            Subject::Nobody => false,
            Subject::Any => true,
            Subject::Listed { users, groups } => {
                let belongs =
                    |group: &String| person.groups.iter().any(|own| own.eq_ignore_ascii_case(group));
                users.iter().any(|user| user.eq_ignore_ascii_case(person.name)) || groups.iter().any(belongs)
            }
        }
    }
}
