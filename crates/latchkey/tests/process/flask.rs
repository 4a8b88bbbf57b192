//! The tutorial's program in `examples/flask`: as it was, asking whether a code is right, and behind a proxy that asks.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use store::Kind;

use crate::browser::Browser;
use crate::person::Person;
use crate::proxies::House;
use crate::proxy::{APP, Kind as Before, Proxy, Recipe};
use crate::python::python;
use crate::server::{Place, Server};
use crate::traveler::Traveler;

const LIBRARIES: &[&str] =
    &["Flask==3.1.3", "pyotp==2.12.0", "qrcode==8.2", "pillow==13.0.0", "requests==2.34.2"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flask").join(name)
}

/// One of the three, running. Dropping it ends it.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(name: &str, variables: &[(&str, &str)]) -> Program {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(python("flask", LIBRARIES).join("python"));
        command.arg(example(name)).env_clear().env("PATH", "/usr/bin:/bin").env("PORT", port.to_string());
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Program { child: command.spawn().unwrap(), address: ([127, 0, 0, 1], port).into() };
        let answers = (0..1500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(program.address).is_ok()
        });
        assert!(answers, "{name} never listens");
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of one file that are not in the other, in its order: what somebody has to write.
fn written(before: &str, after: &str) -> usize {
    let mut left: Vec<&str> = before.lines().collect();
    let is_new = |line: &&str| match left.iter().position(|old| old == line) {
        Some(at) => {
            left.remove(at);
            false
        }
        None => !line.is_empty(),
    };
    after.lines().filter(is_new).count()
}

#[test]
fn fifteen_lines_are_enough_in_either_way() {
    let [before, verify, forward] = ["tutorial.py", "verify.py", "forward_auth.py"]
        .map(|name| std::fs::read_to_string(example(name)).unwrap());
    let (asking, behind) = (written(&before, &verify), written(&before, &forward));
    println!("{asking} lines to ask, {behind} behind a proxy");
    assert!(asking <= 15 && behind <= 15, "{asking} and {behind}");
}

#[test]
fn a_program_that_asks_takes_a_code_once() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut ada = Person::new("ada.lovelace");
    ada.registers(&mut server.browser());
    let made = place.run(&["token", "add", "flask", "--scope", "verify", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let url = format!("http://localhost:{}", server.address.port());
    let token = made["token"].as_str().unwrap();
    let program = Program::start("verify.py", &[("LATCHKEY", &url), ("LATCHKEY_TOKEN", token)]);

    let sign_in = |code: &str| {
        let mut browser = Browser::new(program.address);
        let answer = browser.post("/login", &[("username", "Ada.Lovelace"), ("otp", code)]);
        (answer.status, browser.get("/").body)
    };
    assert_eq!(sign_in(&ada.wrong_code()).0, 422);
    let code = ada.code();
    assert_eq!(sign_in(&code), (302, "Hello, ada.lovelace!".to_owned()));
    assert_eq!(sign_in(&code).0, 422, "it is spent");
}

#[test]
fn the_tutorials_own_program_runs_as_it_was() {
    let program = Program::start("tutorial.py", &[]);
    let made = Browser::new(program.address).post("/register", &[("username", "eve")]);
    assert_eq!((made.status, made.header("content-type")), (200, Some("image/png")));
    assert_eq!(Browser::new(program.address).post("/register", &[("username", "eve")]).status, 422);
}

#[test]
fn behind_a_proxy_the_tutorials_program_is_told_who_it_is() {
    let mut house = House::new();
    let program = Program::start("forward_auth.py", &[]);
    let recipe = Recipe::print(Before::Nginx, &house.place, &house.server, program.address);
    let proxy = Proxy::start(Before::Nginx, &recipe);
    let mut ada = Traveler::new(&proxy);
    let (at, _) = ada.goes_to(&format!("https://{APP}/"));
    let (at, page) = ada.signs_in(&mut house.ada, &at);
    assert_eq!((at, page.is(200)), (format!("https://{APP}/"), "Hello, ada.lovelace!"));
}
