//! License expressions (SPDX 2.3, annex D): may this one be satisfied with what we allow? Asked by `supply.rs`.

use anyhow::{Result, bail};

/// Whether the licenses in `allowed` satisfy `expression`. Fails for an expression that cannot be read.
pub(crate) fn satisfied(expression: &str, allowed: &[String]) -> Result<bool> {
    // Old manifests write `MIT/Apache-2.0`, which always meant a choice.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = Words { rest: spaced.split_whitespace().collect(), allowed };
    words.rest.reverse();
    let answer = words.any()?;
    match words.rest.pop() {
        None => Ok(answer),
        Some(word) => bail!("`{word}` is not expected in the license `{expression}`"),
    }
}

/// The words that are still to be read, the next one last.
struct Words<'a> {
    rest: Vec<&'a str>,
    allowed: &'a [String],
}

impl Words<'_> {
    /// `a OR b OR …`. AND binds more tightly.
    fn any(&mut self) -> Result<bool> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    /// `a AND b AND …`
    fn all(&mut self) -> Result<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    /// A name, perhaps with an exception, or an expression in parentheses.
    fn one(&mut self) -> Result<bool> {
        match self.rest.pop() {
            Some("(") => {
                let answer = self.any()?;
                if !self.take(")") {
                    bail!("a license expression does not close its parenthesis");
                }
                Ok(answer)
            }
            None | Some(")" | "AND" | "OR" | "WITH") => bail!("a license expression lacks a license"),
            Some(name) if self.take("WITH") => {
                let Some(exception) = self.rest.pop() else { bail!("`{name} WITH` lacks its exception") };
                Ok(self.allows(&format!("{name} WITH {exception}")))
            }
            Some(name) => Ok(self.allows(name)),
        }
    }

    fn allows(&self, license: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == license)
    }

    fn take(&mut self, word: &str) -> bool {
        let next = self.rest.last() == Some(&word);
        if next {
            self.rest.pop();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    fn with(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(String::from);
        satisfied(expression, &allowed).unwrap()
    }

    #[test]
    fn a_choice_needs_one_allowed_license() {
        assert!(with("MIT"));
        assert!(with("GPL-3.0-only OR MIT"));
        assert!(with("MIT/GPL-3.0"));
        assert!(with("Apache-2.0 / MIT"));
        assert!(!with("GPL-3.0-only OR LGPL-2.1-or-later"));
    }

    #[test]
    fn a_union_needs_every_license_to_be_allowed() {
        assert!(with("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!with("(MIT OR Apache-2.0) AND OpenSSL"));
        assert!(!with("MIT AND (GPL-2.0-only OR OpenSSL)"));
    }

    #[test]
    fn and_binds_more_tightly_than_or() {
        assert!(with("MIT OR GPL-3.0-only AND OpenSSL"));
        assert!(!with("OpenSSL AND MIT OR GPL-3.0-only"));
    }

    #[test]
    fn an_exception_makes_another_license_of_it() {
        assert!(!with("Apache-2.0 WITH LLVM-exception"));
        assert!(with("Apache-2.0 WITH LLVM-exception OR MIT"));
    }

    #[test]
    fn an_unreadable_expression_is_an_error_and_not_a_yes() {
        for broken in ["", "MIT OR", "(MIT", "MIT MIT", "AND MIT", "MIT WITH"] {
            assert!(satisfied(broken, &["MIT".to_owned()]).is_err(), "{broken:?} was read");
        }
    }
}
