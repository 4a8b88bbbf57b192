//! The world of one seed: two nodes, one database, people who do things at the same time, and whoever decides what happens
//! next. What they do is chosen in `script.rs`; whether it was right is judged by `model.rs`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use auth::{App, Clock, Random, Time, Visit};
use store::sim::{Done, Ending, Fault, Sim};
use store::{Conn, Db, Error, Sql};
use tempfile::TempDir;

use crate::act::{Act, Notes, Outcome, perform};
use crate::chance::Chance;
use crate::model::{Model, Verdict};
use crate::people::{BEGINS, Template, config, directory};
use crate::script::{FIRST, Known};

/// Acts that are under way at the same time, at most.
pub(crate) const AT_ONCE: usize = 7;
/// More than can hash at the same time: a line for a slot would move as threads happen to be served.
const HASHERS: usize = AT_ONCE + 5;
/// How long acts may overlap, in seconds.
const OVERLAP: i64 = 9;

/// What runs the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The one that does what it is told, also badly.
    Simulated,
    /// The same, and it answers before it commits.
    AnswersEarly,
    /// The real one: only the order in which people are served is ours.
    Sqlite,
}

/// One act, from its beginning on.
pub(crate) struct Record {
    pub(crate) act: Act,
    node: usize,
    /// The password of its person when it began, if they could sign in.
    pub(crate) password_then: Option<String>,
    pub(crate) epoch_then: Option<i64>,
    pub(crate) issue_then: Option<usize>,
    /// Whether its session was alive when it began, and when its first job ran.
    pub(crate) alive_then: bool,
    pub(crate) alive_at_look: Option<bool>,
    /// The kinds of what is committed of it.
    pub(crate) events: Vec<String>,
}

struct Task {
    number: usize,
    future: Pin<Box<dyn Future<Output = Outcome>>>,
    signal: Arc<Signal>,
    /// The job it waits for.
    waits: Option<u64>,
    polled: bool,
}

/// Wakes the one thread that polls.
struct Signal {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn signal() -> Arc<Signal> {
    Arc::new(Signal { woken: AtomicBool::new(true), thread: std::thread::current() })
}

struct Node {
    app: App,
    clock: Clock,
}

pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) engine: Engine,
    pub(crate) model: Model,
    pub(crate) known: Known,
    pub(crate) records: Vec<Record>,
    pub(crate) factors: &'static str,
    pub(crate) trace: Option<Vec<String>>,
    /// How often something breaks, in a thousand.
    breaks: usize,
    pub(crate) sim: Option<Sim>,
    /// Looks at the real engine's file from outside.
    outside: Option<Db>,
    path: PathBuf,
    nodes: Vec<Node>,
    boots: u64,
    seed: u64,
    tasks: Vec<Task>,
    /// Who is done or has left in this round. On the real engine what they did may be seen later than that.
    past: Vec<usize>,
    owners: BTreeMap<u64, usize>,
    pub(crate) notes: Notes,
    pub(crate) seen_rows: i64,
    pub(crate) last_admin: usize,
    _dir: TempDir,
}

impl World {
    pub(crate) fn new(template: &Template, seed: u64, engine: Engine, traced: bool) -> World {
        let dir = directory();
        let path = dir.path().join("latchkey.db");
        std::fs::write(&path, &template.database).unwrap();
        let mut chance = Chance::new(seed);
        let factors = if chance.in_1000(250) { "code" } else { "password+code" };
        let breaks = *chance.one_of(&[0, 20, 20, 60]);
        let sim = (engine != Engine::Sqlite).then(|| Sim::open(&path).unwrap());
        if let (Engine::AnswersEarly, Some(sim)) = (engine, &sim) {
            sim.answer_early();
        }
        let mut model = Model::default();
        let mut known = Known::default();
        for (at, resident) in template.residents.iter().enumerate() {
            model.resident(at * 3, resident, (BEGINS - 60) * 1000);
            known.resident(at * 3, resident);
        }
        let clock = |skew: i64| Clock::frozen(Time::from_millis(BEGINS * 1000 + skew));
        let clocks = [clock(0), clock(1500)];
        let mut world = World {
            records: Vec::new(),
            trace: traced.then(Vec::new),
            nodes: Vec::new(),
            tasks: Vec::new(),
            past: Vec::new(),
            owners: BTreeMap::new(),
            notes: Notes::default(),
            outside: None,
            boots: 0,
            seen_rows: 0,
            last_admin: 0,
            _dir: dir,
            chance,
            engine,
            model,
            known,
            factors,
            breaks,
            sim,
            path,
            seed,
        };
        world.note(|| format!("seed {seed}: {factors}, {breaks} of 1000 break, {engine:?}"));
        world.boot(&clocks);
        world.seen_rows = world.look(|conn| rows(conn, "SELECT coalesce(max(rowid), 0) FROM events"));
        world
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    fn clocks(&self) -> Vec<Clock> {
        self.nodes.iter().map(|node| node.clock.clone()).collect()
    }

    pub(crate) fn now(&self) -> i64 {
        self.nodes[0].clock.now().seconds()
    }

    /// Time passes, on all nodes.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.nodes.iter().for_each(|node| node.clock.advance(seconds));
        let now = self.now();
        self.note(|| format!("{seconds} s pass: {now}"));
    }

