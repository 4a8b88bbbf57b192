//! What people know, and what they do with it: at random, and again and again the same things at the same time.

use std::collections::BTreeMap;

use auth::{Token, Words, link};
use otp::{Key, totp};

use crate::act::{Act, Gained, Held, Shown, Spare, first_password};
use crate::model::Verdict;
use crate::people::Resident;
use crate::world::{AT_ONCE, Engine, World};

/// The number of the first act: what there is from the beginning has smaller ones.
pub(crate) const FIRST: usize = 100;
/// Everybody there may be.
const NAMES: [&str; 4] = ["ada", "bob", "dora", "eve"];

/// However somebody writes it, it is one name.
pub(crate) fn one_name(name: &str) -> &'static str {
    NAMES.iter().find(|one| one.eq_ignore_ascii_case(name)).expect("nobody else is here")
}

/// What people know and hold, and have done.
#[derive(Default)]
pub(crate) struct Known {
    passwords: BTreeMap<&'static str, Vec<String>>,
    keys: BTreeMap<&'static str, Vec<(usize, Key)>>,
    codes: BTreeMap<&'static str, Vec<Spare>>,
    pub(crate) sessions: Vec<Held>,
    pub(crate) logins: Vec<Held>,
    enrolls: Vec<Held>,
    links: Vec<Held<Words>>,
    setups: Vec<Held<Words>>,
    past: BTreeMap<usize, Act>,
    /// What nobody has had an answer to, and is pressed again.
    again: Vec<Act>,
}

impl Known {
    pub(crate) fn resident(&mut self, number: usize, resident: &Resident) {
        let name = resident.name;
        self.passwords.insert(name, vec![resident.password.clone()]);
        self.keys.insert(name, vec![(number, resident.key.clone())]);
        let spare = |text: &String| Spare { issue: number, text: text.clone() };
        self.codes.insert(name, resident.codes.iter().map(spare).collect());
        self.sessions.push(Held { by: number + 1, secret: resident.session.clone(), name });
        self.logins.push(Held { by: number + 2, secret: resident.login.clone(), name });
    }

    /// No answer came; some do it again.
    pub(crate) fn lost(&mut self, number: usize, again: bool) {
        if let Some(act) = self.past.get(&number) {
            if let Act::ChangePassword { new, .. } = act {
                // It may have been changed, or not.
                self.passwords.entry(one_name(act.name())).or_default().push(new.clone());
            }
            if again {
                self.again.push(act.clone());
            }
        }
    }

    /// Somebody has scanned a QR code, whatever came of it then.
    pub(crate) fn scanned(&mut self, enroll: &Held, key: Key) {
        let keys = self.keys.entry(one_name(enroll.name)).or_default();
        if keys.iter().all(|(by, _)| *by != enroll.by) {
            keys.push((enroll.by, key));
        }
    }

    /// What somebody learns from an answer. `issue` made the recovery codes that were shown.
    pub(crate) fn learn(
        &mut self,
        number: usize,
        act: &Act,
        gained: Gained,
        (issue, made_session): (Option<usize>, bool),
    ) {
        if let Act::Chores = act {
            return;
        }
        let name = one_name(act.name());
        let held = |secret: Token| Held { by: number, secret, name };
        match gained {
            Gained::Login(token) => self.logins.push(held(token)),
            Gained::Session(token) if made_session => self.sessions.push(held(token)),
            Gained::Enroll(token) => self.enrolls.push(held(token)),
            Gained::Link(secret) => {
                let list =
                    if matches!(act, Act::SetupLink { .. }) { &mut self.setups } else { &mut self.links };
                list.push(Held { by: number, secret, name });
            }
            Gained::Codes(codes) => {
                if let Some(issue) = issue.filter(|_| !codes.is_empty()) {
                    let spare = |text| Spare { issue, text };
                    self.codes.insert(name, codes.into_iter().map(spare).collect());
                }
            }
            Gained::Session(_) | Gained::SignedIn(_) | Gained::Nothing => {}
        }
        match act {
            Act::ChangePassword { new, .. } => self.passwords.entry(name).or_default().push(new.clone()),
            Act::Follow { password, .. } => self.passwords.entry(name).or_default().push(password.clone()),
            Act::Register { .. } => self.passwords.entry(name).or_default().push(first_password(number)),
            _ => {}
        }
    }
}

