//! Over a real socket: what comes in pieces, too slowly, too large, or is no HTTP at all.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use store::Kind;
use tokio::sync::oneshot;

use crate::world::World;

/// A server that listens, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

pub(crate) fn serve(world: &World) -> Server {
    serve_with(world, |listener| listener)
}

/// A server whose listener is another.
pub(crate) fn serve_with(world: &World, change: impl FnOnce(web::Listener) -> web::Listener) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(web::serve(world.app.clone(), change(listener.into()), async move { drop(stopped.await) }));
    Server { address, _stop: stop }
}

/// Sends bytes and reads until the other side closes, which it has to within half a minute.
pub(crate) async fn exchange(address: SocketAddr, bytes: Vec<u8>) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // Whoever is refused early may not have been read to the end.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    panic!("nobody has closed after half a minute")
                }
                // Closed, before all that we sent was read.
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// A request with these lines between the first and the end.
pub(crate) fn request(first: &str, lines: &str) -> Vec<u8> {
    format!("{first}\r\n{lines}Connection: close\r\n\r\n").into_bytes()
}

pub(crate) const HOST: &str = "Host: localhost:8080\r\n";

#[tokio::test]
async fn headers_that_are_too_large_or_too_many_are_answered_with_431() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    let before = world.dump().await;
    let get = "GET /login HTTP/1.1";
    let fine = format!("{HOST}{}X-Long: {}\r\n", "Accept: */*\r\n".repeat(50), "x".repeat(8_000));
    assert_eq!(status(&exchange(server.address, request(get, &fine)).await), 200);
    for large in [
        format!("{HOST}X-Long: {}\r\n", "x".repeat(100_000)),
        format!("{HOST}{}", "X-Many: x\r\n".repeat(10_000)),
        format!("{HOST}{}", "Cookie: a=b\r\n".repeat(5_000)),
        format!("{HOST}Cookie: {}\r\n", "a=b; ".repeat(30_000)),
    ] {
        let answer = exchange(server.address, request(get, &large)).await;
        assert_eq!(status(&answer), 431, "{answer}");
    }
    // What the reader of HTTP may let through, since it looks at its buffer only now and then: all sizes up to that are
    // counted once more.
    let (mut empty, mut said) = (0, 0);
    for kilobytes in (33..100).step_by(3) {
        for lines in [1, 8, 33] {
            let line = format!("Cookie: a={}\r\n", "x".repeat(kilobytes * 1024 / lines));
            let answer =
                exchange(server.address, request(get, &format!("{HOST}{}", line.repeat(lines)))).await;
            assert_eq!(status(&answer), 431, "{kilobytes} KiB in {lines}: {answer}");
            *(if answer.contains("Your browser sent too much") { &mut said } else { &mut empty }) += 1;
        }
    }
    println!("431: {empty} by the reader of HTTP, {said} by us");
    for (count, expected) in [(50, 200), (62, 200), (63, 431), (100, 431), (101, 431)] {
        // Host and Connection come to it.
        let answer =
            exchange(server.address, request(get, &format!("{HOST}{}", "X-Many: x\r\n".repeat(count)))).await;
        assert_eq!(status(&answer), expected, "{count}: {answer}");
    }
    let long = format!("GET /login?{} HTTP/1.1", "x".repeat(100_000));
    let refused = status(&exchange(server.address, request(&long, HOST)).await);
    assert!(matches!(refused, 414 | 431), "{refused}");
    world.dump().await.is_still(&before);
}

