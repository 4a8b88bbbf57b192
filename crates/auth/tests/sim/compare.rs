//! Whether the tables say what the model says, and whether everybody still gets in at the end.

use store::{Conn, Error, Sql};

use crate::act::{Act, Held, Shown};
use crate::model::Verdict;
use crate::script::one_name;
use crate::world::World;

/// Somebody as the tables have them.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: String,
    epoch: i64,
    disabled: bool,
    authenticators: i64,
    last_step: i64,
    codes: i64,
}

const PEOPLE: Sql = Sql::new(
    "SELECT u.name_key, u.epoch, u.disabled,
            (SELECT count(*) FROM authenticators a WHERE a.user_id = u.id AND a.retires_at IS NULL),
            (SELECT coalesce(max(last_step), -1) FROM authenticators a WHERE a.user_id = u.id AND a.retires_at IS NULL),
            (SELECT count(*) FROM recovery_codes r WHERE r.user_id = u.id)
     FROM users u ORDER BY u.name_key",
);
const CHARGED: Sql =
    Sql::new("SELECT CAST(coalesce(sum(failures), 0) AS BIGINT) FROM attempts WHERE kind = $1");

fn people(conn: &mut Conn<'_>) -> Result<Vec<Seen>, Error> {
    conn.all(PEOPLE, &[], |row| {
        Ok(Seen {
            name: row.text(0)?,
            epoch: row.int(1)?,
            disabled: row.bool(2)?,
            authenticators: row.int(3)?,
            last_step: row.int(4)?,
            codes: row.int(5)?,
        })
    })
}

impl World {
    /// What was acknowledged is in the tables, and nothing else is.
    pub(crate) fn compare(&mut self) -> Verdict {
        let expected: Vec<Seen> = self
            .model
            .users
            .iter()
            .map(|(name, user)| {
                let good = || user.authenticators.values().filter(|one| one.good);
                Seen {
                    name: name.clone(),
                    epoch: user.epoch,
                    disabled: user.disabled,
                    authenticators: i64::try_from(good().count()).unwrap(),
                    last_step: good().map(|one| one.last_step).max().unwrap_or(-1),
                    codes: user.codes,
                }
            })
            .collect();
        let found = self.look(people);
        if found != expected {
            return Err(format!("the tables say\n  {found:?}\nand it has to be\n  {expected:?}"));
        }
        for kind in ["password", "code", "code_alone", "recovery"] {
            let charged = self.look(move |conn| conn.one(CHARGED, &[kind.into()], |row| row.int(0)));
            let least = self.model.budgets.charged(kind);
            if usize::try_from(charged.unwrap_or(0)).unwrap() < least {
                return Err(format!("{least} wrong ones of {kind} were judged, and {charged:?} are charged"));
            }
        }
        Ok(())
    }

    /// When all is quiet: who is signed in is so, and whoever may get in does.
    pub(crate) fn ends(&mut self) -> Verdict {
        // Whoever is let in again is not signed in by that.
        let disabled = self.model.users.iter().filter(|(_, user)| user.disabled);
        let disabled: Vec<_> = disabled.map(|(name, _)| one_name(name)).collect();
        for name in disabled {
            self.calmly(Act::Enable { name })?;
        }
        for session in self.known.sessions.clone() {
            self.calmly(Act::Check { session })?;
        }
        // Longer than anything rests.
        self.wait(3 * 60 * 60);
        let mut people = Vec::new();
        for (name, user) in &self.model.users {
            let good = user.authenticators.iter().rfind(|(_, one)| one.good);
            if let (Some((by, one)), false) = (good, user.disabled) {
                people.push((name.clone(), user.password.clone(), *by, one.key.clone()));
            }
        }
        for (name, password, by, key) in people {
            let name = one_name(&name);
            let step = self.now().div_euclid(30);
            let text = otp::totp::code(&key, step * 30).reveal().to_string();
            let code = Shown { key: Some(by), step, text };
            let act = match self.factors {
                "code" => Act::ByCode { name, code },
                _ => {
                    let begun = self.calmly(Act::Begin { name, password })?;
                    let login = self.known.logins.iter().find(|login| login.by == begun);
                    let Some(Held { secret, .. }) = login else {
                        return Err(format!("{name} is kept out, with the right password"));
                    };
                    Act::Complete { login: Held { by: begun, secret: secret.clone(), name }, code }
                }
            };
            let number = self.calmly(act)?;
            if !self.has(number, "sign_in.completed") {
                return Err(format!("{name} is kept out, with the right code"));
            }
        }
        self.compare()
    }
}