/// Somebody begins something, perhaps several times at once. Says how many acts that are.
pub(crate) fn act(world: &mut World) -> Verdict<usize> {
    if let Some(again) = world.known.again.pop() {
        if !again.is_of_admin() || !world.admin_is_busy() {
            begin(world, again)?;
        }
        return Ok(1);
    }
    let Some(act) = choose(world) else { return Ok(1) };
    let is_guess = act.code().is_some_and(|code| code.key.is_none());
    let copies = if act.is_of_admin() {
        1
    } else if is_guess && world.chance.in_1000(400) {
        AT_ONCE
    } else {
        1 + world.chance.weighted(&[600, 250, 150])
    };
    let copies = copies.min(world.free());
    for copy in 0..copies {
        let mut act = act.clone();
        if let (Act::Complete { login, .. } | Act::Recover { login: Some(login), .. }, true) =
            (&mut act, copy > 0 && world.chance.in_1000(500))
        {
            // The same code in another browser.
            let name = login.name;
            if let Some(other) = recent(world, |known| &known.logins).filter(|other| other.name == name) {
                *login = other;
            }
        }
        begin(world, act)?;
    }
    // A flood is one thing to do.
    Ok(if copies > 3 { 3 } else { copies })
}

fn begin(world: &mut World, mut act: Act) -> Verdict {
    if let Act::Add { called, .. } = &mut act {
        *called = format!("Phone {}", FIRST + world.records.len());
    }
    let number = world.begin(act.clone())?;
    world.known.past.insert(number, act);
    Ok(())
}

/// One of the last few.
fn recent<T: Clone>(world: &mut World, of: impl Fn(&Known) -> &Vec<T>) -> Option<T> {
    let count = of(&world.known).len();
    let back = world.chance.weighted(&[5, 3, 2, 1]);
    count.checked_sub(1 + back.min(count.saturating_sub(1))).map(|at| of(&world.known)[at].clone())
}

fn choose(world: &mut World) -> Option<Act> {
    let by_code = world.factors == "code";
    let can = |yes: bool, weight: usize| if yes { weight } else { 0 };
    let known = &world.known;
    let session = !known.sessions.is_empty();
    let admin = !world.admin_is_busy();
    let weights = [
        can(!by_code, 60),
        can(!by_code && !known.logins.is_empty(), 110),
        can(by_code, 120),
        can(session, 40),
        can(session, 8),
        can(session, 10),
        can(session, 30),
        can(session, 25),
        can(session, 10),
        can(session, 15),
        // It leaves no event, so that its order is known on the simulated engine only.
        can(session && world.engine != Engine::Sqlite, 25),
        can(session, 15),
        can(by_code || !known.logins.is_empty(), 35),
        can(!known.enrolls.is_empty(), 110),
        30,
        can(!known.links.is_empty(), 60),
        can(admin, 8),
        can(admin, 12),
        can(admin, 10),
        can(admin, 18),
        can(admin, 6),
        can(admin, 14),
        can(admin, 5),
        can(!known.past.is_empty(), 60),
    ];
    let choice = world.chance.weighted(&weights);
    let name = somebody(world);
    if (3..12).contains(&choice) {
        let session = recent(world, |known| &known.sessions)?;
        return in_session(world, choice, session);
    }
    Some(match choice {
        0 => Act::Begin { name, password: password(world, name) },
        1 => {
            let login = recent(world, |known| &known.logins)?;
            Act::Complete { code: code(world, login.name), login }
        }
        2 => Act::ByCode { name, code: code(world, name) },
        12 => {
            let login = if by_code { None } else { Some(recent(world, |known| &known.logins)?) };
            let name = login.as_ref().map_or(name, |login| login.name);
            let codes = world.known.codes.get(name)?;
            let at = world.chance.below(codes.len().min(3));
            let mut code = world.known.codes[name][at].clone();
            if world.chance.in_1000(150) {
                (code.issue, code.text) = (usize::MAX, "0000-0000-0000-0000".into());
            }
            Act::Recover { login, name, code }
        }
        13 => {
            let late = [0, 0, 0, -1, 1][world.chance.below(5)];
            Act::Confirm { enroll: recent(world, |known| &known.enrolls)?, late }
        }
        14 => {
            let link = recent(world, |known| &known.setups).filter(|_| world.chance.in_1000(600));
            let name = link.as_ref().map_or(*world.chance.one_of(&["dora", "Dora", "eve"]), |link| link.name);
            Act::Register { name, link }
        }
        15 => {
            let link = recent(world, |known| &known.links)?;
            let (password, code) = (password(world, link.name), code(world, link.name));
            let new = format!("orange umbrella drifts {}", world.chance.below(100_000));
            // What is asked depends on the link: the old password, or a new one.
            let password = if world.chance.in_1000(500) { new } else { password };
            Act::Follow { link, password, code }
        }
        16 => Act::Disable { name },
        17 => Act::Enable { name },
        18 => Act::EndAll { name },
        19 => {
            let purposes = [link::Purpose::Enroll, link::Purpose::Password, link::Purpose::Both];
            Act::Link { name, purpose: *world.chance.one_of(&purposes) }
        }
        20 => Act::Reset { name },
        21 => Act::SetupLink { name: ["dora", "eve"][world.chance.below(2)] },
        22 => Act::Chores,
        _ => {
            let past: Vec<&Act> = world.known.past.values().collect();
            let act = past[world.chance.below(past.len())].clone();
            if act.is_of_admin() && !admin {
                return None;
            }
            act
        }
    })
}

