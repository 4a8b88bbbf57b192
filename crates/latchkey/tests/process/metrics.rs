//! The metrics of the real program: exact after a play, of nobody, bounded whatever strangers ask, and named in the docs, on the
//! dashboard and in the rules as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use store::Kind;

use crate::browser::Answer;
use crate::person::Person;
use crate::server::{Place, Server};

/// Rules for one program behind a proxy.
const RULES: &str = r#"
[[access.rules]]
hosts = ["app.example.org"]
paths = ["/open"]
policy = "bypass"

[[access.rules]]
hosts = ["app.example.org"]
policy = "two_factor"
any = true
"#;

/// What nobody shall find in the metrics.
const MARKS: [&str; 8] = [
    "marked.ada",
    "marked.mallory",
    "marked-path",
    "marked-token",
    "marked-agent",
    "app.example.org",
    "203.0.113.77",
    "marked-query",
];

/// A server whose metrics are on a socket.
struct House {
    _place: Place,
    server: Server,
    socket: PathBuf,
}

impl House {
    fn on(kind: Kind) -> House {
        let mut place = Place::new(kind);
        let socket = place.dir().join("metrics.sock");
        place.set("LATCHKEY_METRICS_LISTEN", &format!("unix:{}", socket.display()));
        place.set("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1");
        std::fs::write(place.dir().join("latchkey.toml"), RULES).unwrap();
        let server = Server::start(&place);
        House { _place: place, server, socket }
    }

    fn metrics(&self) -> String {
        let answer = ask(&self.socket, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        answer.is(200).to_owned()
    }

    /// Asks where people come in, as a proxy on this machine does.
    fn asks(&self, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.server.address).unwrap();
        let host = format!("localhost:{}", self.server.address.port());
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    /// What a proxy is answered about a path of the program.
    fn check(&self, path: &str) -> u16 {
        let headers = format!(
            "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.org\r\n\
             X-Forwarded-Uri: {path}\r\nX-Forwarded-For: 203.0.113.77\r\n\
             Cookie: __Host-latchkey-app={}\r\n",
            "A".repeat(43)
        );
        self.asks("/api/authz/forward-auth", &headers).status
    }
}

fn ask(socket: &Path, request: &str) -> Answer {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer::parse(&String::from_utf8_lossy(&bytes))
}

/// Every sample, by its name and labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, n)| (name, n.parse().unwrap())).collect()
}

/// Every family: its kind and its meaning.
fn families(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = BTreeMap::new();
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with("# TYPE ")) {
        let (name, help) = pair[0]["# HELP ".len()..].split_once(' ').unwrap();
        let (same, kind) = pair[1]["# TYPE ".len()..].split_once(' ').unwrap();
        assert_eq!(name, same);
        found.insert(name, (kind, help));
    }
    found
}

/// Runs the tool of Prometheus that judges, with this to read.
fn promtool(words: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(["check"]).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts; `cargo xtask test` installs it");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success(), "{said:?}");
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
}

