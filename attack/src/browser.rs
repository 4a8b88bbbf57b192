//! A browser as small as can be: HTTP/1.1 by hand over a connection that is kept, forms, and a jar for cookies. It follows no
//! redirect: where it is sent is part of the answer, and is judged.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::site::Site;

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of a page is bigger.
const MOST: usize = 4 << 20;

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Where it sends the browser; empty when it does not.
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// The page.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails unless it is a 303 to `path`.
    pub(crate) fn lands_on(&self, path: &str) -> Result<()> {
        if (self.status, self.location()) == (303, path) {
            return Ok(());
        }
        bail!("expected to land on {path}, got {} {}: {}", self.status, self.location(), self.words())
    }

    /// The words of the page, without its markup, as far as a message needs them.
    fn words(&self) -> String {
        let text = self.text();
        let main = text.split_once("<main").map_or(text.as_str(), |(_, main)| main);
        let words = main.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, words)| words.trim());
        words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ").chars().take(300).collect()
    }
}

/// A browser with its cookies.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) site: Site,
    /// The address a proxy would say that it has.
    pub(crate) from: Option<String>,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The value of every cookie that it ever got.
    pub(crate) tokens: Vec<String>,
    /// How long it waits for an answer.
    patience: Duration,
    stream: Option<TcpStream>,
}

impl Browser {
    pub(crate) fn new(site: &Site) -> Browser {
        Browser {
            site: site.clone(),
            from: None,
            cookies: BTreeMap::new(),
            tokens: Vec::new(),
            patience: PATIENCE,
            stream: None,
        }
    }

    /// The same, behind a proxy that says who it is.
    pub(crate) fn from(site: &Site, address: String) -> Browser {
        Browser { from: Some(address), ..Browser::new(site) }
    }

    /// The same, with less patience.
    pub(crate) fn with_patience(self, patience: Duration) -> Browser {
        Browser { patience, ..self }
    }

    /// Another browser that has stolen all cookies of this one.
    pub(crate) fn thief(&self) -> Browser {
        Browser { cookies: self.cookies.clone(), from: self.from.clone(), ..Browser::new(&self.site) }
    }

    /// Goes on with another process.
    pub(crate) fn moves_to(&mut self, site: &Site) {
        self.site = site.clone();
        self.stream = None;
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers());
        self.send(request.as_bytes())
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let request = self.form(path, fields);
        self.send(request.as_bytes())
    }

    /// A form as it goes over the wire.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let body = fields.join("&");
        format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.headers(),
            body.len()
        )
    }

    /// Opens the connection before it is needed.
    pub(crate) fn connect(&mut self) -> Result<()> {
        self.stream = Some(self.opened()?);
        Ok(())
    }

    fn opened(&self) -> Result<TcpStream> {
        let stream = connect(&self.site)?;
        stream.set_read_timeout(Some(self.patience))?;
        Ok(stream)
    }

    /// Sends what is a whole request already.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        let kept = self.stream.take();
        let was_kept = kept.is_some();
        let mut stream = match kept {
            Some(stream) => stream,
            None => self.opened()?,
        };
        let mut answer = exchange(&mut stream, request);
        // A connection that was kept may have been closed meanwhile. No answer has begun, so nothing is done twice unseen.
        if was_kept && matches!(answer, Ok(None) | Err(_)) {
            stream = self.opened()?;
            answer = exchange(&mut stream, request);
        }
        let answer = answer?.context("the connection was closed without an answer")?;
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
                self.tokens.push(value.to_owned());
            }
        }
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// `Host`, cookies, and the address.
    pub(crate) fn headers(&self) -> String {
        let mut headers = format!("Host: {}\r\n", self.site.host);
        if let Some(from) = &self.from {
            headers += &format!("X-Forwarded-For: {from}\r\n");
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers += &format!("Cookie: {}\r\n", pairs.join("; "));
        }
        headers
    }
}

/// A connection that does not wait for ever.
pub(crate) fn connect(site: &Site) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&site.address, PATIENCE)
        .with_context(|| format!("connecting to {}", site.address))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request and reads its answer; `None` when the other end has closed without a word.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<Option<Answer>> {
    // Who is refused early may still be writing: what was answered counts.
    let written = stream.write_all(request);
    let answer = read(stream);
    match (written, answer) {
        (_, Ok(Some(answer))) => Ok(Some(answer)),
        (Err(error), _) if is_closed(&error) => Ok(None),
        (Err(error), _) => Err(error).context("sending"),
        (Ok(()), answer) => answer,
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
    )
}

fn read(stream: &mut TcpStream) -> Result<Option<Answer>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if !more(stream, &mut bytes)? {
            return if bytes.is_empty() { Ok(None) } else { bail!("an answer that ends in its head") };
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.context("an answer without a status")?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body = bytes.split_off(head + 4);
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: Option<usize> = length.and_then(|(_, value)| value.parse().ok());
    let until_closed = length.is_none() && status != 204 && status != 304;
    while until_closed || body.len() < length.unwrap_or(0) {
        if !more(stream, &mut body)? {
            break;
        }
    }
    Ok(Some(Answer { status, headers, body }))
}

/// Reads a piece; false at the end.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<bool> {
    if bytes.len() > MOST {
        bail!("an answer of more than {MOST} bytes");
    }
    let mut piece = [0; 16 * 1024];
    match stream.read(&mut piece) {
        Ok(0) => Ok(false),
        Ok(count) => {
            bytes.extend_from_slice(&piece[..count]);
            Ok(true)
        }
        Err(error) if is_closed(&error) => Ok(false),
        Err(error) => Err(error).context("waiting for an answer"),
    }
}

/// Every byte that may mean something in a form, escaped.
pub(crate) fn percent(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
