//! One thing that is wrong with a form, as the page shows it. Which words it gets is in `wording.rs`.

/// Something the person can put right. It stands above the heading and, if it has a field, beside that too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The `id` and `name` of the field it is about.
    pub(crate) field: Option<&'static str>,
    /// The same for programs, in a word that stays: `code_used`. Empty where there is no more to say than the status does.
    pub(crate) reason: &'static str,
    /// What happened and what to do, in the person's language.
    pub(crate) text: String,
}

impl Problem {
    /// A problem with one field.
    pub(crate) fn at(field: &'static str, text: impl Into<String>) -> Problem {
        Problem { field: Some(field), reason: "", text: text.into() }
    }

    /// The same, for the reason that these words have as their key.
    pub(crate) fn because(self, key: &'static str) -> Problem {
        Problem { reason: key, ..self }
    }

    /// A problem with the whole form.
    pub(crate) fn general(text: impl Into<String>) -> Problem {
        Problem { field: None, reason: "", text: text.into() }
    }
}

/// The word for programs that belongs to the key of some words: `problem-code-used` is `code_used`.
pub(crate) fn reason_of(key: &str) -> String {
    let key = key.strip_prefix("problem-").unwrap_or(key);
    key.strip_suffix("-heading").unwrap_or(key).replace('-', "_")
}

/// The words to show beside `field`.
pub(crate) fn problem_at<'a>(problems: &'a [Problem], field: &str) -> Option<&'a str> {
    problems.iter().find(|problem| problem.field == Some(field)).map(|problem| problem.text.as_str())
}