/// What happens in the play, and what has to be counted for it.
const COUNTED: &[(&str, f64)] = &[
    ("latchkey_ready", 1.0),
    ("latchkey_sign_ins_total{outcome=\"completed\"}", 1.0),
    ("latchkey_sign_ins_total{outcome=\"password_wrong\"}", 5.0),
    ("latchkey_sign_ins_total{outcome=\"code_replayed\"}", 1.0),
    ("latchkey_sign_ins_total{outcome=\"code_wrong\"}", 1.0),
    ("latchkey_sign_ins_total{outcome=\"malformed\"}", 1.0),
    ("latchkey_sign_ins_total{outcome=\"rested\"}", 2.0),
    ("latchkey_sign_ins_total{outcome=\"busy\"}", 0.0),
    ("latchkey_events_total{event=\"registration.started\"}", 1.0),
    ("latchkey_events_total{event=\"user.created\"}", 1.0),
    ("latchkey_events_total{event=\"sign_in.password_right\"}", 3.0),
    ("latchkey_events_total{event=\"sign_in.password_wrong\"}", 5.0),
    ("latchkey_events_total{event=\"sign_in.completed\"}", 1.0),
    ("latchkey_events_total{event=\"sign_in.code_replayed\"}", 1.0),
    ("latchkey_events_total{event=\"sign_in.code_wrong\"}", 1.0),
    ("latchkey_events_total{event=\"session.ended\"}", 1.0),
    ("latchkey_events_total{event=\"user.removed\"}", 0.0),
    ("latchkey_tries_total{kind=\"password\"}", 8.0),
    ("latchkey_tries_total{kind=\"code\"}", 3.0),
    ("latchkey_tries_total{kind=\"code_alone\"}", 0.0),
    ("latchkey_rests_total", 2.0),
    ("latchkey_code_drift_steps_count", 1.0),
    ("latchkey_code_drift_steps_bucket{le=\"2\"}", 1.0),
    ("latchkey_code_drift_steps_bucket{le=\"-1\"}", 0.0),
    ("latchkey_hash_slots_taken", 0.0),
    ("latchkey_hash_waiting{lane=\"sign_in\"}", 0.0),
    ("latchkey_hash_refused_total{lane=\"sign_in\"}", 0.0),
    // A registration, three right passwords and five wrong ones.
    ("latchkey_hash_duration_seconds_count", 9.0),
    ("latchkey_checks_total{status=\"200\"}", 3.0),
    ("latchkey_checks_total{status=\"401\"}", 2.0),
    ("latchkey_checks_total{status=\"403\"}", 0.0),
    ("latchkey_checks_total{status=\"400\"}", 1.0),
    ("latchkey_http_request_duration_seconds_count{route=\"-\",status=\"4xx\"}", 1.0),
    ("latchkey_http_request_duration_seconds_count{route=\"/setup/{token}\",status=\"4xx\"}", 1.0),
    ("latchkey_http_request_duration_seconds_count{route=\"/register\",status=\"3xx\"}", 1.0),
    ("latchkey_http_request_duration_seconds_count{route=\"/login\",status=\"3xx\"}", 3.0),
    ("latchkey_http_request_duration_seconds_count{route=\"/login/code\",status=\"3xx\"}", 1.0),
    ("latchkey_http_request_duration_seconds_count{route=\"/login/code\",status=\"4xx\"}", 3.0),
    ("latchkey_connections_turned_away_total{why=\"no_room\"}", 0.0),
    ("latchkey_database_commits_failed_total", 0.0),
    ("latchkey_database_jobs_refused_total", 0.0),
    ("latchkey_database_jobs_waiting{lane=\"write\"}", 0.0),
];

/// Somebody registers, signs in, gives that code again and a wrong one; somebody else guesses until they have to wait; a proxy
/// asks; and strangers look around.
fn play(house: &House) {
    let mut ada = Person::new("marked.ada");
    let mut browser = house.server.browser();
    ada.registers(&mut browser);
    browser.post("/logout", &[]).lands_on("/login");
    ada.signs_in(&mut browser).lands_on("/");
    let last = ada.codes.last().unwrap().clone();
    let wrong = ada.wrong_code();
    let mut again = house.server.browser();
    ada.gives_password(&mut again);
    again.post("/login/code", &[("otp", &last), ("username", "marked.ada")]).is(422);
    ada.gives_password(&mut again);
    again.post("/login/code", &[("otp", &wrong), ("username", "marked.ada")]).is(422);
    again.post("/login/code", &[("otp", "marked"), ("username", "marked.ada")]).is(422);

    let fields = [("username", "marked.mallory"), ("password", "guess after guess")];
    let mut mallory = house.server.browser();
    for _ in 0..5 {
        mallory.post("/login", &fields).is(422);
    }
    for _ in 0..2 {
        mallory.post("/login", &fields).is(429);
    }

    for _ in 0..3 {
        assert_eq!(house.check("/open"), 200);
    }
    for _ in 0..2 {
        assert_eq!(house.check("/marked-path?marked-query"), 401);
    }
    assert_eq!(house.asks("/api/authz/forward-auth", "").status, 400);
    house.asks("/marked-path?x=marked-query", "User-Agent: marked-agent\r\n").is(404);
    assert!(house.asks("/setup/marked-token", "").status >= 400);
}

fn a_play_is_counted_exactly_on(kind: Kind) {
    let house = House::on(kind);
    let before = house.metrics();
    play(&house);
    let text = house.metrics();
    let counted = samples(&text);
    let wrong: Vec<String> = COUNTED
        .iter()
        .filter(|(name, expected)| counted.get(name) != Some(expected))
        .map(|(name, expected)| format!("{name} is {:?}, expected {expected}", counted.get(name)))
        .collect();
    assert!(wrong.is_empty(), "on {kind:?}: {wrong:#?}");
    // With PostgreSQL it depends on when the number of revocations was read.
    let found = |place: &str| counted[format!("latchkey_check_sessions_total{{found=\"{place}\"}}").as_str()];
    let (memory, database) = (found("memory"), found("database"));
    assert_eq!(memory + database, 5.0, "on {kind:?}");
    assert!(kind == Kind::Postgres || memory == 0.0, "{memory}");

    // What is no play is at least plausible.
    let of = |name: &str| counted[name];
    assert!(of("latchkey_database_jobs_total{outcome=\"committed\"}") >= 15.0);
    assert!(of("latchkey_database_commit_jobs_count") >= 10.0);
    assert!(of("latchkey_database_commit_jobs_sum") >= of("latchkey_database_commit_jobs_count"));
    assert!(of("latchkey_database_commit_duration_seconds_sum") > 0.0);
    assert!(of("process_resident_memory_bytes") > 1e6 && of("process_open_fds") > 5.0);
    let connections = counted.get("latchkey_database_connections{lane=\"write\"}").copied();
    assert_eq!(connections.is_some_and(|open| open >= 1.0), kind == Kind::Postgres);

    promtool(&["metrics"], &text);
    promtool(&["metrics"], &before);
    assert_eq!(families(&before), families(&text), "families come and go");
    house.server.stop();
    for mark in MARKS {
        assert!(!text.contains(mark), "{mark} is in the metrics");
    }
}

