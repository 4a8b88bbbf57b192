//! A simulation of `store` and `auth`: people who do things at the same time at two nodes, on an engine that loses answers,
//! fails and crashes, in an order that a seed decides. After each step a model says whether what came of it may be.
//!
//! A seed that fails is printed with the command that replays it.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod act;
mod answer;
mod budget;
mod chance;
mod compare;
mod model;
mod people;
mod script;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::Verdict;
use people::Template;
use world::{Engine, World};

/// How many seeds are tried, unless the environment says so.
const SEEDS: u64 = 10_000;
/// One of so many runs on the real engine, too.
const ON_SQLITE: u64 = 40;

/// What a variable of the environment says.
fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "only this test knows these variables, and only here")]
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn runtime() -> tokio::runtime::Runtime {
    // Nothing here ever runs on it. It holds the timers, and since nobody drives it, no time passes for them.
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// One seed, from its beginning to its end.
fn play(template: &Template, seed: u64, engine: Engine, traced: bool) -> (Vec<String>, Verdict) {
    let mut world = World::new(template, seed, engine, traced);
    let rounds = 2 + world.chance.below(2);
    let mut run = || -> Verdict {
        for _ in 0..rounds {
            let acts = 4 + world.chance.below(6);
            world.round(acts)?;
            world.compare()?;
            let pause = *world.chance.one_of(&[31, 35, 45, 61, 95, 310]);
            world.wait(pause);
        }
        world.ends()
    };
    let verdict = catch_unwind(AssertUnwindSafe(&mut run)).unwrap_or_else(|_| Err("it panicked".into()));
    (world.trace.take().unwrap_or_default(), verdict)
}

/// The first seed that fails, and why; and how many were tried.
fn first_failure(seeds: u64, engine: impl Fn(u64) -> Engine + Sync) -> (Option<(u64, String)>, u64) {
    let template = runtime().block_on(Template::new());
    let (next, tried) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<(u64, String)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let runtime = runtime();
                let _here = runtime.enter();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds || failed.lock().unwrap().is_some() {
                        return;
                    }
                    let (_, verdict) = play(&template, seed, engine(seed), false);
                    tried.fetch_add(1, Ordering::SeqCst);
                    if let Err(why) = verdict {
                        let mut failed = failed.lock().unwrap();
                        if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                            *failed = Some((seed, why));
                        }
                    }
                }
            });
        }
    });
    (failed.into_inner().unwrap(), tried.into_inner())
}

fn replay(seed: u64, engine: Engine) {
    let template = runtime().block_on(Template::new());
    let runtime = runtime();
    let _here = runtime.enter();
    let (trace, verdict) = play(&template, seed, engine, true);
    println!("{}", trace.join("\n"));
    assert_eq!(verdict, Ok(()), "seed {seed}");
}

#[test]
fn whatever_breaks_at_whatever_moment_nothing_is_spent_twice_and_nothing_lost() {
    if let Some(seed) = number("LATCHKEY_TEST_SEED") {
        return replay(seed, Engine::Simulated);
    }
    let seeds = number("LATCHKEY_TEST_SEEDS").unwrap_or(SEEDS);
    let (failed, tried) = first_failure(seeds, |_| Engine::Simulated);
    if let Some((seed, why)) = failed {
        panic!(
            "seed {seed}: {why}\nreplay it: LATCHKEY_TEST_SEED={seed} cargo test -p auth --test sim -- --nocapture whatever_breaks"
        );
    }
    assert_eq!(tried, seeds);
}

#[test]
fn the_real_engine_does_the_same_in_whatever_order_people_are_served() {
    let seeds = number("LATCHKEY_TEST_SEEDS").unwrap_or(SEEDS) / ON_SQLITE;
    let (failed, tried) = first_failure(seeds, |_| Engine::Sqlite);
    assert_eq!(
        failed, None,
        "on the real engine threads have a say: the same seed may go well the next time"
    );
    assert_eq!(tried, seeds);
}

/// Without this the ones above would prove nothing.
#[test]
fn an_engine_that_answers_before_it_commits_is_found() {
    let (failed, tried) = first_failure(1000, |_| Engine::AnswersEarly);
    let (seed, why) = failed.expect("the simulation is blind");
    println!("found by seed {seed}, after {tried}: {why}");
}

#[test]
fn a_seed_happens_the_same_way_again() {
    let template = runtime().block_on(Template::new());
    let runtime = runtime();
    let _here = runtime.enter();
    let mut different = 0;
    for seed in 0..20 {
        let (first, _) = play(&template, seed, Engine::Simulated, true);
        let (second, _) = play(&template, seed, Engine::Simulated, true);
        assert_eq!(first, second, "seed {seed}");
        different += usize::from(first != play(&template, seed + 1, Engine::Simulated, true).0);
    }
    assert_eq!(different, 20);
}
