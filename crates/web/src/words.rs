//! Every word a person sees, from the Fluent files in `locales/`. `shell.rs` hands them to the templates.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// A language the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, which every missing word falls back to.
    En,
    /// German.
    De,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub(crate) const ALL: [Language; 2] = [Language::En, Language::De];

    /// The language of a two-letter code, as in `?lang=de`.
    pub(crate) fn from_code(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The best answer to an `Accept-Language` header: English if it names none of ours.
    pub(crate) fn negotiate(accept_language: &str) -> Language {
        let requested = by_preference(accept_language);
        let available = Language::ALL.map(Language::id);
        let english = Language::En.id();
        let found =
            negotiate_languages(&requested, &available, Some(&english), NegotiationStrategy::Filtering);
        found.first().and_then(|id| Language::from_code(id.language.as_str())).unwrap_or(Language::En)
    }

    /// The code for `<html lang>` and `?lang=`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
        }
    }

    /// The language's name in itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::En => "English",
            Language::De => "Deutsch",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Language::En => include_str!("../locales/en.ftl"),
            Language::De => include_str!("../locales/de.ftl"),
        }
    }

    fn id(self) -> LanguageIdentifier {
        // Both codes are well formed; the root language stands for the impossible case.
        self.code().parse().unwrap_or_default()
    }
}

/// The languages of an `Accept-Language` header, best first. Fluent's own parser drops the weights, so they are
/// applied here; a weight of zero refuses (RFC 9110, section 12.5.4).
fn by_preference(header: &str) -> Vec<LanguageIdentifier> {
    let mut weighted: Vec<(LanguageIdentifier, f32)> = Vec::new();
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(Ok(id)) = parts.next().map(str::parse) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
        let Ok(weight) = weight else { continue };
        if weight > 0.0 {
            weighted.push((id, weight));
        }
    }
    weighted.sort_by(|(_, one), (_, other)| other.total_cmp(one)); // stable: equal weights keep their order
    weighted.into_iter().map(|(id, _)| id).collect()
}

/// A value inside a message: text as it is, numbers so that plurals can follow them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    /// Shown as it is. The template escapes it, as everything.
    Text(&'a str),
    /// Shown as digits; selects the plural.
    Number(i64),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Arg::Text(text)
    }
}

// Templates hand over a reference to whatever a field is.
impl<'a> From<&'a &'a str> for Arg<'a> {
    fn from(text: &'a &'a str) -> Self {
        Arg::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Arg::Text(text)
    }
}

// A bare number in a template.
impl From<i32> for Arg<'_> {
    fn from(number: i32) -> Self {
        Arg::Number(i64::from(number))
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Arg::Number(number)
    }
}

impl From<&i64> for Arg<'_> {
    fn from(number: &i64) -> Self {
        Arg::Number(*number)
    }
}

impl From<&u32> for Arg<'_> {
    fn from(number: &u32) -> Self {
        Arg::Number(i64::from(*number))
    }
}

/// The words of every language. Cheap to clone. A language takes a quarter of a megabyte, and none before somebody reads it.
#[derive(Clone)]
pub(crate) struct Words {
    catalogs: Arc<[OnceLock<Catalog>; Language::ALL.len()]>,
}

struct Catalog {
    /// Messages without variables, resolved in advance: most of them.
    plain: HashMap<String, String>,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// The embedded files are read when they are needed. They are compiled in and tested, so there is nothing to go wrong at run
    /// time.
    pub(crate) fn new() -> Words {
        Words { catalogs: Arc::default() }
    }

    /// The words for `key`, which takes no values. A missing key shows in English, and else as itself.
    pub(crate) fn get<'a>(&'a self, language: Language, key: &'a str) -> Cow<'a, str> {
        self.get_with(language, key, &[])
    }

    /// The words for `key` with `values` filled in.
    pub(crate) fn get_with<'a>(
        &'a self,
        language: Language,
        key: &'a str,
        values: &[(&str, Arg<'_>)],
    ) -> Cow<'a, str> {
        for language in [language, Language::En] {
            if let Some(found) = self.catalog(language).find(key, values) {
                return found;
            }
        }
        Cow::Borrowed(key)
    }

    /// A length of time in words: "40 seconds", "3 minutes".
    pub(crate) fn duration(&self, language: Language, seconds: i64) -> String {
        // Up to two minutes seconds are what a person counts; after that they only distract.
        let (key, number) = match seconds.abs() {
            seconds @ 0..120 => ("duration-seconds", seconds),
            seconds => ("duration-minutes", (seconds + 30) / 60),
        };
        self.get_with(language, key, &[("count", Arg::Number(number))]).into_owned()
    }

    fn catalog(&self, language: Language) -> &Catalog {
        let catalog = match language {
            Language::En => &self.catalogs[0],
            Language::De => &self.catalogs[1],
        };
        catalog.get_or_init(|| Catalog::of(language))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}

impl Catalog {
    fn of(language: Language) -> Catalog {
        // A line that does not parse is left out here and found by the tests below.
        let resource =
            FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(readable, _)| readable);
        let keys: Vec<String> = message_keys(&resource);
        let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
        // The marks that isolate values would end up in copied text; all our languages run one way.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);

        let mut catalog = Catalog { plain: HashMap::new(), bundle };
        for key in keys {
            if let Some((text, true)) = catalog.resolve(&key, None) {
                catalog.plain.insert(key, text);
            }
        }
        catalog
    }

    fn find<'a>(&'a self, key: &str, values: &[(&str, Arg<'_>)]) -> Option<Cow<'a, str>> {
        if let Some(text) = self.plain.get(key) {
            return Some(Cow::Borrowed(text));
        }
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            let value = match value {
                Arg::Text(text) => FluentValue::from(*text),
                Arg::Number(number) => FluentValue::from(*number),
            };
            args.set(*name, value);
        }
        self.resolve(key, Some(&args)).map(|(text, _)| Cow::Owned(text))
    }

    /// The text, and whether nothing was missing in it.
    fn resolve(&self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<(String, bool)> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors).into_owned();
        Some((text, errors.is_empty()))
    }
}

fn message_keys(resource: &FluentResource) -> Vec<String> {
    resource
        .source()
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
