//! Asks a server as fast as it answers: `ask PLAN` reads what to ask (`plan.rs`) from a file of JSON, and prints what came of it as a
//! line of JSON. One thread, since the server needs the rest. Every answer is judged: one that is not expected ends the whole, so a
//! figure is never one of refusals. How HTTP is spoken is in `client.rs`.

mod client;
mod plan;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use client::{Client, Jar};
use plan::{Plan, Step};
use serde_json::json;

type Failure = Box<dyn Error>;

/// What those who ask at once share.
struct Field {
    plan: Plan,
    /// How many flows have begun.
    begun: Cell<usize>,
    began_at: Instant,
    /// How long each flow took, in microseconds.
    took: RefCell<Vec<u32>>,
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file] = words.as_slice() else { return Err("say what to ask: ask PLAN.json".into()) };
    let plan = Plan::read(&std::fs::read_to_string(file)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, ask(plan))
}

async fn ask(plan: Plan) -> Result<(), Failure> {
    let mut clients = Vec::new();
    for number in 0..plan.at_once {
        let (mut client, mut jar, mut request) = (Client::new(plan.port), Jar::default(), Vec::new());
        // Who is slow to be let in is not measured: most servers keep a connection for long.
        client.connect().await?;
        for step in &plan.first {
            step.write(&plan.person(number)?, &jar, &mut request);
            take(&mut client, step, &request, &mut jar).await?;
        }
        clients.push((client, jar));
    }
    let field = Rc::new(Field { plan, begun: Cell::new(0), began_at: monotonic(), took: RefCell::default() });
    let asking = clients.into_iter().map(|browser| tokio::task::spawn_local(go_on(field.clone(), browser)));
    for asking in asking.collect::<Vec<_>>() {
        asking.await??;
    }
    let seconds = field.began_at.elapsed().as_secs_f64();
    let mut took = field.took.take();
    took.sort_unstable();
    println!("{}", figures(&took, seconds));
    Ok(())
}

/// One browser: flow after flow until the time is over or there is nobody left.
async fn go_on(field: Rc<Field>, (mut client, mut jar): (Client, Jar)) -> Result<(), String> {
    let (plan, mut request) = (&field.plan, Vec::new());
    loop {
        let number = field.begun.get();
        if number >= plan.at_most || field.began_at.elapsed() >= Duration::from_secs_f64(plan.seconds) {
            return Ok(());
        }
        field.begun.set(number + 1);
        let person = plan.person(number).map_err(|error| error.to_string())?;
        if !plan.keeps_cookies {
            jar.clear();
        }
        let began_at = monotonic();
        for step in &plan.steps {
            step.write(&person, &jar, &mut request);
            take(&mut client, step, &request, &mut jar).await?;
        }
        field.took.borrow_mut().push(began_at.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
    }
}

async fn take(client: &mut Client, step: &Step, request: &[u8], jar: &mut Jar) -> Result<(), String> {
    let answer = client.ask(request).await.map_err(|error| format!("{}: {error}", step.name()))?;
    if answer.status != step.expects || !contains(answer.body, step.contains.as_bytes()) {
        let shown = String::from_utf8_lossy(&answer.body[..answer.body.len().min(400)]).into_owned();
        return Err(format!("{} was answered with {}: {}\n{shown}", step.name(), answer.status, answer.head));
    }
    answer.keep_cookies(jar);
    Ok(())
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// What is printed: flows a second, and how long one took in milliseconds.
fn figures(sorted: &[u32], seconds: f64) -> serde_json::Value {
    let below = |share: f64| {
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.saturating_sub(1)).map(|micros| f64::from(*micros) / 1000.0)
    };
    json!({
        "flows": sorted.len(),
        "a_second": sorted.len() as f64 / seconds,
        "p50": below(0.5),
        "p99": below(0.99),
        "p999": below(0.999),
    })
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is time")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_the_ninety_ninth_is_what_all_but_one_stayed_below() {
        let sorted: Vec<u32> = (1..=100).map(|number| number * 1000).collect();
        let figures = figures(&sorted, 2.0);
        assert_eq!(figures["a_second"], 50.0);
        assert_eq!(
            (&figures["p50"], &figures["p99"], &figures["p999"]),
            (&50.0.into(), &99.0.into(), &100.0.into())
        );
        assert!(super::figures(&[], 1.0)["p50"].is_null());
    }

    #[test]
    fn a_text_is_found_in_an_answer_wherever_it_stands() {
        assert!(contains(b"{\"right\":true}", b"\"right\":true") && contains(b"", b""));
        assert!(!contains(b"{\"right\":false}", b"\"right\":true") && !contains(b"", b"x"));
    }
}
