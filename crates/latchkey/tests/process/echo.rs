//! A program behind a proxy, which says what it was asked: the request's head, byte for byte, and its body.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// The key of a WebSocket's opening in RFC 6455, section 1.3.
pub(crate) const SOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What the answer to any key is made with.
const SOCKET_SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

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
        let key = head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| is_key(name)));
        let digest =
            Sha1::new().chain_update(key.map_or("", |(_, key)| key)).chain_update(SOCKET_SALT).finalize();
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            BASE64.encode(&digest)
        )?;
        return converse(reader, stream);
    }
    let length = lines.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let mut sent = Vec::new();
    match lines.contains("transfer-encoding: chunked") {
        true => while reader.read_until(b'\n', &mut sent)? > 0 && !sent.ends_with(b"0\r\n\r\n") {},
        false => drop(reader.take(length.unwrap_or(0)).read_to_end(&mut sent)?),
    }
    let whole = head.clone() + &String::from_utf8_lossy(&sent);
    let body = if head.starts_with("HEAD ") { "" } else { &whole };
    // In one piece: the kernel waits before it sends a second small one.
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", whole.len());
    stream.write_all(answer.as_bytes())
}

fn is_key(name: &str) -> bool {
    name.eq_ignore_ascii_case("sec-websocket-key")
}

/// Hears one word of at most 125 bytes, and says that. RFC 6455, section 5.2.
fn converse(mut reader: BufReader<TcpStream>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut frame = [0; 6];
    reader.read_exact(&mut frame)?;
    let mut said = vec![0; usize::from(frame[1] & 0x7f)];
    reader.read_exact(&mut said)?;
    let heard = said.iter().zip(frame[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let words: Vec<u8> = b"heard ".iter().copied().chain(heard).collect();
    let length = u8::try_from(words.len()).unwrap_or(125);
    stream.write_all(&[&[0x81, length], &words[..]].concat())
}
