//! A proxy of the wire of PostgreSQL that does harm: it refuses as an engine does that cannot serialize, cuts an answer off after
//! the COMMIT was done, lets wait, and breaks connections in the middle of anything. What is tried with it is in `storm.rs`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client sends before anything else that is no start: whether TLS is spoken here, and whether GSSAPI is.
const ASKS_FOR_SECRECY: [u32; 2] = [80_877_103, 80_877_104];
/// The largest message that is believed.
const LONGEST: usize = 16 << 20;
/// Makes the engine fail as it does when it cannot serialize: it knows itself that the transaction is over.
const FAIL: &str = "DO $$ BEGIN RAISE EXCEPTION 'as the proxy wishes' USING ERRCODE = '40001'; END $$";

/// How often, of a thousand times, something happens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// 40001 instead of a statement.
    pub(crate) refused: u64,
    /// 40001 instead of a COMMIT, which is rolled back.
    pub(crate) commits_refused: u64,
    /// The connection ends after a COMMIT that was done, before the client hears of it.
    pub(crate) answers_cut: u64,
    /// Between 50 ms and 3 s pass before anything.
    pub(crate) pauses: u64,
    /// The connection ends in the middle of anything.
    pub(crate) resets: u64,
}

/// How often it happened.
#[derive(Debug, Default)]
pub(crate) struct Harm {
    refused: AtomicUsize,
    commits_refused: AtomicUsize,
    answers_cut: AtomicUsize,
    pauses: AtomicUsize,
    resets: AtomicUsize,
}

impl Harm {
    /// In the order of [`Weather`].
    pub(crate) fn counts(&self) -> [usize; 5] {
        [&self.refused, &self.commits_refused, &self.answers_cut, &self.pauses, &self.resets]
            .map(|count| count.load(Ordering::SeqCst))
    }
}

/// A proxy that runs. Dropping it ends it, and leaves its connections to themselves.
pub(crate) struct PostgresProxy {
    address: SocketAddr,
    sky: Arc<Sky>,
}

struct Sky {
    weather: Mutex<Weather>,
    harm: Harm,
    seed: u64,
    connections: AtomicU64,
    over: AtomicBool,
    /// The socket of the server.
    server: PathBuf,
}

impl PostgresProxy {
    /// Before the database at this URL, which says a directory with a socket. It harms nobody yet.
    pub(crate) fn before(url: &str, seed: u64) -> PostgresProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sky = Arc::new(Sky {
            weather: Mutex::default(),
            harm: Harm::default(),
            seed,
            connections: AtomicU64::new(0),
            over: AtomicBool::new(false),
            server: socket_of(url),
        });
        let proxy = PostgresProxy { address: listener.local_addr().unwrap(), sky: sky.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if sky.over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), sky) = (client, sky.clone()) else { continue };
                let number = sky.connections.fetch_add(1, Ordering::SeqCst);
                // Whatever ends a connection ends it for both, by dropping them.
                std::thread::spawn(move || carry(&sky, client, number));
            }
        });
        proxy
    }

    /// The same database by way of this proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
        format!("postgres://postgres@{}/{name}?sslmode=disable", self.address)
    }

    /// From now on it is like this.
    pub(crate) fn turns(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap() = weather;
    }

    pub(crate) fn harm(&self) -> &Harm {
        &self.sky.harm
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.sky.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Where the server's socket is, by a URL that names its directory.
fn socket_of(url: &str) -> PathBuf {
    let value = |key: &str| {
        let (_, query) = url.split_once('?').expect("the URL names a socket");
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.replace("%2F", "/"));
        found.next_back().unwrap_or_else(|| panic!("the URL says `{key}`"))
    };
    PathBuf::from(value("host")).join(format!(".s.PGSQL.{}", value("port")))
}

/// What a client asks for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// What may fail because the engine cannot serialize it.
    Statement,
    Commit,
    /// What begins or undoes a transaction, prepares, or sets something.
    Other,
    Goodbye,
}

/// Everything up to where the client waits for an answer.
struct Batch {
    bytes: Vec<u8>,
    asked: Asked,
}

/// Carries all that is said between a client and the server, until one of them goes or the weather takes it.
fn carry(sky: &Sky, mut client: TcpStream, connection: u64) -> io::Result<()> {
    let mut server = UnixStream::connect(&sky.server)?;
    client.set_nodelay(true)?;
    let start = start_of(&mut client)?;
    server.write_all(&start)?;
    let (welcome, mut state) = answer_of(&mut server)?;
    client.write_all(&welcome)?;
    for number in 0.. {
        let batch = batch_of(&mut client)?;
        let chance = Chance(mix(sky.seed ^ mix(connection << 32 | number)));
        state = sky.pass(&batch, state, chance, (&mut client, &mut server))?;
        if batch.asked == Asked::Goodbye {
            break;
        }
    }
    Ok(())
}

