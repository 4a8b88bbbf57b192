//! Sockets in the file system, and what a supervisor does: it hands over a socket, and is told how things are.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::Kind;

use crate::browser::Answer;
use crate::server::{Place, Server, program};

/// A place where it listens on a socket.
fn place() -> (Place, PathBuf) {
    let mut place = Place::new(Kind::Sqlite);
    let path = place.dir().join("latchkey.sock");
    place.set("LATCHKEY_LISTEN", &format!("unix:{}", path.display()));
    (place, path)
}

/// Asks over the socket, as a proxy does that adds these lines.
fn ask(path: &Path, target: &str, lines: &str) -> Answer {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    Answer::parse(&text)
}

#[test]
fn a_proxy_at_the_socket_is_believed_about_the_client() {
    let (place, path) = place();
    let server = Server::start(&place);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    ask(&path, "/login", "X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\n").is(200);
    ask(&path, "/register", "").is(403);
    let (said, logged) = server.stop();
    let of =
        |route: &str| logged.lines().find(|line| line.contains(&format!("\"route\":\"{route}\""))).unwrap();
    assert!(of("/login").contains("\"client\":\"198.51.100.7\""), "{logged}");
    assert!(of("/register").contains("\"client\":\"\""), "{logged}");
    assert!(
        said.contains(&format!(" at http://localhost, listening on unix:{}\n", path.display())),
        "{said}"
    );
    // A socket is for a proxy, which others can reach.
    assert!(said.contains("Registration closed (others can reach this machine)"), "{said}");
    assert!(!path.exists(), "the socket is left behind");
}

#[test]
fn a_socket_that_is_left_behind_is_replaced_and_one_that_is_in_use_is_not() {
    let (place, path) = place();
    Server::start(&place).kill();
    assert!(path.exists());
    let server = Server::start(&place);
    ask(&path, "/livez", "").is(200);

    let ended = place.run(&[]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("latchkey.sock is taken by another program"), "{said}");
    ask(&path, "/livez", "").is(200);
    server.stop();
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let (place, path) = place();
    std::fs::write(&path, "a letter").unwrap();
    let ended = place.run(&[]);
    assert!(String::from_utf8(ended.stderr).unwrap().contains("is there already, and is no socket"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a letter");
    std::fs::remove_file(&path).unwrap();

    let ended = place.run(&["--listen", &format!("unix:{}/nowhere/x.sock", place.dir().display())]);
    assert!(String::from_utf8(ended.stderr).unwrap().contains("RuntimeDirectory=latchkey"));
    assert!(!place.data().exists());
}

/// The program as systemd would start it: with a socket as its fourth file, and its own number.
fn handed_over(place: &Place, socket: OwnedFd) -> Command {
    let script = format!("exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec {}", program());
    let mut command = place.command("sh", &["-c", &script]);
    command.stdin(Stdio::from(socket));
    command
}

#[test]
fn a_socket_that_a_supervisor_hands_over_is_served_whatever_the_setting_says() {
    let place = Place::new(Kind::Sqlite);
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let server = Server::start_as(handed_over(&place, tcp.into()));
    assert_eq!(server.address, address);
    server.browser().get("/login").is(200);
    let (said, _) = server.stop();
    assert!(said.contains(&format!(" at http://localhost:{}, listening", address.port())), "{said}");

    let path = place.dir().join("handed.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let server = Server::start_as(handed_over(&place, unix.into()));
    ask(&path, "/login", "").is(200);
    server.stop();
    assert!(path.exists(), "the supervisor's socket was removed");
}

#[test]
fn what_takes_no_connections_is_refused() {
    let place = Place::new(Kind::Sqlite);
    let (_mine, theirs) = UnixDatagram::pair().unwrap();
    let ended = handed_over(&place, theirs.into()).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("takes no connections"), "{said}");
    // For another process, such as the shell that started it: it listens where the setting says.
    let mut other = place.latchkey(&[]);
    other.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    Server::start_as(other).stop();
}

#[test]
fn a_supervisor_is_told_when_it_is_ready_reads_again_and_stops() {
    let mut place = Place::new(Kind::Sqlite);
    let path = place.dir().join("notify.sock");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    place.set("NOTIFY_SOCKET", path.to_str().unwrap());
    let told = || {
        let mut bytes = [0; 200];
        let length = supervisor.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let server = Server::start(&place);
    assert_eq!(told(), "READY=1");
    server.signal("HUP");
    let reloading = told();
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(micros.parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(told(), "READY=1");
    server.signal("TERM");
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(server.ended().0.code(), Some(0));
}
