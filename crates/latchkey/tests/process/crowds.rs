//! Slow and silent clients before the real program, on each kind of listener: all of them are closed in time, and honest
//! ones are answered meanwhile. And floods of bytes: refused, and not kept.
//!
//! `LATCHKEY_TEST_CONNECTIONS` says how many are silent and how many are slow, of each.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use store::Kind;

use crate::authority::Authority;
use crate::browser::Answer;
use crate::server::{Place, Server};

/// Each limit is ten seconds, an answer takes at most fifteen, and this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often the slow ones send a byte.
const PAUSE: Duration = Duration::from_secs(2);

/// How many are silent, and how many are slow.
fn connections() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how much a machine can bear is said there, and only here")]
    let said = std::env::var("LATCHKEY_TEST_CONNECTIONS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(250)
}

/// A connection of either kind.
trait Wire: Read + Write + Send {
    fn waits_for(&self, limit: Duration);
}

impl Wire for TcpStream {
    fn waits_for(&self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
    }
}

impl Wire for UnixStream {
    fn waits_for(&self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
    }
}

/// What a slow client has sent before it slows down.
const STARTS: [&str; 6] = [
    "",
    "GET /login HTTP/1.1\r\nHost: localhost\r\n",
    "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nusername=",
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
    // Answered, and then nothing.
    "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
];

/// Sends nothing more, or a byte at a time, until the other side closes. False when it never does.
fn is_closed(mut wire: Box<dyn Wire>, drips: bool) -> bool {
    wire.waits_for(if drips { PAUSE } else { PATIENCE });
    let turns = if drips { PATIENCE.as_secs() / PAUSE.as_secs() } else { 1 };
    let mut piece = [0; 4096];
    for _ in 0..turns {
        if drips && wire.write_all(b"a").is_err() {
            return true;
        }
        loop {
            match wire.read(&mut piece) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => return true,
            }
        }
    }
    false
}

/// So many silent and so many slow ones, of every start.
fn crowd(connect: impl Fn() -> Box<dyn Wire>, count: usize) -> Vec<JoinHandle<bool>> {
    let begin = |n: usize, drips: bool| {
        let mut wire = connect();
        let start = STARTS[n % STARTS.len()];
        // A drop after an answer is the start of the next request.
        let _ = wire.write_all(start.as_bytes());
        std::thread::Builder::new().stack_size(128 * 1024).spawn(move || is_closed(wire, drips)).unwrap()
    };
    (0..count).map(|n| begin(n, false)).chain((0..count).map(|n| begin(n, true))).collect()
}

/// While they stand, honest requests are answered; in the end all are closed.
fn all_are_closed(crowd: Vec<JoinHandle<bool>>, honest: impl Fn()) {
    for _ in 0..50 {
        honest();
    }
    let standing = crowd.iter().filter(|one| !one.is_finished()).count();
    let whole = crowd.len();
    assert!(standing > whole / 2, "{standing} of {whole} stood while honest requests were answered");
    let closed = crowd.into_iter().map(|one| one.join().unwrap()).filter(|closed| *closed).count();
    assert_eq!(closed, whole, "some are open after {PATIENCE:?}");
}

fn tcp(address: SocketAddr) -> Box<dyn Wire> {
    Box::new(TcpStream::connect(address).unwrap())
}

#[test]
fn who_is_silent_or_slow_is_closed_and_keeps_nobody_waiting() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let crowd = crowd(|| tcp(server.address), connections());
    all_are_closed(crowd, || {
        server.browser().get("/login").is(200);
    });
    server.stop();
}

#[test]
fn the_same_before_a_socket_in_the_file_system() {
    let mut place = Place::new(Kind::Sqlite);
    let path = place.dir().join("latchkey.sock");
    place.set("LATCHKEY_LISTEN", &format!("unix:{}", path.display()));
    let server = Server::start(&place);
    let connect = |path: &Path| UnixStream::connect(path).unwrap();
    let crowd = crowd(|| Box::new(connect(&path)), connections().min(300) / 5);
    all_are_closed(crowd, || {
        let mut stream = connect(&path);
        stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Answer::parse(&text).is(200);
    });
    server.stop();
}

/// A place that speaks https.
fn secure(authority: &Authority) -> Place {
    let mut place = Place::new(Kind::Sqlite);
    let (certificate, key) = authority.issue(place.dir(), "localhost");
    place.set("LATCHKEY_TLS_CERTIFICATE", certificate.to_str().unwrap());
    place.set("LATCHKEY_TLS_KEY", key.to_str().unwrap());
    place
}

