//! How it stops: open requests end, new ones are not taken, and nobody has to wait who says it twice.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use store::Kind;

use crate::browser::Answer;
use crate::person::Person;
use crate::server::{Place, Server};

/// The longest that anything here may take.
const LONG: usize = 200;

/// Waits until it takes no more connections.
fn until_it_takes_no_more(server: &Server) {
    for _ in 0..LONG {
        if TcpStream::connect(server.address).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it still takes connections");
}

#[test]
fn a_request_that_is_open_is_answered_before_it_stops() {
    for signal in ["TERM", "INT"] {
        let place = Place::new(Kind::Sqlite);
        let server = Server::start(&place);
        let mut ada = Person::new("ada");
        ada.registers(&mut server.browser());

        let body = format!("username=ada&password={}", crate::browser::percent(&ada.password));
        let request = server.browser().form("/login", &body);
        let (begun, rest) = request.split_at(request.len() - 7);
        let mut open = server.browser().connect();
        open.write_all(begun.as_bytes()).unwrap();
        // It has read the headers by now, or will have when it looks at its connections.
        std::thread::sleep(Duration::from_millis(300));
        server.signal(signal);
        until_it_takes_no_more(&server);
        open.write_all(rest.as_bytes()).unwrap();
        Answer::read(&mut open).lands_on("/login/code");

        let (status, _, logged) = server.ended();
        assert_eq!(status.code(), Some(0), "{logged}");
        assert!(logged.contains("stopping"), "{logged}");
    }
}

#[test]
fn an_idle_connection_keeps_nobody_waiting() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut idle = server.browser().connect();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let clock = auth::Clock::System;
    let before = clock.now();
    server.stop();
    // The grace is ten seconds; an idle connection is not waited for at all.
    assert!(clock.now().millis_since(before) < 8_000, "it waited for an idle connection");
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let mut open = server.browser().connect();
    let request = server.browser().form("/login", "username=ada&password=x");
    open.write_all(&request.as_bytes()[..request.len() - 5]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    until_it_takes_no_more(&server);
    server.signal("TERM");
    let (status, _, logged) = server.ended();
    assert_eq!(status.code(), Some(130), "{logged}");
    assert!(logged.contains("stopped at once"), "{logged}");
}

#[test]
fn whoever_watches_it_is_told_before_it_takes_no_more_connections() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    server.browser().get("/readyz").is(200);
    server.signal("TERM");
    server.until_logged("stopping");
    // People are let in and answered until then.
    server.browser().get("/login").is(200);
    assert_eq!(server.browser().get("/readyz").is(503), "this server is stopping\n");
    until_it_takes_no_more(&server);
    let (status, _, logged) = server.ended();
    assert_eq!(status.code(), Some(0), "{logged}");
}

#[test]
fn who_watches_it_and_does_not_ask_again_is_not_waited_for_long() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    server.browser().get("/readyz").is(200);
    server.signal("TERM");
    until_it_takes_no_more(&server);
    let (status, _, logged) = server.ended();
    assert_eq!(status.code(), Some(0), "{logged}");
}

/// No file of its may grow any more, as on a disk that is full.
#[test]
fn a_server_that_cannot_write_says_so_and_not_where() {
    let place = Place::new(Kind::Sqlite);
    let script = format!("trap '' XFSZ; exec {}", crate::server::program());
    let server = Server::start_as(place.command("sh", &["-c", &script]));
    server.browser().get("/readyz").is(200);
    let limited = std::process::Command::new("prlimit")
        .args(["--pid", &server.pid().to_string(), "--fsize=0:0"])
        .status();
    assert!(limited.unwrap().success());
    let fields = [("username", "ada"), ("password", "ada, engine of analysis")];
    assert!(server.browser().post("/register", &fields).status >= 500);
    let said = server.browser().get("/readyz");
    assert!(said.is(503).starts_with("the database cannot be written to"), "{}", said.body);
    assert!(!said.body.contains("latchkey-data"), "{}", said.body);
    server.browser().get("/livez").is(200);
    server.kill();
}
