//! The words for what is decided and for what a rule says, for people and for programs. Those for programs stay.

use auth::Level;
use auth::access::explain::Says;
use auth::access::{self, Decision, Needed, Verdict};

/// What would have to be proven.
pub(super) fn needed(decision: &Decision) -> String {
    match decision.needed {
        None if decision.verdict == Verdict::Allow => "nothing".to_owned(),
        None => "nothing that would help".to_owned(),
        Some(Needed { level, max_age }) => {
            let age = max_age.map(|seconds| format!(", given in the last {}", access::age(seconds)));
            format!("{}{}", factors(level), age.unwrap_or_default())
        }
    }
}

pub(super) fn factors(level: Level) -> &'static str {
    match level {
        Level::Code => "a code",
        Level::Full => "password and code",
    }
}

pub(super) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Code => "one_factor",
        Level::Full => "two_factor",
    }
}

pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::SignIn => "sign_in",
        Verdict::Prove => "prove",
        Verdict::Refuse => "refuse",
    }
}

pub(super) fn said(says: Says) -> &'static str {
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

pub(super) fn word(says: Says) -> &'static str {
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
