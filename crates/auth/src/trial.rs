//! What a code would be, for those who run the place and have somebody on the phone. Nothing is spent, and nothing charged:
//! whoever may ask this could read the secrets themselves. Where codes are judged is `code.rs`.

use otp::totp::{self, Step};
use otp::{Account, Code, Key, Qr};
use store::authenticators::Authenticator;
use store::{Time, authenticators, users};

use crate::authenticator::{key_of, parse_code};
use crate::drift::Drift;
use crate::limits::IN_A_ROW;
use crate::name::Name;
use crate::{App, Error, Result};

/// How far a code is searched for on each side, in steps. Among a hundred times as many, a wrong one would often be found.
const FAR: i64 = 120;

/// A setup link as a QR code, written again in the one form that all apps understand.
pub fn qr(link: &str) -> Result<Qr> {
    let account = Account::parse(link).map_err(|error| Error::Refused(error.to_string()))?;
    Qr::encode(&account.to_uri()).map_err(|error| Error::Refused(error.to_string()))
}

/// What a code would be just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be taken.
    Good,
    /// It was right, and it, or a later one, has been used.
    Used,
    /// It was right so many steps ago.
    Past {
        /// How many.
        steps: i64,
        /// How long that is, in seconds.
        seconds: i64,
    },
    /// It will be right in so many steps.
    Future {
        /// How many.
        steps: i64,
        /// How long that is, in seconds.
        seconds: i64,
    },
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The name as typed when it was registered.
    pub name: String,
    /// What the code would be, and the label of the authenticator whose it is; `None` when it is nobody's.
    pub verdict: Option<(Verdict, String)>,
    /// They may not sign in, whatever the code.
    pub disabled: bool,
    /// No code of theirs is taken: there were a hundred wrong ones in a row.
    pub codes_closed: bool,
}

/// Looks what a code of somebody would be.
pub async fn code(app: &App, name: &str, typed: &str) -> Result<Trial> {
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    let code = parse_code(typed)?;
    let (now, vault) = (app.clock.now(), app.vault.clone());
    app.db
        .scan(move |conn| {
            let user = users::by_name(conn, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            let mut found = Vec::new();
            for row in authenticators::of_user(conn, &user.id, now)? {
                let verdict = verdict(&key_of(conn, &vault, &row)?, &code, &row, now);
                found.extend(verdict.map(|verdict| (verdict, row.label)));
            }
            Ok(Trial {
                name: user.name,
                verdict: found.into_iter().min_by_key(|(verdict, _)| verdict.distance()),
                disabled: user.disabled,
                codes_closed: user.wrong_codes >= IN_A_ROW,
            })
        })
        .await
}

impl Verdict {
    /// Of several authenticators the one is named that the code fits best.
    fn distance(&self) -> i64 {
        match self {
            Verdict::Good => -2,
            Verdict::Used => -1,
            Verdict::Past { seconds, .. } | Verdict::Future { seconds, .. } => *seconds,
        }
    }
}

fn verdict(key: &Key, code: &Code, row: &Authenticator, now: Time) -> Option<Verdict> {
    let window = Drift { steps: row.drift, votes: row.drift_votes }.window();
    if let Some(step) = totp::verify_at(key, code, now.seconds(), &window) {
        return Some(if step.number() > row.last_step { Verdict::Good } else { Verdict::Used });
    }
    let steps = totp::search(key, code, now.seconds(), FAR, FAR)?;
    let seconds = steps.abs() * i64::from(key.period());
    if steps > 0 {
        return Some(Verdict::Future { steps, seconds });
    }
    // What is long over and was used is still said to be used: somebody reads an old code.
    let step = Step::at(now.seconds(), key.period()).number() + steps;
    Some(if step == row.last_step { Verdict::Used } else { Verdict::Past { steps: -steps, seconds } })
}
