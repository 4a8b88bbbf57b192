//! Asks a server the same over and over, by the program `ask` of the crate `bench`: what is asked in which words, and what came of it.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Bench;
use super::people::SECRET;
use crate::workspace::capture;

/// How long a code is good, in milliseconds.
const STEP: u128 = 30_000;

/// Who asks what, and for how long.
pub(crate) struct Asking {
    pub(crate) port: u16,
    pub(crate) at_once: u32,
    pub(crate) seconds: f64,
    /// Flows, also when there is time for more.
    pub(crate) at_most: Option<u64>,
    /// How many people have had their turn already.
    pub(crate) from: u64,
    /// See `bench/src/bin/ask/plan.rs`.
    pub(crate) people: Value,
    pub(crate) keeps_cookies: bool,
    /// What every browser does once before, which is not measured.
    pub(crate) first: Vec<Value>,
    pub(crate) steps: Vec<Value>,
}

/// What came of it. Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) flows: u64,
    pub(crate) a_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// `person0` and so on, all with one secret.
pub(crate) fn alike(count: u64) -> Value {
    json!({ "prefix": "person", "count": count, "secret": SECRET })
}

/// A form that a browser sends.
pub(crate) fn form(port: u16, path: &str, body: &str, expects: u16) -> Value {
    json!({
        "method": "POST", "path": path, "body": body, "expects": expects,
        "headers": {
            "Host": format!("localhost:{port}"), "Origin": format!("http://localhost:{port}"), "User-Agent": AGENT,
            "Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded",
        },
    })
}

/// A page or picture that a browser fetches.
pub(crate) fn page(port: u16, path: &str) -> Value {
    let headers = json!({ "Host": format!("localhost:{port}"), "User-Agent": AGENT, "Accept": "*/*" });
    json!({ "method": "GET", "path": path, "expects": 200, "headers": headers })
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

impl Asking {
    /// Asks, and fails when any answer was another than expected.
    pub(crate) fn ask(&self, bench: &Bench) -> Result<Came> {
        // Two may ask at the same time.
        let file = bench.place.join(format!("plan-{}-{}.json", self.port, self.at_once));
        let plan = json!({
            "port": self.port, "at_once": self.at_once, "seconds": self.seconds, "at_most": self.at_most,
            "from": self.from, "people": self.people, "keeps_cookies": self.keeps_cookies, "first": self.first, "steps": self.steps,
        });
        fs::write(&file, plan.to_string()).with_context(|| format!("writing {}", file.display()))?;
        let printed = capture(Command::new(bench.program("ask")).arg(&file))?;
        fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
        read(&printed)
    }
}

fn read(printed: &str) -> Result<Came> {
    let came: Value = serde_json::from_str(printed.trim()).context("`ask` gave no figures")?;
    let figure = |name: &str| {
        came[name].as_f64().with_context(|| format!("nobody had an answer in time: no `{name}`"))
    };
    Ok(Came {
        flows: came["flows"].as_u64().context("`ask` gave other figures")?,
        a_second: figure("a_second")?,
        p50: figure("p50")?,
        p99: figure("p99")?,
        p999: figure("p999")?,
    })
}

/// Waits until codes have just changed, so that one of them is good for the whole round, and nobody has used it.
pub(crate) fn wait_for_new_codes() {
    let millis = unix_millis() % STEP;
    let left = u64::try_from(STEP - millis).unwrap_or(0);
    sleep(Duration::from_millis(left + 100));
}

#[expect(clippy::disallowed_methods, reason = "codes change by the clock, and a round begins when they do")]
fn unix_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_read_and_nothing_is_no_figure() {
        let came = read("{\"flows\":10,\"a_second\":5.0,\"p50\":1.0,\"p99\":2.0,\"p999\":3.0}\n").unwrap();
        assert_eq!((came.flows, came.a_second, came.p999), (10, 5.0, 3.0));
        let none = "{\"flows\":0,\"a_second\":0.0,\"p50\":null,\"p99\":null,\"p999\":null}";
        for wrong in ["", "{}", none] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
