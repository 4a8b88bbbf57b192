//! What somebody has who guesses: the odds that the settings leave them, against one person and against all.

use auth::odds::{Guesses, Odds, Target, in_words};
use auth::users::Counts;
use serde_json::{Value, json};

use super::Finding;
use crate::terminal::count;

/// States the odds. There is nothing in them to mend.
pub(super) fn of(target: Target, counts: &Counts) -> [Finding; 2] {
    let (odds, recovery) = (target.odds(), Target::Recovery.odds());
    [one(target, &odds, recovery.first_day), all(target, &odds, counts)]
}

fn one(target: Target, odds: &Odds, recovery: Guesses) -> Finding {
    let who = match target {
        Target::CodeAlone => "whoever knows a name has at most",
        _ => "whoever knows a password has at most",
    };
    let mut text = format!(
        "{who} {} guesses at the code in the first day ({}), {} in each later one",
        odds.first_day.count,
        in_words(odds.first_day.chance),
        odds.later_day.count,
    );
    if let Some(run) = odds.run {
        text += &format!(", and {} in all ({})", run.count, in_words(run.chance));
    }
    text += &format!("; at a recovery code {} ({})", recovery.count, in_words(recovery.chance));
    Finding::ok("odds", text).with(json!({
        "first_day": shape(odds.first_day, 1),
        "later_day": shape(odds.later_day, 1),
        "in_all": odds.run.map(|run| shape(run, 1)),
        "recovery_first_day": shape(recovery, 1),
    }))
}

fn all(target: Target, odds: &Odds, counts: &Counts) -> Finding {
    let known = if target == Target::CodeAlone { "names" } else { "passwords" };
    let many = counts.authenticators;
    let mut text = format!(
        "whoever knows the {known} of all ({}, {}): right at one of them by chance {} in the first day",
        count(counts.people, "person", "people"),
        count(many, "authenticator", "authenticators"),
        in_words(odds.first_day.at_any_of(many)),
    );
    if let Some(run) = odds.run {
        text += &format!(", {} in all", in_words(run.at_any_of(many)));
    }
    Finding::ok("odds for all", text).with(json!({
        "people": counts.people,
        "authenticators": many,
        "first_day": shape(odds.first_day, many),
        "later_day": shape(odds.later_day, many),
        "in_all": odds.run.map(|run| shape(run, many)),
    }))
}

/// What programs read.
fn shape(guesses: Guesses, many: i64) -> Value {
    json!({ "guesses": guesses.count * many, "chance": guesses.at_any_of(many) })
}
