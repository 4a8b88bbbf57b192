//! What comes of an act: the answer that somebody has, held against what is committed; and what is committed, held against
//! the model.

use std::net::Ipv4Addr;

use store::Sql;

use crate::act::{Act, Gained, Outcome};
use crate::model::{Doing, Event, Verdict};
use crate::script::FIRST;
use crate::world::{Engine, World};

impl World {
    /// Somebody has an answer: is it true?
    pub(crate) fn finish(&mut self, number: usize, outcome: Outcome) -> Verdict {
        self.note(|| format!("#{number} has {}", shown(&outcome)));
        if self.engine != Engine::AnswersEarly {
            self.observe()?;
        }
        let simulated = self.sim.is_some();
        let made_session = self.model.sessions.contains_key(&number);
        let record = &self.records[number - FIRST];
        let act = record.act.clone();
        let alive_now = act.session().is_some_and(|session| self.model.is_alive(session.by));
        let issue = self.model.user(act.name()).ok().map(|user| user.issue);
        let same_issue = issue.filter(|issue| record.issue_then == Some(*issue));
        match &outcome {
            Outcome::Unknown => self.known.lost(number, true),
            Outcome::Refused(why) => {
                let done: Vec<_> = record.events.iter().filter(|kind| is_success(kind)).collect();
                if !done.is_empty() {
                    return Err(format!("#{number} was refused ({why}), and yet there is {done:?}"));
                }
            }
            Outcome::Done(Gained::SignedIn(yes)) => {
                let (may, must) = match (simulated, record.alive_at_look) {
                    (true, Some(alive)) => (alive, alive),
                    _ => (record.alive_then, record.alive_then && alive_now),
                };
                if *yes && !may {
                    return Err(format!("#{number}: a session that is over counts as signed in"));
                }
                if !*yes && must {
                    return Err(format!("#{number}: a session that is alive counts as over"));
                }
            }
            Outcome::Done(_) => {
                if let Some(kind) = witness(&record.act)
                    && !record.events.iter().any(|event| kind.contains(&event.as_str()))
                {
                    return Err(format!("#{number} was told that it is done, and there is no {kind:?}"));
                }
            }
        }
        if let Outcome::Done(gained) = outcome {
            self.known.learn(number, &act, gained, (same_issue, made_session));
        }
        let scanned = self.notes.borrow().get(&number).cloned();
        if let (Some((key, _)), Act::Confirm { enroll, .. }) = (scanned, &act) {
            self.known.scanned(enroll, key);
        }
        Ok(())
    }

    /// Moves the model along by what has been committed.
    pub(crate) fn observe(&mut self) -> Verdict {
        let after = self.seen_rows;
        let events = self.look(move |conn| {
            const NEW: Sql =
                Sql::new("SELECT rowid, kind, name, address, at FROM events WHERE rowid > $1 ORDER BY rowid");
            conn.all(NEW, &[after.into()], |row| {
                Ok(Event {
                    row: row.int(0)?,
                    kind: row.text(1)?,
                    name: row.text(2)?,
                    address: row.text(3)?,
                    at: row.int(4)?,
                })
            })
        });
        self.model.budgets.comparing = self.comparing();
        for event in events {
            self.seen_rows = event.row;
            let number = match event.address.parse::<Ipv4Addr>() {
                Ok(address) => usize::try_from(u32::from(address) & 0x00FF_FFFF).unwrap(),
                Err(_) => self.last_admin,
            };
            self.note(|| format!("    #{number} {} {}", event.kind, event.name));
            let scanned = self.notes.borrow().get(&number).cloned();
            let record = &mut self.records[number - FIRST];
            if is_success(&event.kind) && record.events.contains(&event.kind) {
                return Err(format!("#{number}: {} twice", event.kind));
            }
            record.events.push(event.kind.clone());
            let password_then = record.password_then.clone();
            let epoch_then = record.epoch_then;
            let doing = Doing { number, act: &record.act, password_then, epoch_then, scanned };
            self.model.apply(&doing, &event).map_err(|why| format!("#{number}: {why}"))?;
        }
        Ok(())
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(Gained::Codes(codes)) => format!("{} recovery codes", codes.len()),
        Outcome::Done(gained) => format!("{gained:?}"),
        other => format!("{other:?}"),
    }
}

/// Whether something was given or changed.
fn is_success(kind: &str) -> bool {
    !matches!(
        kind,
        "sign_in.password_wrong"
            | "sign_in.code_wrong"
            | "sign_in.code_replayed"
            | "recovery.code_wrong"
            | "sign_in.rested"
    )
}

/// What is committed when somebody is told that this is done. Of some things nothing has to be left to do.
fn witness(act: &Act) -> Option<&'static [&'static str]> {
    Some(match act {
        Act::Begin { .. } => &["sign_in.password_right"],
        Act::Complete { .. } | Act::ByCode { .. } => &["sign_in.completed"],
        Act::Prove { .. } => &["session.proved"],
        Act::ChangePassword { .. } => &["password.changed"],
        Act::Renew { .. } => &["recovery.codes_renewed"],
        Act::Remove { .. } => &["authenticator.removed"],
        Act::Recover { .. } => &["recovery.code_used"],
        Act::Confirm { .. } => &["user.created", "authenticator.added", "authenticator.replaced"],
        Act::Register { .. } => &["registration.started"],
        Act::Follow { .. } => &["link.used"],
        Act::Enable { .. } => &["user.enabled"],
        Act::EndAll { .. } => &["session.ended"],
        Act::Link { .. } | Act::Reset { .. } | Act::SetupLink { .. } => &["link.made"],
        _ => return None,
    })
}
