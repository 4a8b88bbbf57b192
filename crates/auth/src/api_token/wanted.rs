//! What somebody wants of a token, and what is wrong with it.

use store::Time;

use super::Scope;
use crate::access::Hosts;
use crate::error::Rule;
use crate::{Error, Result};

const DAY: i64 = 24 * 60 * 60;
/// The longest that a token may be good, in days.
pub const DAYS_AT_MOST: u32 = 5 * 365;
/// The longest name, in characters.
const LONGEST_NAME: usize = 64;
/// The most hosts of one token.
const HOSTS_AT_MOST: usize = 20;

/// What somebody wants of a token.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// What it is called: 1 to 64 characters.
    pub name: String,
    /// What it is for: at least one.
    pub scopes: Vec<Scope>,
    /// Where it opens programs, as a rule names hosts; for [`Scope::Apps`] and for nothing else.
    pub hosts: Vec<String>,
    /// For how many days it is good: 1 to [`DAYS_AT_MOST`].
    pub days: u32,
}

impl Wanted {
    /// The same in one spelling, unless something is wrong with it.
    pub(super) fn checked(mut self) -> Result<Wanted> {
        let mut broken = Vec::new();
        self.name = self.name.trim().to_owned();
        let length = self.name.chars().count();
        if !(1..=LONGEST_NAME).contains(&length) || self.name.chars().any(char::is_control) {
            broken.push(Rule::TokenName);
        }
        let mut scopes: Vec<Scope> = Vec::new();
        for scope in self.scopes {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        self.scopes = scopes;
        if self.scopes.is_empty() {
            broken.push(Rule::TokenScopes);
        }
        let hosts: Option<Vec<String>> = self.hosts.iter().map(|host| Hosts::canonical(host)).collect();
        match hosts {
            Some(hosts) if hosts.len() <= HOSTS_AT_MOST => self.hosts = hosts,
            _ => broken.push(Rule::TokenHosts),
        }
        if self.scopes.contains(&Scope::Apps) == self.hosts.is_empty() && !broken.contains(&Rule::TokenHosts)
        {
            broken.push(Rule::TokenHosts);
        }
        if !(1..=DAYS_AT_MOST).contains(&self.days) {
            broken.push(Rule::TokenDays);
        }
        if broken.is_empty() { Ok(self) } else { Err(Error::Rules(broken)) }
    }

    /// Until when one is good that is made now.
    pub(super) fn until(&self, now: Time) -> Time {
        now.plus_seconds(i64::from(self.days) * DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, scopes: &[Scope], hosts: &[&str], days: u32) -> Result<Wanted, Vec<Rule>> {
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let wanted = Wanted { name: name.to_owned(), scopes: scopes.to_vec(), hosts, days };
        wanted.checked().map_err(|error| match error {
            Error::Rules(rules) => rules,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_token_has_a_name_a_purpose_and_an_end_and_opens_what_it_names() {
        let apps =
            wanted(" My phone ", &[Scope::Apps, Scope::Apps], &["DAV.example.org.", "*.Example.net"], 90);
        let apps = apps.unwrap();
        assert_eq!((apps.name.as_str(), apps.scopes.as_slice()), ("My phone", &[Scope::Apps][..]));
        assert_eq!(apps.hosts, ["dav.example.org", "*.example.net"]);
        for (name, scopes, hosts, days, broken) in [
            ("", &[Scope::Verify][..], &[][..], 1, &[Rule::TokenName][..]),
            (" \t ", &[Scope::Verify], &[], 1, &[Rule::TokenName]),
            ("a\u{1b}[2J", &[Scope::Verify], &[], 1, &[Rule::TokenName]),
            (&"x".repeat(65), &[Scope::Verify], &[], 1, &[Rule::TokenName]),
            ("x", &[], &[], 1, &[Rule::TokenScopes]),
            ("x", &[Scope::Apps], &[], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Verify], &["a.example"], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Apps], &["https://a.example/"], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Apps], &["*"], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Apps], &["a b"], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Apps], &["a.example"; 21], 1, &[Rule::TokenHosts]),
            ("x", &[Scope::Verify], &[], 0, &[Rule::TokenDays]),
            ("x", &[Scope::Verify], &[], DAYS_AT_MOST + 1, &[Rule::TokenDays]),
            ("", &[], &[], 0, &[Rule::TokenName, Rule::TokenScopes, Rule::TokenDays]),
        ] {
            assert_eq!(
                wanted(name, scopes, hosts, days).map(|_| ()),
                Err(broken.to_vec()),
                "{name:?} {hosts:?}"
            );
        }
    }
}
