//! One thing that is wrong with a form, as the page shows it. Which words it gets is in `wording.rs`.

/// Something the person can put right. It stands above the heading and, if it has a field, beside that too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The `id` and `name` of the field it is about.
    pub(crate) field: Option<&'static str>,
    /// What happened and what to do, in the person's language.
    pub(crate) text: String,
}

impl Problem {
    /// A problem with one field.
    pub(crate) fn at(field: &'static str, text: impl Into<String>) -> Problem {
        Problem { field: Some(field), text: text.into() }
    }

    /// A problem with the whole form.
    pub(crate) fn general(text: impl Into<String>) -> Problem {
        Problem { field: None, text: text.into() }
    }
}

/// The words to show beside `field`.
pub(crate) fn problem_at<'a>(problems: &'a [Problem], field: &str) -> Option<&'a str> {
    problems.iter().find(|problem| problem.field == Some(field)).map(|problem| problem.text.as_str())
}
