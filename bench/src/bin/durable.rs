//! The least that a durable sign-in can be: `durable PORT FILE COUNT` answers a POST when one update and one insert are on disk. One
//! thread writes to SQLite, and whoever waits meanwhile shares the next commit. No code is judged, no budget kept, nothing sealed and
//! nothing recorded. Its people are `person0` and so on.

use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};

use auth::Random;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::routing::post;
use rusqlite::{Connection, params};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Those who share one commit, at most.
const TOGETHER: usize = 256;
const UPDATE: &str = "UPDATE users SET last_step = last_step + 1 WHERE name = ?1";
const INSERT: &str = "INSERT INTO sessions (token, name) VALUES (?1, ?2)";

/// Somebody who waits until their row is on disk.
struct Job {
    name: String,
    token: String,
    done: oneshot::Sender<bool>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, file, count] = words.as_slice() else {
        return Err("say on which port, where, and how many: durable PORT FILE COUNT".into());
    };
    let conn = open(file, count.parse()?)?;
    let (jobs, waiting) = channel();
    std::thread::spawn(move || write(conn, &waiting));
    let router = Router::new().route("/login", post(sign_in)).with_state(jobs);
    let listener = TcpListener::bind(("127.0.0.1", port.parse::<u16>()?)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

fn open(file: &str, count: i64) -> Result<Connection, Box<dyn Error>> {
    let conn = Connection::open(file)?;
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;")?;
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS users (name TEXT NOT NULL PRIMARY KEY, last_step INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS sessions (token TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL);",
    )?;
    let there: i64 = conn.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    if there < count {
        conn.execute_batch("BEGIN")?;
        let mut insert = conn.prepare("INSERT OR IGNORE INTO users VALUES (?1, 0)")?;
        for number in 0..count {
            insert.execute([format!("person{number}")])?;
        }
        drop(insert);
        conn.execute_batch("COMMIT")?;
    }
    Ok(conn)
}

/// Takes whoever waits, and commits once for all of them.
fn write(mut conn: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        jobs.extend(waiting.try_iter().take(TOGETHER - 1));
        let committed = commit(&mut conn, &jobs).is_ok();
        for job in jobs {
            // Whoever has gone meanwhile needs no answer.
            let _ = job.done.send(committed);
        }
    }
}

fn commit(conn: &mut Connection, jobs: &[Job]) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    for job in jobs {
        tx.prepare_cached(UPDATE)?.execute([&job.name])?;
        tx.prepare_cached(INSERT)?.execute(params![job.token, job.name])?;
    }
    tx.commit()
}

async fn sign_in(State(jobs): State<Sender<Job>>, body: String) -> (StatusCode, HeaderMap) {
    let name = body.split('&').find_map(|field| field.strip_prefix("username="));
    let Some(name) = name else { return (StatusCode::UNPROCESSABLE_ENTITY, HeaderMap::new()) };
    let token = Random::Os.token().reveal().as_str().to_owned();
    let (done, committed) = oneshot::channel();
    let job = Job { name: name.to_owned(), token: token.clone(), done };
    if jobs.send(job).is_err() || !committed.await.unwrap_or(false) {
        return (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new());
    }
    let mut headers = HeaderMap::new();
    if let Ok(cookie) = HeaderValue::from_str(&format!("session={token}; Path=/; HttpOnly")) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, headers)
}
