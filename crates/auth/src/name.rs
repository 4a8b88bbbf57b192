//! Usernames: shown as typed, compared in lower case, never changed.

use crate::error::Rule;

/// A username that keeps the rule: 1 to 64 of `a-z 0-9 . _ - @ +`, in either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    shown: String,
    key: String,
}

impl Name {
    /// The name as it was typed. Spaces around it are dropped, as phones like to add one.
    pub(crate) fn parse(typed: &str) -> Result<Name, Rule> {
        let shown = typed.trim_matches(' ');
        if shown.is_empty() {
            return Err(Rule::NameMissing);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+".contains(&b);
        if shown.len() > 64 || !shown.bytes().all(allowed) {
            return Err(Rule::Name);
        }
        Ok(Name { shown: shown.to_owned(), key: shown.to_ascii_lowercase() })
    }

    /// As typed.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// In lower case: two names with the same key are the same name.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_rule_or_are_refused() {
        for good in ["ada", "Ada.Lovelace", "a", "ada+work@example.org", "0_-", &"x".repeat(64)] {
            assert_eq!(Name::parse(good).unwrap().shown(), good);
        }
        assert_eq!(Name::parse(" Ada ").unwrap().key(), "ada");
        assert_eq!(Name::parse("  "), Err(Rule::NameMissing));
        let long = "x".repeat(65);
        for bad in [
            "a da",
            "ada\u{200b}",
            "аda",
            "ädа",
            "ada\n",
            "ada\0",
            "a/b",
            "<b>",
            "ada\u{202e}",
            "ada\u{a0}",
            &long,
        ] {
            assert_eq!(Name::parse(bad), Err(Rule::Name), "{bad:?}");
        }
    }
}