impl Sky {
    /// Passes a batch and its answer on, or does what the weather does. Answers the state of the transaction.
    fn pass(
        &self,
        batch: &Batch,
        state: u8,
        mut chance: Chance,
        (client, server): (&mut TcpStream, &mut UnixStream),
    ) -> io::Result<u8> {
        let weather = *self.weather.lock().unwrap();
        if chance.comes(weather.pauses) {
            count(&self.harm.pauses);
            std::thread::sleep(Duration::from_millis(50 + chance.below(2950)));
        }
        if chance.comes(weather.resets) {
            count(&self.harm.resets);
            return breaks(batch, &mut chance, (client, server));
        }
        // In a transaction that has failed already the engine says so, and nothing else.
        let whole = state != b'E';
        if batch.asked == Asked::Statement && whole && chance.comes(weather.refused) {
            count(&self.harm.refused);
            server.write_all(&query(FAIL))?;
        } else if batch.asked == Asked::Commit && whole && chance.comes(weather.commits_refused) {
            count(&self.harm.commits_refused);
            server.write_all(&query("ROLLBACK"))?;
            answer_of(server)?;
            client.write_all(&refusal())?;
            return Ok(b'I');
        } else {
            server.write_all(&batch.bytes)?;
        }
        if batch.asked == Asked::Goodbye {
            return Ok(state);
        }
        let (answer, state) = answer_of(server)?;
        if batch.asked == Asked::Commit && whole && chance.comes(weather.answers_cut) {
            count(&self.harm.answers_cut);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        client.write_all(&answer)?;
        Ok(state)
    }
}

/// The connection ends: before the server hears anything, in the middle of it, or in the middle of its answer.
fn breaks(
    batch: &Batch,
    chance: &mut Chance,
    (client, server): (&mut TcpStream, &mut UnixStream),
) -> io::Result<u8> {
    match chance.below(3) {
        0 => {}
        1 => server.write_all(&batch.bytes[..batch.bytes.len() / 2])?,
        _ => {
            server.write_all(&batch.bytes)?;
            let (answer, _) = answer_of(server)?;
            client.write_all(&answer[..answer.len() / 2])?;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    Err(io::ErrorKind::ConnectionReset.into())
}

fn count(of: &AtomicUsize) {
    of.fetch_add(1, Ordering::SeqCst);
}

/// The first message, after a no to whoever wants to speak in secret.
fn start_of(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head)?;
        let [length, code] =
            [&head[..4], &head[4..]].map(|part| u32::from_be_bytes(part.try_into().unwrap()));
        if ASKS_FOR_SECRECY.contains(&code) {
            client.write_all(b"N")?;
            continue;
        }
        let mut start = head.to_vec();
        start.resize(usize::try_from(length).unwrap().clamp(8, LONGEST), 0);
        client.read_exact(&mut start[8..])?;
        return Ok(start);
    }
}

/// One message: its letter, and all its bytes.
fn message(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut bytes = vec![0; 5];
    from.read_exact(&mut bytes)?;
    let length = usize::try_from(u32::from_be_bytes(bytes[1..].try_into().unwrap())).unwrap();
    bytes.resize((length + 1).clamp(5, LONGEST), 0);
    from.read_exact(&mut bytes[5..])?;
    Ok((bytes[0], bytes))
}

fn batch_of(client: &mut TcpStream) -> io::Result<Batch> {
    let (mut bytes, mut asked) = (Vec::new(), Asked::Other);
    loop {
        let (letter, said) = message(client)?;
        bytes.extend_from_slice(&said);
        match letter {
            b'Q' => return Ok(Batch { bytes, asked: of_text(&said[5..]) }),
            // Execute; everything else of the extended way only prepares.
            b'E' => asked = Asked::Statement,
            b'S' => return Ok(Batch { bytes, asked }),
            b'X' => return Ok(Batch { bytes, asked: Asked::Goodbye }),
            _ => {}
        }
    }
}

fn of_text(text: &[u8]) -> Asked {
    let text = String::from_utf8_lossy(text);
    match text.trim_end_matches('\0').trim_start().split([' ', ';']).next().unwrap_or("") {
        "COMMIT" => Asked::Commit,
        "BEGIN" | "ROLLBACK" | "SET" | "" => Asked::Other,
        _ => Asked::Statement,
    }
}

/// Everything up to where the server waits for the client, and the state of the transaction: `I`, `T`, or `E` when it failed.
fn answer_of(server: &mut UnixStream) -> io::Result<(Vec<u8>, u8)> {
    let mut bytes = Vec::new();
    loop {
        let (letter, said) = message(server)?;
        bytes.extend_from_slice(&said);
        if letter == b'Z' {
            return Ok((bytes, said[5]));
        }
    }
}

fn sent(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[letter], &length[..], body].concat()
}

fn query(text: &str) -> Vec<u8> {
    sent(b'Q', &[text.as_bytes(), b"\0"].concat())
}

/// What an engine says that could not serialize, and has undone everything.
fn refusal() -> Vec<u8> {
    let fields = b"SERROR\0VERROR\0C40001\0Mcould not serialize access, as the proxy wishes\0\0";
    [sent(b'E', fields), sent(b'Z', b"I")].concat()
}

/// What is drawn for one message: the same for the same seed, connection and number.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % limit
    }

    fn comes(&mut self, of_a_thousand: u64) -> bool {
        self.below(1000) < of_a_thousand
    }
}

/// The generator that is called SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[test]
fn the_same_seed_draws_the_same_harm() {
    let drawn = |seed: u64| -> Vec<bool> {
        (0..200).map(|number| Chance(mix(seed ^ mix(number))).comes(200)).collect()
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    let often = drawn(7).into_iter().filter(|comes| *comes).count();
    assert!((20..60).contains(&often), "{often} of 200, at 200 of a thousand");
}