fn in_session(world: &mut World, choice: usize, session: Held) -> Option<Act> {
    let name = session.name;
    Some(match choice {
        3 => Act::Check { session },
        4 => Act::SignOut { session },
        5 => Act::EndOthers { session },
        6 => Act::Prove { password: password(world, name), code: code(world, name), session },
        7 => {
            let new = format!("violet kettle wanders {}", world.chance.below(100_000));
            Act::ChangePassword { session, new }
        }
        8 => Act::Renew { session },
        9 => Act::Sheet { session },
        10 => Act::Add { session, called: String::new() },
        _ => {
            let theirs = world.model.user(name).ok()?.authenticators.values();
            let called: Vec<String> = theirs.map(|one| one.called.clone()).collect();
            Act::Remove { called: world.chance.one_of(&called).clone(), session }
        }
    })
}

/// Somebody who has an account: one of two, as a rule, so that they get in each other's way.
fn somebody(world: &mut World) -> &'static str {
    let here: Vec<&'static str> =
        NAMES.iter().copied().filter(|name| world.model.users.contains_key(*name)).collect();
    if world.chance.in_1000(500) { here[0] } else { here[world.chance.below(here.len())] }
}

/// What somebody takes for the password, or somebody else does.
fn password(world: &mut World, name: &str) -> String {
    let known = world.known.passwords.get(one_name(name)).cloned().unwrap_or_default();
    let wrong = world.chance.in_1000(150);
    match known.last() {
        Some(last) if !wrong => {
            if world.chance.in_1000(800) {
                last.clone()
            } else {
                world.chance.one_of(&known).clone()
            }
        }
        _ => "not the password".into(),
    }
}

/// What a phone shows, or a guess.
fn code(world: &mut World, name: &str) -> Shown {
    let here = world.now().div_euclid(30);
    let keys = world.known.keys.get(one_name(name)).cloned().unwrap_or_default();
    if keys.is_empty() || world.chance.in_1000(200) {
        return guess(world, &keys, here);
    }
    let (by, key) =
        if world.chance.in_1000(700) { &keys[keys.len() - 1] } else { world.chance.one_of(&keys) };
    let step = here + [0, 0, 0, -1, 1][world.chance.below(5)];
    Shown { key: Some(*by), step, text: totp::code(key, step * 30).reveal().to_string() }
}

fn guess(world: &mut World, keys: &[(usize, Key)], here: i64) -> Shown {
    loop {
        let text = format!("{:06}", world.chance.below(1_000_000));
        // It stays a guess for the whole of a round.
        let right = |(_, key): &(usize, Key)| {
            (here - 3..=here + 3).any(|step| *totp::code(key, step * 30).reveal() == text)
        };
        if !keys.iter().any(right) {
            return Shown { key: None, step: 0, text };
        }
    }
}
