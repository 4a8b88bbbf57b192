//! Many connections at once: those that say nothing make way for those that do, one address has only so many, and none can
//! make us wait with an answer. The same with the real program, slowly, is in `latchkey/tests/process/crowds.rs`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use auth::Config;
use store::Kind;

use crate::wire::{HOST, exchange, request, serve, serve_with, status};
use crate::world::World;

/// Connections that say nothing, or only the half of something.
fn silent(address: SocketAddr, count: usize, said: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(said);
        stream
    };
    (0..count).map(open).collect()
}

/// Whether the other side has closed it by now.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

async fn honest(address: SocketAddr) -> u16 {
    status(&exchange(address, request("GET /login HTTP/1.1", HOST)).await)
}

/// Waits until so many of 64 have made way; when exactly each notices is its own affair.
async fn make_way(crowd: &mut [TcpStream], many: usize, told: &str) {
    let mut closed = 0;
    for _ in 0..400 {
        closed = crowd.iter_mut().map(is_closed).filter(|closed| *closed).count();
        if closed >= many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{closed} of 64 made way, beside {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_has_room_for_whoever_has_something_to_say() {
    let world = World::on(Kind::Sqlite).await;
    // Of these files, the connections may have sixteen.
    let server = serve_with(&world, |listener| listener.with_files(144));
    let address = server.address;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nusername=a";
    let halves: [Vec<u8>; 3] = [
        Vec::new(),
        format!("GET /login HTTP/1.1\r\n{HOST}").into_bytes(),
        format!("POST /login HTTP/1.1\r\n{HOST}{form}").into_bytes(),
    ];
    for half in halves {
        let told = String::from_utf8_lossy(&half).into_owned();
        let mut crowd = tokio::task::spawn_blocking(move || silent(address, 64, &half)).await.unwrap();
        // All of them have come in, in whatever order, when most of them have made way for each other.
        make_way(&mut crowd, 48, &told).await;
        for n in 0..40 {
            assert_eq!(honest(address).await, 200, "honest request {n} beside {told:?}");
        }
        // An honest request takes the place of one of them, or that of the one before.
        make_way(&mut crowd, 49, &told).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_only_so_many_connections_unless_it_may_be_a_proxy() {
    for (trusted, most) in [("10.0.0.0/8", 256), ("", 300)] {
        let set = |config: &mut Config| config.set("trusted_proxies", trusted).unwrap();
        let world = World::with(Kind::Sqlite, set).await;
        let server = serve(&world);
        let address = server.address;
        let count = move || {
            let mut crowd = silent(address, 300, &[]);
            // Those beyond the limit are closed at once; each of the others is answered, and keeps its place.
            let ask = format!("GET /livez HTTP/1.1\r\n{HOST}\r\n");
            let answered = crowd.iter_mut().map(|stream| {
                let _ = stream.write_all(ask.as_bytes());
                let mut answer = [0; 4096];
                let length = stream.read(&mut answer).unwrap_or(0);
                status(&String::from_utf8_lossy(&answer[..length])) == 200
            });
            answered.filter(|answered| *answered).count()
        };
        // A machine that is so busy that the first have been silent for too long when the last come tries again.
        let mut open = 0;
        for _ in 0..5 {
            open = tokio::task::spawn_blocking(count).await.unwrap();
            if open == most {
                break;
            }
        }
        assert_eq!(open, most, "where {trusted:?} are proxies");
        // Who has left leaves room, as soon as the server has heard of it.
        let mut status = honest(address).await;
        for _ in 0..100 {
            if status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            status = honest(address).await;
        }
        assert_eq!(status, 200);
    }
}

/// Asks again and again, and takes nothing of what comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_of_the_answers_is_left() {
    let world = World::on(Kind::Sqlite).await;
    let server = serve(&world);
    let address = server.address;
    let left = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(40))).unwrap();
        let ask = format!("GET /login HTTP/1.1\r\n{HOST}\r\n").repeat(100);
        // Until it reads no more, since nothing more can be written; then until it has had enough of that.
        for _ in 0..100_000 {
            match stream.write_all(ask.as_bytes()) {
                Ok(()) => {}
                Err(e) => return e.kind(),
            }
        }
        ErrorKind::Other
    });
    for _ in 0..20 {
        assert_eq!(honest(address).await, 200);
    }
    let left = left.await.unwrap();
    assert!(matches!(left, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{left:?}");
}
