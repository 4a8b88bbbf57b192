//! A reader of our own HTML, strict enough to find what a browser would forgive.

use std::collections::BTreeSet;

/// Tags that have no end.
const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];

/// The values of `autocomplete` that our fields may have.
const AUTOCOMPLETE: [&str; 5] = ["username", "current-password", "new-password", "one-time-code", "off"];

#[derive(Debug, Clone)]
pub(super) struct Tag {
    name: String,
    attributes: Vec<(String, Option<String>)>,
    closes: bool,
    /// The words up to the next tag.
    after: String,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.as_deref())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(found, _)| found == name)
    }

    fn read(inside: &str, after: &str) -> Tag {
        let closes = inside.starts_with('/');
        let inside = inside.trim_start_matches('/').trim_end_matches('/');
        let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let attribute = &rest[..end];
            if attribute.is_empty() {
                break;
            }
            rest = &rest[end..];
            let value = rest.strip_prefix("=\"").map(|quoted| {
                let (value, behind) = quoted.split_once('"').expect("an attribute ends with a quote");
                rest = behind;
                value.to_owned()
            });
            attributes.push((attribute.to_owned(), value));
        }
        Tag { name: name.to_owned(), attributes, closes, after: after.to_owned() }
    }
}

pub(super) struct Html {
    page: String,
    tags: Vec<Tag>,
}

impl Html {
    /// Reads a page; `page` names it when something is wrong.
    pub(super) fn read(page: &str, text: &str) -> Html {
        let text = text.trim_start();
        assert!(text.starts_with("<!doctype html>"), "{page}: {}", &text[..40]);
        let tags = text
            .split('<')
            .skip(2)
            .map(|piece| {
                let (inside, after) = piece.split_once('>').expect("a tag ends");
                Tag::read(inside, after)
            })
            .collect();
        Html { page: page.to_owned(), tags }
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().filter(|tag| !tag.closes)
    }

    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &Tag> {
        self.tags().filter(move |tag| tag.name == name)
    }

    pub(super) fn first(&self, name: &'static str) -> &Tag {
        self.all(name).next().unwrap_or_else(|| panic!("{} has no <{name}>", self.page))
    }

    pub(super) fn by_id(&self, id: &str) -> &Tag {
        self.tags().find(|tag| tag.get("id") == Some(id)).unwrap_or_else(|| panic!("{}: no #{id}", self.page))
    }

    pub(super) fn title(&self) -> &str {
        self.first("title").after.trim()
    }

    /// Everything a person may read: the text, and the attributes that hold words.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().flat_map(|tag| {
            let spoken = ["alt", "aria-label", "data-copied", "data-hide-words", "data-right", "data-done"];
            spoken.into_iter().filter_map(|name| tag.get(name)).chain([tag.after.as_str()])
        })
    }

    pub(super) fn is_balanced(&self) {
        let mut open: Vec<&str> = Vec::new();
        for tag in &self.tags {
            if tag.closes {
                assert_eq!(open.pop(), Some(tag.name.as_str()), "{}: a tag is not closed", self.page);
            } else if !VOID.contains(&tag.name.as_str()) && tag.name != "path" {
                open.push(&tag.name);
            }
        }
        assert!(open.is_empty(), "{}: {open:?} stay open", self.page);
    }

    pub(super) fn has_one_heading_and_one_main(&self) {
        assert_eq!(self.all("h1").count(), 1, "{}", self.page);
        assert_eq!(self.all("main").count(), 1, "{}", self.page);
    }

    pub(super) fn labels_every_field(&self) {
        let labels: BTreeSet<_> = self.all("label").filter_map(|label| label.get("for")).collect();
        for input in self.all("input").chain(self.all("textarea")) {
            if input.has("hidden") || input.get("type") == Some("hidden") {
                continue;
            }
            let id = input.get("id").unwrap_or_default();
            assert!(labels.contains(id), "{}: {input:?} has no label", self.page);
            if let Some(name) = input.get("name") {
                // One of several of the same name adds what tells it from the others.
                let own = id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
                assert!(own, "{}: {id} is not the name of the field, {name}", self.page);
            }
        }
        for label in labels {
            self.by_id(label);
        }
        for picture in self.all("img") {
            assert!(picture.get("alt").is_some_and(|alt| alt.len() > 10), "{}", self.page);
        }
    }

    pub(super) fn knows_its_autocomplete_tokens(&self) {
        for input in self.all("input") {
            let typed = matches!(input.get("type"), Some("text" | "password"));
            let token = input.get("autocomplete");
            assert!(
                !typed || token.is_some_and(|token| AUTOCOMPLETE.contains(&token)),
                "{}: {token:?}",
                self.page
            );
        }
    }

    pub(super) fn has_no_inline_script_or_style(&self) {
        for tag in self.tags() {
            let page = &self.page;
            assert_ne!(tag.name, "style", "{page}");
            assert!(!tag.has("style"), "{page}: {tag:?}");
            assert!(tag.name != "script" || (tag.has("src") && tag.after.is_empty()), "{page}: {tag:?}");
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on"), "{page}: {tag:?}");
                assert!(!value.as_deref().unwrap_or("").starts_with("javascript:"), "{page}: {tag:?}");
            }
        }
    }

    pub(super) fn has_unique_ids_and_live_references(&self) {
        let mut ids = BTreeSet::new();
        for id in self.tags().filter_map(|tag| tag.get("id")) {
            assert!(ids.insert(id), "{}: two of #{id}", self.page);
        }
        for tag in self.tags() {
            let references = ["aria-describedby", "aria-labelledby", "aria-controls"]
                .into_iter()
                .filter_map(|name| tag.get(name))
                .flat_map(str::split_whitespace)
                .chain(tag.get("href").and_then(|href| href.strip_prefix('#')));
            for id in references {
                assert!(ids.contains(id), "{}: #{id} is not there", self.page);
            }
        }
    }

    pub(super) fn has_at_most_one_main_button(&self) {
        let main = self.tags().filter(|tag| tag.get("class") == Some("main")).count();
        assert!(main <= 1, "{} has {main} main buttons", self.page);
    }

    pub(super) fn posts_without_the_browsers_own_checks(&self) {
        for form in self.all("form") {
            assert_eq!(form.get("method"), Some("post"), "{}", self.page);
            assert!(form.has("novalidate"), "{}", self.page);
            assert!(form.get("action").is_some_and(|action| action.starts_with('/')), "{}", self.page);
        }
    }
}
