//! As much HTTP/1.1 as it takes to ask and to read the answer, and no more, since whoever asks is not what is measured.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Cookies of a browser, by name.
pub(crate) type Jar = BTreeMap<String, String>;

/// A browser, with a connection that is kept for as long as the server keeps it.
pub(crate) struct Client {
    port: u16,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

/// What came back. Borrowed from the client until the next is asked.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Client {
    pub(crate) fn new(port: u16) -> Client {
        Client { port, stream: None, read: Vec::with_capacity(16 << 10) }
    }

    /// Makes sure that there is a connection.
    pub(crate) async fn connect(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or_else(|| io::Error::other("there is no connection"))
    }

    /// Sends a request and reads its answer to the end. A kept connection that the server has closed meanwhile is opened anew,
    /// once, when nothing of an answer has come.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let kept = self.stream.is_some();
        let length = match self.exchange(request).await {
            Err(error) if kept && self.read.is_empty() && is_closed(&error) => {
                self.stream = None;
                self.exchange(request).await?
            }
            read => read?,
        };
        let head = std::str::from_utf8(&self.read[..length.head]).map_err(io::Error::other)?;
        if length.closes {
            self.stream = None;
        }
        let status = head.get(9..12).and_then(|text| text.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("this is no HTTP: {head:.80}")))?;
        Ok(Answer { status, head, body: &self.read[length.head..] })
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Length> {
        self.read.clear();
        self.connect().await?.write_all(request).await?;
        let mut length: Option<Length> = None;
        loop {
            if length.is_none() {
                length = Length::of(&self.read)?;
            }
            if let Some(length) =
                length.filter(|length| length.whole.is_some_and(|whole| self.read.len() >= whole))
            {
                return Ok(length);
            }
            let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
            if stream.read_buf(&mut self.read).await? == 0 {
                // An answer without a length ends with its connection.
                return match length {
                    Some(length) if length.whole.is_none() => Ok(Length { closes: true, ..length }),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// How long an answer is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Length {
    head: usize,
    /// Head and body; `None` when it ends with the connection.
    whole: Option<usize>,
    closes: bool,
}

impl Length {
    /// `None` while the head is not all there.
    fn of(read: &[u8]) -> io::Result<Option<Length>> {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = end + 4;
        let text = std::str::from_utf8(&read[..head]).map_err(io::Error::other)?;
        let closes = header(text, "connection").any(|value| value.eq_ignore_ascii_case("close"));
        if header(text, "transfer-encoding").next().is_some() {
            return Err(io::Error::other("an answer came in chunks, which is not understood here"));
        }
        let whole = match header(text, "content-length").next() {
            Some(length) => Some(head + length.parse::<usize>().map_err(io::Error::other)?),
            None if closes => None,
            None => Some(head),
        };
        Ok(Some(Length { head, whole, closes }))
    }
}

fn header<'a>(head: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    head.split("\r\n").skip(1).filter_map(move |line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Answer<'_> {
    /// Puts the cookies of the answer to the others. One that is taken back goes.
    pub(crate) fn keep_cookies(&self, jar: &mut Jar) {
        for cookie in header(self.head, "set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_it_says_or_as_its_connection_lasts() {
        let of =
            |text: &str| Length::of(text.as_bytes()).unwrap().map(|length| (length.whole, length.closes));
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), Some((Some(40), false)));
        assert_eq!(of("HTTP/1.1 303 See Other\r\nlocation: /\r\n\r\n"), Some((Some(39), false)));
        assert_eq!(of("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na"), Some((None, true)));
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Le"), None);
        assert!(Length::of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(Length::of(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").is_err());
    }

    #[test]
    fn cookies_are_kept_and_taken_back() {
        let mut jar = Jar::from([("old".to_owned(), "1".to_owned())]);
        let head = "HTTP/1.1 303 See Other\r\nSet-Cookie: a=b; Path=/\r\nset-cookie: old=; Max-Age=0\r\n\r\n";
        Answer { status: 303, head, body: b"" }.keep_cookies(&mut jar);
        assert_eq!(jar, Jar::from([("a".to_owned(), "b".to_owned())]));
    }
}
