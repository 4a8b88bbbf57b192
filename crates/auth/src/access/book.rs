//! The rules of the place: those of the settings first, then those that were made by command. A change by one node is seen by
//! the others at their next look, which is one read of a number at most.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use store::rule_books::{self, RuleBook};
use store::{State, claims};

use super::draft::{Draft, MOST};
use super::rule::Rule;
use crate::audit::{Happened, Whom};
use crate::{App, Error, Result, Visit};

/// The rules as they were when this node last looked, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book(Arc<Mutex<Option<Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    /// What the database was when the revision was last found to be this one.
    state: Option<State>,
    revision: i64,
    rules: Arc<[Rule]>,
}

impl Book {
    /// The rules, if nothing at all has changed since.
    fn of_state(&self, state: Option<State>) -> Option<Arc<[Rule]>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |kept: &&Kept| state.is_some() && kept.state == state;
        kept.as_ref().filter(same).map(|kept| kept.rules.clone())
    }

    /// The rules, if they are of this revision, which was read after the database was found to be in that state.
    fn at(&self, revision: i64, state: Option<State>) -> Option<Arc<[Rule]>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_mut().filter(|kept| kept.revision == revision)?;
        kept.state = state;
        Some(kept.rules.clone())
    }

    fn keep(&self, kept: Kept) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

/// A rule, and its number: 1 is the first of the settings, or of all when there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub number: usize,
    /// The rule.
    pub rule: Rule,
}

/// Every rule in the order in which they are asked. Costs one point read while nothing changes.
pub async fn rules(app: &App) -> Result<Arc<[Rule]>> {
    rules_in(app, None).await
}

/// The same for whoever knows what the database holds now. Costs nothing while nothing changes.
pub(crate) async fn rules_in(app: &App, state: Option<State>) -> Result<Arc<[Rule]>> {
    if let Some(rules) = rules_kept(app, state) {
        return Ok(rules);
    }
    let revision = app.db.check(rule_books::revision).await?.unwrap_or(0);
    if let Some(rules) = app.book.at(revision, state) {
        return Ok(rules);
    }
    let book = app.db.check(rule_books::load).await?;
    let (revision, made) = opened(book)?;
    let rules: Arc<[Rule]> = app.config.access_rules.iter().cloned().chain(made).collect();
    app.book.keep(Kept { state, revision, rules: rules.clone() });
    Ok(rules)
}

/// The same where nothing has to be asked for.
pub(crate) fn rules_kept(app: &App, state: Option<State>) -> Option<Arc<[Rule]>> {
    app.book.of_state(state)
}

/// Adds a rule behind all others, or before the one that has this number now. Answers the number it has.
pub async fn add(app: &App, rule: Rule, before: Option<usize>) -> Result<Numbered> {
    change(app, move |made, file| {
        if made.len() >= MOST {
            return Err(Error::Refused(format!(
                "there are {MOST} rules that were made by command, and that is the most. To see them: latchkey access list"
            )));
        }
        let at = match before {
            None => made.len(),
            Some(number) => place_of(number, file, made)?,
        };
        made.insert(at, rule.clone());
        Ok((Happened::AccessRuleAdded, Numbered { number: file.len() + at + 1, rule: rule.clone() }))
    })
    .await
}

/// Removes the rule that has this number, and answers what it was.
pub async fn remove(app: &App, number: usize) -> Result<Numbered> {
    change(app, move |made, file| {
        let at = place_of(number, file, made)?;
        Ok((Happened::AccessRuleRemoved, Numbered { number, rule: made.remove(at) }))
    })
    .await
}

/// Where among the rules that were made by command the one with this number stands.
fn place_of(number: usize, file: &[Rule], made: &[Rule]) -> Result<usize> {
    if let Some(place) = number.checked_sub(1).and_then(|at| file.get(at)).and_then(Rule::place) {
        return Err(Error::Refused(format!(
            "rule {number} stands in {place}, before all that are made by command: change it there, and restart Latchkey"
        )));
    }
    let at = number.checked_sub(file.len() + 1).filter(|at| *at < made.len());
    at.ok_or_else(|| {
        Error::NotFound(format!("no rule has the number {number}. Which there are: latchkey access list"))
    })
}

/// Changes the rules that were made by command, and records that, in one transaction.
async fn change(
    app: &App,
    what: impl Fn(&mut Vec<Rule>, &[Rule]) -> Result<(Happened, Numbered)> + Send + 'static,
) -> Result<Numbered> {
    let (now, config) = (app.clock.now(), app.config.clone());
    let scribe = app.scribe(&Visit::default(), now);
    app.db
        .write(move |tx| {
            // One at a time: each goes on from what the one before has made.
            claims::lock(tx, "access", now)?;
            let (before, mut made) = opened(rule_books::load(tx)?)?;
            let (happened, numbered) = what(&mut made, &config.access_rules)?;
            // Never a number that was there before, not even in a database that was restored from a backup.
            let revision = now.millis().max(before.saturating_add(1));
            let rules = made.iter().map(|rule| rule.draft().json()).collect::<Value>().to_string();
            if !rule_books::replace(tx, &RuleBook { revision, rules }, before, now)? {
                return Err(Error::Busy);
            }
            let (number, rule) = (numbered.number.to_string(), numbered.rule.draft().json().to_string());
            scribe.record(
                tx,
                happened,
                Whom { id: None, name: "" },
                &[("number", &number), ("rule", &rule)],
            )?;
            Ok(numbered)
        })
        .await
}

/// The revision, and the rules that were made by command. What does not read as rules lets nobody in.
fn opened(book: Option<RuleBook>) -> Result<(i64, Vec<Rule>)> {
    let Some(book) = book else { return Ok((0, Vec::new())) };
    let rules = read(&book.rules).map_err(|why| {
        Error::broken(anyhow::anyhow!(
            "the access rules in the database were changed by hand, or damaged: {why}"
        ))
    })?;
    Ok((book.revision, rules))
}

fn read(text: &str) -> Result<Vec<Rule>, String> {
    let listed = serde_json::from_str::<Vec<Value>>(text).map_err(|e| e.to_string())?;
    let rule =
        |value| Draft::of_json(value)?.check(None).map_err(|flaw| format!("{}: {}", flaw.key, flaw.text));
    listed.into_iter().map(rule).collect()
}