    /// Starts every node that is not there.
    fn boot(&mut self, clocks: &[Clock]) {
        for clock in clocks {
            self.boots += 1;
            let random = Random::seeded(self.seed << 8 | self.boots);
            let config = config(self.path.parent().unwrap(), self.factors);
            let app = match &self.sim {
                Some(sim) => {
                    self.settle(App::open_over(sim.node(), config, (clock.clone(), random), HASHERS))
                }
                None => self.settle(App::open_with(config, clock.clone(), random)),
            };
            self.nodes.push(Node { app: app.expect("a node starts"), clock: clock.clone() });
        }
        if self.sim.is_none() {
            let url = format!("sqlite:{}", self.path.display());
            self.outside = Some(self.settle(Db::open(&url, Time::from_millis(0))).unwrap());
        }
    }

    /// Waits for something while nothing breaks.
    fn settle<T>(&self, future: impl Future<Output = T>) -> T {
        let (signal, mut future) = (signal(), std::pin::pin!(future));
        // What others wait for goes on waiting.
        let before = self.sim.as_ref().map_or(0, Sim::tickets);
        let waker = Waker::from(signal.clone());
        loop {
            signal.woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return answer;
            }
            let mut waiting = self.sim.as_ref().map(Sim::waiting).unwrap_or_default();
            waiting.retain(|one| one.ticket >= before);
            for one in &waiting {
                self.sim.as_ref().unwrap().run(&[one.ticket], None, Ending::Answered).unwrap();
            }
            while waiting.is_empty() && !signal.woken.load(Ordering::SeqCst) {
                std::thread::park();
            }
        }
    }

    /// Looks at what is committed.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Conn<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        match &self.sim {
            Some(sim) => sim.look(|conn| f(conn)).unwrap(),
            None => self.settle(self.outside.as_ref().unwrap().scan(f)).unwrap(),
        }
    }

    /// Somebody begins to do something.
    pub(crate) fn begin(&mut self, act: Act) -> Verdict<usize> {
        self.observe()?;
        let number = FIRST + self.records.len();
        let node = self.chance.below(self.nodes.len());
        let user = self.model.user(act.name()).ok();
        let record = Record {
            password_then: user.filter(|user| !user.disabled).map(|user| user.password.clone()),
            epoch_then: user.map(|user| user.epoch),
            issue_then: user.map(|user| user.issue),
            alive_then: act.session().is_some_and(|session| self.model.is_alive(session.by)),
            alive_at_look: None,
            events: Vec::new(),
            act: act.clone(),
            node,
        };
        if act.is_of_admin() {
            self.last_admin = number;
        }
        self.note(|| format!("#{number} at node {node}: {act:?}"));
        self.records.push(record);
        let app = self.nodes[node].app.clone();
        let [_, high, middle, low] = u32::try_from(number).unwrap().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(10, high, middle, low));
        let visit = Visit::new(&app.config, address, std::iter::empty()).with_agent("a simulation");
        let future = Box::pin(perform(app, act, (number, visit), self.notes.clone()));
        self.tasks.push(Task { number, future, signal: signal(), waits: None, polled: false });
        Ok(number)
    }

    fn record(&mut self, number: usize) -> &mut Record {
        &mut self.records[number - FIRST]
    }

    /// Whether one who is at the terminal is not done yet: there is one terminal.
    pub(crate) fn admin_is_busy(&self) -> bool {
        self.tasks.iter().any(|task| task.number == self.last_admin)
    }

    /// How many compare a password, or will give back what they were charged for one.
    pub(crate) fn comparing(&self) -> usize {
        let past = if self.sim.is_none() { self.past.as_slice() } else { &[] };
        let acts = self.tasks.iter().map(|task| &task.number).chain(past);
        acts.filter(|number| self.records[**number - FIRST].act.password().is_some()).count()
    }

    pub(crate) fn free(&self) -> usize {
        AT_ONCE.saturating_sub(self.tasks.len())
    }

    /// People do so many things, at the same time, until all have an answer.
    pub(crate) fn round(&mut self, mut acts: usize) -> Verdict {
        let mut passed = 0;
        loop {
            let waiting = self.sim.as_ref().map(Sim::waiting).unwrap_or_default();
            let ready: Vec<usize> = (0..self.tasks.len()).filter(|at| self.is_ready(*at)).collect();
            if acts == 0 && self.tasks.is_empty() && waiting.is_empty() {
                let seen = self.observe();
                self.past.clear();
                return seen;
            }
            let can = |yes: bool, weight: usize| if yes { weight } else { 0 };
            let breaks = can(!self.tasks.is_empty(), self.breaks);
            // Nothing else to do but to wait for the threads of the real engine.
            let idle = self.sim.is_none() && ready.is_empty() && !self.tasks.is_empty();
            let choice = self.chance.weighted(&[
                can(acts > 0 && self.free() > 0, 300),
                can(!waiting.is_empty(), 500),
                can(!ready.is_empty(), 500),
                can(passed < OVERLAP, 60),
                breaks / 2,
                breaks / 8,
                breaks / 8,
                can(idle, 3000),
                1,
            ]);
            match choice {
                0 => acts = acts.saturating_sub(crate::script::act(self)?),
                1 => self.run(&waiting)?,
                2 => {
                    let at = ready[self.chance.below(ready.len())];
                    self.poll(at)?;
                }
                3 => {
                    passed += 3;
                    self.wait(3);
                }
                4 => self.leave(),
                5 => self.crash_node()?,
                6 => self.crash(None)?,
                7 => std::thread::park_timeout(std::time::Duration::from_secs(1)),
                _ => {}
            }
        }
    }

    fn is_ready(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        task.waits.is_none() && (self.sim.is_some() || task.signal.woken.load(Ordering::SeqCst))
    }

    /// Lets an act go on until it waits for the database. Hashing takes no time here: it changes nothing that others see.
    fn poll(&mut self, at: usize) -> Verdict {
        let task = &mut self.tasks[at];
        let waker = Waker::from(task.signal.clone());
        task.polled = true;
        loop {
            task.signal.woken.store(false, Ordering::SeqCst);
            let before = self.sim.as_ref().map(Sim::tickets);
            match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => {
                    let number = self.tasks.remove(at).number;
                    self.past.push(number);
                    return self.finish(number, outcome);
                }
                Poll::Pending if self.sim.is_none() => return Ok(()),
                Poll::Pending => {}
            }
            let after = self.sim.as_ref().map(Sim::tickets);
            if after > before {
                task.waits = before;
                self.owners.insert(before.unwrap(), task.number);
                return Ok(());
            }
            while !task.signal.woken.load(Ordering::SeqCst) {
                std::thread::park();
            }
        }
    }

    /// Takes one job that waits, or several that share a transaction, to some end.
    fn run(&mut self, waiting: &[store::sim::Waiting]) -> Verdict {
        let first = *self.chance.one_of(waiting);
        let mut tickets = vec![first.ticket];
        let mut others: Vec<u64> = waiting
            .iter()
            .filter(|one| first.writes && one.writes && one.ticket != first.ticket)
            .map(|one| one.ticket)
            .collect();
        while !others.is_empty() && tickets.len() < 4 && self.chance.in_1000(500) {
            tickets.push(others.remove(self.chance.below(others.len())));
        }
        let (ending, fault) = self.fate(first.writes, tickets.len() == 1);
        self.run_to(&tickets, fault, ending)
    }

    fn fate(&mut self, writes: bool, alone: bool) -> (Ending, Option<Fault>) {
        let breaks = self.breaks;
        let ending = match self.chance.weighted(&[1000, breaks, breaks, breaks / 3, breaks / 2]) {
            1 if writes => Ending::Lost,
            1 | 2 => Ending::Refused,
            3 if writes => Ending::CrashBefore,
            4 if writes => Ending::CrashAfter,
            _ => Ending::Answered,
        };
        let fault = self.chance.in_1000(breaks * 2).then(|| {
            let error = match self.chance.below(if alone { 3 } else { 2 }) {
                0 => Error::Broken("a statement failed".into()),
                1 => Error::Busy,
                _ => Error::Gone("the connection broke".into()),
            };
            Fault { after: u32::try_from(self.chance.below(16)).unwrap(), error }
        });
        (ending, fault)
    }

    fn run_to(&mut self, tickets: &[u64], fault: Option<Fault>, ending: Ending) -> Verdict {
        for ticket in tickets {
            // What is looked at is looked at now.
            let number = self.owners[ticket];
            let alive = self.record(number).act.session().map(|session| session.by);
            let alive = alive.map(|session| self.model.is_alive(session));
            let record = self.record(number);
            record.alive_at_look = record.alive_at_look.or(alive);
        }
        let broken = fault.as_ref().map(|fault| format!(", {} after {}", fault.error, fault.after));
        let ran = self.sim.as_ref().unwrap().run(tickets, fault, ending).unwrap();
        let owners: Vec<_> = ran.iter().map(|(ticket, done)| (self.owners[ticket], *done)).collect();
        self.note(|| format!("{owners:?}: {ending:?}{}", broken.unwrap_or_default()));
        let crashed = matches!(ending, Ending::CrashBefore | Ending::CrashAfter);
        for (ticket, done) in &ran {
            let answered = !crashed || self.engine == Engine::AnswersEarly;
            let task = self.tasks.iter_mut().find(|task| task.waits == Some(*ticket));
            if let Some(task) = task.filter(|_| answered && !matches!(done, Done::Again | Done::Skipped)) {
                task.waits = None;
            }
        }
        if crashed {
            self.crash(Some(ending))?;
        } else {
            self.observe()?;
        }
        for (number, done) in owners {
            if done == Done::Kept {
                self.note_begun(number)?;
            }
        }
        Ok(())
    }

    /// Setting up one more authenticator leaves no event, but a row.
    fn note_begun(&mut self, number: usize) -> Verdict {
        let act = self.record(number).act.clone();
        if let Act::Add { called, .. } = &act {
            let called = called.clone();
            let begun = self.look(move |conn| {
                const BEGUN: Sql = Sql::new("SELECT count(*) FROM enrollments WHERE name = $1");
                conn.one(BEGUN, &[(&called).into()], |row| row.int(0))
            });
            if begun == Some(1) {
                self.model.begins_to_add(number, &act)?;
            }
        }
        Ok(())
    }

    /// Somebody closes the window before there is an answer.
    fn leave(&mut self) {
        let at = self.chance.below(self.tasks.len());
        if self.sim.is_none() && self.tasks[at].number == self.last_admin {
            return;
        }
        let number = self.tasks.remove(at).number;
        self.past.push(number);
        self.note(|| format!("#{number} does not wait for the answer"));
        self.known.lost(number, self.chance.in_1000(600));
    }

    /// One process stops, and is started again; the database goes on.
    fn crash_node(&mut self) -> Verdict {
        if self.sim.is_none() {
            return Ok(());
        }
        let node = self.chance.below(self.nodes.len());
        self.note(|| format!("node {node} crashes"));
        self.abandon(|record| record.node == node)?;
        let clock = self.nodes[node].clock.clone();
        let others = self.nodes.split_off(node + 1);
        self.nodes.truncate(node);
        self.boot(&[clock]);
        self.nodes.extend(others);
        Ok(())
    }

    /// Everything stops, and is started again: what was committed is there.
    fn crash(&mut self, done: Option<Ending>) -> Verdict {
        self.note(|| "everything crashes".to_owned());
        if let (None, Some(sim)) = (done, &self.sim) {
            sim.crash().unwrap();
        }
        self.abandon(|_| true)?;
        let clocks = self.clocks();
        self.nodes.clear();
        self.outside = None;
        self.boot(&clocks);
        self.observe()?;
        self.compare()
    }

    /// Acts whose process is gone. An answer that had left before has arrived, or not.
    fn abandon(&mut self, gone: impl Fn(&Record) -> bool) -> Verdict {
        let mut at = 0;
        while at < self.tasks.len() {
            let number = self.tasks[at].number;
            if !gone(&self.records[number - FIRST]) {
                at += 1;
                continue;
            }
            if self.tasks[at].polled && self.sim.is_some() && self.is_ready(at) && self.chance.in_1000(500) {
                let before = self.tasks.len();
                self.poll(at)?;
                if self.tasks.len() < before {
                    continue;
                }
            }
            self.tasks.remove(at);
            self.known.lost(number, self.chance.in_1000(600));
        }
        Ok(())
    }

    /// Does one thing while nothing breaks, and says how it ended.
    pub(crate) fn calmly(&mut self, act: Act) -> Verdict<usize> {
        let number = self.begin(act)?;
        while let Some(at) = self.tasks.iter().position(|task| task.number == number) {
            match self.tasks[at].waits {
                Some(ticket) => self.run_to(&[ticket], None, Ending::Answered)?,
                None if self.is_ready(at) => self.poll(at)?,
                None => std::thread::park_timeout(std::time::Duration::from_secs(1)),
            }
        }
        Ok(number)
    }

    pub(crate) fn has(&mut self, number: usize, kind: &str) -> bool {
        self.record(number).events.iter().any(|event| event == kind)
    }
}

/// The number that a statement answers.
pub(crate) fn rows(conn: &mut Conn<'_>, text: &'static str) -> Result<i64, Error> {
    Ok(conn.one(Sql::new(text), &[], |row| row.int(0))?.unwrap_or(0))
}