#[test]
fn a_play_is_counted_exactly_over_sqlite() {
    a_play_is_counted_exactly_on(Kind::Sqlite);
}

#[test]
fn a_play_is_counted_exactly_over_postgres() {
    a_play_is_counted_exactly_on(Kind::Postgres);
}

#[test]
fn there_is_nothing_but_the_metrics_there_and_no_metrics_anywhere_else() {
    let house = House::on(Kind::Sqlite);
    let asked = |request: &str| ask(&house.socket, request);
    let rest = "Host: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "MARK"] {
        let answer = asked(&format!("{method} /metrics HTTP/1.1\r\n{rest}"));
        assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{method}");
    }
    for path in ["/", "/metrics/", "/metrics/x", "//metrics", "/login", "/livez", "/readyz", "/api/v1/login"]
    {
        let answer = asked(&format!("GET {path} HTTP/1.1\r\n{rest}"));
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
    let head = asked(&format!("HEAD /metrics HTTP/1.1\r\n{rest}"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let many: String = (0..70).map(|n| format!("X-{n}: y\r\n")).collect();
    let large = format!("X-Large: {}\r\n", "y".repeat(40_000));
    for headers in [many, large] {
        let answer = asked(&format!("GET /metrics HTTP/1.1\r\n{headers}{rest}"));
        assert_eq!(answer.status, 431);
    }
    assert_eq!(asked("nonsense\r\n\r\n").status, 400);

    // Who says nothing is not waited for, and keeps nobody out.
    let silent: Vec<UnixStream> = (0..40).map(|_| UnixStream::connect(&house.socket).unwrap()).collect();
    // Until all of them have a place, or have lost it again.
    std::thread::sleep(Duration::from_millis(500));
    assert!(house.metrics().contains("latchkey_ready 1"));
    drop(silent);

    house.asks("/metrics", "").is(404);
    house.server.stop();
    assert!(!house.socket.exists(), "the socket is left behind");
}

#[test]
fn whatever_strangers_ask_there_are_not_more_numbers() {
    const WIRES: usize = 20;
    const ON_EACH: usize = 500;
    let house = House::on(Kind::Sqlite);
    let ask_differently = |round: usize| {
        for wire in 0..WIRES / 2 {
            let mut stream = TcpStream::connect(house.server.address).unwrap();
            let mut reading = stream.try_clone().unwrap();
            let port = house.server.address.port();
            let read = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                reading.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).matches("HTTP/1.1 ").count()
            });
            for n in 0..ON_EACH {
                let id = format!("x{round}x{wire}x{n}");
                let (method, path) = match n % 5 {
                    0 => (format!("M{}", id.to_uppercase()), format!("/{id}")),
                    1 => ("GET".to_owned(), format!("/{id}/{id}?{id}={id}")),
                    2 => ("GET".to_owned(), format!("/setup/{id}")),
                    3 => ("GET".to_owned(), format!("/api/authz/ext-authz/{id}")),
                    _ => ("GET".to_owned(), format!("/assets/{id}")),
                };
                let end = if n + 1 == ON_EACH { "close" } else { "keep-alive" };
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: {id}\r\nAccept: {id}\r\n\
                     X-Forwarded-For: 198.51.100.{}\r\nConnection: {end}\r\n\r\n",
                    n % 250
                );
                stream.write_all(request.as_bytes()).unwrap();
            }
            assert!(read.join().unwrap() >= ON_EACH, "they were answered");
        }
    };
    ask_differently(0);
    let after_half = house.metrics();
    ask_differently(1);
    let after_all = house.metrics();
    let names = |text: &str| samples(text).into_keys().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names(&after_half), names(&after_all));
    assert!(names(&after_all).len() < 400, "{} numbers", names(&after_all).len());
    assert!(!after_all.contains("x0x0x") && !after_all.contains("198.51.100."));
    let counted = samples(&after_all);
    let refused = counted["latchkey_http_request_duration_seconds_count{route=\"-\",status=\"4xx\"}"];
    assert!(refused >= (WIRES * ON_EACH * 2 / 5) as f64, "{refused}");
    house.server.stop();
}