#[test]
fn the_same_before_a_handshake_and_in_the_middle_of_it() {
    let authority = Authority::new();
    let place = secure(&authority);
    let server = Server::start(&place);
    // The start of a record of a handshake, whose end never comes: silent, and a byte at a time.
    let begin = || {
        let mut wire = TcpStream::connect(server.address).unwrap();
        let _ = wire.write_all(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03");
        wire
    };
    let count = connections().min(300) / 5;
    let mut crowd: Vec<JoinHandle<bool>> = Vec::new();
    for n in 0..count * 3 {
        let wire: Box<dyn Wire> = if n % 3 == 0 { tcp(server.address) } else { Box::new(begin()) };
        crowd.push(std::thread::spawn(move || is_closed(wire, n % 3 == 2)));
    }
    let host = format!("localhost:{}", server.address.port());
    all_are_closed(crowd, || {
        let mut connection = authority.connect(server.address, "localhost").unwrap();
        connection.get("/login", &host).is(200);
    });
    server.stop();
}

/// HTTP/2 is not spoken: who offers it and HTTP/1.1 gets that, and who offers nothing else gets an alert.
#[test]
fn http_2_is_not_spoken_and_its_floods_reach_nothing() {
    let authority = Authority::new();
    let place = secure(&authority);
    let server = Server::start(&place);
    let both = authority.offering(server.address, &["h2", "http/1.1"]).unwrap();
    assert_eq!(both.agreed().as_deref(), Some("http/1.1"));
    let none = authority.offering(server.address, &[]).unwrap();
    assert_eq!(none.agreed(), None);
    let refused = authority.offering(server.address, &["h2"]).map(|_| ()).unwrap_err();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");

    // Its preface and a flood of frames all the same, in clear and encrypted: closed, and at most one word of refusal.
    let flood = flood_of_frames();
    let mut secure = authority.offering(server.address, &[]).unwrap();
    let answer = secure.exchange(&flood);
    assert!(!answer.contains("HTTP/1.1 200") && answer.matches("HTTP/1.1").count() <= 1, "{answer}");
    let host = format!("localhost:{}", server.address.port());
    authority.connect(server.address, "localhost").unwrap().get("/login", &host).is(200);
    server.stop();

    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    for _ in 0..20 {
        let mut wire = server.browser().connect();
        let _ = wire.write_all(&flood);
        let mut answer = Vec::new();
        let _ = wire.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("HTTP/1.1 200") && answer.matches("HTTP/1.1").count() <= 1, "{answer}");
    }
    let mut upgrade = server.browser().connect();
    let ask = "GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
               HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    upgrade.write_all(ask.as_bytes()).unwrap();
    Answer::read(&mut upgrade).is(200);
    server.stop();
}

/// The preface of HTTP/2, settings, and ten thousand streams that are opened and reset.
fn flood_of_frames() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    for n in 0..10_000_u32 {
        let stream = (n * 2 + 1).to_be_bytes();
        // HEADERS: GET / over http, and an end of headers; then RST_STREAM with CANCEL.
        bytes.extend_from_slice(b"\x00\x00\x03\x01\x05");
        bytes.extend_from_slice(&stream);
        bytes.extend_from_slice(b"\x82\x84\x86\x00\x00\x04\x03\x00");
        bytes.extend_from_slice(&stream);
        bytes.extend_from_slice(b"\x00\x00\x00\x08");
    }
    bytes
}

/// The memory that the program has in use, in KiB.
pub(crate) fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// DOS-3 of the threat model: too much of anything is refused with a word, and is not kept.
#[test]
fn floods_of_bytes_are_refused_and_memory_stays() {
    let place = Place::new(Kind::Sqlite);
    let server = Server::start(&place);
    let send = |bytes: &[u8]| {
        let mut wire = server.browser().connect();
        let _ = wire.write_all(bytes);
        let mut answer = Vec::new();
        let _ = wire.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // Whoever sends on after the refusal may find the connection reset before it is read.
        answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok())
    };
    for _ in 0..20 {
        server.browser().get("/login").is(200);
    }
    let before = resident(&server);
    let head =
        |lines: &str| format!("POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let large = vec![b'a'; 10_000_000];
    let chunk = [b"2710\r\n".to_vec(), vec![b'a'; 10_000], b"\r\n".to_vec()].concat();
    let cookies: String = (0..5_000).map(|n| format!("c{n}=x; ")).collect();
    let floods: [(&str, Vec<u8>, u16); 7] = [
        (
            "10 MB",
            [head(&format!("{form}Content-Length: 10000000\r\n\r\n")).into_bytes(), large].concat(),
            413,
        ),
        (
            "10 MB in chunks",
            [head(&format!("{form}Transfer-Encoding: chunked\r\n\r\n")).into_bytes(), chunk.repeat(1_000)]
                .concat(),
            413,
        ),
        (
            "100,000 fields",
            [head(&format!("{form}Content-Length: 200000\r\n\r\n")).into_bytes(), b"a&".repeat(100_000)]
                .concat(),
            413,
        ),
        ("10,000 headers", head(&("X: y\r\n".repeat(10_000) + "\r\n")).into_bytes(), 431),
        ("5,000 cookies", head(&format!("Cookie: {cookies}\r\n\r\n")).into_bytes(), 431),
        ("a line of 10 MB", head(&format!("X: {}\r\n\r\n", "x".repeat(10_000_000))).into_bytes(), 431),
        (
            "packed bytes",
            [
                head(&format!("{form}Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n")).into_bytes(),
                vec![0x1f; 20],
            ]
            .concat(),
            415,
        ),
    ];
    let mut answered = 0;
    for (what, bytes, expected) in &floods {
        for _ in 0..5 {
            let status = send(bytes);
            assert!(status.is_none_or(|status| status == *expected), "{what}: {status:?}");
            answered += usize::from(status.is_some());
        }
    }
    assert!(answered > floods.len() * 5 / 2, "{answered} refusals were heard");
    server.browser().get("/login").is(200);
    let grown = resident(&server).saturating_sub(before);
    println!("{before} KiB before the floods, {grown} KiB more after them");
    assert!(grown <= 32 * 1024, "{grown} KiB");
    server.stop();
}