#[tokio::test]
async fn two_hosts_no_host_and_another_target_are_foreign_on_the_wire_too() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    for (first, lines, expected) in [
        ("GET /login HTTP/1.1", HOST.to_owned(), 200),
        ("GET /login HTTP/1.1", format!("{HOST}{HOST}"), 421),
        ("GET /login HTTP/1.1", format!("{HOST}Host: evil.example\r\n"), 421),
        ("GET /login HTTP/1.1", format!("Host: evil.example\r\n{HOST}"), 421),
        ("GET /login HTTP/1.1", String::new(), 421),
        ("GET /login HTTP/1.0", String::new(), 421),
        ("GET http://localhost:8080/login HTTP/1.1", HOST.to_owned(), 200),
        ("GET http://evil.example/login HTTP/1.1", HOST.to_owned(), 421),
        ("GET http://localhost:8080/login HTTP/1.1", "Host: evil.example\r\n".to_owned(), 421),
        ("GET /livez HTTP/1.1", "Host: evil.example\r\n".to_owned(), 200),
        ("GET /livez HTTP/1.0", String::new(), 200),
    ] {
        let answer = exchange(server.address, request(first, &lines)).await;
        assert_eq!(status(&answer), expected, "{first} {lines}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
        assert!(!answer.to_lowercase().contains("\r\nserver:"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_harms_nobody() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    let before = world.dump().await;
    let smuggled = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n";
    let odd: [Vec<u8>; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET /login\r\n\r\n".to_vec(),
        b"GET /login HTTP/9.9\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n\0\0\0\0\r\n\r\n".to_vec(),
        b"GET /lo\0gin HTTP/1.1\r\nHost: localhost:8080\r\n\r\n".to_vec(),
        b"GET /login HTTP/1.1\r\nHost : localhost:8080\r\n\r\n".to_vec(),
        b"GET /login HTTP/1.1\r\nHost: localhost:8080\r\n folded: x\r\n\r\n".to_vec(),
        b"GET /login HTTP/1.1\r\nHost: localhost:8080\r\nX: a\0b\r\n\r\n".to_vec(),
        request("POST /login HTTP/1.1", &format!("{HOST}Content-Length: -1\r\n")),
        request("POST /login HTTP/1.1", &format!("{HOST}Content-Length: 1\r\nContent-Length: 2\r\n")),
        request("OPTIONS * HTTP/1.1", HOST),
    ];
    for bytes in odd {
        let told = String::from_utf8_lossy(&bytes).into_owned();
        let answer = exchange(server.address, bytes).await;
        assert!(answer.is_empty() || (400..500).contains(&status(&answer)), "{told:?}: {answer}");
    }
    // One length wins; whichever it is, what follows is not a second request.
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer =
        exchange(server.address, request("POST /login HTTP/1.1", &format!("{HOST}{form}{smuggled}"))).await;
    assert!((400..500).contains(&status(&answer)), "{answer}");
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    world.dump().await.is_still(&before);
}

#[tokio::test]
async fn a_body_without_end_is_too_large_as_soon_as_it_is() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    let form = format!("{HOST}Content-Type: application/x-www-form-urlencoded\r\n");
    for lines in
        [format!("{form}Content-Length: 10000000\r\n"), format!("{form}Transfer-Encoding: chunked\r\n")]
    {
        let mut bytes = request("POST /login HTTP/1.1", &lines);
        // Never to its end: whoever waits for that waits for ever.
        for _ in 0..40 {
            bytes.extend_from_slice(b"400\r\n");
            bytes.extend_from_slice(&[b'a'; 0x400]);
            bytes.extend_from_slice(b"\r\n");
        }
        let answer = exchange(server.address, bytes).await;
        assert_eq!(status(&answer), 413, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_send_slowly_are_given_up_and_keep_nobody_waiting() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nusername=ada";
    let halves: [(Vec<u8>, &[u16]); 4] = [
        // Nothing at all; half of the headers; the same after a whole request; half of a body.
        (Vec::new(), &[0, 408]),
        (format!("GET /login HTTP/1.1\r\n{HOST}Accept: ").into_bytes(), &[0, 408]),
        (format!("GET /livez HTTP/1.1\r\n{HOST}\r\nGET /login HTTP/1.1\r\n{HOST}Acc").into_bytes(), &[200]),
        (format!("POST /login HTTP/1.1\r\n{HOST}{form}").into_bytes(), &[408]),
    ];
    let mut open = Vec::new();
    for (bytes, _) in halves.iter().cycle().take(300) {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(bytes).unwrap();
        open.push(stream);
    }
    let address = server.address;
    let slow: Vec<_> =
        halves.iter().map(|(bytes, _)| tokio::spawn(exchange(address, bytes.clone()))).collect();
    for _ in 0..20 {
        assert_eq!(status(&exchange(address, request("GET /login HTTP/1.1", HOST)).await), 200);
    }
    // The slow ones are given ten seconds, so whoever had waited for them would come after them.
    assert!(slow.iter().any(|slow| !slow.is_finished()), "the others were answered first");
    for (answer, (bytes, expected)) in slow.into_iter().zip(&halves) {
        let answer = answer.await.unwrap();
        assert!(expected.contains(&status(&answer)), "{}: {answer}", String::from_utf8_lossy(bytes));
    }
    for stream in open {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
