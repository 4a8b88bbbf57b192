//! The wire to Chromium: a chromedriver of our own, spoken to by W3C WebDriver over plain HTTP. What a person does with
//! a browser is in `browser.rs`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The key under which WebDriver wraps a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A chromedriver, the Chromium it started, and the one session between them.
///
/// Dropping it ends all three, also in a test that fails: Chromium hangs on a pipe of chromedriver, which it does not
/// outlive.
pub(crate) struct Driver {
    child: Child,
    agent: ureq::Agent,
    session: String,
    /// Chromium's profile, which is fresh for every browser.
    _profile: TempDir,
}

impl Driver {
    /// Starts a Chromium with these command-line switches, preferences and other Chromium options.
    pub(crate) fn start(switches: &[String], preferences: Value, mut options: Value) -> Driver {
        let profile = tempfile::Builder::new().prefix("latchkey-chromium-").tempdir().expect("a directory");
        let always = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
        let quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
        let mut arguments: Vec<String> =
            always.iter().chain(&quiet).map(|switch| switch.to_string()).collect();
        arguments.push("--remote-debugging-pipe".into());
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.extend_from_slice(switches);
        options["binary"] = json!(program("chromium"));
        options["args"] = json!(arguments);
        options["prefs"] = preferences;

        let mut child = Command::new(program("chromedriver"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let address = address_of(&mut child);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut driver = Driver { child, agent, session: format!("{address}/session"), _profile: profile };
        let wish = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let answer = driver.post("", json!({ "capabilities": { "alwaysMatch": wish } }));
        let id = answer["sessionId"].as_str().expect("a session has an id");
        driver.session = format!("{address}/session/{id}");
        driver
    }

    /// Asks for something; `path` is below the session.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|refusal| panic!("{path}: {refusal}"))
    }

    /// Asks for something that may not be there yet.
    pub(crate) fn try_get(&self, path: &str) -> Result<Value, String> {
        read(self.agent.get(format!("{}{path}", self.session)).call())
    }

    /// Has something done.
    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|refusal| panic!("{path}: {refusal}"))
    }

    /// Has something done that may not be possible yet.
    pub(crate) fn try_post(&self, path: &str, body: Value) -> Result<Value, String> {
        let request = self.agent.post(format!("{}{path}", self.session));
        read(request.header("content-type", "application/json").send(body.to_string()))
    }

    /// A command of the DevTools protocol, for what WebDriver has no word for.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    /// What a script returns that runs in the page. The page's own policy does not bind it.
    pub(crate) fn script(&self, body: &str) -> Value {
        self.try_script(body).unwrap_or_else(|refusal| panic!("{body}: {refusal}"))
    }

    /// The same, on a page that may just be going away.
    pub(crate) fn try_script(&self, body: &str) -> Result<Value, String> {
        self.try_post("/execute/sync", json!({ "script": body, "args": [] }))
    }

    /// What a promise in the page comes to: `body` is an expression.
    pub(crate) fn promise(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             Promise.resolve({body}).then(done, error => done(`failed: ${{error}}`));"
        );
        self.post("/execute/async", json!({ "script": script, "args": [] }))
    }

    /// The one element that an XPath finds; what else is wrong is in the refusal.
    pub(crate) fn element(&self, xpath: &str) -> Result<String, String> {
        let found = self.try_post("/element", json!({ "using": "xpath", "value": xpath }))?;
        found[ELEMENT]
            .as_str()
            .map(|id| format!("/element/{id}"))
            .ok_or_else(|| format!("no element: {found}"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Closing the session lets Chromium end in peace; the rest makes sure that it ends.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes that the wire carries as Base64.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().expect("text").as_bytes()).expect("Base64")
}

/// The value in an answer, or the words of a refusal.
fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| format!("chromedriver does not answer: {error}"))?;
    // A picture of a long page on a fine screen is large.
    let text = answer.body_mut().with_config().limit(64 * 1024 * 1024).read_to_string();
    let text = text.map_err(|error| format!("chromedriver's answer breaks off: {error}"))?;
    let mut envelope: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    let value = envelope["value"].take();
    if answer.status().is_success() {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or_default();
    Err(format!("{}: {}", value["error"], message.lines().next().unwrap_or_default()))
}

/// Where chromedriver listens: it picks a free port and says so.
fn address_of(child: &mut Child) -> String {
    let output = child.stdout.take().expect("chromedriver's output is ours");
    let mut lines = BufReader::new(output).lines();
    let port = loop {
        let Some(Ok(line)) = lines.next() else { panic!("chromedriver ended before it listened") };
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').to_owned();
        }
    };
    // Whatever else it says has to go somewhere, or it would stop at a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    format!("http://127.0.0.1:{port}")
}

/// Where a program is.
fn program(name: &str) -> String {
    let path = variable("PATH").unwrap_or_default();
    let found = path.split(':').map(|folder| format!("{folder}/{name}")).find(|file| is_file(file));
    found.unwrap_or_else(|| panic!("there is no {name} on this machine; `cargo xtask test` installs it"))
}

fn is_file(path: &str) -> bool {
    std::path::Path::new(path).is_file()
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what the machine offers to the tests is said there, and only here"
    )]
    std::env::var(name).ok()
}
