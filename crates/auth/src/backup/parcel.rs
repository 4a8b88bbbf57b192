//! How a backup is wrapped: a line that says what it is, a line that says whence, and then pieces of 64 KiB, each sealed under a key
//! that this file alone has.
//!
//! The key comes from the master key and from chance that stands in the second line, and is bound to that line: changed, it opens
//! nothing. Each piece is bound to its number, and the last one to being the last, so pieces that are missing, moved, repeated or added
//! are noticed as well as changed ones. That is the construction of Hoang, Reyhanitabar, Rogaway and Vizár (STREAM, 2015).

use std::io::{Read, Write};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use serde_json::{Value, json};
use sha2::Sha256;
use store::Time;
use zeroize::Zeroizing;

use crate::clock::{moment, timestamp};
use crate::master_key::Key;
use crate::random::Random;
use crate::{Error, Result};

const MAGIC: &str = "latchkey backup ";
/// The version of the format.
const FORMAT: &str = "1";
/// Bytes of a piece before it is sealed, and what sealing adds.
const PIECE: usize = 64 << 10;
const TAG: usize = 16;
/// More than any second line has, and than any line within.
const LONGEST_HEAD: usize = 1024;
const LONGEST_LINE: usize = 64 << 20;

/// What the beginning of a backup says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it was begun: what it holds is of that moment.
    pub at: Time,
    /// The schema of the database.
    pub schema: i64,
    /// Which engine it came from.
    pub engine: String,
    /// The version of the program that wrote it.
    pub program: String,
}

/// The key of one file, and what shows that it comes from the right master key.
fn derive(key: &Key, salt: &[u8], purpose: &[&[u8]]) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), &**key)
        .expand_multi_info(purpose, &mut *derived)
        .expect("32 bytes are fewer than HKDF can give");
    derived
}

fn check_of(key: &Key, salt: &[u8]) -> String {
    BASE64.encode(&derive(key, salt, &[b"latchkey/1/backup check"])[..16])
}

fn cipher_of(key: &Key, salt: &[u8], head: &[u8]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*derive(key, salt, &[b"latchkey/1/backup body", head])).into())
}

fn nonce(number: u64, last: bool) -> XNonce {
    let mut nonce = [0; 24];
    nonce[15..23].copy_from_slice(&number.to_be_bytes());
    nonce[23] = u8::from(last);
    nonce.into()
}

/// Wraps what it is given.
pub(crate) struct Wrapper {
    out: Box<dyn Write + Send>,
    cipher: XChaCha20Poly1305,
    plain: Zeroizing<Vec<u8>>,
    number: u64,
    /// Bytes that were written.
    pub(crate) bytes: u64,
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Refused(format!("the backup is not complete, since it could not be written: {error}"))
}

