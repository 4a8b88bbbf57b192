//! What has to be true: people, sessions and secrets as the rules have it, moved by the events that were committed. It knows
//! nothing of the code that it judges, and no table but the one that the events are in.
//!
//! Every event is checked when it is moved along: whether what it spends was there, and whether whoever did it could.

use std::collections::{BTreeMap, BTreeSet};

use auth::link;
use otp::{Key, totp};

use crate::act::{Act, Shown, Spare};
use crate::budget::Budgets;

/// What is wrong, in a sentence.
pub(crate) type Verdict<T = ()> = Result<T, String>;

/// An event that was committed.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) row: i64,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) at: i64,
}

/// An act as the model sees it.
pub(crate) struct Doing<'a> {
    pub(crate) number: usize,
    pub(crate) act: &'a Act,
    /// The password of its person when it began, if they could sign in.
    pub(crate) password_then: Option<String>,
    /// Their epoch then.
    pub(crate) epoch_then: Option<i64>,
    /// The key that was scanned in it, and the step of the code that was typed.
    pub(crate) scanned: Option<(Key, i64)>,
}

#[derive(Clone)]
pub(crate) struct Authenticator {
    pub(crate) key: Key,
    pub(crate) last_step: i64,
    pub(crate) called: String,
    pub(crate) good: bool,
}

pub(crate) struct User {
    pub(crate) epoch: i64,
    pub(crate) disabled: bool,
    pub(crate) password: String,
    pub(crate) authenticators: BTreeMap<usize, Authenticator>,
    /// The act that issued the recovery codes, and those of them that are spent.
    pub(crate) issue: usize,
    pub(crate) spent: BTreeSet<String>,
    pub(crate) codes: i64,
    /// The enrollment that waits, and the link that is out: each the act that made it.
    enrolling: Option<usize>,
    link: Option<usize>,
}

struct Login {
    name: &'static str,
    epoch: i64,
    password: String,
    taken: bool,
    at: i64,
}

pub(crate) struct Session {
    pub(crate) name: &'static str,
    pub(crate) alive: bool,
    full: bool,
    proved_at: i64,
}

struct Enrollment {
    name: &'static str,
    epoch: i64,
    /// `Some`: one more, begun in that session. `None`: all are replaced.
    session: Option<usize>,
    called: String,
    password: Option<String>,
    full: bool,
}

struct Link {
    epoch: i64,
    purpose: link::Purpose,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) sessions: BTreeMap<usize, Session>,
    pub(crate) budgets: Budgets,
    logins: BTreeMap<usize, Login>,
    enrollments: BTreeMap<usize, Enrollment>,
    links: BTreeMap<usize, Link>,
    /// Names held: by which act, since when, and with what password.
    held: BTreeMap<String, (usize, i64, String)>,
    setup_links: BTreeMap<String, Option<usize>>,
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

impl Model {
    /// Somebody who is there from the beginning: acts `number` to `number` + 2 gave the key and the codes, the session, and
    /// the login.
    pub(crate) fn resident(&mut self, number: usize, resident: &crate::people::Resident, at: i64) {
        let mut user = User::new(number, resident.password.clone());
        user.add(number, (resident.key.clone(), resident.spent), "");
        self.users.insert(resident.name.into(), user);
        self.begin_session(number + 1, resident.name, true, at);
        self.begin_login(number + 2, resident.name, (resident.password.clone(), at));
    }

    pub(crate) fn user(&self, name: &str) -> Verdict<&User> {
        self.users.get(&name.to_lowercase()).ok_or_else(|| format!("nobody is called {name}"))
    }

    fn user_mut(&mut self, name: &str) -> Verdict<&mut User> {
        self.users.get_mut(&name.to_lowercase()).ok_or_else(|| format!("nobody is called {name}"))
    }

