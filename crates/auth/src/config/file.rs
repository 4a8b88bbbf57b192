//! What the text of a settings file says: lines that set something, and access rules. What they mean is in `settings.rs` and
//! `access/draft.rs`.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::Place;
use crate::access::{Draft, Field, Given, Rule};

/// Where a file has the access rules: not a setting, but a list of tables, which has no form for the environment.
pub(crate) const RULES: &str = "access.rules";

/// A setting as it stands in a file.
pub(crate) struct Line {
    /// Its table and its key, joined by a dot.
    pub(crate) key: String,
    /// Which line it is.
    pub(crate) number: usize,
    /// Its text; `None` where it is none that a setting has.
    pub(crate) value: Option<Zeroizing<String>>,
}

/// What a file says.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) lines: Vec<Line>,
    pub(crate) rules: Vec<WrittenRule>,
}

/// An access rule as it stands in a file, and the line in which it begins.
pub(crate) struct WrittenRule {
    number: usize,
    /// `None` where it is no table.
    fields: Option<Vec<Field>>,
}

impl WrittenRule {
    /// The rule that is meant, or the line that is wrong and why.
    pub(crate) fn read(self, at: &impl Fn(usize) -> Place) -> Result<Rule, (usize, String)> {
        let Some(fields) = self.fields else {
            return Err((self.number, format!("{RULES}: a rule is a table: begin it with [[{RULES}]]")));
        };
        let keys: Vec<(String, usize)> = fields.iter().map(|field| (field.key.clone(), field.line)).collect();
        let named = |(line, why)| (line, format!("{RULES}: {why}"));
        let draft = Draft::of_fields(fields).map_err(named)?;
        draft.check(Some(at(self.number))).map_err(|flaw| {
            let line = keys.iter().find(|(key, _)| key == flaw.key).map_or(self.number, |(_, line)| *line);
            (line, format!("{RULES}: {}: {}", flaw.key, flaw.text))
        })
    }
}

/// What the text of a file says, or the line that cannot be read and why.
pub(crate) fn written(text: &str) -> Result<Written, (usize, String)> {
    let line_of =
        |offset: usize| 1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count();
    // The parser's message, not its picture of the line: the line may hold a secret.
    let table = DeTable::parse(text)
        .map_err(|e| (e.span().map_or(1, |span| line_of(span.start)), e.message().to_owned()))?;
    let mut leaves = Vec::new();
    flatten("", table.get_ref(), &mut leaves);
    let mut written = Written::default();
    for (key, at, value) in leaves {
        match value {
            DeValue::Array(list) if key == RULES => {
                let rule = |item: &Spanned<DeValue<'_>>| WrittenRule {
                    number: line_of(item.span().start),
                    fields: item.get_ref().as_table().map(|table| fields(table, &line_of)),
                };
                written.rules.extend(list.iter().map(rule));
            }
            _ if key == RULES => written.rules.push(WrittenRule { number: line_of(at), fields: None }),
            value => written.lines.push(Line { key, number: line_of(at), value: text_of(value) }),
        }
    }
    Ok(written)
}

/// The keys of a rule.
fn fields(table: &DeTable<'_>, line_of: &impl Fn(usize) -> usize) -> Vec<Field> {
    let given = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Boolean(yes) => Given::Yes(*yes),
        DeValue::Array(list) => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            list.iter().map(text).collect::<Option<_>>().map_or(Given::Other, Given::Texts)
        }
        _ => Given::Other,
    };
    let field = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| Field {
        key: key.get_ref().to_string(),
        line: line_of(key.span().start),
        value: given(value.get_ref()),
    };
    table.iter().map(field).collect()
}

fn flatten<'a>(prefix: &str, table: &'a DeTable<'a>, leaves: &mut Vec<(String, usize, &'a DeValue<'a>)>) {
    for (key, value) in table.iter() {
        let name = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() && name != RULES => {
                flatten(&format!("{name}."), inner, leaves)
            }
            other => leaves.push((name, Spanned::span(key).start, other)),
        }
    }
}

fn text_of(value: &DeValue<'_>) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().replace('_', ""),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Array(list) => {
            let texts: Option<Vec<&str>> = list.iter().map(|item| item.get_ref().as_str()).collect();
            texts?.join(",")
        }
        _ => return None,
    }))
}