impl Wrapper {
    pub(crate) fn new(
        out: Box<dyn Write + Send>,
        key: &Key,
        random: &Random,
        head: &Head,
    ) -> Result<Wrapper> {
        let salt = random.bytes::<32>();
        let line = json!({
            "at": timestamp(head.at),
            "check": check_of(key, &*salt),
            "engine": head.engine,
            "program": head.program,
            "salt": BASE64.encode(&*salt),
            "schema": head.schema,
        });
        let line = format!("{line}\n");
        let cipher = cipher_of(key, &*salt, line.as_bytes());
        let plain = Zeroizing::new(Vec::with_capacity(PIECE));
        let mut wrapper = Wrapper { out, cipher, plain, number: 0, bytes: 0 };
        wrapper.put(format!("{MAGIC}{FORMAT}\n").as_bytes())?;
        wrapper.put(line.as_bytes())?;
        Ok(wrapper)
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<()> {
        self.add(line.as_bytes())?;
        self.add(b"\n")
    }

    fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // A full piece waits until there is more: the last one is sealed otherwise.
            if self.plain.len() == PIECE {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> Result<()> {
        let sealed = self.cipher.encrypt(&nonce(self.number, last), self.plain.as_slice());
        let sealed = sealed.map_err(|_| Error::broken(anyhow::anyhow!("sealing a backup failed")))?;
        self.plain.clear();
        self.number += 1;
        self.put(&sealed)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(unwritten)
    }

    /// Wraps the last piece. Without it the file is none.
    pub(crate) fn end(mut self) -> Result<u64> {
        self.seal(true)?;
        self.out.flush().map_err(unwritten)?;
        Ok(self.bytes)
    }
}

/// Unwraps it again. Nothing that it answers was changed by anybody; that nothing is missing is known when it has ended.
pub(crate) struct Unwrapper {
    source: Box<dyn Read + Send>,
    cipher: XChaCha20Poly1305,
    /// A piece that is still sealed. Whether it is the last shows when the next one is read.
    sealed: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    /// How much of it was answered.
    at: usize,
    number: u64,
    ended: bool,
    /// Where in the file the sealed piece begins.
    place: u64,
    /// What the beginning says.
    pub(crate) head: Head,
}

impl Unwrapper {
    /// Reads the beginning.
    pub(crate) fn new(mut source: Box<dyn Read + Send>, key: &Key) -> Result<Unwrapper> {
        let none = || Error::Refused("this is no backup of Latchkey: it does not begin like one".to_owned());
        let first = head_line(&mut source)?.ok_or_else(none)?;
        let format = first.strip_prefix(MAGIC).ok_or_else(none)?.trim_end();
        if format != FORMAT {
            return Err(Error::Refused(format!(
                "this backup has the format {}, and this program knows {FORMAT}: use the newer Latchkey that wrote it",
                crate::plain::line(format)
            )));
        }
        let changed = || Error::Refused("the second line of this backup was changed".to_owned());
        let line = head_line(&mut source)?.ok_or_else(changed)?;
        let (head, salt, check) = read_head(&line).ok_or_else(changed)?;
        if check != check_of(key, &salt) {
            return Err(Error::Refused(
                "the master key that is here is not the one of the server that wrote this backup: put that one into the data \
                 directory as master.key, or into the setting master_key. (The same is seen when the second line of the backup was changed.)"
                    .to_owned(),
            ));
        }
        let place = (first.len() + line.len()) as u64;
        let mut unwrapper = Unwrapper {
            cipher: cipher_of(key, &salt, line.as_bytes()),
            sealed: Vec::new(),
            plain: Zeroizing::default(),
            at: 0,
            number: 0,
            ended: false,
            place,
            source,
            head,
        };
        unwrapper.sealed = unwrapper.read()?;
        Ok(unwrapper)
    }

    /// The next line, without its end. `None` at the end of a file that is whole.
    pub(crate) fn line(&mut self) -> Result<Option<Zeroizing<String>>> {
        let mut line = Zeroizing::new(Vec::new());
        loop {
            let rest = &self.plain[self.at..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(&rest[..end]);
                self.at += end + 1;
                let text = std::str::from_utf8(&line).map_err(|_| odd("a line is no text"))?;
                return Ok(Some(Zeroizing::new(text.to_owned())));
            }
            line.extend_from_slice(rest);
            self.at = self.plain.len();
            if line.len() > LONGEST_LINE {
                return Err(odd("a line is too long"));
            }
            if self.ended {
                return if line.is_empty() { Ok(None) } else { Err(odd("its last line has no end")) };
            }
            self.open()?;
        }
    }

    fn open(&mut self) -> Result<()> {
        let next = self.read()?;
        let last = next.is_empty();
        let opened = self.cipher.decrypt(&nonce(self.number, last), self.sealed.as_slice());
        let Ok(plain) = opened else { return Err(self.damage(last)) };
        self.plain = Zeroizing::new(plain);
        self.at = 0;
        self.number += 1;
        self.place += self.sealed.len() as u64;
        self.ended = last;
        self.sealed = next;
        Ok(())
    }

    /// What was done to a piece that does not open.
    fn damage(&self, last: bool) -> Error {
        let (from, to) = (self.place, self.place + self.sealed.len() as u64);
        let opens_otherwise = self.cipher.decrypt(&nonce(self.number, !last), self.sealed.as_slice()).is_ok();
        Error::Refused(match (opens_otherwise, last) {
            (true, true) => format!("this backup is not whole: it was cut off after {to} bytes"),
            (true, false) => format!("something was added to this backup after its end, at byte {to}"),
            (false, true) => {
                format!(
                    "this backup is not whole: it was changed or cut off after byte {from}, in its last piece"
                )
            }
            (false, false) => format!("this backup was changed, somewhere between the bytes {from} and {to}"),
        })
    }

    /// The next sealed piece; empty at the end.
    fn read(&mut self) -> Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE + TAG);
        let most = (PIECE + TAG) as u64;
        (&mut self.source).take(most).read_to_end(&mut piece).map_err(unread)?;
        Ok(piece)
    }
}

fn unread(error: std::io::Error) -> Error {
    Error::Refused(format!("the backup cannot be read: {error}"))
}

/// What stands in a backup that opens, and was never written by us.
pub(crate) fn odd(what: &str) -> Error {
    Error::Refused(format!("this backup was written by another build, and cannot be read: {what}"))
}

/// A line of the beginning with its end; `None` when there is none.
fn head_line(source: &mut dyn Read) -> Result<Option<String>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LONGEST_HEAD && !line.ends_with(b"\n") {
        match source.read(&mut byte).map_err(unread)? {
            0 => break,
            _ => line.push(byte[0]),
        }
    }
    Ok(String::from_utf8(line).ok().filter(|line| line.ends_with('\n')))
}