    /// Whether a session is one: not ended, in the epoch of its person, who is not locked out.
    pub(crate) fn is_alive(&self, session: usize) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.alive)
    }

    fn begin_session(&mut self, number: usize, name: &'static str, full: bool, at: i64) {
        self.sessions.insert(number, Session { name, alive: true, full, proved_at: at });
    }

    fn begin_login(&mut self, number: usize, name: &'static str, (password, at): (String, i64)) {
        let epoch = self.users[&name.to_lowercase()].epoch;
        self.logins.insert(number, Login { name, epoch, password, taken: false, at });
    }

    fn end_sessions(&mut self, name: &str, but: Option<usize>) {
        for (number, session) in &mut self.sessions {
            session.alive &= !session.name.eq_ignore_ascii_case(name) || Some(*number) == but;
        }
    }

    /// Everything that is open ends, but this session.
    fn next_epoch(&mut self, name: &str, but: Option<usize>) -> Verdict {
        self.user_mut(name)?.epoch += 1;
        self.end_sessions(name, but);
        Ok(())
    }

    /// An authenticator that somebody begins to set up: its row is committed. There is no event for it.
    pub(crate) fn begins_to_add(&mut self, number: usize, act: &Act) -> Verdict {
        let Act::Add { session, called } = act else { return Ok(()) };
        let name = session.name;
        let user = self.user_mut(name)?;
        if user.enrolling.replace(number) != Some(number) {
            let epoch = user.epoch;
            let (session, called) = (Some(session.by), called.clone());
            self.enrollments
                .insert(number, Enrollment { name, epoch, session, called, password: None, full: true });
        }
        Ok(())
    }

    /// Moves along by one event.
    pub(crate) fn apply(&mut self, doing: &Doing<'_>, event: &Event) -> Verdict {
        let (number, act, at) = (doing.number, doing.act, event.at);
        let name = act.name();
        let whose = event.name.is_empty() || event.name.eq_ignore_ascii_case(name);
        ensure(whose, || format!("{} of {name} is recorded for {}", event.kind, event.name))?;
        match (event.kind.as_str(), act) {
            ("sign_in.password_right", Act::Begin { password, .. }) => {
                let right = self.knows(doing, password)?;
                ensure(right, || format!("{password:?} is not the password of {name}"))?;
                // Locked out between the comparison and this, the login is void by its epoch.
                let locked_out = self.user(name)?.disabled && doing.password_then.is_none();
                ensure(!locked_out, || format!("{name} is locked out"))?;
                self.begin_login(number, name, (password.clone(), at));
            }
            ("sign_in.password_wrong", _) => {
                let given = act.password().unwrap_or_default();
                if let Ok(user) = self.user(name) {
                    // Whoever was locked out in the meantime has no password for a while.
                    let unchanged = doing.epoch_then == Some(user.epoch) && !user.disabled;
                    let right = user.password == given && doing.password_then.as_deref() == Some(given);
                    let right = right && unchanged;
                    ensure(!right, || format!("the right password of {name} was refused"))?;
                }
                // Whoever holds a link pays for the passwords that are given with it, and nobody else does.
                let payer = match act {
                    Act::Follow { link, .. } => format!("{name} by link {}", link.by),
                    _ => name.to_owned(),
                };
                self.budgets.wrong("password", &payer, at)?;
            }
            ("sign_in.completed", Act::Complete { login, code }) => {
                self.take_login(login.by, at)?;
                self.spend(name, code, at)?;
                self.budgets.forgive(&["password", "code"], name);
                self.begin_session(number, name, true, at);
            }
            ("sign_in.completed", Act::ByCode { code, .. }) => {
                self.spend(name, code, at)?;
                self.budgets.forgive(&["code_alone"], name);
                self.begin_session(number, name, false, at);
            }
            ("sign_in.completed", Act::Follow { code, .. }) => {
                self.spend(name, code, at)?;
                self.budgets.forgive(&["password", "code"], name);
                self.begin_session(number, name, true, at);
            }
            ("sign_in.code_wrong", _) => {
                let code = act.code().ok_or("no code was given")?;
                ensure(!self.is_fresh(name, code, at)?, || format!("the right code of {name} was refused"))?;
                let alone = matches!(act, Act::ByCode { .. });
                self.budgets.wrong(if alone { "code_alone" } else { "code" }, name, at)?;
            }
            ("sign_in.code_replayed", _) => {
                let code = act.code().ok_or("no code was given")?;
                ensure(!self.is_fresh(name, code, at)?, || {
                    format!("a code of {name} that was not used counts as used")
                })?;
            }
            ("session.proved", Act::Prove { session, password, code }) => {
                self.in_session(session.by, "a proof was taken")?;
                ensure(self.knows(doing, password)?, || format!("{password:?} is not {name}'s password"))?;
                self.spend(name, code, at)?;
                self.budgets.forgive(&["password", "code"], name);
                let was = self.sessions.get_mut(&session.by).ok_or("no session")?;
                was.proved_at = at;
                if !was.full {
                    // Another level, another token.
                    was.alive = false;
                    self.begin_session(number, name, true, at);
                }
            }
            ("password.changed", Act::ChangePassword { session, new }) => {
                self.proved(session.by, at)?;
                self.user_mut(name)?.password.clone_from(new);
                self.next_epoch(name, Some(session.by))?;
            }
            ("password.changed", Act::Follow { password, .. }) => {
                self.user_mut(name)?.password.clone_from(password);
                self.next_epoch(name, None)?;
            }
            // With the authenticator that replaces all, in one transaction.
            ("password.changed", Act::Confirm { .. }) => {}
            ("session.ended", Act::SignOut { session }) => {
                self.in_session(session.by, "a sign-out")?;
                self.sessions.get_mut(&session.by).ok_or("no session")?.alive = false;
            }
            ("session.ended", Act::EndOthers { session }) => {
                self.proved(session.by, at)?;
                self.end_sessions(name, Some(session.by));
            }
            ("session.ended", Act::EndAll { .. }) => self.next_epoch(name, None)?,
            ("authenticator.removed", Act::Remove { session, called }) => {
                self.proved(session.by, at)?;
                let theirs = &mut self.user_mut(name)?.authenticators;
                ensure(theirs.values().filter(|one| one.good).count() > 1, || "the last one went".into())?;
                let one = theirs.values_mut().find(|one| one.good && one.called == *called);
                one.ok_or("one that was not there was removed")?.good = false;
            }
            ("recovery.code_used", Act::Recover { login, code, .. }) => {
                if let Some(login) = login {
                    self.take_login(login.by, at)?;
                }
                self.spend_recovery_code(name, code)?;
                self.budgets.forgive(&["recovery"], name);
                self.begin_enrollment(number, name, (None, login.is_some()))?;
            }
            ("recovery.code_wrong", Act::Recover { code, .. }) => {
                let user = self.user(name)?;
                let good = user.issue == code.issue && !user.spent.contains(&code.text) && !user.disabled;
                ensure(!good, || format!("a good recovery code of {name} was refused"))?;
                self.budgets.wrong("recovery", name, at)?;
            }
            ("recovery.codes_renewed", Act::Renew { session }) => {
                self.proved(session.by, at)?;
                self.user_mut(name)?.issue(number);
            }
            ("registration.started", Act::Register { name, link }) => {
                self.hold(number, name, (link.as_ref().map(|link| link.by), at))?;
            }
            (
                "user.created" | "authenticator.added" | "authenticator.replaced",
                Act::Confirm { enroll, .. },
            ) => {
                let scanned = doing.scanned.clone().ok_or("confirmed without a scan")?;
                self.confirm((number, enroll.by), (name, event.kind.as_str()), scanned, at)?;
            }
            ("user.disabled", Act::Disable { .. }) => {
                self.next_epoch(name, None)?;
                self.user_mut(name)?.disabled = true;
            }
            ("user.enabled", Act::Enable { .. }) => {
                self.user_mut(name)?.disabled = false;
                self.budgets.forgive(&["password", "code", "code_alone", "recovery"], name);
            }
            ("user.factor_reset", Act::Reset { .. }) => {
                self.next_epoch(name, None)?;
                let user = self.user_mut(name)?;
                user.authenticators.values_mut().for_each(|one| one.good = false);
                user.codes = 0;
                user.issue = number;
            }
            ("link.made", Act::Reset { .. }) => self.make_link(number, name, link::Purpose::Enroll)?,
            ("link.made", Act::Link { purpose, .. }) => self.make_link(number, name, *purpose)?,
            ("link.made", Act::SetupLink { .. }) => {
                ensure(self.user(name).is_err(), || format!("a link for {name}, who is here"))?;
                self.setup_links.insert(name.to_lowercase(), Some(number));
            }
            ("link.used", Act::Follow { link, password, .. }) => {
                self.follow(number, (link.by, name), (doing, password))?;
            }
            ("sign_in.rested", Act::Chores) => {}
            (kind, act) => return Err(format!("{kind} came of {act:?}")),
        }
        Ok(())
    }

    /// Whether that is the password, or was when the act began: it is compared somewhere between.
    fn knows(&self, doing: &Doing<'_>, password: &str) -> Verdict<bool> {
        let now = &self.user(doing.act.name())?.password;
        Ok(password == now || doing.password_then.as_deref() == Some(password))
    }

    fn in_session(&self, session: usize, what: &str) -> Verdict {
        ensure(self.is_alive(session), || format!("{what} in session {session}, which is over"))
    }

    fn proved(&self, session: usize, at: i64) -> Verdict {
        self.in_session(session, "a change was made")?;
        let session = &self.sessions[&session];
        let fresh = session.full && at - session.proved_at < 300_000;
        ensure(fresh, || format!("a change was made without a fresh proof: {} ms", at - session.proved_at))
    }

    fn take_login(&mut self, login: usize, at: i64) -> Verdict {
        let row = self.logins.get_mut(&login).ok_or("nobody began this login")?;
        ensure(!row.taken, || format!("login {login} was taken twice"))?;
        row.taken = true;
        let (name, epoch, password, began) = (row.name, row.epoch, row.password.clone(), row.at);
        let user = self.user(name)?;
        ensure(at < began + 600_000, || format!("login {login} had expired"))?;
        ensure(user.epoch == epoch, || format!("login {login} is past its epoch"))?;
        ensure(user.password == password, || format!("login {login} is by another password than {name}'s"))?;
        ensure(!user.disabled, || format!("{name} is locked out"))
    }

    /// Whether a code is one that has to be accepted: good, of now, and not used.
    fn is_fresh(&self, name: &str, code: &Shown, at: i64) -> Verdict<bool> {
        let user = self.user(name)?;
        // Half a minute early or late is accepted as a rule, but a clock is learned.
        let fits = |one: &Authenticator| {
            one.good && code.step == at.div_euclid(30_000) && one.steps_of(code, at) == [code.step]
        };
        let spent = |one: &Authenticator| code.step <= one.last_step;
        let mut theirs = user.authenticators.values();
        Ok(!user.disabled && theirs.any(|one| fits(one) && !spent(one)))
    }

    fn spend(&mut self, name: &str, code: &Shown, at: i64) -> Verdict {
        let user = self.user_mut(name)?;
        ensure(!user.disabled, || format!("{name} is locked out"))?;
        let key = code.key.filter(|key| {
            let claimed = user.authenticators.get(key);
            claimed.is_some_and(|one| one.good && one.last_step < code.step)
        });
        if key.is_none() {
            // Once in a million a code is also that of another step, and so right for another reason.
            let mut good = user.authenticators.values_mut().filter(|one| one.good);
            let other = good.find_map(|one| {
                let step = one.steps_of(code, at).into_iter().find(|step| *step > one.last_step)?;
                Some((one, step))
            });
            if let Some((one, step)) = other {
                one.last_step = step;
                return Ok(());
            }
        }
        let key = code.key.ok_or_else(|| format!("a guess of {name}'s code was right"))?;
        let one = user.authenticators.get_mut(&key).ok_or("a key of nobody was right")?;
        ensure(one.good, || format!("a code of an authenticator that {name} has no more was right"))?;
        let step = code.step;
        ensure(step > one.last_step, || format!("step {step} of {name}'s key {key} was spent twice"))?;
        ensure((step - at.div_euclid(30_000)).abs() <= 2, || format!("step {step} is not of now"))?;
        one.last_step = step;
        Ok(())
    }

    fn spend_recovery_code(&mut self, name: &str, code: &Spare) -> Verdict {
        let user = self.user_mut(name)?;
        ensure(!user.disabled, || format!("{name} is locked out"))?;
        ensure(user.issue == code.issue, || format!("a recovery code of {name} that is void was taken"))?;
        ensure(user.spent.insert(code.text.clone()), || {
            format!("a recovery code of {name} was taken twice")
        })?;
        user.codes -= 1;
        Ok(())
    }

    fn begin_enrollment(
        &mut self,
        number: usize,
        name: &'static str,
        (password, full): (Option<String>, bool),
    ) -> Verdict {
        let user = self.user_mut(name)?;
        user.enrolling = Some(number);
        let epoch = user.epoch;
        let called = String::new();
        self.enrollments.insert(number, Enrollment { name, epoch, session: None, called, password, full });
        Ok(())
    }

    fn hold(&mut self, number: usize, name: &str, (link, at): (Option<usize>, i64)) -> Verdict {
        let key = name.to_lowercase();
        ensure(!self.users.contains_key(&key), || format!("{name} is held, and somebody's"))?;
        if let Some((other, since, _)) = self.held.get(&key) {
            ensure(at >= since + 1_800_000, || format!("{name} is held twice, by {other} too"))?;
        }
        if let Some(link) = link {
            let slot = self.setup_links.get_mut(&key).ok_or("there never was a link")?;
            ensure(slot.take() == Some(link), || format!("setup link {link} was spent twice, or is void"))?;
        }
        self.held.insert(key, (number, at, crate::act::first_password(number)));
        Ok(())
    }

    fn confirm(
        &mut self,
        (number, enroll): (usize, usize),
        (name, kind): (&'static str, &str),
        scanned: (Key, i64),
        at: i64,
    ) -> Verdict {
        ensure((scanned.1 - at.div_euclid(30_000)).abs() <= 1, || "a code of another time confirmed".into())?;
        if kind == "user.created" {
            let (by, since, password) =
                self.held.remove(&name.to_lowercase()).ok_or("an account of a name that was not held")?;
            ensure(by == enroll && at < since + 1_800_000, || format!("registration {enroll} is over"))?;
            let mut user = User::new(number, password);
            user.add(enroll, scanned, "");
            let double = self.users.insert(name.to_lowercase(), user).is_some();
            ensure(!double, || format!("{name} was made twice"))?;
            self.begin_session(number, name, true, at);
            return Ok(());
        }
        let row = self.enrollments.get(&enroll).ok_or("nobody began this enrollment")?;
        let (epoch, session, called, password, full) =
            (row.epoch, row.session, row.called.clone(), row.password.clone(), row.full);
        ensure(row.name == name, || "an enrollment of somebody else".into())?;
        if let Some(session) = session {
            self.in_session(session, "an authenticator was added")?;
        }
        let user = self.user_mut(name)?;
        ensure(user.enrolling.take() == Some(enroll), || {
            format!("enrollment {enroll} was taken twice, or another is in its place")
        })?;
        ensure(user.epoch == epoch && !user.disabled, || format!("enrollment {enroll} is past its epoch"))?;
        ensure((kind == "authenticator.added") == session.is_some(), || format!("{kind} came of it"))?;
        if session.is_none() {
            user.authenticators.values_mut().for_each(|one| one.good = false);
            user.issue(number);
            if let Some(password) = password {
                user.password = password;
            }
            self.next_epoch(name, None)?;
            self.budgets.forgive(&["password", "code", "code_alone"], name);
            self.begin_session(number, name, full, at);
        }
        self.user_mut(name)?.add(enroll, scanned, &called);
        Ok(())
    }

    fn make_link(&mut self, number: usize, name: &str, purpose: link::Purpose) -> Verdict {
        let user = self.user_mut(name)?;
        ensure(!user.disabled, || format!("a link for {name}, who is locked out"))?;
        user.link = Some(number);
        let epoch = user.epoch;
        self.links.insert(number, Link { epoch, purpose });
        Ok(())
    }

    fn follow(
        &mut self,
        number: usize,
        (link, name): (usize, &'static str),
        (doing, password): (&Doing<'_>, &String),
    ) -> Verdict {
        let row = self.links.get(&link).ok_or("there never was this link")?;
        let (epoch, purpose) = (row.epoch, row.purpose);
        let user = self.user_mut(name)?;
        ensure(user.link.take() == Some(link), || format!("link {link} was spent twice, or is void"))?;
        ensure(user.epoch == epoch && !user.disabled, || format!("link {link} is past its epoch"))?;
        match purpose {
            link::Purpose::Password => Ok(()),
            link::Purpose::Both => self.begin_enrollment(number, name, (Some(password.clone()), true)),
            link::Purpose::Enroll => {
                ensure(self.knows(doing, password)?, || format!("{password:?} is not {name}'s password"))?;
                self.begin_enrollment(number, name, (None, true))
            }
        }
    }
}

impl Authenticator {
    /// The steps of now whose code this is: one, as a rule.
    fn steps_of(&self, code: &Shown, at: i64) -> Vec<i64> {
        let here = at.div_euclid(30_000);
        let shows = |step: &i64| *totp::code(&self.key, step * 30).reveal() == code.text;
        (here - 2..=here + 2).filter(shows).collect()
    }
}

impl User {
    fn new(issue: usize, password: String) -> User {
        User {
            epoch: 0,
            disabled: false,
            password,
            authenticators: BTreeMap::new(),
            issue,
            spent: BTreeSet::new(),
            codes: 10,
            enrolling: None,
            link: None,
        }
    }

    fn add(&mut self, number: usize, (key, last_step): (Key, i64), called: &str) {
        let called = called.to_owned();
        self.authenticators.insert(number, Authenticator { key, last_step, called, good: true });
    }

    fn issue(&mut self, number: usize) {
        (self.issue, self.codes) = (number, 10);
        self.spent.clear();
    }
}
