//! Names of people and of groups: shown as typed, compared in lower case, never changed.

use crate::error::Rule;

/// What a name may begin with, in lower case; `None` for what no name of a person or a group has in it.
pub(crate) fn beginning(typed: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+".contains(&b);
    (typed.len() <= 64 && typed.bytes().all(allowed)).then(|| typed.to_ascii_lowercase())
}

/// A name that keeps its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    shown: String,
    key: String,
}

impl Name {
    /// A username as it was typed: 1 to 64 of `a-z 0-9 . _ - @ +`, in either case. Spaces around it are dropped, as phones
    /// like to add one.
    pub(crate) fn parse(typed: &str) -> Result<Name, Rule> {
        Name::of(typed, b"._-@+", (Rule::NameMissing, Rule::Name))
    }

    /// The name of a group as it was typed: 1 to 64 of `a-z 0-9 . _ -`, in either case. Programs are told several in one
    /// header with commas between them, so neither a comma nor a space may ever be in one.
    pub(crate) fn parse_group(typed: &str) -> Result<Name, Rule> {
        Name::of(typed, b"._-", (Rule::GroupNameMissing, Rule::GroupName))
    }

    fn of(typed: &str, marks: &[u8], (missing, wrong): (Rule, Rule)) -> Result<Name, Rule> {
        let shown = typed.trim_matches(' ');
        if shown.is_empty() {
            return Err(missing);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || marks.contains(&b);
        if shown.len() > 64 || !shown.bytes().all(allowed) {
            return Err(wrong);
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

    #[test]
    fn names_of_groups_fit_into_a_header_that_commas_divide() {
        for good in ["family", "Family.and_Friends-2", "-", "..", &"x".repeat(64)] {
            assert_eq!(Name::parse_group(good).unwrap().shown(), good);
        }
        assert_eq!(Name::parse_group(" Family ").unwrap().key(), "family");
        for missing in ["", "  "] {
            assert_eq!(Name::parse_group(missing), Err(Rule::GroupNameMissing));
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
        let odd =
            ('\0'..='\u{3ff}').filter(|c| !allowed(c)).chain(['\u{200b}', '\u{202e}', '\u{ff0c}', '👩']);
        let long = "x".repeat(65);
        for bad in odd.map(|odd| format!("fam{odd}ily")).chain([long, "family\n".into(), "\tfamily".into()]) {
            assert_eq!(Name::parse_group(&bad), Err(Rule::GroupName), "{bad:?}");
        }
    }
}