#[test]
fn the_operators_page_has_a_row_for_every_family_and_for_nothing_else() {
    let house = House::on(Kind::Sqlite);
    let text = house.metrics();
    let page = read("docs/metrics.md");
    let is_row = |line: &&str| line.starts_with("| `latchkey_") || line.starts_with("| `process_");
    let rows: Vec<&str> = page.lines().filter(is_row).collect();
    let families = families(&text);
    let in_order = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let expected: Vec<String> = in_order
        .map(|name| {
            let (kind, help) = families[name];
            format!("| `{name}` | {kind} | {help} |")
        })
        .collect();
    assert_eq!(rows, expected, "docs/metrics.md should have these rows:\n{}", expected.join("\n"));

    // The values of labels are written down too.
    for name in samples(&text).keys() {
        let Some((_, labels)) = name.trim_end_matches('}').split_once('{') else { continue };
        for (label, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            let value = value.trim_end_matches('"');
            let free = ["le", "route", "version"].contains(&label);
            assert!(
                free || page.contains(&format!("`{value}`")),
                "the value `{value}` of {name} is explained nowhere"
            );
        }
    }
    house.server.stop();
}

/// The names of metrics in an expression, as families.
fn named(text: &str, families: &BTreeMap<&str, (&str, &str)>) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let words = words.filter(|word| word.starts_with("latchkey_") || word.starts_with("process_"));
    let family = |word: &str| {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        let of_histogram =
            of_histogram.filter(|base| families.get(base).is_some_and(|of| of.0 == "histogram"));
        of_histogram.unwrap_or(word).to_owned()
    };
    words.map(family).collect()
}

/// Every text under this key, however deep.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| under(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| under(value, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_rules_name_what_there_is() {
    let house = House::on(Kind::Sqlite);
    let text = house.metrics();
    let families = families(&text);
    let board: Value = serde_json::from_str(&read("deploy/grafana/latchkey.json")).unwrap();
    let mut expressions = Vec::new();
    under(&board["panels"], "expr", &mut expressions);
    assert!(expressions.len() >= 20, "{} expressions", expressions.len());
    let rules = read("deploy/prometheus/latchkey.rules.yml");
    let rules_of = rules.lines().filter_map(|line| line.trim().strip_prefix("expr:"));
    for expression in expressions.iter().copied().chain(rules_of) {
        let named = named(expression, &families);
        assert!(!named.is_empty() || expression.contains("up"), "it asks for nothing: {expression}");
        for name in named {
            assert!(families.contains_key(name.as_str()), "{name} is served nowhere: {expression}");
        }
    }
    // Every source of data is the one that is chosen above.
    let mut sources = Vec::new();
    under(&board["panels"], "uid", &mut sources);
    assert!(!sources.is_empty() && sources.iter().all(|uid| *uid == "${datasource}"), "{sources:?}");
    // What is drawn is all of it but what is drawn nowhere on purpose.
    let drawn = named(&expressions.join(" "), &families);
    let missing: Vec<&str> = families.keys().copied().filter(|name| !drawn.contains(*name)).collect();
    assert_eq!(missing, ["process_virtual_memory_bytes"], "these are on no panel");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus/latchkey.rules.yml");
    promtool(&["rules", &file.display().to_string()], "");
    house.server.stop();
}

#[test]
fn where_people_come_in_no_metrics_are_served_whatever_is_set() {
    let mut place = Place::new(Kind::Sqlite);
    for listen in ["LATCHKEY_LISTEN", "LATCHKEY_METRICS_LISTEN"] {
        place.set(listen, "127.0.0.1:48123");
    }
    let ended = place.run(&[]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("metrics_listen: people come in there"), "{said}");
    assert!(!place.data().exists());

    // A port that somebody has stops the start before anything is opened.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    place.set("LATCHKEY_LISTEN", "127.0.0.1:0");
    place.set("LATCHKEY_METRICS_LISTEN", &taken.local_addr().unwrap().to_string());
    let ended = place.run(&[]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("is taken by another program") && said.contains("set metrics_listen to"), "{said}");
    assert!(!place.data().exists());
}

#[test]
fn metrics_on_a_port_are_where_the_log_says() {
    let mut place = Place::new(Kind::Sqlite);
    place.set("LATCHKEY_METRICS_LISTEN", "127.0.0.1:0");
    let server = Server::start(&place);
    server.until_logged("metrics are served at /metrics");
    let (_, logged) = server.stop();
    let line = logged.lines().find(|line| line.contains("metrics are served")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert!(line["listen"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
}