fn read_head(line: &str) -> Option<(Head, Vec<u8>, String)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let head = Head {
        at: moment(text("at")?, Time::from_millis(0)).ok()?,
        schema: value.get("schema")?.as_i64()?,
        engine: text("engine")?.to_owned(),
        program: text("program")?.to_owned(),
    };
    Some((head, BASE64.decode(text("salt")?.as_bytes()).ok()?, text("check")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn head() -> Head {
        let (engine, program) = ("SQLite".to_owned(), "0".to_owned());
        Head { at: Time::from_millis(1_790_000_010_000), schema: 8, engine, program }
    }

    fn wrapped(lines: &[String]) -> Vec<u8> {
        let paper = Paper::default();
        let out = Box::new(paper.clone());
        let mut wrapper = Wrapper::new(out, &Key::new([7; 32]), &Random::seeded(1), &head()).unwrap();
        for line in lines {
            wrapper.line(line).unwrap();
        }
        let bytes = wrapper.end().unwrap();
        let written = paper.0.lock().unwrap().clone();
        assert_eq!(bytes, written.len() as u64);
        written
    }

    fn unwrapped(bytes: &[u8], key: u8) -> Result<Vec<String>, String> {
        let source = Box::new(std::io::Cursor::new(bytes.to_vec()));
        let read = || -> Result<Vec<String>> {
            let mut unwrapper = Unwrapper::new(source, &Key::new([key; 32]))?;
            let mut lines = Vec::new();
            while let Some(line) = unwrapper.line()? {
                lines.push(line.to_string());
            }
            // What the beginning says is believed when the rest has opened.
            assert_eq!(unwrapper.head, head());
            Ok(lines)
        };
        read().map_err(|e| e.to_string())
    }

    #[test]
    fn what_was_wrapped_is_unwrapped_however_long_it_is() {
        for long in [0, 1, PIECE - 2, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE - 1, 3 * PIECE + 5] {
            let lines = ["x".repeat(long), String::new(), "y".to_owned()];
            assert_eq!(unwrapped(&wrapped(&lines), 7).unwrap(), lines, "{long}");
        }
        assert_eq!(unwrapped(&wrapped(&[]), 7).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_ends_anywhere_else_is_refused() {
        let whole = wrapped(&["x".repeat(2 * PIECE + 100)]);
        let places = [0, 1, 17, 18, 40, 300, 301, PIECE, 2 * PIECE, whole.len() - 1];
        let body = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
        let pieces = [body, body + PIECE + TAG, body + 2 * (PIECE + TAG)];
        for place in places.into_iter().chain(pieces) {
            assert!(unwrapped(&whole[..place], 7).is_err(), "{place}");
        }
        let cut = unwrapped(&whole[..pieces[1]], 7).unwrap_err();
        assert!(cut.contains(&format!("cut off after {} bytes", pieces[1])), "{cut}");
    }

    #[test]
    fn a_byte_that_is_another_is_noticed_wherever_it_is() {
        let whole = wrapped(&["x".repeat(PIECE + 100)]);
        let near = (0..600).chain(PIECE..whole.len());
        for place in near {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(unwrapped(&changed, 7).is_err(), "{place}");
        }
    }

    #[test]
    fn pieces_that_are_moved_or_repeated_or_added_are_noticed() {
        let whole = wrapped(&["x".repeat(3 * PIECE)]);
        let body = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
        let (head, pieces) = whole.split_at(body);
        let pieces: Vec<&[u8]> = pieces.chunks(PIECE + TAG).collect();
        assert_eq!(pieces.len(), 4);
        for order in [vec![1, 0, 2, 3], vec![0, 0, 1, 2, 3], vec![0, 2, 3], vec![0, 1, 2, 3, 3], vec![3]] {
            let moved = order.iter().fold(head.to_vec(), |all, at| [&all, pieces[*at]].concat());
            assert!(unwrapped(&moved, 7).is_err(), "{order:?}");
        }
        let longer = unwrapped(&[&whole[..], b"x"].concat(), 7).unwrap_err();
        assert!(longer.contains("changed or cut off") || longer.contains("added"), "{longer}");
    }

    #[test]
    fn another_key_and_another_format_are_said() {
        let whole = wrapped(&[]);
        let refused = unwrapped(&whole, 8).unwrap_err();
        assert!(refused.contains("master key that is here is not the one"), "{refused}");
        let newer = [b"latchkey backup 2\n", &whole[18..]].concat();
        assert!(unwrapped(&newer, 7).unwrap_err().contains("format 2"));
        assert!(unwrapped(b"SQLite format 3\0", 7).unwrap_err().contains("no backup of Latchkey"));
    }
}
