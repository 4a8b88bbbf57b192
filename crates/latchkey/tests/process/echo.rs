//! A program behind a proxy, which says what it was asked: the request's head, byte for byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The key of a WebSocket's opening in RFC 6455, section 1.3, and the answer that belongs to it.
pub(crate) const SOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SOCKET_ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The program. It lives as long as the test.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    pub(crate) fn start() -> Echo {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let echo = Echo { address: listener.local_addr().unwrap(), heads: Arc::default() };
        let heads = echo.heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heads = heads.clone();
                // Whoever has gone before the answer has gone.
                std::thread::spawn(move || answer(stream, &heads));
            }
        });
        echo
    }

    /// The heads of all requests that have arrived since somebody asked.
    pub(crate) fn arrived(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    let head: String = head.into_iter().map(char::from).collect();
    heads.lock().unwrap().push(head.clone());
    let lines = head.to_lowercase();
    if lines.contains("upgrade: websocket") {
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {SOCKET_ANSWER}\r\n\r\n"
        )?;
        let mut said = [0; 4];
        reader.read_exact(&mut said)?;
        stream.write_all(b"heard ")?;
        return stream.write_all(&said);
    }
    let length = lines.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink())?;
    let body = if head.starts_with("HEAD ") { "" } else { &head };
    // In one piece: the kernel waits before it sends a second small one.
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", head.len());
    stream.write_all(answer.as_bytes())
}
